package blob

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"strconv"

	"github.com/cerberus-host/cerberus/abi"
)

// ReadRange reads at most limit bytes from offset on, fewer at the end of the blob, and
// returns them and the size of the whole. The whole blob is checked against its digest
// before the first read since the start. It returns [ErrUnknown] or [ErrDamaged].
func (s *Store) ReadRange(d abi.Digest, offset int64, limit int) ([]byte, int64, error) {
	total, err := s.verified(d)
	if err != nil {
		return nil, 0, err
	}
	if offset < 0 || offset >= total || limit <= 0 {
		return nil, total, nil
	}
	f, err := s.open(d)
	if err != nil {
		return nil, 0, err
	}
	data := make([]byte, min(int64(limit), total-offset))
	_, err = f.ReadAt(data, offset)
	if errors.Is(err, io.EOF) {
		err = fmt.Errorf("%w: %s is shorter than it was", ErrDamaged, d)
	}
	if err := errors.Join(err, f.Close()); err != nil {
		return nil, 0, fmt.Errorf("read blob: %w", err)
	}
	return data, total, nil
}

// ReadAll reads a blob of at most limit bytes and checks its digest. It returns
// [ErrUnknown], [ErrDamaged] or [ErrSize].
func (s *Store) ReadAll(d abi.Digest, limit int64) ([]byte, error) {
	total, ok := s.Has(d)
	if !ok {
		return nil, fmt.Errorf("%w: %s", ErrUnknown, d)
	}
	if total > limit {
		return nil, fmt.Errorf("%w: %s has %d bytes, more than %d", ErrSize, d, total, limit)
	}
	f, err := s.open(d)
	if err != nil {
		return nil, err
	}
	data := make([]byte, total)
	_, err = f.ReadAt(data, 0)
	if errors.Is(err, io.EOF) {
		err = nil // the digest will tell
	}
	if err := errors.Join(err, f.Close()); err != nil {
		return nil, fmt.Errorf("read blob: %w", err)
	}
	if abi.SumDigest(data) != d {
		return nil, s.quarantine(d)
	}
	return data, nil
}

func (s *Store) open(d abi.Digest) (File, error) {
	f, err := s.fs.Open(s.path(d))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: %s", ErrUnknown, d)
	}
	if err != nil {
		return nil, fmt.Errorf("open blob: %w", err)
	}
	return f, nil
}

// verified returns the size of a blob whose bytes have its digest.
func (s *Store) verified(d abi.Digest) (int64, error) {
	s.mu.Lock()
	e, ok := s.blobs[d]
	s.mu.Unlock()
	if !ok {
		return 0, fmt.Errorf("%w: %s", ErrUnknown, d)
	}
	e.check.Lock()
	defer e.check.Unlock()
	if e.verified {
		return e.bytes, nil
	}
	f, err := s.open(d)
	if err != nil {
		return 0, err
	}
	got, n, err := abi.ReadDigest(io.NewSectionReader(f, 0, e.bytes+1))
	if err := errors.Join(err, f.Close()); err != nil {
		return 0, fmt.Errorf("check blob: %w", err)
	}
	if got != d || n != e.bytes {
		return 0, s.quarantine(d)
	}
	e.verified = true
	return e.bytes, nil
}

// quarantine moves a damaged blob aside and returns [ErrDamaged].
func (s *Store) quarantine(d abi.Digest) error {
	s.mu.Lock()
	if e, ok := s.blobs[d]; ok {
		delete(s.blobs, d)
		s.bytes -= e.bytes
	}
	s.mu.Unlock()
	path := s.path(d)
	err := fmt.Errorf("%w: %s; it was moved to damaged, upload it again", ErrDamaged, d)
	if moved := s.fs.Rename(path, filepath.Join(s.damagedDir(), filepath.Base(path))); moved != nil &&
		!errors.Is(moved, fs.ErrNotExist) {
		return errors.Join(err, moved)
	}
	return err
}

// Put stores a blob of the node itself and returns its digest when it is durable. It
// returns [ErrSize], [ErrQuota] or [ErrDiskFull].
func (s *Store) Put(data []byte) (abi.Digest, error) {
	d := abi.SumDigest(data)
	if len(data) == 0 || len(data) > BytesMax {
		return d, fmt.Errorf("%w: %d bytes", ErrSize, len(data))
	}
	if _, err := s.verified(d); err == nil {
		return d, nil
	}
	s.mu.Lock()
	err := s.admit(int64(len(data)))
	s.puts++
	name := filepath.Join(s.uploadDir(), "put-"+strconv.FormatUint(s.puts, 10)+putSuffix)
	s.mu.Unlock()
	if err != nil {
		return d, err
	}
	f, err := s.fs.Create(name)
	if err != nil {
		return d, writeError("create blob", err)
	}
	if _, err := f.WriteAt(data, 0); err != nil {
		return d, errors.Join(writeError("write blob", err), f.Close(), s.fs.Remove(name))
	}
	return d, s.publish(f, name, d, int64(len(data)))
}

// Open returns a reader of a whole blob, whose digest was checked since the start, and its
// size. The caller closes it. It returns [ErrUnknown] or [ErrDamaged].
func (s *Store) Open(d abi.Digest) (io.ReadCloser, int64, error) {
	total, err := s.verified(d)
	if err != nil {
		return nil, 0, err
	}
	f, err := s.open(d)
	if err != nil {
		return nil, 0, err
	}
	return &reader{io.NewSectionReader(f, 0, total), f}, total, nil
}

type reader struct {
	io.Reader
	io.Closer
}
