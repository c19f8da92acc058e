package protocol

import (
	"math/bits"
	"runtime"
	"sync"

	"github.com/consensys/gnark-crypto/ecc/bn254/fr"
)

// parallel calls f with consecutive ranges of [0, n) on all cores.
func parallel(n int, f func(from, to int)) {
	workers := min(runtime.GOMAXPROCS(0), n)
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
	n := uint64(len(powers))
	out := make([]fr.Element, n)
	for i := range out {
		at := uint64(i) * galois & (2*n - 1)
		if at < n {
			out[i] = powers[at]
		} else {
			out[i].Neg(&powers[at-n])
		}
	}
	return out
}

// Evaluator evaluates integer polynomials at one point, or an inner product with any other
// vector. Immutable and safe for concurrent use.
type Evaluator struct {
	// limbs are the vector's elements as integers below the modulus.
	limbs [][4]uint64
}

// NewEvaluator prepares a vector.
func NewEvaluator(y []fr.Element) *Evaluator {
	e := &Evaluator{limbs: make([][4]uint64, len(y))}
	for i := range y {
		e.limbs[i] = y[i].Bits()
	}
	return e
}

// lazy is a sum of products of a field element below 2^254 and a coefficient below 2^63,
// not reduced: 2^17 of them fit 335 bits, and the words hold 384.
type lazy [6]uint64

// add adds x*c.
func (l *lazy) add(x *[4]uint64, c uint64) {
	var carry, c0, c1, c2 uint64
	h0, l0 := bits.Mul64(x[0], c)
	h1, l1 := bits.Mul64(x[1], c)
	h2, l2 := bits.Mul64(x[2], c)
	h3, l3 := bits.Mul64(x[3], c)
	l1, carry = bits.Add64(l1, h0, 0)
	l2, carry = bits.Add64(l2, h1, carry)
	l3, carry = bits.Add64(l3, h2, carry)
	h3 += carry
	l[0], c0 = bits.Add64(l[0], l0, 0)
	l[1], c0 = bits.Add64(l[1], l1, c0)
	l[2], c1 = bits.Add64(l[2], l2, c0)
	l[3], c1 = bits.Add64(l[3], l3, c1)
	l[4], c2 = bits.Add64(l[4], h3, c1)
	l[5] += c2
}

// scalar reduces the sum.
func (l *lazy) scalar() fr.Element {
	var out, base fr.Element
	base.SetUint64(1 << 32)
	base.Square(&base) // 2^64
	for i := len(l) - 1; i >= 0; i-- {
		var word fr.Element
		word.SetUint64(l[i])
		out.Mul(&out, &base).Add(&out, &word)
	}
	return out
}

// Eval returns the inner product with a polynomial of as many coefficients, of absolute
// value below 2^63.
func (e *Evaluator) Eval(w []int64) fr.Element {
	var plus, minus lazy
	for i, c := range w {
		if c >= 0 {
			plus.add(&e.limbs[i], uint64(c))
		} else {
			minus.add(&e.limbs[i], uint64(-c))
		}
	}
	out, negative := plus.scalar(), minus.scalar()
	out.Sub(&out, &negative)
	return out
}

// Folder adds up integer polynomials with field coefficients and reduces once at the end.
// It is not safe for concurrent use.
type Folder struct {
	plus, minus []lazy
}

// NewFolder returns a Folder for n coefficients.
func NewFolder(n int) *Folder { return &Folder{plus: make([]lazy, n), minus: make([]lazy, n)} }

// Add adds weight times a polynomial.
func (f *Folder) Add(weight fr.Element, w []int64) {
	limbs := weight.Bits()
	for i, c := range w {
		if c >= 0 {
			f.plus[i].add(&limbs, uint64(c))
		} else {
			f.minus[i].add(&limbs, uint64(-c))
		}
	}
}

// Sum writes the sum.
func (f *Folder) Sum(out []fr.Element) {
	for i := range out {
		negative := f.minus[i].scalar()
		out[i] = f.plus[i].scalar()
		out[i].Sub(&out[i], &negative)
	}
}
