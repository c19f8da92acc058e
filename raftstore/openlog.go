package raftstore

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"syscall"
	"time"

	"github.com/hashicorp/raft"
	bolt "go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"
)

// logFileName is the log's file in the data directory.
const logFileName = "raft.db"

// lockTimeout is how long Open waits for another process to release the file.
const lockTimeout = time.Second

// openLog opens the log in a directory, or creates it. Everything that it holds is read
// and checked first: nothing damaged is ever served.
func openLog(dir string, faults Faults, onFatal func(error)) (*logStore, error) {
	path := filepath.Join(dir, logFileName)
	switch info, err := os.Stat(path); {
	case errors.Is(err, os.ErrNotExist):
		if err := createLog(path, faults); err != nil {
			return nil, fmt.Errorf("create %s: %w", logFileName, err)
		}
	case err != nil:
		return nil, fmt.Errorf("open log: %w", err)
	case info.Size() == 0:
		// bbolt would begin anew; a crash never leaves an empty file.
		return nil, fmt.Errorf("open %s: %w: it is empty", logFileName, ErrCorrupt)
	}
	s := &logStore{faults: faults, onFatal: onFatal}
	if err := s.verify(path); err != nil {
		return nil, fmt.Errorf("open %s: %w", logFileName, err)
	}
	db, err := openBolt(path, false)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", logFileName, err)
	}
	s.db = db
	return s, nil
}

// openBolt opens a bbolt file. bbolt panics on damaged pages; that is ErrCorrupt here, and
// the file is closed.
func openBolt(path string, readOnly bool) (db *bolt.DB, err error) {
	options := boltOptions(readOnly)
	var file *os.File
	options.OpenFile = func(name string, flags int, mode os.FileMode) (*os.File, error) {
		var err error
		file, err = os.OpenFile(name, flags, mode)
		return file, err
	}
	defer func() {
		if r := recover(); r != nil {
			db, err = nil, errors.Join(fmt.Errorf("%w: %v", ErrCorrupt, r), file.Close())
		}
	}()
	db, err = bolt.Open(path, 0o600, options)
	if err != nil {
		return nil, openError(err)
	}
	return db, nil
}

func boltOptions(readOnly bool) *bolt.Options {
	return &bolt.Options{
		Timeout: lockTimeout, ReadOnly: readOnly,
		// The free pages are found by a walk at open; writing them with each commit would
		// cost more than that.
		NoFreelistSync: true, FreelistType: bolt.FreelistMapType,
		InitialMmapSize: logMapBytes, NoStatistics: true,
	}
}

// openError sorts bbolt's errors: what is neither the lock nor the operating system's is
// about the content of the file.
func openError(err error) error {
	var path *os.PathError
	var errno syscall.Errno
	switch {
	case errors.Is(err, berrors.ErrTimeout):
		return ErrLocked
	case errors.As(err, &path), errors.As(err, &errno):
		return err
	}
	return fmt.Errorf("%w: %w", ErrCorrupt, err)
}

// createLog makes an empty log under another name and renames it, so that a crash never
// leaves a file that is half made.
func createLog(path string, faults Faults) error {
	temp := path + ".new"
	return step(faults, StepLogCreate, func() error {
		if err := os.Remove(temp); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
		db, err := openBolt(temp, false)
		if err != nil {
			return err
		}
		err = db.Update(func(tx *bolt.Tx) error {
			meta, err := tx.CreateBucket([]byte(bucketMeta))
			if err != nil {
				return err
			}
			if err := meta.Put([]byte(keyFormat), encodeFormat()); err != nil {
				return err
			}
			if _, err := tx.CreateBucket([]byte(bucketLog)); err != nil {
				return err
			}
			return putMeta(tx, bounds{}, nil)
		})
		if err := errors.Join(err, db.Close()); err != nil {
			return err
		}
		if err := os.Rename(temp, path); err != nil {
			return err
		}
		return syncDir(filepath.Dir(path))
	})
}

func encodeFormat() []byte {
	v := binary.BigEndian.AppendUint32(nil, logFormatVersion)
	return binary.BigEndian.AppendUint32(v, castagnoli([]byte(keyFormat), v))
}

// verify reads the whole log through a read-only handle: the pages, the bounds, the stable
// values, and that every entry is there with its checksum. What bbolt still panics on, or
// reads beyond the file for, ends here as ErrCorrupt.
func (s *logStore) verify(path string) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	var db *bolt.DB
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%w: %v", ErrCorrupt, r)
		}
		if db != nil {
			err = errors.Join(err, db.Close())
		}
	}()
	if db, err = openBolt(path, true); err != nil {
		return err
	}
	// The lock is held by now, so nobody changes the pages.
	if err := verifyPages(path); err != nil {
		return err
	}
	tx, err := db.Begin(false)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, tx.Rollback()) }()
	return s.load(tx)
}

// load reads the bounds and the stable values and checks every entry.
func (s *logStore) load(tx *bolt.Tx) error {
	meta, entries := tx.Bucket([]byte(bucketMeta)), tx.Bucket([]byte(bucketLog))
	if meta == nil || entries == nil {
		return fmt.Errorf("%w: a table is missing", ErrCorrupt)
	}
	if string(meta.Get([]byte(keyFormat))) != string(encodeFormat()) {
		return fmt.Errorf("%w: it is no log of format %d", ErrCorrupt, logFormatVersion)
	}
	var err error
	if s.bounds, err = decodeBounds(meta.Get([]byte(keyBounds))); err != nil {
		return err
	}
	if s.stable, err = decodeStable(meta.Get([]byte(keyStable))); err != nil {
		return err
	}
	next := s.bounds.first
	c := entries.Cursor()
	for k, v := c.First(); k != nil; k, v = c.Next() {
		if len(k) != 8 || s.bounds.empty() || binary.BigEndian.Uint64(k) != next {
			return fmt.Errorf("%w: log entry %d is missing", ErrCorrupt, next)
		}
		var l raft.Log
		if err := decodeRecord(next, v, &l); err != nil {
			return err
		}
		// A lookup takes another way through the pages than the walk.
		if !bytes.Equal(entries.Get(k), v) {
			return fmt.Errorf("%w: log entry %d is not found", ErrCorrupt, next)
		}
		next++
	}
	if !s.bounds.empty() && next != s.bounds.last+1 {
		return fmt.Errorf("%w: log entry %d is missing", ErrCorrupt, next)
	}
	return nil
}

// syncDir makes the names in a directory durable.
func syncDir(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
