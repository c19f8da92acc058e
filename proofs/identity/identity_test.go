package identity_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/cerberus-host/cerberus/fhe"
	"github.com/cerberus-host/cerberus/fhe/fhetest"
	"github.com/cerberus-host/cerberus/fhe/lattigo"
	"github.com/cerberus-host/cerberus/fhe/rns"
	"github.com/cerberus-host/cerberus/proofs/identity"
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

// run is one execution of a Plan with its witness.
type run struct {
	system  *identity.System
	public  *identity.Publics
	witness *identity.Witness
}

// execute runs a Plan on uniform inputs and keys and collects the witness.
func execute(t testing.TB, c *fhe.Compiled, seed uint64, o identity.Options) *run {
	t.Helper()
	ctx := context.Background()
	s, err := identity.Build(c.Plan, o)
	if err != nil {
		t.Fatal(err)
	}
	r := &run{system: s, public: &identity.Publics{
		Params: c.Plan.Params, Constants: c.Encoded,
	}}
	if r.public.Inputs, err = fhetest.UniformInputs(c.Plan, seed); err != nil {
		t.Fatal(err)
	}
	engine := lattigo.New()
	var keys fhe.LoadedKeys
	if need := c.Plan.KeyNeed(); !need.IsEmpty() {
		if r.public.Keys, err = fhetest.UniformKeys(c.Plan.Params, need); err != nil {
			t.Fatal(err)
		}
		if keys, err = engine.LoadKeys(ctx, r.public.Keys); err != nil {
			t.Fatal(err)
		}
	}
	plan, err := engine.LoadPlan(ctx, c)
	if err != nil {
		t.Fatal(err)
	}
	collector := identity.NewCollector(s)
	r.public.Outputs, err = fhe.Execute(ctx, plan, keys, r.public.Inputs,
		fhe.RunOptions{Recorder: collector})
	if err != nil {
		t.Fatal(err)
	}
	if r.witness, err = collector.Witness(r.public); err != nil {
		t.Fatal(err)
	}
	return r
}

// randomPlan is a Plan of random steps; its last registers are results.
func randomPlan(t testing.TB, p *fhe.Params, seed uint64) *fhe.Compiled {
	t.Helper()
	b, live, err := fhetest.RandomPlan(p, seed)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range live[max(0, len(live)-4):] {
		b.Output(r)
	}
	return b.Compiled()
}

// TestHonestRuns: whatever the engine did on a random Plan, on digits of one to six primes,
// every identity holds over the integers.
func TestHonestRuns(t *testing.T) {
	for _, shape := range []struct{ q, p int }{{4, 1}, {5, 2}, {7, 3}, {9, 4}, {13, 6}} {
		params := shaped(t, 4, shape.q, shape.p)
		t.Run(params.Name(), func(t *testing.T) {
			for seed := range uint64(6) {
				r := execute(t, randomPlan(t, params, seed), seed, identity.Options{})
				if err := r.public.Check(r.system); err != nil {
					t.Error(err)
				}
				if err := identity.CheckExact(r.system, r.public, r.witness); err != nil {
					t.Errorf("seed %d: %v", seed, err)
				}
			}
		})
	}
}

// TestForgeOutputCoefficient: an output that differs in one residue of one limb breaks an
// identity.
func TestForgeOutputCoefficient(t *testing.T) {
	r := execute(t, randomPlan(t, shaped(t, 4, 5, 2), 1), 1, identity.Options{})
	for o := range r.public.Outputs {
		for c := range r.public.Outputs[o].C {
			for i, limb := range r.public.Outputs[o].C[c].Limbs {
				was := limb[3]
				limb[3] = (was + 1) % r.system.Prime(i)
				err := identity.CheckExact(r.system, r.public, r.witness)
				if !errors.Is(err, identity.ErrWitness) {
					t.Errorf("output %d, component %d, limb %d: error %v", o, c, i, err)
				}
				limb[3] = was
			}
		}
	}
}

// TestForgeWires: every coefficient of every wire counts.
func TestForgeWires(t *testing.T) {
	for _, shape := range []struct{ q, p int }{{4, 1}, {5, 2}} {
		r := execute(t, randomPlan(t, shaped(t, 4, shape.q, shape.p), 2), 1, identity.Options{})
		for at := r.system.Wires; at < r.system.Quotients; at++ {
			coeffs := r.witness.Coeffs(at)
			coeffs[5]--
			err := identity.CheckExact(r.system, r.public, r.witness)
			if !errors.Is(err, identity.ErrWitness) {
				t.Errorf("%s of step %d: error %v", r.system.Polys[at].Kind,
					r.system.Polys[at].Step, err)
			}
			coeffs[5]++
		}
	}
}
