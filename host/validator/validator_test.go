package validator_test

import (
	"bytes"
	"context"
	"errors"
	"io"
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
	"github.com/cerberus-host/cerberus/proofs/keyset"
	"github.com/cerberus-host/cerberus/proofs/opening"
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
	prover    opening.Prover
	keys      *fhe.KeySet
	setup     opening.Verifier
	validator *validator.Validator
	subject   validator.Subject
	bundle    *bundle.Bundle
	sign      func(abi.Digest) attest.Signature
	worker    *worker.Worker
	job       worker.Proven
	proving   worker.Proving
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
	b.prover, b.setup = setup, setup.Verifier()
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
	b.proving = worker.Proving{
		Prover: p, Setup: b.setup.Digest(), Node: key.Address(), Build: "test", Sign: b.sign,
	}
	b.worker = worker.New(worker.Config{
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
	b.keys, err = fhetest.UniformKeys(variant.Compiled.Plan.Params, variant.Compiled.Plan.KeyNeed())
	if err != nil {
		t.Fatal(err)
	}
	work := worker.Task{
		Module: abi.SumDigest([]byte("module")), Program: variant.ProgramDigest,
		KeySet: b.put(t, keySetBlob(t, b.keys)),
		Plan:   variant.PlanDigest, Inputs: []worker.NamedBlob{{Name: "a", Digest: b.put(t, data)}},
	}
	result, err := b.worker.Run(t.Context(), work)
	if err != nil {
		t.Fatal(err)
	}
	b.job = worker.Proven{Task: work, ID: [32]byte{7}, Client: hosttest.Key(t).Address()}
	for _, o := range result.Outputs {
		b.job.Outputs = append(b.job.Outputs, worker.NamedBlob{Name: o.Name, Digest: o.Digest})
	}
	proof := b.prove(t, b.job, b.proving)
	b.subject = validator.Subject{
		Task: b.job.ID, Module: work.Module, Program: work.Program, Plan: work.Plan,
		Client: b.job.Client, Node: key.Address(),
		Inputs:  []attest.NamedDigest{{Name: "a", Digest: work.Inputs[0].Digest}},
		Outputs: []attest.NamedDigest{{Name: "a", Digest: result.Outputs[0].Digest}},
		KeySet:  work.KeySet,
		Bundle:  b.put(t, proof.Bundle), Statement: proof.Statement, Setup: b.setup.Digest(),
	}
	if b.bundle, err = bundle.Parse(proof.Bundle); err != nil {
		t.Fatal(err)
	}
	return b
}

func (b *bench) prove(t *testing.T, job worker.Proven, with worker.Proving) worker.Proof {
	t.Helper()
	proof, err := b.worker.Prove(t.Context(), job, with)
	if err != nil {
		t.Fatal(err)
	}
	return proof
}

// about names a proof in the log's view of the task.
func (b *bench) about(t *testing.T, p worker.Proof) validator.Subject {
	t.Helper()
	s := b.subject
	s.Bundle, s.Statement = b.put(t, p.Bundle), p.Statement
	return s
}

// plan is a rescale of a sum with a rotation.
func plan(t *testing.T) *registry.Variant {
	t.Helper()
	params, err := fhe.ParamsByName(hosttest.Params)
	if err != nil {
		t.Fatal(err)
	}
	b := fhetest.NewPlanBuilder(params, abi.PackSlots)
	in := b.Input(1, fhetest.WideBits(params))
	turned := b.Rotate(in, fhe.NoReg, params.GaloisElement(1))
	b.Output(b.Unary(fhe.StepRescale, b.Binary(fhe.StepAdd, in, turned)))
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

// judged is what the log says of a proof, and the word that it deserves.
type judged struct {
	name    string
	subject validator.Subject
	reason  string
}

// changed are bundles with one part that is another.
func (b *bench) changed(t *testing.T) []judged {
	t.Helper()
	resign := func(x *bundle.Bundle) { x.Signature = b.sign(x.Statement.SigningDigest()) }
	list := []struct {
		name, reason string
		change       func(*bundle.Bundle)
	}{
		{"a broken proof", "proof", func(x *bundle.Bundle) { x.Proof[len(x.Proof)/2] ^= 1 }},
		{"a truncated proof", "proof", func(x *bundle.Bundle) {
			x.Proof = x.Proof[:len(x.Proof)-1]
		}},
		{"another node's signature", "signature", func(x *bundle.Bundle) {
			x.Signature = attest.Signature(hosttest.Key(t).Sign(x.Statement.SigningDigest()))
		}},
		{"another task's statement", "statement", func(x *bundle.Bundle) {
			x.Statement.Task[0] ^= 1
			resign(x)
		}},
		{"another client", "statement", func(x *bundle.Bundle) {
			x.Statement.Client[0] ^= 1
			resign(x)
		}},
		{"another setup's statement", "setup", func(x *bundle.Bundle) {
			x.Statement.Setup[0] ^= 1
			resign(x)
		}},
		{"another output than the log's", "statement", func(x *bundle.Bundle) {
			x.Statement.Outputs = lie(x.Outputs[0])
			resign(x)
		}},
		{"another output than the statement's", "output", func(x *bundle.Bundle) {
			lie(x.Outputs[0])
		}},
	}
	out := make([]judged, len(list))
	for i, c := range list {
		out[i] = judged{c.name, b.with(t, c.change), c.reason}
	}
	return out
}

// lie changes one residue of an output and names what has become of it.
func lie(output []byte) []attest.NamedDigest {
	output[len(output)/2] ^= 1
	return []attest.NamedDigest{{Name: "a", Digest: abi.SumDigest(output)}}
}

// foreign are whole bundles that are about something else.
func (b *bench) foreign(t *testing.T) []judged {
	t.Helper()
	// A miner that reports a wrong output and says the same in its statement.
	wrong := b.with(t, func(x *bundle.Bundle) {
		x.Statement.Outputs = lie(x.Outputs[0])
		x.Signature = b.sign(x.Statement.SigningDigest())
	})
	wrong.Outputs = lie(append([]byte(nil), b.bundle.Outputs[0]...))
	// A proof under a setup that the miner made itself.
	own, err := prover.New(prover.Config{Setup: hosttest.Setup(t), Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	with := b.proving
	with.Prover = own
	other := b.job
	other.ID[0]++
	unnamed, noise := b.subject, b.subject
	unnamed.Statement[0] ^= 1
	noise.Bundle = b.put(t, []byte("no bundle"))
	return []judged{
		{"a wrong output", wrong, "proof"},
		{"a proof under another setup", b.about(t, b.prove(t, b.job, with)), "proof"},
		{"another task's bundle", b.about(t, b.prove(t, other, b.proving)), "statement"},
		{"a statement that the log does not name", unnamed, "statement"},
		{"noise", noise, "format"},
	}
}

// TestVerdicts: an honest result with an honest proof is accepted, with a broken one it is
// rejected, and so is every other bundle that does not prove this task's result.
func TestVerdicts(t *testing.T) {
	b := newBench(t)
	cases := append(b.changed(t), b.foreign(t)...)
	for _, c := range append(cases, judged{"honest", b.subject, ""}) {
		got, err := b.validator.Judge(t.Context(), c.subject)
		if err != nil || got.Accepted != (c.reason == "") || got.Reason != c.reason {
			t.Errorf("%s: accepted %t for %q, want %q, error %v", c.name, got.Accepted, got.Reason,
				c.reason, err)
		}
		if err == nil && (got.Check() != nil || got.Task != b.subject.Task ||
			got.Bundle != c.subject.Bundle || got.Statement != c.subject.Statement) {
			t.Errorf("%s: %+v", c.name, got)
		}
	}
}

// TestKeyCommitments: a validator takes commitments to the task's key set and no others, and
// says nothing if they are not there.
func TestKeyCommitments(t *testing.T) {
	b := newBench(t)
	commit := func(keys *fhe.KeySet) *keyset.Commitments {
		c, err := keyset.Commit(t.Context(), keys, b.job.KeySet, b.prover, keyset.Options{})
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	honest := commit(b.keys)
	checked, err := honest.Check(t.Context(), b.keys, b.job.KeySet, b.setup)
	if err != nil {
		t.Fatal(err)
	}
	with := b.proving
	with.KeyCommitments = func(*fhe.Params, abi.Digest) *keyset.Checked { return checked }
	proof := b.prove(t, b.job, with)
	if proof.KeyCommitments != checked {
		t.Fatal("the proof does without the commitments")
	}
	subject := b.about(t, proof)
	if _, err := b.validator.Judge(t.Context(), subject); !errors.Is(err, validator.ErrNoVerdict) {
		t.Errorf("commitments that are not there: %v", err)
	}
	b.put(t, honest.Encode())
	for range 2 { // the second time they are known
		got, err := b.validator.Judge(t.Context(), subject)
		if err != nil || !got.Accepted {
			t.Errorf("%+v, %v", got, err)
		}
	}
	other := *b.keys
	other.Seed[0] ^= 1
	for name, data := range map[string][]byte{
		"of other keys": commit(&other).Encode(), "noise": []byte("noise"),
	} {
		got, err := b.validator.Judge(t.Context(), b.with(t, func(x *bundle.Bundle) {
			x.Statement.KeyCommitments = b.put(t, data)
			x.Signature = b.sign(x.Statement.SigningDigest())
		}))
		if err != nil || got.Accepted || got.Reason != "key_commitments" || got.Check() != nil {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
	// Commitments that were accepted for one key set are not those of another.
	subject.KeySet = b.put(t, keySetBlob(t, &other))
	got, err := b.validator.Judge(t.Context(), subject)
	if err != nil || got.Accepted || got.Reason != "key_commitments" {
		t.Errorf("of another key set: %+v, %v", got, err)
	}
}

// keySetBlob is the blob of a key set.
func keySetBlob(t *testing.T, keys *fhe.KeySet) []byte {
	t.Helper()
	var data bytes.Buffer
	if err := fhe.WriteKeySet(&data, keys); err != nil {
		t.Fatal(err)
	}
	return data.Bytes()
}

// oversized is a store in which one blob is larger than any bundle.
type oversized struct {
	*blob.Store

	digest abi.Digest
}

func (o oversized) Open(d abi.Digest) (io.ReadCloser, int64, error) {
	r, size, err := o.Store.Open(d)
	if d == o.digest {
		size = int64(bundle.BytesMax) + 1
	}
	return r, size, err
}

// TestOversizedBundleIsNotRead: what cannot be a bundle speaks against the miner, and takes no
// memory.
func TestOversizedBundleIsNotRead(t *testing.T) {
	b := newBench(t)
	v, err := validator.New(validator.Config{
		Blobs: oversized{b.store, b.subject.Bundle}, Variants: oneVariant{plan(t)},
		Setup: b.setup, AllowDevelopmentSetup: true, Self: b.subject.Node, Now: time.Now,
		KeyBytesMax: 1 << 20,
	})
	if err != nil {
		t.Fatal(err)
	}
	got, err := v.Judge(t.Context(), b.subject)
	if err != nil || got.Accepted || got.Reason != "format" {
		t.Errorf("%+v, %v", got, err)
	}
}

// TestConfig: nothing may be left out.
func TestConfig(t *testing.T) {
	if _, err := validator.New(validator.Config{}); !errors.Is(err, validator.ErrConfig) {
		t.Errorf("error %v", err)
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
	strict, err := validator.New(validator.Config{
		Blobs: b.store, Variants: oneVariant{plan(t)}, Setup: b.setup, Now: time.Now,
		Self: b.subject.Node, KeyBytesMax: 1 << 20,
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := strict.Judge(t.Context(), b.subject); !errors.Is(err, validator.ErrNoVerdict) {
		t.Errorf("a development setup: error %v", err)
	}
}
