package rns_test

import (
	"errors"
	"math/big"
	"slices"
	"testing"

	"github.com/cerberus-host/cerberus/fhe/rns"
)

func basis(tb testing.TB, primes ...uint64) *rns.Basis {
	tb.Helper()
	b, err := rns.NewBasis(primes)
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

func TestReconstructUndoesDecompose(t *testing.T) {
	b := basis(t, named(t, "ckks-14").QP()...)
	half := b.Product()
	half.Rsh(half, 1)
	rng := testRand()
	values := []*big.Int{big.NewInt(0), big.NewInt(1), big.NewInt(-1), half, new(big.Int).Neg(half)}
	for range 50 {
		x := new(big.Int)
		for range 7 {
			x.Lsh(x, 64)
			x.Add(x, new(big.Int).SetUint64(rng.Uint64()))
		}
		values = append(values, b.Centre(x))
	}
	for _, x := range values {
		if x.CmpAbs(half) > 0 {
			t.Fatalf("%d is not centred", x)
		}
		residues := b.Decompose(x)
		for i, r := range residues {
			q := new(big.Int).SetUint64(b.Modulus(i).Value())
			if want := new(big.Int).Mod(x, q); want.Uint64() != r {
				t.Fatalf("residue %d of %d is %d", i, x, r)
			}
		}
		got, err := b.Reconstruct(residues)
		if err != nil || got.Cmp(x) != 0 {
			t.Fatalf("%d came back as %d, %v", x, got, err)
		}
		shifted := new(big.Int).Add(x, b.Product())
		if !slices.Equal(b.Decompose(shifted), residues) {
			t.Fatalf("residues of %d depend on the representative", x)
		}
	}
}

func TestDivRound(t *testing.T) {
	cases := []struct{ x, d, want int64 }{
		{7, 2, 4},
		{5, 2, 2},
		{-5, 2, -2},
		{-7, 2, -4},
		{1, 2, 0},
		{-1, 2, 0},
		{3, 2, 2},
		{7, 3, 2},
		{8, 3, 3},
		{-7, 3, -2},
		{-8, 3, -3},
		{0, 9, 0},
		{6, 4, 2},
		{10, 4, 2},
	}
	for _, c := range cases {
		if got := rns.DivRound(big.NewInt(c.x), big.NewInt(c.d)); got.Int64() != c.want {
			t.Errorf("%d/%d rounds to %d, want %d", c.x, c.d, got, c.want)
		}
	}
}

func TestDivRoundByLast(t *testing.T) {
	full := basis(t, named(t, "insecure-10-8").QP()...)
	rng := testRand()
	for _, count := range []int{0, 1, 2, 9} {
		limbs := make([][]uint64, full.Len())
		for i := range limbs {
			limbs[i] = append(randomPoly(rng, 16, full.Modulus(i).Value()), 0, 1)
		}
		got, err := full.DivRoundByLast(limbs, count)
		if err != nil {
			t.Fatal(err)
		}
		primes := full.Primes()
		kept, dropped := basis(t, primes[:len(primes)-count]...), primes[len(primes)-count:]
		divisor := big.NewInt(1)
		for _, q := range dropped {
			divisor.Mul(divisor, new(big.Int).SetUint64(q))
		}
		coeffs, err := full.ReconstructPoly(limbs)
		if err != nil {
			t.Fatal(err)
		}
		for j, c := range coeffs {
			// |c - result*D| <= D/2 characterises the rounding, for another representative too.
			c.Add(c, full.Product())
			result := kept.Centre(rns.DivRound(c, divisor))
			if !slices.Equal(kept.Decompose(result), column(got, j)) {
				t.Fatalf("drop %d: coefficient %d differs", count, j)
			}
			rest := new(big.Int).Mul(result, divisor)
			rest = full.Centre(rest.Sub(c, rest))
			if rest.Lsh(rest, 1).CmpAbs(divisor) > 0 {
				t.Fatalf("drop %d: coefficient %d is not the nearest", count, j)
			}
		}
	}
}

func column(limbs [][]uint64, j int) []uint64 {
	out := make([]uint64, len(limbs))
	for i := range limbs {
		out[i] = limbs[i][j]
	}
	return out
}

func TestExtend(t *testing.T) {
	set := named(t, "insecure-10-8")
	from, to := basis(t, set.Q[:3]...), basis(t, set.QP()...)
	half := from.Product()
	half.Rsh(half, 1)
	coeffs := []*big.Int{big.NewInt(-5), half, new(big.Int).Neg(half), big.NewInt(1 << 60)}
	extended, err := from.Extend(from.DecomposePoly(coeffs), to)
	if err != nil {
		t.Fatal(err)
	}
	back, err := to.ReconstructPoly(extended)
	if err != nil {
		t.Fatal(err)
	}
	for j, c := range coeffs {
		if back[j].Cmp(c) != 0 {
			t.Errorf("coefficient %d: %d became %d", j, c, back[j])
		}
	}
}

func TestBasisRefusals(t *testing.T) {
	if _, err := rns.NewBasis(nil); !errors.Is(err, rns.ErrBasis) {
		t.Errorf("no primes: %v", err)
	}
	if _, err := rns.NewBasis([]uint64{17, 5, 17}); !errors.Is(err, rns.ErrBasis) {
		t.Errorf("repeated prime: %v", err)
	}
	if _, err := rns.NewBasis([]uint64{17, 15}); !errors.Is(err, rns.ErrModulus) {
		t.Errorf("composite: %v", err)
	}
	b := basis(t, 17, 5)
	if _, err := b.Reconstruct([]uint64{1}); !errors.Is(err, rns.ErrLength) {
		t.Errorf("one residue: %v", err)
	}
	for _, limbs := range [][][]uint64{nil, {{1}}, {{1}, {1, 2}}, {{1, 2}, {}}} {
		if _, err := b.ReconstructPoly(limbs); !errors.Is(err, rns.ErrLength) {
			t.Errorf("limbs %v: %v", limbs, err)
		}
	}
	for _, count := range []int{-1, 2, 3} {
		if _, err := b.DivRoundByLast([][]uint64{{1}, {1}}, count); !errors.Is(err, rns.ErrBasis) {
			t.Errorf("division by %d primes: %v", count, err)
		}
	}
}

func TestAutomorphismIsSubstitution(t *testing.T) {
	const logN = 5
	tab, m := table(t, 12289, logN), modulus(t, 12289)
	a := randomPoly(testRand(), tab.Degree(), m.Value())
	for g := uint64(1); g < 2<<logN; g += 2 {
		image, err := m.Automorphism(a, g)
		if err != nil {
			t.Fatal(err)
		}
		values, want := slices.Clone(image), slices.Clone(a)
		if err := errors.Join(tab.Forward(values), tab.Forward(want)); err != nil {
			t.Fatal(err)
		}
		at := map[int]uint64{}
		for i, v := range want {
			at[tab.Exponent(i)] = v
		}
		for i, v := range values {
			source := uint64(tab.Exponent(i)) * g % (2 << logN)
			if v != at[int(source)] {
				t.Fatalf("g=%d: value at psi^%d is not the old one at psi^%d",
					g, tab.Exponent(i), source)
			}
		}
	}
}

func TestAutomorphismRefusals(t *testing.T) {
	m := modulus(t, 17)
	for _, n := range []int{0, 1, 3} {
		if _, err := m.Automorphism(make([]uint64, n), 1); !errors.Is(err, rns.ErrDegree) {
			t.Errorf("%d coefficients: %v", n, err)
		}
	}
	for _, g := range []uint64{0, 2, 8, 9} {
		if _, err := m.Automorphism(make([]uint64, 4), g); !errors.Is(err, rns.ErrGalois) {
			t.Errorf("Galois element %d: %v", g, err)
		}
	}
}

func TestGaloisElement(t *testing.T) {
	const logN = 6
	want := uint64(1)
	for steps := range 1 << (logN - 1) {
		if got := rns.GaloisElement(logN, steps); got != want {
			t.Errorf("5^%d is %d, got %d", steps, want, got)
		}
		undo := rns.GaloisElement(logN, -steps)
		if want*undo%(2<<logN) != 1 {
			t.Errorf("rotation by %d and by %d do not cancel", steps, -steps)
		}
		want = want * 5 % (2 << logN)
	}
}
