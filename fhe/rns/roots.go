package rns

import (
	"fmt"
	"slices"
)

// RootOfUnity returns psi, a primitive 2N-th root of unity modulo q with N = 2^logN:
// the ((q-1)/2N)-th power of the smallest primitive root of q that is at least 3. This
// is the choice that Lattigo v5 makes; canonical bytes do not depend on it, values in
// the transformed domain do. It returns [ErrModulus] if q is not 1 modulo 2N.
func (m Modulus) RootOfUnity(logN int) (uint64, error) {
	if logN < MinLogDegree || logN > MaxLogDegree {
		return 0, fmt.Errorf("%w: log2 N = %d is outside [%d, %d]",
			ErrDegree, logN, MinLogDegree, MaxLogDegree)
	}
	order := uint64(2) << logN
	if (m.q-1)%order != 0 {
		return 0, fmt.Errorf("%w: %d is not 1 modulo %d", ErrModulus, m.q, order)
	}
	return m.Pow(m.primitiveRoot(), (m.q-1)/order), nil
}

// primitiveRoot returns the smallest g >= 3 that generates the whole multiplicative
// group. One exists for every prime q > 5 and is found after a few candidates.
func (m Modulus) primitiveRoot() uint64 {
	factors := primeFactors(m.q - 1)
	generates := func(g uint64) bool {
		return !slices.ContainsFunc(factors, func(f uint64) bool {
			return m.Pow(g, (m.q-1)/f) == 1
		})
	}
	g := uint64(3)
	for g < m.q && !generates(g) {
		g++
	}
	return g
}

// primeFactors returns the distinct prime factors of n > 1, in ascending order.
func primeFactors(n uint64) []uint64 {
	var factors []uint64
	for p := uint64(2); p <= trialLimit && n > 1; p++ {
		if n%p == 0 {
			factors = append(factors, p)
			for n%p == 0 {
				n /= p
			}
		}
	}
	factors = splitFactors(factors, n)
	slices.Sort(factors)
	return slices.Compact(factors)
}

// trialLimit ends trial division; what is left has only larger prime factors.
const trialLimit = 1 << 10

// splitFactors appends the prime factors of n, which has none below trialLimit.
func splitFactors(factors []uint64, n uint64) []uint64 {
	if n == 1 {
		return factors
	}
	if IsPrime(n) {
		return append(factors, n)
	}
	d := properDivisor(n)
	return splitFactors(splitFactors(factors, d), n/d)
}

// properDivisor returns a divisor of the composite n other than 1 and n, by Pollard's
// rho with Floyd's cycle finding. The constants are tried in order, so the walk is the
// same every time.
func properDivisor(n uint64) uint64 {
	for c := uint64(1); ; c++ {
		step := func(x uint64) uint64 { return addMod(mulMod(x, x, n), c, n) }
		slow, fast, d := uint64(2), uint64(2), uint64(1)
		for d == 1 {
			slow, fast = step(slow), step(step(fast))
			d = gcd(max(slow, fast)-min(slow, fast), n)
		}
		if d != n {
			return d
		}
	}
}

// addMod returns a+b mod n for a < n < 2^62 and b small.
func addMod(a, b, n uint64) uint64 { return (a + b) % n }

func gcd(a, b uint64) uint64 {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}
