package rns

import "fmt"

// GaloisElement returns 5^steps mod 2N for N = 2^logN: the automorphism X -> X^g that
// rotates the slots of a CKKS plaintext to the left by steps. A negative number of steps
// rotates to the right; steps count modulo N/2, for 2 <= logN <= [MaxLogDegree].
func GaloisElement(logN, steps int) uint64 {
	mask := uint64(2)<<logN - 1
	exponent := uint64(steps) & (uint64(1)<<(logN-1) - 1)
	g, base := uint64(1), uint64(5)
	for ; exponent > 0; exponent >>= 1 {
		if exponent&1 == 1 {
			g = g * base & mask
		}
		base = base * base & mask
	}
	return g
}

// Automorphism returns a(X^g) modulo X^N+1 for the polynomial with the coefficients a, N
// being their number. The coefficient at X^i moves to X^(i*g mod 2N) and changes its
// sign if that exponent is N or more. It returns [ErrDegree] if N is no power of two
// from 2 to 2^[MaxLogDegree] and [ErrGalois] if g is even or not below 2N.
func (m Modulus) Automorphism(a []uint64, g uint64) ([]uint64, error) {
	n := uint64(len(a))
	if n < 2 || n > 1<<MaxLogDegree || n&(n-1) != 0 {
		return nil, fmt.Errorf("%w: %d coefficients", ErrDegree, n)
	}
	if g&1 == 0 || g >= 2*n {
		return nil, fmt.Errorf("%w: %d for ring degree %d", ErrGalois, g, n)
	}
	out := make([]uint64, n)
	for i, c := range a {
		if at := uint64(i) * g & (2*n - 1); at < n {
			out[at] = c
		} else {
			out[at-n] = m.Neg(c)
		}
	}
	return out, nil
}
