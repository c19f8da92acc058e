package opening

import (
	"context"
	"encoding/binary"
	"fmt"

	"github.com/consensys/gnark-crypto/ecc"
	"github.com/consensys/gnark-crypto/ecc/bn254"
	"github.com/consensys/gnark-crypto/ecc/bn254/fr"

	"github.com/cerberus-host/cerberus/abi"
)

// clearDomain separates the basis from every other use of the hash to the curve.
const clearDomain = "cerberus/clear-opening/v1"

// Clear opens a commitment by showing the vector, over a basis hashed to the curve: no setup,
// no secret of anybody, 32 bytes an element. It is the oracle of the other opening and the
// transparent alternative. It is immutable and safe for concurrent use.
type Clear struct {
	size   int
	digest abi.Digest
	basis  *basis
}

var (
	_ Prover   = (*Clear)(nil)
	_ Verifier = (*Clear)(nil)
)

// NewClear computes the basis of that size.
func NewClear(size int) (*Clear, error) {
	if err := CheckSize(size); err != nil {
		return nil, err
	}
	points := make([]bn254.G1Affine, size)
	for i := range points {
		var err error
		index := binary.BigEndian.AppendUint32(nil, uint32(i))
		if points[i], err = bn254.HashToG1(index, []byte(clearDomain)); err != nil {
			return nil, fmt.Errorf("hash to the curve: %w", err)
		}
	}
	return &Clear{
		size: size, basis: newBasis(points),
		digest: abi.LabelledDigest(clearDomain, binary.BigEndian.AppendUint32(nil, uint32(size))),
	}, nil
}

// Verifier implements [Prover].
func (c *Clear) Verifier() Verifier { return c }

// Commit implements [Prover].
func (c *Clear) Commit(w []int64) (bn254.G1Affine, error) { return c.basis.commit(w) }

// CommitScalars implements [Prover].
func (c *Clear) CommitScalars(w []fr.Element) (bn254.G1Affine, error) {
	return c.basis.commitScalars(w)
}

// Open implements [Prover].
func (c *Clear) Open(
	ctx context.Context, w, y []fr.Element, s fr.Element,
) ([]byte, error) {
	if len(w) != c.size || len(y) != c.size {
		return nil, fmt.Errorf("%w: %d and %d elements instead of %d", ErrVector, len(w), len(y),
			c.size)
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	vector := fr.Vector(w)
	if product := vector.InnerProduct(y); !product.Equal(&s) {
		return nil, fmt.Errorf("%w: the claim is false", ErrOpening)
	}
	out := make([]byte, 0, c.OpeningBytes())
	for i := range w {
		b := w[i].Bytes()
		out = append(out, b[:]...)
	}
	return out, nil
}

// Size implements [Verifier].
func (c *Clear) Size() int { return c.size }

// Kind implements [Verifier].
func (c *Clear) Kind() SetupKind { return SetupTransparent }

// Digest implements [Verifier].
func (c *Clear) Digest() abi.Digest { return c.digest }

// OpeningBytes implements [Verifier].
func (c *Clear) OpeningBytes() int { return c.size * fr.Bytes }

// Verify implements [Verifier].
func (c *Clear) Verify(
	commitment bn254.G1Affine, y []fr.Element, s fr.Element, opening []byte,
) error {
	if len(y) != c.size {
		return fmt.Errorf("%w: %d public elements instead of %d", ErrVector, len(y), c.size)
	}
	if len(opening) != c.OpeningBytes() {
		return fmt.Errorf("%w: %d bytes instead of %d", ErrOpening, len(opening), c.OpeningBytes())
	}
	w := make(fr.Vector, c.size)
	for i := range w {
		if err := w[i].SetBytesCanonical(opening[i*fr.Bytes : (i+1)*fr.Bytes]); err != nil {
			return fmt.Errorf("%w: element %d is not canonical", ErrOpening, i)
		}
	}
	product := w.InnerProduct(y)
	if !product.Equal(&s) {
		return fmt.Errorf("%w: the inner product differs", ErrOpening)
	}
	var back bn254.G1Affine
	if _, err := back.MultiExp(c.basis.points[0], w, ecc.MultiExpConfig{}); err != nil {
		return fmt.Errorf("%w: %w", ErrOpening, err)
	}
	if !back.Equal(&commitment) {
		return fmt.Errorf("%w: the commitment differs", ErrOpening)
	}
	return nil
}
