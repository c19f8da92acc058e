package wasm

import (
	"bytes"
	"errors"
	"math"
	"strings"
	"testing"
)

// appendS64 appends a number in its shortest encoding.
func appendS64(out []byte, v int64) []byte {
	for {
		b := byte(v & 0x7f)
		v >>= 7
		if v == 0 && b&0x40 == 0 || v == -1 && b&0x40 != 0 {
			return append(out, b)
		}
		out = append(out, b|0x80)
	}
}

func whole(data []byte) Reader { return NewReader(data, 0, len(data), "test") }

func TestSignedNumbers(t *testing.T) {
	for _, v := range []int64{
		0, 1, -1, 63, 64, -64, -65, 8191, 8192, -8192, -8193, 1 << 20, math.MaxInt32,
		math.MinInt32, math.MaxInt32 + 1, math.MinInt32 - 1, 1<<32 - 1, -1 << 32, 1 << 32,
		math.MaxInt64, math.MinInt64,
	} {
		for _, form := range []struct {
			bits     uint
			min, max int64
		}{
			{32, math.MinInt32, math.MaxInt32},
			{33, -1 << 32, 1<<32 - 1},
			{64, math.MinInt64, math.MaxInt64},
		} {
			data := appendS64(nil, v)
			r := whole(data)
			got, err := r.signed(form.bits)
			fits := v >= form.min && v <= form.max
			if fits != (err == nil) || fits && (got != v || r.Left() != 0) {
				t.Errorf("%d of %d bits, % x: got %d, %v", v, form.bits, data, got, err)
			}
		}
	}
}

// TestNumberForms: encodings that are longer than needed, and those that are too long.
func TestNumberForms(t *testing.T) {
	unsigned := func(r *Reader) (int64, error) { v, err := r.U32(); return int64(v), err }
	signed := func(r *Reader) (int64, error) { v, err := r.S32(); return int64(v), err }
	s64 := func(r *Reader) (int64, error) { return r.S64() }
	for _, c := range []struct {
		name string
		read func(*Reader) (int64, error)
		in   string
		want int64
		text string
	}{
		{"longer", unsigned, "\x83\x80\x00", 3, ""},
		{"five bytes", unsigned, "\xff\xff\xff\xff\x0f", math.MaxUint32, ""},
		{"33 bits", unsigned, "\xff\xff\xff\xff\x1f", 0, "leaves 32 bits"},
		{"six bytes", unsigned, "\x80\x80\x80\x80\x80\x00", 0, "more than five bytes"},
		{"unfinished", unsigned, "\x80", 0, "ends early"},
		{"nothing", unsigned, "", 0, "ends early"},
		{"longer negative", signed, "\xff\xff\x7f", -1, ""},
		{"five bytes negative", signed, "\xff\xff\xff\xff\x7f", -1, ""},
		{"unused bits", signed, "\xff\xff\xff\xff\x0f", 0, "leaves 32 bits"},
		{"unused bits of a positive", signed, "\x80\x80\x80\x80\x70", 0, "leaves 32 bits"},
		{"six bytes signed", signed, "\xff\xff\xff\xff\xff\x7f", 0, "too many bytes"},
		{"unfinished signed", signed, "\xff", 0, "ends early"},
		{"ten bytes", s64, strings.Repeat("\xff", 9) + "\x7f", -1, ""},
		{"unused bits of 64", s64, strings.Repeat("\xff", 9) + "\x01", 0, "leaves 64 bits"},
		{"eleven bytes", s64, strings.Repeat("\x80", 10) + "\x00", 0, "too many bytes"},
	} {
		r := whole([]byte(c.in))
		got, err := c.read(&r)
		if c.text == "" && (err != nil || got != c.want) {
			t.Errorf("%s: got %d, %v, want %d", c.name, got, err, c.want)
		}
		if c.text != "" && (!errors.Is(err, ErrMalformed) || !strings.Contains(err.Error(), c.text)) {
			t.Errorf("%s: error %v, want %q", c.name, err, c.text)
		}
	}
}

func TestCountsAndNames(t *testing.T) {
	r := whole([]byte{3, 1, 2, 3})
	if n, err := r.Count("things", 1); n != 3 || err != nil {
		t.Errorf("got %d, %v", n, err)
	}
	for _, data := range [][]byte{{4, 1, 2, 3}, {0xff, 0xff, 0xff, 0xff, 0x0f, 1}} {
		r := whole(data)
		if _, err := r.Count("things", 1); err == nil || !strings.Contains(err.Error(), "things in") {
			t.Errorf("% x: error %v", data, err)
		}
	}
	r = whole([]byte{2, 1, 2, 3})
	if _, err := r.Count("pairs", 2); err == nil {
		t.Error("two pairs in three bytes")
	}
	r = whole([]byte("\x03a\xc3\xa9b"))
	if name, err := r.Name(); string(name) != "aé" || err != nil || r.Left() != 1 {
		t.Errorf("got %q, %v", name, err)
	}
	r = whole([]byte("\x02a\xc3\xa9"))
	if _, err := r.Name(); err == nil || !strings.Contains(err.Error(), "UTF-8") {
		t.Errorf("error %v", err)
	}
	r = NewReader([]byte{1, 2, 3}, 1, 9, "test")
	if r.Left() != 2 || r.Pos() != 1 || r.End() != 3 {
		t.Errorf("a reader beyond the data: %d bytes", r.Left())
	}
	if !bytes.Equal(r.Bytes(1, 3), []byte{2, 3}) {
		t.Error("other bytes")
	}
}
