package opening

import "errors"

var (
	// ErrOpening is returned when an opening does not show what it is said to show.
	ErrOpening = errors.New("opening is not valid")
	// ErrSetup is returned for a setup that is malformed, damaged, of another version or size,
	// or whose parts do not belong together.
	ErrSetup = errors.New("setup is not valid")
	// ErrVector is returned for a vector that does not have the setup's size or an element
	// that is too large.
	ErrVector = errors.New("vector cannot be committed")
)
