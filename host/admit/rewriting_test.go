package admit_test

import (
	"context"
	"testing"

	"github.com/tetratelabs/wazero"

	"github.com/cerberus-host/cerberus/abi"
	"github.com/cerberus-host/cerberus/host/admit"
	w "github.com/cerberus-host/cerberus/host/wasmtest"
)

// TestAdmittedModulesAreValid: the runtime accepts each module that admission lets through,
// as it came and as it was rewritten, and the author's code is never made valid by what was
// put in. The modules are every one-bit change of one that has most kinds of operators.
func TestAdmittedModulesAreValid(t *testing.T) {
	ctx := context.Background()
	m := w.Brain(nil, nil, nil)
	m.TableSize, m.Elements = 2, []int{1, 2}
	log := m.Import(w.Import{
		Module: abi.ImportModule, Name: "log", Params: w.I32 + w.I32, Results: w.I32,
	})
	m.Functions[1].Locals = []byte{1, 2, 0x7f}
	m.Functions[1].Body = w.Cat(w.Call(4),
		w.I32Const(0), w.I32Const(1), w.I32Const(9), []byte{0xfc, 11, 0},
		[]byte{0x02, 0x40, 0x41, 1, 0x0d, 0, 0x03, 0x7f, 0x41, 5, 0x0b, 0x1a, 0x0b},
		[]byte{0x20, 1, 0x40, 0, 0x21, 0}, // a grow with a value on the stack
		w.I32Const(0), w.I32Const(2), w.Call(log), []byte{0x1a},
		w.I32Const(0), []byte{0x0e, 1, 0, 0, 0x00})
	m.Functions[2].Body = w.Cat(w.I32Const(3), []byte{0x11, 1, 0})
	plain := m.Bytes()
	rt := wazero.NewRuntimeWithConfig(ctx, wazero.NewRuntimeConfigInterpreter())
	defer rt.Close(ctx)
	accepts := func(module []byte) bool {
		c, err := rt.CompileModule(ctx, module)
		if err == nil {
			_ = c.Close(ctx)
		}
		return err == nil
	}
	admitted := 0
	for bit := range 8 * len(plain) {
		changed := w.Cat(plain)
		changed[bit/8] ^= 1 << (bit % 8)
		file, err := abi.AttachManifest(changed, w.Manifest())
		if err != nil {
			continue
		}
		a, err := admit.Admit(file)
		if err != nil {
			continue
		}
		admitted++
		if before, after := accepts(file), accepts(a.Code); !before || !after {
			t.Errorf("byte %d, bit %d: valid %t before, %t after", bit/8, bit%8, before, after)
		}
	}
	if admitted == 0 {
		t.Error("no module is admitted: the test says nothing")
	}
	t.Logf("%d modules admitted", admitted)
}
