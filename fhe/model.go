package fhe

import (
	"encoding/binary"
	"fmt"

	"github.com/cerberus-host/cerberus/abi"
)

// Model is a Brain's model: a blob that holds fixed-point numbers and is named by its
// digest. The zero value is the model of a Brain that has none. A Model is immutable and
// safe for concurrent use.
type Model struct {
	blob   []byte
	digest abi.Digest
}

// ReadModel hashes the blob and returns it as a Model. The Model keeps blob, which must not
// be changed afterwards.
func ReadModel(blob []byte) Model {
	return Model{blob: blob, digest: abi.SumDigest(blob)}
}

// Digest returns the digest of the blob, the zero digest for the zero Model.
func (m Model) Digest() abi.Digest { return m.digest }

// Bytes returns the length of the blob.
func (m Model) Bytes() int64 { return int64(len(m.blob)) }

// Values returns the mantissas of the numbers in a range of the model, in a new slice. It
// returns [ErrOperand] if the range is of another blob and [ErrRange] if it is malformed or
// leaves the blob.
func (m Model) Values(r ModelRange) ([]int64, error) {
	if err := r.check(); err != nil {
		return nil, err
	}
	if r.Digest != m.digest {
		return nil, fmt.Errorf("%w: the Program is for model %s, not %s", ErrOperand,
			r.Digest.Short(), m.digest.Short())
	}
	size := int64(r.Type.Size())
	if r.Offset+size*int64(r.Count) > int64(len(m.blob)) {
		return nil, fmt.Errorf("%w: %d numbers from byte %d leave the model of %d bytes",
			ErrRange, r.Count, r.Offset, len(m.blob))
	}
	out := make([]int64, r.Count)
	for i := range out {
		b := m.blob[r.Offset+int64(i)*size:]
		switch r.Type {
		case abi.Int8:
			out[i] = int64(int8(b[0]))
		case abi.Int16:
			out[i] = int64(int16(binary.LittleEndian.Uint16(b)))
		case abi.Int32:
			out[i] = int64(int32(binary.LittleEndian.Uint32(b)))
		default: // check admits no fifth type
			out[i] = int64(binary.LittleEndian.Uint64(b))
		}
	}
	return out, nil
}

// ConstantValues returns the mantissas and the fractional bits of a constant node of a
// Program, inline or from the model. The caller must not change them.
func (m Model) ConstantValues(n Node) (values []int64, frac int, err error) {
	switch n.Op {
	case NodeConstant:
		return n.Values, n.Frac, nil
	case NodeModel:
		values, err = m.Values(n.Model)
		return values, n.Model.Frac, err
	default:
		return nil, 0, fmt.Errorf("%w: %s is no constant", ErrType, n.Op)
	}
}
