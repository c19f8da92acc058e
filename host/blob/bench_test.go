package blob_test

import (
	"encoding/binary"
	"testing"

	"github.com/cerberus-host/cerberus/host/blob"
)

// BenchmarkUpload uploads and commits blobs of eight chunks.
func BenchmarkUpload(b *testing.B) {
	s := open(b, blob.Config{Dir: b.TempDir()})
	data := content(8 * blob.ChunkBytes)
	b.SetBytes(int64(len(data)))
	for n := uint64(0); b.Loop(); n++ {
		binary.LittleEndian.PutUint64(data, n)
		upload(b, s, describe(data, 1), data)
	}
}

// BenchmarkReadRange reads a chunk of a blob that was checked before.
func BenchmarkReadRange(b *testing.B) {
	s := open(b, blob.Config{Dir: b.TempDir()})
	d, err := s.Put(content(4 * blob.ChunkBytes))
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(blob.ChunkBytes)
	for b.Loop() {
		if _, _, err := s.ReadRange(d, blob.ChunkBytes, blob.ChunkBytes); err != nil {
			b.Fatal(err)
		}
	}
}
