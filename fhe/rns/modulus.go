package rns

import (
	"fmt"
	"math/bits"
)

// Modulus is one odd prime below 2^62 with the constants of its reduction. It is
// immutable and comparable; the zero value is unusable, see [NewModulus].
type Modulus struct {
	q uint64
	// barrettHi and barrettLo are the two words of floor(2^128 / q).
	barrettHi, barrettLo uint64
}

// maxModulusBits leaves room for lazy sums of four residues in a word.
const maxModulusBits = 62

// NewModulus checks that q is an odd prime below 2^62 and computes the constants. It
// returns [ErrModulus] otherwise.
func NewModulus(q uint64) (Modulus, error) {
	if q>>maxModulusBits != 0 || q&1 == 0 || !IsPrime(q) {
		return Modulus{}, fmt.Errorf("%w: %d is no odd prime below 2^%d",
			ErrModulus, q, maxModulusBits)
	}
	hi, rem := bits.Div64(1, 0, q)
	lo, _ := bits.Div64(rem, 0, q)
	return Modulus{q: q, barrettHi: hi, barrettLo: lo}, nil
}

// Value returns the prime.
func (m Modulus) Value() uint64 { return m.q }

// Bits returns the width in which a canonical residue is packed: bits.Len64(q-1).
func (m Modulus) Bits() int { return ResidueBits(m.q) }

// Reduce returns x mod q for any x.
func (m Modulus) Reduce(x uint64) uint64 { return m.ReduceWide(0, x) }

// Add returns x+y mod q for x, y < q.
func (m Modulus) Add(x, y uint64) uint64 {
	return condSub(x+y, m.q)
}

// Sub returns x-y mod q for x, y < q.
func (m Modulus) Sub(x, y uint64) uint64 {
	return condSub(x+m.q-y, m.q)
}

// Neg returns -x mod q for x < q.
func (m Modulus) Neg(x uint64) uint64 {
	return condSub(m.q-x, m.q)
}

// Mul returns x*y mod q for any x and y.
func (m Modulus) Mul(x, y uint64) uint64 {
	return m.ReduceWide(bits.Mul64(x, y))
}

// ReduceWide returns hi*2^64+lo mod q for any hi and lo.
func (m Modulus) ReduceWide(hi, lo uint64) uint64 {
	// The quotient estimate is the exact integer part of the product with floor(2^128/q),
	// divided by 2^128. Cutting that constant costs less than one, so the estimate is the
	// quotient or one less, and the remainder is below 2q.
	low, _ := bits.Mul64(lo, m.barrettLo)
	midHi, midLo := bits.Mul64(lo, m.barrettHi)
	crossHi, crossLo := bits.Mul64(hi, m.barrettLo)
	sum, carry1 := bits.Add64(midLo, crossLo, 0)
	_, carry2 := bits.Add64(sum, low, 0)
	estimate := hi*m.barrettHi + midHi + crossHi + carry1 + carry2
	return condSub(lo-estimate*m.q, m.q)
}

// Pow returns base^exponent mod q; the power with exponent 0 is 1.
func (m Modulus) Pow(base, exponent uint64) uint64 {
	result := uint64(1)
	for base = m.Reduce(base); exponent > 0; exponent >>= 1 {
		if exponent&1 == 1 {
			result = m.Mul(result, base)
		}
		base = m.Mul(base, base)
	}
	return result
}

// Inv returns the inverse of x modulo q, or [ErrNoInverse] if q divides x.
func (m Modulus) Inv(x uint64) (uint64, error) {
	if x = m.Reduce(x); x == 0 {
		return 0, fmt.Errorf("%w: 0 modulo %d", ErrNoInverse, m.q)
	}
	return m.Pow(x, m.q-2), nil
}

// Shoup returns floor(w * 2^64 / q), the companion of a fixed factor w < q with which
// [Modulus.MulShoup] multiplies.
func (m Modulus) Shoup(w uint64) uint64 {
	quo, _ := bits.Div64(w, 0, m.q)
	return quo
}

// MulShoup returns x*w mod q for any x, given w < q and its companion from
// [Modulus.Shoup].
func (m Modulus) MulShoup(x, w, companion uint64) uint64 {
	return condSub(m.mulShoupLazy(x, w, companion), m.q)
}

// mulShoupLazy returns a number in [0, 2q) that is x*w modulo q, for any x. The quotient
// estimate floor(x*companion/2^64) is the true one or one less, because
// x*w/q - x*companion/2^64 < x/2^64 < 1.
func (m Modulus) mulShoupLazy(x, w, companion uint64) uint64 {
	estimate, _ := bits.Mul64(x, companion)
	return x*w - estimate*m.q
}

// condSub returns x-q if x >= q and x otherwise.
func condSub(x, q uint64) uint64 {
	if x >= q {
		return x - q
	}
	return x
}

// mulMod returns a*b mod n for a < n, without constants.
func mulMod(a, b, n uint64) uint64 {
	hi, lo := bits.Mul64(a, b)
	_, rem := bits.Div64(hi, lo, n)
	return rem
}

// powMod returns base^exponent mod n for n > 1, without constants.
func powMod(base, exponent, n uint64) uint64 {
	result := uint64(1)
	for base %= n; exponent > 0; exponent >>= 1 {
		if exponent&1 == 1 {
			result = mulMod(result, base, n)
		}
		base = mulMod(base, base, n)
	}
	return result
}
