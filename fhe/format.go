package fhe

import (
	"encoding/binary"
	"fmt"

	"github.com/cerberus-host/cerberus/abi"
)

// FormatError says which field of a canonical encoding is wrong and why. It wraps
// [ErrFormat] unless the field is fine in itself and does not belong here: then it wraps
// [ErrParams] (another parameter set) or [ErrOperand] (not what the Plan says).
type FormatError struct {
	// Field is the name of the field as docs/FORMATS.md has it.
	Field string
	// Reason is what was found and what would be right.
	Reason string

	kind error
}

// Error implements error.
func (e *FormatError) Error() string {
	return fmt.Sprintf("%v: %s: %s", e.kind, e.Field, e.Reason)
}

// Unwrap returns the sentinel.
func (e *FormatError) Unwrap() error { return e.kind }

func formatError(field, format string, args ...any) *FormatError {
	return &FormatError{Field: field, Reason: fmt.Sprintf(format, args...), kind: ErrFormat}
}

// Sizes of the fixed fields.
const (
	magicBytes   = 4
	scaleBytes   = 20
	paramsMax    = 64
	formatV1     = 1
	flagSeeded   = 1
	packingSlots = 1
	packingCoeff = 2
)

// cursor reads the fields of a header; after the first error it reads zeroes.
type cursor struct {
	data []byte
	err  *FormatError
}

func (c *cursor) fail(err *FormatError) {
	if c.err == nil {
		c.err = err
	}
}

// take returns the next n bytes; when they are not there it returns zeroes, n being small.
func (c *cursor) take(field string, n int) []byte {
	if len(c.data) < n {
		c.fail(formatError(field, "truncated: %d bytes left, %d needed", len(c.data), n))
		c.data = nil
		return make([]byte, n)
	}
	out := c.data[:n]
	c.data = c.data[n:]
	return out
}

func (c *cursor) u8(field string) int { return int(c.take(field, 1)[0]) }

func (c *cursor) u16(field string) int { return int(binary.LittleEndian.Uint16(c.take(field, 2))) }

func (c *cursor) u32(field string) int {
	v := binary.LittleEndian.Uint32(c.take(field, 4))
	if v > 1<<31-1 {
		c.fail(formatError(field, "%d is out of range", v))
		return 0
	}
	return int(v)
}

func (c *cursor) u64(field string) uint64 { return binary.LittleEndian.Uint64(c.take(field, 8)) }

// prefix reads magic, version and parameter set, which all blobs begin with, and checks
// them against what is expected.
func (c *cursor) prefix(magic string, p *Params) {
	if name := c.named(magic); c.err == nil && name != p.Name() {
		err := formatError("params", "made for %.64q, wanted %s", name, p)
		err.kind = ErrParams
		c.fail(err)
	}
}

// named reads magic, version and the name of a parameter set.
func (c *cursor) named(magic string) string {
	if got := c.take("magic", magicBytes); c.err == nil && string(got) != magic {
		c.fail(formatError("magic", "%x is not %q", got, magic))
	}
	if v := c.u16("version"); c.err == nil && v != formatV1 {
		c.fail(formatError("version", "%d is unknown, this is version %d", v, formatV1))
	}
	n := c.u8("params")
	if n > paramsMax {
		c.fail(formatError("params", "name of %d bytes, at most %d", n, paramsMax))
		return ""
	}
	return string(c.take("params", n))
}

func appendPrefix(dst []byte, magic string, p *Params) ([]byte, error) {
	name := p.Name()
	if len(name) > paramsMax {
		return nil, formatError("params", "name of %d bytes, at most %d", len(name), paramsMax)
	}
	dst = append(dst, magic...)
	dst = binary.LittleEndian.AppendUint16(dst, formatV1)
	dst = append(dst, byte(len(name)))
	return append(dst, name...), nil
}

// scale reads a scale: the low and high word of the mantissa, then the exponent.
func (c *cursor) scale() Scale {
	s := Scale{lo: c.u64("scale"), hi: c.u64("scale")}
	s.exp = int32(binary.LittleEndian.Uint32(c.take("scale", 4)))
	if c.err == nil && !s.canonical() {
		c.fail(formatError("scale", "not normalised or out of range"))
	}
	return s
}

func (s Scale) canonical() bool {
	return s.hi>>63 == 1 && s.exp <= scaleExpMax && s.exp >= -scaleExpMax
}

func appendScale(dst []byte, s Scale) []byte {
	dst = binary.LittleEndian.AppendUint64(dst, s.lo)
	dst = binary.LittleEndian.AppendUint64(dst, s.hi)
	return binary.LittleEndian.AppendUint32(dst, uint32(s.exp))
}

func packingOf(code int) (abi.Packing, bool) {
	switch code {
	case packingSlots:
		return abi.PackSlots, true
	case packingCoeff:
		return abi.PackCoeffs, true
	default:
		return "", false
	}
}

func packingCode(p abi.Packing) byte {
	if p == abi.PackSlots {
		return packingSlots
	}
	return packingCoeff
}
