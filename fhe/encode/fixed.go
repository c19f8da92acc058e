package encode

import "math/bits"

// rootBits is the number of fractional bits of a root of unity.
const rootBits = 126

// fixed is a signed 128-bit integer in two's complement, the high word first. The
// transform chooses what its unit is worth.
type fixed struct{ hi, lo uint64 }

// fixedOf returns mantissa * 2^shift, which must lie within 127 bits; 0 <= shift < 128.
func fixedOf(mantissa int64, shift uint) fixed {
	lo := uint64(mantissa)
	hi := uint64(mantissa >> 63)
	if shift >= 64 {
		return fixed{hi: lo << (shift - 64)}
	}
	return fixed{hi: hi<<shift | lo>>(64-shift), lo: lo << shift}
}

func (a fixed) add(b fixed) fixed {
	lo, carry := bits.Add64(a.lo, b.lo, 0)
	hi, _ := bits.Add64(a.hi, b.hi, carry)
	return fixed{hi, lo}
}

func (a fixed) sub(b fixed) fixed {
	lo, borrow := bits.Sub64(a.lo, b.lo, 0)
	hi, _ := bits.Sub64(a.hi, b.hi, borrow)
	return fixed{hi, lo}
}

func (a fixed) neg() fixed { return fixed{}.sub(a) }

func (a fixed) negative() bool { return a.hi>>63 != 0 }

// half returns a/2 rounded to nearest, ties up.
func (a fixed) half() fixed {
	a = a.add(fixed{lo: 1})
	return fixed{hi: uint64(int64(a.hi) >> 1), lo: a.hi<<63 | a.lo>>1}
}

// mulRoot returns a*w / 2^126 rounded to nearest, ties up, for a root w of absolute
// value at most 2^126.
func (a fixed) mulRoot(w fixed) fixed {
	p := mulWords(a, w)
	// The words were multiplied as if unsigned; a negative factor was 2^128 too large.
	high := fixed{p[3], p[2]}
	if a.negative() {
		high = high.sub(w)
	}
	if w.negative() {
		high = high.sub(a)
	}
	// Add half of the last bit that stays, then shift right by 126 = 128-2.
	_, carry := bits.Add64(p[1], 1<<61, 0)
	mid := p[1] + 1<<61
	high = high.add(fixed{lo: carry})
	return fixed{hi: high.hi<<2 | high.lo>>62, lo: high.lo<<2 | mid>>62}
}

// mulWords returns the 256-bit product of a and b as unsigned numbers, lowest word
// first.
func mulWords(a, b fixed) (p [4]uint64) {
	var c uint64
	p[1], p[0] = bits.Mul64(a.lo, b.lo)
	p[3], p[2] = bits.Mul64(a.hi, b.hi)
	for _, cross := range [...][2]uint64{{a.lo, b.hi}, {a.hi, b.lo}} {
		hi, lo := bits.Mul64(cross[0], cross[1])
		p[1], c = bits.Add64(p[1], lo, 0)
		p[2], c = bits.Add64(p[2], hi, c)
		p[3] += c
	}
	return p
}

// complexFixed is a complex number in fixed point.
type complexFixed struct{ re, im fixed }

// mulRoot returns z*w; each component is off by at most one unit.
func (z complexFixed) mulRoot(w complexFixed) complexFixed {
	return complexFixed{
		re: z.re.mulRoot(w.re).sub(z.im.mulRoot(w.im)),
		im: z.re.mulRoot(w.im).add(z.im.mulRoot(w.re)),
	}
}
