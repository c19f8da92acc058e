package hostile_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/cerberus-host/cerberus/host/runtime"
	"github.com/cerberus-host/cerberus/internal/hostile"
	"github.com/cerberus-host/cerberus/internal/hostile/trial"
)

// TestCancellation is group 28: a task that is cancelled, or whose deadline comes, ends soon
// in guest code, in the host, before it begins and before its module is compiled.
func TestCancellation(t *testing.T) {
	sandbox := newSandbox(t, runtime.Config{RunTimeout: time.Minute, GasMax: 1 << 53})
	for _, name := range []string{
		"loop", "loop in _initialize", "call tree", "fills in a loop", "flood of host calls",
		"flood of logs", "flood of small random bytes", "constants of 8 MB",
	} {
		c := caseOf(t, name)
		module, err := sandbox.Load(t.Context(), c.File())
		if err != nil {
			t.Fatal(err)
		}
		t.Run(name, func(t *testing.T) {
			ended := func(begin func() (context.Context, func()), want error) {
				t.Helper()
				ctx, stop := begin()
				defer stop()
				start := time.Now()
				err := trial.Enter(ctx, module, c.Entry())
				if !errors.Is(err, want) {
					t.Errorf("error %v, want %v", err, want)
				}
				if took := time.Since(start); took > lateMax {
					t.Errorf("it went on for %v", took)
				}
			}
			ended(func() (context.Context, func()) {
				ctx, cancel := context.WithCancel(t.Context())
				timer := time.AfterFunc(20*time.Millisecond, cancel)
				return ctx, func() { timer.Stop(); cancel() }
			}, context.Canceled)
			ended(func() (context.Context, func()) {
				ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
				return ctx, cancel
			}, context.DeadlineExceeded)
			ended(func() (context.Context, func()) {
				ctx, cancel := context.WithCancel(t.Context())
				cancel()
				return ctx, func() {}
			}, context.Canceled)
		})
	}
}

// TestCancelWhileAnotherCompiles: who waits for the compiler can give up, and who compiles
// is not disturbed by it.
func TestCancelWhileAnotherCompiles(t *testing.T) {
	sandbox := newSandbox(t, runtime.Config{})
	dear, small := caseOf(t, "1000 locals, 300 ifs"), caseOf(t, "no output")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var group sync.WaitGroup
	group.Go(func() {
		if _, err := sandbox.Load(t.Context(), dear.File()); err != nil {
			t.Error(err)
		}
	})
	if _, err := sandbox.Load(ctx, small.File()); err != nil && !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	group.Wait()
	if _, err := sandbox.Load(t.Context(), small.File()); err != nil {
		t.Error(err)
	}
}

func newSandbox(tb testing.TB, c runtime.Config) *runtime.Runtime {
	tb.Helper()
	r, err := runtime.New(tb.Context(), c)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := r.Close(context.Background()); err != nil {
			tb.Error(err)
		}
	})
	return r
}

// caseOf returns the case of that name.
func caseOf(tb testing.TB, name string) hostile.Case {
	tb.Helper()
	for _, c := range hostile.Cases() {
		if c.Name == name {
			return c
		}
	}
	tb.Fatalf("there is no case %q", name)
	return hostile.Case{}
}
