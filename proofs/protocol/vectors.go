package protocol

import (
	"math/bits"
	"runtime"
	"slices"
	"sync"

	"github.com/consensys/gnark-crypto/ecc/bn254/fr"
)

// Workers is the number of goroutines that work is spread over where nobody says otherwise.
func Workers() int { return runtime.GOMAXPROCS(0) }

// parallel calls f with consecutive ranges of [0, n) on all cores.
func parallel(n int, f func(from, to int)) {
	workers := min(Workers(), n)
	if workers <= 1 {
		f(0, n)
		return
	}
	var wg sync.WaitGroup
	for k := range workers {
		wg.Go(func() { f(k*n/workers, (k+1)*n/workers) })
	}
	wg.Wait()
}

// Parallel calls f(i) for every i in [0, n), several at a time.
func Parallel(n, workers int, f func(worker, i int)) {
	workers = max(1, min(workers, n))
	if workers == 1 {
		for i := range n {
			f(0, i)
		}
		return
	}
	var wg sync.WaitGroup
	next := make(chan int)
	for k := range workers {
		wg.Go(func() {
			for i := range next {
				f(k, i)
			}
		})
	}
	for i := range n {
		next <- i
	}
	close(next)
	wg.Wait()
}

// Powers returns 1, x, x^2, ... x^(n-1).
func Powers(x fr.Element, n int) []fr.Element {
	out := make([]fr.Element, n)
	power := fr.One()
	for i := range out {
		out[i] = power
		power.Mul(&power, &x)
	}
	return out
}

// Turned returns the vector whose inner product with a polynomial is the value of its
// image under X -> X^galois, reduced modulo X^N+1: entry i is the power galois*i modulo 2N,
// negated from N on.
func Turned(powers []fr.Element, galois uint64) []fr.Element {
	out := make([]fr.Element, len(powers))
	for i := range out {
		turn(&out[i], powers, i, galois)
	}
	return out
}

// turn writes entry i of [Turned].
func turn(out *fr.Element, powers []fr.Element, i int, galois uint64) {
	n := uint64(len(powers))
	at := uint64(i) * galois & (2*n - 1)
	if at < n {
		*out = powers[at]
	} else {
		out.Neg(&powers[at-n])
	}
}

// offset makes every coefficient positive: sums are taken of coefficients plus offset, and
// the offset's share is taken off at the end. So there is no branch on signs.
const offset = 1 << 63

// Evaluator evaluates integer polynomials at one point, or an inner product with any other
// vector of field elements. It is immutable and safe for concurrent use.
type Evaluator struct {
	limbs [][4]uint64
	// correction is offset times the sum of the vector.
	correction fr.Element
}

// NewEvaluator prepares a vector.
func NewEvaluator(y []fr.Element) *Evaluator {
	e := &Evaluator{limbs: make([][4]uint64, len(y))}
	for i := range y {
		e.limbs[i] = y[i].Bits()
		e.correction.Add(&e.correction, &y[i])
	}
	e.correction = withOffset(e.correction)
	return e
}

// withOffset returns offset*x.
func withOffset(x fr.Element) fr.Element {
	var o fr.Element
	o.SetUint64(offset)
	return *o.Mul(&o, &x)
}

// Eval returns the inner product with a polynomial of as many coefficients.
func (e *Evaluator) Eval(w []int64) fr.Element {
	var s0, s1, s2, s3, s4, s5 uint64 // a lazy, in registers
	limbs := e.limbs[:len(w)]
	for i, coeff := range w {
		x, c := &limbs[i], uint64(coeff)+offset
		h0, l0 := bits.Mul64(x[0], c)
		h1, l1 := bits.Mul64(x[1], c)
		h2, l2 := bits.Mul64(x[2], c)
		h3, l3 := bits.Mul64(x[3], c)
		var carry uint64
		s0, carry = bits.Add64(s0, l0, 0)
		s1, carry = bits.Add64(s1, l1, carry)
		s2, carry = bits.Add64(s2, l2, carry)
		s3, carry = bits.Add64(s3, l3, carry)
		s4, carry = bits.Add64(s4, 0, carry)
		s5 += carry
		s1, carry = bits.Add64(s1, h0, 0)
		s2, carry = bits.Add64(s2, h1, carry)
		s3, carry = bits.Add64(s3, h2, carry)
		s4, carry = bits.Add64(s4, h3, carry)
		s5 += carry
	}
	out := (&lazy{s0, s1, s2, s3, s4, s5}).scalar()
	return *out.Sub(&out, &e.correction)
}

// Folder adds up integer polynomials with field coefficients and reduces once at the end.
// It is not safe for concurrent use.
type Folder struct {
	sums []lazy
	// weights is the sum of all weights.
	weights fr.Element
}

// NewFolder returns a Folder for n coefficients.
func NewFolder(n int) *Folder { return &Folder{sums: make([]lazy, n)} }

// Add adds weight times a polynomial.
func (f *Folder) Add(weight *fr.Element, w []int64) {
	limbs := weight.Bits()
	for i, c := range w {
		f.sums[i].add(&limbs, uint64(c)+offset)
	}
	f.weights.Add(&f.weights, weight)
}

// Sum writes the sum.
func (f *Folder) Sum(out []fr.Element) {
	correction := withOffset(f.weights)
	for i := range out {
		out[i] = f.sums[i].scalar()
		out[i].Sub(&out[i], &correction)
	}
}

// lazy is a sum of products of a field element below 2^254 and a word, not reduced: 2^66 of
// them fit its 384 bits.
type lazy [6]uint64

// add adds x*c.
func (l *lazy) add(x *[4]uint64, c uint64) {
	var carry uint64
	h0, l0 := bits.Mul64(x[0], c)
	h1, l1 := bits.Mul64(x[1], c)
	h2, l2 := bits.Mul64(x[2], c)
	h3, l3 := bits.Mul64(x[3], c)
	l1, carry = bits.Add64(l1, h0, 0)
	l2, carry = bits.Add64(l2, h1, carry)
	l3, carry = bits.Add64(l3, h2, carry)
	h3 += carry // x < 2^254, so the product's highest word has room
	l[0], carry = bits.Add64(l[0], l0, 0)
	l[1], carry = bits.Add64(l[1], l1, carry)
	l[2], carry = bits.Add64(l[2], l2, carry)
	l[3], carry = bits.Add64(l[3], l3, carry)
	l[4], carry = bits.Add64(l[4], h3, carry)
	l[5] += carry
}

// scalar reduces the sum.
func (l *lazy) scalar() fr.Element { return horner(l[:]) }

// horner reduces an integer of several words, the lowest first.
func horner(words []uint64) fr.Element {
	var out fr.Element
	base := wordBase()
	for _, word := range slices.Backward(words) {
		var x fr.Element
		x.SetUint64(word)
		out.Mul(&out, &base).Add(&out, &x)
	}
	return out
}

// wordBase is 2^64.
func wordBase() fr.Element {
	var base fr.Element
	base.SetUint64(1 << 32)
	return *base.Square(&base)
}
