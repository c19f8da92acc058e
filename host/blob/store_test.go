package blob_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/cerberus-host/cerberus/abi"
	"github.com/cerberus-host/cerberus/host/blob"
)

const noLimit = 1 << 50

// faultFS is the real disk with failures on demand.
type faultFS struct {
	blob.Disk

	free      int64
	writeErr  error
	syncErr   error
	renameErr error
}

func (f *faultFS) Free(dir string) (int64, error) {
	if f.free != 0 {
		return f.free, nil
	}
	return f.Disk.Free(dir)
}

func (f *faultFS) Rename(from, to string) error {
	if f.renameErr != nil {
		return f.renameErr
	}
	return f.Disk.Rename(from, to)
}

func (f *faultFS) Create(name string) (blob.File, error) { return f.wrap(f.Disk.Create(name)) }

func (f *faultFS) OpenWrite(name string) (blob.File, error) {
	return f.wrap(f.Disk.OpenWrite(name))
}

func (f *faultFS) wrap(file blob.File, err error) (blob.File, error) {
	if err != nil {
		return nil, err
	}
	return faultFile{file, f}, nil
}

type faultFile struct {
	blob.File

	fs *faultFS
}

func (f faultFile) WriteAt(b []byte, off int64) (int, error) {
	if f.fs.writeErr != nil {
		return 0, f.fs.writeErr
	}
	return f.File.WriteAt(b, off)
}

func (f faultFile) Sync() error {
	if f.fs.syncErr != nil {
		return f.fs.syncErr
	}
	return f.File.Sync()
}

type clock struct{ now time.Time }

func (c *clock) Now() time.Time { return c.now }

