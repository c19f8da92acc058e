package protocol

import (
	"fmt"
	"math/bits"

	"github.com/consensys/gnark-crypto/ecc/bn254"
	"github.com/consensys/gnark-crypto/ecc/bn254/fr"

	"github.com/cerberus-host/cerberus/proofs/identity"
)

const (
	// Version names the protocol; it enters the transcript.
	Version = "cerberus-attestation/1"
	// Rows is the number of rows of the projection matrix.
	Rows = 256
	// AcceptFactor times N times the square of a wire's bound is what the squares of its
	// projections may add up to.
	AcceptFactor = 337
	// ProofBytesMax bounds the bytes of a proof.
	ProofBytesMax = 1 << 30
	// pointBytes is the length of an uncompressed point.
	pointBytes = bn254.SizeOfG1AffineUncompressed
)

// Shape fixes every count and order of a proof. It follows from the System and the size of
// the opening alone.
type Shape struct {
	System *identity.System
	// Size is the number of elements of an opened vector, Blocks the number of vectors that
	// a polynomial takes, Degree its number of coefficients.
	Size, Blocks, Degree int
	// Keys, Wires and Quotients are the committed polynomials in order: keys that are
	// committed, wires of the run, quotients.
	Keys, Wires, Quotients []int
	// Vectors is the number of public vectors: the views and the projections.
	Vectors int
	// Rounds is the number of rounds of the sum-check.
	Rounds int
	// OpeningBytes is the length of the opening.
	OpeningBytes int
}

// NewShape returns the shape of the proofs of a System under openings of that size.
func NewShape(s *identity.System, size, openingBytes int) (*Shape, error) {
	n := s.Plan.Params.N()
	if size < 1 || size&(size-1) != 0 || openingBytes < 0 {
		return nil, fmt.Errorf("%w: vectors of %d elements", ErrShape, size)
	}
	sh := &Shape{
		System: s, Size: size, Blocks: max(1, n/size), Degree: n, OpeningBytes: openingBytes,
		Vectors: len(s.Views) + 1,
	}
	for i, p := range s.Polys {
		switch {
		case i >= s.Quotients:
			sh.Quotients = append(sh.Quotients, i)
		case i >= s.Wires:
			sh.Wires = append(sh.Wires, i)
		case p.Committed:
			sh.Keys = append(sh.Keys, i)
		}
	}
	sh.Rounds = bits.Len(uint(sh.Vectors*sh.Blocks - 1))
	if size := sh.sizeMax(); size > ProofBytesMax {
		return nil, fmt.Errorf("%w: proofs of %d bytes", ErrShape, size)
	}
	return sh, nil
}

// Projected returns the polynomials that are projected: wires and quotients, in order.
func (sh *Shape) Projected() []int {
	return append(append([]int(nil), sh.Wires...), sh.Quotients...)
}

// HPoints is the number of points of the quotient by X^N+1.
func (sh *Shape) HPoints() int { return sh.System.HBlocks * sh.Blocks }

// projectionBits bounds the width of a projection that can be accepted: one beyond
// sqrt(337*N) times the bound.
func (sh *Shape) projectionBits(poly int) int {
	b := bits.Len64(uint64(sh.System.Polys[poly].Bound))
	return b + (bits.Len(uint(AcceptFactor*sh.Degree))+1)/2 + 1
}

// sizeMax bounds the bytes of a proof.
func (sh *Shape) sizeMax() int {
	size := len(magic) + sh.HPoints()*pointBytes +
		(len(sh.System.Claims)+2*sh.Rounds)*fr.Bytes + sh.OpeningBytes
	for _, p := range sh.Projected() {
		size += sh.Blocks*pointBytes + 1 + Rows*sh.projectionBits(p)/8
	}
	return size
}
