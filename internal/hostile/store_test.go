package hostile_test

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/cerberus-host/cerberus/abi"
	"github.com/cerberus-host/cerberus/host/blob"
	"github.com/cerberus-host/cerberus/host/identity"
	"github.com/cerberus-host/cerberus/host/runtime"
	"github.com/cerberus-host/cerberus/internal/hostile/trial"
)

// TestDamagedCompiledCode is group 39: whatever happens to the files of the cache, a module
// is loaded as if there were none, and never from a file that was changed.
func TestDamagedCompiledCode(t *testing.T) {
	c := caseOf(t, "intact: numbers and data")
	plain := t.TempDir()
	run := func(dir string) {
		t.Helper()
		sandbox := newSandbox(t, runtime.Config{CacheDir: dir})
		module, err := sandbox.Load(t.Context(), c.File())
		if err == nil {
			err = trial.Enter(t.Context(), module, c.Entry())
		}
		if err != nil {
			t.Error(err)
		}
	}
	private := func() string {
		dir := t.TempDir()
		if err := os.Chmod(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		return dir
	}
	if err := os.Chmod(plain, 0o700); err != nil {
		t.Fatal(err)
	}
	run(plain)
	files := filesBelow(t, plain)
	if len(files) == 0 {
		t.Fatal("nothing was cached")
	}
	for _, name := range files {
		content, err := os.ReadFile(filepath.Join(plain, name))
		if err != nil {
			t.Fatal(err)
		}
		step := max(1, len(content)/8)
		if all {
			step = max(1, len(content)/200)
		}
		var damaged [][]byte
		for at := 0; at < len(content); at += step {
			flipped := slices.Clone(content)
			flipped[at] ^= 0xff
			damaged = append(damaged, flipped, content[:at])
		}
		damaged = append(damaged, append(slices.Clone(content), 0))
		for _, d := range damaged {
			dir := private()
			copyTree(t, plain, dir)
			if err := os.WriteFile(filepath.Join(dir, name), d, 0o600); err != nil {
				t.Fatal(err)
			}
			run(dir)
		}
		t.Run("link", func(t *testing.T) {
			dir := private()
			copyTree(t, plain, dir)
			if err := os.Remove(filepath.Join(dir, name)); err != nil {
				t.Fatal(err)
			}
			if err := os.Symlink(filepath.Join(plain, name), filepath.Join(dir, name)); err != nil {
				t.Fatal(err)
			}
			run(dir)
		})
	}
}

// filesBelow returns the files of a folder, relative to it.
func filesBelow(t *testing.T, dir string) []string {
	t.Helper()
	var names []string
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		name, err := filepath.Rel(dir, path)
		names = append(names, name)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

func copyTree(t *testing.T, from, to string) {
	t.Helper()
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
	err := filepath.WalkDir(to, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && entry.IsDir() {
			err = os.Chmod(path, 0o700)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestModulesThatAreNotWhatTheyClaim is group 40, for modules: a digest names bytes, and
// nothing else is ever loaded under it.
func TestModulesThatAreNotWhatTheyClaim(t *testing.T) {
	dir := t.TempDir()
	store, err := blob.Open(blob.Config{Dir: dir, Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	right, wrong := caseOf(t, "no output").File(), caseOf(t, "loop").File()
	digest := abi.SumDigest(right)
	put := func(owner byte, data []byte) error {
		u := blob.Upload{
			Digest: digest, Bytes: int64(len(data)), Owner: abi.Address{owner},
		}
		p, err := store.Start(u, 0, 1<<20)
		if err != nil {
			return err
		}
		if len(p.Missing) > 0 {
			if err := store.PutChunk(p.ID, u.Owner, 0, data, abi.SumDigest(data)); err != nil {
				return err
			}
		}
		_, err = store.Commit(p.ID, u.Owner)
		return err
	}
	if err := put(1, wrong); !errors.Is(err, blob.ErrMismatch) {
		t.Errorf("a module under another's digest: error %v", err)
	}
	// Many owners upload at once, every second one something else under the same digest.
	var group sync.WaitGroup
	for owner := range byte(8) {
		group.Go(func() {
			data := right
			if owner%2 == 1 {
				data = slices.Clone(right)
				data[len(data)-1] ^= owner
			}
			if err := put(owner+2, data); (err == nil) != (owner%2 == 0) {
				t.Errorf("upload %d: error %v", owner, err)
			}
		})
	}
	group.Wait()
	path := ""
	for _, name := range filesBelow(t, dir) {
		content, err := os.ReadFile(filepath.Join(dir, name))
		if err == nil && bytes.Equal(content, right) {
			path = filepath.Join(dir, name)
		}
	}
	if path == "" {
		t.Fatal("the blob is nowhere")
	}
	swapWhileReading(t, store, digest, path, right, wrong)
}

// swapWhileReading exchanges the file of a blob while it is read: what is returned has the
// digest, whatever lies on the disk.
func swapWhileReading(
	t *testing.T, store *blob.Store, digest abi.Digest, path string, right, wrong []byte,
) {
	t.Helper()
	done := make(chan struct{})
	var group sync.WaitGroup
	group.Go(func() {
		for i := 0; ; i++ {
			select {
			case <-done:
				return
			default:
			}
			data := right
			if i%2 == 1 {
				data = wrong
			}
			_ = os.WriteFile(path, data, 0o600) // it may be in quarantine already
		}
	})
	refused := 0
	for range 300 {
		data, err := store.ReadAll(digest, abi.ModuleBytesMax)
		switch {
		case err != nil:
			refused++
		case abi.SumDigest(data) != digest:
			t.Error("a blob was returned that has another digest")
		}
	}
	close(done)
	group.Wait()
	t.Logf("%d of 300 reads were refused", refused)
}

// TestRequestsThatComeTwice is group 40, for signatures: a request that was seen is refused,
// and so is an old one that was not.
func TestRequestsThatComeTwice(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	replay := identity.NewReplay(func() time.Time { return now }, 100)
	caller := identity.Caller{
		Address: abi.Address{1}, Nonce: identity.Nonce{1},
		ExpiryMS: now.Add(time.Minute).UnixMilli(),
	}
	if err := replay.Use(caller); err != nil {
		t.Fatal(err)
	}
	if err := replay.Use(caller); !errors.Is(err, identity.ErrReplay) {
		t.Errorf("the second time: error %v", err)
	}
	caller.Address[0]++
	if err := replay.Use(caller); err != nil {
		t.Errorf("another signer's nonce: %v", err)
	}
}
