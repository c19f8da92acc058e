package raftstore

import (
	"bufio"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/hashicorp/raft"
)

// Layout of a snapshot file: the header, the payload, and the SHA-256 of both.
const (
	snapshotDirName  = "snapshots"
	snapshotSuffix   = ".snapshot"
	snapshotTemp     = ".tmp"
	snapshotMagic    = "CERBSNAP"
	snapshotVersion  = 1
	snapshotSumBytes = sha256.Size
	// snapshotFixedBytes is magic, version, index, term, configuration index and the
	// length of the configuration.
	snapshotFixedBytes = 8 + 2 + 8 + 8 + 8 + 4
	// configurationBytesMax bounds the library's encoded list of servers.
	configurationBytesMax = 1 << 20
	// snapshotsKept is how many snapshots stay; the older one is for a damaged newer one.
	snapshotsKept = 2
	// snapshotBufferBytes is the size of one write.
	snapshotBufferBytes = 256 << 10
)

// snapshotStore keeps snapshots as files that are complete and verified, or not there.
type snapshotStore struct {
	dir    string
	faults Faults
	// onFatal is told when a file or a name could not be made durable. A write that fails
	// is not fatal: the log still has everything, and the snapshot is tried again later.
	onFatal func(error)
}

var _ raft.SnapshotStore = (*snapshotStore)(nil)

// openSnapshots makes the directory and removes what a crash left half written.
func openSnapshots(dir string, faults Faults, onFatal func(error)) (*snapshotStore, error) {
	s := &snapshotStore{
		dir: filepath.Join(dir, snapshotDirName), faults: faults, onFatal: onFatal,
	}
	if err := os.MkdirAll(s.dir, 0o700); err != nil {
		return nil, fmt.Errorf("open snapshots: %w", err)
	}
	entries, err := os.ReadDir(s.dir)
	if err != nil {
		return nil, fmt.Errorf("open snapshots: %w", err)
	}
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), snapshotTemp) {
			if err := s.remove(e.Name()); err != nil {
				return nil, fmt.Errorf("open snapshots: %w", err)
			}
		}
	}
	return s, nil
}

func (s *snapshotStore) remove(name string) error {
	return step(s.faults, StepSnapshotRemove, func() error {
		return os.Remove(filepath.Join(s.dir, name))
	})
}

// snapshotName orders snapshots by index and term when sorted as text.
func snapshotName(index, term uint64) string {
	return fmt.Sprintf("%020d-%020d", index, term)
}

func parseSnapshotName(id string) (index, term uint64, ok bool) {
	if _, err := fmt.Sscanf(id, "%020d-%020d", &index, &term); err != nil {
		return 0, 0, false
	}
	return index, term, snapshotName(index, term) == id
}

