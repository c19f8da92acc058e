package validator_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/cerberus-host/cerberus/abi"
	"github.com/cerberus-host/cerberus/fhe"
	"github.com/cerberus-host/cerberus/fhe/fhetest"
	"github.com/cerberus-host/cerberus/fhe/lattigo"
	"github.com/cerberus-host/cerberus/host/blob"
	"github.com/cerberus-host/cerberus/host/hosttest"
	"github.com/cerberus-host/cerberus/host/registry"
	"github.com/cerberus-host/cerberus/host/validator"
	"github.com/cerberus-host/cerberus/host/worker"
	"github.com/cerberus-host/cerberus/proofs/attest"
	"github.com/cerberus-host/cerberus/proofs/bundle"
	"github.com/cerberus-host/cerberus/proofs/prover"
)

// oneVariant derives the same Plan for every module.
type oneVariant struct{ v *registry.Variant }

func (o oneVariant) Variant(context.Context, abi.Digest, abi.Args) (*registry.Variant, error) {
	return o.v, nil
}

// bench is an honest miner's bundle in a store, and a validator.
type bench struct {
	store     *blob.Store
	validator *validator.Validator
	subject   validator.Subject
	bundle    *bundle.Bundle
	sign      func(abi.Digest) attest.Signature
}

func newBench(t *testing.T) *bench {
	t.Helper()
	b := &bench{}
	var err error
	if b.store, err = blob.Open(blob.Config{Dir: t.TempDir(), Now: time.Now}); err != nil {
		t.Fatal(err)
	}
	variant := plan(t)
	setup := hosttest.Setup(t)
	key := hosttest.Key(t)
	b.sign = func(d abi.Digest) attest.Signature { return attest.Signature(key.Sign(d)) }
	b.validator, err = validator.New(validator.Config{
		Blobs: b.store, Variants: oneVariant{variant}, Setup: setup.Verifier(),
		AllowDevelopmentSetup: true, Self: key.Address(), Now: time.Now, KeyBytesMax: 1 << 30,
	})
	if err != nil {
		t.Fatal(err)
	}
	p, err := prover.New(prover.Config{Setup: setup, Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	w := worker.New(worker.Config{
		Blobs: b.store, Variants: oneVariant{variant}, Engine: lattigo.New(), Now: time.Now,
		PlanBytesMax: 1 << 30, KeyBytesMax: 1 << 30,
	})
	inputs, err := fhetest.UniformInputs(variant.Compiled.Plan, 1)
	if err != nil {
		t.Fatal(err)
	}
	data, err := fhe.EncodeCiphertexts(variant.Compiled.Plan.Params, inputs)
	if err != nil {
		t.Fatal(err)
	}
	work := worker.Task{
		Module: abi.SumDigest([]byte("module")), Program: variant.ProgramDigest,
		Plan: variant.PlanDigest, Inputs: []worker.NamedBlob{{Name: "a", Digest: b.put(t, data)}},
	}
	result, err := w.Run(t.Context(), work)
	if err != nil {
		t.Fatal(err)
	}
	job := worker.Proven{Task: work, ID: [32]byte{7}, Client: hosttest.Key(t).Address()}
	for _, o := range result.Outputs {
		job.Outputs = append(job.Outputs, worker.NamedBlob{Name: o.Name, Digest: o.Digest})
	}
	proof, err := w.Prove(t.Context(), job, worker.Proving{
		Prover: p, Setup: setup.Verifier().Digest(), Node: key.Address(), Build: "test",
		Sign: b.sign,
	})
	if err != nil {
		t.Fatal(err)
	}
	b.subject = validator.Subject{
		Task: job.ID, Module: work.Module, Program: work.Program, Plan: work.Plan,
		Client: job.Client, Node: key.Address(),
		Inputs:  []attest.NamedDigest{{Name: "a", Digest: work.Inputs[0].Digest}},
		Outputs: []attest.NamedDigest{{Name: "a", Digest: result.Outputs[0].Digest}},
		Bundle:  b.put(t, proof.Bundle), Statement: proof.Statement,
		Setup: setup.Verifier().Digest(),
	}
	if b.bundle, err = bundle.Parse(proof.Bundle); err != nil {
		t.Fatal(err)
	}
	return b
}

// plan is a rescale of a sum, without keys.
func plan(t *testing.T) *registry.Variant {
	t.Helper()
	params, err := fhe.ParamsByName(hosttest.Params)
	if err != nil {
		t.Fatal(err)
	}
	b := fhetest.NewPlanBuilder(params, abi.PackSlots)
	in := b.Input(1, fhetest.WideBits(params))
	b.Output(b.Unary(fhe.StepRescale, b.Binary(fhe.StepAdd, in, in)))
	if err := b.Plan.Check(); err != nil {
		t.Fatal(err)
	}
	return &registry.Variant{
		Compiled: b.Compiled(), ProgramDigest: b.Plan.Program, PlanDigest: b.Plan.Digest(),
	}
}

func (b *bench) put(t *testing.T, data []byte) abi.Digest {
	t.Helper()
	d, err := b.store.Put(data)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// with stores a changed bundle and returns the subject that names it.
func (b *bench) with(t *testing.T, change func(*bundle.Bundle)) validator.Subject {
	t.Helper()
	copied := *b.bundle
	statement := *b.bundle.Statement
	copied.Statement = &statement
	copied.Proof = append([]byte(nil), b.bundle.Proof...)
	copied.Outputs = nil
	for _, o := range b.bundle.Outputs {
		copied.Outputs = append(copied.Outputs, append([]byte(nil), o...))
	}
	change(&copied)
	data, err := copied.Encode()
	if err != nil {
		t.Fatal(err)
	}
	s := b.subject
	s.Bundle, s.Statement = b.put(t, data), copied.Statement.Digest()
	return s
}

// TestVerdicts: an honest result with an honest proof is accepted, with a broken one it is
// rejected, and so is every other bundle that does not prove this task's result.
func TestVerdicts(t *testing.T) {
	b := newBench(t)
	resign := func(x *bundle.Bundle) { x.Signature = b.sign(x.Statement.SigningDigest()) }
	cases := map[string]struct {
		subject validator.Subject
		reason  string
	}{
		"honest": {b.subject, ""},
		"a broken proof": {
			b.with(t, func(x *bundle.Bundle) { x.Proof[len(x.Proof)/2] ^= 1 }), "proof",
		},
		"a truncated proof": {
			b.with(t, func(x *bundle.Bundle) { x.Proof = x.Proof[:len(x.Proof)-1] }), "proof",
		},
		"another node's signature": {
			b.with(t, func(x *bundle.Bundle) {
				key := hosttest.Key(t)
				x.Signature = attest.Signature(key.Sign(x.Statement.SigningDigest()))
			}), "signature",
		},
		"another task": {
			b.with(t, func(x *bundle.Bundle) { x.Statement.Task[0] ^= 1; resign(x) }), "statement",
		},
		"another client": {
			b.with(t, func(x *bundle.Bundle) { x.Statement.Client[0] ^= 1; resign(x) }),
			"statement",
		},
		"another setup": {
			b.with(t, func(x *bundle.Bundle) { x.Statement.Setup[0] ^= 1; resign(x) }), "setup",
		},
		"another output": {
			b.with(t, func(x *bundle.Bundle) {
				last := x.Outputs[0]
				last[len(last)/2] ^= 1
				x.Statement.Outputs = []attest.NamedDigest{{
					Name: "a", Digest: abi.SumDigest(last),
				}}
				resign(x)
			}), "statement",
		},
	}
	other := b.subject
	other.Statement[0] ^= 1
	cases["a statement that the log does not name"] = struct {
		subject validator.Subject
		reason  string
	}{other, "statement"}
	noise := b.subject
	noise.Bundle = b.put(t, []byte("no bundle"))
	cases["noise"] = struct {
		subject validator.Subject
		reason  string
	}{noise, "format"}
	for name, c := range cases {
		got, err := b.validator.Judge(t.Context(), c.subject)
		if err != nil || got.Accepted != (c.reason == "") || got.Reason != c.reason {
			t.Errorf("%s: accepted %t for %q, want %q, error %v", name, got.Accepted, got.Reason,
				c.reason, err)
		}
		if err == nil && got.Check() != nil {
			t.Errorf("%s: %v", name, got.Check())
		}
	}
}

// TestNoVerdict: what is not the miner's fault gives no verdict.
func TestNoVerdict(t *testing.T) {
	b := newBench(t)
	missing, foreign, lost, derived := b.subject, b.subject, b.subject, b.subject
	missing.Bundle[0] ^= 1
	derived.Plan[0] ^= 1
	foreign.Setup[0] ^= 1
	lost.Inputs = []attest.NamedDigest{{Name: "a", Digest: abi.SumDigest([]byte("gone"))}}
	ended, stop := context.WithCancel(t.Context())
	stop()
	for name, c := range map[string]struct {
		ctx     context.Context
		subject validator.Subject
	}{
		"bundle is gone": {t.Context(), missing}, "another setup": {t.Context(), foreign},
		"input is gone": {t.Context(), lost}, "context ended": {ended, b.subject},
		"another Plan is registered than derived": {t.Context(), derived},
	} {
		_, err := b.validator.Judge(c.ctx, c.subject)
		if !errors.Is(err, validator.ErrNoVerdict) {
			t.Errorf("%s: error %v", name, err)
		}
	}
	setup := hosttest.Setup(t).Verifier()
	strict, err := validator.New(validator.Config{
		Blobs: b.store, Variants: oneVariant{plan(t)}, Setup: setup, Now: time.Now,
		Self: b.subject.Node, KeyBytesMax: 1 << 20,
	})
	if err != nil {
		t.Fatal(err)
	}
	s := b.subject
	s.Setup = setup.Digest()
	if _, err := strict.Judge(t.Context(), s); !errors.Is(err, validator.ErrNoVerdict) {
		t.Errorf("a development setup: error %v", err)
	}
}
