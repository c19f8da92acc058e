package squeeze_test

import (
	"errors"
	"math"
	"testing"

	"github.com/cerberus-host/cerberus/fhe"
	"github.com/cerberus-host/cerberus/fhe/encode"
	"github.com/cerberus-host/cerberus/fhe/squeeze"
)

// maxOverRMS is how far the largest error of a few thousand values lies above the root mean
// square, in bits, with room for correlated errors.
const maxOverRMS = 5

// checkNoise holds measured results to the noise that was computed for their Plan.
func checkNoise(t *testing.T, c *fhe.Compiled, got, want map[string][]float64) {
	t.Helper()
	n, err := c.Noise()
	if err != nil {
		t.Fatal(err)
	}
	if len(n.Outputs) != len(c.Plan.Outputs) {
		t.Fatalf("noise of %d outputs instead of %d", len(n.Outputs), len(c.Plan.Outputs))
	}
	for _, o := range n.Outputs {
		worst := compare(t, map[string][]float64{o.Name: got[o.Name]},
			map[string][]float64{o.Name: want[o.Name]})
		bits := -math.Log2(worst)
		if bits < float64(o.ProvenBits) {
			t.Errorf("output %s is off by 2^%.1f, proven are 2^%d", o.Name, -bits, -o.ProvenBits)
		}
		if bits < float64(o.HonestBits-maxOverRMS) {
			t.Errorf("output %s is off by 2^%.1f on an honest node, estimated are 2^%d rms", o.Name,
				-bits, -o.HonestBits)
		}
		t.Logf("output %s: measured 2^%.1f, honest 2^%d, proven 2^%d", o.Name, -bits,
			-o.HonestBits, -o.ProvenBits)
	}
}

// TestNoiseOfRandomPrograms: no measured error exceeds the proven one, nor the honest one by
// more than a maximum exceeds a mean.
func TestNoiseOfRandomPrograms(t *testing.T) {
	p, err := fhe.ParamsByName("insecure-10-8")
	if err != nil {
		t.Fatal(err)
	}
	s := newSession(t, p)
	for seed := range uint64(30) {
		prog := randomProgram(t, seed)
		c, err := squeeze.Compile(prog, fhe.Model{}, encode.New())
		if errors.Is(err, fhe.ErrDepth) {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		inputs := randomInputs(c.Plan, seed)
		want, err := fhe.EvalClear(prog, fhe.Model{}, inputs)
		if err != nil {
			t.Fatal(err)
		}
		checkNoise(t, c, s.run(t, c, inputs), want)
	}
}

// TestNoiseOfGoldens is the same for the goldens, with and without passes.
func TestNoiseOfGoldens(t *testing.T) {
	for _, g := range programs() {
		t.Run(g.name, func(t *testing.T) {
			prog := g.record(t)
			s := newSession(t, prog.Params)
			for _, without := range [][]squeeze.Pass{nil, squeeze.Passes()} {
				c, err := squeeze.CompileWith(prog, fhe.Model{}, encode.New(),
					squeeze.Options{Without: without})
				if err != nil {
					t.Fatal(err)
				}
				inputs := randomInputs(c.Plan, 5)
				want, err := fhe.EvalClear(prog, fhe.Model{}, inputs)
				if err != nil {
					t.Fatal(err)
				}
				checkNoise(t, c, s.run(t, c, inputs), want)
			}
		})
	}
}