func open(t testing.TB, cfg blob.Config) *blob.Store {
	t.Helper()
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	s, err := blob.Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// content makes bytes that differ from chunk to chunk.
func content(n int) []byte {
	b := make([]byte, n)
	x := uint32(n) | 1
	for i := range b {
		x ^= x << 13
		x ^= x >> 17
		x ^= x << 5
		b[i] = byte(x)
	}
	return b
}

func describe(data []byte, owner byte) blob.Upload {
	return blob.Upload{
		Digest: abi.SumDigest(data), Bytes: int64(len(data)), Kind: 4, Owner: abi.Address{owner},
	}
}

func chunk(data []byte, i int) []byte {
	return data[i*blob.ChunkBytes : min((i+1)*blob.ChunkBytes, len(data))]
}

func put(t testing.TB, s *blob.Store, u blob.Upload, data []byte, i int) {
	t.Helper()
	part := chunk(data, i)
	if err := s.PutChunk(u.ID(), u.Owner, i, part, abi.SumDigest(part)); err != nil {
		t.Fatal(err)
	}
}

func start(t testing.TB, s *blob.Store, u blob.Upload) blob.Progress {
	t.Helper()
	p, err := s.Start(u, 0, noLimit)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func upload(t testing.TB, s *blob.Store, u blob.Upload, data []byte) {
	t.Helper()
	for _, r := range start(t, s, u).Missing {
		for i := r.First; i < r.End; i++ {
			put(t, s, u, data, i)
		}
	}
	if _, err := s.Commit(u.ID(), u.Owner); err != nil {
		t.Fatal(err)
	}
}

func wantError(t testing.TB, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Fatalf("%v, want %v", err, want)
	}
}

func blobPath(dir string, d abi.Digest) string {
	name := hex.EncodeToString(d[:])
	return filepath.Join(dir, "blobs", name[:2], name)
}

func TestUploadAndRead(t *testing.T) {
	dir := t.TempDir()
	s := open(t, blob.Config{Dir: dir})
	data := content(2*blob.ChunkBytes + 7)
	u := describe(data, 1)
	upload(t, s, u, data)
	for _, st := range []*blob.Store{s, open(t, blob.Config{Dir: dir})} {
		got, err := st.ReadAll(u.Digest, noLimit)
		if err != nil || !bytes.Equal(got, data) {
			t.Fatalf("%d bytes, %v", len(got), err)
		}
		part, total, err := st.ReadRange(u.Digest, blob.ChunkBytes-2, 5)
		if err != nil || total != int64(len(data)) ||
			!bytes.Equal(part, data[blob.ChunkBytes-2:blob.ChunkBytes+3]) {
			t.Fatalf("range: %d of %d bytes, %v", len(part), total, err)
		}
		part, _, err = st.ReadRange(u.Digest, int64(len(data))-3, 100)
		if err != nil || !bytes.Equal(part, data[len(data)-3:]) {
			t.Fatalf("end: %d bytes, %v", len(part), err)
		}
		part, _, err = st.ReadRange(u.Digest, int64(len(data)), 100)
		if err != nil || len(part) != 0 {
			t.Fatalf("beyond the end: %d bytes, %v", len(part), err)
		}
	}
	_, err := s.ReadAll(u.Digest, 10)
	wantError(t, err, blob.ErrSize)
	_, _, err = s.ReadRange(abi.Digest{1}, 0, 1)
	wantError(t, err, blob.ErrUnknown)
}

func TestUploadSurvivesRestart(t *testing.T) {
	dir := t.TempDir()
	s := open(t, blob.Config{Dir: dir})
	data := content(4 * blob.ChunkBytes)
	u := describe(data, 1)
	start(t, s, u)
	put(t, s, u, data, 0)
	put(t, s, u, data, 2)
	put(t, s, u, data, 3)
	// The disk lost chunk 2, which was never synced.
	id := u.ID()
	part := filepath.Join(dir, "uploads", hex.EncodeToString(id[:])+".part")
	f, err := os.OpenFile(part, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteAt(make([]byte, 10), 2*blob.ChunkBytes); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	s = open(t, blob.Config{Dir: dir})
	p := start(t, s, u)
	if len(p.Missing) != 1 || p.Missing[0] != (blob.Range{First: 1, End: 3}) {
		t.Fatalf("missing %v", p.Missing)
	}
	upload(t, s, u, data)
}

func TestChunksAreChecked(t *testing.T) {
	s := open(t, blob.Config{Dir: t.TempDir()})
	data := content(blob.ChunkBytes + 5)
	u := describe(data, 1)
	start(t, s, u)
	first := chunk(data, 0)
	for name, c := range map[string]struct {
		id     blob.UploadID
		owner  byte
		index  int
		data   []byte
		digest abi.Digest
		want   error
	}{
		"other owner":   {u.ID(), 2, 0, first, abi.SumDigest(first), blob.ErrUpload},
		"no such":       {blob.UploadID{}, 1, 0, first, abi.SumDigest(first), blob.ErrUpload},
		"negative":      {u.ID(), 1, -1, first, abi.SumDigest(first), blob.ErrChunk},
		"beyond":        {u.ID(), 1, 2, first, abi.SumDigest(first), blob.ErrChunk},
		"long last":     {u.ID(), 1, 1, first, abi.SumDigest(first), blob.ErrChunk},
		"short":         {u.ID(), 1, 0, first[:9], abi.SumDigest(first[:9]), blob.ErrChunk},
		"wrong digest":  {u.ID(), 1, 0, first, abi.SumDigest(nil), blob.ErrChunk},
		"commit early":  {u.ID(), 1, -2, nil, abi.Digest{}, blob.ErrIncomplete},
		"commit others": {u.ID(), 2, -2, nil, abi.Digest{}, blob.ErrUpload},
	} {
		var err error
		if c.index == -2 {
			_, err = s.Commit(c.id, abi.Address{c.owner})
		} else {
			err = s.PutChunk(c.id, abi.Address{c.owner}, c.index, c.data, c.digest)
		}
		if !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
}

func TestAnnouncedDigestIsChecked(t *testing.T) {
	dir := t.TempDir()
	s := open(t, blob.Config{Dir: dir})
	data := content(100)
	u := describe(data, 1)
	u.Digest = abi.SumDigest([]byte("something else"))
	start(t, s, u)
	put(t, s, u, data, 0)
	_, err := s.Commit(u.ID(), u.Owner)
	wantError(t, err, blob.ErrMismatch)
	_, err = s.Commit(u.ID(), u.Owner)
	wantError(t, err, blob.ErrUpload)
	if files, err := os.ReadDir(filepath.Join(dir, "uploads")); err != nil || len(files) != 0 {
		t.Fatalf("%d files are left, %v", len(files), err)
	}
}

func TestLimits(t *testing.T) {
	s := open(t, blob.Config{
		Dir: t.TempDir(), TotalBytesMax: 1000, UploadsMax: 3, UploadsPerOwnerMax: 2,
	})
	up := func(owner byte, n int) error {
		_, err := s.Start(describe(content(n), owner), 10, 500)
		return err
	}
	wantError(t, up(1, 0), blob.ErrSize)
	_, err := s.Start(blob.Upload{Bytes: blob.BytesMax + 1}, 0, noLimit)
	wantError(t, err, blob.ErrSize)
	wantError(t, up(1, 491), blob.ErrQuota)
	wantError(t, up(1, 400), nil)
	wantError(t, up(1, 400), nil) // the same upload again
	wantError(t, up(1, 91), blob.ErrQuota)
	wantError(t, up(1, 50), nil)
	wantError(t, up(1, 1), blob.ErrQuota)
	wantError(t, up(2, 490), nil)
	wantError(t, up(3, 1), blob.ErrQuota)
	_, err = s.Put(content(100))
	wantError(t, err, blob.ErrQuota)
}

func TestDiskFloor(t *testing.T) {
	fs := &faultFS{free: 5000}
	s := open(t, blob.Config{Dir: t.TempDir(), FS: fs, FloorBytes: 1000})
	u := describe(content(3000), 1)
	start(t, s, u)
	// What is promised to an open upload is not promised twice.
	_, err := s.Start(describe(content(1001), 1), 0, noLimit)
	wantError(t, err, blob.ErrDiskFull)
	_, err = s.Put(content(1001))
	wantError(t, err, blob.ErrDiskFull)
	if _, err := s.Put(content(1000)); err != nil {
		t.Fatal(err)
	}
	// Another program filled the disk meanwhile.
	fs.free = 2000
	data := content(3000)
	wantError(t, s.PutChunk(u.ID(), u.Owner, 0, data, u.Digest), blob.ErrDiskFull)
	fs.free = 5000
	if err := s.PutChunk(u.ID(), u.Owner, 0, data, u.Digest); err != nil {
		t.Fatalf("after space was made: %v", err)
	}
}

func TestFullDiskWhileWriting(t *testing.T) {
	fs := &faultFS{}
	s := open(t, blob.Config{Dir: t.TempDir(), FS: fs})
	data := content(100)
	u := describe(data, 1)
	start(t, s, u)
	fs.writeErr = syscall.ENOSPC
	wantError(t, s.PutChunk(u.ID(), u.Owner, 0, data, u.Digest), blob.ErrDiskFull)
	_, err := s.Put(content(50))
	wantError(t, err, blob.ErrDiskFull)
	fs.writeErr = nil
	fs.renameErr = syscall.ENOSPC
	put(t, s, u, data, 0)
	_, err = s.Commit(u.ID(), u.Owner)
	wantError(t, err, blob.ErrDiskFull)
	fs.renameErr = nil
	if _, err := s.Commit(u.ID(), u.Owner); err != nil {
		t.Fatalf("after space was made: %v", err)
	}
}

func TestFailedSyncStopsTheStore(t *testing.T) {
	fs := &faultFS{}
	s := open(t, blob.Config{Dir: t.TempDir(), FS: fs})
	kept := content(10)
	if _, err := s.Put(kept); err != nil {
		t.Fatal(err)
	}
	data := content(100)
	u := describe(data, 1)
	start(t, s, u)
	put(t, s, u, data, 0)
	fs.syncErr = syscall.EIO
	_, err := s.Commit(u.ID(), u.Owner)
	wantError(t, err, blob.ErrFailed)
	fs.syncErr = nil
	_, err = s.Put(content(50))
	wantError(t, err, blob.ErrFailed)
	select {
	case <-s.Failed():
	default:
		t.Fatal("nobody is told")
	}
	wantError(t, s.Err(), blob.ErrFailed)
	if _, err := s.ReadAll(abi.SumDigest(kept), noLimit); err != nil {
		t.Fatalf("reading: %v", err)
	}
}

func TestDamagedBlobIsNeverServed(t *testing.T) {
	for name, damage := range map[string]func(string) error{
		"flipped": func(path string) error {
			b, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			b[len(b)/2] ^= 1
			return os.WriteFile(path, b, 0o600)
		},
		"cut":    func(path string) error { return os.Truncate(path, 5) },
		"longer": func(path string) error { return os.Truncate(path, 5000) },
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			data := content(1000)
			d, err := open(t, blob.Config{Dir: dir}).Put(data)
			if err != nil {
				t.Fatal(err)
			}
			if err := damage(blobPath(dir, d)); err != nil {
				t.Fatal(err)
			}
			s := open(t, blob.Config{Dir: dir})
			_, _, err = s.ReadRange(d, 0, 1)
			wantError(t, err, blob.ErrDamaged)
			_, err = s.ReadAll(d, noLimit)
			wantError(t, err, blob.ErrUnknown)
			upload(t, s, describe(data, 1), data)
			if got, err := s.ReadAll(d, noLimit); err != nil || !bytes.Equal(got, data) {
				t.Fatalf("after a new upload: %v", err)
			}
		})
	}
}

func TestForeignFilesAreRefused(t *testing.T) {
	for name, plant := range map[string]func(dir string, d abi.Digest) error{
		"link to a file": func(dir string, d abi.Digest) error {
			target := filepath.Join(dir, "elsewhere")
			if err := os.WriteFile(target, content(1000), 0o600); err != nil {
				return err
			}
			if err := os.Remove(blobPath(dir, d)); err != nil {
				return err
			}
			return os.Symlink(target, blobPath(dir, d))
		},
		"name in upper case": func(dir string, _ abi.Digest) error {
			return os.WriteFile(filepath.Join(dir, "blobs", "AB"), nil, 0o600)
		},
		"wrong folder": func(dir string, d abi.Digest) error {
			d[0]++
			name := hex.EncodeToString(d[:])
			return os.WriteFile(filepath.Join(filepath.Dir(blobPath(dir, abi.SumDigest(content(1000)))),
				name), nil, 0o600)
		},
		"stranger among uploads": func(dir string, _ abi.Digest) error {
			return os.WriteFile(filepath.Join(dir, "uploads", "notes.txt"), nil, 0o600)
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			d, err := open(t, blob.Config{Dir: dir}).Put(content(1000))
			if err != nil {
				t.Fatal(err)
			}
			if err := plant(dir, d); err != nil {
				t.Fatal(err)
			}
			_, err = blob.Open(blob.Config{Dir: dir, Now: time.Now})
			wantError(t, err, blob.ErrLayout)
		})
	}
}

