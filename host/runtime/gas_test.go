package runtime_test

import (
	"context"
	"errors"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/cerberus-host/cerberus/abi"
	"github.com/cerberus-host/cerberus/host/hostcall"
	"github.com/cerberus-host/cerberus/host/runtime"
	w "github.com/cerberus-host/cerberus/host/wasmtest"
)

// observed configures a runtime that keeps the report of its last run.
func observed(c runtime.Config) (runtime.Config, *runtime.Report) {
	last := new(runtime.Report)
	c.Observe = func(r runtime.Report) { *last = r }
	return c, last
}

// TestGasIsANumber: what a run is charged, and what else it leaves, is the same with native
// code that was compiled here, in a child or long ago, in the interpreter, in a new instance
// and in one that has served before.
func TestGasIsANumber(t *testing.T) {
	ctx := context.Background()
	file := goFile(t)
	cached := filepath.Join(t.TempDir(), "cache")
	seen := map[string]runtime.Report{}
	for _, c := range []struct {
		name   string
		config runtime.Config
	}{
		{"compiled", runtime.Config{CacheDir: cached}},
		{"cached", runtime.Config{CacheDir: cached}},
		{"interpreter", runtime.Config{Interpreter: true}},
		{"never restored", runtime.Config{CacheDir: cached, PoolBytesMax: -1}},
		{"little memory", runtime.Config{CacheDir: cached, MemoryPages: 512}},
	} {
		config, last := observed(c.config)
		m := load(t, newRuntime(t, config), file)
		for round := range 3 {
			for _, value := range []string{"plain", "world", "log", "fail", "state"} {
				_, inferErr := m.RunInfer(ctx, mode(t, value))
				if (inferErr != nil) != (value == "fail") {
					t.Fatal(inferErr)
				}
				compare(t, seen, "infer "+value, c.name, *last)
				again := round > 0 || value != "plain"
				if last.Restored != (again && config.PoolBytesMax == 0) {
					t.Errorf("%s, round %d: restored: %t", c.name, round, last.Restored)
				}
				if _, err := m.RunEncode(ctx, mode(t, value), request(t, m, value)); err != nil {
					t.Fatal(err)
				}
				compare(t, seen, "encode "+value, c.name, *last)
			}
		}
	}
}

// compare compares a report with that of an earlier run with the same key.
func compare(
	t *testing.T, seen map[string]runtime.Report, key, name string, got runtime.Report,
) {
	t.Helper()
	got.Restored, got.Err = false, nil
	want, ok := seen[key]
	if !ok {
		seen[key] = got
	} else if got != want {
		t.Errorf("%s: report %+v, before %+v", name, got, want)
	}
}

// TestGasRunsOut: a run that is allowed exactly what it needs ends well, and with one unit
// less it does not, in both engines.
func TestGasRunsOut(t *testing.T) {
	ctx := context.Background()
	counted := w.Brain(nil, nil, nil)
	// Twice around a loop that fills memory, in a callee that is called twice.
	counted.Functions = append(counted.Functions, w.Function{
		Locals: []byte{1, 1, 0x7f},
		Body: w.Cat([]byte{0x03, 0x40}, w.I32Const(0), w.I32Const(0), w.I32Const(60_000),
			[]byte{0xfc, 11, 0, 0x20, 0, 0x41, 1, 0x6a, 0x22, 0}, w.I32Const(2),
			[]byte{0x48, 0x0d, 0, 0x0b}),
	})
	counted.Functions[2].Body = w.Cat(w.Call(4), w.Call(4))
	for name, file := range map[string][]byte{
		"small": w.Attach(t, counted.Bytes()), "go": goFile(t),
	} {
		for _, interpreter := range []bool{false, true} {
			run := func(gas int64) (runtime.Report, error) {
				config, last := observed(runtime.Config{
					Interpreter: interpreter, GasMax: gas, CacheDir: sharedCache,
				})
				m := load(t, newRuntime(t, config), file)
				_, err := m.RunInfer(ctx, mode(t, "plain"))
				return *last, err
			}
			full, err := run(0)
			if name == "go" && err != nil {
				t.Fatal(err)
			}
			for _, less := range []uint64{0, 1, full.Gas / 2, full.Gas - 1} {
				got, err := run(int64(full.Gas - less))
				if less == 0 {
					if errors.Is(err, runtime.ErrGas) || got.Gas != full.Gas {
						t.Errorf("%s: with %d units: %d, error %v", name, full.Gas, got.Gas, err)
					}
					continue
				}
				if !errors.Is(err, runtime.ErrGas) || got.Gas != full.Gas-less {
					t.Errorf("%s: with %d units of %d: used %d, error %v", name, full.Gas-less,
						full.Gas, got.Gas, err)
				} else if !strings.Contains(err.Error(), strconv.FormatUint(full.Gas-less, 10)) {
					t.Errorf("error %q does not say the allowance", err)
				}
			}
		}
	}
}

