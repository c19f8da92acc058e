package raftstore

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/hashicorp/raft"
	bolt "go.etcd.io/bbolt"
)

// Names inside the log file.
const (
	bucketLog  = "log"
	bucketMeta = "meta"
	keyFormat  = "format"
	keyBounds  = "bounds"
	keyStable  = "stable"
)

// logMapBytes is the size of the first memory map. Remapping a growing file waits for
// readers, so it is large enough for the log between two snapshots; it costs address
// space only.
const logMapBytes = 256 << 20

// logStore keeps log entries and the stable values in one bbolt file. It is the raft
// library's LogStore and StableStore, safe for concurrent use. After the first failed
// write every call fails: after a failed fsync nobody knows what is on the disk.
type logStore struct {
	db     *bolt.DB
	faults Faults
	// onFatal is told the first failure, once, before the failing call returns.
	onFatal func(error)

	mu     sync.RWMutex
	bounds bounds
	stable map[string][]byte
	failed error
}

var (
	_ raft.LogStore          = (*logStore)(nil)
	_ raft.StableStore       = (*logStore)(nil)
	_ raft.MonotonicLogStore = (*logStore)(nil)
)

// IsMonotonic makes the library empty the log after it installed a snapshot, instead of
// leaving a gap; emptying drops one bucket. It also keeps a follower out of an endless
// installation (raft issue 697).
func (s *logStore) IsMonotonic() bool { return true }

// FirstIndex implements raft.LogStore.
func (s *logStore) FirstIndex() (uint64, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.bounds.first, nil
}

// LastIndex implements raft.LogStore.
func (s *logStore) LastIndex() (uint64, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.bounds.last, nil
}

// GetLog implements raft.LogStore.
func (s *logStore) GetLog(index uint64, l *raft.Log) error {
	err := s.db.View(func(tx *bolt.Tx) error {
		v := tx.Bucket([]byte(bucketLog)).Get(indexKey(index))
		if v == nil {
			return raft.ErrLogNotFound
		}
		return decodeRecord(index, v, l)
	})
	if err != nil && !errors.Is(err, raft.ErrLogNotFound) {
		s.fail(fmt.Errorf("read log entry %d: %w", index, err))
	}
	return err
}

// StoreLog implements raft.LogStore.
func (s *logStore) StoreLog(l *raft.Log) error { return s.StoreLogs([]*raft.Log{l}) }

// StoreLogs implements raft.LogStore: the batch is on stable storage when it returns.
func (s *logStore) StoreLogs(logs []*raft.Log) error {
	if len(logs) == 0 {
		return nil
	}
	return s.commit(StepLogAppend, func(tx *bolt.Tx, b *bounds, _ map[string][]byte) error {
		bucket := tx.Bucket([]byte(bucketLog))
		// Entries are only ever appended, so pages are filled to the end.
		bucket.FillPercent = 1
		for _, l := range logs {
			if l.Index == 0 || (!b.empty() && l.Index != b.last+1) {
				return fmt.Errorf("entry %d does not follow entry %d", l.Index, b.last)
			}
			v, err := encodeRecord(l)
			if err != nil {
				return err
			}
			if err := bucket.Put(indexKey(l.Index), v); err != nil {
				return err
			}
			if b.empty() {
				b.first = l.Index
			}
			b.last = l.Index
		}
		return nil
	})
}

// DeleteRange implements raft.LogStore: it deletes min to max, both included, which must
// leave no gap. Deleting everything drops the bucket.
func (s *logStore) DeleteRange(lo, hi uint64) error {
	return s.commit(StepLogDelete, func(tx *bolt.Tx, b *bounds, _ map[string][]byte) error {
		if b.empty() || hi < b.first || lo > b.last {
			return nil
		}
		lo, hi = max(lo, b.first), min(hi, b.last)
		if lo > b.first && hi < b.last {
			return fmt.Errorf("deleting %d to %d would leave a gap in %d to %d", lo, hi, b.first,
				b.last)
		}
		if lo == b.first && hi == b.last {
			*b = bounds{}
			if err := tx.DeleteBucket([]byte(bucketLog)); err != nil {
				return err
			}
			_, err := tx.CreateBucket([]byte(bucketLog))
			return err
		}
		if err := deleteKeys(tx.Bucket([]byte(bucketLog)), lo, hi); err != nil {
			return err
		}
		if lo == b.first {
			b.first = hi + 1
		} else {
			b.last = lo - 1
		}
		return nil
	})
}

