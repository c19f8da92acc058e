package rns

import (
	"fmt"
	"slices"
)

// PrimeSet is the primes of one named parameter set. They are constants of the format:
// changing one changes every digest that depends on the set, so the numbers are
// committed here and a test finds them again with [GeneratePrimes].
type PrimeSet struct {
	// Name is the stable name of the set. Names that begin with "insecure" belong to
	// rings that do not reach 128-bit security and serve tests only.
	Name string
	// LogN is log2 of the ring degree N.
	LogN int
	// ScaleBits is the width b such that every prime of Q but the first lies next to
	// 2^b, in the order of [RescalePrimes]: a scale of 2^b that is squared and rescaled
	// at every level stays within one part in 2^16 of 2^b.
	ScaleBits int
	// Q are the ciphertext primes; a ciphertext at level l uses Q[0] to Q[l]. Q[0] has
	// six bits more than the scale, so that values up to 2^5 survive at level 0.
	Q []uint64
	// P are the special primes of key switching. A digit of a key switch takes len(P)
	// primes of Q, and their product stays below the product of P.
	P []uint64
}

// PrimeShape is the recipe from which the primes of a set were found.
type PrimeShape struct {
	// LogN is log2 of the ring degree.
	LogN int
	// FirstBits is the width of Q[0], the largest fitting prime of that width.
	FirstBits int
	// ScaleBits places the other primes of Q around 2^ScaleBits (see [RescalePrimes]).
	ScaleBits int
	// SpecialBits is the width of the primes of P, the largest fitting ones of that
	// width that Q[0] does not use.
	SpecialBits int
	// QCount and PCount are the numbers of primes.
	QCount, PCount int
}

// PrimeSetNames lists the sets in the order of the documentation: secure ones first.
func PrimeSetNames() []string {
	sets := primeSets()
	names := make([]string, len(sets))
	for i, s := range sets {
		names[i] = s.Name
	}
	return names
}

// NamedPrimes returns the set of that name, or [ErrUnknownSet]. The caller owns the
// slices.
func NamedPrimes(name string) (PrimeSet, error) {
	for _, s := range primeSets() {
		if s.Name == name {
			return s, nil
		}
	}
	return PrimeSet{}, fmt.Errorf("%w: %.40q is none of %v", ErrUnknownSet, name, PrimeSetNames())
}

// GeneratePrimes searches the primes of a shape. It is deterministic. The result has no
// name. It returns [ErrExhausted] if the range holds too few primes, [ErrModulus],
// [ErrDegree] or [ErrLength] if the shape makes no sense, and [ErrBasis] if it would use
// a prime twice.
func GeneratePrimes(shape PrimeShape) (PrimeSet, error) {
	if shape.QCount < 1 || shape.PCount < 0 {
		return PrimeSet{}, fmt.Errorf("%w: %d primes of Q and %d of P",
			ErrLength, shape.QCount, shape.PCount)
	}
	first, err := PrimesBelow(shape.FirstBits, shape.LogN, 1)
	if err != nil {
		return PrimeSet{}, fmt.Errorf("first prime: %w", err)
	}
	rest, err := RescalePrimes(shape.ScaleBits, shape.LogN, shape.QCount-1)
	if err != nil {
		return PrimeSet{}, fmt.Errorf("primes around the scale: %w", err)
	}
	special, err := PrimesBelow(shape.SpecialBits, shape.LogN, shape.PCount+1)
	if err != nil {
		return PrimeSet{}, fmt.Errorf("special primes: %w", err)
	}
	special = slices.DeleteFunc(special, func(p uint64) bool { return p == first[0] })
	set := PrimeSet{
		LogN:      shape.LogN,
		ScaleBits: shape.ScaleBits,
		Q:         append(first, rest...),
		P:         special[:shape.PCount],
	}
	if err := checkDistinct(set.QP()); err != nil {
		return PrimeSet{}, err
	}
	return set, nil
}

// QP returns the primes of Q followed by those of P in a new slice.
func (s PrimeSet) QP() []uint64 { return slices.Concat(s.Q, s.P) }

func checkDistinct(primes []uint64) error {
	sorted := slices.Sorted(slices.Values(primes))
	for i := 1; i < len(sorted); i++ {
		if sorted[i] == sorted[i-1] {
			return fmt.Errorf("%w: prime %d is there twice", ErrBasis, sorted[i])
		}
	}
	return nil
}
