package blob

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/cerberus-host/cerberus/abi"
)

const (
	partSuffix  = ".part"
	stateSuffix = ".state"
	putSuffix   = ".tmp"
)

// upload is an open upload. mu serialises its file operations; the store's mu guards
// touched and present.
type upload struct {
	Upload

	mu sync.Mutex
	// chunks has the digest of each chunk that arrived, zero for the others.
	chunks []abi.Digest
	// trusted is false after a restart, until the chunks were compared with their digests.
	trusted bool
	// done is set when the upload was committed or dropped.
	done bool

	touched time.Time
	// present is the number of bytes that arrived.
	present int64
}

// Range is a run of chunks, [First, End).
type Range struct{ First, End int }

// Progress is the state of an upload.
type Progress struct {
	ID UploadID
	// Missing lists the chunks that have not arrived, in order.
	Missing []Range
}

// reserved is what open uploads will occupy, missing what of it is not yet on disk. The
// caller holds mu.
func (s *Store) reserved() int64 {
	var n int64
	for _, u := range s.uploads {
		n += u.Bytes
	}
	return n
}

func (s *Store) missing() int64 {
	var n int64
	for _, u := range s.uploads {
		n += u.Bytes - u.present
	}
	return n
}

// Start opens an upload, or finds the one that was opened with the same description, and
// tells what is missing. ownerBytes is what the owner holds already and ownerBytesMax what
// it may hold in all, open uploads included. It returns [ErrSize], [ErrQuota] or
// [ErrDiskFull].
func (s *Store) Start(u Upload, ownerBytes, ownerBytesMax int64) (Progress, error) {
	if u.Bytes < 1 || u.Bytes > BytesMax {
		return Progress{}, fmt.Errorf("%w: %d bytes, 1 to %d are accepted", ErrSize, u.Bytes,
			int64(BytesMax))
	}
	id := u.ID()
	s.mu.Lock()
	up, ok := s.uploads[id]
	if !ok {
		var err error
		if up, err = s.reserve(u, ownerBytes, ownerBytesMax); err != nil {
			s.mu.Unlock()
			return Progress{}, err
		}
		s.uploads[id] = up
		// Nobody may use the upload before its files exist.
		up.mu.Lock()
	}
	up.touched = s.cfg.Now()
	s.mu.Unlock()
	if !ok {
		err := s.createUpload(up)
		if err != nil {
			s.dropUpload(up)
			up.mu.Unlock()
			return Progress{}, err
		}
		up.mu.Unlock()
	}
	up.mu.Lock()
	defer up.mu.Unlock()
	if up.done {
		return Progress{}, fmt.Errorf("%w: it ended meanwhile", ErrUpload)
	}
	if err := s.recheck(up); err != nil {
		return Progress{}, err
	}
	return Progress{ID: id, Missing: up.missingRanges()}, nil
}

// reserve checks limits and makes the upload's record. The caller holds mu.
func (s *Store) reserve(u Upload, ownerBytes, ownerBytesMax int64) (*upload, error) {
	var count int
	for _, o := range s.uploads {
		if o.Owner == u.Owner {
			count++
			ownerBytes += o.Bytes
		}
	}
	switch {
	case len(s.uploads) >= s.cfg.UploadsMax:
		return nil, fmt.Errorf("%w: %d uploads are open", ErrQuota, len(s.uploads))
	case count >= s.cfg.UploadsPerOwnerMax:
		return nil, fmt.Errorf("%w: %s has %d uploads open", ErrQuota, u.Owner, count)
	case ownerBytes+u.Bytes > ownerBytesMax:
		return nil, fmt.Errorf("%w: %s holds %d of %d bytes, %d more are too many", ErrQuota,
			u.Owner, ownerBytes, ownerBytesMax, u.Bytes)
	}
	if err := s.admit(u.Bytes); err != nil {
		return nil, err
	}
	return &upload{Upload: u, chunks: make([]abi.Digest, u.chunks()), trusted: true}, nil
}

