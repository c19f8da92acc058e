package raftstore

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	raftlogv1 "github.com/cerberus-host/cerberus/proto/gen/cerberus/raftlog/v1"
	"github.com/cerberus-host/cerberus/raftstore/state"
)

// TestErrorAtEveryStep lets every change of a file fail, before and after it took effect.
// The node stops itself, says so once, answers with typed errors, and what it had
// acknowledged is there when it is started again.
func TestErrorAtEveryStep(t *testing.T) {
	forEveryStep(t, func(k int) bool {
		var fatals atomic.Int32
		var failed atomic.Value
		dir := t.TempDir()
		cfg := scenarioConfig(dir)
		cfg.OnFatal = func(err error) {
			fatals.Add(1)
			if !errors.Is(err, ErrFailed) || !errors.Is(err, errInjected) {
				t.Errorf("fatal: %v", err)
			}
		}
		cfg.Faults = newFaults(k, func(name string) error {
			failed.Store(name)
			return errInjected
		})
		acked := map[int]state.Index{}
		err := runWithFault(t, cfg, acked)
		name, _ := failed.Load().(string)
		if name == "" {
			if err != nil {
				t.Errorf("without a fault: %v", err)
			}
			return false
		}
		checkFault(t, k, name, err, fatals.Load())
		recoverScenario(t, dir, acked)
		return true
	})
}

func runWithFault(t *testing.T, cfg Config, acked map[int]state.Index) error {
	t.Helper()
	n, err := Open(cfg)
	if err != nil {
		return err
	}
	s := &scenario{node: n, acked: func(step int, r state.Response) { acked[step] = r.Index }}
	err = s.run()
	if n.usable() != nil {
		if _, err := n.Propose(t.Context(), &raftlogv1.Command{}); !errors.Is(err, ErrFailed) {
			t.Errorf("propose to a failed node: %v", err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := n.WaitReady(ctx); !errors.Is(err, ErrFailed) {
			t.Errorf("wait for a failed node: %v", err)
		}
		if err := n.Read(ctx, func(*state.View) error { return nil }); !errors.Is(err, ErrFailed) {
			t.Errorf("read from a failed node: %v", err)
		}
	}
	if cerr := n.Close(); cerr != nil {
		t.Errorf("close: %v", cerr)
	}
	return err
}

// checkFault compares how the scenario ended with what failed.
func checkFault(t *testing.T, k int, name string, err error, fatals int32) {
	t.Helper()
	base := strings.TrimSuffix(name, StepDone)
	switch base {
	case StepLogCreate:
		if fatals != 0 || !errors.Is(err, errInjected) {
			t.Errorf("step %d, %s: %d fatal, %v", k, name, fatals, err)
		}
	case StepSnapshotCreate, StepSnapshotWrite, StepSnapshotRemove:
		// The log has everything: the node works on.
		if fatals != 0 || err == nil {
			t.Errorf("step %d, %s: %d fatal, %v", k, name, fatals, err)
		}
	default:
		// A deletion is done after the snapshot in the library's background, so that the
		// scenario may end before it hears of it.
		if fatals != 1 || (err == nil && base != StepLogDelete) {
			t.Errorf("step %d, %s: %d fatal, %v", k, name, fatals, err)
		}
	}
}

// TestFullDisk: below the floor new work is refused and other commands are not; below a
// quarter of it everything is. Reads go on, and work does when space is free again.
func TestFullDisk(t *testing.T) {
	var free atomic.Uint64
	free.Store(1 << 30)
	cfg := testConfig(t, t.TempDir())
	cfg.FreeBytesFloor = 1 << 20
	cfg.FreeBytes = func() (uint64, error) { return free.Load(), nil }
	n := openNode(t, cfg)
	c := &commander{}
	propose(t, n, c.request(nodeAddr), bootstrapBody())
	blob := func() error {
		_, err := n.Propose(t.Context(), command(t, c.request(nodeAddr),
			blobBody(c.nonce.Load(), raftlogv1.BlobKind_BLOB_KIND_MODEL)))
		return err
	}
	prune := func() error {
		_, err := n.Propose(t.Context(), command(t, c.request(nodeAddr),
			&raftlogv1.PruneTasks{EndedBeforeMs: 1, Limit: 1}))
		return err
	}
	for _, step := range []struct {
		free        uint64
		blob, prune error
	}{
		{1 << 20, nil, nil},
		{1<<20 - 1, ErrDiskFull, nil},
		{1 << 18, ErrDiskFull, nil},
		{1<<18 - 1, ErrDiskFull, ErrDiskFull},
		{1 << 30, nil, nil},
	} {
		free.Store(step.free)
		if err := blob(); !errors.Is(err, step.blob) {
			t.Errorf("%d bytes free: commit a blob: %v, want %v", step.free, err, step.blob)
		}
		if err := prune(); !errors.Is(err, step.prune) {
			t.Errorf("%d bytes free: prune: %v, want %v", step.free, err, step.prune)
		}
		if err := n.Read(t.Context(), func(*state.View) error { return nil }); err != nil {
			t.Errorf("%d bytes free: read: %v", step.free, err)
		}
	}
	broken := errors.New("no such file system")
	cfg.FreeBytes = nil
	n.cfg.FreeBytes = func() (uint64, error) { return 0, broken }
	if err := blob(); !errors.Is(err, broken) || !errors.Is(err, ErrUnavailable) {
		t.Errorf("free space unknown: %v", err)
	}
}
