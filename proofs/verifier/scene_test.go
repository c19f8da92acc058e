package verifier_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/consensys/gnark-crypto/ecc/bn254"

	"github.com/cerberus-host/cerberus/abi"
	"github.com/cerberus-host/cerberus/fhe"
	"github.com/cerberus-host/cerberus/fhe/fhetest"
	"github.com/cerberus-host/cerberus/fhe/lattigo"
	"github.com/cerberus-host/cerberus/fhe/rns"
	"github.com/cerberus-host/cerberus/proofs/identity"
	"github.com/cerberus-host/cerberus/proofs/opening"
	"github.com/cerberus-host/cerberus/proofs/protocol"
	"github.com/cerberus-host/cerberus/proofs/prover"
	"github.com/cerberus-host/cerberus/proofs/verifier"
)

// scene is one run of a Plan and what a proof of it is about.
type scene struct {
	system    *identity.System
	public    *identity.Publics
	witness   *identity.Witness
	statement abi.Digest
	setup     opening.Prover
	keys      [][]bn254.G1Affine
}

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

// transparent returns the opening in the clear for vectors of that size.
func transparent(t testing.TB, size int) opening.Prover {
	t.Helper()
	setup, err := opening.NewClear(size)
	if err != nil {
		t.Fatal(err)
	}
	return setup
}

// stage runs a Plan on uniform inputs and keys.
func stage(
	t testing.TB, c *fhe.Compiled, setup opening.Prover, o identity.Options, seed uint64,
) *scene {
	t.Helper()
	ctx := context.Background()
	system, err := identity.Build(c.Plan, o)
	if err != nil {
		t.Fatal(err)
	}
	s := &scene{
		system: system, setup: setup, statement: abi.SumDigest([]byte("a statement")),
		public: &identity.Publics{Params: c.Plan.Params, Constants: c.Encoded},
	}
	if s.public.Inputs, err = fhetest.UniformInputs(c.Plan, seed); err != nil {
		t.Fatal(err)
	}
	engine := lattigo.New()
	var keys fhe.LoadedKeys
	if need := c.Plan.KeyNeed(); !need.IsEmpty() {
		if s.public.Keys, err = fhetest.UniformKeys(c.Plan.Params, need); err != nil {
			t.Fatal(err)
		}
		if keys, err = engine.LoadKeys(ctx, s.public.Keys); err != nil {
			t.Fatal(err)
		}
	}
	plan, err := engine.LoadPlan(ctx, c)
	if err != nil {
		t.Fatal(err)
	}
	collector := identity.NewCollector(system)
	s.public.Outputs, err = fhe.Execute(ctx, plan, keys, s.public.Inputs,
		fhe.RunOptions{Recorder: collector})
	if err != nil {
		t.Fatal(err)
	}
	if s.witness, err = collector.Witness(s.public); err != nil {
		t.Fatal(err)
	}
	if o.CommittedKeys {
		if s.keys, err = protocol.CommitKeys(s.shape(t), s.public, setup); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

func (s *scene) shape(t testing.TB) *protocol.Shape {
	t.Helper()
	v := s.setup.Verifier()
	sh, err := protocol.NewShape(s.system, v.Size(), v.OpeningBytes())
	if err != nil {
		t.Fatal(err)
	}
	return sh
}

// request is what a verifier checks against.
func (s *scene) request() verifier.Request {
	return verifier.Request{
		System: s.system, Statement: s.statement, Public: s.public, Setup: s.setup.Verifier(),
		Keys: s.keys,
	}
}

func (s *scene) verify(proof []byte) error {
	_, err := verifier.Verify(context.Background(), s.request(), proof)
	return err
}

// prove makes a proof with the reference prover.
func (s *scene) prove(t testing.TB, f forgery) []byte {
	t.Helper()
	r, err := newReference(s, f)
	if err != nil {
		t.Fatal(err)
	}
	proof, err := r.prove()
	if err != nil {
		t.Fatal(err)
	}
	return proof
}

// proveFast makes a proof with the prover that nodes use.
func (s *scene) proveFast(t testing.TB) []byte {
	t.Helper()
	p, err := prover.New(prover.Config{Setup: s.setup, Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	proof, _, err := p.Prove(t.Context(), prover.Request{
		System: s.system, Statement: s.statement, Public: s.public, Witness: s.witness,
		Keys: s.keys,
	})
	if err != nil {
		t.Fatal(err)
	}
	return proof
}

// everyStep is a Plan with a step of each kind: products of ciphertexts, with a constant and
// an integer, a rotation, key switches and rescales.
func everyStep(t testing.TB, p *fhe.Params) *fhe.Compiled { return everyStepBut(t, p, 0) }

// everyStepBut leaves the steps of one kind out: products with an integer or decompositions.
func everyStepBut(t testing.TB, p *fhe.Params, without fhe.StepOp) *fhe.Compiled {
	t.Helper()
	b := fhetest.NewPlanBuilder(p, abi.PackSlots)
	x := b.Input(p.MaxLevel(), fhetest.HalfBits(p))
	y := b.Input(p.MaxLevel(), fhetest.HalfBits(p))
	product := b.Unary(fhe.StepRelin, b.Binary(fhe.StepTensor, x, y))
	one := b.Unary(fhe.StepRescale, product)
	constant, err := fhetest.UniformPoly(p.N(), p.Moduli(p.MaxLevel()), 7)
	if err != nil {
		t.Fatal(err)
	}
	at, err := b.Constant(constant, b.Scale(y))
	if err != nil {
		t.Fatal(err)
	}
	two := b.Do(fhe.Step{Op: fhe.StepMulConst, A: x, Const: at})
	if without != fhe.StepMulInt {
		two = b.Do(fhe.Step{Op: fhe.StepMulInt, A: two, Int: -3})
	}
	two = b.Unary(fhe.StepRescale, two)
	digits := fhe.NoReg
	if without != fhe.StepDecompose {
		digits = b.Unary(fhe.StepDecompose, two)
	}
	b.Output(b.Binary(fhe.StepAdd, one, b.Rotate(two, digits, 5)))
	b.Output(one) // enough identities of a prime to be combined
	b.Output(two)
	return b.Compiled()
}

// rescaled is the smallest Plan with wires: one rescale.
func rescaled(p *fhe.Params) *fhe.Compiled {
	b := fhetest.NewPlanBuilder(p, abi.PackSlots)
	b.Output(b.Unary(fhe.StepRescale, b.Input(p.MaxLevel(), fhetest.WideBits(p))))
	return b.Compiled()
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
