package raftstore

import (
	"fmt"
	"io"
	"sync"

	"github.com/hashicorp/raft"

	"github.com/cerberus-host/cerberus/raftstore/state"
)

// fsm hands committed entries to the state machine. The raft library calls it from one
// goroutine; readers come from any.
type fsm struct {
	mu    sync.RWMutex
	state *state.State
	hub   *eventHub
}

var (
	_ raft.FSM         = (*fsm)(nil)
	_ raft.BatchingFSM = (*fsm)(nil)
)

func newFSM() *fsm { return &fsm{state: state.New(), hub: newEventHub()} }

// Apply implements raft.FSM.
func (f *fsm) Apply(l *raft.Log) any { return f.ApplyBatch([]*raft.Log{l})[0] }

// ApplyBatch implements raft.BatchingFSM. It takes the lock once for the whole batch; the
// answers are of type state.Response.
func (f *fsm) ApplyBatch(logs []*raft.Log) []any {
	out := make([]any, len(logs))
	var events []state.Event
	f.mu.Lock()
	for i, l := range logs {
		if l.Type != raft.LogCommand {
			continue
		}
		resp, changed := f.state.Apply(state.Index(l.Index), l.Data)
		out[i] = resp
		events = append(events, changed...)
	}
	index := f.state.Index()
	f.mu.Unlock()
	f.hub.publish(index, events)
	return out
}

// Snapshot implements raft.FSM. It copies the tables' pointers; encoding happens in
// Persist, beside further entries.
func (f *fsm) Snapshot() (raft.FSMSnapshot, error) {
	f.mu.RLock()
	defer f.mu.RUnlock()
	return &fsmSnapshot{f.state.Freeze()}, nil
}

// Restore implements raft.FSM.
func (f *fsm) Restore(r io.ReadCloser) error {
	s, err := state.Decode(r)
	if err != nil {
		return fmt.Errorf("restore state: %w", err)
	}
	f.mu.Lock()
	f.state = s
	f.mu.Unlock()
	f.hub.reset(s.Index())
	return nil
}

// view runs fn on the state as it is now; entries wait until it returns.
func (f *fsm) view(fn func(*state.View) error) error {
	f.mu.RLock()
	defer f.mu.RUnlock()
	return fn(f.state.View())
}

// fsmSnapshot is a picture of the state on its way to a file.
type fsmSnapshot struct{ frozen *state.Frozen }

var _ raft.FSMSnapshot = (*fsmSnapshot)(nil)

// Persist implements raft.FSMSnapshot. The library cancels the sink on an error.
func (s *fsmSnapshot) Persist(sink raft.SnapshotSink) error {
	if err := s.frozen.Encode(sink); err != nil {
		return fmt.Errorf("write state: %w", err)
	}
	return nil
}

// Release implements raft.FSMSnapshot.
func (s *fsmSnapshot) Release() {}