func (s *Store) uploadPath(id UploadID, suffix string) string {
	return filepath.Join(s.uploadDir(), hex.EncodeToString(id[:])+suffix)
}

// createUpload makes both files. Neither is synced: an upload that a power failure loses is
// only begun again, and what it leaves of one is noticed when it is resumed.
func (s *Store) createUpload(u *upload) error {
	id := u.ID()
	if err := s.writeNew(s.uploadPath(id, stateSuffix), u.sidecar()); err != nil {
		return err
	}
	return s.writeNew(s.uploadPath(id, partSuffix), nil)
}

// writeNew makes a new file with that content, which is not durable yet.
func (s *Store) writeNew(name string, content []byte) error {
	f, err := s.fs.Create(name)
	if err != nil {
		return writeError("create file", err)
	}
	if len(content) > 0 {
		if _, err := f.WriteAt(content, 0); err != nil {
			return errors.Join(writeError("write file", err), f.Close())
		}
	}
	if err := f.Close(); err != nil {
		return writeError("close file", err)
	}
	return nil
}

// PutChunk stores one chunk of an upload of that owner. digest is the chunk's; repeating a
// chunk is harmless. It returns [ErrUpload], [ErrChunk] or [ErrDiskFull].
func (s *Store) PutChunk(
	id UploadID, owner abi.Address, index int, data []byte, digest abi.Digest,
) error {
	u, err := s.find(id, owner)
	if err != nil {
		return err
	}
	switch {
	case index < 0 || index >= u.Upload.chunks():
		return fmt.Errorf("%w: index %d, the upload has %d chunks", ErrChunk, index,
			u.Upload.chunks())
	case len(data) != u.chunkBytes(index):
		return fmt.Errorf("%w: chunk %d has %d bytes, not %d", ErrChunk, index, len(data),
			u.chunkBytes(index))
	case abi.SumDigest(data) != digest:
		return fmt.Errorf("%w: chunk %d does not have its digest", ErrChunk, index)
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.done {
		return fmt.Errorf("%w: it ended meanwhile", ErrUpload)
	}
	if u.chunks[index] == digest && u.trusted {
		return nil
	}
	if err := s.admitChunk(len(data)); err != nil {
		return err
	}
	if err := s.writeAt(s.uploadPath(id, partSuffix), data, int64(index)*ChunkBytes); err != nil {
		return err
	}
	err = s.writeAt(s.uploadPath(id, stateSuffix), digest[:], sidecarOffset(index))
	if err != nil {
		return err
	}
	s.arrived(u, index, digest)
	return nil
}

// admitChunk refuses a chunk when the disk filled up after the upload was admitted.
func (s *Store) admitChunk(n int) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.failure != nil {
		return s.failure
	}
	free, err := s.fs.Free(s.cfg.Dir)
	if err != nil {
		return err
	}
	if free-s.cfg.FloorBytes < int64(n) {
		return fmt.Errorf("%w: %d bytes are free, %d must stay so", ErrDiskFull, free,
			s.cfg.FloorBytes)
	}
	return nil
}

func (s *Store) writeAt(name string, data []byte, off int64) error {
	f, err := s.fs.OpenWrite(name)
	if err != nil {
		return writeError("open upload", err)
	}
	if _, err := f.WriteAt(data, off); err != nil {
		return errors.Join(writeError("write upload", err), f.Close())
	}
	if err := f.Close(); err != nil {
		return writeError("close upload", err)
	}
	return nil
}

func (s *Store) arrived(u *upload, index int, digest abi.Digest) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if u.chunks[index].IsZero() {
		u.present += int64(u.chunkBytes(index))
	}
	u.chunks[index] = digest
	u.touched = s.cfg.Now()
}

// find returns an upload of that owner.
func (s *Store) find(id UploadID, owner abi.Address) (*upload, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	u, ok := s.uploads[id]
	if !ok || u.Owner != owner {
		return nil, fmt.Errorf("%w: %x of %s", ErrUpload, id[:], owner)
	}
	return u, nil
}

