package raftstore

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/hashicorp/raft"
)

func openTestLog(t testing.TB, dir string) *logStore {
	t.Helper()
	s, err := openLog(dir, noFaults{}, func(err error) { t.Errorf("fatal: %v", err) })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.close() })
	return s
}

func entry(i uint64) *raft.Log {
	return &raft.Log{
		Index: i, Term: i/10 + 1, Type: raft.LogCommand, Data: fmt.Appendf(nil, "entry %d", i),
		AppendedAt: time.Unix(0, int64(i)+1),
	}
}

func entries(from, to uint64) []*raft.Log {
	var list []*raft.Log
	for i := from; i <= to; i++ {
		list = append(list, entry(i))
	}
	return list
}

func wantBounds(t *testing.T, s *logStore, first, last uint64) {
	t.Helper()
	f, err1 := s.FirstIndex()
	l, err2 := s.LastIndex()
	if f != first || l != last || err1 != nil || err2 != nil {
		t.Errorf("the log is %d to %d (%v, %v), want %d to %d", f, l, err1, err2, first, last)
	}
}

func TestLogStore(t *testing.T) {
	dir := t.TempDir()
	s := openTestLog(t, dir)
	wantBounds(t, s, 0, 0)
	if err := s.StoreLogs(entries(1, 100)); err != nil {
		t.Fatal(err)
	}
	withExtension := entry(101)
	withExtension.Extensions = []byte("extension")
	if err := s.StoreLog(withExtension); err != nil {
		t.Fatal(err)
	}
	if err := s.StoreLogs(nil); err != nil {
		t.Fatal(err)
	}
	check := func() {
		t.Helper()
		for _, want := range append(entries(41, 100), withExtension) {
			var got raft.Log
			if err := s.GetLog(want.Index, &got); err != nil {
				t.Fatal(err)
			}
			if got.Term != want.Term || got.Type != want.Type || !bytes.Equal(got.Data, want.Data) ||
				!bytes.Equal(got.Extensions, want.Extensions) ||
				!got.AppendedAt.Equal(want.AppendedAt) {
				t.Fatalf("entry %d: got %+v, want %+v", want.Index, got, want)
			}
		}
		wantBounds(t, s, 41, 101)
		var l raft.Log
		for _, i := range []uint64{0, 40, 102} {
			if err := s.GetLog(i, &l); !errors.Is(err, raft.ErrLogNotFound) {
				t.Errorf("entry %d: %v", i, err)
			}
		}
	}
	if err := s.DeleteRange(1, 40); err != nil {
		t.Fatal(err)
	}
	check()
	if err := s.close(); err != nil {
		t.Fatal(err)
	}
	s = openTestLog(t, dir)
	check()
	if err := s.DeleteRange(90, 500); err != nil {
		t.Fatal(err)
	}
	wantBounds(t, s, 41, 89)
	if err := s.DeleteRange(1, 40); err != nil {
		t.Fatal(err)
	}
	if err := s.DeleteRange(0, 1000); err != nil {
		t.Fatal(err)
	}
	wantBounds(t, s, 0, 0)
	// An emptied log may go on anywhere: that is what follows a snapshot.
	if err := s.StoreLogs(entries(5000, 5003)); err != nil {
		t.Fatal(err)
	}
	wantBounds(t, s, 5000, 5003)
}

// A batch that leaves a gap, or a deletion in the middle, is refused whole; the store
// takes it for a failure, because nothing would ever ask for it.
func TestLogStoreRefusesGaps(t *testing.T) {
	for name, wrong := range map[string]func(s *logStore) error{
		"gap":       func(s *logStore) error { return s.StoreLogs(entries(5, 6)) },
		"overwrite": func(s *logStore) error { return s.StoreLogs(entries(3, 4)) },
		"index 0":   func(s *logStore) error { return s.StoreLog(entry(0)) },
		"middle":    func(s *logStore) error { return s.DeleteRange(2, 2) },
		"too long": func(s *logStore) error {
			e := entry(4)
			e.Data = make([]byte, recordBytesMax)
			return s.StoreLog(e)
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			fatals := 0
			s, err := openLog(dir, noFaults{}, func(error) { fatals++ })
			if err != nil {
				t.Fatal(err)
			}
			if err := s.StoreLogs(entries(1, 3)); err != nil {
				t.Fatal(err)
			}
			if err := wrong(s); err == nil {
				t.Error("accepted")
			}
			if err := s.Set([]byte("k"), nil); !errors.Is(err, ErrFailed) || fatals != 1 {
				t.Errorf("after a failure: %v, %d fatal", err, fatals)
			}
			if err := s.close(); err != nil {
				t.Fatal(err)
			}
			wantBounds(t, openTestLog(t, dir), 1, 3)
		})
	}
}

