package blob

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"

	"github.com/cerberus-host/cerberus/abi"
)

// The sidecar of an upload is a header of 80 bytes and one digest of 32 bytes for each
// chunk, zero for a chunk that has not arrived. The header is, little endian:
//
//	 0  8 bytes  "CBUPLD01"
//	 8 32 bytes  digest of the blob
//	40  8 bytes  size of the blob
//	48 20 bytes  owner
//	68  1 byte   kind
//	69  7 bytes  zero
//	76  4 bytes  CRC-32C of the bytes before
const (
	sidecarMagic       = "CBUPLD01"
	sidecarHeaderBytes = 80
	sidecarSumOffset   = sidecarHeaderBytes - 4
)

// Upload describes an upload: what was announced, and who may fill it.
type Upload struct {
	Digest abi.Digest
	// Bytes is the size of the blob, 1 to [BytesMax].
	Bytes int64
	// Kind is the caller's word for what the blob holds; the store only keeps it.
	Kind  uint8
	Owner abi.Address
}

// UploadID names an upload. It follows from the upload's description, so that repeating
// [Store.Start] finds what arrived before, also after a restart.
type UploadID [16]byte

// ID returns the upload's id.
func (u Upload) ID() UploadID {
	d := abi.LabelledDigest("cerberus upload v1", u.header())
	return UploadID(d[:16])
}

// chunks returns the number of chunks.
func (u Upload) chunks() int { return int((u.Bytes + ChunkBytes - 1) / ChunkBytes) }

// chunkBytes returns the length of chunk i; the last one may be shorter.
func (u Upload) chunkBytes(i int) int {
	return int(min(ChunkBytes, u.Bytes-int64(i)*ChunkBytes))
}

func (u Upload) header() []byte {
	b := make([]byte, sidecarHeaderBytes)
	copy(b, sidecarMagic)
	copy(b[8:], u.Digest[:])
	binary.LittleEndian.PutUint64(b[40:], uint64(u.Bytes))
	copy(b[48:], u.Owner[:])
	b[68] = u.Kind
	binary.LittleEndian.PutUint32(b[sidecarSumOffset:], sidecarSum(b))
	return b
}

func sidecarSum(header []byte) uint32 {
	return crc32.Checksum(header[:sidecarSumOffset], crc32.MakeTable(crc32.Castagnoli))
}

// sidecar returns the sidecar of an upload of which nothing has arrived.
func (u Upload) sidecar() []byte {
	return append(u.header(), make([]byte, u.chunks()*abi.DigestBytes)...)
}

// sidecarOffset is where the digest of chunk i stands in the sidecar.
func sidecarOffset(i int) int64 { return sidecarHeaderBytes + int64(i)*abi.DigestBytes }

// parseSidecar reads a sidecar strictly.
func parseSidecar(b []byte) (Upload, []abi.Digest, error) {
	if len(b) < sidecarHeaderBytes {
		return Upload{}, nil, fmt.Errorf("%w: a sidecar of %d bytes", ErrLayout, len(b))
	}
	u := Upload{
		Digest: abi.Digest(b[8:40]),
		Bytes:  int64(binary.LittleEndian.Uint64(b[40:])),
		Kind:   b[68],
		Owner:  abi.Address(b[48:68]),
	}
	if u.Bytes < 1 || u.Bytes > BytesMax || !bytes.Equal(b[:sidecarHeaderBytes], u.header()) {
		return Upload{}, nil, fmt.Errorf("%w: a sidecar with a damaged header", ErrLayout)
	}
	rest := b[sidecarHeaderBytes:]
	if len(rest) != u.chunks()*abi.DigestBytes {
		return Upload{}, nil, fmt.Errorf("%w: a sidecar with %d bytes for %d chunks", ErrLayout,
			len(rest), u.chunks())
	}
	chunks := make([]abi.Digest, u.chunks())
	for i := range chunks {
		chunks[i] = abi.Digest(rest[i*abi.DigestBytes:])
	}
	return u, chunks, nil
}
