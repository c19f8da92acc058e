package opening

import (
	"context"

	"github.com/consensys/gnark-crypto/ecc/bn254"
	"github.com/consensys/gnark-crypto/ecc/bn254/fr"

	"github.com/cerberus-host/cerberus/abi"
)

// SetupKind says what a setup's secrets rest on.
type SetupKind string

// The setup kinds.
const (
	// SetupDevelopment was made by one machine, which may know its secrets: whoever has them
	// forges every attestation. Verifiers refuse it unless told otherwise.
	SetupDevelopment SetupKind = "development"
	// SetupCeremony was made by several parties, one honest one of which suffices.
	SetupCeremony SetupKind = "ceremony"
	// SetupTransparent has no secrets (the clear opening).
	SetupTransparent SetupKind = "transparent"
)

// Verifier checks openings: that the vector W behind a commitment has the inner product
// S with a public vector Y. It is immutable and safe for concurrent use.
type Verifier interface {
	// Size is the number of elements of a committed vector.
	Size() int
	// Kind is the kind of the setup.
	Kind() SetupKind
	// Digest names the setup.
	Digest() abi.Digest
	// OpeningBytes is the length of every opening.
	OpeningBytes() int
	// Verify returns nil if opening shows that the vector behind c has the inner product s
	// with y (Size elements), else an error that wraps [ErrOpening].
	Verify(c bn254.G1Affine, y []fr.Element, s fr.Element, opening []byte) error
}

// Prover commits to vectors and opens commitments. It is immutable and safe for concurrent
// use.
type Prover interface {
	// Verifier returns the verifier of the same setup.
	Verifier() Verifier
	// Commit commits to at most Size small integers of absolute value below 2^60; missing ones
	// are 0. It works on one goroutine.
	Commit(w []int64) (bn254.G1Affine, error)
	// CommitScalars commits to at most Size field elements.
	CommitScalars(w []fr.Element) (bn254.G1Affine, error)
	// Open shows that w has the inner product s with y. All three have Size elements. The
	// blinding of a Groth16 opening is gnark's own, from crypto/rand (a test makes it
	// repeatable with testing/cryptotest); [Clear] blinds nothing. It returns [ErrOpening] if
	// the claim is false.
	Open(ctx context.Context, w, y []fr.Element, s fr.Element) ([]byte, error)
}
