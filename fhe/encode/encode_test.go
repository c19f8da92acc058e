package encode_test

import (
	"encoding/hex"
	"errors"
	"math"
	"math/big"
	"math/cmplx"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"github.com/cerberus-host/cerberus/abi"
	"github.com/cerberus-host/cerberus/fhe"
	"github.com/cerberus-host/cerberus/fhe/encode"
	"github.com/cerberus-host/cerberus/fhe/rns"
)

func randomValues(n, width int) []int64 {
	rng := rand.New(rand.NewPCG(uint64(n), uint64(width)))
	values := make([]int64, n)
	for i := range values {
		values[i] = int64(rng.Uint64()) >> (64 - width)
	}
	return values
}

func TestCoeffsRoundsToNearestEven(t *testing.T) {
	p := params(t, "insecure-10-4")
	values := []int64{0, 1, 2, 3, 4, 5, 6, 7, -1, -2, -3, -5, -6, -7, math.MaxInt64, math.MinInt64}
	poly, err := encode.New().Coeffs(p, 3, values, 5, fhe.ScaleOfBits(3)) // value / 4
	if err != nil {
		t.Fatal(err)
	}
	want := []int64{0, 0, 0, 1, 1, 1, 2, 2, 0, 0, -1, -1, -2, -2, 1 << 61, -1 << 61}
	got := integers(t, p, 3, poly)
	for i, w := range want {
		if got[i].Int64() != w {
			t.Errorf("%d/4 became %d, want %d", values[i], got[i], w)
		}
	}
	for i, c := range got[len(want):] {
		if c.Sign() != 0 {
			t.Fatalf("coefficient %d beyond the values is %d", len(want)+i, c)
		}
	}
}

func TestCoeffsIsExactAtAnyScale(t *testing.T) {
	p := params(t, "insecure-10-8")
	values := randomValues(p.N(), 40)
	q := p.Q(3)
	for _, scale := range []fhe.Scale{
		fhe.ScaleOfBits(45), fhe.ScaleOfBits(90), fhe.ScaleOfBits(80).DivInt(q),
		fhe.ScaleOfInt(3).DivInt(7), fhe.ScaleOfBits(200).DivInt(q).DivInt(q),
	} {
		const level, frac = 7, 20
		poly, err := encode.New().Coeffs(p, level, values, frac, scale)
		if err != nil {
			t.Fatal(err)
		}
		exactScale, _ := scale.Float().Rat(nil)
		for i, c := range integers(t, p, level, poly) {
			exact := new(big.Rat).SetFrac64(values[i], 1<<frac)
			exact.Mul(exact, exactScale)
			if want := rns.DivRound(exact.Num(), exact.Denom()); c.Cmp(want) != 0 {
				t.Fatalf("scale %v: value %d became %d, want %d", scale, i, c, want)
			}
		}
	}
}

func TestDotGivesDotProducts(t *testing.T) {
	p := params(t, "insecure-10-4")
	values := randomValues(p.N()-3, 12)
	poly, err := encode.New().Dot(p, 0, values, 0, fhe.ScaleOfBits(0))
	if err != nil {
		t.Fatal(err)
	}
	m, err := rns.NewModulus(p.Q(0))
	if err != nil {
		t.Fatal(err)
	}
	inputs, x := randomValues(p.N(), 10), make([]uint64, p.N())
	var want int64
	for i, v := range inputs {
		x[i] = m.Reduce(uint64(v) + uint64(v>>63)&m.Value())
		if i < len(values) {
			want += v * values[i]
		}
	}
	product, err := m.MulNegacyclic(x, poly.Limbs[0])
	if err != nil {
		t.Fatal(err)
	}
	got := int64(product[0])
	if product[0] > m.Value()/2 {
		got -= int64(m.Value())
	}
	if got != want {
		t.Errorf("coefficient 0 is %d, the dot product is %d", got, want)
	}
}

// TestSlotsAgainstDirectSum compares with the sum of the package comment at 384 bits, at
// a scale so large that the error of the transform dominates the rounding.
func TestSlotsAgainstDirectSum(t *testing.T) {
	p, o, e := params(t, "insecure-12-8"), newOracle(), encode.New()
	const level, frac, scaleBits = 7, 62, 220
	for _, c := range []struct{ period, count, width int }{
		{1, 1, 64},
		{2, 2, 64},
		{2, 1, 3},
		{4, 3, 64},
		{8, 8, 17},
		{64, 64, 64},
		{64, 5, 64},
		{2048, 3, 64},
	} {
		values := randomValues(c.count, c.width)
		values[0] = math.MinInt64 >> (64 - c.width)
		poly, err := e.Slots(p, level, values, frac, c.period, fhe.ScaleOfBits(scaleBits))
		if err != nil {
			t.Fatal(err)
		}
		got := integers(t, p, level, poly)
		stride := p.N() / (2 * c.period)
		largest := new(big.Float).SetMantExp(float().SetInt64(1), c.width-1-frac+scaleBits)
		bound := largest.SetMantExp(largest, -119)
		step := max(1, c.period/64)
		for k := 0; k < 2*c.period; k += step {
			want := o.slotCoefficient(values, frac, c.period, k)
			want.SetMantExp(want, scaleBits)
			diff := float().Sub(want, float().SetInt(got[k*stride]))
			limit := float().Add(bound, float().SetFloat64(0.5))
			if diff.Abs(diff).Cmp(limit) > 0 {
				t.Fatalf("%+v: coefficient %d is off by %.3g, allowed are %.3g",
					c, k, diff, limit)
			}
		}
		for i, x := range got {
			if i%stride != 0 && x.Sign() != 0 {
				t.Fatalf("%+v: coefficient %d outside the subring is %d", c, i, x)
			}
		}
	}
}

