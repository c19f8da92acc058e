package state

import (
	"bufio"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"io"
)

// coder writes or reads the canonical form: every record type has one function that
// names its fields in order, so that encoder and decoder cannot drift apart. Integers are
// big endian and of fixed width, byte strings and lists are preceded by their length as
// four bytes. The first error stays; what is read after it is zero.
type coder struct {
	w   *bufio.Writer
	r   *bufio.Reader
	sum hash.Hash
	err error
	// reading tells the direction.
	reading bool
	// version is that of the form.
	version uint16
}

func newEncoder(w io.Writer, version uint16) *coder {
	return &coder{w: bufio.NewWriterSize(w, 64<<10), sum: sha256.New(), version: version}
}

func newDecoder(r io.Reader) *coder {
	return &coder{r: bufio.NewReaderSize(r, 64<<10), sum: sha256.New(), reading: true}
}

func (c *coder) failf(format string, args ...any) {
	if c.err == nil {
		c.err = fmt.Errorf("%w: "+format, append([]any{ErrSnapshot}, args...)...)
	}
}

// fixed codes the bytes of b as they are.
func (c *coder) fixed(b []byte) {
	if c.err != nil {
		return
	}
	var err error
	if c.reading {
		_, err = io.ReadFull(c.r, b)
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			clear(b)
			c.failf("it ends too early")
			return
		}
	} else {
		_, err = c.w.Write(b)
	}
	if err != nil {
		clear(b)
		c.err = fmt.Errorf("code state: %w", err)
		return
	}
	c.sum.Write(b)
}

func (c *coder) u64(v *uint64) {
	var b [8]byte
	binary.BigEndian.PutUint64(b[:], *v)
	c.fixed(b[:])
	*v = binary.BigEndian.Uint64(b[:])
}

func (c *coder) u32(v *uint32) {
	var b [4]byte
	binary.BigEndian.PutUint32(b[:], *v)
	c.fixed(b[:])
	*v = binary.BigEndian.Uint32(b[:])
}

func (c *coder) u16(v *uint16) {
	var b [2]byte
	binary.BigEndian.PutUint16(b[:], *v)
	c.fixed(b[:])
	*v = binary.BigEndian.Uint16(b[:])
}

func (c *coder) u8(v *uint8) {
	b := [1]byte{*v}
	c.fixed(b[:])
	*v = b[0]
}

func (c *coder) index(v *Index) {
	u := uint64(*v)
	c.u64(&u)
	*v = Index(u)
}

// time codes log time: 0 to timeMaxMS.
func (c *coder) time(v *int64) {
	u := uint64(*v)
	c.u64(&u)
	if u > timeMaxMS {
		c.failf("%d is no time", u)
		u = 0
	}
	*v = int64(u)
}

func (c *coder) boolean(v *bool) {
	var b uint8
	if *v {
		b = 1
	}
	c.u8(&b)
	if b > 1 {
		c.failf("%d is no truth value", b)
	}
	*v = b == 1
}

// str codes a string of at most limit bytes.
func (c *coder) str(v *string, limit int) {
	n := c.length(len(*v), limit)
	b := make([]byte, n)
	copy(b, *v)
	c.fixed(b)
	*v = string(b)
}

// length codes the length of a string or list of at most limit.
func (c *coder) length(n, limit int) int {
	u := uint32(n)
	c.u32(&u)
	if c.err != nil {
		return 0
	}
	if int64(u) > int64(limit) {
		c.failf("a length of %d is above %d", u, limit)
		return 0
	}
	return int(u)
}

// allocMax bounds what a list allocates before its elements have been read.
const allocMax = 1024

// list codes a list of at most limit elements; an empty list is read as nil.
func list[T any](c *coder, v *[]T, limit int, element func(*coder, *T)) {
	n := c.length(len(*v), limit)
	if !c.reading {
		for i := range *v {
			element(c, &(*v)[i])
		}
		return
	}
	*v = nil
	if n > 0 {
		*v = make([]T, 0, min(n, allocMax))
	}
	for range n {
		if c.err != nil {
			return
		}
		var x T
		element(c, &x)
		*v = append(*v, x)
	}
}

// finish writes the checksum and flushes, or reads the checksum and the end.
func (c *coder) finish() error {
	if c.err != nil {
		return c.err
	}
	sum := c.sum.Sum(nil)
	if !c.reading {
		c.fixed(sum)
		if c.err != nil {
			return c.err
		}
		if err := c.w.Flush(); err != nil {
			return fmt.Errorf("code state: %w", err)
		}
		return nil
	}
	got := make([]byte, len(sum))
	c.fixed(got)
	if c.err == nil && string(got) != string(sum) {
		c.failf("the checksum is wrong")
	}
	if c.err != nil {
		return c.err
	}
	if _, err := c.r.ReadByte(); !errors.Is(err, io.EOF) {
		c.failf("something follows its end")
	}
	return c.err
}
