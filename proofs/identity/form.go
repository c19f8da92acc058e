package identity

import (
	"math/big"
	"math/bits"
)

const (
	// fieldBits is the width of the largest integer that a combination may reach: r/2 has
	// one bit more.
	fieldBits = 252
	// headroomMin, headroomMax and headroomStep are what is left, in bits, between an
	// identity and a combination: for the number of identities of a prime and the quotient.
	headroomMin, headroomMax, headroomStep = 10, 22, 4
	// multipliersMax is the number of multiples of an identity that are looked at.
	multipliersMax = 4
)

// form is how an identity is written: multiplied by a number that is not 0 modulo its prime,
// which changes nothing in what it says, but much in how large its coefficients are.
type form struct {
	by uint64
	// scaled is, for each term, the public factor that takes its coefficient, or -1.
	scaled []int
	count  int
	// bound is what the coefficients are proven to be below, fits whether that leaves room
	// for the combination.
	bound *big.Int
	fits  bool
}

// form returns the best way to write the identity that an expression is 0: one that fits;
// else, or if many do, the one that scales fewest publics, since each of them has to be
// evaluated by itself; else the smallest.
func (b *builder) form(prime int, e expr) form {
	var best form
	for i, by := range b.multipliers(prime, e) {
		f := b.weigh(prime, e, by)
		switch {
		case i == 0:
			best = f
		case f.fits != best.fits:
			if f.fits {
				best = f
			}
		case f.count != best.count:
			if f.count < best.count {
				best = f
			}
		case f.bound.Cmp(best.bound) < 0:
			best = f
		}
	}
	return best
}

// fits reports whether an identity over the expression can be written so that it fits.
func (b *builder) fits(prime int, e expr) bool {
	for _, by := range b.multipliers(prime, e) {
		if b.weigh(prime, e, by).fits {
			return true
		}
	}
	return false
}

// multipliers returns 1 and what makes the coefficients of the largest products 1.
func (b *builder) multipliers(prime int, e expr) []uint64 {
	r := b.rings[prime]
	out := []uint64{1}
	seen := []uint64{1}
	for range multipliersMax {
		at := -1
		for i, t := range e {
			if contains(seen, r, t.coef) || (at >= 0 && t.bound.Cmp(e[at].bound) <= 0) {
				continue
			}
			at = i
		}
		if at < 0 {
			break
		}
		seen = append(seen, e[at].coef)
		out = append(out, r.inverse(e[at].coef))
	}
	return out
}

// contains reports whether a list has a number or its negative.
func contains(list []uint64, r ring, c uint64) bool {
	for _, x := range list {
		if x == c || x == r.Neg(c) {
			return true
		}
	}
	return false
}

// weigh writes an identity, multiplied by a number. Coefficients go into public factors only
// where the products would be too large otherwise.
func (b *builder) weigh(prime int, e expr, by uint64) form {
	r := b.rings[prime]
	limit := fieldBits - (bits.Len64(r.Value()) - 1) - b.spare
	out := form{by: by, scaled: make([]int, len(e)), bound: new(big.Int)}
	sizes := make([]*big.Int, len(e))
	for i, t := range e {
		out.scaled[i] = -1
		sizes[i] = b.size(t, Lift(r.Mul(t.coef, by), r.Value()))
		out.bound.Add(out.bound, sizes[i])
	}
	if out.fits = out.bound.BitLen() <= limit; out.fits {
		return out
	}
	share := limit - bits.Len(uint(len(e)))
	for i, t := range e {
		at := b.absorber(t)
		if at < 0 || r.Mul(t.coef, by) == 1 || sizes[i].BitLen() <= share {
			continue
		}
		// The factor is at most liftBound of the prime then; it may have been less.
		scaled := b.size(t, 1)
		scaled.Mul(scaled, big.NewInt(liftBound(r.Value())))
		scaled.Div(scaled, b.publicBounds[t.factors[at].Poly])
		scaled.Add(scaled, big.NewInt(1))
		if scaled.Cmp(sizes[i]) >= 0 {
			continue
		}
		out.scaled[i] = at
		out.count++
		out.bound.Sub(out.bound, sizes[i]).Add(out.bound, scaled)
	}
	out.fits = out.bound.BitLen() <= limit
	return out
}

// size bounds what a term contributes to a combination. Half of it is for the quotient, whose
// proven bound exceeds the honest one by the slack that products of wires have already.
func (b *builder) size(t term, coef int64) *big.Int {
	out := new(big.Int).Abs(big.NewInt(coef))
	out.Mul(out, t.bound)
	if t.factors[len(t.factors)-1].Poly < firstWire { // wires come last
		out.Mul(out, b.slack)
	}
	return out
}

// absorber returns the factor of a term that takes the coefficient: a constant, else an
// input; -1 if there is neither.
func (b *builder) absorber(t term) int {
	found := -1
	for i, f := range t.factors {
		switch b.poly(f.Poly).Kind { //nolint:exhaustive // the others are never scaled
		case KindConstant:
			return i
		case KindInput:
			found = max(found, i)
		}
	}
	return found
}
