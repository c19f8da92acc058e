package encode

import (
	"math"
	"math/big"
	"math/rand/v2"
	"testing"
)

func (a fixed) big() *big.Int {
	x := new(big.Int).Lsh(big.NewInt(int64(a.hi)), 64)
	return x.Add(x, new(big.Int).SetUint64(a.lo))
}

// nearestUp returns x / 2^n rounded to nearest, ties up.
func nearestUp(x *big.Int, n uint) *big.Int {
	half := new(big.Int).Lsh(big.NewInt(1), n-1)
	return half.Rsh(half.Add(half, x), n)
}

// testFixed returns numbers within 2^width of zero, edges first.
func testFixed(width int) []fixed {
	rng := rand.New(rand.NewPCG(3, uint64(width)))
	top := fixedOf(1, uint(width))
	numbers := []fixed{
		{},
		{lo: 1},
		fixed{lo: 1}.neg(),
		{lo: math.MaxUint64},
		{hi: 1},
		fixed{hi: 1}.neg(),
		top, top.neg(), top.sub(fixed{lo: 1}), top.neg().add(fixed{lo: 1}),
	}
	for range 100 {
		shift := rng.IntN(width)
		x := fixed{hi: rng.Uint64() >> (127 - width), lo: rng.Uint64()}
		for range shift {
			x = x.half()
		}
		numbers = append(numbers, x, x.neg())
	}
	return numbers
}

func TestFixedAgainstBigInt(t *testing.T) {
	roots := testFixed(rootBits)
	for _, a := range testFixed(valueBits) {
		if got := a.half().big(); got.Cmp(nearestUp(a.big(), 1)) != 0 {
			t.Fatalf("%d/2 is %d", a.big(), got)
		}
		if a.negative() != (a.big().Sign() < 0) || a.neg().big().Cmp(new(big.Int).Neg(a.big())) != 0 {
			t.Fatalf("sign of %d", a.big())
		}
		for _, w := range roots {
			if w.big().CmpAbs(fixedOf(1, rootBits).big()) > 0 {
				continue
			}
			exact := new(big.Int).Mul(a.big(), w.big())
			if got := a.mulRoot(w).big(); got.Cmp(nearestUp(exact, rootBits)) != 0 {
				t.Fatalf("%d * %d / 2^126 is %d", a.big(), w.big(), got)
			}
		}
	}
}

func TestFixedOf(t *testing.T) {
	for _, m := range []int64{0, 1, -1, 3, -3, math.MaxInt32, math.MinInt32} {
		for shift := range uint(94) {
			want := new(big.Int).Lsh(big.NewInt(m), shift)
			if got := fixedOf(m, shift).big(); got.Cmp(want) != 0 {
				t.Fatalf("%d * 2^%d is %d", m, shift, got)
			}
		}
	}
	for _, m := range []int64{math.MaxInt64, math.MinInt64} {
		if got := fixedOf(m, 61).big(); got.Cmp(new(big.Int).Lsh(big.NewInt(m), 61)) != 0 {
			t.Errorf("%d * 2^61 is %d", m, got)
		}
	}
}

// TestRootsLieOnTheCircle checks every root of the largest period: |w|^2 = 1 up to the
// rounding of both components, and neighbours in strict order.
func TestRootsLieOnTheCircle(t *testing.T) {
	one := new(big.Int).Lsh(big.NewInt(1), 2*rootBits)
	limit := new(big.Int).Lsh(big.NewInt(3), rootBits-1) // cos + sin <= 1.42 units of 2^126
	for _, logPeriod := range []int{0, 1, 2, 3, 12, 16} {
		cosines := quarterCosines(logPeriod)
		period := 1 << logPeriod
		for k := range period + 1 {
			c, s := cosines[k].big(), cosines[period-k].big()
			norm := new(big.Int).Add(c.Mul(c, c), s.Mul(s, s))
			if norm.Sub(norm, one).CmpAbs(limit) > 0 {
				t.Fatalf("period %d: root %d is off the circle", period, k)
			}
			if k > 0 && cosines[k].big().Cmp(cosines[k-1].big()) >= 0 {
				t.Fatalf("period %d: cosine %d is not below its neighbour", period, k)
			}
		}
	}
}
