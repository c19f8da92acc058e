package keyset

import (
	"bytes"
	"encoding/binary"
	"fmt"

	"github.com/consensys/gnark-crypto/ecc/bn254"

	"github.com/cerberus-host/cerberus/abi"
	"github.com/cerberus-host/cerberus/fhe"
)

const (
	// BytesMax bounds encoded commitments: as much as a key set of a gigabyte takes.
	BytesMax = 64 << 20
	// magic and version begin the encoding; do not renumber.
	magic   = "CKSC"
	version = 1
	// sizeMax bounds the coefficients of a block, openingMax the bytes of an opening.
	sizeMax    = 1 << 16
	openingMax = 64 * sizeMax
	pointBytes = bn254.SizeOfG1AffineUncompressed
	// headBytes is the length of what precedes the elements: magic, version, the digests of
	// key set and setup, the size of a block, and the numbers of elements and points.
	headBytes = len(magic) + 2 + 2*abi.DigestBytes + 3*4
)

// head is the encoding up to the points, which enters the transcript.
func (c *Commitments) head() []byte {
	out := make([]byte, 0, headBytes+8*len(c.elements))
	out = append(out, magic...)
	out = binary.LittleEndian.AppendUint16(out, version)
	out = append(out, c.keySet[:]...)
	out = append(out, c.setup[:]...)
	out = binary.LittleEndian.AppendUint32(out, uint32(c.size))
	out = binary.LittleEndian.AppendUint32(out, uint32(len(c.elements)))
	out = binary.LittleEndian.AppendUint32(out, uint32(len(c.points)))
	for _, g := range c.elements {
		out = binary.LittleEndian.AppendUint64(out, g)
	}
	return out
}

// Encode returns the canonical bytes, which [Parse] reads.
func (c *Commitments) Encode() []byte {
	out := appendPoints(c.head(), c.points)
	out = binary.LittleEndian.AppendUint32(out, uint32(len(c.opening)))
	return append(out, c.opening...)
}

func appendPoints(out []byte, points []bn254.G1Affine) []byte {
	for i := range points {
		raw := points[i].RawBytes()
		out = append(out, raw[:]...)
	}
	return out
}

// Parse reads what [Commitments.Encode] returns and nothing else; it allocates no more than
// a few times the length of data. Errors wrap [ErrFormat].
func Parse(data []byte) (*Commitments, error) {
	if len(data) < headBytes || len(data) > BytesMax || string(data[:len(magic)]) != magic {
		return nil, fmt.Errorf("%w: %d bytes that do not begin like some", ErrFormat, len(data))
	}
	rest := data[len(magic):]
	take := func(n int) []byte {
		part := rest[:n:n]
		rest = rest[n:]
		return part
	}
	if v := binary.LittleEndian.Uint16(take(2)); v != version {
		return nil, fmt.Errorf("%w: version %d is unknown, this is version %d", ErrFormat, v, version)
	}
	c := &Commitments{}
	c.keySet, c.setup = abi.Digest(take(abi.DigestBytes)), abi.Digest(take(abi.DigestBytes))
	size, elements := binary.LittleEndian.Uint32(take(4)), binary.LittleEndian.Uint32(take(4))
	points := binary.LittleEndian.Uint32(take(4))
	if size < 1 || size > sizeMax || elements < 1 || elements > fhe.KeySetKeysMax {
		return nil, fmt.Errorf("%w: blocks of %d coefficients, %d keys", ErrFormat, size, elements)
	}
	want := int64(elements)*8 + int64(points)*pointBytes + 4
	if points < 1 || int64(len(rest)) < want {
		return nil, fmt.Errorf("%w: it ends too early", ErrFormat)
	}
	c.size = int(size)
	for i := range elements {
		g := binary.LittleEndian.Uint64(take(8))
		if i > 0 && g <= c.elements[i-1] {
			return nil, fmt.Errorf("%w: keys do not ascend", ErrFormat)
		}
		c.elements = append(c.elements, g)
	}
	c.points = make([]bn254.G1Affine, points)
	for i := range c.points {
		// SetBytes checks that the point is on the curve, which has prime order.
		n, err := c.points[i].SetBytes(take(pointBytes))
		if err != nil || n != pointBytes {
			return nil, fmt.Errorf("%w: point %d is none", ErrFormat, i)
		}
	}
	if n := binary.LittleEndian.Uint32(take(4)); int64(n) != int64(len(rest)) || n > openingMax {
		return nil, fmt.Errorf("%w: an opening of %d bytes in %d", ErrFormat, n, len(rest))
	}
	c.opening = bytes.Clone(rest)
	if !bytes.Equal(c.Encode(), data) {
		return nil, fmt.Errorf("%w: not in canonical form", ErrFormat)
	}
	return c, nil
}
