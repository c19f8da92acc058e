package host

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/cerberus-host/cerberus/abi"
	"github.com/cerberus-host/cerberus/host/telemetry"
	"github.com/cerberus-host/cerberus/host/validator"
	"github.com/cerberus-host/cerberus/host/worker"
	"github.com/cerberus-host/cerberus/proofs/attest"
	"github.com/cerberus-host/cerberus/proofs/prover"
	raftlogv1 "github.com/cerberus-host/cerberus/proto/gen/cerberus/raftlog/v1"
	"github.com/cerberus-host/cerberus/raftstore/state"
)

const (
	// attestBatch is how many tasks are looked at, at once.
	attestBatch = 256
	// attestPause is how long a proof rests that nothing could be done or said about.
	attestPause = 30 * time.Second
)

// attester proves the results that this node owes proofs of, and judges the proofs of
// others, if it is a validator. The log says what there is to do, so that nothing is lost
// with the process.
type attester struct {
	*core

	worker  *worker.Worker
	metrics *telemetry.Metrics
	// setup is what this node proves and judges under; zero if it does neither.
	setup abi.Digest
	// proving is what proofs are made with, prover apart, which each proof has of its own.
	proving   worker.Proving
	newProver func(onProgress func(prover.Progress)) (*prover.Prover, error)
	// keep stores and records a bundle in a client's name.
	keep func(ctx context.Context, bundle []byte, client abi.Address) (abi.Digest, error)
	// commits makes commitments to key sets; nil without a setup.
	commits *keyCommitter
	// seats is how many proofs are made at once.
	seats     int
	validator *validator.Validator

	wakeProver, wakeJudge chan struct{}
	mu                    sync.Mutex
	// busy holds the fences of the proofs that are being made.
	busy map[state.Index]bool
	// rest holds bundles and proofs that nothing could be said or done about, and until when
	// they rest.
	rest map[abi.Digest]time.Time
}

// tell makes both loops look at the log again.
func (a *attester) tell() {
	for _, c := range []chan struct{}{a.wakeProver, a.wakeJudge} {
		select {
		case c <- struct{}{}:
		default:
		}
	}
}

// run proves and judges until ctx ends, and returns when no proof is under way any more.
// Verdicts do not wait for proofs: they are quick, and somebody waits for them.
func (a *attester) run(ctx context.Context) {
	var work sync.WaitGroup
	defer work.Wait()
	if a.validator != nil {
		work.Go(func() { repeat(ctx, a.wakeJudge, a.judgeNext) })
	}
	if a.commits != nil {
		if err := a.commits.tidy(); err != nil {
			a.log.WarnContext(ctx, "old key commitments are left", "error", err)
		}
		work.Go(func() { a.commits.run(ctx) })
	}
	repeat(ctx, a.wakeProver, func(ctx context.Context) bool { return a.proveNext(ctx, &work) })
}

// repeat calls next, again at once while it finds something to do, until ctx ends.
func repeat(ctx context.Context, wake <-chan struct{}, next func(context.Context) bool) {
	tick := time.NewTicker(scheduleInterval)
	defer tick.Stop()
	for ctx.Err() == nil {
		if next(ctx) {
			continue
		}
		select {
		case <-ctx.Done():
		case <-wake:
		case <-tick.C:
		}
	}
}

// owed returns the tasks whose proof this node owes, the oldest first.
func (a *attester) owed(v *state.View) []state.Task {
	var own []state.Task
	for _, t := range v.ProvingTasks(attestBatch) {
		if t.Attestation.Lease.Node == a.self() {
			own = append(own, t)
		}
	}
	return own
}

// waiting counts the proofs that this node owes, those under way included; -1 if the state
// cannot be read.
func (a *attester) waiting() int {
	n := -1
	// Somebody looks at a gauge: the newest state is not needed.
	if err := a.raft.ReadStale(func(v *state.View) error {
		n = len(a.owed(v))
		return nil
	}); err != nil {
		return -1
	}
	return n
}

// underWay counts the proofs that are being made.
func (a *attester) underWay() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.busy)
}

// proveNext starts the proof that is owed for longest, if there is a seat for it. A proof
// whose time is over is left to the log, which counts it and has the task run again.
func (a *attester) proveNext(ctx context.Context, work *sync.WaitGroup) bool {
	if a.underWay() >= a.seats {
		return false
	}
	var list []state.Task
	err := a.raft.Read(ctx, func(v *state.View) error {
		list = a.owed(v)
		return nil
	})
	if err != nil {
		return false
	}
	for i := range list {
		t := &list[i]
		left := time.UnixMilli(t.Attestation.Lease.DeadlineMS).Sub(a.now())
		if left <= 0 || !a.rested(proofRest(t)) || !a.begin(t.Attestation.Lease.Fence) {
			continue
		}
		work.Go(func() {
			defer a.end(t.Attestation.Lease.Fence)
			a.prove(ctx, t, left)
		})
		return true
	}
	return false
}

