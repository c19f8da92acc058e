package fhe

import (
	"math/big"
	"math/rand/v2"
	"testing"
)

// ends returns the smallest and the largest number of an interval.
func (a interval) ends() (lo, hi *big.Rat) {
	centre := a.centre.rat()
	if a.neg {
		centre.Neg(centre)
	}
	return new(big.Rat).Sub(centre, a.radius.rat()), new(big.Rat).Add(centre, a.radius.rat())
}

// point draws a number of an interval, often one of its ends.
func (a interval) point(rng *rand.Rand) *big.Rat {
	lo, hi := a.ends()
	at := big.NewRat(int64(rng.IntN(5)), 4)
	return lo.Add(lo, at.Mul(at, hi.Sub(hi, lo)))
}

func (a interval) holds(t *testing.T, what string, x *big.Rat) {
	t.Helper()
	if lo, hi := a.ends(); x.Cmp(lo) < 0 || x.Cmp(hi) > 0 {
		t.Errorf("%s: %v is not between %v and %v", what, x, lo, hi)
	}
	if new(big.Rat).Abs(x).Cmp(a.size().rat()) > 0 {
		t.Errorf("%s: |%v| is more than %v", what, x, a.size().rat())
	}
}

// TestIntervalsHold: whatever numbers two intervals hold, a result's interval holds the
// result.
func TestIntervalsHold(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 8))
	number := func() mag {
		if rng.IntN(6) == 0 {
			return mag{}
		}
		return magOf(rng.Uint64()>>rng.IntN(64), rng.IntN(80)-100)
	}
	draw := func() interval {
		return interval{centre: number(), radius: number()}
	}
	for range 20000 {
		a, b, by := draw(), draw(), number()
		if rng.IntN(2) == 0 {
			a = a.negated()
		}
		if rng.IntN(2) == 0 {
			b = b.negated()
		}
		x, y := a.point(rng), b.point(rng)
		a.plus(b).holds(t, "sum", new(big.Rat).Add(x, y))
		a.plus(b.negated()).holds(t, "difference", new(big.Rat).Sub(x, y))
		a.times(b).holds(t, "product", new(big.Rat).Mul(x, y))
		a.squared().holds(t, "square", new(big.Rat).Mul(x, x))
		a.scaled(by).holds(t, "multiple", new(big.Rat).Mul(x, by.rat()))
	}
}

// TestIntervalsOfChebyshev: T_16 of x within 1 of 0 stays within 1 of 0, where bounds of
// absolute values alone would say 2^15.
func TestIntervalsOfChebyshev(t *testing.T) {
	x := within(magOf(1, 0))
	for range 4 {
		square := x.squared()
		x = square.plus(square).plus(interval{centre: magOf(1, 0), neg: true})
	}
	if limit := new(big.Rat).SetFrac64(1<<20+1, 1<<20); x.size().rat().Cmp(limit) > 0 {
		t.Errorf("T_16 is within %v", x.size().rat())
	}
}
