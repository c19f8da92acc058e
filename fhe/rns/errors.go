package rns

import (
	"errors"
	"fmt"
)

var (
	// ErrModulus is returned when a number is no modulus that this package can work
	// with: not prime, even, or out of the range that the function states.
	ErrModulus = errors.New("unusable modulus")
	// ErrDegree is returned when a ring degree is no power of two in the supported range.
	ErrDegree = errors.New("unusable ring degree")
	// ErrLength is returned when a slice or a byte string does not have the exact length
	// that the other arguments imply.
	ErrLength = errors.New("wrong length")
	// ErrPadding is returned when the unused bits of the last packed byte are not zero.
	ErrPadding = errors.New("non-zero padding bits")
	// ErrResidue is returned, inside a [ResidueError], when a residue is not below its
	// modulus.
	ErrResidue = errors.New("residue not reduced")
	// ErrNoInverse is returned when a number has no inverse modulo the given modulus.
	ErrNoInverse = errors.New("no inverse")
	// ErrExhausted is returned when a search for primes leaves its range before it has
	// found as many as were asked for.
	ErrExhausted = errors.New("not enough primes in range")
	// ErrInsecure is returned when a modulus is too large for 128-bit security at its
	// ring degree.
	ErrInsecure = errors.New("below 128-bit security")
	// ErrUnknownSet is returned when no prime set has the given name.
	ErrUnknownSet = errors.New("unknown prime set")
	// ErrBasis is returned when a list of primes is empty, has a repeated prime, or does
	// not fit the other basis of the operation.
	ErrBasis = errors.New("unusable basis")
	// ErrGalois is returned when a Galois element is even or not below 2N.
	ErrGalois = errors.New("unusable Galois element")
)

// ResidueError says which residue of a limb is not below the limb's modulus. It does
// not carry the residue, so that it may be logged. It wraps [ErrResidue].
type ResidueError struct {
	// Index is the position of the first offending coefficient in its limb.
	Index int
	// Modulus is the limb's prime.
	Modulus uint64
}

// Error implements error.
func (e *ResidueError) Error() string {
	return fmt.Sprintf("coefficient %d is not below modulus %d", e.Index, e.Modulus)
}

// Unwrap returns [ErrResidue].
func (e *ResidueError) Unwrap() error { return ErrResidue }