func deleteKeys(bucket *bolt.Bucket, lo, hi uint64) error {
	c := bucket.Cursor()
	end := indexKey(hi)
	for k, _ := c.Seek(indexKey(lo)); k != nil && bytes.Compare(k, end) <= 0; k, _ = c.Next() {
		if err := c.Delete(); err != nil {
			return err
		}
	}
	return nil
}

// Set implements raft.StableStore.
func (s *logStore) Set(key, val []byte) error {
	return s.commit(StepStableSet, func(_ *bolt.Tx, _ *bounds, m map[string][]byte) error {
		m[string(key)] = slices.Clone(val)
		return nil
	})
}

// Get implements raft.StableStore; a missing key is an empty value.
func (s *logStore) Get(key []byte) ([]byte, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return slices.Clone(s.stable[string(key)]), nil
}

// SetUint64 implements raft.StableStore.
func (s *logStore) SetUint64(key []byte, val uint64) error { return s.Set(key, indexKey(val)) }

// GetUint64 implements raft.StableStore; a missing key is 0.
func (s *logStore) GetUint64(key []byte) (uint64, error) {
	v, err := s.Get(key)
	if err != nil || len(v) == 0 {
		return 0, err
	}
	if len(v) != 8 {
		return 0, fmt.Errorf("stable value %q has %d bytes instead of 8", key, len(v))
	}
	return binary.BigEndian.Uint64(v), nil
}

// bootstrap stores the first term and the first entry in one commit, so that a crash
// leaves either an empty store or a bootstrapped one. The key is the library's.
func (s *logStore) bootstrap(term uint64, entry *raft.Log) error {
	return s.commit(StepLogAppend, func(tx *bolt.Tx, b *bounds, m map[string][]byte) error {
		v, err := encodeRecord(entry)
		if err != nil {
			return err
		}
		*b = bounds{entry.Index, entry.Index}
		m["CurrentTerm"] = indexKey(term)
		return tx.Bucket([]byte(bucketLog)).Put(indexKey(entry.Index), v)
	})
}

// commit runs one change in a transaction and makes it durable, together with the bounds
// and the stable values that the change leaves.
func (s *logStore) commit(name string,
	change func(tx *bolt.Tx, b *bounds, stable map[string][]byte) error,
) error {
	err := s.tryCommit(name, change)
	if err != nil {
		s.fail(err)
	}
	return err
}

func (s *logStore) tryCommit(name string,
	change func(tx *bolt.Tx, b *bounds, stable map[string][]byte) error,
) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.failed != nil {
		return s.failed
	}
	next, stable := s.bounds, maps.Clone(s.stable)
	err := step(s.faults, name, func() error {
		return s.db.Update(func(tx *bolt.Tx) error {
			if err := change(tx, &next, stable); err != nil {
				return err
			}
			return putMeta(tx, next, stable)
		})
	})
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	s.bounds, s.stable = next, stable
	return nil
}

func putMeta(tx *bolt.Tx, b bounds, stable map[string][]byte) error {
	meta := tx.Bucket([]byte(bucketMeta))
	v, err := encodeStable(stable)
	if err != nil {
		return err
	}
	if err := meta.Put([]byte(keyStable), v); err != nil {
		return err
	}
	return meta.Put([]byte(keyBounds), b.encode())
}

// fail makes every later call fail, and tells the first failure. No lock is held while it
// is told.
func (s *logStore) fail(err error) {
	s.mu.Lock()
	first := s.failed == nil
	if first {
		s.failed = fmt.Errorf("%w: %w", ErrFailed, err)
	}
	failed := s.failed
	s.mu.Unlock()
	if first {
		s.onFatal(failed)
	}
}

// sizeBytes returns the size of the file as the last commit left it. A file never
// shrinks; deleted entries leave room for new ones.
func (s *logStore) sizeBytes() int64 {
	var n int64
	if err := s.db.View(func(tx *bolt.Tx) error { n = tx.Size(); return nil }); err != nil {
		return 0
	}
	return n
}

// close releases the file.
func (s *logStore) close() error {
	if err := s.db.Close(); err != nil {
		return fmt.Errorf("close log: %w", err)
	}
	return nil
}
