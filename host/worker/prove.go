package worker

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/cerberus-host/cerberus/abi"
	"github.com/cerberus-host/cerberus/fhe"
	"github.com/cerberus-host/cerberus/host/registry"
	"github.com/cerberus-host/cerberus/proofs/attest"
	"github.com/cerberus-host/cerberus/proofs/bundle"
	"github.com/cerberus-host/cerberus/proofs/identity"
	"github.com/cerberus-host/cerberus/proofs/keyset"
	"github.com/cerberus-host/cerberus/proofs/prover"
)

// Proving is what a miner proves with.
type Proving struct {
	Prover *prover.Prover
	// Setup is the digest of the prover's setup.
	Setup abi.Digest
	// Node is the miner, Sign its key.
	Node abi.Address
	Sign func(abi.Digest) attest.Signature
	// Build is the version of this program, stated and not proven.
	Build string
	// WitnessBytesMax is how many bytes of recorded integers are kept in memory; the rest
	// goes to a file in SpoolDir. 0 keeps all in memory.
	WitnessBytesMax int64
	SpoolDir        string
	// KeyCommitments, if not nil, returns commitments to a key set under the prover's setup,
	// or nil if there are none; the proof is made without them then.
	KeyCommitments func(p *fhe.Params, keySet abi.Digest) *keyset.Checked
}

// Proven is a task whose result is to be proved.
type Proven struct {
	Task

	ID     [32]byte
	Client abi.Address
	// Outputs are what was reported.
	Outputs []NamedBlob
}

// Proof is an attestation.
type Proof struct {
	// Bundle is the encoded bundle, which the caller stores.
	Bundle []byte
	// Statement is the digest of what was proved.
	Statement abi.Digest
	// KeyCommitments are what stands for the key set in the proof, nil if it does itself. The
	// caller stores them, too.
	KeyCommitments *keyset.Checked
	// Record is the time of the run that recorded the witness, Prove that of the proof.
	Record, Prove time.Duration
	Stats         *prover.Stats
}

// Prove runs a task again, records its integers and proves the run. The second run keeps the
// first as fast as it is: a client has the result before the proof is begun, and nobody keeps
// a witness while it waits for its turn. An error is a [*Error].
func (w *Worker) Prove(ctx context.Context, t Proven, with Proving) (Proof, error) {
	p, err := w.prove(ctx, t, with)
	if err != nil {
		return Proof{}, classify(ctx, err)
	}
	return p, nil
}

func (w *Worker) prove(ctx context.Context, t Proven, with Proving) (p Proof, err error) {
	watch := stopwatch{now: w.cfg.Now, last: w.cfg.Now()}
	v, err := w.variant(ctx, t.Task)
	if err != nil {
		return p, err
	}
	p.KeyCommitments = with.keyCommitments(v.Compiled.Plan, t.KeySet)
	system, err := identity.Build(v.Compiled.Plan, identity.Options{
		CommittedKeys: p.KeyCommitments != nil,
	})
	if err != nil {
		return p, &Error{Cause: CauseProgram, Err: err}
	}
	public, witness, err := w.record(ctx, t, v, system, with)
	if err != nil {
		return p, err
	}
	defer func() { err = errors.Join(err, witness.Close()) }()
	watch.lap(&p.Record)
	statement, outputs, err := w.statement(t, v, public, with, p.KeyCommitments)
	if err != nil {
		return p, err
	}
	p.Statement = statement.Digest()
	request := prover.Request{
		System: system, Statement: p.Statement, Public: public, Witness: witness,
	}
	if p.KeyCommitments != nil {
		request.Keys, err = p.KeyCommitments.For(system, with.Prover.Verifier())
		if err != nil {
			return p, &Error{Cause: CauseInternal, Err: err}
		}
	}
	proof, stats, err := with.Prover.Prove(ctx, request)
	if err != nil {
		return p, engineFailure(ctx, "prove", err)
	}
	p.Stats = stats
	watch.lap(&p.Prove)
	statement.Signed.ProveMicros = p.Prove.Microseconds()
	b, err := bundle.Make(statement, outputs, proof, with.Sign)
	if err != nil {
		return p, &Error{Cause: CauseInternal, Err: err}
	}
	if p.Bundle, err = b.Encode(); err != nil {
		return p, &Error{Cause: CauseInternal, Err: err}
	}
	return p, nil
}

