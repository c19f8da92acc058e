package main

import (
	"flag"
	"os"
	"testing"

	"github.com/cerberus-host/cerberus/fhe/encode"
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
	compiled, err := squeeze.CompileWith(bench.Program(nil), bench.Model(), encode.New(),
		squeeze.Options{Outputs: bench.Manifest().Outputs})
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
	for text, want := range map[string]string{
		"A warm, witty and wonderfully acted film.":              "positive",
		"a clumsy script , flat jokes and not one likeable soul": "negative",
	} {
		if answer := bench.Ask(`{"text":"` + text + `"}`); answer.Label != want {
			confidence, _ := answer.Get("confidence")
			t.Errorf("%q: %s (%.2f), want %s", text, answer.Label, confidence, want)
		}
	}
}
