package trial

import (
	goruntime "runtime"
	"slices"
	"time"
)

const (
	// beatEvery is the period of the heartbeat, collectEvery how often garbage is collected
	// beside it, for which every thread has to stop.
	beatEvery    = 5 * time.Millisecond
	collectEvery = 20 * time.Millisecond
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

// Heartbeat runs f beside a ticker of 5 ms and returns how long each beat had to wait. Garbage
// is collected again and again meanwhile: a guest that holds its thread makes the collection
// wait, and everything with it, as it would make a cluster's heartbeat wait.
func Heartbeat(now func() time.Time, f func()) Beats {
	var beats Beats
	done := make(chan struct{})
	last := now()
	beat := every(beatEvery, done, func() {
		at := now()
		beats = append(beats, at.Sub(last))
		last = at
	})
	collect := every(collectEvery, done, goruntime.GC)
	f()
	close(done)
	<-beat
	<-collect
	slices.Sort(beats)
	return beats
}

// every calls f again and again until done is closed, then closes what it returns.
func every(period time.Duration, done <-chan struct{}, f func()) (stopped <-chan struct{}) {
	end := make(chan struct{})
	go func() {
		defer close(end)
		tick := time.NewTicker(period)
		defer tick.Stop()
		for {
			select {
			case <-done:
				return
			case <-tick.C:
				f()
			}
		}
	}()
	return end
}
