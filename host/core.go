package host

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"time"

	"github.com/cerberus-host/cerberus/abi"
	"github.com/cerberus-host/cerberus/host/api"
	"github.com/cerberus-host/cerberus/host/identity"
	"github.com/cerberus-host/cerberus/raftstore"
	"github.com/cerberus-host/cerberus/raftstore/state"
)

const (
	// ownExpiry is how long a command of the node's own can be repeated.
	ownExpiry = 10 * time.Minute
	// repeatPause is the time between two attempts at a command whose outcome is unknown.
	repeatPause = 100 * time.Millisecond
)

// core is what every backend needs: the log, and the node's own identity.
type core struct {
	raft   *raftstore.Node
	key    *identity.Key
	now    func() time.Time
	log    *slog.Logger
	replay *identity.Replay

	randomMu sync.Mutex
	random   io.Reader
}

// self is the node's address.
func (c *core) self() abi.Address { return c.key.Address() }

// cluster returns the cluster's id; nil before the bootstrap. The log keeps it as hex.
func (c *core) cluster() []byte {
	var id []byte
	// The id never changes, so that the newest state is not needed.
	err := c.raft.ReadStale(func(v *state.View) error {
		raw, err := hex.DecodeString(v.ClusterID())
		id = raw
		return err
	})
	if err != nil || len(id) == 0 {
		return nil
	}
	return id
}

// read shows the newest state and turns errors into refusals.
func (c *core) read(ctx context.Context, fn func(*state.View) error) error {
	return refusal(c.raft.Read(ctx, fn))
}

// randomBytes draws n bytes.
func (c *core) randomBytes(n int) ([]byte, error) {
	c.randomMu.Lock()
	defer c.randomMu.Unlock()
	b := make([]byte, n)
	if _, err := io.ReadFull(c.random, b); err != nil {
		return nil, fmt.Errorf("draw random bytes: %w", err)
	}
	return b, nil
}

// once refuses a signed call that was made before. Commands need it not: their nonce is
// consumed by the log.
func (c *core) once(caller api.Caller) error {
	if caller.Anonymous() {
		return nil
	}
	err := c.replay.Use(identity.Caller{
		Address: caller.Address, Nonce: identity.Nonce(caller.Nonce), ExpiryMS: caller.ExpiryMS,
	})
	return refusal(err)
}

// proposeFor proposes a command in a caller's name, once.
func proposeFor[B state.Body](
	ctx context.Context, c *core, caller api.Caller, body B,
) (state.Response, error) {
	cmd, err := state.NewCommand(state.Request{
		Signer: caller.Address, Nonce: caller.Nonce, ExpiryMS: caller.ExpiryMS,
	}, body)
	if err != nil {
		return state.Response{}, refusal(err)
	}
	resp, err := c.raft.Propose(ctx, cmd)
	return resp, refusal(err)
}

// proposeOwn proposes a command in the node's own name. While the outcome is unknown it
// repeats the same command, which takes effect once.
func proposeOwn[B state.Body](ctx context.Context, c *core, body B) (state.Response, error) {
	return proposeAs(ctx, c, c.self(), body)
}

// proposeAs is proposeOwn in the name of another account; the bootstrap needs it.
func proposeAs[B state.Body](
	ctx context.Context, c *core, signer abi.Address, body B,
) (state.Response, error) {
	nonce, err := c.randomBytes(identity.NonceBytes)
	if err != nil {
		return state.Response{}, err
	}
	// Log time never runs backwards; the node's clock may.
	nowMS := c.now().UnixMilli()
	if err := c.raft.ReadStale(func(v *state.View) error {
		nowMS = max(nowMS, v.NowMS())
		return nil
	}); err != nil {
		return state.Response{}, err
	}
	cmd, err := state.NewCommand(state.Request{
		Signer: signer, Nonce: nonce, ExpiryMS: nowMS + ownExpiry.Milliseconds(),
	}, body)
	if err != nil {
		return state.Response{}, err
	}
	for {
		resp, err := c.raft.Propose(ctx, cmd)
		again := errors.Is(err, raftstore.ErrMaybeApplied) ||
			errors.Is(err, raftstore.ErrUnavailable)
		if !again || errors.Is(err, raftstore.ErrFailed) || ctx.Err() != nil {
			return resp, err
		}
		if err := pause(ctx, repeatPause); err != nil {
			return resp, err
		}
	}
}

// pause waits, or returns the context's error.
func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
