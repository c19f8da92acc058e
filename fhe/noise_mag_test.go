package fhe

import (
	"math"
	"math/big"
	"math/cmplx"
	"math/rand/v2"
	"testing"

	"github.com/cerberus-host/cerberus/fhe/rns"
)

// rat returns the exact value of a magnitude.
func (a mag) rat() *big.Rat {
	r := new(big.Rat).SetInt(new(big.Int).SetUint64(a.m))
	power := new(big.Int).Lsh(big.NewInt(1), uint(abs(int64(a.e))))
	if a.e < 0 {
		return r.Quo(r, new(big.Rat).SetInt(power))
	}
	return r.Mul(r, new(big.Rat).SetInt(power))
}

// above asserts that a is at least want, and by less than 2^-29 of it.
func (a mag) above(t *testing.T, what string, want *big.Rat) {
	t.Helper()
	if a.m != 0 && a.m>>(magBits-1) != 1 {
		t.Fatalf("%s: mantissa %#x is not normalised", what, a.m)
	}
	got := a.rat()
	if got.Cmp(want) < 0 {
		t.Errorf("%s: %v is below %v", what, got, want)
	}
	slack := new(big.Rat).Mul(want, big.NewRat(1, 1<<29))
	if got.Sub(got, want).Cmp(slack) > 0 {
		t.Errorf("%s: above %v by %v", what, want, got)
	}
}

func TestMagnitudesRoundUp(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	draw := func() mag {
		if rng.IntN(20) == 0 {
			return mag{}
		}
		return magOf(rng.Uint64()>>rng.IntN(64), rng.IntN(160)-80)
	}
	for range 20000 {
		a, b, d := draw(), draw(), uint64(1+rng.IntN(1<<20))
		a.mul(b).above(t, "mul", new(big.Rat).Mul(a.rat(), b.rat()))
		a.add(b).above(t, "add", new(big.Rat).Add(a.rat(), b.rat()))
		a.div(d).above(t, "div", new(big.Rat).Quo(a.rat(), new(big.Rat).SetInt64(int64(d))))
		root := a.sqrt().rat()
		square := new(big.Rat).Mul(root, root)
		if square.Cmp(a.rat()) < 0 {
			t.Errorf("the square of the root of %v is %v", a.rat(), square)
		}
		if less := a.rat().Cmp(b.rat()) < 0; less != a.less(b) {
			t.Errorf("%v < %v is %t", a.rat(), b.rat(), a.less(b))
		}
		if a.m == 0 {
			continue
		}
		k := a.precision()
		for _, c := range []struct {
			bits int
			want bool
		}{{k, true}, {k + 1, false}} {
			if got := a.rat().Cmp(magOf(1, -c.bits).rat()) <= 0; got != c.want {
				t.Errorf("%v <= 2^-%d is %t, want %t", a.rat(), c.bits, got, c.want)
			}
		}
	}
}

func TestMagnitudesOfScalesRoundUp(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	for range 2000 {
		s := ScaleOfInt(rng.Uint64() | 1).Mul(ScaleOfBits(rng.IntN(200) - 100))
		s = s.DivInt(rng.Uint64() | 1)
		exact, _ := s.Float().Rat(nil)
		s.mag().above(t, "scale", exact)
		s.inverse().above(t, "inverse of a scale", new(big.Rat).Inv(exact))
	}
	one := ScaleOfBits(0)
	one.mag().above(t, "one", big.NewRat(1, 1))
	one.inverse().above(t, "inverse of one", big.NewRat(1, 1))
}

// constantOf encodes integer coefficients as the only constant of a Plan.
func constantOf(t *testing.T, p *Params, level int, coeffs []*big.Int) *Compiled {
	t.Helper()
	basis, err := rns.NewBasis(p.Moduli(level))
	if err != nil {
		t.Fatal(err)
	}
	return &Compiled{
		Plan:    &Plan{Params: p, Constants: []PlanConstant{{Level: level}}},
		Encoded: []Poly{{Limbs: basis.DecomposePoly(coeffs)}},
	}
}

// TestSlotSizes compares the fixed-point transform with sums of complex numbers, for constants
// of every period, small and beyond one prime.
func TestSlotSizes(t *testing.T) {
	p, err := ParamsByName("insecure-10-4")
	if err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(5, 6))
	n := p.N()
	for stride := 1; stride <= n; stride *= 4 {
		for _, width := range []int{1, 20, 44, 70, 120} {
			coeffs := make([]*big.Int, n)
			for i := range coeffs {
				coeffs[i] = new(big.Int)
				if i%stride == 0 {
					for range width/62 + 1 {
						coeffs[i].Lsh(coeffs[i], 62).Or(coeffs[i], big.NewInt(rng.Int64()>>1))
					}
					coeffs[i].Rsh(coeffs[i], uint(62*(width/62+1)-width))
					if rng.IntN(2) == 0 {
						coeffs[i].Neg(coeffs[i])
					}
				}
			}
			coeffs[stride%n].SetInt64(1)
			c := constantOf(t, p, 3, coeffs)
			l, err := c.lift(0)
			if err != nil {
				t.Fatal(err)
			}
			got, err := l.slots(newRoots)
			if err != nil {
				t.Fatal(err)
			}
			power := 1
			for slot := range min(p.Slots(), 40) {
				sum, size := complex(0, 0), 0.0
				for i, x := range coeffs {
					v, _ := new(big.Float).SetInt(x).Float64()
					angle := math.Pi * float64(power*i%(2*n)) / float64(n)
					sum += cmplx.Rect(v, angle)
					size += max(v, -v)
				}
				f, _ := got.at(slot).size().rat().Float64()
				// |re| + |im| is at most sqrt(2) times the absolute value.
				if want := cmplx.Abs(sum); f < want-1e-9*size || f > 1.4143*want+1e-9*size {
					t.Errorf("stride %d, %d bits, slot %d: %g, exactly %g", stride, width, slot, f, want)
				}
				power = power * 5 % (2 * n)
			}
		}
	}
}

func TestSums(t *testing.T) {
	p, err := ParamsByName("insecure-10-4")
	if err != nil {
		t.Fatal(err)
	}
	coeffs := make([]*big.Int, p.N())
	one, two := new(big.Rat), new(big.Rat)
	for i := range coeffs {
		x := int64(i%77) - 38
		coeffs[i] = big.NewInt(x)
		one.Add(one, new(big.Rat).SetInt64(abs(x)))
		two.Add(two, new(big.Rat).SetInt64(x*x))
	}
	l, err := constantOf(t, p, 2, coeffs).lift(0)
	if err != nil {
		t.Fatal(err)
	}
	gotOne, gotTwo := l.sums()
	gotOne.above(t, "absolute values", one)
	gotTwo.above(t, "squares", two)
}
