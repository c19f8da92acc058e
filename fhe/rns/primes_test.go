package rns_test

import (
	"errors"
	"math/big"
	"slices"
	"strings"
	"testing"

	"github.com/cerberus-host/cerberus/fhe/rns"
)

func namedShapes() map[string]rns.PrimeShape {
	shape := func(logN, first, scale, special, q, p int) rns.PrimeShape {
		return rns.PrimeShape{
			LogN: logN, FirstBits: first, ScaleBits: scale, SpecialBits: special,
			QCount: q, PCount: p,
		}
	}
	return map[string]rns.PrimeShape{
		"ckks-13": shape(13, 46, 40, 47, 4, 1),
		"ckks-14": shape(14, 46, 40, 50, 8, 2),
		"ckks-15": shape(15, 46, 40, 47, 18, 3),
		"ckks-16": shape(16, 50, 44, 50, 24, 6),

		"insecure-10-4": shape(10, 46, 40, 50, 4, 1),
		"insecure-10-8": shape(10, 46, 40, 50, 8, 2),
		"insecure-11-4": shape(11, 46, 40, 50, 4, 1),
		"insecure-11-8": shape(11, 46, 40, 50, 8, 2),
		"insecure-12-4": shape(12, 46, 40, 50, 4, 1),
		"insecure-12-8": shape(12, 46, 40, 50, 8, 2),
	}
}

func named(tb testing.TB, name string) rns.PrimeSet {
	tb.Helper()
	set, err := rns.NamedPrimes(name)
	if err != nil {
		tb.Fatal(err)
	}
	return set
}

func TestNamedPrimesAreFoundAgain(t *testing.T) {
	shapes := namedShapes()
	if names := rns.PrimeSetNames(); len(names) != len(shapes) {
		t.Fatalf("%d named sets, %d shapes", len(names), len(shapes))
	}
	for name, shape := range shapes {
		want := named(t, name)
		got, err := rns.GeneratePrimes(shape)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if got.LogN != want.LogN || got.ScaleBits != want.ScaleBits ||
			!slices.Equal(got.Q, want.Q) || !slices.Equal(got.P, want.P) {
			t.Errorf("%s: search found %v, the table has %v", name, got, want)
		}
	}
}

func TestNamedPrimesAreUsable(t *testing.T) {
	for _, name := range rns.PrimeSetNames() {
		set := named(t, name)
		seen := map[uint64]bool{}
		for _, q := range set.QP() {
			if !rns.IsNTTPrime(q, set.LogN) || seen[q] {
				t.Errorf("%s: %d is unfit or there twice", name, q)
			}
			if !new(big.Int).SetUint64(q).ProbablyPrime(20) {
				t.Errorf("%s: %d is composite", name, q)
			}
			seen[q] = true
		}
		err := set.CheckSecurity()
		if insecure := strings.HasPrefix(name, "insecure"); insecure != (err != nil) {
			t.Errorf("%s: security check says %v at %d bits", name, err, set.LogQP())
		}
		checkDigits(t, name, set)
	}
}

// checkDigits asserts that P exceeds every digit of a key switch, the condition that
// keeps the noise of a key switch small, and that the first prime leaves the headroom
// that the documentation promises.
func checkDigits(t *testing.T, name string, set rns.PrimeSet) {
	t.Helper()
	prod := func(primes []uint64) *big.Int {
		p := big.NewInt(1)
		for _, q := range primes {
			p.Mul(p, new(big.Int).SetUint64(q))
		}
		return p
	}
	for digit := range slices.Chunk(set.Q, len(set.P)) {
		if prod(digit).Cmp(prod(set.P)) >= 0 {
			t.Errorf("%s: digit %v is not below P", name, digit)
		}
	}
	if headroom := new(big.Int).SetUint64(set.Q[0]).BitLen() - set.ScaleBits; headroom != 6 {
		t.Errorf("%s: first prime leaves %d bits above the scale", name, headroom)
	}
}

// TestScaleDrift squares a scale and rescales it down the whole chain.
func TestScaleDrift(t *testing.T) {
	for _, name := range rns.PrimeSetNames() {
		set := named(t, name)
		ideal := new(big.Rat).SetInt(new(big.Int).Lsh(big.NewInt(1), uint(set.ScaleBits)))
		scale := new(big.Float).SetPrec(256).SetRat(ideal)
		for level := len(set.Q) - 1; level > 0; level-- {
			scale.Mul(scale, scale)
			scale.Quo(scale, new(big.Float).SetUint64(set.Q[level]))
			drift := new(big.Float).SetPrec(256).SetRat(ideal)
			drift.Quo(drift.Sub(scale, drift), scale)
			if f, _ := drift.Float64(); f > 0x1p-16 || f < -0x1p-16 {
				t.Errorf("%s: scale after level %d is off by %g", name, level, f)
			}
		}
	}
}

