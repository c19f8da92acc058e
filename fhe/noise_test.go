package fhe_test

import (
	"errors"
	"math"
	"testing"

	"github.com/cerberus-host/cerberus/abi"
	"github.com/cerberus-host/cerberus/fhe"
)

func TestNoiseCheck(t *testing.T) {
	declared := []abi.Output{{Name: "a", Bound: 16}, {Name: "b", Bound: 1}}
	for _, c := range []struct {
		name      string
		proven    int
		tolerance int
		ok        bool
	}{
		{"a", 8, 10, true},
		{"a", 8, 12, true},
		{"a", 8, 13, false}, // 2^-8 > 16 * 2^-13
		{"a", -1, 3, true},
		{"a", -1, 4, false},
		{"b", 10, 10, true},
		{"b", 9, 10, false},
		{"b", -1000, 10, false},
		{"c", 60, 1, false},
	} {
		n := fhe.Noise{Outputs: []fhe.OutputNoise{{Name: c.name, ProvenBits: c.proven}}}
		err := n.Check(declared, c.tolerance)
		if c.ok && err != nil {
			t.Errorf("%v: %v", c, err)
		}
		if !c.ok && !errors.Is(err, fhe.ErrNoise) {
			t.Errorf("%v: error %v", c, err)
		}
	}
}

// TestNoiseOfEncryptionAlone: a Plan that neither rounds nor switches keys has the noise of
// encryption and nothing of a node's.
func TestNoiseOfEncryptionAlone(t *testing.T) {
	p, err := fhe.ParamsByName("ckks-13")
	if err != nil {
		t.Fatal(err)
	}
	plan := &fhe.Plan{
		Params: p, Program: abi.SumDigest(nil), Registers: 3,
		Inputs: []fhe.PlanInput{{
			Name: "x", Packing: abi.PackCoeffs, Length: 2 * p.N(), Bound: 1, Scale: fhe.ScaleOfBits(20),
			Count: 2,
		}},
		Steps: []fhe.Step{{Op: fhe.StepAdd, A: 0, B: 1, Out: 2, Scale: fhe.ScaleOfBits(20)}},
		Outputs: []fhe.PlanOutput{{
			Name: "y", Packing: abi.PackCoeffs, Length: 1, Scale: fhe.ScaleOfBits(20), Reg: 2,
		}},
	}
	if err := plan.Check(); err != nil {
		t.Fatal(err)
	}
	n, err := (&fhe.Compiled{Plan: plan}).Noise()
	if err != nil {
		t.Fatal(err)
	}
	if !n.FreshOnly {
		t.Error("the Plan leaves a node no room and the noise does not say so")
	}
	// Two errors of deviation 3.2 at scale 2^20; ten deviations are certain.
	deviation := math.Sqrt(2*(3.2*3.2+1./12)) / (1 << 20)
	if want := -math.Log2(deviation); math.Abs(float64(n.Outputs[0].HonestBits)-want) > 1 {
		t.Errorf("honest 2^-%d, want about 2^-%.1f", n.Outputs[0].HonestBits, want)
	}
	if want := -math.Log2(10 * deviation); math.Abs(float64(n.Outputs[0].ProvenBits)-want) > 1.1 {
		t.Errorf("proven 2^-%d, want about 2^-%.1f", n.Outputs[0].ProvenBits, want)
	}
	plan.Constants = []fhe.PlanConstant{{}}
	if _, err := (&fhe.Compiled{Plan: plan}).Noise(); !errors.Is(err, fhe.ErrPlan) {
		t.Errorf("a constant is missing: error %v", err)
	}
}
