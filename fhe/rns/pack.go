package rns

import (
	"encoding/binary"
	"fmt"
	"math/bits"
	"slices"
)

// maxPackedBits is the widest residue that can be packed: at any offset within a byte it
// ends within the 64-bit word that begins at that byte, with less than a word consumed.
const maxPackedBits = 56

const wordBytes = 8

// ResidueBits returns the width in which a residue modulo q is packed: the number of
// bits of q-1, the largest residue.
func ResidueBits(q uint64) int { return bits.Len64(q - 1) }

// PackedBytes returns the exact length of n packed residues modulo q, for n >= 0 and
// 2 <= q <= 2^56.
func PackedBytes(n int, q uint64) int { return (n*ResidueBits(q) + 7) / 8 }

// AppendPacked appends the canonical bytes of residues modulo q to dst and returns the
// longer slice, as append does.
//
// The canonical form is a stream of bits. Each residue takes [ResidueBits] bits, least
// significant bit first, one after the other; bit k of the stream is bit k mod 8 of byte
// k/8, counted from the least significant. Bits of the last byte that no residue uses
// are zero.
//
// It returns [ErrModulus] for q outside [2, 2^56] and a [ResidueError] for a residue
// that is not below q. Then dst is returned as it was, though bytes between its length
// and its capacity may have changed.
func AppendPacked(dst []byte, coeffs []uint64, q uint64) ([]byte, error) {
	width, err := packedWidth(q)
	if err != nil {
		return dst, err
	}
	size := PackedBytes(len(coeffs), q)
	grown := slices.Grow(dst, size)[:len(dst)+size]
	out := grown[len(dst):]
	// pending holds the low used bits of the byte at out[0].
	pending, used := uint64(0), uint(0)
	whole := wholeWords(size, len(coeffs), width)
	for i, c := range coeffs[:whole] {
		if c >= q {
			return dst, &ResidueError{Index: i, Modulus: q}
		}
		pending |= c << (used & 7) // the mask spares the test for shifts of 64
		binary.LittleEndian.PutUint64(out, pending)
		used += width
		full := used / 8
		pending >>= full * 8 & 63
		out = out[full:]
		used &= 7
	}
	// At most one word of output is left; what remains fits into pending.
	for i, c := range coeffs[whole:] {
		if c >= q {
			return dst, &ResidueError{Index: whole + i, Modulus: q}
		}
		pending |= c << used
		used += width
	}
	for i := range out {
		out[i] = byte(pending >> (8 * i))
	}
	return grown, nil
}

// wholeWords returns how many of n residues, from the start, begin at a byte from which
// a whole word lies within size bytes. The residues after them end less than a word
// after the byte where the first of them begins.
func wholeWords(size, n int, width uint) int {
	if size < wordBytes {
		return 0
	}
	return min(n, (size-wordBytes)*8/int(width)+1)
}

// Unpack reads len(coeffs) residues modulo q from src, which must be exactly what
// [AppendPacked] writes. It returns [ErrModulus] for q outside [2, 2^56], [ErrLength] if
// src is not exactly [PackedBytes] long, [ErrPadding] if an unused bit is set, and a
// [ResidueError] if a residue is not below q. After an error the content of coeffs is
// unspecified.
func Unpack(src []byte, coeffs []uint64, q uint64) error {
	width, err := packedWidth(q)
	if err != nil {
		return err
	}
	if size := PackedBytes(len(coeffs), q); len(src) != size {
		return fmt.Errorf("%w: %d bytes instead of %d for %d residues of %d bits",
			ErrLength, len(src), size, len(coeffs), width)
	}
	if unused := uint(len(src)*8) - uint(len(coeffs))*width; unused > 0 &&
		src[len(src)-1]>>(8-unused) != 0 {
		return fmt.Errorf("%w: the last %d bits", ErrPadding, unused)
	}
	mask := uint64(1)<<width - 1
	whole := wholeWords(len(src), len(coeffs), width)
	if bad := unpackWords(src, 0, coeffs[:whole], width, mask, q); bad >= 0 {
		return &ResidueError{Index: bad, Modulus: q}
	}
	if whole == len(coeffs) {
		return nil
	}
	// The rest is read from a copy with room for a word behind it.
	var tail [2 * wordBytes]byte
	offset := uint(whole) * width
	copy(tail[:], src[offset/8:])
	if bad := unpackWords(tail[:], offset&7, coeffs[whole:], width, mask, q); bad >= 0 {
		return &ResidueError{Index: whole + bad, Modulus: q}
	}
	return nil
}

// unpackWords reads residues from bit offset of src on, which must hold a whole word at
// the byte where each begins. It returns the index of the first one that is not below q,
// or -1.
func unpackWords(src []byte, offset uint, coeffs []uint64, width uint, mask, q uint64) int {
	for i := range coeffs {
		c := binary.LittleEndian.Uint64(src[offset/8:]) >> (offset & 7) & mask
		if c >= q {
			return i
		}
		coeffs[i] = c
		offset += width
	}
	return -1
}

func packedWidth(q uint64) (uint, error) {
	width := ResidueBits(q)
	if q < 2 || width > maxPackedBits {
		return 0, fmt.Errorf("%w: cannot pack residues modulo %d", ErrModulus, q)
	}
	return uint(width), nil
}