// begin notes that a proof is being made; false if it is already.
func (a *attester) begin(fence state.Index) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.busy[fence] {
		return false
	}
	a.busy[fence] = true
	return true
}

func (a *attester) end(fence state.Index) {
	a.mu.Lock()
	delete(a.busy, fence)
	a.mu.Unlock()
	a.tell()
}

// rested reports whether a bundle or a proof may be looked at now.
func (a *attester) rested(d abi.Digest) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.now().After(a.rest[d])
}

// later lets a bundle or a proof rest.
func (a *attester) later(d abi.Digest) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.rest) >= attestBatch {
		clear(a.rest)
	}
	a.rest[d] = a.now().Add(attestPause)
}

// prove makes one proof and records it, or that it could not be made.
func (a *attester) prove(ctx context.Context, t *state.Task, left time.Duration) {
	limited, stop := context.WithTimeout(ctx, left)
	defer stop()
	proof, digest, failure := a.attempt(limited, t)
	switch {
	case ctx.Err() != nil:
		return // the node stops; it proves after its next start
	case failure != nil && limited.Err() != nil:
		a.metrics.Proof(telemetry.ProofLate)
		a.log.WarnContext(ctx, "a proof took longer than it may", "task", t.ID)
		a.later(proofRest(t))
		return // the log counts it
	}
	record, end := context.WithTimeout(context.WithoutCancel(ctx), recordTimeout)
	defer end()
	var err error
	if failure == nil {
		err = a.attest(record, t, proof, digest)
		var refused *state.Error
		if errors.As(err, &refused) && refused.Code != state.CodeStaleFence &&
			refused.Code != state.CodeAttestationEnded {
			// The same proof would be refused again.
			failure = &worker.Error{
				Cause: worker.CauseInternal, Err: fmt.Errorf("the proof was refused: %w", err),
			}
		}
	}
	if failure != nil {
		err = a.giveUp(record, t, failure)
	}
	if err != nil {
		// A task that this node owes no longer is not looked at again, others after a while.
		a.metrics.Proof(telemetry.ProofLost)
		a.log.WarnContext(ctx, "the outcome of a proof was not recorded", "task", t.ID, "error", err)
		a.later(proofRest(t))
	}
}

// proofRest names one lease's proof of a task among what rests.
func proofRest(t *state.Task) abi.Digest {
	return abi.LabelledDigest("proof", t.ID[:], binary.BigEndian.AppendUint64(nil,
		uint64(t.Attestation.Lease.Fence)))
}

// attempt makes and stores the proof. It never panics: the engine and the proof system are
// foreign code.
func (a *attester) attempt(
	ctx context.Context, t *state.Task,
) (proof worker.Proof, digest abi.Digest, failure *worker.Error) {
	defer func() {
		if cause := recover(); cause != nil {
			a.log.ErrorContext(ctx, "a proof panicked", "task", t.ID, "cause", cause)
			failure = &worker.Error{
				Cause: worker.CauseInternal, Err: errors.New("the node's own code failed"),
			}
		}
	}()
	if t.Attestation.Setup.Digest != a.setup {
		return proof, digest, &worker.Error{
			Cause: worker.CauseInternal, Retryable: true, Err: fmt.Errorf(
				"the node has not the setup %s to prove under", t.Attestation.Setup.Digest.Short()),
		}
	}
	job := worker.Proven{Task: workerTask(t), ID: t.ID, Client: t.Client}
	for _, o := range t.Proven() {
		job.Outputs = append(job.Outputs, worker.NamedBlob{Name: o.Name, Digest: o.Digest})
	}
	with := a.proving
	var err error
	if with.Prover, err = a.newProver(a.progress(ctx, t.ID)); err == nil {
		proof, err = a.worker.Prove(ctx, job, with)
	}
	if err == nil && proof.KeyCommitments != nil {
		_, err = a.keep(ctx, proof.KeyCommitments.Bytes(), t.Client)
	}
	if err == nil {
		digest, err = a.keep(ctx, proof.Bundle, t.Client)
	}
	if err != nil && !errors.As(err, &failure) {
		failure = &worker.Error{
			Cause: worker.CauseResource, Err: fmt.Errorf("the bundle could not be stored: %w", err),
		}
	}
	return proof, digest, failure
}

// progress logs the phases of a proof as they begin.
func (a *attester) progress(ctx context.Context, id abi.TaskID) func(prover.Progress) {
	phase := ""
	return func(p prover.Progress) {
		if p.Phase != phase {
			phase = p.Phase
			a.log.DebugContext(ctx, "a proof goes on", "task", id, "phase", phase)
		}
	}
}

