package protocol_test

import (
	"fmt"
	"math/big"
	"testing"

	"github.com/consensys/gnark-crypto/ecc/bn254/fr"

	"github.com/cerberus-host/cerberus/proofs/identity"
	"github.com/cerberus-host/cerberus/proofs/protocol"
)

// residues returns a polynomial with every residue at which something changes, repeated so
// that each meets each in a pair, then others.
func residues(n int, q uint64) protocol.Residues {
	half := q >> 1
	edges := []uint64{0, 1, 2 % q, half - 1, half, half + 1, q - 2, q - 1}
	out := protocol.Residues{Coeffs: make([]uint64, n), Prime: q}
	for i := range out.Coeffs {
		switch pair := i / 2; {
		case pair >= len(edges)*len(edges):
			out.Coeffs[i] = (uint64(i)*0x9e3779b97f4a7c15 ^ q<<1) % q
		case i%2 == 0:
			out.Coeffs[i] = edges[pair%len(edges)]
		default:
			out.Coeffs[i] = edges[pair/len(edges)]
		}
	}
	return out
}

// naive is the inner product with a vector turned by an automorphism, in integers.
func naive(y []fr.Element, p protocol.Residues, galois int) fr.Element {
	n := len(y)
	total := new(big.Int)
	for i, c := range p.Coeffs {
		x := new(big.Int).SetUint64(c)
		if c >= p.Prime>>1 {
			x.Sub(x, new(big.Int).SetUint64(p.Prime))
		}
		at := i * galois % (2 * n)
		x.Mul(x, y[at%n].BigInt(new(big.Int)))
		if at >= n {
			x.Neg(x)
		}
		total.Add(total, x)
	}
	var out fr.Element
	out.SetBigInt(total)
	return out
}

// viewPrimes are odd numbers of every size that is used, up to the largest: that they are
// prime does not matter.
var viewPrimes = []uint64{
	3, 7, 12289, 1<<32 - 1, 1<<32 + 1, 1<<43 + 1, 1<<60 - 1, 1<<60 + 1,
	1<<62 - 1,
}

// TestView: inner products are those of integers, for vectors of one part, of several and
// of less than one.
func TestView(t *testing.T) {
	for _, n := range []int{2, 16, 512, 2048} {
		y := protocol.Powers(scalars(1, uint64(n))[0], n)
		y[1].SetOne().Neg(&y[1]) // the largest
		y[n/2].SetZero()
		y[n-1].SetOne()
		point := protocol.NewPoint(y)
		var polys []protocol.Residues
		for _, q := range viewPrimes {
			polys = append(polys, residues(n, q))
		}
		for _, galois := range []int{1, 3, 5, n - 1, n + 1, 2*n - 1} {
			view := point.View(uint64(galois))
			for _, p := range polys {
				got, want := view.Eval(p), naive(y, p, galois)
				if !got.Equal(&want) {
					t.Errorf("degree %d, element %d, modulo %d: another value", n, galois, p.Prime)
				}
			}
		}
	}
}

// TestViewExtremes: the largest sums there are do not wrap.
func TestViewExtremes(t *testing.T) {
	const n, q = 1 << 16, 1<<62 - 1
	y := make([]fr.Element, n)
	for _, element := range []fr.Element{element(-1), element(0), element(1)} {
		for i := range y {
			y[i] = element
		}
		view := protocol.NewPoint(y).View(1)
		for _, c := range []uint64{0, q>>1 - 1, q >> 1, q - 1} {
			p := protocol.Residues{Coeffs: make([]uint64, n), Prime: q}
			for i := range p.Coeffs {
				p.Coeffs[i] = c
			}
			got, want := view.Eval(p), naive(y, p, 1)
			if !got.Equal(&want) {
				t.Errorf("%d times %s: another value", c, element.String())
			}
		}
	}
}

// TestViewIsTurned: a view is the vector that Turned returns, and Eval what an Evaluator of
// it finds for the lifted polynomial.
func TestViewIsTurned(t *testing.T) {
	const n, q = 1024, 1<<43 + 1
	powers := protocol.Powers(scalars(1, 3)[0], n)
	point := protocol.NewPoint(powers)
	p := residues(n, q)
	lifted := make([]int64, n)
	for i, c := range p.Coeffs {
		lifted[i] = identity.Lift(c, q)
	}
	for _, galois := range []uint64{1, 5, 25, 2*n - 1} {
		want := protocol.NewEvaluator(protocol.Turned(powers, galois)).Eval(lifted)
		if got := point.View(galois).Eval(p); !got.Equal(&want) {
			t.Errorf("element %d: another value", galois)
		}
	}
}

// BenchmarkView evaluates the polynomials of a key at one point.
func BenchmarkView(b *testing.B) {
	const n, count = 16384, 80
	for _, q := range []uint64{1<<43 + 1, 1<<60 + 1} {
		b.Run(fmt.Sprint(q), func(b *testing.B) {
			view := protocol.NewPoint(protocol.Powers(scalars(1, 1)[0], n)).View(5)
			polys := make([]protocol.Residues, count)
			for i := range polys {
				polys[i] = residues(n, q)
			}
			for b.Loop() {
				for _, p := range polys {
					_ = view.Eval(p)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*count*n), "ns/coeff")
		})
	}
}

// BenchmarkPoint prepares a point and one view of it.
func BenchmarkPoint(b *testing.B) {
	powers := protocol.Powers(scalars(1, 1)[0], 16384)
	b.Run("point", func(b *testing.B) {
		for b.Loop() {
			_ = protocol.NewPoint(powers)
		}
	})
	point := protocol.NewPoint(powers)
	b.Run("view", func(b *testing.B) {
		for b.Loop() {
			_ = point.View(5)
		}
	})
}
