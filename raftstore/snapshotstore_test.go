package raftstore

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/hashicorp/raft"
)

func openTestSnapshots(t *testing.T, dir string) *snapshotStore {
	t.Helper()
	s, err := openSnapshots(dir, noFaults{}, func(err error) { t.Errorf("fatal: %v", err) })
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func writeSnapshot(t *testing.T, s *snapshotStore, index uint64, payload []byte) {
	t.Helper()
	servers := raft.Configuration{Servers: []raft.Server{{ID: "a", Address: "b"}}}
	sink, err := s.Create(1, index, 2, servers, 1, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := sink.Write(payload); err != nil {
		t.Fatal(err)
	}
	if err := sink.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestSnapshotStore(t *testing.T) {
	dir := t.TempDir()
	s := openTestSnapshots(t, dir)
	payload := bytes.Repeat([]byte("0123456789"), 100_000)
	for _, index := range []uint64{5, 99, 1000} {
		writeSnapshot(t, s, index, payload)
	}
	list, err := s.List()
	if err != nil || len(list) != snapshotsKept || list[0].Index != 1000 || list[1].Index != 99 {
		t.Fatalf("%+v, %v", list, err)
	}
	meta, r, err := s.Open(list[0].ID)
	if err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(r)
	if err != nil || !bytes.Equal(got, payload) || meta.Size != int64(len(payload)) ||
		meta.Term != 2 || meta.ConfigurationIndex != 1 || meta.Configuration.Servers[0].ID != "a" {
		t.Errorf("%+v, %d bytes, %v", meta, len(got), err)
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	// A cancelled snapshot and one that a crash cut short leave nothing.
	sink, err := s.Create(1, 2000, 2, raft.Configuration{}, 1, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := sink.Cancel(); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Create(1, 3000, 2, raft.Configuration{}, 1, nil); err != nil {
		t.Fatal(err)
	}
	s = openTestSnapshots(t, dir)
	files, err := os.ReadDir(s.dir)
	if err != nil || len(files) != snapshotsKept {
		t.Errorf("%d files, %v", len(files), err)
	}
	if _, _, err := s.Open(snapshotName(2000, 2)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a cancelled snapshot: %v", err)
	}
}

// Every flipped byte and every cut is noticed before the first byte is handed out, and a
// damaged snapshot stays listed, so that it is not taken for none.
func TestDamagedSnapshotFiles(t *testing.T) {
	s := openTestSnapshots(t, t.TempDir())
	writeSnapshot(t, s, 7, []byte("the state of the cluster"))
	id := snapshotName(7, 2)
	file := filepath.Join(s.dir, id+snapshotSuffix)
	whole, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	try := func(b []byte) {
		t.Helper()
		if err := os.WriteFile(file, b, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, _, err := s.Open(id); !errors.Is(err, ErrCorrupt) {
			t.Errorf("%d bytes: %v", len(b), err)
		}
		if list, err := s.List(); err != nil || len(list) != 1 || list[0].Index != 7 {
			t.Errorf("%d bytes: listed as %+v, %v", len(b), list, err)
		}
	}
	for i := range whole {
		b := bytes.Clone(whole)
		b[i] ^= 0x10
		try(b)
		try(whole[:i])
	}
	try(append(bytes.Clone(whole), 0))
	// Under another name it is another snapshot.
	if err := os.WriteFile(filepath.Join(s.dir, snapshotName(8, 2)+snapshotSuffix), whole,
		0o600); err != nil {
		t.Fatal(err)
	}
	if _, _, err := s.Open(snapshotName(8, 2)); !errors.Is(err, ErrCorrupt) {
		t.Errorf("a renamed snapshot: %v", err)
	}
}
