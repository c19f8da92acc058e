package learn

import "errors"

var (
	// ErrDiverged is returned when an optimisation meets a value that is not finite.
	ErrDiverged = errors.New("optimisation diverged")
	// ErrRange is returned when a number does not fit the fixed-point form.
	ErrRange = errors.New("number does not fit the fixed-point form")
	// ErrShape is returned when sizes of examples, labels or parameters disagree.
	ErrShape = errors.New("sizes disagree")
)
