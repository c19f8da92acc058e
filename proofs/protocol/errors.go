package protocol

import "errors"

var (
	// ErrEncoding is returned for bytes that are not the canonical form of a proof of the
	// expected shape.
	ErrEncoding = errors.New("proof is malformed")
	// ErrShape is returned when a System and an opening do not fit each other.
	ErrShape = errors.New("system does not fit the opening")
)
