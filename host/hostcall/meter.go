package hostcall

import (
	"math"

	"github.com/cerberus-host/cerberus/abi"
)

// Meter is what a run's host calls are charged to: the guest's own gas, which the runtime
// keeps. It is called from the run's goroutine only.
type Meter interface {
	// Charge takes that many units and reports whether the run may go on. After false the
	// guest must not run again; why (no gas left, a deadline) is the meter's knowledge.
	Charge(units uint64) bool
}

// SetMeter makes m take the price of every host call from now on, before the call's work is
// done. A Run without a meter charges nothing.
func (r *Run) SetMeter(m Meter) { r.meter = m }

// Charged returns the units that host calls were charged so far, whether or not there is a
// meter; at most math.MaxUint64.
func (r *Run) Charged() uint64 { return r.charged }

// Stopped reports that the guest must not go on: the meter has refused a charge, there were
// too many calls, or the guest asked to be ended. Whoever called the host function ends the
// guest before it returns to it; until then every call is refused without work.
func (r *Run) Stopped() bool { return r.refused || r.exited || r.tooManyCalls() }

func (r *Run) tooManyCalls() bool { return r.calls > abi.HostCallsMax }

// charge takes units from the meter, before what they pay for is done.
func (r *Run) charge(units uint64) bool {
	r.charged = saturatingAdd(r.charged, units)
	if r.meter != nil && !r.meter.Charge(units) {
		r.refused = true
	}
	return !r.refused
}

// saturatingAdd returns a + b, or the largest number if that is more.
func saturatingAdd(a, b uint64) uint64 {
	if b > math.MaxUint64-a {
		return math.MaxUint64
	}
	return a + b
}

// saturatingMul returns a * b, or the largest number if that is more.
func saturatingMul(a, b uint64) uint64 {
	if a != 0 && b > math.MaxUint64/a {
		return math.MaxUint64
	}
	return a * b
}
