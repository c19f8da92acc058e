package rangecircuit

import (
	"context"
	"errors"
	"fmt"
	"math/big"
	"testing"
	"time"

	"github.com/consensys/gnark-crypto/ecc"
	"github.com/consensys/gnark/frontend"

	"github.com/cerberus-host/cerberus/fhe"
	"github.com/cerberus-host/cerberus/fhe/rns"
)

// shaped returns an insecure set with the given numbers of primes on a small ring.
func shaped(t testing.TB, logN, q, p int) *fhe.Params {
	t.Helper()
	set, err := rns.GeneratePrimes(rns.PrimeShape{
		LogN: logN, FirstBits: 46, ScaleBits: 40, SpecialBits: 50, QCount: q, PCount: p,
	})
	if err != nil {
		t.Fatal(err)
	}
	set.Name = fmt.Sprintf("insecure-%d-%d-%d", logN, q, p)
	params, err := fhe.NewParams(set)
	if err != nil {
		t.Fatal(err)
	}
	return params
}

// TestMeasure: an honest key switch is proven.
func TestMeasure(t *testing.T) {
	in, err := NewInstance(shaped(t, 4, 3, 1), 2, 1)
	if err != nil {
		t.Fatal(err)
	}
	cost, err := Measure(t.Context(), in, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	// Every coefficient is checked, and every one and every quotient by X^N+1 evaluated.
	if cost.Checked != 19*16 || cost.Constraints < cost.Checked*2+8*16 {
		t.Errorf("%+v", cost)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Measure(ctx, in, time.Now); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: error %v", err)
	}
}

// TestRefuse: the circuit refuses what is not a key switch, and coefficients out of range
// that satisfy the identities.
func TestRefuse(t *testing.T) {
	in, err := NewInstance(shaped(t, 4, 3, 1), 1, 1)
	if err != nil {
		t.Fatal(err)
	}
	system, err := compile(in)
	if err != nil {
		t.Fatal(err)
	}
	add := func(x *frontend.Variable, by int64) {
		sum, ok := new(big.Int).SetString(fmt.Sprint(*x), 10)
		if !ok {
			t.Fatalf("%v is no number", *x)
		}
		*x = sum.Add(sum, big.NewInt(by))
	}
	q := int64(in.primes[0])
	for name, c := range map[string]struct {
		change func(c *circuit)
		ok     bool
	}{
		"nothing":   {func(*circuit) {}, true},
		"digit":     {func(c *circuit) { add(&c.Digits[0][3], 1) }, false},
		"remainder": {func(c *circuit) { add(&c.Remainders[1][3], 1) }, false},
		"output":    {func(c *circuit) { add(&c.Outputs[0][1][3], 1) }, false},
		"quotient":  {func(c *circuit) { add(&c.Quotients[1][2][3], 1) }, false},
		"cyclic":    {func(c *circuit) { add(&c.Cyclic[0][0][3], 1) }, false},
		"out of range": {func(c *circuit) {
			// The same residue, with the quotient to match, beyond every width.
			add(&c.Outputs[0][0][3], 2*q)
			add(&c.Quotients[0][0][3], 2*int64(in.special()))
		}, false},
	} {
		assignment := newCircuit(in)
		if err := assignment.assign(); err != nil {
			t.Fatal(err)
		}
		c.change(assignment)
		full, err := frontend.NewWitness(assignment, ecc.BN254.ScalarField())
		if err != nil {
			t.Fatal(err)
		}
		if err := system.IsSolved(full); (err == nil) != c.ok {
			t.Errorf("%s: error %v", name, err)
		}
	}
}

// TestInstances: digits of several primes are not stated.
func TestInstances(t *testing.T) {
	if _, err := NewInstance(shaped(t, 4, 5, 2), 2, 1); !errors.Is(err, ErrInstance) {
		t.Errorf("digits of two primes: error %v", err)
	}
	if _, err := NewInstance(shaped(t, 4, 3, 1), 3, 1); !errors.Is(err, ErrInstance) {
		t.Errorf("level 3 of 2: error %v", err)
	}
}

// BenchmarkKeySwitch proves a key switch at three limbs in a ring of 1024; costs are linear
// in the ring's degree.
func BenchmarkKeySwitch(b *testing.B) {
	in, err := NewInstance(shaped(b, 10, 3, 1), 2, 1)
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		cost, err := Measure(b.Context(), in, time.Now)
		if err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(cost.Constraints), "constraints")
		b.ReportMetric(cost.Setup.Seconds(), "setup-s")
		b.ReportMetric(cost.Prove.Seconds(), "prove-s")
	}
}
