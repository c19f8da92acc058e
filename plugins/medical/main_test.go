package main

import (
	"crypto/rand"
	"flag"
	"fmt"
	"math"
	"os"
	"slices"
	"testing"

	"github.com/cerberus-host/cerberus/abi"
	"github.com/cerberus-host/cerberus/fhe"
	"github.com/cerberus-host/cerberus/fhe/encode"
	"github.com/cerberus-host/cerberus/fhe/lattigo"
	"github.com/cerberus-host/cerberus/fhe/squeeze"
	"github.com/cerberus-host/cerberus/sdk-wasm/braintest"
)

var update = flag.Bool("update", false, "write the golden files instead of comparing them")

func TestProgramsAreTheGoldens(t *testing.T) {
	bench := braintest.New(t, medical{}, "manifest.json")
	bench.Golden("testdata/program.golden", *update)
}

func compile(t *testing.T, bench *braintest.Bench, args abi.Args) *fhe.Compiled {
	t.Helper()
	compiled, err := squeeze.CompileWith(bench.Program(args), bench.Model(), encode.New(),
		squeeze.Options{Outputs: bench.Manifest().OutputsFor(args)})
	if err != nil {
		t.Fatal(err)
	}
	return compiled
}

func TestPlansUseTheWholeScheme(t *testing.T) {
	bench := braintest.New(t, medical{}, "manifest.json")
	text := ""
	for _, args := range bench.Manifest().Combinations() {
		plan := compile(t, bench, args).Plan
		text += fmt.Sprintf("# public arguments %q: %s\n%s\n", args, plan.Digest(), plan.Text())
		if !plan.Relin || len(plan.Galois) == 0 {
			t.Errorf("%s: relinearisation %v, %d rotation keys", args, plan.Relin, len(plan.Galois))
		}
		if in := plan.Inputs[0]; in.Count != 1 || in.Level != plan.Params.MaxLevel() {
			t.Errorf("%s: %d ciphertexts at level %d", args, in.Count, in.Level)
		}
	}
	golden(t, "testdata/plan.golden", text)
}

// golden compares a Plan's text, which holds the digests of its encoded constants, with a
// file. It must be the same on every machine.
func golden(t *testing.T, path, text string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if want, err := os.ReadFile(path); err != nil || string(want) != text {
		t.Errorf("the Plan differs from %s (%v): raise the version, run with -update", path, err)
	}
}

// request is a question about somebody who does not exist, and the expected answer.
type request struct{ json, want string }

func requests() []request {
	return []request{
		{`{"exam":"breast","features":{"radius_mean":20.6,"texture_mean":25.1,` +
			`"perimeter_mean":136,"area_mean":1320,"concavity_mean":0.21,` +
			`"concave points_mean":0.12,"radius_worst":25,"area_worst":1900,` +
			`"concave points_worst":0.21}}`, "malignant"},
		{`{"exam":"breast","features":{"radius_worst":12,"area_worst":450,` +
			`"concave points_worst":0.05,"texture_worst":20}}`, "benign"},
		{`{"exam":"heart","features":{"age":45,"sex":0,"cp":3,"trestbps":118,"chol":205,` +
			`"fbs":0,"restecg":0,"thalach":170,"exang":0,"oldpeak":0,"slope":1,"ca":0,` +
			`"thal":3}}`, "healthy"},
		{`{"exam":"heart","features":{"age":64,"sex":1,"cp":4,"thalach":110,"exang":1,` +
			`"oldpeak":2.8,"slope":2,"ca":2,"thal":7}}`, "disease"},
	}
}

func TestAnswers(t *testing.T) {
	bench := braintest.New(t, medical{}, "manifest.json")
	for _, r := range requests() {
		answer := bench.Ask(r.json)
		confidence, _ := answer.Get("confidence")
		if answer.Label != r.want || confidence < 0.5 || confidence > 1 {
			t.Errorf("%s: %s (%.3f), want %s", r.json, answer.Label, confidence, r.want)
		}
	}
}

