package prover

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/cerberus-host/cerberus/abi"
	"github.com/cerberus-host/cerberus/fhe"
	"github.com/cerberus-host/cerberus/fhe/fhetest"
	"github.com/cerberus-host/cerberus/fhe/lattigo"
	"github.com/cerberus-host/cerberus/fhe/rns"
	"github.com/cerberus-host/cerberus/proofs/identity"
	"github.com/cerberus-host/cerberus/proofs/opening"
	"github.com/cerberus-host/cerberus/proofs/verifier"
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

// execute runs a Plan on uniform inputs and keys and returns what its proof is about.
func execute(t testing.TB, c *fhe.Compiled, seed uint64, o identity.Options) Request {
	t.Helper()
	ctx := context.Background()
	s, err := identity.Build(c.Plan, o)
	if err != nil {
		t.Fatal(err)
	}
	r := Request{
		System: s, Statement: abi.SumDigest([]byte("statement")),
		Public: &identity.Publics{Params: c.Plan.Params, Constants: c.Encoded},
	}
	if r.Public.Inputs, err = fhetest.UniformInputs(c.Plan, seed); err != nil {
		t.Fatal(err)
	}
	engine := lattigo.New()
	var keys fhe.LoadedKeys
	if need := c.Plan.KeyNeed(); !need.IsEmpty() {
		if r.Public.Keys, err = fhetest.UniformKeys(c.Plan.Params, need); err != nil {
			t.Fatal(err)
		}
		if keys, err = engine.LoadKeys(ctx, r.Public.Keys); err != nil {
			t.Fatal(err)
		}
	}
	plan, err := engine.LoadPlan(ctx, c)
	if err != nil {
		t.Fatal(err)
	}
	collector := identity.NewCollector(s)
	r.Public.Outputs, err = fhe.Execute(ctx, plan, keys, r.Public.Inputs,
		fhe.RunOptions{Recorder: collector})
	if err != nil {
		t.Fatal(err)
	}
	if r.Witness, err = collector.Witness(r.Public); err != nil {
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

func clearOpening(t testing.TB, size int) opening.Prover {
	t.Helper()
	p, err := opening.NewClear(size)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func newProver(t testing.TB, setup opening.Prover) *Prover {
	t.Helper()
	p, err := New(Config{Setup: setup, Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// verify checks a proof against what the request is about.
func verify(r Request, setup opening.Prover, proof []byte) error {
	_, err := verifier.Verify(context.Background(), verifier.Request{
		System: r.System, Statement: r.Statement, Public: r.Public, Setup: setup.Verifier(),
		Keys: r.Keys,
	}, proof)
	return err
}

// TestHonestProofs: proofs of random Plans verify, with digits of one to six primes, with
// polynomials of one block, of several, and shorter than one.
func TestHonestProofs(t *testing.T) {
	for _, shape := range []struct{ logN, q, p, size int }{
		{5, 4, 1, 32}, {6, 5, 2, 16}, {4, 7, 3, 32}, {5, 9, 4, 32}, {4, 13, 6, 16},
	} {
		params := shaped(t, shape.logN, shape.q, shape.p)
		t.Run(params.Name(), func(t *testing.T) {
			setup := clearOpening(t, shape.size)
			p := newProver(t, setup)
			for seed := range uint64(4) {
				r := execute(t, randomPlan(t, params, seed), seed, identity.Options{})
				proof, _, err := p.Prove(context.Background(), r)
				if err != nil {
					t.Fatalf("seed %d: %v", seed, err)
				}
				if err := verify(r, setup, proof); err != nil {
					t.Errorf("seed %d: %v", seed, err)
				}
				r.Statement[0] ^= 1
				if err := verify(r, setup, proof); !errors.Is(err, verifier.ErrOpening) {
					t.Errorf("seed %d, another statement: %v", seed, err)
				}
			}
		})
	}
}
