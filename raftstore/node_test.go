package raftstore

import (
	"context"
	"encoding/binary"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cerberus-host/cerberus/abi"
	raftlogv1 "github.com/cerberus-host/cerberus/proto/gen/cerberus/raftlog/v1"
	"github.com/cerberus-host/cerberus/raftstore/state"
)

// startMS is where the test clock begins.
const startMS = 1_800_000_000_000

var (
	nodeAddr   = abi.Address{19: 1}
	clientAddr = abi.Address{19: 2}
)

// testConfig is a node with short timeouts and a clock that stands still.
func testConfig(t testing.TB, dir string) Config {
	t.Helper()
	return Config{
		Dir: dir, NodeID: nodeAddr, Heartbeat: 20 * time.Millisecond,
		Now:       func() time.Time { return time.UnixMilli(startMS) },
		OnFatal:   func(err error) { t.Errorf("fatal: %v", err) },
		FreeBytes: func() (uint64, error) { return 1 << 40, nil },
	}
}

func openNode(t testing.TB, cfg Config) *Node {
	t.Helper()
	n, err := Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = n.Close() })
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if err := n.WaitReady(ctx); err != nil {
		t.Fatal(err)
	}
	return n
}

// commander makes commands with nonces of their own.
type commander struct{ nonce atomic.Uint64 }

func (c *commander) request(signer abi.Address) state.Request {
	nonce := binary.BigEndian.AppendUint64(make([]byte, 8), c.nonce.Add(1))
	return state.Request{Signer: signer, Nonce: nonce, ExpiryMS: startMS + 60_000}
}

func command[B state.Body](t testing.TB, r state.Request, body B) *raftlogv1.Command {
	t.Helper()
	cmd, err := state.NewCommand(r, body)
	if err != nil {
		t.Fatal(err)
	}
	return cmd
}

func propose[B state.Body](t testing.TB, n *Node, r state.Request, body B) state.Response {
	t.Helper()
	resp, err := n.Propose(t.Context(), command(t, r, body))
	if err != nil {
		t.Fatalf("propose %T: %v", body, err)
	}
	return resp
}

func bootstrapBody() *raftlogv1.Bootstrap {
	return &raftlogv1.Bootstrap{
		ClusterId: "test", Admin: nodeAddr[:], Node: nodeAddr[:],
		Policy: &raftlogv1.Policy{OpenClients: true},
	}
}

func blobBody(i uint64, kind raftlogv1.BlobKind) *raftlogv1.CommitBlob {
	d := abi.SumDigest(binary.BigEndian.AppendUint64(nil, i))
	return &raftlogv1.CommitBlob{
		Digest: d[:], SizeBytes: i + 1, Kind: kind, Owner: nodeAddr[:],
	}
}

func TestNodeProposeReadWatchRestart(t *testing.T) {
	dir := t.TempDir()
	n := openNode(t, testConfig(t, dir))
	c := &commander{}
	w := n.Watch(0)
	propose(t, n, c.request(nodeAddr), bootstrapBody())
	first := command(t, c.request(nodeAddr), blobBody(1, raftlogv1.BlobKind_BLOB_KIND_MODEL))
	resp, err := n.Propose(t.Context(), first)
	if err != nil || resp.Replayed {
		t.Fatalf("first proposal: %+v, %v", resp, err)
	}
	again, err := n.Propose(t.Context(), first)
	if err != nil || !again.Replayed || again.Index != resp.Index {
		t.Fatalf("repeated proposal: %+v, %v, want index %d replayed", again, err, resp.Index)
	}
	var kinds []state.EventKind
	for len(kinds) < 2 {
		events, err := w.Next(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range events {
			kinds = append(kinds, e.Kind)
		}
	}
	if kinds[0] != state.EventAccess || kinds[1] != state.EventBlob {
		t.Fatalf("events %v", kinds)
	}
	if err := n.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := n.Propose(t.Context(), first); !errors.Is(err, ErrClosed) {
		t.Fatalf("after Close: %v", err)
	}

	n = openNode(t, testConfig(t, dir))
	err = n.Read(t.Context(), func(v *state.View) error {
		if v.ClusterID() != "test" || v.Counts().Blobs != 1 {
			t.Errorf("after restart: cluster %q, %+v", v.ClusterID(), v.Counts())
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	again, err = n.Propose(t.Context(), first)
	if err != nil || !again.Replayed || again.Index != resp.Index {
		t.Fatalf("repeated after restart: %+v, %v", again, err)
	}
}
