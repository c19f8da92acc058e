package bundle_test

import (
	"bytes"
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/cerberus-host/cerberus/abi"
	"github.com/cerberus-host/cerberus/fhe"
	"github.com/cerberus-host/cerberus/fhe/fhetest"
	"github.com/cerberus-host/cerberus/fhe/lattigo"
	"github.com/cerberus-host/cerberus/fhe/rns"
	"github.com/cerberus-host/cerberus/host/identity"
	"github.com/cerberus-host/cerberus/proofs/attest"
	"github.com/cerberus-host/cerberus/proofs/bundle"
	proofs "github.com/cerberus-host/cerberus/proofs/identity"
	"github.com/cerberus-host/cerberus/proofs/keyset"
	"github.com/cerberus-host/cerberus/proofs/opening"
	"github.com/cerberus-host/cerberus/proofs/prover"
)

// task is an honest run with its bundle and all that a checker has.
type task struct {
	bundle    *bundle.Bundle
	expect    bundle.Expect
	materials bundle.Materials
	node      *identity.Key
}

func testKey(t testing.TB, b byte) *identity.Key {
	t.Helper()
	k, err := identity.GenerateKey(bytes.NewReader(bytes.Repeat([]byte{b, 7, 9}, 400)))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func signer(k *identity.Key) func(abi.Digest) attest.Signature {
	return func(d abi.Digest) attest.Signature { return attest.Signature(k.Sign(d)) }
}

// tinyParams is a set on a ring of 32 coefficients.
func tinyParams(t testing.TB, q, p int) *fhe.Params {
	t.Helper()
	set, err := rns.GeneratePrimes(rns.PrimeShape{
		LogN: 5, FirstBits: 46, ScaleBits: 40, SpecialBits: 50, QCount: q, PCount: p,
	})
	if err != nil {
		t.Fatal(err)
	}
	set.Name = fmt.Sprintf("insecure-tiny-%d-%d", q, p)
	params, err := fhe.NewParams(set)
	if err != nil {
		t.Fatal(err)
	}
	return params
}

// samplePlan has every kind of step that a proof deals with in its own way, and outputs of
// two levels.
func samplePlan(t testing.TB, p *fhe.Params) *fhe.Compiled {
	t.Helper()
	m := fhetest.NewPlanBuilder(p, abi.PackSlots)
	top := p.MaxLevel()
	x, y := m.Input(top, 22), m.Input(top, 22)
	poly, err := fhetest.UniformPoly(p.N(), p.Moduli(top), 77)
	if err != nil {
		t.Fatal(err)
	}
	k, err := m.Constant(poly, fhe.ScaleOfBits(22))
	if err != nil {
		t.Fatal(err)
	}
	turned := m.Rotate(x, fhe.NoReg, p.GaloisElement(1))
	weighed := m.Do(fhe.Step{Op: fhe.StepMulConst, A: turned, Const: k})
	product := m.Unary(fhe.StepRelin, m.Binary(fhe.StepTensor, x, y))
	m.Output(m.Unary(fhe.StepRescale, m.Binary(fhe.StepAdd, product, weighed)))
	m.Output(turned)
	m.Plan.Outputs[1].Length, m.Plan.Outputs[1].Period = 4, 4
	c := m.Compiled()
	if err := c.Plan.Check(); err != nil {
		t.Fatal(err)
	}
	return c
}

// newTask runs, proves and signs.
func newTask(t testing.TB, c *fhe.Compiled) *task {
	t.Helper()
	return newTaskWith(t, c, false)
}

// newTaskWith is newTask, with commitments that stand for the key set or without.
func newTaskWith(t testing.TB, c *fhe.Compiled, committed bool) *task {
	t.Helper()
	ctx := context.Background()
	s, err := proofs.Build(c.Plan, proofs.Options{CommittedKeys: committed})
	if err != nil {
		t.Fatal(err)
	}
	setup, err := opening.NewClear(16)
	if err != nil {
		t.Fatal(err)
	}
	public := &proofs.Publics{Params: c.Plan.Params, Constants: c.Encoded}
	if public.Inputs, err = fhetest.UniformInputs(c.Plan, 3); err != nil {
		t.Fatal(err)
	}
	engine := lattigo.New()
	keys, keySet := uniformKeys(t, engine, public, c.Plan.KeyNeed())
	plan, err := engine.LoadPlan(ctx, c)
	if err != nil {
		t.Fatal(err)
	}
	collector := proofs.NewCollector(s)
	public.Outputs, err = fhe.Execute(ctx, plan, keys, public.Inputs,
		fhe.RunOptions{Recorder: collector})
	if err != nil {
		t.Fatal(err)
	}
	witness, err := collector.Witness(public)
	if err != nil {
		t.Fatal(err)
	}
	r := &task{
		node: testKey(t, 1),
		materials: bundle.Materials{
			Compiled: c, Inputs: public.Inputs, Keys: public.Keys, Setup: setup.Verifier(),
		},
		expect: bundle.Expect{
			Module: abi.SumDigest([]byte("module")), Args: abi.Args{{Name: "mode", Value: "a"}},
		},
	}
	request := prover.Request{System: s, Public: public, Witness: witness}
	var commitments abi.Digest
	if committed {
		commitments = r.commit(t, &request, keySet, setup)
	}
	statement, outputs, err := bundle.NewStatement(bundle.Run{
		KeyCommitments: commitments,
		Plan:           c.Plan, Module: r.expect.Module, Args: r.expect.Args, Setup: setup.Digest(),
		KeySet: keySet, Inputs: inputDigests(t, c.Plan, public.Inputs), Outputs: public.Outputs,
		Task: abi.SumDigest([]byte("task")), Client: testKey(t, 2).Address(),
		Node: r.node.Address(), Signed: attest.SignedOnly{Engine: "lattigo", Build: "test"},
	})
	if err != nil {
		t.Fatal(err)
	}
	p, err := prover.New(prover.Config{Setup: setup, Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	request.Statement = statement.Digest()
	proof, _, err := p.Prove(ctx, request)
	if err != nil {
		t.Fatal(err)
	}
	if r.bundle, err = bundle.Make(statement, outputs, proof, signer(r.node)); err != nil {
		t.Fatal(err)
	}
	return r
}

// commit puts key commitments into the place of the keys, for prover and checker.
func (r *task) commit(
	t testing.TB, request *prover.Request, keySet abi.Digest, setup opening.Prover,
) abi.Digest {
	t.Helper()
	checked := commitKeys(t, r.materials.Keys, keySet, setup)
	var err error
	if request.Keys, err = checked.For(request.System, setup.Verifier()); err != nil {
		t.Fatal(err)
	}
	r.materials.Keys, r.materials.KeySet = nil, keySet
	r.materials.KeyCommitments = checked
	return checked.Digest()
}

// commitKeys commits to a key set and checks the commitments, as a checker does once.
func commitKeys(
	t testing.TB, keys *fhe.KeySet, digest abi.Digest, setup opening.Prover,
) *keyset.Checked {
	t.Helper()
	c, err := keyset.Commit(t.Context(), keys, digest, setup, keyset.Options{})
	if err != nil {
		t.Fatal(err)
	}
	checked, err := c.Check(t.Context(), keys, digest, setup.Verifier())
	if err != nil {
		t.Fatal(err)
	}
	return checked
}

// uniformKeys puts the needed keys into public, loads them and returns their digest.
func uniformKeys(t testing.TB, engine fhe.Engine, public *proofs.Publics, need fhe.KeyNeed,
) (fhe.LoadedKeys, abi.Digest) {
	t.Helper()
	if need.IsEmpty() {
		return nil, abi.Digest{}
	}
	var err error
	if public.Keys, err = fhetest.UniformKeys(public.Params, need); err != nil {
		t.Fatal(err)
	}
	digest, err := public.Keys.Digest()
	if err != nil {
		t.Fatal(err)
	}
	loaded, err := engine.LoadKeys(context.Background(), public.Keys)
	if err != nil {
		t.Fatal(err)
	}
	return loaded, digest
}

func inputDigests(t testing.TB, plan *fhe.Plan, inputs []fhe.Ciphertext) []attest.NamedDigest {
	t.Helper()
	var out []attest.NamedDigest
	for i, in := range plan.Inputs {
		d, err := fhe.CiphertextsDigest(plan.Params, inputs[i:i+1])
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, attest.NamedDigest{Name: in.Name, Digest: d})
	}
	return out
}

// copied returns the bundle in memory of its own.
func (r *task) copied(t testing.TB) *bundle.Bundle {
	t.Helper()
	data, err := r.bundle.Encode()
	if err != nil {
		t.Fatal(err)
	}
	b, err := bundle.Parse(data)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// sign signs the statement as it is now.
func (r *task) sign(b *bundle.Bundle) {
	b.Signature = signer(r.node)(b.Statement.SigningDigest())
}

// setOutput replaces an output, as a node would that lies about it from the start.
func (r *task) setOutput(b *bundle.Bundle, i int, blob []byte) {
	b.Outputs[i] = blob
	b.Statement.Outputs[i].Digest = abi.SumDigest(blob)
	r.sign(b)
}

func (r *task) verify(b *bundle.Bundle) error {
	_, err := bundle.Verify(context.Background(), b, r.expect, r.materials, bundle.Policy{})
	return err
}
