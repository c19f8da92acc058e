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
func liftBound(q uint64) int64 { return int64((q + 1) / 2) }

// PolyBound returns the largest absolute value that a coefficient can have in an honest run.
func (s *System) PolyBound(poly int) *big.Int { return big.NewInt(s.Polys[poly].Bound) }

// ProvenSup returns what is known of the coefficients once a proof was accepted: of a public
// polynomial its bound, since anybody can check it, of a wire what the projections show
// ([ProvenBound]).
func (s *System) ProvenSup(poly int) *big.Int {
	b := s.PolyBound(poly)
	if s.Polys[poly].Kind.Public() {
		return b
	}
	return ProvenBound(s.Plan.Params.N(), b)
}

// bound is the one or the other.
func (s *System) bound(poly int, proven bool) *big.Int {
	if proven {
		return s.ProvenSup(poly)
	}
	return s.PolyBound(poly)
}

// productBound bounds the coefficients of a product modulo X^N+1 by those of the factors:
// N^(k-1) times the product of k bounds.
func productBound(logN int, bounds ...*big.Int) *big.Int {
	out := big.NewInt(1)
	for i, b := range bounds {
		out.Mul(out, b)
		if i > 0 {
			out.Lsh(out, uint(logN))
		}
	}
	return out
}

// termBound bounds the coefficients of a term.
func (s *System) termBound(prime int, t Term, proven bool) *big.Int {
	bounds := make([]*big.Int, len(t.Factors))
	for i, f := range t.Factors {
		if bounds[i] = s.bound(f.Poly, proven); f.Scale != 1 {
			bounds[i] = big.NewInt(liftBound(s.Prime(prime)))
		}
	}
	out := new(big.Int).Abs(big.NewInt(t.Coef))
	return out.Mul(out, productBound(s.Plan.Params.LogN(), bounds...))
}

// identityBound bounds the coefficients of an identity's left side.
func (s *System) identityBound(id Identity, proven bool) *big.Int {
	sum := new(big.Int)
	for _, t := range id.Terms {
		sum.Add(sum, s.termBound(id.Prime, t, proven))
	}
	return sum
}

// combinationBound bounds the coefficients of each of a group's combinations before the
// quotient is taken off.
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
// combination, what its terms and its quotient are proven to be below must together stay
// under r/2. A verifier calls it, too: nothing that a prover says enters.
func (s *System) Check() error {
	for i, p := range s.Polys {
		if p.Bound < 1 || bits.Len64(uint64(p.Bound)) > boundBits {
			return fmt.Errorf("%w: polynomial %d, %s: bound above %d bits", ErrBound, i, p,
				boundBits)
		}
	}
	half := new(big.Int).Rsh(fr.Modulus(), 1)
	for i, g := range s.Groups {
		sum := s.combinationBound(g, true)
		q := new(big.Int).SetUint64(s.Prime(g.Prime))
		for _, parts := range g.Quotients {
			quotient := new(big.Int)
			for part, poly := range parts {
				b := s.ProvenSup(poly)
				quotient.Add(quotient, b.Lsh(b, uint(part*PartBits)))
			}
			if quotient.Mul(quotient, q).Add(quotient, sum).Cmp(half) >= 0 {
				return fmt.Errorf("%w: group %d, modulo %d: %d bits of %d", ErrBound, i,
					s.Prime(g.Prime), quotient.BitLen(), half.BitLen())
			}
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
	// What would be a part of few bits joins the part below it.
	if b.BitLen()-(count-1)*PartBits < boundBits-PartBits {
		count--
	}
	out := make([]int64, count)
	for i := range out {
		out[i] = 1 << (PartBits - 1)
	}
	top := new(big.Int).Rsh(b, uint((count-1)*PartBits))
	// One for what the shift cut off, one for what the balanced parts below carry up.
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
