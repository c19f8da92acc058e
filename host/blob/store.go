package blob

import (
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/cerberus-host/cerberus/abi"
)

const (
	// ChunkBytes is the length of every chunk but the last.
	ChunkBytes = 1 << 20
	// BytesMax bounds one blob.
	BytesMax = 4 << 30
)

// Defaults of a [Config].
const (
	// UploadsMaxDefault bounds the open uploads of the store.
	UploadsMaxDefault = 1024
	// UploadsPerOwnerDefault bounds the open uploads of one owner.
	UploadsPerOwnerDefault = 64
	// UploadAgeDefault is how long an upload may rest.
	UploadAgeDefault = 24 * time.Hour
)

// Config is what a [Store] is made of. Dir and Now are required; zero limits take their
// defaults, and zero bytes mean "no such limit".
type Config struct {
	// Dir is the store's own directory; it is made if it is missing.
	Dir string
	// FS is where the files are; nil means the operating system's.
	FS FS
	// Now is the clock for the age of uploads.
	Now func() time.Time
	// FloorBytes is how much of the disk must stay free.
	FloorBytes int64
	// TotalBytesMax bounds blobs and open uploads together.
	TotalBytesMax int64
	// UploadsMax and UploadsPerOwnerMax bound the uploads that are open at once.
	UploadsMax, UploadsPerOwnerMax int
	// UploadAge is how long an upload may rest before [Store.Sweep] drops it.
	UploadAge time.Duration
}

func (c Config) withDefaults() Config {
	if c.FS == nil {
		c.FS = Disk{}
	}
	if c.UploadsMax == 0 {
		c.UploadsMax = UploadsMaxDefault
	}
	if c.UploadsPerOwnerMax == 0 {
		c.UploadsPerOwnerMax = UploadsPerOwnerDefault
	}
	if c.UploadAge == 0 {
		c.UploadAge = UploadAgeDefault
	}
	return c
}

// entry is a blob on disk.
type entry struct {
	bytes int64
	// check serialises the first verification; verified is guarded by it.
	check    sync.Mutex
	verified bool
}

// Store is a directory of blobs. It is safe for concurrent use. A directory belongs to one
// store of one process at a time.
type Store struct {
	cfg Config
	fs  FS

	mu      sync.Mutex
	blobs   map[abi.Digest]*entry
	bytes   int64
	uploads map[UploadID]*upload
	// shards tells the directories of blobs whose names are durable.
	shards  [256]bool
	puts    uint64
	failure error
	failed  chan struct{}
}

// Open reads the directory, removes what a crash left half done, and returns the store.
// It returns [ErrLayout] if the directory holds files that are not the store's.
func Open(cfg Config) (*Store, error) {
	cfg = cfg.withDefaults()
	s := &Store{
		cfg: cfg, fs: cfg.FS, blobs: make(map[abi.Digest]*entry),
		uploads: make(map[UploadID]*upload), failed: make(chan struct{}),
	}
	for _, dir := range []string{s.blobDir(), s.uploadDir(), s.damagedDir()} {
		if err := s.fs.MkdirAll(dir); err != nil {
			return nil, fmt.Errorf("make blob store: %w", err)
		}
	}
	if err := s.loadBlobs(); err != nil {
		return nil, fmt.Errorf("open blob store: %w", err)
	}
	if err := s.loadUploads(); err != nil {
		return nil, fmt.Errorf("open uploads: %w", err)
	}
	return s, nil
}

func (s *Store) blobDir() string    { return filepath.Join(s.cfg.Dir, "blobs") }
func (s *Store) uploadDir() string  { return filepath.Join(s.cfg.Dir, "uploads") }
func (s *Store) damagedDir() string { return filepath.Join(s.cfg.Dir, "damaged") }

// shard is the directory of a blob, path its file.
func (s *Store) shard(d abi.Digest) string {
	return filepath.Join(s.blobDir(), hex.EncodeToString(d[:1]))
}

func (s *Store) path(d abi.Digest) string {
	return filepath.Join(s.shard(d), hex.EncodeToString(d[:]))
}

