package identity

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
)

const (
	// keyFileMode keeps a key file to its owner.
	keyFileMode fs.FileMode = 0o600
	// keyFileBytesMax bounds what is read of a key file.
	keyFileBytesMax = 1024
)

// LoadOrCreateKey reads the key file, or makes a key and writes it if there is no file.
// The file is private to its owner; one that others may read is refused with [ErrKey],
// which tells the command that repairs it. created reports whether the key is new.
func LoadOrCreateKey(path string, random io.Reader) (key *Key, created bool, err error) {
	key, err = LoadKey(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return key, false, err
	}
	key, err = GenerateKey(random)
	if err != nil {
		return nil, false, err
	}
	if err := writeKey(path, key); err != nil {
		return nil, false, fmt.Errorf("write key file: %w", err)
	}
	return key, true, nil
}

// LoadKey reads a key file. It returns an error that wraps fs.ErrNotExist if there is
// none, and [ErrKey] if it is malformed, no plain file, or readable by others.
func LoadKey(path string) (*Key, error) {
	info, err := os.Lstat(path)
	if err != nil {
		return nil, fmt.Errorf("open key file: %w", err)
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%w: %s is no plain file", ErrKey, path)
	}
	// Windows has no such permission bits.
	if runtime.GOOS != "windows" && info.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("%w: %s may be read by others; run chmod 600 on it", ErrKey, path)
	}
	if info.Size() > keyFileBytesMax {
		return nil, fmt.Errorf("%w: %s has %d bytes", ErrKey, path, info.Size())
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read key file: %w", err)
	}
	key, err := ParseKey(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return key, nil
}

// writeKey writes the file so that a crash leaves no file or the whole one.
func writeKey(path string, key *Key) (err error) {
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".tmp-*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(f.Name()))
		}
	}()
	if err := fillKey(f, key); err != nil {
		return errors.Join(err, f.Close())
	}
	if err := f.Close(); err != nil {
		return err
	}
	// A link, unlike a rename, never replaces a key that another process just made.
	if err := os.Link(f.Name(), path); err != nil {
		return err
	}
	if err := os.Remove(f.Name()); err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
}

func fillKey(f *os.File, key *Key) error {
	if err := f.Chmod(keyFileMode); err != nil && runtime.GOOS != "windows" {
		return err
	}
	if _, err := f.Write(key.Marshal()); err != nil {
		return err
	}
	return f.Sync()
}

// syncDir makes the directory's entries durable; systems whose directories cannot be
// synced make them so by themselves.
func syncDir(dir string) error {
	if runtime.GOOS == "windows" || runtime.GOOS == "js" {
		return nil
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
