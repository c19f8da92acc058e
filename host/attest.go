package host

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/cerberus-host/cerberus/abi"
	"github.com/cerberus-host/cerberus/host/registry"
	"github.com/cerberus-host/cerberus/host/telemetry"
	"github.com/cerberus-host/cerberus/host/validator"
	"github.com/cerberus-host/cerberus/host/worker"
	"github.com/cerberus-host/cerberus/proofs/attest"
	"github.com/cerberus-host/cerberus/proofs/opening"
	"github.com/cerberus-host/cerberus/proofs/prover"
	raftlogv1 "github.com/cerberus-host/cerberus/proto/gen/cerberus/raftlog/v1"
	"github.com/cerberus-host/cerberus/raftstore/state"
)

const (
	// attestBatch is how many tasks are looked at, at once.
	attestBatch = 64
	// judgePause is how long a proof rests about which nothing could be said.
	judgePause = 30 * time.Second
)

// attester proves the results that this node owes proofs of, and judges the proofs of
// others, if it is a validator. The log says what there is to do, so that nothing is lost
// with the process.
type attester struct {
	*core

	blobs     *blobsBackend
	worker    *worker.Worker
	metrics   *telemetry.Metrics
	proving   worker.Proving
	validator *validator.Validator

	wake chan struct{}
	mu   sync.Mutex
	// rest holds proofs that nothing could be said about, and until when they rest.
	rest map[abi.Digest]time.Time
}

// tell makes the loop look at the log again.
func (a *attester) tell() {
	select {
	case a.wake <- struct{}{}:
	default:
	}
}

// run proves and judges until ctx ends, one task at a time: a proof takes all cores.
func (a *attester) run(ctx context.Context) {
	tick := time.NewTicker(scheduleInterval)
	defer tick.Stop()
	for ctx.Err() == nil {
		if a.step(ctx) {
			continue
		}
		select {
		case <-ctx.Done():
		case <-a.wake:
		case <-tick.C:
		}
	}
}

// step does what comes first and reports whether there was something. Verdicts come before
// proofs: they are quick, and somebody waits for them.
func (a *attester) step(ctx context.Context) bool {
	var proved, owed []state.Task
	err := a.raft.Read(ctx, func(v *state.View) error {
		proved, owed = v.ProvedTasks(attestBatch), v.ProvingTasks(attestBatch)
		return nil
	})
	if err != nil {
		return false
	}
	for i := range proved {
		if a.validator != nil && a.due(&proved[i]) {
			a.judge(ctx, &proved[i])
			return true
		}
	}
	for i := range owed {
		t := &owed[i]
		if t.Attestation.Lease.Node == a.self() &&
			t.Attestation.Setup.Digest == a.proving.Setup {
			a.prove(ctx, t)
			return true
		}
	}
	return false
}

// due reports whether this node has not judged the proof and may look at it now.
func (a *attester) due(t *state.Task) bool {
	for _, v := range t.Attestation.Verdicts {
		if v.Validator == a.self() {
			return false
		}
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.now().After(a.rest[t.Attestation.Bundle])
}

// later lets a proof rest.
func (a *attester) later(bundle abi.Digest) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.rest) >= attestBatch {
		clear(a.rest)
	}
	a.rest[bundle] = a.now().Add(judgePause)
}

// prove makes one proof and records it, or that it could not be made.
func (a *attester) prove(ctx context.Context, t *state.Task) {
	deadline := time.UnixMilli(t.Attestation.Lease.DeadlineMS)
	limited, stop := context.WithDeadline(ctx, deadline)
	defer stop()
	proof, failure := a.attempt(limited, t)
	record, end := context.WithTimeout(context.WithoutCancel(ctx), recordTimeout)
	defer end()
	var err error
	switch {
	case ctx.Err() != nil:
		return // the node stops; it proves after its next start
	case failure != nil:
		err = a.giveUp(record, t, failure)
	default:
		err = a.attest(record, t, proof)
	}
	if err != nil {
		a.metrics.Proof("lost", 0)
		a.log.WarnContext(ctx, "a proof was not recorded", "task", t.ID, "error", err)
		_ = pause(ctx, repeatPause)
	}
}

