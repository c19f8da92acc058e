package main

import (
	"crypto/rand"
	"flag"
	"math"
	"os"
	"strings"
	"testing"

	"github.com/cerberus-host/cerberus/fhe"
	"github.com/cerberus-host/cerberus/fhe/encode"
	"github.com/cerberus-host/cerberus/fhe/lattigo"
	"github.com/cerberus-host/cerberus/fhe/squeeze"
	"github.com/cerberus-host/cerberus/sdk-wasm/braintest"
)

var update = flag.Bool("update", false, "write the golden files instead of comparing them")

func TestProgramIsTheGolden(t *testing.T) {
	bench := braintest.New(t, newBrain(), "manifest.json")
	bench.Golden("testdata/program.golden", *update)
}

func TestPlanNeedsNoKeys(t *testing.T) {
	bench := braintest.New(t, newBrain(), "manifest.json")
	m := bench.Manifest()
	compiled, err := squeeze.CompileWith(bench.Program(nil), bench.Model(), encode.New(),
		squeeze.Options{Outputs: m.Outputs})
	if err != nil {
		t.Fatal(err)
	}
	plan := compiled.Plan
	golden(t, "testdata/plan.golden", string(plan.Text()))
	if plan.Relin || len(plan.Galois) != 0 {
		t.Errorf("it needs a relinearisation key (%v) or the rotation keys %v", plan.Relin,
			plan.Galois)
	}
	if got, want := plan.Inputs[0].Count, vectorLength/plan.Params.N(); got != want {
		t.Errorf("%d ciphertexts, want %d", got, want)
	}
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

func TestAnswers(t *testing.T) {
	bench := braintest.New(t, newBrain(), "manifest.json")
	for _, c := range []struct{ text, want string }{
		{"a joy from start to end , with a heart as big as its jokes", "positive"},
		{"A joy from start to end, with a heart as big as its jokes!", "positive"},
		{"two hours of tired clichés that never come to life", "negative"},
		{"This isn't a good film.", "negative"},
		{"This is a good film.", "positive"},
		{"The plot is thin, but the performances are wonderful and moving.", "positive"},
		{"The performances are fine, but it's a dull, pointless mess.", "negative"},
		{strings.Repeat("I can't remember a more boring evening. ", 200), "negative"},
	} {
		answer := bench.Ask(`{"text":"` + c.text + `"}`)
		confidence, _ := answer.Get("confidence")
		if answer.Label != c.want {
			t.Errorf("%.60q: %s (%.2f), want %s", c.text, answer.Label, confidence, c.want)
		}
		if confidence < 0.5 || confidence > 1 {
			t.Errorf("%.60q: confidence %v", c.text, confidence)
		}
	}
}

func TestUnknownTextIsRefused(t *testing.T) {
	bench := braintest.New(t, newBrain(), "manifest.json")
	for _, text := range []string{"", "   ", "ζζζζ"} {
		if trace, err := bench.Trace([]byte(`{"text":"` + text + `"}`)); err == nil {
			t.Errorf("%q is %s", text, trace.Answer.Label)
		}
	}
}

// TestEncryptedScoreIsTheTwins encrypts two reviews, runs the Plan on the reference engine
// and compares with the clear twin.
func TestEncryptedScoreIsTheTwins(t *testing.T) {
	bench := braintest.New(t, newBrain(), "manifest.json")
	m := bench.Manifest()
	compiled, err := squeeze.CompileWith(bench.Program(nil), bench.Model(), encode.New(),
		squeeze.Options{Outputs: m.Outputs})
	if err != nil {
		t.Fatal(err)
	}
	secret, err := lattigo.GenerateSecret(compiled.Plan.Params, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	defer secret.Wipe()
	loaded, err := lattigo.New().LoadPlan(t.Context(), compiled)
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"a joy from start to end", "a dull and tired thing"} {
		trace, err := bench.Trace([]byte(`{"text":"` + text + `"}`))
		if err != nil {
			t.Fatal(err)
		}
		input, output := compiled.Plan.Inputs[0], compiled.Plan.Outputs[0]
		cts, err := lattigo.EncryptVector(secret, input, trace.Inputs["x"], rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		results, err := fhe.Execute(t.Context(), loaded, nil, cts, fhe.RunOptions{})
		if err != nil {
			t.Fatal(err)
		}
		got, err := lattigo.DecryptVector(secret, output, results[0])
		if err != nil {
			t.Fatal(err)
		}
		// The asked precision is a part of 2^tolerance_bits of the output's bound; a label
		// wants far more, and has it.
		if want := trace.Outputs["score"][0]; math.Abs(got[0]-want) > 1e-2 {
			t.Errorf("%q: encrypted score %v, clear twin %v", text, got[0], want)
		}
	}
}
