package fhe

import (
	"errors"
	"fmt"
	"slices"

	"github.com/cerberus-host/cerberus/abi"
	"github.com/cerberus-host/cerberus/fhe/rns"
)

// Poly is a polynomial of the ring in RNS form: Limbs[i][j] is coefficient j modulo prime
// i, in coefficient domain, reduced to [0, q_i). A Poly that is shared must not be changed.
type Poly struct {
	Limbs [][]uint64
}

// NewPoly returns the zero polynomial with the given number of coefficients and limbs.
func NewPoly(n, limbs int) Poly {
	backing := make([]uint64, n*limbs)
	p := Poly{Limbs: make([][]uint64, limbs)}
	for i := range p.Limbs {
		p.Limbs[i] = backing[i*n : (i+1)*n : (i+1)*n]
	}
	return p
}

// Clone returns a copy that shares no memory with p.
func (p Poly) Clone() Poly {
	c := Poly{Limbs: make([][]uint64, len(p.Limbs))}
	for i, limb := range p.Limbs {
		c.Limbs[i] = slices.Clone(limb)
	}
	return c
}

// Equal reports whether both have the same limbs.
func (p Poly) Equal(o Poly) bool {
	return slices.EqualFunc(p.Limbs, o.Limbs, slices.Equal[[]uint64])
}

// Check returns [ErrFormat] if p is not a polynomial of n canonical coefficients modulo each
// of the moduli.
func (p Poly) Check(n int, moduli []uint64) error {
	if len(p.Limbs) != len(moduli) {
		return fmt.Errorf("%w: %d limbs instead of %d", ErrFormat, len(p.Limbs), len(moduli))
	}
	for i, limb := range p.Limbs {
		if len(limb) != n {
			return fmt.Errorf("%w: limb %d has %d coefficients instead of %d", ErrFormat, i,
				len(limb), n)
		}
		for j, c := range limb {
			if c >= moduli[i] {
				return limbError(i, &rns.ResidueError{Index: j, Modulus: moduli[i]})
			}
		}
	}
	return nil
}

// PolyBytes returns the length of the canonical bytes of a polynomial of n coefficients.
func PolyBytes(n int, moduli []uint64) int {
	size := 0
	for _, q := range moduli {
		size += rns.PackedBytes(n, q)
	}
	return size
}

// AppendPoly appends the canonical bytes of p: limb after limb, each packed as
// [rns.AppendPacked] says. It returns [ErrFormat] if p does not have one limb per modulus or
// a residue is not below its modulus.
func AppendPoly(dst []byte, p Poly, moduli []uint64) ([]byte, error) {
	if len(p.Limbs) != len(moduli) {
		return dst, fmt.Errorf("%w: %d limbs instead of %d", ErrFormat, len(p.Limbs), len(moduli))
	}
	out := dst
	for i, q := range moduli {
		var err error
		if out, err = rns.AppendPacked(out, p.Limbs[i], q); err != nil {
			return dst, limbError(i, err)
		}
	}
	return out, nil
}

// ParsePoly reads what [AppendPoly] appends for n coefficients and nothing else. It returns
// [ErrFormat] if data has another length, a padding bit is set or a residue is not below
// its modulus.
func ParsePoly(data []byte, n int, moduli []uint64) (Poly, error) {
	if size := PolyBytes(n, moduli); len(data) != size {
		return Poly{}, fmt.Errorf("%w: %d bytes instead of %d", ErrFormat, len(data), size)
	}
	p := NewPoly(n, len(moduli))
	for i, q := range moduli {
		size := rns.PackedBytes(n, q)
		if err := rns.Unpack(data[:size], p.Limbs[i], q); err != nil {
			return Poly{}, limbError(i, err)
		}
		data = data[size:]
	}
	return p, nil
}

// PolyDigest returns the digest of the canonical bytes of p, a polynomial modulo the first
// primes of the set's modulus chain, as many as it has limbs.
func PolyDigest(params *Params, p Poly) (abi.Digest, error) {
	if len(p.Limbs) == 0 || len(p.Limbs) > params.QCount() {
		return abi.Digest{}, fmt.Errorf("%w: %d limbs, %s has levels 0 to %d", ErrFormat,
			len(p.Limbs), params, params.MaxLevel())
	}
	moduli := params.Moduli(len(p.Limbs) - 1)
	if err := p.Check(params.N(), moduli); err != nil {
		return abi.Digest{}, err
	}
	data, err := AppendPoly(nil, p, moduli)
	if err != nil {
		return abi.Digest{}, err
	}
	return abi.SumDigest(data), nil
}

// limbError names the limb and makes every error of package rns one of the format.
func limbError(limb int, err error) error {
	if errors.Is(err, ErrFormat) {
		return fmt.Errorf("limb %d: %w", limb, err)
	}
	return fmt.Errorf("%w: limb %d: %w", ErrFormat, limb, err)
}

// expandPoly expands the uniform polynomial of a seed that domain and index single out.
func expandPoly(n int, moduli []uint64, seed [SeedBytes]byte, domain string,
	index ...uint64,
) (Poly, error) {
	p := NewPoly(n, len(moduli))
	for i, q := range moduli {
		if err := rns.ExpandUniform(p.Limbs[i], q, seed, domain, index...); err != nil {
			return Poly{}, fmt.Errorf("limb %d: %w", i, err)
		}
	}
	return p, nil
}
