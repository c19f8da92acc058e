package raftstore

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/cerberus-host/cerberus/raftstore/state"
)

// TestCloseAmongCalls: the library loses what is in its queues when it shuts down; neither
// Close nor a reader nor a proposer may wait for it.
func TestCloseAmongCalls(t *testing.T) {
	c := &commander{}
	for range 20 {
		n := openNode(t, testConfig(t, t.TempDir()))
		ctx, stop := context.WithTimeout(t.Context(), 20*time.Second)
		var calls, begun sync.WaitGroup
		begun.Add(8)
		for range 8 {
			calls.Go(func() {
				first := sync.OnceFunc(begun.Done)
				for n.Read(ctx, func(*state.View) error { return nil }) == nil {
					first()
				}
			})
		}
		// While the library writes, proofs of leadership wait in its queue.
		for range 4 {
			calls.Go(func() {
				for again := true; again; {
					_, err := n.Propose(ctx, command(t, c.request(nodeAddr), bootstrapBody()))
					var refused *state.Error
					again = err == nil || errors.As(err, &refused)
				}
			})
		}
		begun.Wait()
		closed := make(chan error, 1)
		go func() { closed <- n.Close() }()
		select {
		case err := <-closed:
			if err != nil {
				t.Error(err)
			}
		case <-ctx.Done():
			t.Fatal("Close waits for ever")
		}
		calls.Wait()
		if ctx.Err() != nil {
			t.Error("a call waited for ever")
		}
		stop()
	}
}
