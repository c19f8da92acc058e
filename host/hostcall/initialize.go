package hostcall

import (
	"crypto/sha3"
	"slices"

	"github.com/cerberus-host/cerberus/abi"
)

// Initialized is what a guest did in _initialize that its entry point can notice: how often
// it called the host and for what price, what it logged, and how far the clock moved. It is
// immutable, so that any number of runs can go on from it.
type Initialized struct {
	calls   int
	charged uint64
	log     runLog
	clock   uint64
}

// NewInitialize starts the run of _initialize, which comes before every entry point: neither
// the phase nor the arguments can be seen in it, so the state that it leaves serves every run
// of the module. Of the ABI's functions it may call log and fail, of the system interface all.
func NewInitialize(module abi.Digest, m *abi.Manifest) *Run {
	d := abi.LabelledDigest("cerberus/initialize-seed/v1", module[:])
	return &Run{manifest: m, wasi: newWASI(d)}
}

// Initialized returns what the guest did, for [Run.Continue]. The run must be one of
// NewInitialize, be over, and have no error.
func (r *Run) Initialized() Initialized {
	return Initialized{
		calls: r.calls, charged: r.charged, clock: r.wasi.clock,
		log: runLog{text: slices.Clone(r.log.text), dropped: r.log.dropped},
	}
}

// Continue makes a run that has not begun go on after _initialize: calls, price and log are
// counted together, and the clock does not go back. Random bytes are the run's own.
func (r *Run) Continue(i Initialized) {
	r.calls, r.charged, r.wasi.clock = i.calls, i.charged, i.clock
	r.log = runLog{text: slices.Clone(i.log.text), dropped: i.log.dropped}
}

// mayCall reports whether a function with these phases can be called now. inInitialize says
// that it can be called in _initialize, which is no phase.
func (r *Run) mayCall(phases abi.Phase, inInitialize bool) bool {
	if r.phase == 0 {
		return inInitialize
	}
	return phases&r.phase != 0
}

// newWASI returns the world of a run with that seed.
func newWASI(seed abi.Digest) wasiState {
	s := sha3.NewSHAKE256()
	s.Write(seed[:])
	return wasiState{clock: clockStart, random: s}
}

// where names what runs, for errors.
func (r *Run) where() string {
	if r.phase == 0 {
		return "_initialize"
	}
	return r.phase.String()
}
