package trial

import (
	goruntime "runtime"
	"slices"
	"time"
)

const (
	// beatEvery is the period of the heartbeat, beatsPerGC how often it collects garbage,
	// for which every thread has to stop.
	beatEvery  = 5 * time.Millisecond
	beatsPerGC = 4
)

// Beats are the times between the beats of a heartbeat, in ascending order.
type Beats []time.Duration

// Worst returns the longest wait, 0 without any.
func (b Beats) Worst() time.Duration { return b.rank(100) }

// P99 returns the wait below which 99 of 100 lie.
func (b Beats) P99() time.Duration { return b.rank(99) }

// rank returns the wait below which that many of 100 lie, by the nearest-rank method.
func (b Beats) rank(percent int) time.Duration {
	if len(b) == 0 {
		return 0
	}
	return b[max(0, (len(b)*percent+99)/100-1)]
}

// Heartbeat runs f beside a ticker of 5 ms, which also collects garbage again and again, and
// returns how long each beat had to wait. A guest that holds its thread makes the collection
// wait, and everything with it, as it would make a cluster's heartbeat wait.
func Heartbeat(now func() time.Time, f func()) Beats {
	var beats Beats
	done, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		tick := time.NewTicker(beatEvery)
		defer tick.Stop()
		last := now()
		for n := 0; ; n++ {
			select {
			case <-done:
				return
			case <-tick.C:
			}
			if n%beatsPerGC == 0 {
				goruntime.GC()
			}
			at := now()
			beats = append(beats, at.Sub(last))
			last = at
		}
	}()
	f()
	close(done)
	<-stopped
	slices.Sort(beats)
	return beats
}
