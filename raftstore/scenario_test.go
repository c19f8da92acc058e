package raftstore

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cerberus-host/cerberus/abi"
	raftlogv1 "github.com/cerberus-host/cerberus/proto/gen/cerberus/raftlog/v1"
	"github.com/cerberus-host/cerberus/raftstore/state"
)

const scenarioTasks = 4

// scenarioConfig takes snapshots when it is told to, and keeps little of the log, so that
// entries are deleted within a short run.
func scenarioConfig(dir string) Config {
	return Config{
		Dir: dir, NodeID: nodeAddr, Heartbeat: 20 * time.Millisecond,
		Now:       func() time.Time { return time.UnixMilli(startMS) },
		OnFatal:   func(error) {},
		FreeBytes: func() (uint64, error) { return 1 << 40, nil },
		// The test binary writes a few hundred entries at most.
		SnapshotEntries: 1 << 20, TrailingEntries: 4,
	}
}

// scenario runs a cluster from its bootstrap to finished tasks. Its commands are the same
// every time, nonces included, so that running it again repeats every request.
type scenario struct {
	node *Node
	// acked is told each acknowledged command, with its response.
	acked func(step int, r state.Response)
	step  int
	err   error
}

func digestOf(s string) []byte {
	d := abi.SumDigest([]byte(s))
	return d[:]
}

// do proposes one command; after a failure it does nothing.
func do[B state.Body](s *scenario, body B) state.Response {
	if s.err != nil {
		return state.Response{}
	}
	s.step++
	nonce := binary.BigEndian.AppendUint64(make([]byte, 8), uint64(s.step))
	cmd, err := state.NewCommand(state.Request{
		Signer: nodeAddr, Nonce: nonce, ExpiryMS: startMS + 60_000,
	}, body)
	if err != nil {
		s.err = err
		return state.Response{}
	}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	resp, err := s.node.Propose(ctx, cmd)
	if err != nil {
		s.err = fmt.Errorf("step %d: %w", s.step, err)
		return resp
	}
	s.acked(s.step, resp)
	return resp
}

func (s *scenario) snapshot() {
	if s.err == nil {
		if err := s.node.Snapshot(); err != nil {
			s.err = fmt.Errorf("snapshot: %w", err)
		}
	}
}

func (s *scenario) run() error {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	if err := s.node.WaitReady(ctx); err != nil {
		return err
	}
	do(s, bootstrapBody())
	kinds := []raftlogv1.BlobKind{
		raftlogv1.BlobKind_BLOB_KIND_MODULE, raftlogv1.BlobKind_BLOB_KIND_PROGRAM,
		raftlogv1.BlobKind_BLOB_KIND_PLAN, raftlogv1.BlobKind_BLOB_KIND_CIPHERTEXT,
	}
	for _, kind := range kinds {
		do(s, &raftlogv1.CommitBlob{
			Digest: digestOf(kind.String()), SizeBytes: 9, Kind: kind, Owner: nodeAddr[:],
		})
	}
	do(s, &raftlogv1.RegisterModule{
		Name: "sentiment", ModuleDigest: digestOf(kinds[0].String()),
		ManifestDigest: digestOf("manifest"), Params: "n13", Author: nodeAddr[:],
		Variants: []*raftlogv1.Variant{{
			ProgramDigest: digestOf(kinds[1].String()), PlanDigest: digestOf(kinds[2].String()),
		}},
	})
	s.snapshot()
	do(s, &raftlogv1.ActivateModule{Brain: 1, ModuleDigest: digestOf(kinds[0].String())})
	for i := range scenarioTasks {
		do(s, &raftlogv1.SubmitTask{
			TaskId: digestOf(fmt.Sprint("task ", i)), Brain: 1,
			ModuleDigest: digestOf(kinds[0].String()), Client: nodeAddr[:],
			Inputs: []*raftlogv1.NamedDigest{{Name: "x", Digest: digestOf(kinds[3].String())}},
		})
	}
	for i := range scenarioTasks / 2 {
		id := digestOf(fmt.Sprint("task ", i))
		lease := do(s, &raftlogv1.LeaseTask{
			TaskId: id, Node: nodeAddr[:], DeadlineMs: startMS + 1000,
		})
		s.snapshot()
		do(s, &raftlogv1.FinishTask{
			TaskId: id, Node: nodeAddr[:], Fence: uint64(lease.Fence),
			Outputs: []*raftlogv1.NamedDigest{{Name: "y", Digest: digestOf(kinds[3].String())}},
		})
	}
	return s.err
}

// checkScenario compares the state at the scenario's end.
func checkScenario(t *testing.T, n *Node) {
	t.Helper()
	err := n.Read(t.Context(), func(v *state.View) error {
		c := v.Counts()
		want := state.Counts{
			Accounts: 1, Blobs: 4, Brains: 1, Tasks: scenarioTasks,
			Queued: scenarioTasks / 2, Requests: 8 + 2*scenarioTasks - 1,
		}
		if c != want {
			return fmt.Errorf("the state holds %+v, want %+v", c, want)
		}
		done := v.Tasks(state.TaskFilter{State: state.TaskDone}, 100)
		if len(done) != scenarioTasks/2 {
			return fmt.Errorf("%d tasks are done", len(done))
		}
		for _, task := range done {
			if task.Attempts != 1 || len(task.Outputs) != 1 {
				return fmt.Errorf("task %s: %d attempts, %d outputs", task.ID, task.Attempts,
					len(task.Outputs))
			}
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

// recoverScenario opens a directory again, repeats the scenario and checks that every request
// that was acknowledged before took effect then, and only then.
func recoverScenario(t *testing.T, dir string, before map[int]state.Index) {
	t.Helper()
	n, err := Open(scenarioConfig(dir))
	if err != nil {
		t.Errorf("reopen: %v", err)
		return
	}
	defer func() {
		if err := n.Close(); err != nil {
			t.Error(err)
		}
	}()
	s := &scenario{node: n, acked: func(step int, r state.Response) {
		index, was := before[step]
		if was && (!r.Replayed || r.Index != index) {
			t.Errorf("step %d was acknowledged as entry %d; repeated: %+v", step, index, r)
		}
	}}
	if err := s.run(); err != nil {
		t.Errorf("repeat: %v", err)
		return
	}
	checkScenario(t, n)
}

// forEveryStep calls try with 1, 2, … until it says that the scenario has no such step.
// Elections are mostly waiting, so several run at once.
func forEveryStep(t *testing.T, try func(k int) (more bool)) {
	t.Helper()
	const workers = 8
	var next, last atomic.Int64
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for last.Load() == 0 && !t.Failed() {
				k := next.Add(1)
				if !try(int(k)) {
					last.CompareAndSwap(0, k)
				} else if t.Failed() {
					t.Errorf("at step %d", k)
				}
			}
		})
	}
	wg.Wait()
	t.Logf("%d steps", last.Load()-1)
	if !t.Failed() && last.Load() < 50 {
		t.Errorf("the scenario has only %d steps", last.Load()-1)
	}
}

// countingFaults fails, or calls a function, at the k-th step.
type countingFaults struct {
	steps chan int // holds the count
	at    int
	then  func(name string) error
}

func newFaults(at int, then func(name string) error) *countingFaults {
	f := &countingFaults{steps: make(chan int, 1), at: at, then: then}
	f.steps <- 0
	return f
}

// Step implements Faults.
func (f *countingFaults) Step(name string) error {
	k := <-f.steps + 1
	f.steps <- k
	if k == f.at {
		return f.then(name)
	}
	return nil
}

var errInjected = errors.New("injected input/output error")
