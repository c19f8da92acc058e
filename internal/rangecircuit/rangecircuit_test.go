package rangecircuit

import (
	"errors"
	"fmt"
	"math/big"
	"testing"

	"github.com/consensys/gnark-crypto/ecc"
	"github.com/consensys/gnark/frontend"

	"github.com/cerberus-host/cerberus/proofs/prooftest"
)

// TestProve: an honest key switch is proven, and its proof is of no other.
func TestProve(t *testing.T) {
	in, err := NewInstance(prooftest.Params(t, 4, 3, 1), 2, 1)
	if err != nil {
		t.Fatal(err)
	}
	c, err := Compile(in)
	if err != nil {
		t.Fatal(err)
	}
	// Every coefficient is checked, and every one and every quotient by X^N+1 evaluated.
	if c.Checked() != 19*16 || c.Constraints() < c.Checked()*2+8*16 {
		t.Errorf("%d constraints, %d checked", c.Constraints(), c.Checked())
	}
	if _, err := c.Prove(); !errors.Is(err, ErrSetup) {
		t.Errorf("no setup: error %v", err)
	}
	if err := c.Setup(); err != nil {
		t.Fatal(err)
	}
	proof, err := c.Prove()
	if err != nil {
		t.Fatal(err)
	}
	if err := proof.Verify(); err != nil {
		t.Error(err)
	}
	if err := c.Setup(); err != nil {
		t.Fatal(err)
	}
	if proof.Verify() == nil {
		t.Error("a proof holds under the keys of another setup")
	}
}

// TestRefuse: the circuit refuses what is not a key switch, and coefficients out of range
// that satisfy the identities.
func TestRefuse(t *testing.T) {
	in, err := NewInstance(prooftest.Params(t, 4, 3, 1), 1, 1)
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
	if _, err := NewInstance(prooftest.Params(t, 4, 5, 2), 2, 1); !errors.Is(err, ErrInstance) {
		t.Errorf("digits of two primes: error %v", err)
	}
	if _, err := NewInstance(prooftest.Params(t, 4, 3, 1), 3, 1); !errors.Is(err, ErrInstance) {
		t.Errorf("level 3 of 2: error %v", err)
	}
}

// BenchmarkProve proves a key switch at three limbs in a ring of 1024; costs are linear in
// the ring's degree.
func BenchmarkProve(b *testing.B) {
	in, err := NewInstance(prooftest.Params(b, 10, 3, 1), 2, 1)
	if err != nil {
		b.Fatal(err)
	}
	c, err := Compile(in)
	if err != nil {
		b.Fatal(err)
	}
	if err := c.Setup(); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := c.Prove(); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(c.Constraints()), "constraints")
}
