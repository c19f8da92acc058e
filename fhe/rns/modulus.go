package rns

import "math/bits"

// mulMod returns a*b mod n for a < n.
func mulMod(a, b, n uint64) uint64 {
	hi, lo := bits.Mul64(a, b)
	_, rem := bits.Div64(hi, lo, n)
	return rem
}

// powMod returns base^exponent mod n for n > 1.
func powMod(base, exponent, n uint64) uint64 {
	result := uint64(1)
	for base %= n; exponent > 0; exponent >>= 1 {
		if exponent&1 == 1 {
			result = mulMod(result, base, n)
		}
		base = mulMod(base, base, n)
	}
	return result
}
