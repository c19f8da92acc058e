package runtime

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/cerberus-host/cerberus/abi"
	"github.com/cerberus-host/cerberus/host/admit"
)

// compiledCache keeps programs in memory. An entry that is acquired is pinned; the others
// are dropped, least recently used first, while all together are larger than the limit.
type compiledCache struct {
	compile  func(context.Context, *admit.Module) (*program, error)
	drop     func(context.Context, *program) error
	bytesMax int64
	// slot is held while compiling: two large modules at once could take the memory of
	// four.
	slot chan struct{}

	mu      sync.Mutex
	entries map[abi.Digest]*entry
	bytes   int64
	uses    uint64 // stamps entries in order of use
	closed  bool
}

// entry is one program, or the wait for it. Its fields but ready belong to the cache's
// mutex; program and err are set before ready is closed.
type entry struct {
	digest  abi.Digest
	ready   chan struct{}
	program *program
	err     error
	pins    int
	used    uint64
}

func newCompiledCache(
	bytesMax int64, compile func(context.Context, *admit.Module) (*program, error),
	drop func(context.Context, *program) error,
) *compiledCache {
	return &compiledCache{
		compile: compile, drop: drop, bytesMax: bytesMax, slot: make(chan struct{}, 1),
		entries: map[abi.Digest]*entry{},
	}
}

// acquire returns the module's program, pinned until release. One caller compiles, others
// of the same module wait for it. If it fails, they fail with it; if it only gave up,
// because its context ended, one of them takes over.
func (c *compiledCache) acquire(ctx context.Context, m *admit.Module) (*entry, error) {
	for {
		e, found, err := c.pin(m.Digest)
		if err != nil {
			return nil, err
		}
		if !found {
			c.fill(ctx, e, m)
		}
		select {
		case <-e.ready:
		case <-ctx.Done():
			c.release(e)
			return nil, ctx.Err()
		}
		if e.err == nil {
			return e, nil
		}
		if ctx.Err() != nil || !errors.Is(e.err, errGaveUp) {
			return nil, e.err
		}
	}
}

// errGaveUp is the error of an entry whose maker's context ended.
var errGaveUp = errors.New("gave up waiting to compile")

// pin returns the entry of that digest, pinned, and whether it was there.
func (c *compiledCache) pin(digest abi.Digest) (e *entry, found bool, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return nil, false, ErrClosed
	}
	e, found = c.entries[digest]
	if !found {
		e = &entry{digest: digest, ready: make(chan struct{})}
		c.entries[digest] = e
	}
	e.pins++
	c.uses++
	e.used = c.uses
	return e, found, nil
}

// fill compiles for the caller that made the entry. A context that ends while it waits for
// its turn fails the entry, as a failed compilation does.
func (c *compiledCache) fill(ctx context.Context, e *entry, m *admit.Module) {
	var p *program
	var err error
	select {
	case c.slot <- struct{}{}:
		// The program outlives this caller.
		p, err = c.compile(context.WithoutCancel(ctx), m)
		<-c.slot
	case <-ctx.Done():
		err = fmt.Errorf("%w: %w", errGaveUp, ctx.Err())
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if err == nil && c.closed {
		_ = c.drop(context.WithoutCancel(ctx), p)
		p, err = nil, ErrClosed
	}
	e.program, e.err = p, err
	if err != nil {
		delete(c.entries, e.digest)
	} else {
		c.bytes += p.bytes
	}
	close(e.ready)
}

// grow counts memory that a program holds beside its code. The entry is pinned.
func (c *compiledCache) grow(e *entry, bytes int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e.program.bytes += bytes
	if c.entries[e.digest] == e {
		c.bytes += bytes
	}
}

// release ends a pin and drops what is too much.
func (c *compiledCache) release(e *entry) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e.pins--
	for c.bytes > c.bytesMax {
		oldest := c.oldest()
		if oldest == nil {
			return
		}
		delete(c.entries, oldest.digest)
		c.bytes -= oldest.program.bytes
		_ = c.drop(context.Background(), oldest.program)
	}
}

// oldest returns the unpinned entry that was used the longest ago, nil if there is none.
func (c *compiledCache) oldest() *entry {
	var found *entry
	for _, e := range c.entries {
		if e.pins == 0 && e.program != nil && (found == nil || e.used < found.used) {
			found = e
		}
	}
	return found
}

// close drops every program, pinned or not; runs under way end with an error.
func (c *compiledCache) close(ctx context.Context) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
	var first error
	for digest, e := range c.entries {
		if e.program != nil {
			if err := c.drop(ctx, e.program); err != nil && first == nil {
				first = err
			}
		}
		delete(c.entries, digest)
	}
	c.bytes = 0
	return first
}
