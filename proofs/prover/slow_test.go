//go:build slow

package prover

import (
	"testing"

	"github.com/cerberus-host/cerberus/fhe"
	"github.com/cerberus-host/cerberus/proofs/prooftest"
)

// TestRealRings: proofs in rings of real size verify, in one block and in several, with a
// witness of which a part is in a file.
func TestRealRings(t *testing.T) {
	setup := prooftest.Clear(t, 8192)
	for name, plans := range map[string]int{"ckks-13": 3, "ckks-14": 3, "ckks-15": 2} {
		params, err := fhe.ParamsByName(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, plan := range namedPlans()[:plans] {
			r := executeWith(t, plan.plan(t, params), setup, prooftest.Options{
				Seed: 1, WitnessBytesMax: 2 << 20,
			})
			p := newProver(t, Config{Setup: setup, MemoryMax: 256 << 20})
			proof, stats, err := p.Prove(t.Context(), r)
			if err != nil {
				t.Fatalf("%s, %s: %v", name, plan.name, err)
			}
			t.Logf("%s, %s: %+v", name, plan.name, *stats)
			if err := verify(r, setup, proof); err != nil {
				t.Errorf("%s, %s: %v", name, plan.name, err)
			}
		}
	}
}
