package wasm

import (
	"fmt"
	"unicode/utf8"
)

// Reader reads a part of a module. Offsets are those of the module, so that whoever patches
// it or reports on it can name the byte. After an error the position is not defined.
//
// The zero value reads nothing; [Section.Reader] and [Reader.Body] make others. A Reader is
// for one goroutine; copies read on independently.
type Reader struct {
	data    []byte
	pos     int
	end     int
	section string
}

// NewReader returns a reader of data[start:end]; it keeps data and never writes to it.
// Errors name the section.
func NewReader(data []byte, start, end int, section string) Reader {
	start = max(0, min(start, len(data)))
	return Reader{data: data, pos: start, end: max(start, min(end, len(data))), section: section}
}

// Pos returns the offset of the next byte.
func (r *Reader) Pos() int { return r.pos }

// End returns the offset behind the last byte.
func (r *Reader) End() int { return r.end }

// Left returns how many bytes are left.
func (r *Reader) Left() int { return r.end - r.pos }

// Bytes returns the bytes of the module from start to end, which are offsets that the reader
// has told. They alias the module and must not be written.
func (r *Reader) Bytes(start, end int) []byte { return r.data[start:end:end] }

// errorf returns an [*Error] at the current position.
func (r *Reader) errorf(format string, args ...any) error {
	return &Error{Section: r.section, Offset: r.pos, Problem: fmt.Sprintf(format, args...)}
}

// unknown returns the error of something at start that Core 2.0 does not have.
func (r *Reader) unknown(start int, format string, args ...any) error {
	return &Error{
		Section: r.section, Offset: start, Problem: "unknown " + fmt.Sprintf(format, args...),
		Unknown: true,
	}
}

// Done returns an error if bytes are left.
func (r *Reader) Done() error {
	if r.Left() != 0 {
		return r.errorf("%d bytes too many", r.Left())
	}
	return nil
}

// Byte reads a byte.
func (r *Reader) Byte() (byte, error) {
	if r.pos >= r.end {
		return 0, r.errorf("ends early")
	}
	r.pos++
	return r.data[r.pos-1], nil
}

// Skip passes over n bytes.
func (r *Reader) Skip(n int) error {
	if n < 0 || n > r.Left() {
		return r.errorf("ends early")
	}
	r.pos += n
	return nil
}

// zero reads a reserved byte.
func (r *Reader) zero() error {
	b, err := r.Byte()
	if err == nil && b != 0 {
		r.pos--
		return r.errorf("a reserved byte is %d instead of 0", b)
	}
	return err
}

// U32 reads an unsigned number of 32 bits.
func (r *Reader) U32() (uint32, error) {
	if r.pos < r.end && r.data[r.pos] < 0x80 {
		r.pos++
		return uint32(r.data[r.pos-1]), nil
	}
	var value uint64
	for shift := uint(0); shift < 35; shift += 7 {
		b, err := r.Byte()
		if err != nil {
			return 0, err
		}
		value |= uint64(b&0x7f) << shift
		if b < 0x80 {
			if value > 1<<32-1 {
				return 0, r.errorf("a number leaves 32 bits")
			}
			return uint32(value), nil
		}
	}
	return 0, r.errorf("a number has more than five bytes")
}

// S32 reads a signed number of 32 bits.
func (r *Reader) S32() (int32, error) {
	value, err := r.signed(32)
	return int32(value), err
}

// S33 reads a signed number of 33 bits.
func (r *Reader) S33() (int64, error) { return r.signed(33) }

// S64 reads a signed number of 64 bits.
func (r *Reader) S64() (int64, error) { return r.signed(64) }

// signed reads a signed number of that many bits. In the longest encoding the bits that have
// no place in the number must repeat its sign.
func (r *Reader) signed(bits uint) (int64, error) {
	if r.pos < r.end && r.data[r.pos] < 0x80 {
		r.pos++
		return int64(int8(r.data[r.pos-1]<<1)) >> 1, nil
	}
	var value int64
	for shift := uint(0); shift < bits; shift += 7 {
		b, err := r.Byte()
		if err != nil {
			return 0, err
		}
		value |= int64(b&0x7f) << shift
		if b >= 0x80 {
			continue
		}
		if used := bits - shift; used < 7 { // the last byte that may be
			rest := int8(b<<1) >> used // the sign, and the bits that must repeat it
			if rest != 0 && rest != -1 {
				return 0, r.errorf("a number leaves %d bits", bits)
			}
		}
		if shift+7 < 64 && b&0x40 != 0 {
			value |= -1 << (shift + 7)
		}
		return value, nil
	}
	return 0, r.errorf("a number of %d bits has too many bytes", bits)
}

// fixed reads n bytes as a little-endian number, for n up to 8.
func (r *Reader) fixed(n int) (uint64, error) {
	if err := r.Skip(n); err != nil {
		return 0, err
	}
	var value uint64
	for k := range n {
		value |= uint64(r.data[r.pos-n+k]) << (8 * k)
	}
	return value, nil
}

// Count reads a count of things that take at least sizeMin bytes each, sizeMin > 0, and
// refuses one that the bytes left cannot hold. what names the things in the error.
func (r *Reader) Count(what string, sizeMin int) (int, error) {
	n, err := r.U32()
	if err != nil {
		return 0, err
	}
	if uint64(n) > uint64(r.Left()/sizeMin) {
		return 0, r.errorf("claims %d %s in %d bytes", n, what, r.Left())
	}
	return int(n), nil
}

// Name reads a name. The bytes alias the module and must not be written.
func (r *Reader) Name() ([]byte, error) {
	n, err := r.Count("bytes of a name", 1)
	if err != nil {
		return nil, err
	}
	name := r.Bytes(r.pos, r.pos+n)
	if !utf8.Valid(name) {
		return nil, r.errorf("a name is not UTF-8")
	}
	r.pos += n
	return name, nil
}