// A link that appears while the store runs is not followed either.
func TestLinkIsNotFollowed(t *testing.T) {
	dir := t.TempDir()
	s := open(t, blob.Config{Dir: dir})
	d, err := s.Put(content(1000))
	if err != nil {
		t.Fatal(err)
	}
	moved := filepath.Join(dir, "moved")
	if err := os.Rename(blobPath(dir, d), moved); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(moved, blobPath(dir, d)); err != nil {
		t.Fatal(err)
	}
	_, _, err = s.ReadRange(d, 0, 1)
	wantError(t, err, blob.ErrLayout)
}

func TestDelete(t *testing.T) {
	s := open(t, blob.Config{Dir: t.TempDir()})
	d, err := s.Put(content(1000))
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Delete(d); err != nil {
		t.Fatal(err)
	}
	if err := s.Delete(d); err != nil {
		t.Fatalf("again: %v", err)
	}
	_, err = s.ReadAll(d, noLimit)
	wantError(t, err, blob.ErrUnknown)
	if st, err := s.Stats(); err != nil || st.Blobs != 0 || st.Bytes != 0 {
		t.Fatalf("%+v, %v", st, err)
	}
}

func TestSweepDropsOldUploads(t *testing.T) {
	c := &clock{now: time.Now()}
	dir := t.TempDir()
	s := open(t, blob.Config{Dir: dir, Now: c.Now, UploadAge: time.Hour})
	old, fresh := describe(content(10), 1), describe(content(20), 1)
	start(t, s, old)
	c.now = c.now.Add(50 * time.Minute)
	start(t, s, fresh)
	c.now = c.now.Add(20 * time.Minute)
	if n := s.Sweep(); n != 1 {
		t.Fatalf("%d uploads were dropped", n)
	}
	wantError(t, s.PutChunk(old.ID(), old.Owner, 0, content(10), old.Digest), blob.ErrUpload)
	put(t, s, fresh, content(20), 0)
	if files, err := os.ReadDir(filepath.Join(dir, "uploads")); err != nil || len(files) != 2 {
		t.Fatalf("%d files are left, %v", len(files), err)
	}
}