// recheck compares the chunks that arrived before a restart with their digests: the disk
// may have lost what was never synced. The caller holds u.mu.
func (s *Store) recheck(u *upload) error {
	if u.trusted {
		return nil
	}
	f, err := s.fs.Open(s.uploadPath(u.ID(), partSuffix))
	if err != nil {
		return fmt.Errorf("open upload: %w", err)
	}
	buf := make([]byte, ChunkBytes)
	for i, want := range u.chunks {
		if want.IsZero() {
			continue
		}
		part := buf[:u.chunkBytes(i)]
		_, err := f.ReadAt(part, int64(i)*ChunkBytes)
		if err != nil && !errors.Is(err, io.EOF) {
			return errors.Join(fmt.Errorf("read upload: %w", err), f.Close())
		}
		if err != nil || abi.SumDigest(part) != want {
			s.mu.Lock()
			u.chunks[i] = abi.Digest{}
			u.present -= int64(len(part))
			s.mu.Unlock()
		}
	}
	u.trusted = true
	return f.Close()
}

func (u *upload) missingRanges() []Range {
	var list []Range
	for i, d := range u.chunks {
		switch n := len(list); {
		case !d.IsZero():
		case n > 0 && list[n-1].End == i:
			list[n-1].End++
		default:
			list = append(list, Range{i, i + 1})
		}
	}
	return list
}

