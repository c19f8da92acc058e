package identity

import (
	"errors"
	"math/big"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/consensys/gnark-crypto/ecc/bn254/fr"

	"github.com/cerberus-host/cerberus/abi"
	"github.com/cerberus-host/cerberus/fhe"
	"github.com/cerberus-host/cerberus/fhe/fhetest"
)

// sets are the shipped parameter sets.
func sets(t *testing.T) []*fhe.Params {
	t.Helper()
	var out []*fhe.Params
	for _, name := range fhe.ParamsNames() {
		p, err := fhe.ParamsByName(name)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, p)
	}
	return out
}

// keySwitchPlan is one rotation at the highest level.
func keySwitchPlan(p *fhe.Params) *fhe.Plan {
	b := fhetest.NewPlanBuilder(p, abi.PackSlots)
	b.Output(b.Rotate(b.Input(p.MaxLevel(), fhetest.HalfBits(p)), fhe.NoReg, p.GaloisElement(1)))
	return b.Plan
}

// TestWholeDigits: what a digit of primes of 50 bits times a key is proven to be below, as
// one integer and in parts. Digits of four and six primes do not fit the field, whatever is
// committed in between; parts do.
func TestWholeDigits(t *testing.T) {
	half := new(big.Int).Rsh(fr.Modulus(), 1)
	key := new(big.Int).Lsh(big.NewInt(1), 49)
	for logN := 13; logN <= 16; logN++ {
		for alpha, least := range map[int]int{1: 122, 2: 172, 3: 222, 4: 272, 6: 372} {
			digit := new(big.Int).Lsh(big.NewInt(1), uint(50*alpha-1))
			product := productBound(logN, key, ProvenBound(1<<logN, digit))
			if bits := product.BitLen() - 1; bits < least || bits > least+5 {
				t.Errorf("N = 2^%d, %d primes: %d bits", logN, alpha, bits)
			}
			if fits := product.Cmp(half) < 0; fits != (alpha < 4) {
				t.Errorf("N = 2^%d, %d primes: fits %t", logN, alpha, fits)
			}
			for _, part := range parts(digit) {
				product := productBound(logN, key, ProvenBound(1<<logN, big.NewInt(part)))
				// Coefficient, combination, and a thousand terms.
				if product.Lsh(product, 49+49+10).Cmp(half) >= 0 {
					t.Errorf("N = 2^%d, %d primes: a part does not fit", logN, alpha)
				}
			}
		}
	}
}

// TestCheckRefusesWholeDigits: a System whose digits or remainders of four and six primes are
// not cut into parts is refused; with the parts it is not.
func TestCheckRefusesWholeDigits(t *testing.T) {
	for _, p := range sets(t) {
		s, err := Build(keySwitchPlan(p), Options{})
		if err != nil {
			t.Fatal(err)
		}
		for _, kind := range []Kind{KindDigit, KindModDown} {
			at := slices.IndexFunc(s.Polys, func(p Poly) bool {
				return p.Kind == kind && p.Limb > 0
			})
			if at < 0 {
				continue
			}
			// One part that holds what two parts held.
			was := s.Polys[at].Bound
			s.Polys[at].Bound = 1 << 62
			if err := s.Check(); !errors.Is(err, ErrBound) {
				t.Errorf("%s: %s of 62 bits: error %v", p, kind, err)
			}
			s.Polys[at].Bound = was
		}
		if err := s.Check(); err != nil {
			t.Errorf("%s: %v", p, err)
		}
	}
}

