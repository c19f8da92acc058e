package prover

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
	"github.com/cerberus-host/cerberus/proofs/verifier"
)

// execute runs a Plan on uniform inputs and keys and returns what its proof is about.
func execute(
	t testing.TB, c *fhe.Compiled, setup opening.Prover, seed uint64, o identity.Options,
) Request {
	t.Helper()
	return executeWith(t, c, setup, prooftest.Options{Options: o, Seed: seed})
}

func executeWith(
	t testing.TB, c *fhe.Compiled, setup opening.Prover, o prooftest.Options,
) Request {
	t.Helper()
	r := prooftest.Execute(t, c, setup, o)
	return Request{
		System: r.System, Statement: r.Statement, Public: r.Public, Witness: r.Witness,
		Keys: r.Keys,
	}
}

func newProver(t testing.TB, cfg Config) *Prover {
	t.Helper()
	cfg.Now = time.Now
	p, err := New(cfg)
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

// namedPlan is a Plan of one kind of step after another.
type namedPlan struct {
	name string
	plan func(t testing.TB, p *fhe.Params) *fhe.Compiled
}

// namedPlans cover what the random ones may miss.
func namedPlans() []namedPlan {
	return []namedPlan{
		{"hoisted", hoisted},
		{"product", productPlan},
		{"masked", masked},
		{"scaled", scaled},
		{"chain", func(_ testing.TB, p *fhe.Params) *fhe.Compiled { return chain(p, 2, 9) }},
		{"copy", func(_ testing.TB, p *fhe.Params) *fhe.Compiled {
			b := fhetest.NewPlanBuilder(p, abi.PackSlots)
			b.Output(b.Input(p.MaxLevel(), fhetest.HalfBits(p)))
			return b.Compiled()
		}},
	}
}

// hoisted is a Plan of three rotations of one decomposition, added up.
func hoisted(_ testing.TB, p *fhe.Params) *fhe.Compiled {
	b := fhetest.NewPlanBuilder(p, abi.PackSlots)
	x := b.Input(p.MaxLevel(), fhetest.HalfBits(p))
	digits := b.Unary(fhe.StepDecompose, x)
	sum := x
	for i := range 3 {
		sum = b.Binary(fhe.StepAdd, sum, b.Rotate(x, digits, p.GaloisElement(i+1)))
	}
	b.Output(sum)
	return b.Compiled()
}

// productPlan multiplies twice: tensor, relinearisation, rescale, and a difference.
func productPlan(_ testing.TB, p *fhe.Params) *fhe.Compiled {
	b := fhetest.NewPlanBuilder(p, abi.PackSlots)
	x, y := b.Input(p.MaxLevel(), fhetest.HalfBits(p)), b.Input(p.MaxLevel(), fhetest.HalfBits(p))
	xy := b.Unary(fhe.StepRelin, b.Binary(fhe.StepTensor, x, y))
	xx := b.Unary(fhe.StepRelin, b.Binary(fhe.StepTensor, x, x))
	b.Output(b.Unary(fhe.StepRescale, b.Binary(fhe.StepSub, xy, xx)))
	return b.Compiled()
}

// masked multiplies rotations with constants: products of three polynomials.
func masked(t testing.TB, p *fhe.Params) *fhe.Compiled {
	t.Helper()
	b := fhetest.NewPlanBuilder(p, abi.PackSlots)
	x := b.Input(p.MaxLevel(), fhetest.HalfBits(p))
	var sum fhe.Reg
	for i := range 3 {
		rotated := b.Rotate(x, fhe.NoReg, p.GaloisElement(i+1))
		masked := b.Do(fhe.Step{
			Op: fhe.StepMulConst, A: rotated, Const: constant(t, b, x, uint64(i)),
		})
		if i == 0 {
			sum = masked
		} else {
			sum = b.Binary(fhe.StepAdd, sum, masked)
		}
	}
	b.Output(b.Unary(fhe.StepRescale, sum))
	return b.Compiled()
}

// scaled is like masked with products that do not fit the field unless constants take their
// coefficients: a large integer multiplies each.
func scaled(t testing.TB, p *fhe.Params) *fhe.Compiled {
	t.Helper()
	b := fhetest.NewPlanBuilder(p, abi.PackSlots)
	x := b.Input(p.MaxLevel(), fhetest.HalfBits(p))
	sum := b.Do(fhe.Step{Op: fhe.StepMulConst, A: x, Const: constant(t, b, x, 9)})
	for i := range 3 {
		rotated := b.Rotate(x, fhe.NoReg, p.GaloisElement(i+1))
		product := b.Do(fhe.Step{
			Op: fhe.StepMulConst, A: rotated, Const: constant(t, b, x, uint64(i)),
		})
		sum = b.Binary(fhe.StepAdd, sum, b.Do(fhe.Step{
			Op: fhe.StepMulInt, A: product, Int: 1234567890123456789 / int64(i+2),
		}))
	}
	b.Output(sum)
	return b.Compiled()
}

// constant adds a uniform constant that can multiply x.
func constant(t testing.TB, b *fhetest.PlanBuilder, x fhe.Reg, seed uint64) int {
	t.Helper()
	p := b.Plan.Params
	poly, err := fhetest.UniformPoly(p.N(), p.Moduli(p.MaxLevel()), seed)
	if err != nil {
		t.Fatal(err)
	}
	at, err := b.Constant(poly, b.Scale(x))
	if err != nil {
		t.Fatal(err)
	}
	return at
}

// chain is a Plan of count rotations, one after the other, with one key.
func chain(p *fhe.Params, level, count int) *fhe.Compiled {
	b := fhetest.NewPlanBuilder(p, abi.PackSlots)
	r := b.Input(level, fhetest.HalfBits(p))
	for range count {
		r = b.Rotate(r, fhe.NoReg, p.GaloisElement(1))
	}
	b.Output(r)
	return b.Compiled()
}
