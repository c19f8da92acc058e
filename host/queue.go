package host

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/cerberus-host/cerberus/abi"
	"github.com/cerberus-host/cerberus/host/registry"
	"github.com/cerberus-host/cerberus/host/sched"
	raftlogv1 "github.com/cerberus-host/cerberus/proto/gen/cerberus/raftlog/v1"
	"github.com/cerberus-host/cerberus/raftstore/state"
)

// taskQueue is the replicated queue as the scheduler sees it.
type taskQueue struct {
	*core

	registry *registry.Registry
	attester *attester
	// owedMax is how many proofs this node owes before it takes no more tasks that ask for
	// one. A result comes much faster than its proof, and the time for the proof begins with
	// the result: beyond this, proofs would be late and their tasks run again for nothing.
	owedMax int
}

var _ sched.Queue = (*taskQueue)(nil)

// Queued implements sched.Queue. While this node owes too many proofs, tasks that ask for none
// pass those that do, as far as they are among the first of the queue.
func (q *taskQueue) Queued(ctx context.Context, limit int) ([]sched.Candidate, error) {
	var tasks []state.Task
	err := q.raft.Read(ctx, func(v *state.View) error {
		if len(q.attester.owed(v)) < q.owedMax {
			tasks = v.QueuedTasks(limit)
			return nil
		}
		for _, t := range v.QueuedTasks(attestBatch) {
			if !t.Attestation.Asked() && len(tasks) < limit {
				tasks = append(tasks, t)
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	out := make([]sched.Candidate, len(tasks))
	for i, t := range tasks {
		out[i].ID = t.ID
		// A Plan that is not loaded yet counts nothing; the number of workers is the bound.
		if v, ok := q.registry.Peek(t.Module, t.Args); ok {
			out[i].MemoryBytes = v.PeakBytes
		}
	}
	return out, nil
}

// Lease implements sched.Queue.
func (q *taskQueue) Lease(
	ctx context.Context, id abi.TaskID, deadline time.Time,
) (uint64, error) {
	self := q.self()
	resp, err := proposeOwn(ctx, q.core, &raftlogv1.LeaseTask{
		TaskId: id[:], Node: self[:], DeadlineMs: deadline.UnixMilli(),
	})
	if errors.Is(err, &state.Error{Code: state.CodeTaskNotQueued}) ||
		errors.Is(err, &state.Error{Code: state.CodeUnknownTask}) {
		return 0, fmt.Errorf("%w: %w", sched.ErrTaken, err)
	}
	return uint64(resp.Fence), err
}

// ExpireLeases implements sched.Queue. It writes nothing to the log while no lease is over.
func (q *taskQueue) ExpireLeases(ctx context.Context) error {
	due := false
	nowMS := q.now().UnixMilli()
	err := q.raft.Read(ctx, func(v *state.View) error {
		due = v.Overdue(nowMS, 1) > 0
		return nil
	})
	if err != nil || !due {
		return err
	}
	_, err = proposeOwn(ctx, q.core, &raftlogv1.ExpireLeases{Limit: state.BatchMax})
	return err
}