// ids lists the snapshots, the newest first.
func (s *snapshotStore) ids() ([]string, error) {
	entries, err := os.ReadDir(s.dir)
	if err != nil {
		return nil, fmt.Errorf("list snapshots: %w", err)
	}
	var ids []string
	for _, e := range entries {
		id, ok := strings.CutSuffix(e.Name(), snapshotSuffix)
		if _, _, named := parseSnapshotName(id); ok && named {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	slices.Reverse(ids)
	return ids, nil
}

// List implements raft.SnapshotStore. A damaged snapshot is listed with what its name
// says, because a log that was cut after it must not be taken for a whole one; opening it
// fails.
func (s *snapshotStore) List() ([]*raft.SnapshotMeta, error) {
	ids, err := s.ids()
	if err != nil {
		return nil, err
	}
	list := make([]*raft.SnapshotMeta, 0, len(ids))
	for _, id := range ids {
		meta, f, err := s.open(id)
		if err != nil {
			index, term, _ := parseSnapshotName(id)
			meta = &raft.SnapshotMeta{Version: 1, ID: id, Index: index, Term: term}
		} else if err := f.Close(); err != nil {
			return nil, fmt.Errorf("list snapshots: %w", err)
		}
		list = append(list, meta)
	}
	return list, nil
}

// Open implements raft.SnapshotStore. The whole file is verified before the first byte is
// handed out.
func (s *snapshotStore) Open(id string) (*raft.SnapshotMeta, io.ReadCloser, error) {
	return s.open(id)
}

// snapshotReader reads the payload of a verified file.
type snapshotReader struct {
	io.Reader
	f *os.File
}

// Close implements io.Closer.
func (r *snapshotReader) Close() error { return r.f.Close() }

func (s *snapshotStore) open(id string) (*raft.SnapshotMeta, io.ReadCloser, error) {
	f, err := os.Open(filepath.Join(s.dir, id+snapshotSuffix))
	if err != nil {
		return nil, nil, fmt.Errorf("open snapshot: %w", err)
	}
	meta, payload, err := verifySnapshot(f, id)
	if err != nil {
		return nil, nil, errors.Join(fmt.Errorf("open snapshot %s: %w", id, err), f.Close())
	}
	return meta, &snapshotReader{io.NewSectionReader(f, payload, meta.Size), f}, nil
}

// verifySnapshot reads the header and checks the checksum of the whole file. It returns
// the offset of the payload.
func verifySnapshot(f *os.File, id string) (*raft.SnapshotMeta, int64, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, 0, err
	}
	total := info.Size()
	damaged := func(what string) error { return fmt.Errorf("%w: %s", ErrCorrupt, what) }
	if total < snapshotFixedBytes+snapshotSumBytes {
		return nil, 0, damaged("the file is too short")
	}
	sum := sha256.New()
	r := io.TeeReader(io.LimitReader(bufio.NewReaderSize(f, snapshotBufferBytes),
		total-snapshotSumBytes), sum)
	fixed := make([]byte, snapshotFixedBytes)
	if _, err := io.ReadFull(r, fixed); err != nil {
		return nil, 0, err
	}
	configBytes := int64(binary.BigEndian.Uint32(fixed[34:]))
	if string(fixed[:8]) != snapshotMagic ||
		binary.BigEndian.Uint16(fixed[8:]) != snapshotVersion ||
		configBytes > configurationBytesMax ||
		configBytes > total-snapshotFixedBytes-snapshotSumBytes {
		return nil, 0, damaged("the header is malformed")
	}
	config := make([]byte, configBytes)
	if _, err := io.ReadFull(r, config); err != nil {
		return nil, 0, err
	}
	if _, err := io.Copy(io.Discard, r); err != nil {
		return nil, 0, err
	}
	want := make([]byte, snapshotSumBytes)
	if _, err := f.ReadAt(want, total-snapshotSumBytes); err != nil {
		return nil, 0, err
	}
	if string(want) != string(sum.Sum(nil)) {
		return nil, 0, damaged("the checksum is wrong")
	}
	meta := &raft.SnapshotMeta{
		Version: 1, ID: id, Index: binary.BigEndian.Uint64(fixed[10:]),
		Term:               binary.BigEndian.Uint64(fixed[18:]),
		ConfigurationIndex: binary.BigEndian.Uint64(fixed[26:]),
		Size:               total - snapshotFixedBytes - configBytes - snapshotSumBytes,
	}
	if snapshotName(meta.Index, meta.Term) != id {
		return nil, 0, damaged("the name belongs to another snapshot")
	}
	if meta.Configuration, err = decodeConfiguration(config); err != nil {
		return nil, 0, err
	}
	return meta, snapshotFixedBytes + configBytes, nil
}

// decodeConfiguration reads the list of servers; the library panics on malformed bytes.
func decodeConfiguration(b []byte) (c raft.Configuration, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%w: the configuration is malformed", ErrCorrupt)
		}
	}()
	return raft.DecodeConfiguration(b), nil
}

