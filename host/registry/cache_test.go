package registry_test

import (
	"context"
	"errors"
	"sync"
	"testing"

	"github.com/cerberus-host/cerberus/host/registry"
)

// value makes n with that size and counts how often.
func value(n int, bytes int64, made *int) func(context.Context) (int, int64, error) {
	return func(context.Context) (int, int64, error) {
		*made++
		return n, bytes, nil
	}
}

func TestCacheKeepsWhatWasUsedLast(t *testing.T) {
	c := registry.NewCache[string, int](100)
	made := 0
	get := func(key string, bytes int64) {
		t.Helper()
		if v, err := c.Get(t.Context(), key, value(7, bytes, &made)); err != nil || v != 7 {
			t.Fatal(v, err)
		}
	}
	get("a", 40)
	get("b", 40)
	get("a", 40) // now b was used least recently
	get("c", 40)
	if made != 3 || c.Bytes() != 80 {
		t.Fatalf("made %d, %d bytes", made, c.Bytes())
	}
	if _, ok := c.Peek("b"); ok {
		t.Error("b is still there")
	}
	if _, ok := c.Peek("a"); !ok {
		t.Error("a is gone")
	}
	// What is too large alone is returned and not kept; others had to go for it.
	get("large", 101)
	if _, ok := c.Peek("large"); ok || c.Bytes() != 0 {
		t.Errorf("large is kept, %d bytes", c.Bytes())
	}
}

func TestCacheMakesOnceForMany(t *testing.T) {
	c := registry.NewCache[string, int](100)
	made := 0
	inside, leave := make(chan struct{}), make(chan struct{})
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			v, err := c.Get(context.Background(), "k", func(context.Context) (int, int64, error) {
				made++ // only one of them gets here
				close(inside)
				<-leave
				return 3, 1, nil
			})
			if v != 3 || err != nil {
				t.Error(v, err)
			}
		})
	}
	<-inside
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := c.Get(ctx, "k", value(1, 1, &made)); !errors.Is(err, context.Canceled) {
		t.Errorf("a caller that gave up got %v", err)
	}
	close(leave)
	all.Wait()
	if made != 1 {
		t.Errorf("made %d times", made)
	}
}

func TestCacheForgetsErrors(t *testing.T) {
	c := registry.NewCache[string, int](100)
	made := 0
	broken := errors.New("broken")
	_, err := c.Get(t.Context(), "k", func(context.Context) (int, int64, error) {
		return 0, 0, broken
	})
	if !errors.Is(err, broken) {
		t.Fatal(err)
	}
	if v, err := c.Get(t.Context(), "k", value(5, 1, &made)); v != 5 || err != nil {
		t.Fatal(v, err)
	}
}

// The first caller goes away while others wait: one of them makes the value.
func TestCacheOutlivesTheFirstCaller(t *testing.T) {
	c := registry.NewCache[string, int](100)
	made := 0
	ctx, cancel := context.WithCancel(context.Background())
	inside := make(chan struct{})
	var all sync.WaitGroup
	all.Go(func() {
		_, err := c.Get(ctx, "k", func(ctx context.Context) (int, int64, error) {
			close(inside)
			<-ctx.Done()
			return 0, 0, ctx.Err()
		})
		if !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	})
	<-inside
	all.Go(func() {
		if v, err := c.Get(context.Background(), "k", value(9, 1, &made)); v != 9 || err != nil {
			t.Error(v, err)
		}
	})
	cancel()
	all.Wait()
}

func TestCacheSurvivesAPanic(t *testing.T) {
	c := registry.NewCache[string, int](100)
	made := 0
	func() {
		defer func() {
			if recover() == nil {
				t.Error("the panic was swallowed")
			}
		}()
		_, _ = c.Get(t.Context(), "k", func(context.Context) (int, int64, error) {
			panic("broken")
		})
	}()
	if v, err := c.Get(t.Context(), "k", value(5, 1, &made)); v != 5 || err != nil {
		t.Fatal(v, err)
	}
}