// attempt never panics: the engine and the proof system are foreign code.
func (a *attester) attempt(
	ctx context.Context, t *state.Task,
) (proof worker.Proof, failure *worker.Error) {
	defer func() {
		if cause := recover(); cause != nil {
			a.log.ErrorContext(ctx, "a proof panicked", "task", t.ID, "cause", cause)
			failure = &worker.Error{
				Cause: worker.CauseInternal, Err: errors.New("the node's own code failed"),
			}
		}
	}()
	job := worker.Proven{Task: workerTask(t), ID: t.ID, Client: t.Client}
	for _, o := range t.Proven() {
		job.Outputs = append(job.Outputs, worker.NamedBlob{Name: o.Name, Digest: o.Digest})
	}
	a.blobs.gate.RLock()
	defer a.blobs.gate.RUnlock()
	proof, err := a.worker.Prove(ctx, job, a.proving)
	if err == nil {
		err = a.blobs.commit(ctx, proof.Bundle, proof.Bytes, state.BlobBundle, t.Client)
	}
	if err != nil && !errors.As(err, &failure) {
		failure = &worker.Error{Cause: worker.CauseInternal, Retryable: true, Err: err}
	}
	return proof, failure
}

// attest records a proof.
func (a *attester) attest(ctx context.Context, t *state.Task, p worker.Proof) error {
	self := a.self()
	_, err := proposeOwn(ctx, a.core, &raftlogv1.AttestTask{
		TaskId: t.ID[:], Node: self[:], Fence: uint64(t.Attestation.Lease.Fence),
		BundleDigest: p.Bundle[:], StatementDigest: p.Statement[:],
		SetupDigest: a.proving.Setup[:],
		Timings: []*raftlogv1.PhaseTiming{
			{Name: phaseProve, Micros: uint64(p.Prove.Microseconds())},
			{Name: phaseRecord, Micros: uint64(p.Record.Microseconds())},
		},
	})
	if err == nil {
		a.metrics.Proof("done", p.Prove)
		a.log.InfoContext(ctx, "a result was proved", "task", t.ID, "seconds",
			p.Prove.Seconds(), "wires", p.Stats.Wires+p.Stats.Quotients, "bytes", p.Bytes)
	}
	return err
}

// giveUp says that this node makes no proof of the task.
func (a *attester) giveUp(ctx context.Context, t *state.Task, f *worker.Error) error {
	self := a.self()
	_, err := proposeOwn(ctx, a.core, &raftlogv1.FailTask{
		TaskId: t.ID[:], Node: self[:], Fence: uint64(t.Attestation.Lease.Fence),
		Code: failureCode(f.Cause), Message: bounded(f.Error()), Retryable: f.Retryable,
	})
	if err == nil {
		a.metrics.Proof("failed", 0)
		a.log.WarnContext(ctx, "a proof could not be made", "task", t.ID, "cause", f.Cause,
			"error", f.Error())
	}
	return err
}

// judge verifies one proof and records the signed verdict.
func (a *attester) judge(ctx context.Context, t *state.Task) {
	verdict, err := a.verdict(ctx, t)
	if err != nil {
		if ctx.Err() == nil {
			a.metrics.Verdict("none")
			a.log.WarnContext(ctx, "nothing can be said about a proof", "task", t.ID, "error", err)
			a.later(t.Attestation.Bundle)
		}
		return
	}
	signature := a.key.Sign(verdict.SigningDigest())
	self := a.self()
	record, end := context.WithTimeout(context.WithoutCancel(ctx), recordTimeout)
	defer end()
	_, err = proposeOwn(record, a.core, &raftlogv1.JudgeTask{
		TaskId: t.ID[:], Validator: self[:], BundleDigest: verdict.Bundle[:],
		StatementDigest: verdict.Statement[:], Accepted: verdict.Accepted,
		Reason: verdict.Reason, Signature: signature[:],
	})
	word := "accepted"
	if !verdict.Accepted {
		word = "rejected"
		a.log.WarnContext(ctx, "a proof was rejected", "task", t.ID, "miner",
			t.Attestation.Lease.Node, "reason", verdict.Reason)
	}
	if err != nil {
		word = "lost"
		a.log.WarnContext(ctx, "a verdict was not recorded", "task", t.ID, "error", err)
		a.later(t.Attestation.Bundle)
	}
	a.metrics.Verdict(word)
}

// verdict never panics: a bundle is anybody's bytes.
func (a *attester) verdict(
	ctx context.Context, t *state.Task,
) (verdict attest.Verdict, err error) {
	defer func() {
		if cause := recover(); cause != nil {
			a.log.ErrorContext(ctx, "a verification panicked", "task", t.ID, "cause", cause)
			err = validator.ErrNoVerdict
		}
	}()
	return a.validator.Judge(ctx, validator.Subject{
		Task: t.ID, Module: t.Module, Args: t.Args, KeySet: t.KeySet, Client: t.Client,
		Node: t.Attestation.Lease.Node, Inputs: namedDigests(t.Inputs),
		Outputs: namedDigests(t.Proven()), Bundle: t.Attestation.Bundle,
		Statement: t.Attestation.Statement, Setup: t.Attestation.Setup.Digest,
	})
}

