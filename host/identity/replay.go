package identity

import (
	"container/heap"
	"fmt"
	"sync"
	"time"

	"github.com/cerberus-host/cerberus/abi"
)

// Replay remembers the nonces of signed calls that change nothing in the replicated log:
// chunks of uploads and signed reads. A nonce is remembered until its request has expired.
// It is safe for concurrent use.
//
// A restart forgets them. That is harmless: the calls that rely on it are idempotent or
// read only, and a captured one stays usable for [ExpiryAheadMax] at most.
type Replay struct {
	now func() time.Time
	max int

	mu     sync.Mutex
	seen   map[replayKey]struct{}
	expiry replayHeap
}

type replayKey struct {
	signer abi.Address
	nonce  Nonce
}

// NewReplay returns an empty memory for at most maxNonces nonces, at least one.
func NewReplay(now func() time.Time, maxNonces int) *Replay {
	return &Replay{now: now, max: max(1, maxNonces), seen: make(map[replayKey]struct{})}
}

// Use consumes the caller's nonce. It returns [ErrReplay] if it was used before. When there
// is no room, the nonce that expires first gives way: somebody who fills the memory can
// then repeat a captured call, which changes nothing, but cannot shut others out.
func (r *Replay) Use(c Caller) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	nowMS := r.now().UnixMilli()
	for len(r.expiry) > 0 && r.expiry[0].expiryMS < nowMS {
		r.forgetFirst()
	}
	key := replayKey{c.Address, c.Nonce}
	if _, used := r.seen[key]; used {
		return fmt.Errorf("%w by %s", ErrReplay, c.Address)
	}
	if len(r.seen) >= r.max {
		r.forgetFirst()
	}
	r.seen[key] = struct{}{}
	heap.Push(&r.expiry, replayEntry{key: key, expiryMS: c.ExpiryMS})
	return nil
}

// forgetFirst forgets the nonce that expires first; there is at least one.
func (r *Replay) forgetFirst() {
	delete(r.seen, r.expiry[0].key)
	heap.Pop(&r.expiry)
}

type replayEntry struct {
	key      replayKey
	expiryMS int64
}

// replayHeap is a binary heap of nonces by expiry.
type replayHeap []replayEntry

// Len implements heap.Interface.
func (h *replayHeap) Len() int { return len(*h) }

// Less implements heap.Interface.
func (h *replayHeap) Less(i, j int) bool { return (*h)[i].expiryMS < (*h)[j].expiryMS }

// Swap implements heap.Interface.
func (h *replayHeap) Swap(i, j int) { (*h)[i], (*h)[j] = (*h)[j], (*h)[i] }

// Push implements heap.Interface.
func (h *replayHeap) Push(x any) {
	if e, ok := x.(replayEntry); ok {
		*h = append(*h, e)
	}
}

// Pop implements heap.Interface.
func (h *replayHeap) Pop() any {
	last := (*h)[len(*h)-1]
	*h = (*h)[:len(*h)-1]
	return last
}
