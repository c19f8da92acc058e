package lattigo

import (
	"context"
	"runtime"
	"sync"
	"sync/atomic"
)

// forEach calls f with 0 to n-1 on as many goroutines as there are cores, and returns when
// all calls have. Once a call failed or ctx ended no new one begins; it returns the error of
// the lowest index, else ctx's.
func forEach(ctx context.Context, n int, f func(i int) error) error {
	errs := make([]error, n)
	var next atomic.Int64
	var failed atomic.Bool
	var wg sync.WaitGroup
	for range min(n, runtime.GOMAXPROCS(0)) {
		wg.Go(func() {
			for !failed.Load() && ctx.Err() == nil {
				i := int(next.Add(1)) - 1
				if i >= n {
					return
				}
				if errs[i] = guarded(f, i); errs[i] != nil {
					failed.Store(true)
				}
			}
		})
	}
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return ctx.Err()
}

// guarded makes an error of a panic, which would end the process on a goroutine of ours.
func guarded(f func(i int) error, i int) (err error) {
	defer guard(&err)
	return f(i)
}

// progressCounter counts what goroutines have done.
type progressCounter struct {
	mu   sync.Mutex
	done int
}

// add counts one more and reports the sum while no other goroutine can.
func (p *progressCounter) add(report func(done int)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.done++
	report(p.done)
}
