package protocol

import (
	"math/bits"

	"github.com/consensys/gnark-crypto/ecc/bn254/fr"
)

// Most of a verifier's time goes into inner products of public polynomials with powers of a
// point. In such a sum two products take one multiplication together,
//
//	x1*y1 + x2*y2 = (x1+y2)*(x2+y1) - x1*x2 - y1*y2,
//
// if what is taken off is known from elsewhere (S. Winograd, 1968): the products of a vector
// with itself serve all polynomials, those of a polynomial all digits of the vector. A pair
// of coefficients takes 5 multiplications of words instead of 8.

const (
	// digitBase leaves a word room for the sum of a digit and a residue below 2^62.
	digitBase = 3 << 62
	// digits make a field element: digitBase^4 is above 2^254.
	digits = 4
	// blockSize is the number of coefficients that are taken at a time: the digits that they
	// are multiplied with stay in a processor's nearest cache.
	blockSize = 512
)

// block is a part of a polynomial, or one digit each of a part of a vector.
type block [blockSize]uint64

// Residues are a polynomial modulo a prime below 2^62: every coefficient is below the prime.
type Residues struct {
	Coeffs []uint64
	Prime  uint64
}

// Point makes the views of one point. It is immutable and safe for concurrent use.
type Point struct {
	// plus are the digits of the powers, minus those of the negated powers.
	plus, minus [][digits]uint64
}

// NewPoint prepares the powers of a point, which [Powers] returns; their number is a power of
// two and at least 2. It uses all cores.
func NewPoint(powers []fr.Element) *Point {
	p := &Point{
		plus: make([][digits]uint64, len(powers)), minus: make([][digits]uint64, len(powers)),
	}
	// The digits of the modulus, which is odd: the lowest of r-1 is not the last one.
	var last fr.Element
	last.SetInt64(-1)
	modulus := digitsOf(&last)
	modulus[0]++
	parallel(len(powers), func(from, to int) {
		for i := from; i < to; i++ {
			p.plus[i] = digitsOf(&powers[i])
			borrow := uint64(0)
			for k, digit := range p.plus[i] {
				p.minus[i][k], borrow = bits.Sub64(modulus[k], digit, borrow)
				p.minus[i][k] += digitBase & -borrow
			}
		}
	})
	return p
}

// digitsOf returns the digits of a field element, the lowest first.
func digitsOf(x *fr.Element) (out [digits]uint64) {
	words := x.Bits()
	for i := range out {
		for k := len(words) - 1 - i; k >= 0; k-- { // each quotient is a word shorter
			words[k], out[i] = bits.Div64(out[i], words[k], digitBase)
		}
	}
	return out
}

// View is a vector of [Turned] that public polynomials are multiplied with. It is immutable
// and safe for concurrent use.
type View struct {
	// blocks hold the digits, those of the two elements of a pair swapped, and zeros from the
	// vector's end on.
	blocks [][digits]block
	// own is the sum of the products of the vector's pairs, total that of its elements.
	own, total fr.Element
}

// View returns the vector of X -> X^galois. It uses all cores.
func (p *Point) View(galois uint64) *View {
	n := len(p.plus)
	v := &View{blocks: make([][digits]block, (n+blockSize-1)/blockSize)}
	parallel(len(v.blocks), func(from, to int) {
		for b := from; b < to; b++ {
			p.fill(&v.blocks[b], b*blockSize, galois)
		}
	})
	// What the polynomials 0 and 1 + X + X^2 + ... come to tells the rest.
	var zeros, ones block
	for i := range ones {
		ones[i] = 1
	}
	var own, total products
	for b := range v.blocks {
		own.add(&zeros, &v.blocks[b])
		total.add(&ones, &v.blocks[b])
		total.self.add(0, blockSize/2)
	}
	v.own = own.scalar()
	v.total = total.scalar()
	v.total.Sub(&v.total, &v.own)
	return v
}

// fill writes the part of the vector for X -> X^galois that begins at that index.
func (p *Point) fill(out *[digits]block, from int, galois uint64) {
	n := uint64(len(p.plus))
	at := uint64(from) * galois
	for i := range min(blockSize, len(p.plus)-from) {
		source := p.plus
		if at&n != 0 {
			source = p.minus
		}
		entry := &source[at&(n-1)]
		out[0][i^1], out[1][i^1], out[2][i^1], out[3][i^1] = entry[0], entry[1], entry[2], entry[3]
		at += galois
	}
}

