//go:build slow

package runtime_test

import (
	"testing"
	"time"

	"github.com/cerberus-host/cerberus/host/admit"
	"github.com/cerberus-host/cerberus/host/runtime"
	w "github.com/cerberus-host/cerberus/host/wasmtest"
)

// TestCompileTimeAtTheLimits: modules that sit at admission's limits, each the worst of its
// kind that was found. Compiling cannot be stopped, so it must be over soon: none takes much
// longer than ten seconds on two idle cores.
func TestCompileTimeAtTheLimits(t *testing.T) {
	const patience = time.Minute
	zero := w.I32Const(0)
	table := w.Cat(zero, []byte{0x0e}, w.U32(4096), w.Repeat([]byte{0}, 4097))
	deep := admit.NestingMax - 1
	thousand := w.Cat([]byte{1}, w.U32(admit.LocalsMax), []byte{0x7f})
	for _, c := range []struct {
		name   string
		count  int
		locals []byte
		body   []byte
	}{
		{"branch tables", 40, nil, w.Repeat(w.Cat([]byte{2, 0x40}, table, []byte{0x0b}), 3)},
		{"nested loops", 15, nil, w.Cat(w.Repeat([]byte{3, 0x40}, deep), w.Repeat([]byte{0x0b}, deep))},
		{"ifs", 60, nil, w.Repeat(w.Cat(zero, []byte{4, 0x40, 0x0b}), 1000)},
		{"large ifs", 3, nil, w.Repeat(w.Cat(zero, []byte{4, 0x40, 0x0b}), 4000)},
		{"ifs by locals", 20, thousand, w.Repeat(w.Cat(zero, []byte{4, 0x40, 0x0b}), 990)},
		{"fills", 3, nil, w.Repeat(w.Cat(zero, zero, zero, []byte{0xfc, 11, 0}), 1000)},
		{"loads", 60, nil, w.Repeat(w.Cat(zero, []byte{0x28, 0, 0, 0x1a}), 21_000)},
		{"functions", admit.FunctionsMax - 4, nil, w.Call(0)},
		{"deep stack", 60, nil, w.Cat(w.Repeat(zero, 43_000), w.Repeat([]byte{0x1a}, 43_000))},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := w.Brain(nil, nil, nil)
			for range c.count {
				m.Functions = append(m.Functions, w.Function{Locals: c.locals, Body: c.body})
			}
			file := w.Attach(t, m.Bytes())
			start := time.Now()
			load(t, newRuntime(t, runtime.Config{}), file)
			took := time.Since(start)
			t.Logf("%d bytes in %v", len(file), took)
			if took > patience {
				t.Errorf("compiling took %v", took)
			}
		})
	}
}
