package prover

import (
	"fmt"
	"math/big"
	"math/bits"
	"slices"

	"github.com/cerberus-host/cerberus/fhe/rns"
	"github.com/cerberus-host/cerberus/proofs/identity"
)

const (
	// wordBits is the width of the primes that quotients are computed modulo: a product of
	// two residues leaves six bits of a double word for sums.
	wordBits = 61
	// sumsMax is the number of products of two residues that a double word can hold.
	sumsMax = 1 << (128 - 2*wordBits)
	// wordsMax bounds the primes: their product fits four words.
	wordsMax = 4
	// wordSlack are the bits by which the product of the primes exceeds what a quotient
	// needs: if a combination is not divisible, its quotient shows it.
	wordSlack = 24
	// plainOffset makes committed coefficients non-negative.
	plainOffset = 1 << 60
)

// word is arithmetic in Z_q[X]/(X^N+1) for one prime below 2^61. It is immutable.
type word struct {
	m     rns.Modulus
	table *rns.Table
	q     uint64
	// inverse is q^-1 modulo 2^64, radix is 2^64 modulo q: products of residues come out
	// divided by 2^64.
	inverse, radix uint64
}

func newWord(q uint64, logN int) (*word, error) {
	m, err := rns.NewModulus(q)
	if err != nil {
		return nil, fmt.Errorf("word prime: %w", err)
	}
	table, err := rns.NewTable(m, logN)
	if err != nil {
		return nil, fmt.Errorf("word prime: %w", err)
	}
	w := &word{m: m, table: table, q: q, inverse: 1, radix: m.ReduceWide(1, 0)}
	for range 6 { // Newton: the number of right bits doubles
		w.inverse *= 2 - q*w.inverse
	}
	return w, nil
}

// newWords returns as many primes as integers of that many bits, and a sign, need.
func newWords(width, logN int) ([]*word, error) {
	count := (width + 1 + wordSlack + wordBits - 1) / wordBits
	if count*wordBits > 64*wordsMax-1 {
		return nil, fmt.Errorf("%w: a quotient of %d bits", identity.ErrBound, width)
	}
	var out []*word
	for q := uint64(1)<<wordBits + 1 - 2<<logN; len(out) < count; q -= 2 << logN {
		if !rns.IsPrime(q) {
			continue
		}
		w, err := newWord(q, logN)
		if err != nil {
			return nil, err
		}
		out = append(out, w)
	}
	return out, nil
}

// residue returns a signed word modulo a prime.
func residue(c int64, m rns.Modulus) uint64 {
	if c < 0 {
		return m.Neg(m.Reduce(uint64(-c)))
	}
	return m.Reduce(uint64(c))
}

// transform returns the values of integer coefficients at the odd powers of the root.
func (w *word) transform(coeffs []int64) ([]uint64, error) {
	out := make([]uint64, len(coeffs))
	for i, c := range coeffs {
		r := uint64(c) + w.q&uint64(c>>63)
		if r >= w.q { // the prime is smaller than the coefficient
			r = residue(c, w.m)
		}
		out[i] = r
	}
	if err := w.table.Forward(out); err != nil {
		return nil, fmt.Errorf("transform: %w", err)
	}
	return out, nil
}

// mul writes products, divided by 2^64.
func (w *word) mul(out, a, b []uint64) {
	q, inverse := w.q, w.inverse
	a, b = a[:len(out)], b[:len(out)]
	for i := range out {
		hi, lo := bits.Mul64(a[i], b[i])
		down, _ := bits.Mul64(lo*inverse, q)
		r, borrow := bits.Sub64(hi, down, 0)
		out[i] = r + q&-borrow
	}
}

// wide are sums of products that are not reduced.
type wide struct{ hi, lo []uint64 }

func newWide(n int) wide { return wide{make([]uint64, n), make([]uint64, n)} }

// add adds x times a weight.
func (s wide) add(x []uint64, weight uint64) {
	hi, lo := s.hi[:len(x)], s.lo[:len(x)]
	for i, v := range x {
		h, l := bits.Mul64(v, weight)
		var carry uint64
		lo[i], carry = bits.Add64(lo[i], l, 0)
		hi[i] += h + carry
	}
}

// addPlain adds coefficients plus [plainOffset] times a weight.
func (s wide) addPlain(x []int64, weight uint64) {
	hi, lo := s.hi[:len(x)], s.lo[:len(x)]
	for i, v := range x {
		h, l := bits.Mul64(uint64(v+plainOffset), weight)
		var carry uint64
		lo[i], carry = bits.Add64(lo[i], l, 0)
		hi[i] += h + carry
	}
}

// flush adds the sums to residues and begins again.
func (s wide) flush(w *word, out []uint64) {
	for i := range out {
		out[i] = w.m.Add(out[i], w.m.ReduceWide(s.hi[i], s.lo[i]))
	}
	clear(s.hi)
	clear(s.lo)
}

// chinese puts residues together to integers.
type chinese struct {
	words []*word
	// inverses[i][k] is prime k to the power -1 modulo prime i, for k < i.
	inverses [][]uint64
	// product is that of the primes, half its half, rounded down.
	product, half [wordsMax]uint64
}

func newChinese(words []*word) (*chinese, error) {
	c := &chinese{words: words}
	product := big.NewInt(1)
	for i, w := range words {
		c.inverses = append(c.inverses, nil)
		for _, below := range words[:i] {
			inverse, err := w.m.Inv(w.m.Reduce(below.q))
			if err != nil {
				return nil, fmt.Errorf("word prime: %w", err)
			}
			c.inverses[i] = append(c.inverses[i], inverse)
		}
		product.Mul(product, new(big.Int).SetUint64(w.q))
	}
	c.product = wordsOf(product)
	c.half = wordsOf(product.Rsh(product, 1))
	return c, nil
}

func wordsOf(x *big.Int) (out [wordsMax]uint64) {
	mask := new(big.Int).SetUint64(^uint64(0))
	rest := new(big.Int).Set(x)
	for i := range out {
		out[i] = new(big.Int).And(rest, mask).Uint64()
		rest.Rsh(rest, 64)
	}
	return out
}

// integer returns the absolute value and the sign of the integer nearest to 0 that has
// those residues.
func (c *chinese) integer(residues *[wordsMax]uint64) (words [wordsMax]uint64, negative bool) {
	// Digits in the mixed radix of the primes, lowest first.
	var digits [wordsMax]uint64
	for i, w := range c.words {
		d := residues[i]
		for k, inverse := range c.inverses[i] {
			d = w.m.Mul(w.m.Sub(d, w.m.Reduce(digits[k])), inverse)
		}
		digits[i] = d
	}
	for i, w := range slices.Backward(c.words) {
		carry := digits[i]
		for k := range words {
			hi, lo := bits.Mul64(words[k], w.q)
			var over uint64
			words[k], over = bits.Add64(lo, carry, 0)
			carry = hi + over
		}
	}
	if less(&c.half, &words) {
		var borrow uint64
		for k := range words {
			words[k], borrow = bits.Sub64(c.product[k], words[k], borrow)
		}
		return words, true
	}
	return words, false
}

func less(a, b *[wordsMax]uint64) bool {
	for k := wordsMax - 1; k >= 0; k-- {
		if a[k] != b[k] {
			return a[k] < b[k]
		}
	}
	return false
}