// crash is what a step panics with to end the store's work there.
type crash struct{}

// TestCrashAfterEveryStep stops the store after each of its numbered operations and opens
// the directory again: what was acknowledged is there, and the rest can be repeated.
func TestCrashAfterEveryStep(t *testing.T) {
	data, other := content(blob.ChunkBytes+9), content(333)
	u := describe(data, 1)
	for k := 1; ; k++ {
		dir := t.TempDir()
		acknowledged := map[abi.Digest][]byte{}
		finished := runUntil(k, func(fs blob.FS) {
			s := open(t, blob.Config{Dir: dir, FS: fs})
			d, err := s.Put(other)
			if err != nil {
				t.Error(err)
			}
			acknowledged[d] = other
			upload(t, s, u, data)
			acknowledged[u.Digest] = data
		})
		s := open(t, blob.Config{Dir: dir})
		for d, want := range acknowledged {
			if got, err := s.ReadAll(d, noLimit); err != nil || !bytes.Equal(got, want) {
				t.Fatalf("step %d: an acknowledged blob: %v", k, err)
			}
		}
		upload(t, s, u, data)
		st, err := s.Stats()
		if err != nil || st.Uploads != 0 {
			t.Fatalf("step %d: %+v, %v", k, st, err)
		}
		if files, err := os.ReadDir(filepath.Join(dir, "uploads")); err != nil || len(files) != 0 {
			t.Fatalf("step %d: %d files are left, %v", k, len(files), err)
		}
		if finished {
			if k < 20 {
				t.Fatalf("only %d steps were numbered", k)
			}
			return
		}
	}
}

// runUntil calls f with a file system that ends it after step k, and reports whether f
// came to its end.
func runUntil(k int, f func(blob.FS)) (finished bool) {
	defer func() {
		if r := recover(); r != nil {
			if _, ok := r.(crash); !ok {
				panic(r)
			}
		}
	}()
	n := 0
	f(blob.Disk{Step: func(string) {
		n++
		if n == k {
			panic(crash{})
		}
	}})
	return true
}
