package verifier

import "errors"

var (
	// ErrProjection is returned when a wire was not shown to be small.
	ErrProjection = errors.New("a wire is too large")
	// ErrOpening is returned when the claims of a proof do not hold: something was computed
	// wrongly, or the proof belongs to another statement, key set, input or setup.
	ErrOpening = errors.New("the claims of the proof do not hold")
	// ErrRequest is returned for a request that lacks something.
	ErrRequest = errors.New("nothing to verify against")
)
