package lattigo

import (
	"errors"
	"fmt"
)

var (
	// ErrLibrary is returned when Lattigo gave up on operands that had passed every check:
	// a fault of this package or of Lattigo, never of the caller's input.
	ErrLibrary = errors.New("internal error of the FHE library")
	// ErrSecret is returned when a secret key is malformed, was wiped, or belongs to another
	// parameter set.
	ErrSecret = errors.New("unusable secret key")
	// ErrRandom is returned when the source of randomness fails or runs dry.
	ErrRandom = errors.New("source of randomness")
)

// guard turns a panic of Lattigo into an error; call it deferred at every exported entry.
// The panic's value is dropped unless it is a text: Lattigo puts operands into some.
func guard(err *error) {
	switch v := recover().(type) {
	case nil:
	case error:
		*err = fmt.Errorf("%w: %w", ErrLibrary, v)
	case string:
		*err = fmt.Errorf("%w: %s", ErrLibrary, v)
	default:
		*err = ErrLibrary
	}
}
