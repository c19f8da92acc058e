package admit

import "fmt"

// reader walks bytes of the module. Offsets are those of the file, so that every error can
// name the byte. The first problem ends the walk: functions return errors, never panic.
type reader struct {
	data    []byte
	pos     int
	end     int
	section string
}

func (r *reader) left() int { return r.end - r.pos }

func (r *reader) errorf(format string, args ...any) *Error {
	return &Error{Section: r.section, Offset: r.pos, Problem: fmt.Sprintf(format, args...)}
}

// limited returns the error of a count beyond its limit.
func (r *reader) limited(what string, value, limit uint64) *Error {
	return &Error{
		Section: r.section, Offset: r.pos, Problem: "too many " + what, Value: value, Limit: limit,
	}
}

func (r *reader) byte() (byte, error) {
	if r.left() < 1 {
		return 0, r.errorf("ends early")
	}
	b := r.data[r.pos]
	r.pos++
	return b, nil
}

func (r *reader) skip(n int) error {
	if r.left() < n {
		return r.errorf("ends early")
	}
	r.pos += n
	return nil
}

// u32 reads an unsigned LEB128 number of 32 bits. Encodings that are longer than needed are
// allowed, as linkers make them, but not beyond the five bytes of the specification.
func (r *reader) u32() (uint32, error) {
	if r.left() > 0 && r.data[r.pos] < 0x80 {
		r.pos++
		return uint32(r.data[r.pos-1]), nil
	}
	var v uint64
	for shift := uint(0); shift < 35; shift += 7 {
		b, err := r.byte()
		if err != nil {
			return 0, err
		}
		v |= uint64(b&0x7f) << shift
		if b < 0x80 {
			if v > 1<<32-1 {
				return 0, r.errorf("a number leaves 32 bits")
			}
			return uint32(v), nil
		}
	}
	return 0, r.errorf("a number has more than five bytes")
}

// signed skips a signed LEB128 number of at most that many bytes. Its value does not matter
// here; the runtime checks the unused bits.
func (r *reader) signed(bytesMax int) error {
	for range bytesMax {
		b, err := r.byte()
		if err != nil {
			return err
		}
		if b < 0x80 {
			return nil
		}
	}
	return r.errorf("a number has more than %d bytes", bytesMax)
}

// count reads a count of things that take at least sizeMin bytes each, and refuses one that
// the bytes left cannot hold or that passes limit.
func (r *reader) count(what string, sizeMin int, limit uint64) (int, error) {
	n, err := r.u32()
	if err != nil {
		return 0, err
	}
	if uint64(n) > limit {
		return 0, r.limited(what, uint64(n), limit)
	}
	if int(n) > r.left()/sizeMin {
		return 0, r.errorf("claims %d %s in %d bytes", n, what, r.left())
	}
	return int(n), nil
}

// name reads a length and that many bytes.
func (r *reader) name() (string, error) {
	n, err := r.u32()
	if err != nil {
		return "", err
	}
	if uint64(n) > uint64(r.left()) {
		return "", r.errorf("claims a name of %d bytes in %d", n, r.left())
	}
	r.pos += int(n)
	return string(r.data[r.pos-int(n) : r.pos]), nil
}
