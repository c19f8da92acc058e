package raftstore

import (
	"errors"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/cerberus-host/cerberus/raftstore/state"
)

var rewrite = flag.Bool("rewrite", false, "write samples that are not there yet")

// formatsDir is a directory of a node as version 1 wrote it: a log in raft.db, and a
// snapshot. It stays, and stays readable.
const formatsDir = "testdata/formats/v1"

// TestFormats opens the committed samples: a later version must go on from them.
func TestFormats(t *testing.T) {
	if *rewrite {
		writeFormats(t)
	}
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(formatsDir)); err != nil {
		t.Fatal(err)
	}
	// What the samples hold was acknowledged as these entries.
	acked := map[int]state.Index{1: 4, 7: 10, 8: 11, 15: 18}
	recoverScenario(t, dir, acked)
}

// writeFormats makes the samples, if they are not there.
func writeFormats(t *testing.T) {
	t.Helper()
	if _, err := os.Stat(formatsDir); !errors.Is(err, os.ErrNotExist) {
		return
	}
	dir := t.TempDir()
	cfg := scenarioConfig(dir)
	cfg.Heartbeat = HeartbeatDefault
	n := openNode(t, cfg)
	s := &scenario{node: n, acked: func(step int, r state.Response) {
		t.Logf("step %d is entry %d", step, r.Index)
	}}
	if err := s.run(); err != nil {
		t.Fatal(err)
	}
	if err := n.Close(); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, logFileName)
	if err := os.WriteFile(file, usedPages(t, file), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.CopyFS(formatsDir, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
}
