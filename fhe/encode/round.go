package encode

import (
	"encoding/binary"
	"fmt"
	"math/big"
	"math/bits"

	"github.com/cerberus-host/cerberus/fhe"
	"github.com/cerberus-host/cerberus/fhe/rns"
)

// scaleBits is the width of a scale's mantissa.
const scaleBits = 128

// rounder scales numbers, rounds them to integers and writes their residues.
type rounder struct {
	// The factor is mantissa * 2^exponent: the scale times 2^-frac.
	mantissa *big.Int
	exponent int
	basis    *rns.Basis
	// half is the largest coefficient that the modulus can tell from its negative.
	half *big.Int
	poly fhe.Poly
}

// newRounder checks the arguments that all encodings share and makes a zero polynomial.
func newRounder(p *fhe.Params, level, frac int, scale fhe.Scale) (*rounder, error) {
	if level < 0 || level > p.MaxLevel() {
		return nil, fmt.Errorf("%w: level %d is not in [0, %d]", fhe.ErrRange, level, p.MaxLevel())
	}
	if frac < 0 || frac > FracBitsMax {
		return nil, fmt.Errorf("%w: %d fractional bits are not in [0, %d]",
			fhe.ErrRange, frac, FracBitsMax)
	}
	if scale.IsZero() {
		return nil, fmt.Errorf("%w: the scale is missing", fhe.ErrRange)
	}
	basis, err := rns.NewBasis(p.Moduli(level))
	if err != nil {
		return nil, fmt.Errorf("encode: %w", err)
	}
	product := basis.Product()
	// A scale beyond the modulus leaves no number but zero; refusing it bounds the shifts.
	// Below the other bound every value rounds to zero.
	if log := scale.Log2Floor(); log > product.BitLen()+frac || log < -FracBitsMax {
		return nil, fmt.Errorf("%w: a scale near 2^%d at a modulus of %d bits",
			fhe.ErrRange, log, product.BitLen())
	}
	r := &rounder{basis: basis, half: product.Rsh(product, 1)}
	mantissa := new(big.Float)
	r.exponent = scale.Float().MantExp(mantissa) - scaleBits - frac
	r.mantissa, _ = mantissa.SetMantExp(mantissa, scaleBits).Int(nil)
	r.poly.Limbs = make([][]uint64, basis.Len())
	for i := range r.poly.Limbs {
		r.poly.Limbs[i] = make([]uint64, p.N())
	}
	return r, nil
}

// round returns x * 2^-shift times the factor, rounded to nearest, ties to even.
func (r *rounder) round(x fixed, shift uint) *big.Int {
	negative := x.negative()
	if negative {
		x = x.neg()
	}
	c := new(big.Int).SetUint64(x.hi)
	c.Or(c.Lsh(c, 64), new(big.Int).SetUint64(x.lo))
	c.Mul(c, r.mantissa)
	if exponent := r.exponent - int(shift); exponent >= 0 {
		c.Lsh(c, uint(exponent))
	} else {
		c = rns.DivRound(c, new(big.Int).Lsh(big.NewInt(1), uint(-exponent)))
	}
	if negative {
		c.Neg(c)
	}
	return c
}

// put writes the residues of c into coefficient at.
func (r *rounder) put(at int, c *big.Int) error {
	if c.CmpAbs(r.half) > 0 {
		return fmt.Errorf("%w: coefficient %d needs %d bits, the modulus has %d",
			fhe.ErrRange, at, c.BitLen()+1, r.half.BitLen()+1)
	}
	if c.BitLen() > 128 {
		for i, residue := range r.basis.Decompose(c) {
			r.poly.Limbs[i][at] = residue
		}
		return nil
	}
	var word [16]byte
	c.FillBytes(word[:]) // the magnitude
	hi, lo := binary.BigEndian.Uint64(word[:8]), binary.BigEndian.Uint64(word[8:])
	for i, limb := range r.poly.Limbs {
		m := r.basis.Modulus(i)
		residue := m.ReduceWide(hi, lo)
		if c.Sign() < 0 {
			residue = m.Neg(residue)
		}
		limb[at] = residue
	}
	return nil
}

// logOf returns log2 of a power of two.
func logOf(n int) int { return bits.Len(uint(n)) - 1 }