// TestSlotsRoundsCorrectly asserts the usual case: at a practical scale the result is the
// rounded exact coefficient.
func TestSlotsRoundsCorrectly(t *testing.T) {
	p, o := params(t, "insecure-10-4"), newOracle()
	const level, frac, period = 2, 30, 32
	values := randomValues(period, 45)
	scale := fhe.ScaleOfBits(85).DivInt(p.Q(3))
	poly, err := encode.New().Slots(p, level, values, frac, period, scale)
	if err != nil {
		t.Fatal(err)
	}
	got := integers(t, p, level, poly)
	for k := range 2 * period {
		want := o.slotCoefficient(values, frac, period, k)
		want.Mul(want, scale.Float())
		exact, _ := want.Rat(nil)
		rounded := rns.DivRound(exact.Num(), exact.Denom())
		if c := got[k*p.N()/(2*period)]; c.Cmp(rounded) != 0 {
			t.Errorf("coefficient %d is %d, want %d", k, c, rounded)
		}
	}
}

// TestSlotOrder evaluates the polynomial in the whole ring at the root of every slot, so
// that order and repetition are checked without the formula of the encoder.
func TestSlotOrder(t *testing.T) {
	p := params(t, "insecure-10-4")
	const frac, period = 8, 8
	values := []int64{256, -512, 768, 64, -64, 1000}
	poly, err := encode.New().Slots(p, 1, values, frac, period, fhe.ScaleOfBits(40))
	if err != nil {
		t.Fatal(err)
	}
	coeffs := integers(t, p, 1, poly)
	exponent := 1
	for slot := range p.Slots() {
		var got complex128
		for i, c := range coeffs {
			if c.Sign() == 0 {
				continue
			}
			x, _ := new(big.Float).SetInt(c).Float64()
			angle := math.Pi * float64(i*exponent%(2*p.N())) / float64(p.N())
			got += complex(x*0x1p-40, 0) * cmplx.Rect(1, angle)
		}
		want := 0.0
		if at := slot % period; at < len(values) {
			want = float64(values[at]) / (1 << frac)
		}
		// 16 coefficients, each rounded by at most half a unit of 2^-40, and float64 noise.
		if cmplx.Abs(got-complex(want, 0)) > 1e-10 {
			t.Fatalf("slot %d is %v, want %v", slot, got, want)
		}
		exponent = exponent * 5 % (2 * p.N())
	}
}

func TestRotationIsAnAutomorphism(t *testing.T) {
	p := params(t, "insecure-10-4")
	const level, period = 1, 64
	values := randomValues(period, 30)
	m, err := rns.NewModulus(p.Q(level))
	if err != nil {
		t.Fatal(err)
	}
	e := encode.New()
	poly, err := e.Slots(p, level, values, 20, period, p.DefaultScale())
	if err != nil {
		t.Fatal(err)
	}
	for _, steps := range []int{1, 5, 63} {
		rotated := slices.Concat(values[steps:], values[:steps])
		want, err := e.Slots(p, level, rotated, 20, period, p.DefaultScale())
		if err != nil {
			t.Fatal(err)
		}
		got, err := m.Automorphism(poly.Limbs[level], p.GaloisElement(steps))
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(got, want.Limbs[level]) {
			t.Errorf("rotation by %d is not X -> X^%d", steps, p.GaloisElement(steps))
		}
	}
}

func TestConstantVectorIsConstantPolynomial(t *testing.T) {
	p := params(t, "insecure-10-4")
	e := encode.New()
	want, err := e.Slots(p, 0, []int64{-4321}, 8, 1, p.DefaultScale())
	if err != nil {
		t.Fatal(err)
	}
	for period := 2; period <= p.Slots(); period *= 2 {
		got, err := e.Slots(p, 0, slices.Repeat([]int64{-4321}, period), 8, period,
			p.DefaultScale())
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(got.Limbs[0], want.Limbs[0]) {
			t.Errorf("period %d differs from period 1", period)
		}
	}
}

