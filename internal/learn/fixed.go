package learn

import (
	"encoding/binary"
	"fmt"
	"math"

	"github.com/cerberus-host/cerberus/abi"
)

// FracFor returns the most fractional bits, at most limit, with which every value fits a
// signed integer of that many bits.
func FracFor(values []float64, bits, limit int) int {
	var largest float64
	for _, v := range values {
		largest = max(largest, math.Abs(v))
	}
	frac := limit
	for frac > 0 && math.RoundToEven(math.Ldexp(largest, frac)) > float64(int64(1)<<(bits-1)-1) {
		frac--
	}
	return frac
}

// Blob collects the tensors of a model: raw little-endian integers, one tensor after the
// other.
type Blob struct {
	Bytes   []byte
	Tensors []abi.Tensor
}

// Add appends a tensor of the values' fixed-point forms with frac fractional bits, halves
// to even, and returns the numbers that the integers stand for. Storage is int16 or int32;
// a value that does not fit is an [ErrRange].
func (b *Blob) Add(name string, kind abi.NumberType, frac int, values []float64, shape ...int) (
	[]float64, error,
) {
	if kind != abi.Int16 && kind != abi.Int32 {
		return nil, fmt.Errorf("%w: tensor %q: storage %q", ErrRange, name, kind)
	}
	tensor := abi.Tensor{
		Name: name, Type: kind, Offset: int64(len(b.Bytes)), Shape: shape, Frac: frac,
	}
	if tensor.Count() != len(values) {
		return nil, fmt.Errorf("%w: tensor %q: %d values, shape %v", ErrShape, name, len(values),
			shape)
	}
	limit := float64(int64(1) << (8*kind.Size() - 1))
	rounded := make([]float64, len(values))
	for i, v := range values {
		n := math.RoundToEven(math.Ldexp(v, frac))
		if !(n >= -limit && n < limit) {
			return nil, fmt.Errorf("%w: tensor %q, element %d: %v", ErrRange, name, i, v)
		}
		rounded[i] = math.Ldexp(n, -frac)
		if kind == abi.Int16 {
			b.Bytes = binary.LittleEndian.AppendUint16(b.Bytes, uint16(int16(n)))
		} else {
			b.Bytes = binary.LittleEndian.AppendUint32(b.Bytes, uint32(int32(n)))
		}
	}
	b.Tensors = append(b.Tensors, tensor)
	return rounded, nil
}
