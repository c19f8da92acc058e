package raftstore

import (
	"context"
	"fmt"
	"sort"
	"sync"

	"github.com/cerberus-host/cerberus/raftstore/state"
)

// eventsKept is how many events a watcher may be behind.
const eventsKept = 16384

// eventHub keeps the latest events for watchers. A slow watcher never delays an entry; it
// gets ErrCompacted.
type eventHub struct {
	mu sync.Mutex
	// events are in the order of their index; every event after floor is there.
	events []state.Event
	floor  state.Index
	index  state.Index
	// changed is closed, and replaced, when something was published.
	changed chan struct{}
	closed  bool
}

func newEventHub() *eventHub { return &eventHub{changed: make(chan struct{})} }

// publish appends the events of entries up to index.
func (h *eventHub) publish(index state.Index, events []state.Event) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.index = index
	if len(events) == 0 {
		return
	}
	h.events = append(h.events, events...)
	// Twice the number is kept in memory, so that moving them costs little per event.
	if len(h.events) > 2*eventsKept {
		cut := len(h.events) - eventsKept
		h.floor = h.events[cut-1].Index
		h.events = append([]state.Event(nil), h.events[cut:]...)
	}
	h.wake()
}

// reset forgets the events, because a snapshot replaced the state.
func (h *eventHub) reset(index state.Index) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.events, h.floor, h.index = nil, index, index
	h.wake()
}

func (h *eventHub) close() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.closed = true
	h.wake()
}

// wake tells every watcher to look again; the lock is held.
func (h *eventHub) wake() {
	close(h.changed)
	h.changed = make(chan struct{})
}

// after returns the events after an index, and what to wait for if there are none.
func (h *eventHub) after(index state.Index) ([]state.Event, <-chan struct{}, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return nil, nil, ErrClosed
	}
	if index < h.floor {
		return nil, nil, fmt.Errorf("%w: asked for those after %d, kept are those after %d",
			ErrCompacted, index, h.floor)
	}
	i := sort.Search(len(h.events), func(i int) bool { return h.events[i].Index > index })
	return append([]state.Event(nil), h.events[i:]...), h.changed, nil
}

// Watcher reads events in order. It is used by one goroutine and needs no closing.
type Watcher struct {
	hub  *eventHub
	next state.Index
}

// Watch returns a watcher of the events of entries after an index. To miss nothing, read
// the state, and watch from the index that the view had.
func (n *Node) Watch(after state.Index) *Watcher { return &Watcher{n.fsm.hub, after} }

// Next returns the events since the last call, at least one; it waits for them. The
// events of one entry are never torn apart. After ErrCompacted the watcher is of no use
// any more; ErrClosed says that the node was closed.
func (w *Watcher) Next(ctx context.Context) ([]state.Event, error) {
	for {
		events, changed, err := w.hub.after(w.next)
		if err != nil {
			return nil, err
		}
		if len(events) > 0 {
			w.next = events[len(events)-1].Index
			return events, nil
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-changed:
		}
	}
}