// Create implements raft.SnapshotStore.
func (s *snapshotStore) Create(_ raft.SnapshotVersion, index, term uint64,
	configuration raft.Configuration, configurationIndex uint64, _ raft.Transport,
) (raft.SnapshotSink, error) {
	id := snapshotName(index, term)
	sink := &snapshotSink{store: s, id: id, sum: sha256.New()}
	err := step(s.faults, StepSnapshotCreate, func() error {
		f, err := os.OpenFile(filepath.Join(s.dir, id+snapshotTemp),
			os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
		sink.f = f
		return err
	})
	if err != nil {
		if sink.f != nil {
			err = errors.Join(err, sink.f.Close())
		}
		return nil, fmt.Errorf("create snapshot: %w", err)
	}
	config := raft.EncodeConfiguration(configuration)
	header := append([]byte(snapshotMagic), 0, snapshotVersion)
	header = binary.BigEndian.AppendUint64(header, index)
	header = binary.BigEndian.AppendUint64(header, term)
	header = binary.BigEndian.AppendUint64(header, configurationIndex)
	header = binary.BigEndian.AppendUint32(header, uint32(len(config)))
	sink.w = bufio.NewWriterSize(writerFunc(sink.writeFile), snapshotBufferBytes)
	if _, err := sink.Write(append(header, config...)); err != nil {
		return nil, errors.Join(err, sink.Cancel())
	}
	return sink, nil
}

// snapshotSink writes one snapshot. It is used by one goroutine.
type snapshotSink struct {
	store *snapshotStore
	id    string
	f     *os.File
	w     *bufio.Writer
	sum   hash.Hash
	done  bool
}

// writerFunc makes a function an io.Writer.
type writerFunc func([]byte) (int, error)

// Write implements io.Writer.
func (w writerFunc) Write(b []byte) (int, error) { return w(b) }

func (s *snapshotSink) writeFile(b []byte) (n int, err error) {
	err = step(s.store.faults, StepSnapshotWrite, func() error {
		n, err = s.f.Write(b)
		return err
	})
	return n, err
}

// ID implements raft.SnapshotSink.
func (s *snapshotSink) ID() string { return s.id }

// Write implements io.Writer.
func (s *snapshotSink) Write(b []byte) (int, error) {
	s.sum.Write(b)
	n, err := s.w.Write(b)
	if err != nil {
		return n, fmt.Errorf("write snapshot: %w", err)
	}
	return n, nil
}

// Cancel implements raft.SnapshotSink: nothing of the snapshot stays.
func (s *snapshotSink) Cancel() error {
	if s.done {
		return nil
	}
	s.done = true
	return errors.Join(s.f.Close(), s.store.remove(s.id+snapshotTemp))
}

// Close implements raft.SnapshotSink: the snapshot is durable under its name, or gone.
func (s *snapshotSink) Close() error {
	if s.done {
		return nil
	}
	_, err := s.w.Write(s.sum.Sum(nil))
	if err == nil {
		err = s.w.Flush()
	}
	if err != nil {
		return fmt.Errorf("write snapshot: %w", errors.Join(err, s.Cancel()))
	}
	if err := s.commit(); err != nil {
		err = fmt.Errorf("make snapshot durable: %w", err)
		s.store.onFatal(fmt.Errorf("%w: %w", ErrFailed, err))
		return errors.Join(err, s.Cancel())
	}
	return s.store.reap()
}

// commit makes the written file durable and gives it its name.
func (s *snapshotSink) commit() error {
	if err := step(s.store.faults, StepSnapshotFsync, s.f.Sync); err != nil {
		return err
	}
	if err := s.f.Close(); err != nil {
		return err
	}
	temp := filepath.Join(s.store.dir, s.id+snapshotTemp)
	err := step(s.store.faults, StepSnapshotRename, func() error {
		return os.Rename(temp, filepath.Join(s.store.dir, s.id+snapshotSuffix))
	})
	if err != nil {
		return err
	}
	s.done = true
	return step(s.store.faults, StepSnapshotSyncDir, func() error { return syncDir(s.store.dir) })
}

// reap removes all but the newest snapshots.
func (s *snapshotStore) reap() error {
	ids, err := s.ids()
	if err != nil {
		return err
	}
	for _, id := range ids[min(snapshotsKept, len(ids)):] {
		if err := s.remove(id + snapshotSuffix); err != nil {
			return fmt.Errorf("remove snapshot: %w", err)
		}
	}
	return nil
}

// newest returns the index of the newest snapshot that is whole, 0 if there is none, and
// the errors of the damaged ones that are newer.
func (s *snapshotStore) newest() (index uint64, damage error, err error) {
	ids, err := s.ids()
	if err != nil {
		return 0, nil, err
	}
	for _, id := range ids {
		meta, f, err := s.open(id)
		if errors.Is(err, ErrCorrupt) {
			damage = errors.Join(damage, err)
			continue
		}
		if err != nil {
			return 0, damage, err
		}
		return meta.Index, damage, f.Close()
	}
	return 0, damage, nil
}
