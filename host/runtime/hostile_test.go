package runtime_test

import (
	"context"
	"errors"
	"math"
	goruntime "runtime"
	"strings"
	"testing"
	"time"

	"github.com/cerberus-host/cerberus/abi"
	"github.com/cerberus-host/cerberus/host/hostcall"
	"github.com/cerberus-host/cerberus/host/runtime"
	w "github.com/cerberus-host/cerberus/host/wasmtest"
)

// endless is `loop br 0 end`.
var endless = []byte{0x03, 0x40, 0x0c, 0, 0x0b}

// callTree is a tree of calls without a loop: each of 60 functions calls the next twice.
func callTree() *w.Module {
	const levels = 60
	m := w.Brain(nil, w.Call(4), nil)
	for i := range levels {
		m.Functions = append(m.Functions, w.Function{Body: w.Cat(w.Call(5+i), w.Call(5+i))})
	}
	m.Functions = append(m.Functions, w.Function{})
	return m
}

// fills is 2,000 times memory.fill of 64 MiB, in straight lines of 1,000.
func fills() *w.Module {
	const pages, times = 1024, 1000
	fill := w.Cat(w.I32Const(0), w.I32Const(1), w.I32Const(pages<<16-1), []byte{0xfc, 11, 0})
	line := w.Repeat(fill, times)
	m := w.Brain(nil, w.Cat(w.Call(4), line), nil)
	m.Functions = append(m.Functions, w.Function{Body: line})
	m.MemoryPages = pages
	return m
}

// hostLoop calls a host function for ever.
func hostLoop() *w.Module {
	m := w.Brain(nil, nil, nil)
	i := m.Import(w.Import{Module: abi.ImportModule, Name: "neg", Params: w.I64, Results: w.I64})
	m.Functions[2].Body = w.Cat([]byte{0x03, 0x40, 0x42, 0}, w.Call(i), []byte{0x1a, 0x0c, 0, 0x0b})
	return m
}

// initLoop loops before the entry point is reached.
func initLoop() *w.Module {
	m := w.Brain(nil, nil, nil)
	m.Functions = append(m.Functions, w.Function{Body: endless})
	m.Exports = append(m.Exports, w.Export{Name: "_initialize", Kind: w.Func, Index: 4})
	return m
}

const (
	deadline = time.Second
	// plenty of gas lets a guest run until something else stops it.
	plenty = 1 << 52
	// slack is for a busy machine; without charges in their code none of the guests ends.
	slack = 2 * time.Second
	// lateMax is less than a frozen process would show, and more than a busy machine does;
	// the figure that matters, 100 ms, is measured by BenchmarkHeartbeat on a quiet one.
	lateMax = deadline * 3 / 4
)

// heartbeat measures how late a ticker of 5 ms gets the processor while f runs, with a
// garbage collection, which has to stop every thread, every 20 ms.
func heartbeat(tb testing.TB, f func()) (worst time.Duration) {
	tb.Helper()
	done, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		tick := time.NewTicker(5 * time.Millisecond)
		defer tick.Stop()
		last := time.Now()
		for n := 0; ; n++ {
			select {
			case <-done:
				return
			case <-tick.C:
			}
			if n%4 == 0 {
				goruntime.GC()
			}
			now := time.Now()
			worst = max(worst, now.Sub(last))
			last = now
		}
	}()
	f()
	close(done)
	<-stopped
	return worst
}

// TestGuestsAreStoppedAtTheirDeadline: no guest outlives its deadline by much, and none
// keeps the process from its other work meanwhile.
func TestGuestsAreStoppedAtTheirDeadline(t *testing.T) {
	for _, c := range []struct {
		name   string
		module *w.Module
	}{
		{"loop", w.Brain(nil, endless, nil)},
		{"call tree", callTree()},
		{"fills", fills()},
		{"loop in _initialize", initLoop()},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRuntime(t, runtime.Config{RunTimeout: deadline, GasMax: plenty})
			m := load(t, r, w.Attach(t, c.module.Bytes()))
			var err error
			var took time.Duration
			worst := heartbeat(t, func() {
				start := time.Now()
				_, err = m.RunInfer(context.Background(), mode(t, "plain"))
				took = time.Since(start)
			})
			if !errors.Is(err, runtime.ErrDeadline) || !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("error %v", err)
			}
			if took > deadline+slack {
				t.Errorf("stopped after %v", took)
			}
			if worst > lateMax {
				t.Errorf("a heartbeat waited %v", worst)
			}
			t.Logf("stopped after %v, worst heartbeat %v", took, worst)
		})
	}
}

func TestGoGuestIsStopped(t *testing.T) {
	m := goModule(t, runtime.Config{RunTimeout: deadline, GasMax: plenty})
	worst := heartbeat(t, func() {
		if _, err := m.RunInfer(context.Background(), mode(t, "loop")); !errors.Is(err,
			runtime.ErrDeadline) {
			t.Errorf("error %v", err)
		}
	})
	if worst > lateMax {
		t.Errorf("a heartbeat waited %v", worst)
	}
}

func TestCancelStopsAGuest(t *testing.T) {
	m := load(t, newRuntime(t, runtime.Config{}), w.Attach(t, w.Brain(nil, endless, nil).Bytes()))
	ctx, cancel := context.WithCancel(context.Background())
	timer := time.AfterFunc(50*time.Millisecond, cancel)
	defer timer.Stop()
	_, err := m.RunInfer(ctx, mode(t, "plain"))
	if !errors.Is(err, runtime.ErrDeadline) || !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
}