// attest records a proof.
func (a *attester) attest(
	ctx context.Context, t *state.Task, p worker.Proof, digest abi.Digest,
) error {
	self := a.self()
	_, err := proposeOwn(ctx, a.core, &raftlogv1.AttestTask{
		TaskId: t.ID[:], Node: self[:], Fence: uint64(t.Attestation.Lease.Fence),
		BundleDigest: digest[:], StatementDigest: p.Statement[:], SetupDigest: a.setup[:],
		Timings: []*raftlogv1.PhaseTiming{
			{Name: phaseProve, Micros: uint64(p.Prove.Microseconds())},
			{Name: phaseRecord, Micros: uint64(p.Record.Microseconds())},
		},
	})
	if err == nil {
		wires := p.Stats.Wires + p.Stats.Quotients
		a.metrics.Proof(telemetry.ProofDone)
		a.metrics.ProofMade(telemetry.ProofCost{
			Record: p.Record, Commit: p.Stats.Commit, Divide: p.Stats.Divide,
			Project: p.Stats.Project, Combine: p.Stats.Combine, Open: p.Stats.Reduce,
			Total: p.Record + p.Prove, Wires: wires, Bytes: len(p.Bundle),
		})
		a.log.InfoContext(ctx, "a result was proved", "task", t.ID, "bundle", digest, "seconds",
			p.Prove.Seconds(), "record_seconds", p.Record.Seconds(), "wires", wires, "bytes",
			len(p.Bundle))
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
		a.metrics.Proof(telemetry.ProofFailed)
		a.log.WarnContext(ctx, "a proof could not be made", "task", t.ID, "cause", f.Cause,
			"retryable", f.Retryable, "error", f.Error())
	}
	return err
}

// judgeNext judges the proof that waits for longest, if there is one that this node may
// judge now and has not judged.
func (a *attester) judgeNext(ctx context.Context) bool {
	var list []state.Task
	alone := false
	err := a.raft.Read(ctx, func(v *state.View) error {
		if judges := validators(v); slices.Contains(judges, a.self()) {
			list, alone = v.ProvedTasks(attestBatch), len(judges) == 1
		}
		return nil
	})
	if err != nil {
		return false
	}
	for i := range list {
		t := &list[i]
		own := t.Attestation.Lease.Node == a.self()
		if (own && !alone) || a.judged(t) || !a.rested(t.Attestation.Bundle) {
			continue
		}
		a.judge(ctx, t)
		return true
	}
	return false
}

// judged reports whether the log has this node's verdict.
func (a *attester) judged(t *state.Task) bool {
	for _, v := range t.Attestation.Verdicts {
		if v.Validator == a.self() {
			return true
		}
	}
	return false
}

// judge verifies one proof and records the signed verdict.
func (a *attester) judge(ctx context.Context, t *state.Task) {
	left := time.UnixMilli(t.Attestation.Lease.DeadlineMS).Sub(a.now())
	limited, stop := context.WithTimeout(ctx, left)
	defer stop()
	started := a.now()
	verdict, err := a.verdict(limited, t)
	if err != nil {
		if ctx.Err() == nil {
			a.metrics.Verdict(telemetry.VerdictNone, 0)
			a.log.WarnContext(ctx, "nothing can be said about a proof", "task", t.ID, "error", err)
			a.later(t.Attestation.Bundle)
		}
		return
	}
	took := a.now().Sub(started)
	signature := a.key.Sign(verdict.SigningDigest())
	self := a.self()
	record, end := context.WithTimeout(context.WithoutCancel(ctx), recordTimeout)
	defer end()
	_, err = proposeOwn(record, a.core, &raftlogv1.JudgeTask{
		TaskId: t.ID[:], Validator: self[:], BundleDigest: verdict.Bundle[:],
		StatementDigest: verdict.Statement[:], Accepted: verdict.Accepted,
		Reason: verdict.Reason, Signature: signature[:],
	})
	if err != nil {
		a.metrics.Verdict(telemetry.VerdictLost, took)
		a.log.WarnContext(ctx, "a verdict was not recorded", "task", t.ID, "error", err)
		a.later(t.Attestation.Bundle)
		return
	}
	if verdict.Accepted {
		a.metrics.Verdict(telemetry.VerdictAccepted, took)
		a.log.InfoContext(ctx, "a proof was accepted", "task", t.ID, "seconds", took.Seconds())
		return
	}
	a.metrics.Verdict(telemetry.VerdictRejected, took)
	a.log.WarnContext(ctx, "a proof was rejected", "task", t.ID, "miner",
		t.Attestation.Lease.Node, "bundle", verdict.Bundle, "reason", verdict.Reason)
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
		Task: t.ID, Module: t.Module, Args: t.Args, Program: t.Program, Plan: t.Plan,
		KeySet: t.KeySet, Client: t.Client, Node: t.Attestation.Lease.Node,
		Inputs: namedDigests(t.Inputs), Outputs: namedDigests(t.Proven()),
		Bundle: t.Attestation.Bundle, Statement: t.Attestation.Statement,
		Setup: t.Attestation.Setup.Digest,
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
