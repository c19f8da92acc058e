package attest

import "errors"

var (
	// ErrFormat is returned when a statement or verdict is not in its canonical form, or has
	// a field that the form cannot hold.
	ErrFormat = errors.New("malformed statement")
	// ErrSignature is returned when a signature is malformed, not in its one canonical
	// form, or recovers to no key.
	ErrSignature = errors.New("invalid signature")
)
