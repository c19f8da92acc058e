package verifier_test

import (
	"context"
	"testing"
	"time"

	"github.com/cerberus-host/cerberus/abi"
	"github.com/cerberus-host/cerberus/fhe"
	"github.com/cerberus-host/cerberus/fhe/fhetest"
	"github.com/cerberus-host/cerberus/proofs/identity"
	"github.com/cerberus-host/cerberus/proofs/opening"
	"github.com/cerberus-host/cerberus/proofs/prooftest"
	"github.com/cerberus-host/cerberus/proofs/prover"
	"github.com/cerberus-host/cerberus/proofs/verifier"
)

// scene is one run of a Plan, proved and verified in this package's ways.
type scene struct {
	prooftest.Run
}

// stage runs a Plan on uniform inputs and keys.
func stage(
	t testing.TB, c *fhe.Compiled, setup opening.Prover, o identity.Options, seed uint64,
) *scene {
	t.Helper()
	return &scene{*prooftest.Execute(t, c, setup, prooftest.Options{Options: o, Seed: seed})}
}

// request is what a verifier checks against.
func (s *scene) request() verifier.Request {
	return verifier.Request{
		System: s.System, Statement: s.Statement, Public: s.Public, Setup: s.Setup.Verifier(),
		Keys: s.Keys,
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
	p, err := prover.New(prover.Config{Setup: s.Setup, Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	proof, _, err := p.Prove(t.Context(), prover.Request{
		System: s.System, Statement: s.Statement, Public: s.Public, Witness: s.Witness,
		Keys: s.Keys,
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
