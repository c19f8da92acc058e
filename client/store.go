package client

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
)

// Store keeps what a client remembers: its identity and secret keys, pins, and caches that
// it can make again. Names are slash-separated relative paths. Methods are safe for
// concurrent use within a process.
type Store interface {
	// Read returns the content of name, or an error that wraps fs.ErrNotExist.
	Read(name string) ([]byte, error)
	// Write replaces the content of name, atomically and readable by its owner only.
	Write(name string, data []byte) error
	// Create is Write for a name that must not be there yet: of several callers, in this
	// process or others, one succeeds, and the others get an error that wraps fs.ErrExist.
	Create(name string, data []byte) error
	// Remove deletes name; a name that is not there is no error.
	Remove(name string) error
	// List returns the names below the folder prefix, sorted.
	List(prefix string) ([]string, error)
}

const (
	storeDirMode = 0o700
	// tmpPrefix begins the names of files that are not written to their end yet.
	tmpPrefix = ".tmp-"
)

// DirStore is a Store in a folder: files of mode 0600 in folders of mode 0700.
type DirStore struct {
	root string
}

// NewDirStore opens the folder, making it if needed. A folder that others can write to is
// refused, since its secret keys could be replaced.
func NewDirStore(root string) (*DirStore, error) {
	if err := os.MkdirAll(root, storeDirMode); err != nil {
		return nil, fmt.Errorf("open client store: %w", err)
	}
	info, err := os.Stat(root)
	if err != nil {
		return nil, fmt.Errorf("open client store: %w", err)
	}
	if !info.IsDir() {
		return nil, fmt.Errorf("%w: %s is not a folder", ErrStore, root)
	}
	if isWorldWritable(info.Mode()) {
		return nil, fmt.Errorf("%w: others can write to %s: run chmod 700 on it", ErrStore, root)
	}
	return &DirStore{root: root}, nil
}

// Path returns where name lies on disk.
func (d *DirStore) Path(name string) (string, error) {
	if !fs.ValidPath(name) || name == "." {
		return "", fmt.Errorf("%w: %q is no relative path", ErrStore, name)
	}
	return filepath.Join(d.root, filepath.FromSlash(name)), nil
}

// Root returns the folder.
func (d *DirStore) Root() string { return d.root }

// Read implements [Store]. A file that others may read or change is refused with
// [ErrStore]: a restored backup may have lost its mode.
func (d *DirStore) Read(name string) (_ []byte, err error) {
	path, err := d.Path(name)
	if err != nil {
		return nil, err
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read from client store: %w", err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("read from client store: %w", err)
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%w: %s is not a file", ErrStore, path)
	}
	if isShared(info.Mode()) {
		return nil, fmt.Errorf("%w: others can read or change %s: run chmod 600 on it", ErrStore,
			path)
	}
	b, err := io.ReadAll(f)
	if err != nil {
		return nil, fmt.Errorf("read from client store: %w", err)
	}
	return b, nil
}

// Write implements [Store]: a temporary file, fsync, rename.
func (d *DirStore) Write(name string, data []byte) error {
	return d.put(name, data, os.Rename)
}

// Create implements [Store]: a temporary file, fsync, link.
func (d *DirStore) Create(name string, data []byte) error {
	return d.put(name, data, func(tmp, path string) error {
		if err := os.Link(tmp, path); err != nil {
			return err
		}
		return os.Remove(tmp)
	})
}

// put writes a temporary file and gives it its name with publish.
func (d *DirStore) put(name string, data []byte, publish func(tmp, path string) error) error {
	path, err := d.Path(name)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), storeDirMode); err != nil {
		return fmt.Errorf("write to client store: %w", err)
	}
	tmp, err := os.CreateTemp(filepath.Dir(path), tmpPrefix+"*") // made with mode 0600
	if err != nil {
		return fmt.Errorf("write to client store: %w", err)
	}
	_, werr := tmp.Write(data)
	err = errors.Join(werr, tmp.Sync(), tmp.Close())
	if err == nil {
		err = publish(tmp.Name(), path)
	}
	if err != nil {
		return fmt.Errorf("write to client store: %w", errors.Join(err, os.Remove(tmp.Name())))
	}
	return nil
}

// Remove implements [Store].
func (d *DirStore) Remove(name string) error {
	path, err := d.Path(name)
	if err != nil {
		return err
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove from client store: %w", err)
	}
	return nil
}

// List implements [Store].
func (d *DirStore) List(prefix string) ([]string, error) {
	base, err := d.Path(prefix)
	if err != nil {
		return nil, err
	}
	var names []string
	err = filepath.WalkDir(base, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || strings.HasPrefix(e.Name(), tmpPrefix) {
			return err
		}
		rel, err := filepath.Rel(d.root, path)
		names = append(names, filepath.ToSlash(rel))
		return err
	})
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("list client store: %w", err)
	}
	slices.Sort(names)
	return names, nil
}

// MemStore is a Store in memory. The zero value is not usable; make one with NewMemStore.
type MemStore struct {
	mu    sync.Mutex
	files map[string][]byte
}

// NewMemStore returns an empty store.
func NewMemStore() *MemStore { return &MemStore{files: make(map[string][]byte)} }

// Read implements [Store].
func (m *MemStore) Read(name string) ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	b, ok := m.files[name]
	if !ok {
		return nil, fmt.Errorf("read %s from memory: %w", name, fs.ErrNotExist)
	}
	return slices.Clone(b), nil
}

// Write implements [Store].
func (m *MemStore) Write(name string, data []byte) error {
	if !fs.ValidPath(name) || name == "." {
		return fmt.Errorf("%w: %q is no relative path", ErrStore, name)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.files[name] = slices.Clone(data)
	return nil
}

// Create implements [Store].
func (m *MemStore) Create(name string, data []byte) error {
	if !fs.ValidPath(name) || name == "." {
		return fmt.Errorf("%w: %q is no relative path", ErrStore, name)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, there := m.files[name]; there {
		return fmt.Errorf("create %s in memory: %w", name, fs.ErrExist)
	}
	m.files[name] = slices.Clone(data)
	return nil
}

// Remove implements [Store].
func (m *MemStore) Remove(name string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	clear(m.files[name])
	delete(m.files, name)
	return nil
}

// List implements [Store].
func (m *MemStore) List(prefix string) ([]string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var names []string
	for name := range m.files {
		if strings.HasPrefix(name, prefix+"/") {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names, nil
}