// Eval returns the inner product with a polynomial of as many coefficients, lifted as
// identity.Lift does.
func (v *View) Eval(p Residues) fr.Element {
	var sums products
	var x block
	for b := range v.blocks {
		x.shift(p.block(b), p.Prime, &sums.self)
		sums.add(&x, &v.blocks[b])
	}
	out := sums.scalar()
	var offset fr.Element // what shift added
	offset.SetUint64(p.Prime - p.Prime>>1)
	offset.Mul(&offset, &v.total)
	return *out.Sub(&out, &v.own).Sub(&out, &offset)
}

// block returns a part of a polynomial, from its end on with residues that shift makes 0.
func (r *Residues) block(b int) *block {
	rest := r.Coeffs[b*blockSize:]
	if len(rest) >= blockSize {
		return (*block)(rest)
	}
	out := new(block)
	for i := copy(out[:], rest); i < blockSize; i++ {
		out[i] = r.Prime >> 1
	}
	return out
}

// shift sets x to the lifted integers, plus an offset that makes them residues again: there
// is no branch on signs. It adds the products of their pairs to self.
func (x *block) shift(residues *block, prime uint64, self *sum) {
	half := int64(prime >> 1)
	lo, mid, hi := self[0], self[1], self[2]
	for i := 0; i < blockSize; i += 2 {
		// From half on a lifted residue is negative, and the offset is prime - half.
		s, t := int64(residues[i])-half, int64(residues[i+1])-half
		u, v := uint64(s)+prime&uint64(s>>63), uint64(t)+prime&uint64(t>>63)
		x[i], x[i+1] = u, v
		h, l := bits.Mul64(u, v)
		var carry uint64
		lo, carry = bits.Add64(lo, l, 0)
		mid, carry = bits.Add64(mid, h, carry)
		hi, _ = bits.Add64(hi, 0, carry)
	}
	*self = sum{lo, mid, hi}
}

// sum is a sum of at most 2^64 products of two words.
type sum [3]uint64

// add adds a product.
func (s *sum) add(hi, lo uint64) {
	var carry uint64
	s[0], carry = bits.Add64(s[0], lo, 0)
	s[1], carry = bits.Add64(s[1], hi, carry)
	s[2] += carry
}

// addPairs adds (x1+y2)*(x2+y1) for every pair; the pairs of y are swapped.
func (s *sum) addPairs(x, y *block) {
	lo, mid, hi := s[0], s[1], s[2]
	for i := 0; i < blockSize; i += 4 {
		h, l := bits.Mul64(x[i]+y[i], x[i+1]+y[i+1])
		var carry uint64
		lo, carry = bits.Add64(lo, l, 0)
		mid, carry = bits.Add64(mid, h, carry)
		hi, _ = bits.Add64(hi, 0, carry)
		h, l = bits.Mul64(x[i+2]+y[i+2], x[i+3]+y[i+3])
		lo, carry = bits.Add64(lo, l, 0)
		mid, carry = bits.Add64(mid, h, carry)
		hi, _ = bits.Add64(hi, 0, carry)
	}
	*s = sum{lo, mid, hi}
}

// scalar reduces the sum.
func (s *sum) scalar() fr.Element { return horner(s[:]) }

// products are the sums that an inner product is made of: those of the polynomial with each
// digit of the vector and with itself.
type products struct {
	digits [digits]sum
	self   sum
}

// add adds the products with the digits of a block.
func (p *products) add(x *block, y *[digits]block) {
	for k := range p.digits {
		p.digits[k].addPairs(x, &y[k])
	}
}

// scalar returns the inner product and the sum of the products of the vector's pairs.
func (p *products) scalar() fr.Element {
	var base, out fr.Element
	base.SetUint64(digitBase)
	self := p.self.scalar()
	for k := digits - 1; k >= 0; k-- {
		digit := p.digits[k].scalar()
		digit.Sub(&digit, &self)
		out.Mul(&out, &base).Add(&out, &digit)
	}
	return out
}
