package rns_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/cerberus-host/cerberus/fhe/rns"
)

func table(tb testing.TB, q uint64, logN int) *rns.Table {
	tb.Helper()
	tab, err := rns.NewTable(modulus(tb, q), logN)
	if err != nil {
		tb.Fatal(err)
	}
	return tab
}

func randomPoly(rng *rand.Rand, n int, q uint64) []uint64 {
	a := make([]uint64, n)
	for i := range a {
		a[i] = rng.Uint64N(q)
	}
	return a
}

// nttCase is a modulus and a ring degree that fit each other.
type nttCase struct {
	q    uint64
	logN int
}

func nttCases(tb testing.TB) []nttCase {
	tb.Helper()
	wide, err := rns.PrimesBelow(50, 9, 1)
	if err != nil {
		tb.Fatal(err)
	}
	// The last is the widest prime that a Modulus takes: lazy sums come close to 2^64.
	return []nttCase{{5, 1}, {17, 2}, {12289, 8}, {wide[0], 9}, {widest(6), 6}}
}

// widest returns the largest prime below 2^62 that is 1 modulo 2^(logN+1).
func widest(logN int) uint64 {
	q := uint64(1)<<62 + 1
	for {
		if q -= 2 << logN; rns.IsPrime(q) {
			return q
		}
	}
}

func TestForwardIsEvaluation(t *testing.T) {
	rng := testRand()
	for _, c := range nttCases(t) {
		tab, m := table(t, c.q, c.logN), modulus(t, c.q)
		a := randomPoly(rng, tab.Degree(), c.q)
		values := slices.Clone(a)
		if err := tab.Forward(values); err != nil {
			t.Fatal(err)
		}
		for i, got := range values {
			point := m.Pow(tab.Psi(), uint64(tab.Exponent(i)))
			want := uint64(0)
			for _, coefficient := range slices.Backward(a) {
				want = m.Add(m.Mul(want, point), coefficient)
			}
			if got != want {
				t.Fatalf("q=%d N=%d: position %d is %d, the polynomial there is %d",
					c.q, tab.Degree(), i, got, want)
			}
		}
	}
}

func TestInverseUndoesForward(t *testing.T) {
	rng := testRand()
	for _, c := range nttCases(t) {
		tab := table(t, c.q, c.logN)
		polys := [][]uint64{
			randomPoly(rng, tab.Degree(), c.q),
			slices.Repeat([]uint64{c.q - 1}, tab.Degree()),
			make([]uint64, tab.Degree()),
		}
		for _, a := range polys {
			work := slices.Clone(a)
			for _, step := range []func([]uint64) error{tab.Forward, tab.Inverse} {
				if err := step(work); err != nil {
					t.Fatal(err)
				}
				if slices.Max(work) >= c.q {
					t.Fatalf("q=%d N=%d: output not canonical", c.q, tab.Degree())
				}
			}
			if !slices.Equal(work, a) {
				t.Fatalf("q=%d N=%d: round trip changed the polynomial", c.q, tab.Degree())
			}
		}
	}
}

func TestTransformMultiplies(t *testing.T) {
	rng := testRand()
	for _, c := range nttCases(t) {
		tab, m := table(t, c.q, c.logN), modulus(t, c.q)
		a := randomPoly(rng, tab.Degree(), c.q)
		b := randomPoly(rng, tab.Degree(), c.q)
		copy(b, edges(c.q)[:min(len(b), 7)])
		want, err := m.MulNegacyclic(a, b)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range [][]uint64{a, b} {
			if err := tab.Forward(p); err != nil {
				t.Fatal(err)
			}
		}
		for i := range a {
			a[i] = m.Mul(a[i], b[i])
		}
		if err := tab.Inverse(a); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(a, want) {
			t.Errorf("q=%d N=%d: product differs from schoolbook", c.q, tab.Degree())
		}
	}
}

func TestMulNegacyclicWrapsWithSign(t *testing.T) {
	m := modulus(t, 17)
	// (1 + 2X)(3 + 4X) = 3 + 10X + 8X^2 = -5 + 10X modulo X^2+1.
	got, err := m.MulNegacyclic([]uint64{1, 2}, []uint64{3, 4})
	if err != nil || !slices.Equal(got, []uint64{12, 10}) {
		t.Errorf("got %v, %v", got, err)
	}
}

// TestRootsOfNamedPrimes pins the choice of psi: values in the transformed domain, which
// engines exchange with each other in tests, depend on it.
func TestRootsOfNamedPrimes(t *testing.T) {
	set := named(t, "ckks-13")
	for _, q := range set.QP() {
		m := modulus(t, q)
		psi, err := m.RootOfUnity(set.LogN)
		if err != nil {
			t.Fatal(err)
		}
		if m.Pow(psi, 1<<set.LogN) != q-1 {
			t.Errorf("%d is no primitive 2N-th root modulo %d", psi, q)
		}
		root := smallestGenerator(m)
		if want := m.Pow(root, (q-1)>>(set.LogN+1)); psi != want {
			t.Errorf("psi modulo %d is %d, from generator %d follows %d", q, psi, root, want)
		}
	}
}

// smallestGenerator searches without using the factorisation of the package: an element
// generates if no proper divisor of q-1, found by trial, kills it.
func smallestGenerator(m rns.Modulus) uint64 {
	var divisors []uint64
	rest := m.Value() - 1
	for p := uint64(2); p*p <= rest; p++ {
		if rest%p == 0 {
			divisors = append(divisors, (m.Value()-1)/p)
			for rest%p == 0 {
				rest /= p
			}
		}
	}
	if rest > 1 {
		divisors = append(divisors, (m.Value()-1)/rest)
	}
	for g := uint64(3); ; g++ {
		if !slices.ContainsFunc(divisors, func(d uint64) bool { return m.Pow(g, d) == 1 }) {
			return g
		}
	}
}

func TestTableRefusals(t *testing.T) {
	if _, err := rns.NewTable(modulus(t, 12289), 12); !errors.Is(err, rns.ErrModulus) {
		t.Errorf("12289 has no root of order 2^13: %v", err)
	}
	for _, logN := range []int{-1, 0, 18} {
		if _, err := rns.NewTable(modulus(t, 12289), logN); !errors.Is(err, rns.ErrDegree) {
			t.Errorf("log2 N = %d: %v", logN, err)
		}
	}
	tab := table(t, 12289, 4)
	for _, n := range []int{0, 15, 17} {
		a := slices.Repeat([]uint64{3}, n)
		if err := tab.Forward(a); !errors.Is(err, rns.ErrLength) {
			t.Errorf("forward of %d residues: %v", n, err)
		}
		if err := tab.Inverse(a); !errors.Is(err, rns.ErrLength) {
			t.Errorf("inverse of %d residues: %v", n, err)
		}
	}
	if _, err := modulus(t, 17).MulNegacyclic(make([]uint64, 2), nil); !errors.Is(err, rns.ErrLength) {
		t.Errorf("product of unequal lengths: %v", err)
	}
}

func BenchmarkForward(b *testing.B) {
	for _, name := range []string{"ckks-13", "ckks-14", "ckks-15"} {
		set := named(b, name)
		tab := table(b, set.Q[0], set.LogN)
		a := randomPoly(testRand(), tab.Degree(), set.Q[0])
		b.Run(fmt.Sprintf("N=2^%d", set.LogN), func(b *testing.B) {
			for b.Loop() {
				if err := tab.Forward(a); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
