package rns

import (
	"fmt"
	"math/bits"
)

// Table holds the constants of the negacyclic number-theoretic transform of one modulus
// and ring degree. It is immutable and safe for concurrent use.
//
// # Order of the transformed values
//
// Forward maps the polynomial a to its values at the odd powers of psi, in bit-reversed
// order: output i is a(psi^(2*rev(i)+1)), where rev reverses the log2 N bits of i.
// Two transformed polynomials are therefore multiplied position by position, and the
// result of Inverse is their product modulo X^N+1. [Table.Exponent] names the power.
type Table struct {
	modulus Modulus
	logN    int
	psi     uint64
	// forward[i] = psi^rev(i) and inverse[i] = psi^-rev(i), with their Shoup companions.
	forward, forwardShoup []uint64
	inverse, inverseShoup []uint64
	// degreeInverse is 1/N.
	degreeInverse, degreeInverseShoup uint64
}

// NewTable computes the constants for the ring degree 2^logN, with psi from
// [Modulus.RootOfUnity]. It returns [ErrModulus] or [ErrDegree] if there is none.
func NewTable(m Modulus, logN int) (*Table, error) {
	psi, err := m.RootOfUnity(logN)
	if err != nil {
		return nil, fmt.Errorf("transform table: %w", err)
	}
	inverse, err := m.Inv(psi)
	if err != nil {
		return nil, fmt.Errorf("transform table: %w", err)
	}
	degreeInverse, err := m.Inv(1 << logN)
	if err != nil {
		return nil, fmt.Errorf("transform table: %w", err)
	}
	t := &Table{
		modulus: m, logN: logN, psi: psi,
		degreeInverse: degreeInverse, degreeInverseShoup: m.Shoup(degreeInverse),
	}
	t.forward, t.forwardShoup = reversedPowers(m, psi, logN)
	t.inverse, t.inverseShoup = reversedPowers(m, inverse, logN)
	return t, nil
}

// reversedPowers returns base^rev(i) for all i below 2^logN, with Shoup companions.
func reversedPowers(m Modulus, base uint64, logN int) (powers, companions []uint64) {
	powers, companions = make([]uint64, 1<<logN), make([]uint64, 1<<logN)
	power := uint64(1)
	for i := range 1 << logN {
		at := reverseBits(i, logN)
		powers[at], companions[at] = power, m.Shoup(power)
		power = m.Mul(power, base)
	}
	return powers, companions
}

// reverseBits reverses the lowest width bits of i.
func reverseBits(i, width int) int {
	return int(bits.Reverse64(uint64(i)) >> (64 - width))
}

// Modulus returns the modulus of the transform.
func (t *Table) Modulus() Modulus { return t.modulus }

// LogDegree returns log2 N.
func (t *Table) LogDegree() int { return t.logN }

// Degree returns N.
func (t *Table) Degree() int { return 1 << t.logN }

// Psi returns the primitive 2N-th root of unity at whose odd powers Forward evaluates.
func (t *Table) Psi() uint64 { return t.psi }

// Exponent returns the odd e such that position i of a transformed polynomial is its
// value at psi^e, for 0 <= i < N.
func (t *Table) Exponent(i int) int { return 2*reverseBits(i, t.logN) + 1 }

// Forward transforms the coefficients a in place. Residues must be in [0, q) and come
// out in [0, q). It returns [ErrLength], with a unchanged, if len(a) is not N.
func (t *Table) Forward(a []uint64) error {
	if len(a) != t.Degree() {
		return t.lengthError(a)
	}
	q, twoQ := t.modulus.q, 2*t.modulus.q
	// Residues stay below 4q between the layers: a butterfly brings its left input below
	// 2q, and the product is below 2q whatever its right input was.
	for blocks, span := 1, len(a)/2; span > 0; blocks, span = 2*blocks, span/2 {
		for block := range blocks {
			w, companion := t.forward[blocks+block], t.forwardShoup[blocks+block]
			left := a[2*block*span:][:span]
			right := a[(2*block+1)*span:][:span]
			for i, x := range left {
				x = condSub(x, twoQ)
				y := t.modulus.mulShoupLazy(right[i], w, companion)
				left[i], right[i] = x+y, x+twoQ-y
			}
		}
	}
	for i, x := range a {
		a[i] = condSub(condSub(x, twoQ), q)
	}
	return nil
}

// Inverse undoes Forward in place, under the same conditions.
func (t *Table) Inverse(a []uint64) error {
	if len(a) != t.Degree() {
		return t.lengthError(a)
	}
	twoQ := 2 * t.modulus.q
	// Residues stay below 2q between the layers.
	for blocks, span := len(a)/2, 1; blocks > 0; blocks, span = blocks/2, 2*span {
		for block := range blocks {
			w, companion := t.inverse[blocks+block], t.inverseShoup[blocks+block]
			left := a[2*block*span:][:span]
			right := a[(2*block+1)*span:][:span]
			for i, x := range left {
				y := right[i]
				left[i] = condSub(x+y, twoQ)
				right[i] = t.modulus.mulShoupLazy(x+twoQ-y, w, companion)
			}
		}
	}
	for i, x := range a {
		a[i] = t.modulus.MulShoup(x, t.degreeInverse, t.degreeInverseShoup)
	}
	return nil
}

func (t *Table) lengthError(a []uint64) error {
	return fmt.Errorf("%w: %d residues for ring degree %d", ErrLength, len(a), t.Degree())
}

// MulNegacyclic returns the product of a and b modulo X^N+1 by the schoolbook method in
// O(N^2), the oracle of the transform. N is the common length; residues must be below
// q. It returns [ErrLength] if the lengths differ.
func (m Modulus) MulNegacyclic(a, b []uint64) ([]uint64, error) {
	if len(a) != len(b) {
		return nil, fmt.Errorf("%w: %d and %d residues", ErrLength, len(a), len(b))
	}
	out := make([]uint64, len(a))
	for i, x := range a {
		for j, y := range b {
			if product := m.Mul(x, y); i+j < len(a) {
				out[i+j] = m.Add(out[i+j], product)
			} else {
				out[i+j-len(a)] = m.Sub(out[i+j-len(a)], product)
			}
		}
	}
	return out, nil
}
