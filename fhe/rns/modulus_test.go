package rns_test

import (
	"errors"
	"math/big"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/cerberus-host/cerberus/fhe/rns"
)

// testRand is seeded, so that a failure can be run again.
func testRand() *rand.Rand { return rand.New(rand.NewPCG(1, 2)) }

// edges are the residues at which carries and corrections change.
func edges(q uint64) []uint64 {
	return []uint64{0, 1, 2, q / 2, q/2 + 1, q - 2, q - 1}
}

func modulus(tb testing.TB, q uint64) rns.Modulus {
	tb.Helper()
	m, err := rns.NewModulus(q)
	if err != nil {
		tb.Fatal(err)
	}
	return m
}

// testModuli are primes of all widths, the extremes of the type included.
func testModuli(tb testing.TB) []rns.Modulus {
	tb.Helper()
	var moduli []rns.Modulus
	for _, q := range []uint64{
		3, 5, 17, 12289, 65537, 1099511922689, 1125899906826241,
		4611686018427387847,
	} {
		moduli = append(moduli, modulus(tb, q))
	}
	return moduli
}

func TestModulusArithmeticAgainstBigInt(t *testing.T) {
	rng := testRand()
	for _, m := range testModuli(t) {
		q := m.Value()
		values := edges(q)
		for range 40 {
			values = append(values, rng.Uint64N(q))
		}
		for i := range values {
			values[i] %= q
		}
		want := func(op func(z, x, y *big.Int) *big.Int, x, y uint64) uint64 {
			z := op(new(big.Int), new(big.Int).SetUint64(x), new(big.Int).SetUint64(y))
			return z.Mod(z, new(big.Int).SetUint64(q)).Uint64()
		}
		for _, x := range values {
			for _, y := range values {
				if got := m.Add(x, y); got != want((*big.Int).Add, x, y) {
					t.Fatalf("%d + %d mod %d = %d", x, y, q, got)
				}
				if got := m.Sub(x, y); got != want((*big.Int).Sub, x, y) {
					t.Fatalf("%d - %d mod %d = %d", x, y, q, got)
				}
				if got := m.Mul(x, y); got != want((*big.Int).Mul, x, y) {
					t.Fatalf("%d * %d mod %d = %d", x, y, q, got)
				}
				if got := m.MulShoup(x, y, m.Shoup(y)); got != want((*big.Int).Mul, x, y) {
					t.Fatalf("Shoup %d * %d mod %d = %d", x, y, q, got)
				}
			}
			if m.Add(x, m.Neg(x)) != 0 {
				t.Fatalf("-%d mod %d = %d", x, q, m.Neg(x))
			}
		}
	}
}

func TestUnreducedInputs(t *testing.T) {
	words := []uint64{0, 1, 1 << 62, 1<<63 - 1, 1 << 63, ^uint64(0) - 1, ^uint64(0)}
	for _, m := range testModuli(t) {
		q := m.Value()
		bigQ := new(big.Int).SetUint64(q)
		for _, x := range words {
			if got := m.Reduce(x); got != x%q {
				t.Errorf("%d mod %d = %d", x, q, got)
			}
			for _, y := range words {
				wide := new(big.Int).Lsh(new(big.Int).SetUint64(x), 64)
				wide.Add(wide, new(big.Int).SetUint64(y))
				if got := m.ReduceWide(x, y); got != wide.Mod(wide, bigQ).Uint64() {
					t.Errorf("%d*2^64+%d mod %d = %d", x, y, q, got)
				}
				z := new(big.Int).Mul(new(big.Int).SetUint64(x), new(big.Int).SetUint64(y))
				want := z.Mod(z, bigQ).Uint64()
				if got := m.Mul(x, y); got != want {
					t.Errorf("%d * %d mod %d = %d", x, y, q, got)
				}
				w := y % q
				if got := m.MulShoup(x, w, m.Shoup(w)); got != m.Mul(x, w) {
					t.Errorf("Shoup %d * %d mod %d = %d", x, w, q, got)
				}
			}
		}
	}
}

func TestPowAndInverse(t *testing.T) {
	rng := testRand()
	for _, m := range testModuli(t) {
		q := m.Value()
		for range 50 {
			x := rng.Uint64N(q-1) + 1
			inverse, err := m.Inv(x)
			if err != nil || m.Mul(x, inverse) != 1 {
				t.Errorf("1/%d mod %d = %d, %v", x, q, inverse, err)
			}
			if m.Pow(x, q-1) != 1 || m.Pow(x, 0) != 1 || m.Pow(x, 1) != x {
				t.Errorf("powers of %d mod %d", x, q)
			}
		}
		if _, err := m.Inv(q); !errors.Is(err, rns.ErrNoInverse) {
			t.Errorf("1/%d mod %d: %v", q, q, err)
		}
	}
}

func TestNewModulusRefusals(t *testing.T) {
	for _, q := range []uint64{0, 1, 2, 4, 9, 1 << 40, 1<<62 + 57, ^uint64(0)} {
		if _, err := rns.NewModulus(q); !errors.Is(err, rns.ErrModulus) {
			t.Errorf("NewModulus(%d): %v", q, err)
		}
	}
}

func TestPrimeFactors(t *testing.T) {
	rng := testRand()
	numbers := []uint64{
		2, 3, 4, 1 << 40, 1021 * 1021, 1031 * 1031, 1073741789 * 1073741827,
		65537 * 65539 * 65543, 1125899906826241 - 1,
	}
	for range 50 {
		numbers = append(numbers, rng.Uint64N(1<<50)+2)
	}
	for _, n := range numbers {
		factors := rns.PrimeFactors(n)
		if !slices.IsSorted(factors) || len(slices.Compact(slices.Clone(factors))) != len(factors) {
			t.Errorf("%d: %v is not strictly ascending", n, factors)
		}
		rest := n
		for _, f := range factors {
			if !rns.IsPrime(f) {
				t.Errorf("%d: factor %d is composite", n, f)
			}
			for rest%f == 0 {
				rest /= f
			}
		}
		if rest != 1 {
			t.Errorf("%d: %v leaves %d", n, factors, rest)
		}
	}
}
