package host

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/cerberus-host/cerberus/host/sched"
	"github.com/cerberus-host/cerberus/host/telemetry"
	"github.com/cerberus-host/cerberus/host/worker"
	raftlogv1 "github.com/cerberus-host/cerberus/proto/gen/cerberus/raftlog/v1"
	"github.com/cerberus-host/cerberus/raftstore/state"
)

// recordTimeout bounds how long the outcome of an attempt is offered to the log. After it
// the lease ends by itself.
const recordTimeout = 20 * time.Second

// taskRunner runs leased tasks and records the outcome.
type taskRunner struct {
	*core

	worker  *worker.Worker
	blobs   *blobsBackend
	metrics *telemetry.Metrics
}

var _ sched.Runner = (*taskRunner)(nil)

// Run implements sched.Runner.
func (r *taskRunner) Run(ctx context.Context, lease sched.Lease) {
	var t state.Task
	err := r.raft.Read(ctx, func(v *state.View) error {
		t, _ = v.Task(lease.ID)
		return nil
	})
	if err != nil || t.Current().Fence != state.Index(lease.Fence) || !t.Executing() {
		r.metrics.TaskAttempt("lost")
		return
	}
	result, failure := r.attempt(ctx, &t)
	// The outcome is recorded also when the attempt was ended from outside.
	record, stop := context.WithTimeout(context.WithoutCancel(ctx), recordTimeout)
	defer stop()
	if failure == nil {
		err = r.finish(record, &t, result)
	} else {
		err = r.fail(record, &t, failure)
	}
	switch {
	case errors.Is(err, &state.Error{Code: state.CodeTaskEnded}):
		r.metrics.TaskAttempt("cancelled")
	case err != nil:
		r.metrics.TaskAttempt("lost")
		r.log.WarnContext(ctx, "the outcome of a task was not recorded", "task", t.ID, "error", err)
	}
}

// attempt runs the task and stores its outputs. It never panics: the engine and the guest
// are foreign code.
func (r *taskRunner) attempt(
	ctx context.Context, t *state.Task,
) (result worker.Result, failure *worker.Error) {
	defer func() {
		if cause := recover(); cause != nil {
			r.log.ErrorContext(ctx, "a task panicked", "task", t.ID, "cause", cause)
			failure = &worker.Error{
				Cause: worker.CauseInternal, Err: errors.New("the node's own code failed"),
			}
		}
	}()
	result, err := r.worker.Run(ctx, workerTask(t))
	if err != nil && !errors.As(err, &failure) {
		failure = &worker.Error{Cause: worker.CauseInternal, Retryable: true, Err: err}
	}
	return result, failure
}

// finish commits the outputs, which the client pays for, and records the result.
func (r *taskRunner) finish(ctx context.Context, t *state.Task, result worker.Result) error {
	self := r.self()
	cmd := &raftlogv1.FinishTask{
		TaskId: t.ID[:], Node: self[:], Fence: uint64(t.Current().Fence), Engine: result.Engine,
		Timings: logTimings(result.Timings),
		Counters: []*raftlogv1.Counter{
			{Name: counterGas, Value: result.Gas}, {Name: counterSteps, Value: uint64(result.Steps)},
		},
	}
	r.blobs.gate.RLock()
	defer r.blobs.gate.RUnlock()
	for _, o := range result.Outputs {
		err := r.blobs.commit(ctx, o.Digest, o.Bytes, state.BlobCiphertext, t.Client)
		if err != nil {
			return errors.Join(err, r.fail(ctx, t, &worker.Error{
				Cause: worker.CauseResource, Err: errors.New("the outputs could not be committed"),
			}))
		}
		cmd.Outputs = append(cmd.Outputs, &raftlogv1.NamedDigest{
			Name: o.Name, Digest: o.Digest[:],
		})
	}
	sortNamed(cmd.GetOutputs())
	_, err := proposeOwn(ctx, r.core, cmd)
	if err == nil {
		r.metrics.TaskAttempt("done")
		r.observe(t, result.Timings)
	}
	return err
}

func (r *taskRunner) observe(t *state.Task, times worker.Timings) {
	r.metrics.TaskPhase("queue", time.Duration(t.LeasedMS-t.SubmittedMS)*time.Millisecond)
	r.metrics.TaskPhase(phaseExecute, times.Execute)
	r.metrics.TaskPhase(phaseFetch, times.Fetch)
	r.metrics.TaskPhase(phaseInfer, times.Infer)
	r.metrics.TaskPhase(phaseLoad, times.Load)
	r.metrics.TaskPhase(phaseStore, times.Store)
}

// logTimings lists the phases, sorted by name.
func logTimings(t worker.Timings) []*raftlogv1.PhaseTiming {
	return []*raftlogv1.PhaseTiming{
		{Name: phaseExecute, Micros: uint64(t.Execute.Microseconds())},
		{Name: phaseFetch, Micros: uint64(t.Fetch.Microseconds())},
		{Name: phaseInfer, Micros: uint64(t.Infer.Microseconds())},
		{Name: phaseLoad, Micros: uint64(t.Load.Microseconds())},
		{Name: phaseStore, Micros: uint64(t.Store.Microseconds())},
	}
}

// fail ends the attempt without a result.
func (r *taskRunner) fail(ctx context.Context, t *state.Task, f *worker.Error) error {
	self := r.self()
	_, err := proposeOwn(ctx, r.core, &raftlogv1.FailTask{
		TaskId: t.ID[:], Node: self[:], Fence: uint64(t.Current().Fence), Code: failureCode(f.Cause),
		Message: bounded(f.Error()), Retryable: f.Retryable,
	})
	if err == nil {
		outcome := "failed"
		if f.Retryable {
			outcome = "retried"
		}
		r.metrics.TaskAttempt(outcome)
		r.log.InfoContext(ctx, "an attempt at a task failed", "task", t.ID, "cause", f.Cause,
			"retryable", f.Retryable)
	}
	return err
}

// failureCode finds the log's code for a cause, whose word is the code's.
func failureCode(c worker.Cause) raftlogv1.FailureCode {
	for code := state.FailureGuest; code < state.FailureAttempts; code++ {
		if code.String() == string(c) {
			return raftlogv1.FailureCode(code)
		}
	}
	return raftlogv1.FailureCode_FAILURE_CODE_INTERNAL
}

// bounded cuts a message to what the log takes.
func bounded(message string) string {
	if len(message) > state.FailureBytesMax {
		message = message[:state.FailureBytesMax]
	}
	return strings.ToValidUTF8(message, "")
}
