package rangecircuit

import "errors"

var (
	// ErrInstance is returned for parameters whose key switch is not stated here, and for
	// values that are none.
	ErrInstance = errors.New("key switch cannot be stated as a range-check circuit")
	// ErrSetup is returned for a proof that is asked for before there are keys.
	ErrSetup = errors.New("range-check circuit without a setup")
)
