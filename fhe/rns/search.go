package rns

import (
	"fmt"
	"math/bits"
	"slices"
)

const (
	// MaxPrimeBits is the width of the largest prime in use: every prime of Q and P is
	// below 2^50, so that vector and floating-point butterflies stay exact.
	MaxPrimeBits = 50
	// MinLogDegree is the least log2 of a ring degree N.
	MinLogDegree = 1
	// MaxLogDegree is the largest log2 of a ring degree N.
	MaxLogDegree = 17

	// maxChain is how many primes a search makes room for before it has found any.
	maxChain = 64
)

// IsPrime reports whether n is prime. The answer is exact for every n: the first twelve
// primes as Miller-Rabin bases leave no composite below 3.3*10^24 undetected
// (Sorenson and Webster, Strong pseudoprimes to twelve prime bases).
func IsPrime(n uint64) bool {
	bases := [...]uint64{2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37}
	if n < 2 {
		return false
	}
	for _, p := range bases {
		if n%p == 0 {
			return n == p
		}
	}
	twos := bits.TrailingZeros64(n - 1)
	odd := (n - 1) >> twos
	for _, base := range bases {
		if !strongProbablePrime(n, base, odd, twos) {
			return false
		}
	}
	return true
}

// strongProbablePrime is one Miller-Rabin round for an odd n with n-1 = odd*2^twos.
func strongProbablePrime(n, base, odd uint64, twos int) bool {
	x := powMod(base, odd, n)
	if x == 1 || x == n-1 {
		return true
	}
	for range twos - 1 {
		if x = mulMod(x, x, n); x == n-1 {
			return true
		}
	}
	return false
}

// IsNTTPrime reports whether q is a prime below 2^50 with q = 1 mod 2^(logN+1), so that
// a primitive 2N-th root of unity exists modulo q.
func IsNTTPrime(q uint64, logN int) bool {
	if logN < MinLogDegree || logN > MaxLogDegree || q>>MaxPrimeBits != 0 {
		return false
	}
	return q&(2<<logN-1) == 1 && IsPrime(q)
}

// PrimesBelow returns the count largest primes below 2^width that are 1 modulo
// 2^(logN+1), largest first. It returns [ErrExhausted] if there are not enough of them
// above 2^(width-1).
func PrimesBelow(width, logN, count int) ([]uint64, error) {
	if err := checkSearch(width, logN, count); err != nil {
		return nil, err
	}
	s := nearbyPrimes{logN: logN, step: 2 << logN, low: 1 << (width - 1), high: 1 << width}
	candidate := s.high + 1
	var primes []uint64
	for len(primes) < count {
		p, ok := s.below(candidate)
		if !ok {
			return nil, fmt.Errorf("%w: %d of %d below 2^%d", ErrExhausted, len(primes), count, width)
		}
		primes = append(primes, p)
		candidate = p
	}
	return primes, nil
}

// RescalePrimes returns count distinct primes next to 2^width that are 1 modulo
// 2^(logN+1), ordered for use as Q[1], Q[2], ..., Q[count].
//
// They are chosen from the top of the chain down. Squaring a scale s and rescaling by a
// prime q gives s^2/q, so a relative deviation doubles with every level unless the
// primes counter it. The walk starts with s = 2^width and takes, at each level, the
// unused prime nearest to s^2/2^width, the lower one of two equally near, which brings
// the next scale back to 2^width as nearly as a prime can. All of it is integer
// arithmetic, s being rounded down.
//
// It returns [ErrExhausted] if it would have to leave (2^(width-1), 2^(width+1)).
func RescalePrimes(width, logN, count int) ([]uint64, error) {
	if err := checkSearch(width+1, logN, count); err != nil {
		return nil, err
	}
	s := nearbyPrimes{logN: logN, step: 2 << logN, low: 1 << (width - 1), high: 2 << width}
	scale := uint64(1) << width
	primes := make([]uint64, 0, min(count, maxChain))
	for len(primes) < count {
		hi, lo := bits.Mul64(scale, scale)
		p, ok := s.nearest(hi<<(64-width)|lo>>width, primes)
		if !ok {
			return nil, fmt.Errorf("%w: %d of %d around 2^%d",
				ErrExhausted, len(primes), count, width)
		}
		primes = append(primes, p)
		scale, _ = bits.Div64(hi, lo, p)
	}
	slices.Reverse(primes)
	return primes, nil
}

// nearbyPrimes walks along the numbers that are 1 modulo step, strictly between low
// and high.
type nearbyPrimes struct {
	logN            int
	step, low, high uint64
}

// nearest returns the prime outside used that is nearest to target.
func (s nearbyPrimes) nearest(target uint64, used []uint64) (uint64, bool) {
	up := target + s.step - (target-1)%s.step // the first candidate above target
	down := up - s.step
	for s.low < down || up < s.high {
		var p uint64
		if s.low < down && (up >= s.high || target-down <= up-target) {
			p = down
			down -= s.step
		} else {
			p = up
			up += s.step
		}
		if !slices.Contains(used, p) && IsNTTPrime(p, s.logN) {
			return p, true
		}
	}
	return 0, false
}

// below returns the largest prime below n, which is itself 1 modulo step.
func (s nearbyPrimes) below(n uint64) (uint64, bool) {
	for n -= s.step; n > s.low; n -= s.step {
		if IsNTTPrime(n, s.logN) {
			return n, true
		}
	}
	return 0, false
}

func checkSearch(width, logN, count int) error {
	if logN < MinLogDegree || logN > MaxLogDegree {
		return fmt.Errorf("%w: log2 N = %d is outside [%d, %d]",
			ErrDegree, logN, MinLogDegree, MaxLogDegree)
	}
	if width < logN+3 || width > MaxPrimeBits {
		return fmt.Errorf("%w: primes of %d bits for log2 N = %d", ErrModulus, width, logN)
	}
	if count < 0 {
		return fmt.Errorf("%w: %d primes asked for", ErrLength, count)
	}
	return nil
}