// Commit checks size and digest of a finished upload, makes it durable and returns what it
// is; the blob can be read from then on. It returns [ErrIncomplete], or [ErrMismatch] and
// drops the upload.
func (s *Store) Commit(id UploadID, owner abi.Address) (Upload, error) {
	u, err := s.find(id, owner)
	if err != nil {
		return Upload{}, err
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.done {
		return Upload{}, fmt.Errorf("%w: it ended meanwhile", ErrUpload)
	}
	if err := s.recheck(u); err != nil {
		return Upload{}, err
	}
	if missing := u.missingRanges(); len(missing) > 0 {
		return Upload{}, fmt.Errorf("%w: chunks %d to %d and maybe others are missing",
			ErrIncomplete, missing[0].First, missing[0].End-1)
	}
	if err := s.finish(u); err != nil {
		return Upload{}, err
	}
	return u.Upload, nil
}

// finish hashes the whole, makes it durable and moves it to its name.
func (s *Store) finish(u *upload) error {
	name := s.uploadPath(u.ID(), partSuffix)
	f, err := s.fs.OpenWrite(name)
	if err != nil {
		return fmt.Errorf("open upload: %w", err)
	}
	h := sha256.New()
	n, err := io.Copy(h, io.NewSectionReader(f, 0, BytesMax+1))
	if err != nil {
		return errors.Join(fmt.Errorf("read upload: %w", err), f.Close())
	}
	if n != u.Bytes || abi.Digest(h.Sum(nil)) != u.Digest {
		s.dropUpload(u)
		return errors.Join(fmt.Errorf("%w: %s", ErrMismatch, u.Digest), f.Close())
	}
	if err := s.publish(f, name, u.Digest, u.Bytes); err != nil {
		return err
	}
	s.dropUpload(u)
	return nil
}

// publish makes a finished file durable, moves it to the name of its digest and closes it.
func (s *Store) publish(f File, name string, d abi.Digest, bytes int64) error {
	if err := f.Sync(); err != nil {
		return errors.Join(s.fail("sync blob", err), f.Close())
	}
	if err := f.Close(); err != nil {
		return writeError("close blob", err)
	}
	if err := s.makeShard(d); err != nil {
		return err
	}
	if err := s.fs.Rename(name, s.path(d)); err != nil {
		return writeError("name blob", err)
	}
	if err := s.fs.SyncDir(s.shard(d)); err != nil {
		return s.fail("sync directory", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.blobs[d]; !ok {
		s.bytes += bytes
	}
	s.blobs[d] = &entry{bytes: bytes, verified: true}
	return nil
}

// makeShard makes the directory of a blob durable, once.
func (s *Store) makeShard(d abi.Digest) error {
	s.mu.Lock()
	known := s.shards[d[0]]
	s.mu.Unlock()
	if known {
		return nil
	}
	if err := s.fs.MkdirAll(s.shard(d)); err != nil {
		return writeError("make directory", err)
	}
	if err := s.fs.SyncDir(s.blobDir()); err != nil {
		return s.fail("sync directory", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.shards[d[0]] = true
	return nil
}

// dropUpload forgets an upload and removes what is left of its files. What cannot be
// removed now is removed by the next start. The caller holds u.mu.
func (s *Store) dropUpload(u *upload) {
	u.done = true
	id := u.ID()
	s.mu.Lock()
	delete(s.uploads, id)
	s.mu.Unlock()
	for _, suffix := range []string{partSuffix, stateSuffix} {
		// A failure leaves a file that the next start removes.
		_ = s.fs.Remove(s.uploadPath(id, suffix))
	}
}

// Sweep drops the uploads that rested longer than the configured age, and returns how
// many.
func (s *Store) Sweep() int {
	s.mu.Lock()
	var old []*upload
	for _, u := range s.uploads {
		if s.cfg.Now().Sub(u.touched) > s.cfg.UploadAge {
			old = append(old, u)
		}
	}
	s.mu.Unlock()
	for _, u := range old {
		u.mu.Lock()
		if !u.done {
			s.dropUpload(u)
		}
		u.mu.Unlock()
	}
	return len(old)
}

// loadUploads finds the uploads that were open when the process ended, and removes what is
// no complete pair of files.
func (s *Store) loadUploads() error {
	files, err := s.fs.ReadDir(s.uploadDir())
	if err != nil {
		return err
	}
	parts := make(map[string]bool)
	for _, f := range files {
		if base, ok := strings.CutSuffix(f.Name(), partSuffix); ok {
			parts[base] = true
		}
	}
	for _, f := range files {
		base, isState := strings.CutSuffix(f.Name(), stateSuffix)
		_, isPart := strings.CutSuffix(f.Name(), partSuffix)
		isPut := strings.HasPrefix(f.Name(), "put-") && strings.HasSuffix(f.Name(), putSuffix)
		switch {
		case !f.Type().IsRegular() || (!isState && !isPart && !isPut):
			return fmt.Errorf("%w: uploads/%.80s; move it away", ErrLayout, f.Name())
		case isState && parts[base] && s.loadUpload(base, f) == nil:
			delete(parts, base)
		case !isPart:
			if err := s.fs.Remove(filepath.Join(s.uploadDir(), f.Name())); err != nil {
				return err
			}
		}
	}
	for base := range parts {
		if err := s.fs.Remove(filepath.Join(s.uploadDir(), base+partSuffix)); err != nil {
			return err
		}
	}
	return nil
}

// loadUpload reads a sidecar; any error means that the upload cannot be resumed.
func (s *Store) loadUpload(base string, f fs.DirEntry) error {
	info, err := f.Info()
	if err != nil {
		return err
	}
	limit := sidecarOffset((BytesMax + ChunkBytes - 1) / ChunkBytes)
	if info.Size() > limit {
		return fmt.Errorf("%w: a sidecar of %d bytes", ErrLayout, info.Size())
	}
	file, err := s.fs.Open(filepath.Join(s.uploadDir(), f.Name()))
	if err != nil {
		return err
	}
	raw, err := io.ReadAll(io.NewSectionReader(file, 0, limit))
	if err := errors.Join(err, file.Close()); err != nil {
		return err
	}
	up, chunks, err := parseSidecar(raw)
	if err != nil {
		return err
	}
	id := up.ID()
	if hex.EncodeToString(id[:]) != base {
		return fmt.Errorf("%w: a sidecar under another name", ErrLayout)
	}
	u := &upload{Upload: up, chunks: chunks, touched: info.ModTime()}
	for i, d := range chunks {
		if !d.IsZero() {
			u.present += int64(up.chunkBytes(i))
		}
	}
	s.uploads[id] = u
	return nil
}