// TestCheckFailsClosed: whatever would let a combination reach r/2 is refused: one more
// factor, one more part of a quotient, larger coefficients of the combination.
func TestCheckFailsClosed(t *testing.T) {
	p, err := fhe.ParamsByName("ckks-16")
	if err != nil {
		t.Fatal(err)
	}
	b := fhetest.NewPlanBuilder(p, abi.PackSlots)
	x := b.Input(p.MaxLevel(), fhetest.HalfBits(p))
	for k := range 4 {
		x = b.Rotate(x, fhe.NoReg, p.GaloisElement(1<<k))
	}
	b.Output(x)
	for name, change := range map[string]func(s *System){
		"factor": func(s *System) {
			term := &s.Identities[len(s.Identities)-1].Terms[0]
			for range 2 {
				term.Factors = append(term.Factors, Factor{Poly: s.Wires, Galois: 1, Scale: 1})
			}
		},
		"part": func(s *System) {
			parts := &s.Groups[0].Quotients[0]
			*parts = append(*parts, (*parts)[0], (*parts)[0])
		},
		"bits":  func(s *System) { s.Groups[0].Bits += 40 },
		"bound": func(s *System) { s.Polys[s.Wires].Bound = 0 },
	} {
		s, err := Build(b.Plan, Options{})
		if err != nil {
			t.Fatal(err)
		}
		if change(s); !errors.Is(s.Check(), ErrBound) {
			t.Errorf("%s: error %v", name, s.Check())
		}
	}
}

// TestProductBound: no product of extreme polynomials exceeds the bound, and one of two
// polynomials reaches it.
func TestProductBound(t *testing.T) {
	const logN, n = 4, 16
	random := rand.New(rand.NewPCG(1, 2))
	bounds := []int64{3, 1 << 40, 1<<59 - 1}
	for range 50 {
		product := zeros(n)
		product[0].SetInt64(1)
		var used []*big.Int
		for _, b := range bounds[:1+random.IntN(3)] {
			poly := make([]int64, n)
			for i := range poly {
				poly[i] = b * int64(1-2*random.IntN(2))
			}
			product = mulExact(product, poly, 1, nil)
			used = append(used, big.NewInt(b))
		}
		for _, x := range product {
			if x.CmpAbs(productBound(logN, used...)) > 0 {
				t.Fatal("a product exceeds its bound")
			}
		}
	}
	a, b := make([]int64, n), make([]int64, n)
	for i := range a {
		a[i], b[(n-i)%n] = 5, -7
	}
	b[0] = 7
	left := zeros(n)
	for i := range a {
		left[i].SetInt64(a[i])
	}
	want := productBound(logN, big.NewInt(5), big.NewInt(7))
	if x := mulExact(left, b, 1, nil)[0]; x.Cmp(want) != 0 {
		t.Errorf("the largest coefficient is %s", x)
	}
}

// TestProvenBound: at least sqrt(4*337*N) times the bound, and not much more.
func TestProvenBound(t *testing.T) {
	for _, n := range []int{16, 8192, 65536} {
		b := big.NewInt(1 << 50)
		square := new(big.Int).Exp(ProvenBound(n, b), big.NewInt(2), nil)
		least := new(big.Int).Mul(new(big.Int).Mul(b, b), big.NewInt(4*337*int64(n)))
		if square.Cmp(least) < 0 {
			t.Errorf("N = %d: below what projections prove", n)
		}
		most := least.Mul(least, big.NewInt(102))
		if square.Mul(square, big.NewInt(100)).Cmp(most) > 0 {
			t.Errorf("N = %d: loose", n)
		}
	}
}

// TestParts: parts of any integer up to a bound make it up and keep their own bounds, which
// leave no more than 60 bits.
func TestParts(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	for width := 1; width < 300; width++ {
		limit := new(big.Int).Lsh(big.NewInt(1), uint(width))
		limit.Sub(limit, big.NewInt(int64(1+random.IntN(1<<min(width-1, 30)))))
		bounds := parts(limit)
		values := []*big.Int{limit, new(big.Int).Neg(limit), new(big.Int)}
		for range 20 {
			x := new(big.Int)
			for range 5 {
				x.Lsh(x, 64).Or(x, new(big.Int).SetUint64(random.Uint64()))
			}
			values = append(values, x.Mod(x, limit))
		}
		for _, x := range values {
			split, err := SplitParts(x, len(bounds))
			if err != nil {
				t.Fatalf("%d bits: %v", width, err)
			}
			sum := new(big.Int)
			for k, part := range slices.Backward(split) {
				if part > bounds[k] || part < -bounds[k] || bounds[k] >= 1<<boundBits {
					t.Errorf("%d bits: part %d is %d, its bound %d", width, k, part, bounds[k])
				}
				sum.Lsh(sum, PartBits).Add(sum, big.NewInt(part))
			}
			if sum.Cmp(x) != 0 {
				t.Errorf("%d bits: parts make %s of %s", width, sum, x)
			}
		}
	}
	huge := new(big.Int).Lsh(big.NewInt(1), 48+61)
	if _, err := SplitParts(huge, 2); !errors.Is(err, ErrWitness) {
		t.Errorf("too large: error %v", err)
	}
}