// keyCommitments returns the commitments that stand for the Plan's keys, nil if none do.
func (p Proving) keyCommitments(plan *fhe.Plan, keySet abi.Digest) *keyset.Checked {
	if p.KeyCommitments == nil || plan.KeyNeed().IsEmpty() {
		return nil
	}
	return p.KeyCommitments(plan.Params, keySet)
}

// record executes the Plan with a recorder and returns what the proof is about.
func (w *Worker) record(
	ctx context.Context, t Proven, v *registry.Variant, system *identity.System, with Proving,
) (_ *identity.Publics, _ *identity.Witness, err error) {
	plan, err := w.loadPlan(ctx, v)
	if err != nil {
		return nil, nil, err
	}
	keys, err := w.loadKeys(ctx, v, t.KeySet)
	if err != nil {
		return nil, nil, err
	}
	public := &identity.Publics{Params: v.Compiled.Plan.Params, Constants: v.Compiled.Encoded}
	if !v.Compiled.Plan.KeyNeed().IsEmpty() {
		if public.Keys, err = w.keySet(v.Compiled.Plan.Params, t.KeySet); err != nil {
			return nil, nil, err
		}
	}
	if public.Inputs, err = w.inputs(v.Compiled.Plan, t.Inputs); err != nil {
		return nil, nil, err
	}
	collector := identity.NewCollector(system)
	defer func() { err = errors.Join(err, collector.Close()) }()
	if with.WitnessBytesMax > 0 {
		collector.Spool(with.SpoolDir, with.WitnessBytesMax)
	}
	public.Outputs, err = fhe.Execute(ctx, plan, keys, public.Inputs,
		fhe.RunOptions{Recorder: collector})
	if err != nil {
		return nil, nil, engineFailure(ctx, "execute", err)
	}
	witness, err := collector.Witness(public)
	if err != nil {
		return nil, nil, &Error{Cause: CauseEngine, Err: err}
	}
	return public, witness, nil
}

// keySet reads the polynomials of a key set, which the engine's form does not give back.
func (w *Worker) keySet(params *fhe.Params, digest abi.Digest) (*fhe.KeySet, error) {
	r, _, err := w.cfg.Blobs.Open(digest)
	if err != nil {
		return nil, fmt.Errorf("read key set: %w", err)
	}
	set, err := fhe.ReadKeySet(r, params)
	if err := errors.Join(err, r.Close()); err != nil {
		return nil, badInput("key_set", err)
	}
	return set, nil
}

// statement says what is proved: the task's own digests, and outputs that must be those
// that were reported.
func (w *Worker) statement(
	t Proven, v *registry.Variant, public *identity.Publics, with Proving, keys *keyset.Checked,
) (*attest.Statement, [][]byte, error) {
	plan := v.Compiled.Plan
	run := bundle.Run{
		Plan: plan, Module: t.Module, Args: t.Args, Setup: with.Setup, KeySet: t.KeySet,
		Outputs: public.Outputs, Task: t.ID, Client: t.Client, Node: with.Node,
		Signed: attest.SignedOnly{
			Engine: w.cfg.Engine.Name(), Steps: int64(len(plan.Steps)), Build: with.Build,
			Gas: int64(v.Gas), // far below 63 bits, as its limits are
		},
	}
	if keys != nil {
		run.KeyCommitments = keys.Digest()
	}
	for _, in := range plan.Inputs {
		i := slices.IndexFunc(t.Inputs, func(b NamedBlob) bool { return b.Name == in.Name })
		if i < 0 {
			return nil, nil, badInput("inputs."+in.Name, fhe.ErrOperand)
		}
		run.Inputs = append(run.Inputs, attest.NamedDigest{
			Name: in.Name, Digest: t.Inputs[i].Digest,
		})
	}
	s, outputs, err := bundle.NewStatement(run)
	if err != nil {
		return nil, nil, &Error{Cause: CauseInternal, Err: err}
	}
	for _, o := range s.Outputs {
		i := slices.IndexFunc(t.Outputs, func(b NamedBlob) bool { return b.Name == o.Name })
		if i < 0 || t.Outputs[i].Digest != o.Digest {
			return nil, nil, &Error{Cause: CauseEngine, Retryable: true, Err: fmt.Errorf(
				"the second run gave another output %s than was reported", o.Name)}
		}
	}
	return s, outputs, nil
}
