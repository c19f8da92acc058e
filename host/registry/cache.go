package registry

import (
	"container/list"
	"context"
	"errors"
	"sync"
)

// Cache keeps values of known size up to a number of bytes, least recently used out first.
// A value that somebody still uses stays alive after it left the cache. Each is made by one
// caller while others wait. It is safe for concurrent use.
type Cache[K comparable, V any] struct {
	max int64

	mu      sync.Mutex
	entries map[K]*list.Element
	// order has the most recently used entry first.
	order *list.List
	bytes int64
}

type cacheEntry[K comparable, V any] struct {
	key   K
	value V
	err   error
	bytes int64
	// made is closed when value or err is set; until then the entry counts no bytes.
	made chan struct{}
	done bool
}

// NewCache returns an empty cache of at most maxBytes. A value that is larger alone is
// returned and not kept.
func NewCache[K comparable, V any](maxBytes int64) *Cache[K, V] {
	return &Cache[K, V]{max: maxBytes, entries: make(map[K]*list.Element), order: list.New()}
}

// Get returns the value of a key, making it if it is not there. Errors are not kept. When
// the caller that makes a value is cancelled, one of those that wait makes it instead.
func (c *Cache[K, V]) Get(
	ctx context.Context, key K, build func(context.Context) (V, int64, error),
) (V, error) {
	for {
		e, mine := c.enter(key)
		if mine {
			c.build(ctx, e, build)
			return e.value, e.err
		}
		select {
		case <-e.made:
		case <-ctx.Done():
			var none V
			return none, ctx.Err()
		}
		cancelled := errors.Is(e.err, context.Canceled) ||
			errors.Is(e.err, context.DeadlineExceeded)
		if !cancelled || ctx.Err() != nil {
			return e.value, e.err
		}
	}
}

// Peek returns the value of a key if it is there, without waiting.
func (c *Cache[K, V]) Peek(key K) (value V, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	el, ok := c.entries[key]
	if !ok {
		return value, false
	}
	e := entryOf[K, V](el)
	if !e.done || e.err != nil {
		return value, false
	}
	return e.value, true
}

// enter finds the entry of a key, or makes an empty one that the caller has to fill.
func (c *Cache[K, V]) enter(key K) (e *cacheEntry[K, V], mine bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if el, ok := c.entries[key]; ok {
		c.order.MoveToFront(el)
		return entryOf[K, V](el), false
	}
	e = &cacheEntry[K, V]{key: key, made: make(chan struct{})}
	c.entries[key] = c.order.PushFront(e)
	return e, true
}

func entryOf[K comparable, V any](el *list.Element) *cacheEntry[K, V] {
	e, _ := el.Value.(*cacheEntry[K, V])
	return e
}

func (c *Cache[K, V]) build(
	ctx context.Context, e *cacheEntry[K, V], build func(context.Context) (V, int64, error),
) {
	// A panic of build must not leave others waiting for ever.
	e.err = errNotMade
	defer func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		e.done = true
		close(e.made)
		if e.err != nil {
			c.drop(e.key)
			return
		}
		c.bytes += e.bytes
		c.evict()
	}()
	e.value, e.bytes, e.err = build(ctx)
}

var errNotMade = errors.New("the value could not be made")

// evict drops what was used least recently until the rest fits. The caller holds mu.
func (c *Cache[K, V]) evict() {
	for el := c.order.Back(); el != nil && c.bytes > c.max; {
		e := entryOf[K, V](el)
		el = el.Prev()
		if e.done {
			c.drop(e.key)
			c.bytes -= e.bytes
		}
	}
}

func (c *Cache[K, V]) drop(key K) {
	if el, ok := c.entries[key]; ok {
		c.order.Remove(el)
		delete(c.entries, key)
	}
}

// Bytes returns the size of what is kept.
func (c *Cache[K, V]) Bytes() int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.bytes
}
