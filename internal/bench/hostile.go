package bench

import (
	"context"
	"errors"
	"fmt"
	goruntime "runtime"
	"time"

	"github.com/cerberus-host/cerberus/host/runtime"
	"github.com/cerberus-host/cerberus/host/wasmtest"
	"github.com/cerberus-host/cerberus/internal/figures"
)

const (
	// hostileDeadline is how long a hostile guest may run.
	hostileDeadline = 500 * time.Millisecond
	// beat is the period of the heartbeat beside it, beatsPerGC how often that collects
	// garbage, for which every thread has to stop.
	beat       = 5 * time.Millisecond
	beatsPerGC = 4
)

// hostileGuest is a guest whose infer never ends by itself.
type hostileGuest struct {
	figure string
	module *wasmtest.Module
}

func hostileGuests() []hostileGuest {
	const levels, pages, times = 60, 1024, 500
	tree := wasmtest.Brain(nil, wasmtest.Call(4), nil)
	for i := range levels {
		next := wasmtest.Call(5 + i)
		tree.Functions = append(tree.Functions, wasmtest.Function{Body: wasmtest.Cat(next, next)})
	}
	tree.Functions = append(tree.Functions, wasmtest.Function{})
	fill := wasmtest.Cat(wasmtest.I32Const(0), wasmtest.I32Const(1),
		wasmtest.I32Const(pages<<16-1), []byte{0xfc, 11, 0})
	fills := wasmtest.Brain(nil, wasmtest.Repeat(fill, times), nil)
	fills.MemoryPages = pages
	return []hostileGuest{
		{"endless loop", wasmtest.Brain(nil, []byte{0x03, 0x40, 0x0c, 0, 0x0b}, nil)},
		{"tree of 2^60 calls", tree},
		{"500 fills of 64 MB", fills},
	}
}

// measureHostile runs guests that never end, beside a heartbeat.
func measureHostile(ctx context.Context, f *figures.File) (err error) {
	idle := heartbeat(func() {
		wait, stop := context.WithTimeout(ctx, hostileDeadline)
		defer stop()
		<-wait.Done()
	})
	sandbox, err := runtime.New(ctx, runtime.Config{RunTimeout: hostileDeadline})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, sandbox.Close(context.WithoutCancel(ctx))) }()
	for _, guest := range hostileGuests() {
		module, args, _, err := loadTest(ctx, sandbox, guest.module)
		if err != nil {
			return fmt.Errorf("%s: %w", guest.figure, err)
		}
		var took, worst time.Duration
		for range 3 {
			var ended error
			waited := heartbeat(func() {
				var d time.Duration
				d, ended = timed(func() error {
					_, err := module.RunInfer(ctx, args)
					return err
				})
				took = max(took, d)
			})
			if !errors.Is(ended, runtime.ErrDeadline) {
				return fmt.Errorf("%s: not stopped at its deadline: %w", guest.figure, ended)
			}
			worst = max(worst, waited)
		}
		f.Add(figures.Row{
			Figure: guest.figure + ": longest wait of a heartbeat", Value: millis(worst), Unit: "ms",
			Asked: "<= 100 ms", Reference: fmt.Sprintf("without the guest %.1f ms; it beats every "+
				"%d ms", millis(idle), beat.Milliseconds()),
		})
		f.Add(figures.Row{
			Figure: guest.figure + ": stopped after", Value: millis(took), Unit: "ms",
			Reference: fmt.Sprintf("the deadline is %d ms", hostileDeadline.Milliseconds()),
		})
	}
	return nil
}

// heartbeat returns the longest time between two beats while f ran.
func heartbeat(f func()) (worst time.Duration) {
	done, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		tick := time.NewTicker(beat)
		defer tick.Stop()
		last := time.Now()
		for n := 0; ; n++ {
			select {
			case <-done:
				return
			case <-tick.C:
			}
			if n%beatsPerGC == 0 {
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
