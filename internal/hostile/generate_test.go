package hostile_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/cerberus-host/cerberus/abi"
	"github.com/cerberus-host/cerberus/host/runtime"
	w "github.com/cerberus-host/cerberus/host/wasmtest"
	"github.com/cerberus-host/cerberus/internal/hostile"
	"github.com/cerberus-host/cerberus/internal/hostile/trial"
)

// twoEngines are the compiler and the interpreter, each with the report of its last run.
type twoEngines struct {
	sandboxes [2]*runtime.Runtime
	reports   [2]runtime.Report
}

func newEngines(tb testing.TB) *twoEngines {
	tb.Helper()
	e := new(twoEngines)
	for i := range e.sandboxes {
		e.sandboxes[i] = newSandbox(tb, runtime.Config{
			Interpreter: i == 1, RunTimeout: time.Minute, CompiledBytesMax: 1 << 20,
			Observe: func(r runtime.Report) { e.reports[i] = r },
		})
	}
	return e
}

// agree runs a module in both and compares all that a run can show: how it ended, its log,
// its memory, its gas.
func (e *twoEngines) agree(t *testing.T, file []byte, phase abi.Phase) error {
	t.Helper()
	var errs [2]error
	for i, sandbox := range e.sandboxes {
		module, err := sandbox.Load(t.Context(), file)
		if err != nil {
			t.Fatal(err)
		}
		errs[i] = trial.Enter(t.Context(), module, phase)
	}
	a, b := e.reports[0], e.reports[1]
	if text(errs[0]) != text(errs[1]) {
		t.Errorf("compiled: %v, interpreted: %v", errs[0], errs[1])
	}
	if a.Log != b.Log {
		t.Errorf("compiled, it logged %q, interpreted %q", a.Log, b.Log)
	}
	if a.Gas != b.Gas {
		t.Errorf("compiled, it used %d units, interpreted %d", a.Gas, b.Gas)
	}
	if a.MemoryBytes != b.MemoryBytes || a.HostCalls != b.HostCalls {
		t.Errorf("compiled: %d bytes, %d calls, interpreted: %d bytes, %d calls", a.MemoryBytes,
			a.HostCalls, b.MemoryBytes, b.HostCalls)
	}
	return errs[0]
}

func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// TestGeneratedModules is group 41: generated modules are admitted, end, and compute the same
// in compiler and interpreter.
func TestGeneratedModules(t *testing.T) {
	modules := 150
	if all {
		modules = 5000
	}
	engines := newEngines(t)
	random := rand.New(rand.NewPCG(41, 0))
	ended := map[hostile.Want]int{}
	for range modules {
		choices := make([]byte, 16+random.IntN(400))
		for i := range choices {
			choices[i] = byte(random.Uint32())
		}
		file := w.Attach(t, hostile.Generate(choices))
		err := engines.agree(t, file, abi.PhaseEncode)
		want, ok := trial.Ended(err)
		if !ok || want != hostile.Harmless && want != hostile.Trapped {
			t.Errorf("%x: error %v", choices, err)
		}
		if log := engines.reports[0].Log; err == nil && strings.Count(log, "\n") != 6 {
			t.Errorf("%x: it logged %q", choices, log)
		}
		ended[want]++
		if t.Failed() {
			t.Fatalf("choices %x", choices)
		}
	}
	t.Logf("%d ended well, %d trapped", ended[hostile.Harmless], ended[hostile.Trapped])
	if ended[hostile.Harmless] < modules/4 || ended[hostile.Trapped] == 0 {
		t.Error("the modules are all alike")
	}
}

// FuzzEngines looks for modules that compiler and interpreter disagree about.
func FuzzEngines(f *testing.F) {
	f.Add([]byte(nil))
	f.Add([]byte("loops, loads and stores"))
	engines := newEngines(f)
	f.Fuzz(func(t *testing.T, choices []byte) {
		if len(choices) > 1<<10 {
			return
		}
		_ = engines.agree(t, w.Attach(t, hostile.Generate(choices)), abi.PhaseEncode)
	})
}

// FuzzSandbox gives the sandbox damaged modules: it must refuse them or run them to an end
// that a guest may cause.
func FuzzSandbox(f *testing.F) {
	for _, c := range hostile.Cases() {
		if c.Module == nil || c.Large {
			continue
		}
		if file := c.File(); len(file) < 4<<10 {
			f.Add(file)
		}
	}
	f.Add(w.Attach(f, hostile.Generate([]byte("a generated one"))))
	sandbox := newSandbox(f, runtime.Config{
		RunTimeout: 20 * time.Millisecond, CompiledBytesMax: 1 << 20,
	})
	f.Fuzz(func(t *testing.T, file []byte) {
		module, err := sandbox.Load(t.Context(), file)
		if err != nil {
			if ended, _ := trial.Ended(err); ended != hostile.Refused {
				t.Fatal(err)
			}
			return
		}
		for _, phase := range []abi.Phase{abi.PhaseEncode, abi.PhaseInfer, abi.PhaseDecode} {
			err := trial.Enter(t.Context(), module, phase)
			if _, ok := trial.Ended(err); !ok && !errors.Is(err, context.Canceled) {
				t.Fatal(err)
			}
		}
	})
}
