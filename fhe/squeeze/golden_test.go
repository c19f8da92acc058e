package squeeze_test

import (
	"flag"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/cerberus-host/cerberus/fhe"
	"github.com/cerberus-host/cerberus/fhe/encode"
	"github.com/cerberus-host/cerberus/fhe/squeeze"
)

var rewrite = flag.Bool("rewrite", false, "write the golden files instead of comparing")

// golden compares text with a file under testdata, or writes it.
func golden(t *testing.T, name, text string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *rewrite {
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if text != string(want) {
		t.Errorf("%s differs; run the test with -rewrite and review the difference", path)
	}
}

func TestGoldens(t *testing.T) {
	for _, c := range programs() {
		t.Run(c.name, func(t *testing.T) {
			prog := c.record(t)
			compiled, err := squeeze.Compile(prog, fhe.Model{}, encode.New())
			if err != nil {
				t.Fatal(err)
			}
			text := string(prog.Text())
			golden(t, c.name+".program", text)
			if back, err := fhe.ParseProgram([]byte(text)); err != nil {
				t.Error(err)
			} else if back.Digest() != prog.Digest() {
				t.Error("parsed Program has another digest")
			}
			plan := compiled.Plan
			text = string(plan.Text())
			golden(t, c.name+".plan", text)
			if back, err := fhe.ParsePlan([]byte(text)); err != nil {
				t.Error(err)
			} else if back.Digest() != plan.Digest() {
				t.Error("parsed Plan has another digest")
			}
			baseline, err := squeeze.CompileWith(prog, fhe.Model{}, encode.New(),
				squeeze.Options{Without: squeeze.Passes()})
			if err != nil {
				t.Fatal(err)
			}
			golden(t, c.name+".summary", fmt.Sprintf(
				"program %s\nplan %s\ncost %+v\nwork %d\nbaseline plan %s\nbaseline work %d\n",
				prog.Digest(), plan.Digest(), plan.Cost(), squeeze.Work(plan),
				baseline.Plan.Digest(), squeeze.Work(baseline.Plan)))
		})
	}
}

// TestGoldensCompute runs the goldens against the clear twin.
func TestGoldensCompute(t *testing.T) {
	for _, c := range programs() {
		t.Run(c.name, func(t *testing.T) {
			prog := c.record(t)
			compiled, err := squeeze.Compile(prog, fhe.Model{}, encode.New())
			if err != nil {
				t.Fatal(err)
			}
			inputs := make(map[string][]float64)
			for i, in := range compiled.Plan.Inputs {
				for _, v := range pattern(in.Length, 100+i) {
					inputs[in.Name] = append(inputs[in.Name], float64(v)/128)
				}
			}
			want, err := fhe.EvalClear(prog, fhe.Model{}, inputs)
			if err != nil {
				t.Fatal(err)
			}
			got := newShadow(t, prog.Params).run(t, compiled, inputs)
			tolerance := math.Ldexp(1, -20)
			if c.name == "coeffs" {
				// The inputs are rounded at scale 2^20: up to 1500 terms of at most 2^-21/32.
				tolerance = 1500 * math.Ldexp(1, -26)
			}
			checkOutputs(t, compiled.Plan, got, want, tolerance)
		})
	}
}
