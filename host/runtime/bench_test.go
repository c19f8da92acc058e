package runtime_test

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"github.com/cerberus-host/cerberus/abi"
	"github.com/cerberus-host/cerberus/host/runtime"
	w "github.com/cerberus-host/cerberus/host/wasmtest"
)

// BenchmarkHostCall is one call of a host function from guest code, the loop around it
// included.
func BenchmarkHostCall(b *testing.B) {
	const perRun = 100_000
	r := newRuntime(b, runtime.Config{})
	m := w.Brain(nil, nil, nil)
	i := m.Import(w.Import{
		Module: abi.ImportModule, Name: "log", Params: w.I32 + w.I32, Results: w.I32,
	})
	// Ten calls a turn; the loop's own cost is a tenth of a turn's.
	calls := w.Repeat(w.Cat(w.I32Const(0), w.I32Const(0), w.Call(i), []byte{0x1a}), 10)
	m.Functions[1].Locals = []byte{1, 1, 0x7f}
	m.Functions[1].Body = w.Cat([]byte{0x03, 0x40}, calls,
		[]byte{0x20, 0, 0x41, 1, 0x6a, 0x22, 0}, w.I32Const(perRun/10), []byte{0x48, 0x0d, 0, 0x0b})
	mod := load(b, r, w.Attach(b, m.Bytes()))
	args, req := mode(b, "plain"), request(b, mod, "plain")
	for b.Loop() {
		if _, err := mod.RunEncode(context.Background(), args, req); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/perRun, "ns/call")
}

// BenchmarkGuest is one run of an entry point that does little: of a module of some hundred
// bytes, and of one that was built with Go, which has to set up its language's runtime in a
// new instance, and has it set up in one that is restored.
func BenchmarkGuest(b *testing.B) {
	ctx := context.Background()
	tiny := w.Attach(b, w.Brain(nil, nil, nil).Bytes())
	for _, c := range []struct {
		name string
		mod  *runtime.Module
	}{
		{"tiny", load(b, newRuntime(b, runtime.Config{}), tiny)},
		{"go-new", goModule(b, runtime.Config{PoolBytesMax: -1})},
		{"go-restored", goModule(b, runtime.Config{})},
	} {
		args, req := mode(b, "plain"), request(b, c.mod, "plain")
		b.Run(c.name, func(b *testing.B) {
			for b.Loop() {
				if _, err := c.mod.RunEncode(ctx, args, req); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkGoGuestLoad(b *testing.B) {
	file := goFile(b)
	for _, c := range []struct {
		name   string
		cached bool
	}{{"compile", false}, {"disk", true}} {
		b.Run(c.name, func(b *testing.B) {
			config := runtime.Config{}
			if c.cached {
				config.CacheDir = filepath.Join(b.TempDir(), "cache")
				load(b, newRuntime(b, config), file)
			}
			for b.Loop() {
				load(b, newRuntime(b, config), file)
			}
		})
	}
}

// BenchmarkHeartbeat is the longest time that another goroutine waited while a hostile
// guest ran to its deadline of one second, beside that on the same machine without a guest.
func BenchmarkHeartbeat(b *testing.B) {
	b.Run("idle", func(b *testing.B) {
		var worst time.Duration
		for b.Loop() {
			worst = max(worst, heartbeat(b, func() {
				ctx, stop := context.WithTimeout(context.Background(), deadline)
				defer stop()
				<-ctx.Done()
			}))
		}
		b.ReportMetric(float64(worst.Microseconds())/1000, "ms-worst")
	})
	for _, c := range []struct {
		name   string
		module *w.Module
	}{{"loop", w.Brain(nil, endless, nil)}, {"calls", callTree()}, {"fills", fills()}} {
		b.Run(c.name, func(b *testing.B) {
			r := newRuntime(b, runtime.Config{RunTimeout: deadline, GasMax: plenty})
			m := load(b, r, w.Attach(b, c.module.Bytes()))
			var worst time.Duration
			for b.Loop() {
				worst = max(worst, heartbeat(b, func() {
					if _, err := m.RunInfer(context.Background(), mode(b, "plain")); err == nil {
						b.Error("the guest was not stopped")
					}
				}))
			}
			b.ReportMetric(float64(worst.Microseconds())/1000, "ms-worst")
		})
	}
}

// BenchmarkInterpreter is the same run where there is no compiler, as in a browser.
func BenchmarkInterpreter(b *testing.B) {
	mod := goModule(b, runtime.Config{Interpreter: true})
	args, req := mode(b, "plain"), request(b, mod, "plain")
	for b.Loop() {
		if _, err := mod.RunEncode(context.Background(), args, req); err != nil {
			b.Fatal(err)
		}
	}
}
