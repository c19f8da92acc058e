package prover

import "errors"

var (
	// ErrConfig is returned for a configuration that cannot work.
	ErrConfig = errors.New("prover is not configured")
	// ErrRequest is returned for a request that lacks something.
	ErrRequest = errors.New("nothing to prove")
)
