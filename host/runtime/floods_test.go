package runtime_test

import (
	"context"
	"errors"
	"testing"

	"github.com/cerberus-host/cerberus/host/runtime"
	w "github.com/cerberus-host/cerberus/host/wasmtest"
)

// TestFloodsUseUpGas: a guest that lets the host work, by calls, by lengths or by lengths that
// lie in its memory, has soon used up its gas, and the same gas in both engines.
func TestFloodsUseUpGas(t *testing.T) {
	const allowance, pages = 1 << 24, 1_024
	for _, c := range []struct {
		name, params, results string
		call                  []byte
		calls                 int
	}{
		{"sched_yield", "", w.I32, nil, allowance / 200},
		{"random_get", w.I32 + w.I32, w.I32, w.Cat(w.I32Const(0), w.I32Const(pages<<16-1)), 1},
		{"random_get", w.I32 + w.I32, w.I32, w.Cat(w.I32Const(0), w.I32Const(1<<16)), 64},
		{
			// The second of two buffers, whose lengths lie at 1 MB, is all of the memory.
			"fd_write", w.I32 + w.I32 + w.I32 + w.I32, w.I32,
			w.Cat(w.I32Const(1), w.I32Const(1<<20), w.I32Const(2), w.I32Const(0)), 1,
		},
		{
			"poll_oneoff", w.I32 + w.I32 + w.I32 + w.I32, w.I32,
			w.Cat(w.I32Const(0), w.I32Const(1<<20), w.I32Const(64), w.I32Const(8)), allowance / 5_000,
		},
	} {
		m := w.Brain(nil, nil, nil)
		i := m.Import(w.Import{
			Module: "wasi_snapshot_preview1", Name: c.name, Params: c.params, Results: c.results,
		})
		m.MemoryPages = pages
		m.Functions[2].Body = w.Cat([]byte{0x03, 0x40}, c.call, w.Call(i), []byte{0x1a, 0x0c, 0, 0x0b})
		m.Extra = append(m.Extra, w.Section(11, []byte{1, 0}, w.I32Const(1<<20+12), []byte{0x0b},
			w.Name("\x00\x00\x00\x04")))
		for _, interpreter := range []bool{false, true} {
			config, last := observed(runtime.Config{Interpreter: interpreter, GasMax: allowance})
			mod := load(t, newRuntime(t, config), w.Attach(t, m.Bytes()))
			_, err := mod.RunInfer(context.Background(), mode(t, "plain"))
			if !errors.Is(err, runtime.ErrGas) || last.Gas != allowance {
				t.Errorf("%s: %d units, error %v", c.name, last.Gas, err)
			}
			if last.HostCalls > c.calls || len(last.Log) > 0 || last.LogDropped > 0 {
				t.Errorf("%s: %d calls, %d bytes of log, %d dropped", c.name, last.HostCalls,
					len(last.Log), last.LogDropped)
			}
		}
	}
}
