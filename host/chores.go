package host

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/cerberus-host/cerberus/abi"
	"github.com/cerberus-host/cerberus/host/blob"
	"github.com/cerberus-host/cerberus/host/sched"
	raftlogv1 "github.com/cerberus-host/cerberus/proto/gen/cerberus/raftlog/v1"
	"github.com/cerberus-host/cerberus/raftstore"
	"github.com/cerberus-host/cerberus/raftstore/state"
)

func sortNamed(list []*raftlogv1.NamedDigest) {
	slices.SortFunc(list, func(x, y *raftlogv1.NamedDigest) int {
		return strings.Compare(x.GetName(), y.GetName())
	})
}

// chores keeps the node clean: it follows the log's events, and collects what nobody needs
// any more.
type chores struct {
	*core

	store     *blob.Store
	blobs     *blobsBackend
	scheduler *sched.Scheduler
	attester  *attester
	retention time.Duration
	interval  time.Duration
}

// follow tells the scheduler what changed and deletes the blobs that the log forgot, until
// ctx ends.
func (c *chores) follow(ctx context.Context, after state.Index) {
	watcher := c.raft.Watch(after)
	for {
		events, err := watcher.Next(ctx)
		if errors.Is(err, raftstore.ErrCompacted) {
			after = c.catchUp(ctx)
			watcher = c.raft.Watch(after)
			continue
		}
		if err != nil {
			return
		}
		for _, e := range events {
			c.handle(ctx, e)
		}
	}
}

func (c *chores) handle(ctx context.Context, e state.Event) {
	switch e.Kind {
	case state.EventTask:
		c.attester.tell()
		switch e.TaskState {
		case state.TaskQueued:
			c.scheduler.Wake()
		case state.TaskDone:
			if e.Attestation != 0 { // perhaps to be run again, or there is room for more proofs
				c.scheduler.Wake()
			}
		case state.TaskCancelled:
			c.scheduler.Cancel(e.Task)
		default:
		}
	case state.EventBlobForgotten:
		c.blobs.forget(ctx, e.Blob)
	default:
	}
}

// catchUp does what missed events would have led to, and returns where to go on.
func (c *chores) catchUp(ctx context.Context) state.Index {
	var index state.Index
	err := c.raft.ReadStale(func(v *state.View) error {
		index = v.Index()
		return nil
	})
	if err != nil {
		c.log.WarnContext(ctx, "the state cannot be read", "error", err)
	}
	c.scheduler.Wake()
	c.attester.tell()
	c.deleteOrphans(ctx)
	return index
}

// deleteOrphans deletes the stored blobs that the log does not know: a crash came between
// storing and committing, or between forgetting and deleting.
func (c *chores) deleteOrphans(ctx context.Context) {
	var orphans []abi.Digest
	stored := c.store.Digests()
	err := c.raft.Read(ctx, func(v *state.View) error {
		for _, d := range stored {
			if _, known := v.Blob(d); !known {
				orphans = append(orphans, d)
			}
		}
		return nil
	})
	if err != nil {
		c.log.WarnContext(ctx, "blobs that nobody needs cannot be looked for", "error", err)
		return
	}
	for _, d := range orphans {
		c.blobs.forget(ctx, d)
	}
}

// collect drops old uploads, tasks and blobs every interval, until ctx ends.
func (c *chores) collect(ctx context.Context) {
	tick := time.NewTicker(c.interval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if n := c.store.Sweep(); n > 0 {
			c.log.InfoContext(ctx, "old uploads were dropped", "count", n)
		}
		if err := c.expire(ctx); err != nil && ctx.Err() == nil {
			c.log.WarnContext(ctx, "old tasks and blobs cannot be dropped now", "error", err)
		}
	}
}

func (c *chores) expire(ctx context.Context) error {
	for {
		resp, err := proposeOwn(ctx, c.core, &raftlogv1.PruneTasks{
			EndedBeforeMs: max(0, c.now().Add(-c.retention).UnixMilli()), Limit: state.BatchMax,
		})
		if err != nil {
			return err
		}
		if resp.Count < state.BatchMax {
			break
		}
	}
	for {
		resp, err := proposeOwn(ctx, c.core, &raftlogv1.ExpireBlobs{Limit: state.BatchMax})
		if err != nil || resp.Count < state.BatchMax {
			return err
		}
	}
}

// releaseLeases gives back the leases that this node held before it was restarted, so that
// their tasks need not wait for the end of the lease.
func (c *chores) releaseLeases(ctx context.Context) error {
	self := c.self()
	for {
		var held []state.Task
		err := c.raft.Read(ctx, func(v *state.View) error {
			for _, t := range v.RunningTasks(state.LiveTasksCeiling) {
				if t.Current().Node == self {
					held = append(held, t)
				}
			}
			return nil
		})
		if err != nil || len(held) == 0 {
			return err
		}
		for _, t := range held {
			_, err := proposeOwn(ctx, c.core, &raftlogv1.FailTask{
				TaskId: t.ID[:], Node: self[:], Fence: uint64(t.Current().Fence),
				Code:    raftlogv1.FailureCode_FAILURE_CODE_INTERNAL,
				Message: "the node was restarted", Retryable: true,
			})
			if err != nil && !errors.Is(err, &state.Error{Code: state.CodeTaskEnded}) {
				return err
			}
		}
	}
}