func TestSetWidths(t *testing.T) {
	want := map[string]int{"ckks-13": 214, "ckks-14": 426, "ckks-15": 867, "ckks-16": 1362}
	for name, width := range want {
		if got := named(t, name).LogQP(); got != width {
			t.Errorf("%s has %d bits, documented are %d", name, got, width)
		}
	}
}

func TestSecurityLimits(t *testing.T) {
	for logN, want := range map[int]int{10: 26, 13: 214, 14: 430, 15: 868, 16: 1747} {
		if got, err := rns.MaxLogQP(logN); err != nil || got != want {
			t.Errorf("MaxLogQP(%d) = %d, %v", logN, got, err)
		}
	}
	for _, logN := range []int{-1, 9, 17} {
		if _, err := rns.MaxLogQP(logN); !errors.Is(err, rns.ErrDegree) {
			t.Errorf("MaxLogQP(%d): %v", logN, err)
		}
	}
	// One bit over the limit is refused although every prime is fine.
	set := named(t, "ckks-13")
	set.P = []uint64{set.P[0], 12289}
	if err := set.CheckSecurity(); !errors.Is(err, rns.ErrInsecure) {
		t.Errorf("an oversized set passed: %v", err)
	}
}

func TestUnknownSet(t *testing.T) {
	if _, err := rns.NamedPrimes("ckks-12"); !errors.Is(err, rns.ErrUnknownSet) {
		t.Errorf("got %v", err)
	}
}

func TestNamedPrimesReturnsCopies(t *testing.T) {
	first := named(t, "ckks-13")
	first.Q[0] = 7
	if second := named(t, "ckks-13"); second.Q[0] == 7 {
		t.Error("a caller changed the table")
	}
}

func TestIsPrimeAgainstBigInt(t *testing.T) {
	check := func(n uint64) {
		if got, want := rns.IsPrime(n), new(big.Int).SetUint64(n).ProbablyPrime(10); got != want {
			t.Errorf("IsPrime(%d) = %v", n, got)
		}
	}
	for n := range uint64(20_000) {
		check(n)
	}
	for i := range uint64(2_000) {
		check(^uint64(0) - i)
		check(1<<50 - i)
		check(i*0x9e3779b97f4a7c15 | 1)
	}
	// Strong pseudoprimes to the first several prime bases.
	for _, n := range []uint64{2047, 3215031751, 3474749660383, 341550071728321, 3825123056546413051} {
		check(n)
	}
}

func TestSearchRefusals(t *testing.T) {
	cases := []struct {
		name string
		run  func() ([]uint64, error)
		want error
	}{
		{"degree", func() ([]uint64, error) { return rns.PrimesBelow(40, 18, 1) }, rns.ErrDegree},
		{"width", func() ([]uint64, error) { return rns.PrimesBelow(51, 13, 1) }, rns.ErrModulus},
		{"narrow", func() ([]uint64, error) { return rns.PrimesBelow(10, 13, 1) }, rns.ErrModulus},
		{"around", func() ([]uint64, error) { return rns.RescalePrimes(50, 13, 1) }, rns.ErrModulus},
		{"count", func() ([]uint64, error) { return rns.PrimesBelow(40, 13, -1) }, rns.ErrLength},
		{"exhausted", func() ([]uint64, error) { return rns.PrimesBelow(18, 13, 99) }, rns.ErrExhausted},
	}
	for _, c := range cases {
		if p, err := c.run(); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, %v", c.name, p, err)
		}
	}
}

func TestGenerateRefusals(t *testing.T) {
	shape := namedShapes()["insecure-10-4"]
	shape.QCount = 0
	if _, err := rns.GeneratePrimes(shape); !errors.Is(err, rns.ErrLength) {
		t.Errorf("no primes: %v", err)
	}
	// A scale prime right below 2^46 would be the first prime again.
	shape = namedShapes()["insecure-10-4"]
	shape.ScaleBits, shape.QCount = 46, 20
	if _, err := rns.GeneratePrimes(shape); !errors.Is(err, rns.ErrBasis) {
		t.Errorf("repeated prime: %v", err)
	}
}