func TestRequestsAreRefused(t *testing.T) {
	bench := braintest.New(t, medical{}, "manifest.json")
	for _, json := range []string{
		`{"exam":"liver","features":{"age":40}}`,
		`{"exam":"heart","features":{}}`,
		`{"exam":"heart","features":{"thal":5}}`,
		`{"exam":"heart","features":{"radius_mean":15}}`,
		`{"exam":"breast","features":{"radius_mean":-15}}`,
		`{"exam":"breast"}`,
	} {
		if trace, err := bench.Trace([]byte(json)); err == nil {
			t.Errorf("%s is %s", json, trace.Answer.Label)
		}
	}
}

func TestManifestMatchesTheCode(t *testing.T) {
	m := braintest.New(t, medical{}, "manifest.json").Manifest()
	for _, exam := range []string{"breast", "heart"} {
		w1, ok := m.Tensor(exam + ".w1")
		if !ok || !slices.Equal(w1.Shape, []int{units, m.Inputs[0].Length}) {
			t.Errorf("%s: first layer %v", exam, w1.Shape)
		}
	}
}

// TestExtremeRequestsStayInRange asks with values far outside of what was trained on: the
// output must stay within its bound, or an encrypted answer would wrap around.
func TestExtremeRequestsStayInRange(t *testing.T) {
	bench := braintest.New(t, medical{}, "manifest.json")
	bound := float64(bench.Manifest().Outputs[0].Bound)
	f, _ := bench.Manifest().Field("features")
	for _, exam := range []string{"breast", "heart"} {
		for i, value := range []string{"0", "1e300"} {
			json := `{"exam":"` + exam + `","features":{`
			comma := ""
			for k, column := range f.Keys[exam] {
				switch column {
				case "sex", "cp", "fbs", "restecg", "exang", "slope", "thal":
					continue
				}
				if i == 1 && k%2 == 0 {
					continue
				}
				json += comma + `"` + column + `":` + value
				comma = ","
			}
			trace, err := bench.Trace([]byte(json + `}}`))
			if err != nil {
				t.Fatal(err)
			}
			if v := trace.Outputs["logit"][0]; math.Abs(v) > bound {
				t.Errorf("%s, all %s: output %v", exam, value, v)
			}
		}
	}
}

// TestEncryptedAnswersAreTheTwins runs the Plans on the reference engine.
func TestEncryptedAnswersAreTheTwins(t *testing.T) {
	bench := braintest.New(t, medical{}, "manifest.json")
	for _, args := range bench.Manifest().Combinations() {
		compiled := compile(t, bench, args)
		plan := compiled.Plan
		secret, err := lattigo.GenerateSecret(plan.Params, rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		keys, err := lattigo.GenerateKeys(t.Context(), secret, plan.Relin, plan.Galois, rand.Reader,
			nil)
		if err != nil {
			t.Fatal(err)
		}
		engine := lattigo.New()
		loaded, err := engine.LoadPlan(t.Context(), compiled)
		if err != nil {
			t.Fatal(err)
		}
		loadedKeys, err := engine.LoadKeys(t.Context(), keys)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range requests() {
			trace, err := bench.Trace([]byte(r.json))
			if err != nil {
				t.Fatal(err)
			}
			if trace.Args.String() != args.String() {
				continue
			}
			cts, err := lattigo.EncryptVector(secret, plan.Inputs[0], trace.Inputs["x"],
				rand.Reader)
			if err != nil {
				t.Fatal(err)
			}
			results, err := fhe.Execute(t.Context(), loaded, loadedKeys, cts, fhe.RunOptions{})
			if err != nil {
				t.Fatal(err)
			}
			got, err := lattigo.DecryptVector(secret, plan.Outputs[0], results[0])
			if err != nil {
				t.Fatal(err)
			}
			// A thousandth here is 0.016 of the logit.
			if want := trace.Outputs["logit"][0]; math.Abs(got[0]-want) > 1e-3 {
				t.Errorf("%s: encrypted output %v, clear twin %v", r.json, got[0], want)
			}
		}
		secret.Wipe()
	}
}
