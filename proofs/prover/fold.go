package prover

import (
	"math/bits"

	"github.com/consensys/gnark-crypto/ecc/bn254/fr"
)

// weighed is an integer polynomial with a weight in a sum.
type weighed struct {
	w      []int64
	weight fr.Element
}

// foldMax is the number of polynomials that are made before they are added up.
const foldMax = 64

// foldStretch is the number of sums that are worked on at a time: they fit the nearest
// cache.
const foldStretch = 256

// folder adds weighed polynomials up. Products are not reduced before the end: a sum is 384
// bits wide. It is immutable and safe for concurrent use.
type folder struct {
	// low and high put an unreduced sum into the field: the words below 2^253 and the rest.
	low, high fr.Element
}

// foldBits is where an unreduced sum is cut in two numbers below the field's modulus.
const foldBits = 253

func newFolder() *folder {
	f := &folder{low: fr.One()}
	for range 256 { // numbers that are taken for elements are divided by 2^256
		f.low.Double(&f.low)
	}
	f.high = f.low
	for range foldBits {
		f.high.Double(&f.high)
	}
	return f
}

// fold adds the sum of the list to out, from coefficient from on.
func (f *folder) fold(out []fr.Element, list []weighed, from int) {
	var offset fr.Element
	limbs := make([][4]uint64, len(list))
	for k := range list {
		limbs[k] = list[k].weight.Bits()
		offset.Add(&offset, &list[k].weight)
	}
	var scale fr.Element
	offset.Mul(&offset, scale.SetUint64(1<<63))
	var sums [foldStretch][6]uint64
	for len(out) > 0 {
		n := min(len(out), foldStretch)
		clear(sums[:n])
		for k := range list {
			addWeighed(sums[:n], &limbs[k], list[k].w[from:from+n])
		}
		for i := range n {
			x := f.reduce(&sums[i])
			x.Sub(&x, &offset)
			out[i].Add(&out[i], &x)
		}
		out, from = out[n:], from+n
	}
}

// addWeighed adds x times coefficients plus 2^63, which are never negative.
func addWeighed(sums [][6]uint64, x *[4]uint64, w []int64) {
	x0, x1, x2, x3 := x[0], x[1], x[2], x[3]
	w = w[:len(sums)]
	for i := range sums {
		c := uint64(w[i]) ^ 1<<63
		s := &sums[i]
		h0, l0 := bits.Mul64(x0, c)
		h1, l1 := bits.Mul64(x1, c)
		h2, l2 := bits.Mul64(x2, c)
		h3, l3 := bits.Mul64(x3, c)
		var carry uint64
		l1, carry = bits.Add64(l1, h0, 0)
		l2, carry = bits.Add64(l2, h1, carry)
		l3, carry = bits.Add64(l3, h2, carry)
		h3 += carry // x < 2^254: the product's highest word has room
		s[0], carry = bits.Add64(s[0], l0, 0)
		s[1], carry = bits.Add64(s[1], l1, carry)
		s[2], carry = bits.Add64(s[2], l2, carry)
		s[3], carry = bits.Add64(s[3], l3, carry)
		s[4], carry = bits.Add64(s[4], h3, carry)
		s[5] += carry
	}
}

// reduce returns an unreduced sum as an element.
func (f *folder) reduce(s *[6]uint64) fr.Element {
	const top = foldBits - 192
	low := fr.Element{s[0], s[1], s[2], s[3] & (1<<top - 1)}
	high := fr.Element{
		s[3]>>top | s[4]<<(64-top), s[4]>>top | s[5]<<(64-top), s[5] >> top,
	}
	low.Mul(&low, &f.low)
	high.Mul(&high, &f.high)
	return *low.Add(&low, &high)
}

// raw writes integers as elements divided by 2^256, which costs no product.
func raw(out []fr.Element, w []int64) {
	for i, c := range w {
		sign := uint64(c >> 63)
		out[i] = fr.Element{(uint64(c) ^ sign) - sign}
		if sign != 0 {
			out[i].Neg(&out[i])
		}
	}
}
