package admit_test

import (
	"bytes"
	"context"
	"fmt"
	"testing"

	"github.com/tetratelabs/wazero"

	"github.com/cerberus-host/cerberus/abi"
	"github.com/cerberus-host/cerberus/host/admit"
	"github.com/cerberus-host/cerberus/host/admit/meter"
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

// TestIndicesOfWhatIsPutIn: metering adds a function, globals, types, exports and locals. Code
// that names them has to be refused, though it would be valid behind the metering: a guest
// that writes the first global after its own would fill up its own gas.
func TestIndicesOfWhatIsPutIn(t *testing.T) {
	drop := []byte{0x1a}
	for n := range 6 { // the first index that is not there, and those behind it
		for _, c := range []struct {
			name, section, text string
			change              func(m *w.Module)
		}{
			{"read a global", "code", "global.get: global", func(m *w.Module) {
				m.Functions[2].Body = w.Cat([]byte{0x23}, w.U32(n), drop)
			}},
			{"write a global", "code", "global.set: global", func(m *w.Module) {
				m.Functions[2].Body = w.Cat([]byte{0x42, 0x7f, 0x24}, w.U32(n))
			}},
			{"call", "code", "call: function", func(m *w.Module) {
				m.Functions[2].Body = w.Call(4 + n)
			}},
			{"reference", "code", "ref.func: function", func(m *w.Module) {
				m.Functions[2].Body = w.Cat([]byte{0xd2}, w.U32(4+n), drop)
			}},
			{"type of a call", "code", "call_indirect: type", func(m *w.Module) {
				m.TableSize = 1
				m.Functions[2].Body = w.Cat(w.I32Const(0), []byte{0x11}, w.U32(1+n), []byte{0})
			}},
			{"type of a block", "code", "block: type", func(m *w.Module) {
				m.Functions[2].Body = w.Cat([]byte{0x02}, w.U32(1+n), []byte{0x0b})
			}},
			{"local", "code", "there is no local", func(m *w.Module) {
				m.Functions[2].Body = w.Cat([]byte{0x20}, w.U32(n), drop, w.Call(0))
			}},
			{"label", "code", "label", func(m *w.Module) {
				m.Functions[2].Body = w.Cat(w.Call(0), []byte{0x0c}, w.U32(1+n))
			}},
			{"element", "element", "function", func(m *w.Module) {
				m.TableSize, m.Elements = 1, []int{4 + n}
			}},
			{"export of a global", "export", "global", func(m *w.Module) {
				m.Exports = append(m.Exports, w.Export{Name: "g", Kind: 3, Index: n})
			}},
			{"export of a function", "export", "function", func(m *w.Module) {
				m.Exports = append(m.Exports, w.Export{Name: "f", Index: 4 + n})
			}},
		} {
			m := w.Brain(nil, nil, nil)
			c.change(m)
			t.Run(fmt.Sprintf("%s %d", c.name, n), func(t *testing.T) {
				refused(t, w.Attach(t, m.Bytes()), c.section, c.text)
			})
		}
	}
}

// TestReservedNames: a module can neither call for gas itself nor stand in the way of what
// metering exports.
func TestReservedNames(t *testing.T) {
	m := w.Brain(nil, nil, nil)
	m.Import(w.Import{Module: meter.ImportModule, Name: meter.ImportRefill})
	refused(t, w.Attach(t, m.Bytes()), "import", "is not there")
	for _, name := range []string{
		meter.ExportGas, meter.ExportDepth, meter.ExportGlobalPrefix + "0", meter.ReservedPrefix,
	} {
		m := w.Brain(nil, nil, nil)
		m.Exports = append(m.Exports, w.Export{Name: name})
		refused(t, w.Attach(t, m.Bytes()), "export", "rename it")
	}
	m = w.Brain(nil, nil, nil)
	m.Exports = append(m.Exports, w.Export{Name: "cerberus"})
	if _, err := admit.Admit(w.Attach(t, m.Bytes())); err != nil {
		t.Error(err)
	}
}

// TestRestorable: what decides whether an instance can serve again.
func TestRestorable(t *testing.T) {
	segment := w.Section(11, w.Cat([]byte{1, 1, 1, 'x'}))
	module := func(body []byte) []byte {
		whole := w.Brain(nil, body, nil).Bytes()
		code := bytes.LastIndex(whole, []byte{10, byte(len(body) + 13), 4})
		return w.Attach(t, w.Cat(whole[:code], w.Section(12, []byte{1}), whole[code:], segment))
	}
	for name, c := range map[string]struct {
		body []byte
		want bool
	}{
		"copies a segment": {w.Cat(w.I32Const(0), w.I32Const(0), w.I32Const(1), []byte{0xfc, 8, 0, 0}), true},
		"drops a segment":  {[]byte{0xfc, 9, 0}, false},
	} {
		m, err := admit.Admit(module(c.body))
		if err != nil || m.Restorable != c.want {
			t.Errorf("%s: %+v, %v", name, m, err)
		}
	}
}
