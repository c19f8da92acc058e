package blob

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
	fileMode fs.FileMode = 0o600
	dirMode  fs.FileMode = 0o700
)

// FS is every operation on files that the store makes, so that tests can fail or interrupt
// each of them. Methods are safe for concurrent use.
type FS interface {
	// MkdirAll makes a directory and its parents, private to the user.
	MkdirAll(dir string) error
	// Create makes a new plain file for reading and writing, private to the user; a file
	// that exists is an error.
	Create(name string) (File, error)
	// OpenWrite opens a plain file for reading and writing.
	OpenWrite(name string) (File, error)
	// Open opens a plain file for reading.
	Open(name string) (File, error)
	// Rename moves a file; one that exists under the new name is replaced.
	Rename(from, to string) error
	// Remove deletes a file.
	Remove(name string) error
	// ReadDir lists a directory, sorted by name.
	ReadDir(dir string) ([]fs.DirEntry, error)
	// SyncDir makes the names in a directory durable.
	SyncDir(dir string) error
	// Free returns the bytes that the user can still write below a directory.
	Free(dir string) (int64, error)
}

// File is an open file of an [FS].
type File interface {
	io.ReaderAt
	io.WriterAt
	io.Closer
	// Sync makes the content durable.
	Sync() error
}

// Disk is the FS of the operating system. Step, if not nil, is called after every
// operation that changes something, with its name; a crash test ends the process there.
type Disk struct {
	Step func(name string)
}

func (d Disk) step(name string, err error) error {
	if err == nil && d.Step != nil {
		d.Step("blob " + name)
	}
	return err
}

// MkdirAll implements [FS].
func (d Disk) MkdirAll(dir string) error {
	return d.step("mkdir", os.MkdirAll(dir, dirMode))
}

// Create implements [FS].
func (d Disk) Create(name string) (File, error) {
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, fileMode)
	if err := d.step("create", err); err != nil {
		return nil, err
	}
	return diskFile{f, d}, nil
}

// OpenWrite implements [FS].
func (d Disk) OpenWrite(name string) (File, error) { return d.open(name, os.O_RDWR) }

// Open implements [FS].
func (d Disk) Open(name string) (File, error) { return d.open(name, os.O_RDONLY) }

// open refuses links and devices: the file that is opened must be the plain file that
// bears the name.
func (d Disk) open(name string, flag int) (File, error) {
	before, err := os.Lstat(name)
	if err != nil {
		return nil, err
	}
	if !before.Mode().IsRegular() {
		return nil, fmt.Errorf("%w: %s is no plain file", ErrLayout, filepath.Base(name))
	}
	f, err := os.OpenFile(name, flag, 0)
	if err != nil {
		return nil, err
	}
	after, err := f.Stat()
	if err == nil && !os.SameFile(before, after) {
		err = fmt.Errorf("%w: %s was replaced", ErrLayout, filepath.Base(name))
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return diskFile{f, d}, nil
}

// Rename implements [FS].
func (d Disk) Rename(from, to string) error { return d.step("rename", os.Rename(from, to)) }

// Remove implements [FS].
func (d Disk) Remove(name string) error { return d.step("remove", os.Remove(name)) }

// ReadDir implements [FS].
func (d Disk) ReadDir(dir string) ([]fs.DirEntry, error) { return os.ReadDir(dir) }

// SyncDir implements [FS].
func (d Disk) SyncDir(dir string) error {
	// Windows cannot sync a directory; its file systems journal names themselves.
	if runtime.GOOS == "windows" {
		return nil
	}
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	return d.step("sync directory", errors.Join(f.Sync(), f.Close()))
}

// Free implements [FS].
func (d Disk) Free(dir string) (int64, error) { return freeBytes(dir) }

type diskFile struct {
	*os.File

	disk Disk
}

func (f diskFile) WriteAt(b []byte, off int64) (int, error) {
	n, err := f.File.WriteAt(b, off)
	return n, f.disk.step("write", err)
}

func (f diskFile) Sync() error { return f.disk.step("sync", f.File.Sync()) }