// TestHostCallsUseUpGas: calls and lengths are paid for before the work.
func TestHostCallsUseUpGas(t *testing.T) {
	loop := func(name, params string, call []byte) *w.Module {
		m := w.Brain(nil, nil, nil)
		i := m.Import(w.Import{
			Module: abi.ImportModule, Name: name, Params: params, Results: w.I32,
		})
		m.Functions[1].Body = w.Cat([]byte{0x03, 0x40}, call, w.Call(i), []byte{0x1a, 0x0c, 0, 0x0b})
		return m
	}
	for name, m := range map[string]*w.Module{
		"calls":  loop("log", w.I32+w.I32, w.Cat(w.I32Const(0), w.I32Const(0))),
		"length": loop("log", w.I32+w.I32, w.Cat(w.I32Const(0), w.I32Bits(1<<32-1))),
	} {
		config, last := observed(runtime.Config{GasMax: 1 << 24})
		mod := load(t, newRuntime(t, config), w.Attach(t, m.Bytes()))
		_, err := mod.RunEncode(context.Background(), mode(t, "plain"), request(t, mod, "plain"))
		if !errors.Is(err, runtime.ErrGas) || last.Gas != 1<<24 {
			t.Errorf("%s: %d units, error %v", name, last.Gas, err)
		}
		if last.HostCalls > 1<<15 || last.LogDropped > 0 {
			t.Errorf("%s: %d calls, %d bytes of log dropped", name, last.HostCalls, last.LogDropped)
		}
	}
}

// TestDepthIsTheSameEverywhere: however a guest recurses, it is stopped at a depth and not by
// the end of a stack.
func TestDepthIsTheSameEverywhere(t *testing.T) {
	direct := w.Brain(nil, w.Call(2), nil)
	mutual := w.Brain(nil, w.Call(4), nil)
	mutual.Functions = append(mutual.Functions, w.Function{Body: w.Call(2)})
	indirect := w.Brain(nil, w.Cat(w.I32Const(0), []byte{0x11, 0, 0}), nil)
	indirect.TableSize, indirect.Elements = 1, []int{2}
	// A thousand locals that are alive across the call make a large frame.
	large := w.Brain(nil, nil, nil)
	large.Functions[2] = w.Function{
		Locals: w.Cat([]byte{1}, w.U32(900), []byte{0x7f}),
		Body:   w.Call(2),
	}
	for name, m := range map[string]*w.Module{
		"direct": direct, "mutual": mutual, "indirect": indirect, "large": large,
	} {
		var gas []uint64
		for _, interpreter := range []bool{false, true} {
			config, last := observed(runtime.Config{Interpreter: interpreter})
			mod := load(t, newRuntime(t, config), w.Attach(t, m.Bytes()))
			_, err := mod.RunInfer(context.Background(), mode(t, "plain"))
			if !errors.Is(err, runtime.ErrDepth) {
				t.Errorf("%s, interpreter %t: error %v", name, interpreter, err)
			}
			gas = append(gas, last.Gas)
		}
		if gas[0] != gas[1] {
			t.Errorf("%s: gas %v", name, gas)
		}
	}
}

// TestExitEndsTheGuest: nothing runs after proc_exit, not even a loop without end.
func TestExitEndsTheGuest(t *testing.T) {
	for _, interpreter := range []bool{false, true} {
		m := w.Brain(nil, nil, nil)
		i := m.Import(w.Import{
			Module: "wasi_snapshot_preview1", Name: "proc_exit", Params: w.I32,
		})
		m.Functions[2].Body = w.Cat(w.I32Const(7), w.Call(i), endless)
		config, last := observed(runtime.Config{Interpreter: interpreter})
		mod := load(t, newRuntime(t, config), w.Attach(t, m.Bytes()))
		_, err := mod.RunInfer(context.Background(), mode(t, "plain"))
		if !errors.Is(err, hostcall.ErrGuest) || !strings.Contains(err.Error(), "code 7") {
			t.Errorf("error %v", err)
		}
		if last.Gas > 1_000 {
			t.Errorf("%d units of gas", last.Gas)
		}
	}
}

func TestCloseEndsRuns(t *testing.T) {
	ctx := context.Background()
	started := make(chan struct{})
	r, err := runtime.New(ctx, runtime.Config{GasMax: plenty})
	if err != nil {
		t.Fatal(err)
	}
	m := load(t, r, w.Attach(t, w.Brain(nil, endless, nil).Bytes()))
	ended := make(chan error)
	go func() {
		close(started)
		_, err := m.RunInfer(ctx, mode(t, "plain"))
		ended <- err
	}()
	<-started
	if err := r.Close(ctx); err != nil {
		t.Error(err)
	}
	if err := <-ended; !errors.Is(err, runtime.ErrClosed) {
		t.Errorf("error %v", err)
	}
}

func TestObserved(t *testing.T) {
	config, last := observed(runtime.Config{})
	m := load(t, newRuntime(t, config), w.Attach(t, w.Brain(nil, nil, nil).Bytes()))
	var mine []runtime.Report
	seen := m.Observed(func(r runtime.Report) { mine = append(mine, r) })
	for _, m := range []*runtime.Module{m, seen} {
		_, err := m.RunEncode(context.Background(), mode(t, "plain"), request(t, m, "plain"))
		if err != nil {
			t.Fatal(err)
		}
	}
	if len(mine) != 1 || mine[0] != *last {
		t.Errorf("reports %+v, last %+v", mine, *last)
	}
}

func TestGasBound(t *testing.T) {
	for _, gas := range []int64{-1, 1<<53 + 1} {
		if _, err := runtime.New(context.Background(), runtime.Config{GasMax: gas}); err == nil {
			t.Errorf("%d units were accepted", gas)
		}
	}
}