// TestGoldenDigests pins the bytes: they are artefacts of Plans. The same digests must
// come out under every GOAMD64 and on every architecture.
func TestGoldenDigests(t *testing.T) {
	p13, p14 := params(t, "ckks-13"), params(t, "ckks-14")
	odd := fhe.ScaleOfBits(80).DivInt(p13.Q(3))
	cases := []struct {
		name   string
		params *fhe.Params
		c      fhe.PlanConstant
		values []int64
		want   string
	}{
		{"slots", p13, fhe.PlanConstant{
			Arrangement: fhe.ArrangeSlots, Period: 4096, Frac: 16, Level: 3,
			Scale: fhe.ScaleOfBits(40),
		}, randomValues(4096, 20), "4a6e14f2023c868f248d546e1829abf1"},
		{"short slots", p13, fhe.PlanConstant{
			Arrangement: fhe.ArrangeSlots, Period: 16, Frac: 60, Level: 1, Scale: odd,
		}, randomValues(11, 64), "9a3f01ff2701a29127e3beb588b63f50"},
		{"wide slots", p14, fhe.PlanConstant{
			Arrangement: fhe.ArrangeSlots, Period: 8192, Frac: 40, Level: 7,
			Scale: fhe.ScaleOfBits(120),
		}, randomValues(8000, 62), "61337efedd1206e39db56c45d17a404e"},
		{"coeffs", p14, fhe.PlanConstant{
			Arrangement: fhe.ArrangeCoeffs, Frac: 24, Level: 2, Scale: odd,
		}, randomValues(1000, 33), "6278e9c00fd398331bbfe1bc01665249"},
		{"dot", p13, fhe.PlanConstant{
			Arrangement: fhe.ArrangeDot, Frac: 12, Level: 0, Scale: fhe.ScaleOfBits(30),
		}, randomValues(8192, 14), "74c7db3f3cf2ad9c6557de8958eb5815"},
	}
	e := encode.New()
	for _, c := range cases {
		poly, err := e.EncodeConstant(c.params, c.c, c.values)
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		var packed []byte
		for i, limb := range poly.Limbs {
			if packed, err = rns.AppendPacked(packed, limb, c.params.Q(i)); err != nil {
				t.Fatalf("%s: %v", c.name, err)
			}
		}
		digest := abi.SumDigest(packed)
		if got := hex.EncodeToString(digest[:16]); got != c.want {
			t.Errorf("%s: digest %s, want %s", c.name, got, c.want)
		}
	}
}

func TestRefusals(t *testing.T) {
	p, e := params(t, "insecure-10-4"), encode.New()
	s := p.DefaultScale()
	one := []int64{1}
	slots := func(level, frac, period int, scale fhe.Scale, values []int64) error {
		_, err := e.Slots(p, level, values, frac, period, scale)
		return err
	}
	for name, err := range map[string]error{
		"level below":     slots(-1, 0, 1, s, one),
		"level above":     slots(4, 0, 1, s, one),
		"negative frac":   slots(0, -1, 1, s, one),
		"frac too large":  slots(0, encode.FracBitsMax+1, 1, s, one),
		"no scale":        slots(0, 0, 1, fhe.Scale{}, one),
		"scale too large": slots(0, 0, 1, fhe.ScaleOfBits(60000), one),
		"scale too small": slots(0, 0, 1, fhe.ScaleOfBits(-60000), one),
		"period zero":     slots(0, 0, 0, s, nil),
		"period odd":      slots(0, 0, 3, s, one),
		"period too long": slots(0, 0, p.N(), s, one),
		"too many values": slots(0, 0, 2, s, make([]int64, 3)),
		"value too large": slots(0, 0, 1, s, []int64{1 << 5}),
	} {
		if !errors.Is(err, fhe.ErrRange) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := slots(0, 0, 1, s, []int64{1<<5 - 1}); err != nil {
		t.Errorf("the largest value that fits: %v", err)
	}
	if _, err := e.Dot(p, 0, make([]int64, p.N()+1), 0, s); !errors.Is(err, fhe.ErrRange) {
		t.Errorf("too many coefficients: %v", err)
	}
	if _, err := e.Coeffs(p, 0, []int64{0, -1 << 6}, 0, s); !errors.Is(err, fhe.ErrRange) {
		t.Errorf("coefficient too large: %v", err)
	}
	_, err := e.EncodeConstant(p, fhe.PlanConstant{Arrangement: "rows", Scale: s}, one)
	if !errors.Is(err, fhe.ErrType) {
		t.Errorf("unknown arrangement: %v", err)
	}
}

func TestConcurrentUse(t *testing.T) {
	p, e := params(t, "insecure-10-4"), encode.New()
	values := randomValues(512, 30)
	want, err := encode.New().Slots(p, 1, values, 20, 512, p.DefaultScale())
	if err != nil {
		t.Fatal(err)
	}
	var wait sync.WaitGroup
	for range 4 {
		wait.Go(func() {
			got, err := e.Slots(p, 1, values, 20, 512, p.DefaultScale())
			if err != nil || !slices.Equal(got.Limbs[1], want.Limbs[1]) {
				t.Errorf("concurrent encoding differs: %v", err)
			}
		})
	}
	wait.Wait()
}

func BenchmarkSlots(b *testing.B) {
	for _, name := range []string{"ckks-13", "ckks-14"} {
		p, e := params(b, name), encode.New()
		values := randomValues(p.Slots(), 20)
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				_, err := e.Slots(p, p.MaxLevel(), values, 16, p.Slots(), p.DefaultScale())
				if err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
