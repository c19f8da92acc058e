package protocol

import (
	"fmt"
	"math/bits"
)

// Projections are packed with as few bits as the widest of a polynomial needs, so that
// there is one encoding and honest proofs are short: one byte with the width, then the
// values in two's complement, lowest bit first.

// width returns the bits of the two's complement of r.
func (r Row) width() int {
	hi, lo := uint64(r.Hi), r.Lo
	if r.Hi < 0 {
		hi, lo = ^hi, ^lo
	}
	if hi != 0 {
		return 64 + bits.Len64(hi) + 1
	}
	return bits.Len64(lo) + 1
}

func appendRows(out []byte, rows *[Rows]Row, most int) ([]byte, error) {
	width := 1
	for _, r := range rows {
		width = max(width, r.width())
	}
	if width > most {
		return nil, fmt.Errorf("%w: a projection of %d bits, at most %d", ErrEncoding, width, most)
	}
	out = append(out, byte(width))
	start := len(out)
	out = append(out, make([]byte, (Rows*width+7)/8)...)
	packed := out[start:]
	at := 0
	for _, r := range rows {
		for left, value := width, r; left > 0; {
			n := min(left, 8-at%8)
			packed[at/8] |= byte(value.Lo&(1<<n-1)) << (at % 8)
			value = value.shift(n)
			at, left = at+n, left-n
		}
	}
	return out, nil
}

// shift shifts right by n < 64 bits.
func (r Row) shift(n int) Row {
	return Row{Hi: r.Hi >> n, Lo: r.Lo>>n | uint64(r.Hi)<<(64-n)}
}

func (d *decoder) rows(most int) (rows [Rows]Row) {
	head := d.take(1)
	if head == nil {
		return rows
	}
	width := int(head[0])
	if width < 1 || width > most || width > 128 {
		d.err = fmt.Errorf("%w: projections of %d bits, at most %d", ErrEncoding, width, most)
		return rows
	}
	packed := d.take((Rows*width + 7) / 8)
	if packed == nil {
		return rows
	}
	at := 0
	for i := range rows {
		var hi, lo uint64
		for got := 0; got < width; {
			n := min(width-got, 8-at%8)
			piece := uint64(packed[at/8]>>(at%8)) & (1<<n - 1)
			if got < 64 {
				lo |= piece << got
				if got+n > 64 {
					hi |= piece >> (64 - got)
				}
			} else {
				hi |= piece << (got - 64)
			}
			at, got = at+n, got+n
		}
		rows[i] = extend(hi, lo, width)
	}
	return rows
}

// extend extends the sign of a two's complement of that width.
func extend(hi, lo uint64, width int) Row {
	if width <= 64 {
		if lo>>(width-1)&1 == 1 {
			hi = ^uint64(0)
			if width < 64 {
				lo |= ^uint64(0) << width
			}
		}
	} else if hi>>(width-65)&1 == 1 && width < 128 {
		hi |= ^uint64(0) << (width - 64)
	}
	return Row{Hi: int64(hi), Lo: lo}
}
