package keyset

import "errors"

var (
	// ErrFormat is returned for bytes that are no commitments of this version.
	ErrFormat = errors.New("not commitments of a key set")
	// ErrKeys is returned for commitments that are not those of the key set, or of another
	// setup than the checker's.
	ErrKeys = errors.New("key commitments do not match the keys")
)
