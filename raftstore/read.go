package raftstore

import (
	"context"
	"fmt"

	"github.com/hashicorp/raft"

	"github.com/cerberus-host/cerberus/raftstore/state"
)

// Read runs fn on a state that no command is missing from that was acknowledged, by
// whichever node, before the call. fn must be quick, because entries wait for it, must
// not keep the view, and must not call the node. The error of fn is returned as it is.
//
// It needs no disk. When this node became the leader it applied everything that was
// committed before, and every command of its own term was applied here before it was
// acknowledged; what remains to be shown is that it still leads in that term.
func (n *Node) Read(ctx context.Context, fn func(*state.View) error) error {
	if err := n.usable(); err != nil {
		return err
	}
	done := make(chan error, 1)
	select {
	case n.reads <- done:
	case <-n.stopped:
		return ErrClosed
	case <-ctx.Done():
		return fmt.Errorf("%w: %w", ErrUnavailable, ctx.Err())
	}
	select {
	case err := <-done:
		if err != nil {
			return err
		}
	case <-ctx.Done():
		return fmt.Errorf("%w: %w", ErrUnavailable, ctx.Err())
	}
	return n.fsm.view(fn)
}

// ReadStale runs fn on the state of this node, which may lack the latest commands. The
// rules for fn are those of [Node.Read].
func (n *Node) ReadStale(fn func(*state.View) error) error { return n.fsm.view(fn) }

// verifyReads lets all reads that wait share one proof of leadership: it is begun after
// they were asked for, which is all that each of them needs.
func (n *Node) verifyReads() {
	defer n.workers.Done()
	for {
		var waiting []chan error
		select {
		case <-n.stopped:
			return
		case done := <-n.reads:
			waiting = append(waiting, done)
		}
		for more := true; more; {
			select {
			case done := <-n.reads:
				waiting = append(waiting, done)
			default:
				more = false
			}
		}
		err := n.verifyLeadership()
		for _, done := range waiting {
			done <- err
		}
	}
}

// verifyLeadership shows that this node leads, in the term for which it is ready.
func (n *Node) verifyLeadership() error {
	term := n.readyTerm.Load()
	if term == 0 {
		if err := n.usable(); err != nil {
			return err
		}
		return ErrUnavailable
	}
	if err := n.answer(n.raft.VerifyLeader); err != nil {
		return fmt.Errorf("%w: %w", ErrNotLeader, err)
	}
	if n.raft.CurrentTerm() != term {
		return fmt.Errorf("%w: the term changed", ErrUnavailable)
	}
	return nil
}

// answer waits for the library's answer to a question, or for the node to stop, with
// ErrClosed: what is in the library's queues when it shuts down is never answered.
func (n *Node) answer(ask func() raft.Future) error {
	done := make(chan error, 1)
	go func() { done <- ask().Error() }()
	select {
	case err := <-done:
		return err
	case <-n.stopped:
		return ErrClosed
	}
}

// Barrier waits until every command that was committed before the call is applied here.
func (n *Node) Barrier(ctx context.Context) error {
	if err := n.usable(); err != nil {
		return err
	}
	done := make(chan error, 1)
	go func() { done <- n.raft.Barrier(0).Error() }()
	select {
	case err := <-done:
		if err != nil {
			return fmt.Errorf("%w: %w", ErrUnavailable, err)
		}
		return nil
	case <-ctx.Done():
		return fmt.Errorf("%w: %w", ErrUnavailable, ctx.Err())
	}
}
