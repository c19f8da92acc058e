package client_test

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/cerberus-host/cerberus/client"
)

func stores(t *testing.T) map[string]client.Store {
	t.Helper()
	dir, err := client.NewDirStore(filepath.Join(t.TempDir(), "a", "store"))
	if err != nil {
		t.Fatal(err)
	}
	return map[string]client.Store{"folder": dir, "memory": client.NewMemStore()}
}

func TestStoreKeepsContent(t *testing.T) {
	for kind, s := range stores(t) {
		t.Run(kind, func(t *testing.T) {
			if _, err := s.Read("keys/a/x"); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("a missing name: %v", err)
			}
			data := []byte("one")
			if err := s.Write("keys/a/x", data); err != nil {
				t.Fatal(err)
			}
			data[0] = 'X' // the store has a copy
			if err := s.Create("keys/a/x", []byte("two")); !errors.Is(err, fs.ErrExist) {
				t.Errorf("creating what is there: %v", err)
			}
			if got, err := s.Read("keys/a/x"); err != nil || string(got) != "one" {
				t.Errorf("read %q, %v", got, err)
			}
			for _, name := range []string{"keys/b", "keysets/c", "other"} {
				if err := s.Create(name, nil); err != nil {
					t.Fatal(err)
				}
			}
			got, err := s.List("keys")
			if err != nil || !slices.Equal(got, []string{"keys/a/x", "keys/b"}) {
				t.Errorf("listed %v, %v", got, err)
			}
			if got, err := s.List("nothing"); err != nil || len(got) != 0 {
				t.Errorf("listed %v, %v", got, err)
			}
			for range 2 { // a name that is not there is no error
				if err := s.Remove("keys/b"); err != nil {
					t.Error(err)
				}
			}
			if _, err := s.Read("keys/b"); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("a removed name: %v", err)
			}
		})
	}
}

func TestStoreRefusesNamesOutside(t *testing.T) {
	for kind, s := range stores(t) {
		for _, name := range []string{"", ".", "..", "../x", "a/../../x", "a/../x", "/x", "a//x", "a/"} {
			if err := s.Write(name, nil); !errors.Is(err, client.ErrStore) {
				t.Errorf("%s: write %q: %v", kind, name, err)
			}
			if err := s.Create(name, nil); !errors.Is(err, client.ErrStore) {
				t.Errorf("%s: create %q: %v", kind, name, err)
			}
			if _, err := s.Read(name); err == nil {
				t.Errorf("%s: %q was read", kind, name)
			}
		}
	}
}

// Of several that create a name, one succeeds, and the content is its.
func TestStoreCreatesOnce(t *testing.T) {
	for kind, s := range stores(t) {
		var won atomic.Int64
		won.Store(-1)
		var all sync.WaitGroup
		for i := range 8 {
			all.Go(func() {
				err := s.Create("k", fmt.Append(nil, i))
				if err == nil && !won.CompareAndSwap(-1, int64(i)) {
					t.Errorf("%s: a second one succeeded", kind)
				}
				if err != nil && !errors.Is(err, fs.ErrExist) {
					t.Errorf("%s: %v", kind, err)
				}
			})
		}
		all.Wait()
		if got, err := s.Read("k"); err != nil || !bytes.Equal(got, fmt.Append(nil, won.Load())) {
			t.Errorf("%s: content %q of %d, %v", kind, got, won.Load(), err)
		}
	}
}

func TestDirStoreIsPrivate(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Windows keeps access rights outside the file mode")
	}
	root := filepath.Join(t.TempDir(), "store")
	s, err := client.NewDirStore(root)
	if err != nil {
		t.Fatal(err)
	}
	for name, put := range map[string]func(string, []byte) error{"w": s.Write, "c": s.Create} {
		if err := put("keys/"+name, []byte("secret")); err != nil {
			t.Fatal(err)
		}
		for path, want := range map[string]fs.FileMode{
			root: 0o700, filepath.Join(root, "keys"): 0o700, filepath.Join(root, "keys", name): 0o600,
		} {
			info, err := os.Stat(path)
			if err != nil || info.Mode().Perm() != want {
				t.Errorf("%s: mode %v, want %v, %v", path, info.Mode(), want, err)
			}
		}
	}
	left, err := os.ReadDir(filepath.Join(root, "keys"))
	if err != nil || len(left) != 2 {
		t.Errorf("files %v are left, %v", left, err)
	}
	for _, mode := range []fs.FileMode{0o604, 0o640, 0o602, 0o666} {
		if err := os.Chmod(filepath.Join(root, "keys", "w"), mode); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Read("keys/w"); !errors.Is(err, client.ErrStore) {
			t.Errorf("a file of mode %v: %v", mode, err)
		}
	}
	if _, err := s.Read("keys"); !errors.Is(err, client.ErrStore) {
		t.Errorf("a folder is read: %v", err)
	}
}

func TestDirStoreRefusesFolders(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Windows keeps access rights outside the file mode")
	}
	root := t.TempDir()
	for _, mode := range []fs.FileMode{0o722, 0o702, 0o720} {
		if err := os.Chmod(root, mode); err != nil {
			t.Fatal(err)
		}
		if _, err := client.NewDirStore(root); !errors.Is(err, client.ErrStore) {
			t.Errorf("mode %v: %v", mode, err)
		}
	}
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := client.NewDirStore(file); err == nil {
		t.Error("a file serves as a store")
	}
}
