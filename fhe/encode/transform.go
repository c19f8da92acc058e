package encode

import "math/bits"

// valueBits is the width to which the largest input of the transform is shifted. Two
// bits of the 126 below the sign stay free for the sum of two complex numbers whose
// components add up.
const valueBits = 125

// cosineTransform returns the numbers c_k of the package comment for k = 0 to p-1, as
// multiples of 2^-shift, where p = len(cosines)-1 is a power of two. There are at most p
// values; missing ones count as zero.
//
// Error bound, in units of 2^-shift: a product with a root adds at most 1.8 to the
// modulus of the error, from the rounding of the root (0.36) and of four products (1.42);
// adding, subtracting and halving average two errors and add 0.71. With at most 16 stages
// and the last product that is below 16*1.61 + 1.8 < 2^5. The largest input is at least
// 2^124 units, so the error is below 2^-119 of it.
func cosineTransform(values []int64, cosines []fixed) (c []fixed, shift uint) {
	period := len(cosines) - 1
	logPeriod := logOf(period)
	widest := 0
	for _, v := range values {
		widest = max(widest, bits.Len64(magnitude(v)))
	}
	shift = uint(valueBits - widest)
	work := make([]complexFixed, period)
	exponent := 1 // 5^j mod 4p
	for _, v := range values {
		t := (min(exponent, 4*period-exponent) - 1) / 2
		// Even positions ascending, then odd ones descending: the order in which a Fourier
		// transform yields the cosine transform up to a rotation of each output.
		at := t / 2
		if t%2 == 1 {
			at = period - 1 - t/2
		}
		work[reverse(at, logPeriod)].re = fixedOf(v, shift)
		exponent = exponent * 5 & (4*period - 1)
	}
	averagedFourier(work, cosines)
	c = make([]fixed, period)
	for k, z := range work {
		w := unitRoot(cosines, k)
		c[k] = z.re.mulRoot(w.re).sub(z.im.mulRoot(w.im))
	}
	return c, shift
}

// averagedFourier replaces a, given in bit-reversed order, by 1/p times its Fourier
// transform with the roots exp(-2*pi*i/p), in natural order.
func averagedFourier(a []complexFixed, cosines []fixed) {
	for span := 1; span < len(a); span *= 2 {
		stride := 4 * len(a) / (2 * span)
		for i := range span {
			w := unitRoot(cosines, i*stride)
			for at := i; at < len(a); at += 2 * span {
				x, y := a[at], a[at+span].mulRoot(w)
				a[at] = complexFixed{re: x.re.add(y.re).half(), im: x.im.add(y.im).half()}
				a[at+span] = complexFixed{re: x.re.sub(y.re).half(), im: x.im.sub(y.im).half()}
			}
		}
	}
}

// reverse reverses the lowest width bits of i.
func reverse(i, width int) int {
	return int(bits.Reverse64(uint64(i)) >> (64 - width))
}

// magnitude returns the absolute value, also of the least int64.
func magnitude(v int64) uint64 {
	if v < 0 {
		return -uint64(v)
	}
	return uint64(v)
}