// TestLift: the representative of engines' digits of one prime.
func TestLift(t *testing.T) {
	for _, q := range []uint64{3, 17, 1<<40 + 15} {
		for _, c := range []uint64{0, 1, q/2 - 1, q / 2, q/2 + 1, q - 1} {
			x := Lift(c, q)
			want := int64(c)
			if c >= q>>1 {
				want -= int64(q)
			}
			if x != want || x > liftBound(q) || -x > liftBound(q) {
				t.Errorf("Lift(%d, %d) = %d", c, q, x)
			}
		}
	}
}

// TestRotate: automorphisms compose and respect products, and scaling respects residues.
func TestRotate(t *testing.T) {
	const n = 16
	random := rand.New(rand.NewPCG(5, 6))
	a, b := make([]int64, n), make([]int64, n)
	for i := range a {
		a[i], b[i] = random.Int64N(1000)-500, random.Int64N(1000)-500
	}
	turn := func(in []int64, g uint64) []int64 {
		out := make([]int64, n)
		Rotate(out, in, g)
		return out
	}
	lift := func(in []int64) []*big.Int {
		out := zeros(n)
		for i, x := range in {
			out[i].SetInt64(x)
		}
		return out
	}
	product := make([]int64, n)
	for i, x := range mulExact(lift(a), b, 1, nil) {
		product[i] = x.Int64()
	}
	for g := uint64(1); g < 2*n; g += 2 {
		for h := uint64(1); h < 2*n; h += 2 {
			if !slices.Equal(turn(turn(a, g), h), turn(a, g*h%(2*n))) {
				t.Fatalf("%d and %d do not compose", g, h)
			}
		}
		for i, x := range mulExact(lift(turn(a, g)), turn(b, g), 1, nil) {
			if x.Int64() != turn(product, g)[i] {
				t.Fatalf("%d does not respect products", g)
			}
		}
	}
	r, err := ringOf(97, 4)
	if err != nil {
		t.Fatal(err)
	}
	scaled := make([]int64, n)
	ScaleLift(scaled, a, 55, r.Modulus)
	for i := range a {
		if want := ((a[i]*55)%97 + 97) % 97; scaled[i] != Lift(uint64(want), 97) {
			t.Errorf("55 * %d is %d", a[i], scaled[i])
		}
	}
}

// TestForms: multiples of an identity say the same, and the form that is taken is the one
// whose products lost their coefficients.
func TestForms(t *testing.T) {
	p, err := fhe.ParamsByName("ckks-13")
	if err != nil {
		t.Fatal(err)
	}
	b := fhetest.NewPlanBuilder(p, abi.PackSlots)
	x := b.Rotate(b.Input(1, fhetest.WideBits(p)), fhe.NoReg, p.GaloisElement(1))
	b.Output(b.Unary(fhe.StepRescale, x))
	s, err := Build(b.Plan, Options{})
	if err != nil {
		t.Fatal(err)
	}
	for i, id := range s.Identities {
		for _, term := range id.Terms {
			if len(term.Factors) > 1 && term.Coef != 1 && term.Coef != -1 {
				t.Errorf("identity %d: a product of keys has the coefficient %d", i, term.Coef)
			}
		}
	}
	for _, g := range s.Groups {
		for _, parts := range g.Quotients {
			if len(parts) > 2 {
				t.Errorf("a quotient of %d parts", len(parts))
			}
		}
	}
}
