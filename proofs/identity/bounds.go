package identity

import (
	"fmt"
	"math/big"
	"math/bits"

	"github.com/consensys/gnark-crypto/ecc/bn254/fr"
)

const (
	// combinationBits is what the random coefficients of one prime's combinations have
	// together: identities of which one is false pass with probability 2^-135.
	combinationBits = 135
	// identitiesMin is the number of identities of a prime from which on they are combined.
	identitiesMin = 7
	// boundBits is the width of the largest committed coefficient.
	boundBits = 60
)

// liftBound is the largest absolute value of [Lift].
func liftBound(q uint64) int64 { return int64(q+1) / 2 }

// termBound bounds the coefficients of a product: N^(k-1) times the bounds of k factors.
func (s *System) termBound(prime int, t Term, proven bool) *big.Int {
	out := new(big.Int).Abs(big.NewInt(t.Coef))
	for i, f := range t.Factors {
		if f.Scale != 1 {
			out.Mul(out, big.NewInt(liftBound(s.Prime(prime))))
		} else {
			out.Mul(out, s.polyBound(f.Poly, proven))
		}
		if i > 0 {
			out.Lsh(out, uint(s.Plan.Params.LogN()))
		}
	}
	return out
}

// polyBound is the largest coefficient that a polynomial can have: of a wire, what an honest
// run can make or what the projections prove.
func (s *System) polyBound(poly int, proven bool) *big.Int {
	p := s.Polys[poly]
	b := big.NewInt(p.Bound)
	if proven && !p.Kind.Public() {
		return ProvenBound(s.Plan.Params.N(), b)
	}
	return b
}

// identityBound bounds the coefficients of an identity's left side.
func (s *System) identityBound(id Identity, proven bool) *big.Int {
	sum := new(big.Int)
	for _, t := range id.Terms {
		sum.Add(sum, s.termBound(id.Prime, t, proven))
	}
	return sum
}

// combinationBound bounds the coefficients of a group's combinations before the quotient
// is taken off.
func (s *System) combinationBound(g Group, proven bool) *big.Int {
	sum := new(big.Int)
	for _, id := range g.Identities {
		sum.Add(sum, s.identityBound(s.Identities[id], proven))
	}
	if g.Rounds > 0 {
		sum.Lsh(sum, uint(g.Bits))
	}
	return sum
}

// Check returns [ErrBound] if an identity could wrap around modulo the field: for every
// combination, what its terms and its quotient are proven to be below must stay under r/2.
// A verifier calls it, too: nothing that a prover says enters.
func (s *System) Check() error {
	half := new(big.Int).Rsh(fr.Modulus(), 1)
	for i, g := range s.Groups {
		for t := range g.Combinations() {
			sum := s.combinationBound(g, true)
			quotient := new(big.Int)
			for part, poly := range g.Quotients[t] {
				b := s.polyBound(poly, true)
				quotient.Add(quotient, b.Lsh(b, uint(part*PartBits)))
			}
			quotient.Mul(quotient, new(big.Int).SetUint64(s.Prime(g.Prime)))
			if sum.Add(sum, quotient).Cmp(half) >= 0 {
				return fmt.Errorf("%w: group %d, modulo %d: %d bits of %d", ErrBound, i,
					s.Prime(g.Prime), sum.BitLen(), half.BitLen())
			}
		}
	}
	for i, p := range s.Polys {
		if p.Bound < 1 || bits.Len64(uint64(p.Bound)) > boundBits {
			return fmt.Errorf("%w: polynomial %d is bounded by %d", ErrBound, i, p.Bound)
		}
	}
	return nil
}

// parts returns the honest bounds of the parts in base 2^48 of an integer of absolute value
// at most b.
func parts(b *big.Int) []int64 {
	if b.BitLen() < boundBits {
		return []int64{max(1, b.Int64())}
	}
	count := (b.BitLen() + PartBits - 1) / PartBits
	// A remainder of few bits joins the part below.
	if b.BitLen()-(count-1)*PartBits < boundBits-PartBits {
		count--
	}
	out := make([]int64, count)
	for i := range out {
		out[i] = 1 << (PartBits - 1)
	}
	top := new(big.Int).Rsh(b, uint((count-1)*PartBits))
	// Balanced parts below may carry one up.
	out[count-1] = top.Int64() + 2
	return out
}

// SplitParts cuts an integer into count balanced parts in base 2^48: all but the last in
// [-2^47, 2^47). It returns [ErrWitness] if the last part does not fit 60 bits.
func SplitParts(x *big.Int, count int) ([]int64, error) {
	out := make([]int64, count)
	rest := new(big.Int).Set(x)
	low, base := new(big.Int), new(big.Int).Lsh(big.NewInt(1), PartBits)
	half := int64(1) << (PartBits - 1)
	for i := range count - 1 {
		low.Mod(rest, base)
		d := low.Int64()
		if d >= half {
			d -= 1 << PartBits
		}
		out[i] = d
		rest.Sub(rest, big.NewInt(d)).Rsh(rest, PartBits)
	}
	if rest.BitLen() > boundBits {
		return nil, fmt.Errorf("%w: an integer of %d bits in %d parts", ErrWitness, x.BitLen(),
			count)
	}
	out[count-1] = rest.Int64()
	return out, nil
}
