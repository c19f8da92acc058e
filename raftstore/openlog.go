package raftstore

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"os"
	"path/filepath"
	"runtime/debug"
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
	if _, err := os.Stat(path); errors.Is(err, os.ErrNotExist) {
		if err := createLog(path, faults); err != nil {
			return nil, fmt.Errorf("create %s: %w", logFileName, err)
		}
	} else if err != nil {
		return nil, fmt.Errorf("open log: %w", err)
	}
	s := &logStore{faults: faults, onFatal: onFatal}
	if err := s.verify(path); err != nil {
		return nil, fmt.Errorf("open %s: %w", logFileName, err)
	}
	db, err := bolt.Open(path, 0o600, boltOptions(false))
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", logFileName, openError(err))
	}
	s.db = db
	return s, nil
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

func openError(err error) error {
	switch {
	case errors.Is(err, berrors.ErrTimeout):
		return ErrLocked
	case errors.Is(err, berrors.ErrInvalid), errors.Is(err, berrors.ErrChecksum),
		errors.Is(err, berrors.ErrVersionMismatch), errors.Is(err, berrors.ErrInvalidMapping):
		return fmt.Errorf("%w: %w", ErrCorrupt, err)
	}
	return err
}

// createLog makes an empty log under another name and renames it, so that a crash never
// leaves a file that is half made.
func createLog(path string, faults Faults) error {
	temp := path + ".new"
	return step(faults, StepLogCreate, func() error {
		if err := os.Remove(temp); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
		db, err := bolt.Open(temp, 0o600, boltOptions(false))
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

// verify reads the whole log through a read-only handle: both meta pages, the bounds, the
// stable values, and that every entry is there with its checksum. bbolt panics on, or
// reads beyond, damaged pages; both end here as ErrCorrupt.
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
	db, err = bolt.Open(path, 0o600, boltOptions(true))
	if err != nil {
		return openError(err)
	}
	// The lock is held by now, so nobody changes the pages.
	if err := verifyMetaPages(path); err != nil {
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
		next++
	}
	if !s.bounds.empty() && next != s.bounds.last+1 {
		return fmt.Errorf("%w: log entry %d is missing", ErrCorrupt, next)
	}
	return nil
}

// Layout of a bbolt meta page: a page header of 16 bytes, then the meta of 64 bytes, whose
// last 8 are the FNV-1a sum of the others; integers are in the machine's byte order.
const (
	metaOffset   = 16
	metaBytes    = 64
	metaTxOffset = 48
	metaMagic    = 0xED0CDAED
	pageBytesMax = 64 << 10
)

// verifyMetaPages refuses a file of which one meta page is damaged. bbolt would fall back
// to the other page, which is the state before the last commit, and an acknowledged entry
// would be gone. A crash cannot leave this: the meta is smaller than a disk sector.
func verifyMetaPages(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	first, pageBytes, err := readMeta(f, 0)
	if err != nil {
		return err
	}
	second, _, err := readMeta(f, int64(pageBytes))
	if err != nil {
		return err
	}
	if first+1 != second && second+1 != first {
		return fmt.Errorf("%w: the meta pages are of commits %d and %d", ErrCorrupt, first, second)
	}
	return nil
}

// readMeta checks the meta page at an offset; it returns its commit and its page size.
func readMeta(f io.ReaderAt, offset int64) (commit uint64, pageBytes uint32, err error) {
	b := make([]byte, metaOffset+metaBytes)
	if _, err := f.ReadAt(b, offset); err != nil {
		return 0, 0, fmt.Errorf("%w: a meta page is missing: %w", ErrCorrupt, err)
	}
	m := b[metaOffset:]
	sum := fnv.New64a()
	_, _ = sum.Write(m[:metaBytes-8])
	pageBytes = binary.NativeEndian.Uint32(m[8:])
	if binary.NativeEndian.Uint32(m) != metaMagic || pageBytes == 0 || pageBytes > pageBytesMax ||
		binary.NativeEndian.Uint64(m[metaBytes-8:]) != sum.Sum64() {
		return 0, 0, fmt.Errorf("%w: a meta page has a wrong checksum", ErrCorrupt)
	}
	return binary.NativeEndian.Uint64(m[metaTxOffset:]), pageBytes, nil
}

// syncDir makes the names in a directory durable.
func syncDir(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
