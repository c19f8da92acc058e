package raftstore

import (
	"context"
	"errors"
	"fmt"

	"github.com/hashicorp/raft"

	raftlogv1 "github.com/cerberus-host/cerberus/proto/gen/cerberus/raftlog/v1"
	"github.com/cerberus-host/cerberus/raftstore/state"
)

// Propose stamps a command with the node's clock and returns its response when it is on
// stable storage and applied. A command that the state machine refuses gives both the
// response and an [*state.Error]. All other errors say whether the command may have been
// applied: only ErrMaybeApplied, and ErrFailed together with it, leave that open.
func (n *Node) Propose(ctx context.Context, cmd *raftlogv1.Command) (state.Response, error) {
	if err := n.usable(); err != nil {
		return state.Response{}, err
	}
	if err := ctx.Err(); err != nil {
		return state.Response{}, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	if n.raft.State() != raft.Leader {
		if _, known := n.Leader(); !known {
			return state.Response{}, ErrUnavailable
		}
		return state.Response{}, ErrNotLeader
	}
	if err := n.checkDisk(cmd.GetType()); err != nil {
		return state.Response{}, err
	}
	entry, err := state.EncodeCommand(cmd, n.cfg.Now().UnixMilli())
	if err != nil {
		return state.Response{}, err
	}
	select {
	case n.proposals <- struct{}{}:
	default:
		return state.Response{}, fmt.Errorf("%w: %d proposals are under way", ErrUnavailable,
			proposalsMax)
	}
	return n.await(ctx, entry)
}

// outcome is how a proposal ended.
type outcome struct {
	resp state.Response
	err  error
}

// await hands an entry to the library and waits for the outcome or the context's end. The
// proposal's place is given back when the outcome is known, not when the caller leaves.
func (n *Node) await(ctx context.Context, entry []byte) (state.Response, error) {
	done := make(chan outcome, 1)
	go func() {
		defer func() { <-n.proposals }()
		future := n.raft.Apply(entry, 0)
		if err := future.Error(); err != nil {
			done <- outcome{err: n.proposeError(err)}
			return
		}
		resp, ok := future.Response().(state.Response)
		if !ok {
			done <- outcome{err: fmt.Errorf("%w: no response", ErrMaybeApplied)}
			return
		}
		done <- outcome{resp, resp.Err()}
	}()
	select {
	case o := <-done:
		return o.resp, o.err
	case <-ctx.Done():
		return state.Response{}, fmt.Errorf("%w: %w", ErrMaybeApplied, ctx.Err())
	case <-n.stopped: // the library may have lost it
		return state.Response{}, fmt.Errorf("%w: %w", ErrMaybeApplied, ErrClosed)
	}
}

// proposeError sorts the library's errors by whether the entry may have been applied.
// Everything that is not known to come before the entry was handed over leaves it open.
func (n *Node) proposeError(err error) error {
	switch {
	case errors.Is(err, raft.ErrNotLeader):
		return ErrNotLeader
	case errors.Is(err, raft.ErrLeadershipTransferInProgress):
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	return errors.Join(fmt.Errorf("%w: %w", ErrMaybeApplied, err), n.usable())
}

// floorHard is the share of the floor below which nothing at all is accepted.
const floorHard = 4

// checkDisk refuses new work when the disk is nearly full, early enough that what ends or
// removes work can still be recorded.
func (n *Node) checkDisk(kind raftlogv1.CommandType) error {
	free, err := n.cfg.FreeBytes()
	if err != nil {
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	floor := n.cfg.FreeBytesFloor
	switch kind {
	case raftlogv1.CommandType_COMMAND_TYPE_COMMIT_BLOB,
		raftlogv1.CommandType_COMMAND_TYPE_REGISTER_MODULE,
		raftlogv1.CommandType_COMMAND_TYPE_SUBMIT_TASK,
		raftlogv1.CommandType_COMMAND_TYPE_LEASE_TASK:
	default:
		floor /= floorHard
	}
	if free < floor {
		return fmt.Errorf("%w: %d bytes are free, the floor is %d", ErrDiskFull, free, floor)
	}
	return nil
}
