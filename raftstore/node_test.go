package raftstore

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
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

func TestConfigValidate(t *testing.T) {
	good := testConfig(t, t.TempDir())
	if err := good.Validate(); err != nil {
		t.Fatal(err)
	}
	for name, spoil := range map[string]func(*Config){
		"Dir":              func(c *Config) { c.Dir = "" },
		"NodeID":           func(c *Config) { c.NodeID = abi.Address{} },
		"Now":              func(c *Config) { c.Now = nil },
		"OnFatal":          func(c *Config) { c.OnFatal = nil },
		"Heartbeat":        func(c *Config) { c.Heartbeat = time.Millisecond },
		"SnapshotInterval": func(c *Config) { c.SnapshotInterval = -1 },
	} {
		c := good
		spoil(&c)
		if _, err := Open(c); !errors.Is(err, ErrConfig) || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// The second process on a directory is refused, and the first goes on.
func TestDirectoryInUse(t *testing.T) {
	dir := t.TempDir()
	n := openNode(t, testConfig(t, dir))
	if _, err := Open(testConfig(t, dir)); !errors.Is(err, ErrLocked) {
		t.Errorf("opened twice: %v", err)
	}
	propose(t, n, (&commander{}).request(nodeAddr), bootstrapBody())
}

// Before there is a leader nothing is answered but with ErrUnavailable.
func TestNotReadyYet(t *testing.T) {
	cfg := testConfig(t, t.TempDir())
	cfg.Heartbeat = time.Hour
	n, err := Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if err := n.WaitReady(ctx); !errors.Is(err, ErrUnavailable) || n.Ready() {
		t.Errorf("WaitReady: %v", err)
	}
	c := &commander{}
	_, err = n.Propose(t.Context(), command(t, c.request(nodeAddr), bootstrapBody()))
	if !errors.Is(err, ErrUnavailable) {
		t.Errorf("Propose: %v", err)
	}
	err = n.Read(t.Context(), func(*state.View) error { return nil })
	if !errors.Is(err, ErrUnavailable) {
		t.Errorf("Read: %v", err)
	}
	if err := n.ReadStale(func(*state.View) error { return nil }); err != nil {
		t.Errorf("ReadStale: %v", err)
	}
	if _, ok := n.Leader(); ok {
		t.Error("there is a leader")
	}
	if err := n.Close(); err != nil {
		t.Fatal(err)
	}
	if err := n.WaitReady(t.Context()); !errors.Is(err, ErrClosed) {
		t.Errorf("WaitReady after Close: %v", err)
	}
	if err := n.Close(); err != nil {
		t.Errorf("Close again: %v", err)
	}
}

// A refusal is the state machine's error, with the response beside it.
func TestRefusals(t *testing.T) {
	n := openNode(t, testConfig(t, t.TempDir()))
	c := &commander{}
	propose(t, n, c.request(nodeAddr), bootstrapBody())
	resp, err := n.Propose(t.Context(), command(t, c.request(clientAddr),
		&raftlogv1.SetPolicy{}))
	var refused *state.Error
	if !errors.As(err, &refused) || refused.Code != state.CodePermissionDenied ||
		resp.Code != refused.Code || refused.Fix() == "" {
		t.Errorf("%+v, %v", resp, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = n.Propose(ctx, command(t, c.request(nodeAddr), &raftlogv1.SetPolicy{}))
	if !errors.Is(err, context.Canceled) || errors.Is(err, ErrMaybeApplied) {
		t.Errorf("with an ended context: %v", err)
	}
	if err := n.Read(ctx, func(*state.View) error { return nil }); !errors.Is(err,
		context.Canceled) {
		t.Errorf("read with an ended context: %v", err)
	}
	_, err = n.Propose(t.Context(), &raftlogv1.Command{Body: make([]byte, state.EntryBytesMax)})
	if !errors.Is(err, state.ErrCommand) {
		t.Errorf("a long command: %v", err)
	}
}

// Of the proposals that race for the last slots, as many win as there are slots.
func TestRaceForTheLastSlots(t *testing.T) {
	n := openNode(t, testConfig(t, t.TempDir()))
	c := &commander{}
	propose(t, n, c.request(nodeAddr), bootstrapBody())
	for i, kind := range []raftlogv1.BlobKind{
		raftlogv1.BlobKind_BLOB_KIND_MODULE, raftlogv1.BlobKind_BLOB_KIND_PROGRAM,
		raftlogv1.BlobKind_BLOB_KIND_PLAN,
	} {
		propose(t, n, c.request(nodeAddr), blobBody(uint64(i), kind))
	}
	register := func(i int) error {
		_, err := n.Propose(t.Context(), command(t, c.request(nodeAddr),
			&raftlogv1.RegisterModule{
				Name: fmt.Sprintf("brain-%d", i), Params: "n13", Author: nodeAddr[:],
				ModuleDigest:   blobBody(0, 0).GetDigest(),
				ManifestDigest: blobBody(9, 0).GetDigest(),
				Variants: []*raftlogv1.Variant{{
					ProgramDigest: blobBody(1, 0).GetDigest(),
					PlanDigest:    blobBody(2, 0).GetDigest(),
				}},
			}))
		return err
	}
	const racers = abi.BrainsMax + 40
	var won, refused atomic.Int32
	var wg sync.WaitGroup
	for i := range racers {
		wg.Go(func() {
			switch err := register(i); {
			case err == nil:
				won.Add(1)
			case errors.Is(err, &state.Error{Code: state.CodeBrainLimit}):
				refused.Add(1)
			default:
				t.Errorf("registration %d: %v", i, err)
			}
		})
	}
	wg.Wait()
	if won.Load() != abi.BrainsMax || refused.Load() != racers-abi.BrainsMax {
		t.Errorf("%d won, %d were refused", won.Load(), refused.Load())
	}
	if err := n.Snapshot(); err != nil {
		t.Fatal(err)
	}
	if err := register(racers); !errors.Is(err, &state.Error{Code: state.CodeBrainLimit}) {
		t.Errorf("after a snapshot: %v", err)
	}
}

// A read that begins after an acknowledgement sees it, whoever reads.
func TestReadsSeeWhatWasAcknowledged(t *testing.T) {
	n := openNode(t, testConfig(t, t.TempDir()))
	c := &commander{}
	propose(t, n, c.request(nodeAddr), bootstrapBody())
	var acked atomic.Uint64
	var wg sync.WaitGroup
	stop := make(chan struct{})
	for range 4 {
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				before := state.Index(acked.Load())
				err := n.Read(t.Context(), func(v *state.View) error {
					if v.Index() < before {
						return fmt.Errorf("read entry %d after %d was acknowledged", v.Index(), before)
					}
					return nil
				})
				if err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	for i := range uint64(200) {
		resp := propose(t, n, c.request(nodeAddr),
			blobBody(i, raftlogv1.BlobKind_BLOB_KIND_MODEL))
		acked.Store(uint64(resp.Index))
	}
	close(stop)
	wg.Wait()
}

// A watcher sees every event once and in order; one that is too far behind is told so.
func TestWatch(t *testing.T) {
	h := newEventHub()
	w := &Watcher{hub: h}
	publish := func(i state.Index) {
		h.publish(i, []state.Event{{Index: i, Kind: state.EventBlob}, {Index: i}})
	}
	total := state.Index(eventsKept + 10)
	for i := state.Index(1); i <= total; i++ {
		publish(i)
		if i%7 != 0 {
			continue
		}
		events, err := w.Next(t.Context())
		if err != nil || len(events) != 14 || events[0].Index != i-6 || events[13].Index != i {
			t.Fatalf("at %d: %d events, %v", i, len(events), err)
		}
	}
	if _, err := (&Watcher{hub: h}).Next(t.Context()); !errors.Is(err, ErrCompacted) {
		t.Errorf("a late watcher: %v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	if _, err := (&Watcher{h, total}).Next(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("nothing to see: %v", err)
	}
	got := make(chan error, 1)
	go func() {
		_, err := (&Watcher{h, total}).Next(t.Context())
		got <- err
	}()
	publish(total + 1)
	if err := <-got; err != nil {
		t.Errorf("a waiting watcher: %v", err)
	}
	h.reset(total + 100)
	if _, err := w.Next(t.Context()); !errors.Is(err, ErrCompacted) {
		t.Errorf("after a restored snapshot: %v", err)
	}
	h.close()
	if _, err := (&Watcher{h, total + 100}).Next(t.Context()); !errors.Is(err, ErrClosed) {
		t.Errorf("after close: %v", err)
	}
}

// A damaged snapshot is replaced by an older one and the log; without the log in between
// the node does not start.
func TestDamagedSnapshotOnStart(t *testing.T) {
	for _, trailing := range []uint64{1, 1000} {
		dir := t.TempDir()
		cfg := scenarioConfig(dir)
		cfg.TrailingEntries = trailing
		n := openNode(t, cfg)
		s := &scenario{node: n, acked: func(int, state.Response) {}}
		if err := s.run(); err != nil {
			t.Fatal(err)
		}
		if err := n.Close(); err != nil {
			t.Fatal(err)
		}
		snapshots := openTestSnapshots(t, dir)
		ids, err := snapshots.ids()
		if err != nil || len(ids) != snapshotsKept {
			t.Fatalf("%v, %v", ids, err)
		}
		flip(t, filepath.Join(snapshots.dir, ids[0]+snapshotSuffix), 100)
		n, err = Open(cfg)
		if trailing == 1 {
			if !errors.Is(err, ErrCorrupt) {
				t.Errorf("with a gap: %v", err)
			}
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		if err := n.WaitReady(t.Context()); err != nil {
			t.Fatal(err)
		}
		checkScenario(t, n)
		if err := n.Close(); err != nil {
			t.Fatal(err)
		}
		flip(t, filepath.Join(snapshots.dir, ids[1]+snapshotSuffix), 100)
		if _, err = Open(cfg); !errors.Is(err, ErrCorrupt) {
			t.Errorf("without a readable snapshot: %v", err)
		}
	}
}

func flip(t *testing.T, file string, offset int) {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	b[offset] ^= 1
	if err := os.WriteFile(file, b, 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestStats(t *testing.T) {
	n := openNode(t, testConfig(t, t.TempDir()))
	resp := propose(t, n, (&commander{}).request(nodeAddr), bootstrapBody())
	if err := n.Barrier(t.Context()); err != nil {
		t.Fatal(err)
	}
	s, err := n.Stats()
	if err != nil || !s.Leads || !s.Ready || s.AppliedIndex != resp.Index || s.Term == 0 ||
		s.CommitIndex < resp.Index || s.FirstIndex != 1 || s.LastIndex < resp.Index ||
		s.LogBytes == 0 || s.FreeBytes != 1<<40 || s.FreeBytesFloor != FreeBytesFloorDefault {
		t.Errorf("%+v, %v", s, err)
	}
	if a, ok := n.Leader(); !ok || a != nodeAddr {
		t.Errorf("the leader is %s, %t", a, ok)
	}
}
