package prooftest

import (
	"context"
	"math"
	"slices"
	"testing"

	"github.com/consensys/gnark-crypto/ecc/bn254"

	"github.com/cerberus-host/cerberus/abi"
	"github.com/cerberus-host/cerberus/fhe"
	"github.com/cerberus-host/cerberus/fhe/fhetest"
	"github.com/cerberus-host/cerberus/fhe/lattigo"
	"github.com/cerberus-host/cerberus/proofs/identity"
	"github.com/cerberus-host/cerberus/proofs/keyset"
	"github.com/cerberus-host/cerberus/proofs/opening"
	"github.com/cerberus-host/cerberus/proofs/protocol"
)

// Run is one run of a Plan and what a proof of it is about. A test may change it.
type Run struct {
	System *identity.System
	// Statement is the digest of nothing in particular.
	Statement abi.Digest
	Public    *identity.Publics
	// Witness is closed when the test ends.
	Witness *identity.Witness
	Setup   opening.Prover
	// Keys are commitments to the key polynomials; nil unless [Options] ask for them.
	Keys [][]bn254.G1Affine
}

// Options say how a Plan is run. The zero value runs it on uniform inputs.
type Options struct {
	identity.Options

	// Seed makes other uniform inputs.
	Seed uint64
	// Inputs, if not nil, take the place of the uniform ones.
	Inputs []fhe.Ciphertext
	// WitnessBytesMax is how many bytes of the witness stay in memory; 0 keeps all there.
	WitnessBytesMax int64
}

// Execute runs a Plan with uniform keys, whichever it needs, and records it.
func Execute(t testing.TB, c *fhe.Compiled, setup opening.Prover, o Options) *Run {
	t.Helper()
	ctx := context.Background()
	system, err := identity.Build(c.Plan, o.Options)
	if err != nil {
		t.Fatal(err)
	}
	r := &Run{
		System: system, Setup: setup, Statement: abi.SumDigest([]byte("a statement")),
		Public: &identity.Publics{
			Params: c.Plan.Params, Constants: c.Encoded, Inputs: o.Inputs,
		},
	}
	if o.Inputs == nil {
		if r.Public.Inputs, err = fhetest.UniformInputs(c.Plan, o.Seed); err != nil {
			t.Fatal(err)
		}
	}
	engine := lattigo.New()
	keys := r.loadKeys(ctx, t, engine)
	plan, err := engine.LoadPlan(ctx, c)
	if err != nil {
		t.Fatal(err)
	}
	collector := identity.NewCollector(system)
	if o.WitnessBytesMax == 0 {
		o.WitnessBytesMax = math.MaxInt64
	}
	collector.Spool(t.TempDir(), o.WitnessBytesMax)
	r.Public.Outputs, err = fhe.Execute(ctx, plan, keys, r.Public.Inputs,
		fhe.RunOptions{Recorder: collector})
	if err != nil {
		t.Fatal(err)
	}
	if r.Witness, err = collector.Witness(r.Public); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.Witness.Close(); err != nil {
			t.Error(err)
		}
	})
	if o.CommittedKeys {
		r.Keys = commitKeys(t, r)
	}
	return r
}

// loadKeys makes the keys that the Plan needs; nil if it needs none.
func (r *Run) loadKeys(ctx context.Context, t testing.TB, e *lattigo.Engine) fhe.LoadedKeys {
	t.Helper()
	need := r.System.Plan.KeyNeed()
	if need.IsEmpty() {
		return nil
	}
	var err error
	if r.Public.Keys, err = fhetest.UniformKeys(r.System.Plan.Params, need); err != nil {
		t.Fatal(err)
	}
	keys, err := e.LoadKeys(ctx, r.Public.Keys)
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

// Shape returns the shape of the run's proofs.
func (r *Run) Shape(t testing.TB) *protocol.Shape {
	t.Helper()
	v := r.Setup.Verifier()
	sh, err := protocol.NewShape(r.System, v.Size(), v.OpeningBytes())
	if err != nil {
		t.Fatal(err)
	}
	return sh
}

// Clear returns the opening in the clear for vectors of that size.
func Clear(t testing.TB, size int) opening.Prover {
	t.Helper()
	setup, err := opening.NewClear(size)
	if err != nil {
		t.Fatal(err)
	}
	return setup
}

// commitKeys commits to the run's key set; nil if it has none.
func commitKeys(t testing.TB, r *Run) [][]bn254.G1Affine {
	t.Helper()
	if r.Public.Keys == nil {
		return nil
	}
	digest, err := r.Public.Keys.Digest()
	if err != nil {
		t.Fatal(err)
	}
	c, err := keyset.Commit(t.Context(), r.Public.Keys, digest, r.Setup, keyset.Options{})
	if err != nil {
		t.Fatal(err)
	}
	checked, err := c.Check(t.Context(), r.Public.Keys, digest, r.Setup.Verifier())
	if err != nil {
		t.Fatal(err)
	}
	points, err := checked.For(r.System, r.Setup.Verifier())
	if err != nil {
		t.Fatal(err)
	}
	// A test may change the points, which the commitments share.
	out := make([][]bn254.G1Affine, len(points))
	for i := range points {
		out[i] = slices.Clone(points[i])
	}
	return out
}
