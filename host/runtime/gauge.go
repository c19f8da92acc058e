package runtime

import (
	"fmt"
	goruntime "runtime"

	"github.com/tetratelabs/wazero/api"
)

// gasSlice is what a guest is granted at a time. While it lasts, a millisecond or less, guest
// code runs without a look at anything, and Go's scheduler and collector may wait for it.
const gasSlice = 1_000_000

// gauge keeps the gas of one run. The guest's code counts down a global of its own; where it
// finds it below zero, it calls refill, which grants another slice or stops the guest. Used is
// what was granted less what is left, so neither the size of slices nor the time of a refill
// shows in the number. It belongs to the run's goroutine.
type gauge struct {
	// look returns why the run has to end before its gas does, nil if it need not.
	look      func() error
	allowance int64
	// global holds what is left of what was granted; base is what was used before it was set
	// to zero.
	global        api.MutableGlobal
	base, granted int64
	// stopped is why the guest was stopped, nil if it was not.
	stopped error
}

// left is negative if the guest owes.
func (g *gauge) left() int64 { return int64(g.global.Get()) }

// used returns the units that were charged, those of host calls and of _initialize included.
// It never is more than the allowance: a run that needs more has none left.
func (g *gauge) used() uint64 {
	return uint64(max(0, min(g.base+g.granted-g.left(), g.allowance)))
}

// rebase makes what was used so far the base, and the global zero, as it is in an instance
// that is put back into this state.
func (g *gauge) rebase() {
	g.base, g.granted = g.base+g.granted-g.left(), 0
	g.global.Set(0)
}

// refill grants what the guest owes and up to a slice more, never more than the allowance. If
// the guest has to stop, it says so by its result, and stopped says why.
func (g *gauge) refill() bool {
	if g.stopped != nil {
		return false
	}
	if err := g.look(); err != nil {
		g.stopped = err
		return false
	}
	goruntime.Gosched()
	left, rest := g.left(), g.allowance-g.base-g.granted
	if left+rest < 0 {
		return g.exhausted()
	}
	grant := max(0, min(rest, gasSlice-left))
	g.granted += grant
	g.global.Set(uint64(left + grant))
	return true
}

// Charge implements [hostcall.Meter].
func (g *gauge) Charge(units uint64) bool {
	if g.stopped != nil {
		return false
	}
	if units > uint64(g.allowance) { // so the difference cannot overflow
		return g.exhausted()
	}
	left := g.left() - int64(units)
	g.global.Set(uint64(left))
	return left >= 0 || g.refill()
}

// exhausted stops the guest and leaves it with nothing.
func (g *gauge) exhausted() bool {
	g.granted = g.allowance - g.base
	g.global.Set(0)
	g.stopped = fmt.Errorf("%w: it may use %d units: let it do less, or less at a time", ErrGas,
		g.allowance)
	return false
}

// end looks at the gas after the guest has returned: it may owe some since it last looked.
func (g *gauge) end() {
	if g.stopped == nil && g.base+g.granted-g.left() > g.allowance {
		g.exhausted()
	}
}