func TestHostCallsAreCounted(t *testing.T) {
	r := newRuntime(t, runtime.Config{GasMax: plenty})
	m := load(t, r, w.Attach(t, hostLoop().Bytes()))
	if _, err := m.RunInfer(context.Background(), mode(t, "plain")); !errors.Is(err,
		hostcall.ErrHostCalls) {
		t.Errorf("error %v", err)
	}
}

func TestTraps(t *testing.T) {
	recursion := w.Brain(nil, w.Call(2), nil)
	load8 := w.Cat(w.I32Const(1<<20), []byte{0x2d, 0, 0, 0x1a})
	division := w.Cat(w.I32Const(1), w.I32Const(0), []byte{0x6d, 0x1a})
	for name, c := range map[string]struct {
		module *w.Module
		is     error
		text   string
	}{
		"unreachable":   {w.Brain(nil, []byte{0}, nil), runtime.ErrTrap, "unreachable"},
		"recursion":     {recursion, runtime.ErrDepth, "nested too deep"},
		"out of bounds": {w.Brain(nil, load8, nil), runtime.ErrTrap, "out of bounds"},
		"division":      {w.Brain(nil, division, nil), runtime.ErrTrap, "divide by zero"},
	} {
		for _, interpreter := range []bool{false, true} {
			r := newRuntime(t, runtime.Config{Interpreter: interpreter})
			m := load(t, r, w.Attach(t, c.module.Bytes()))
			_, err := m.RunInfer(context.Background(), mode(t, "plain"))
			if !errors.Is(err, c.is) || !strings.Contains(err.Error(), c.text) {
				t.Errorf("%s, interpreter %t: error %v", name, interpreter, err)
			}
			if _, err := m.RunEncode(context.Background(), mode(t, "plain"),
				request(t, m, "plain")); err != nil {
				t.Errorf("%s: the next run fails, too: %v", name, err)
			}
		}
	}
}

// TestMemoryLimit: a guest that asks for more pages than it may have is told no, and no
// more than the limit is ever there.
func TestMemoryLimit(t *testing.T) {
	var size int64
	r := newRuntime(t, runtime.Config{
		MemoryPages: 16, Observe: func(r runtime.Report) { size = r.MemoryBytes },
	})
	// loop: memory.grow(1); go on unless the result is -1.
	body := []byte{0x03, 0x40, 0x41, 1, 0x40, 0, 0x41, 0x7f, 0x47, 0x0d, 0, 0x0b}
	m := load(t, r, w.Attach(t, w.Brain(body, nil, nil).Bytes()))
	_, err := m.RunEncode(context.Background(), mode(t, "plain"), request(t, m, "plain"))
	if err != nil {
		t.Fatal(err)
	}
	if size != 16<<16 {
		t.Errorf("memory of %d bytes", size)
	}
}

// TestHundredHostileRuns: what a hostile run takes, it gives back.
func TestHundredHostileRuns(t *testing.T) {
	r := newRuntime(t, runtime.Config{RunTimeout: 2 * time.Millisecond})
	m := load(t, r, w.Attach(t, callTree().Bytes()))
	run := func() {
		if _, err := m.RunInfer(context.Background(), mode(t, "plain")); !errors.Is(err,
			runtime.ErrDeadline) {
			t.Errorf("error %v", err)
		}
	}
	run()
	before := goruntime.NumGoroutine()
	for range 100 {
		run()
	}
	for range 100 {
		if goruntime.NumGoroutine() <= before {
			return
		}
		goruntime.Gosched()
	}
	t.Errorf("%d goroutines became %d", before, goruntime.NumGoroutine())
}

// TestPointersAtTheEnds: pointer and length at every edge of the guest's memory.
func TestPointersAtTheEnds(t *testing.T) {
	const page = 1 << 16
	r := newRuntime(t, runtime.Config{GasMax: 1 << 40}) // a length costs what it says
	for _, c := range []struct {
		ptr, n uint32
		want   abi.Errno
	}{
		{0, 0, 0},
		{page, 0, 0},
		{page - 1, 1, 0},
		{page, 1, abi.ErrnoFault},
		{page + 1, 0, abi.ErrnoFault},
		{math.MaxUint32, 1, abi.ErrnoFault},
		{1, math.MaxUint32, abi.ErrnoFault},
		{math.MaxUint32, math.MaxUint32, abi.ErrnoFault},
	} {
		m := w.Brain(nil, nil, nil)
		i := m.Import(w.Import{
			Module: abi.ImportModule, Name: "log", Params: w.I32 + w.I32, Results: w.I32,
		})
		// Traps unless log returns what is wanted.
		m.Functions[1].Body = w.Cat(w.I32Bits(c.ptr), w.I32Bits(c.n), w.Call(i),
			w.I32Bits(uint32(-int32(c.want))), []byte{0x47, 0x04, 0x40, 0x00, 0x0b})
		mod := load(t, r, w.Attach(t, m.Bytes()))
		_, err := mod.RunEncode(context.Background(), mode(t, "plain"), request(t, mod, "plain"))
		if err != nil {
			t.Errorf("log(%d, %d): %v, want %s", c.ptr, c.n, err, c.want)
		}
	}
}