func namedDigests(list []state.NamedBlob) []attest.NamedDigest {
	out := make([]attest.NamedDigest, len(list))
	for i, b := range list {
		out[i] = attest.NamedDigest{Name: b.Name, Digest: b.Digest}
	}
	return out
}

// workerTask is a task as a worker sees it.
func workerTask(t *state.Task) worker.Task {
	work := worker.Task{
		Module: t.Module, Args: t.Args, Program: t.Program, Plan: t.Plan, KeySet: t.KeySet,
	}
	for _, in := range t.Inputs {
		work.Inputs = append(work.Inputs, worker.NamedBlob{Name: in.Name, Digest: in.Digest})
	}
	return work
}

// wireAttester makes what proves and judges.
func (n *Node) wireAttester(
	reg *registry.Registry, w *worker.Worker, metrics *telemetry.Metrics,
) error {
	n.attester = &attester{
		core: n.core, blobs: n.blobs, worker: w, metrics: metrics,
		wake: make(chan struct{}, 1), rest: make(map[abi.Digest]time.Time),
	}
	if n.opts.Setup == nil {
		return nil
	}
	p, err := prover.New(prover.Config{
		Setup: n.opts.Setup, MemoryMax: n.opts.share(), Now: n.opts.Now,
	})
	if err != nil {
		return err
	}
	v := n.opts.Setup.Verifier()
	key := n.core.key
	n.attester.proving = worker.Proving{
		Prover: p, Setup: v.Digest(), Node: n.core.self(), Build: n.opts.Version,
		Sign: func(d abi.Digest) attest.Signature { return attest.Signature(key.Sign(d)) },
	}
	n.attester.validator, err = validator.New(validator.Config{
		Blobs: n.store, Variants: reg, Setup: v, Self: n.core.self(), Now: n.opts.Now,
		AllowDevelopmentSetup: v.Kind() == opening.SetupDevelopment, KeyBytesMax: n.opts.share(),
	})
	return err
}

// announceSetup makes the node's setup the cluster's, if it has none, and the node one of its
// validators. As with the bootstrap, the operator's configuration speaks for the first admin.
func (n *Node) announceSetup(ctx context.Context) error {
	if n.opts.Setup == nil {
		return nil
	}
	v := n.opts.Setup.Verifier()
	var has state.Setup
	var admin abi.Address
	self := n.core.self()
	validates := false
	err := n.core.raft.Read(ctx, func(view *state.View) error {
		has = view.Setup()
		validates = view.May(self, state.RoleValidator)
		for _, a := range view.Accounts() {
			if a.Roles.Has(state.RoleAdmin) && admin.IsZero() {
				admin = a.Address
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	if has.IsZero() {
		if err := n.setSetup(ctx, admin, v); err != nil {
			return fmt.Errorf("announce the setup: %w", err)
		}
	} else if has.Digest != v.Digest() {
		n.opts.Log.WarnContext(ctx, "the cluster has another setup than this node: it proves and "+
			"judges nothing", "cluster", has.Digest, "node", v.Digest())
		return nil
	}
	if validates {
		return nil
	}
	_, err = proposeAs(ctx, n.core, admin, &raftlogv1.SetRole{
		Address: self[:], Role: raftlogv1.Role(state.RoleValidator), Grant: true,
	})
	if err != nil {
		return fmt.Errorf("make the node a validator: %w", err)
	}
	return nil
}

// setSetup stores the verifying part for clients to read and tells the log.
func (n *Node) setSetup(ctx context.Context, admin abi.Address, v opening.Verifier) error {
	var file bytes.Buffer
	if err := n.opts.Setup.WriteVerifier(&file); err != nil {
		return err
	}
	n.blobs.gate.RLock()
	defer n.blobs.gate.RUnlock()
	key, err := n.store.Put(file.Bytes())
	if err != nil {
		return err
	}
	err = n.blobs.commit(ctx, key, int64(file.Len()), state.BlobSetup, n.core.self())
	if err != nil {
		return err
	}
	kind := raftlogv1.SetupKind_SETUP_KIND_CEREMONY
	if v.Kind() == opening.SetupDevelopment {
		kind = raftlogv1.SetupKind_SETUP_KIND_DEVELOPMENT
	}
	digest := v.Digest()
	_, err = proposeAs(ctx, n.core, admin, &raftlogv1.SetSetup{
		Digest: digest[:], Kind: kind, KeyBlob: key[:],
	})
	return err
}