func (s *Store) loadBlobs() error {
	shards, err := s.fs.ReadDir(s.blobDir())
	if err != nil {
		return err
	}
	for _, shard := range shards {
		if _, ok := parseHex(shard.Name(), 1); !ok || !shard.IsDir() {
			return fmt.Errorf("%w: blobs/%.80s; move it away", ErrLayout, shard.Name())
		}
		files, err := s.fs.ReadDir(filepath.Join(s.blobDir(), shard.Name()))
		if err != nil {
			return err
		}
		for _, f := range files {
			if err := s.loadBlob(shard.Name(), f); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *Store) loadBlob(shard string, f fs.DirEntry) error {
	raw, ok := parseHex(f.Name(), abi.DigestBytes)
	if !ok || !strings.HasPrefix(f.Name(), shard) || !f.Type().IsRegular() {
		return fmt.Errorf("%w: blobs/%s/%.80s; move it away", ErrLayout, shard, f.Name())
	}
	info, err := f.Info()
	if err != nil {
		return err
	}
	s.blobs[abi.Digest(raw)] = &entry{bytes: info.Size()}
	s.bytes += info.Size()
	return nil
}

// parseHex reads exactly n bytes of lower-case hex.
func parseHex(name string, n int) ([]byte, bool) {
	raw, err := hex.DecodeString(name)
	return raw, err == nil && len(raw) == n && strings.ToLower(name) == name
}

// Stats is what the store holds.
type Stats struct {
	Blobs, Uploads int
	// Bytes are those of blobs, UploadBytes those that open uploads will have.
	Bytes, UploadBytes int64
	// FreeBytes and FloorBytes are those of the disk.
	FreeBytes, FloorBytes int64
}

// Stats returns what the store holds and what the disk has left.
func (s *Store) Stats() (Stats, error) {
	free, err := s.fs.Free(s.cfg.Dir)
	if err != nil {
		return Stats{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return Stats{
		Blobs: len(s.blobs), Uploads: len(s.uploads), Bytes: s.bytes,
		UploadBytes: s.reserved(), FreeBytes: free, FloorBytes: s.cfg.FloorBytes,
	}, nil
}

// Has reports whether a blob is there, and its size. Its bytes were not necessarily
// checked yet.
func (s *Store) Has(d abi.Digest) (bytes int64, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	e, ok := s.blobs[d]
	if !ok {
		return 0, false
	}
	return e.bytes, true
}

// Digests lists the blobs, sorted.
func (s *Store) Digests() []abi.Digest {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := make([]abi.Digest, 0, len(s.blobs))
	for d := range s.blobs {
		list = append(list, d)
	}
	slices.SortFunc(list, func(a, b abi.Digest) int { return slices.Compare(a[:], b[:]) })
	return list
}

// Failed is closed when an fsync failed; [Store.Err] then says which. Every write is
// refused from then on.
func (s *Store) Failed() <-chan struct{} { return s.failed }

// Err returns nil, or an error that wraps [ErrFailed].
func (s *Store) Err() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.failure
}

// fail records that an fsync failed. The kernel may have dropped the pages, so that a
// second fsync would report success for data that is lost.
func (s *Store) fail(doing string, err error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.failure == nil {
		s.failure = fmt.Errorf("%w: %s: %w; check the disk and restart the node", ErrFailed, doing,
			err)
		close(s.failed)
	}
	return s.failure
}

// writeError gives a full disk its own error.
func writeError(doing string, err error) error {
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return fmt.Errorf("%w: %s: %w", ErrDiskFull, doing, err)
	}
	return fmt.Errorf("%s: %w", doing, err)
}

// admit refuses bytes for which there is no room. The caller holds mu.
func (s *Store) admit(bytes int64) error {
	if s.failure != nil {
		return s.failure
	}
	reserved := s.reserved()
	if s.cfg.TotalBytesMax > 0 && s.bytes+reserved+bytes > s.cfg.TotalBytesMax {
		return fmt.Errorf("%w: the store holds %d of %d bytes", ErrQuota, s.bytes+reserved,
			s.cfg.TotalBytesMax)
	}
	free, err := s.fs.Free(s.cfg.Dir)
	if err != nil {
		return err
	}
	if free-s.cfg.FloorBytes-bytes < s.missing() {
		return fmt.Errorf("%w: %d bytes are free, %d must stay so", ErrDiskFull, free,
			s.cfg.FloorBytes)
	}
	return nil
}

// Delete removes a blob that nobody needs any more; an absent one is no error.
func (s *Store) Delete(d abi.Digest) error {
	s.mu.Lock()
	e, ok := s.blobs[d]
	if ok {
		delete(s.blobs, d)
		s.bytes -= e.bytes
	}
	s.mu.Unlock()
	if !ok {
		return nil
	}
	if err := s.fs.Remove(s.path(d)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("delete blob %s: %w", d.Short(), err)
	}
	if err := s.fs.SyncDir(s.shard(d)); err != nil {
		return s.fail("sync directory", err)
	}
	return nil
}