func TestStableStore(t *testing.T) {
	dir := t.TempDir()
	s := openTestLog(t, dir)
	if v, err := s.Get([]byte("none")); len(v) != 0 || err != nil {
		t.Errorf("a missing key: %q, %v", v, err)
	}
	if n, err := s.GetUint64([]byte("none")); n != 0 || err != nil {
		t.Errorf("a missing number: %d, %v", n, err)
	}
	if err := s.Set([]byte("vote"), []byte("node 1")); err != nil {
		t.Fatal(err)
	}
	if err := s.SetUint64([]byte("term"), 1<<40); err != nil {
		t.Fatal(err)
	}
	if err := s.close(); err != nil {
		t.Fatal(err)
	}
	s = openTestLog(t, dir)
	if v, err := s.Get([]byte("vote")); string(v) != "node 1" || err != nil {
		t.Errorf("%q, %v", v, err)
	}
	if n, err := s.GetUint64([]byte("term")); n != 1<<40 || err != nil {
		t.Errorf("%d, %v", n, err)
	}
	if _, err := s.GetUint64([]byte("vote")); err == nil {
		t.Error("a name was read as a number")
	}
}

func TestOpenLogLocked(t *testing.T) {
	dir := t.TempDir()
	openTestLog(t, dir)
	if _, err := openLog(dir, noFaults{}, func(error) {}); !errors.Is(err, ErrLocked) {
		t.Errorf("opened twice: %v", err)
	}
}

// TestDamagedLog flips every byte that is in use, and cuts the file: either the log is
// refused as damaged, or what was flipped holds nothing.
func TestDamagedLog(t *testing.T) {
	dir := t.TempDir()
	s := openTestLog(t, dir)
	if err := s.StoreLogs(entries(1, 60)); err != nil {
		t.Fatal(err)
	}
	if err := s.DeleteRange(1, 7); err != nil {
		t.Fatal(err)
	}
	if err := s.SetUint64([]byte("CurrentTerm"), 7); err != nil {
		t.Fatal(err)
	}
	want, stable := readAll(t, s), s.stable
	if err := s.close(); err != nil {
		t.Fatal(err)
	}
	whole := usedPages(t, filepath.Join(dir, logFileName))
	refused, harmless := 0, 0
	try := func(what string, b []byte) {
		// Each has a file of its own: where bbolt panics, its map keeps the lock.
		dir := filepath.Join(dir, what)
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		defer func() { _ = os.RemoveAll(dir) }()
		if err := os.WriteFile(filepath.Join(dir, logFileName), b, 0o600); err != nil {
			t.Fatal(err)
		}
		s, err := openLog(dir, noFaults{}, func(error) {})
		if err != nil {
			if !errors.Is(err, ErrCorrupt) {
				t.Fatalf("%s: %v", what, err)
			}
			refused++
			return
		}
		harmless++
		if got := readAll(t, s); got != want || len(s.stable) != len(stable) {
			t.Fatalf("%s: served another log", what)
		}
		if err := s.close(); err != nil {
			t.Fatal(err)
		}
	}
	for i, x := range whole {
		// Beyond the first bytes of a page most zeros are unused, and most others are entries.
		if i%4096 > 256 && ((x == 0 && i%61 != 0) || i%5 != 0) {
			continue
		}
		b := bytes.Clone(whole)
		b[i] ^= 1 << (i % 8)
		try(fmt.Sprintf("byte %d", i), b)
	}
	for n := 0; n < len(whole); n += 1024 {
		try(fmt.Sprintf("cut at %d", n), whole[:n])
	}
	t.Logf("%d refused, %d harmless", refused, harmless)
	if refused < 500 {
		t.Errorf("only %d damages were noticed", refused)
	}
}

// usedPages returns a bbolt file without the room that it grew in advance.
func usedPages(t *testing.T, file string) []byte {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	meta, err := readMeta(f, 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	b := make([]byte, (meta.pages+1)*uint64(meta.pageBytes))
	if _, err := f.ReadAt(b, 0); err != nil {
		t.Fatal(err)
	}
	return b
}

// readAll returns the log as text.
func readAll(t *testing.T, s *logStore) string {
	t.Helper()
	var b bytes.Buffer
	for i := s.bounds.first; i <= s.bounds.last; i++ {
		var l raft.Log
		if err := s.GetLog(i, &l); err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&b, "%d %d %s\n", l.Index, l.Term, l.Data)
	}
	return b.String()
}

// FuzzRecord decodes arbitrary values: no panic, and what is accepted has one encoding.
func FuzzRecord(f *testing.F) {
	for i := range uint64(3) {
		b, err := encodeRecord(entry(i + 1))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(i+1, b)
	}
	stable, err := encodeStable(map[string][]byte{"CurrentTerm": indexKey(3), "x": nil})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(uint64(0), stable)
	f.Add(uint64(0), bounds{1, 2}.encode())
	f.Fuzz(func(t *testing.T, index uint64, b []byte) {
		var l raft.Log
		if err := decodeRecord(index, b, &l); err == nil {
			again, err := encodeRecord(&l)
			if err != nil || !bytes.Equal(again, b) {
				t.Fatalf("record: %v", err)
			}
		}
		if x, err := decodeBounds(b); err == nil && !bytes.Equal(x.encode(), b) {
			t.Fatal("bounds have two encodings")
		}
		if m, err := decodeStable(b); err == nil {
			again, err := encodeStable(m)
			if err != nil || !bytes.Equal(again, b) {
				t.Fatalf("stable store: %v", err)
			}
		}
	})
}
