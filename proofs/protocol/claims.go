package protocol

import (
	"math/big"
	"math/bits"

	"github.com/consensys/gnark-crypto/ecc/bn254/fr"

	"github.com/cerberus-host/cerberus/proofs/identity"
)

// Challenges are those that the linear claims depend on.
type Challenges struct {
	Combinations           [][][]uint64
	Delta, Gamma, Rho, Tau fr.Element
}

// Combination is one of the identities that remain: a round of a group.
type Combination struct {
	Group, Round int
}

// Combinations lists what remains, in order: power i of delta weighs combination i.
func (sh *Shape) Combinations() []Combination {
	var out []Combination
	for i, g := range sh.System.Groups {
		for t := range g.Combinations() {
			out = append(out, Combination{Group: i, Round: t})
		}
	}
	return out
}

// Weights returns the weight of every identity in the sum of all combinations, weighed with
// powers of delta.
func (sh *Shape) Weights(combinations [][][]uint64, delta fr.Element) []fr.Element {
	out := make([]fr.Element, len(sh.System.Identities))
	power := fr.One()
	for _, c := range sh.Combinations() {
		g := sh.System.Groups[c.Group]
		for k, id := range g.Identities {
			if g.Rounds == 0 {
				out[id].Add(&out[id], &power)
				continue
			}
			var w fr.Element
			w.SetUint64(combinations[c.Group][c.Round][k])
			w.Mul(&w, &power)
			out[id].Add(&out[id], &w)
		}
		power.Mul(&power, &delta)
	}
	return out
}

// Claim is everything that remains to be shown: the sum over vectors a and polynomials p of
// Coefs[a][p] times the inner product of vector a with p is Target. Vectors are the views in
// order, then the projection vector.
type Claim struct {
	// Coefs have an entry for each committed polynomial of which something is claimed under
	// the vector: few polynomials are seen under more than one.
	Coefs []map[int]*fr.Element
	// H are the coefficients of the blocks of the quotient by X^N+1, under the first view.
	H      []fr.Element
	Target fr.Element
}

// Values are those at gamma of what is public and not committed.
type Values struct {
	// Factor returns the value of a factor in an identity modulo a prime.
	Factor func(prime int, f identity.Factor) fr.Element
	// Sum, if not nil, returns the value of the sum of the terms of an identity that
	// identity.System.Summed names, and whether it is known: then their factors are not asked
	// for.
	Sum func(identity int) (sum fr.Element, ok bool)
}

// Claim reduces everything to one linear claim. claims are the prover's values and rows its
// projections.
func (sh *Shape) Claim(
	ch *Challenges, values Values, claims []fr.Element, rows [][Rows]Row,
) *Claim {
	s := sh.System
	c := &Claim{
		Coefs: make([]map[int]*fr.Element, sh.Vectors), H: make([]fr.Element, s.HBlocks),
	}
	for a := range c.Coefs {
		c.Coefs[a] = make(map[int]*fr.Element)
	}
	views := make(map[uint64]int, len(s.Views))
	for a, g := range s.Views {
		views[g] = a
	}
	claimed := make(map[identity.Factor]fr.Element, len(claims))
	for i, f := range s.Claims {
		claimed[f] = claims[i]
	}
	for i, weight := range sh.Weights(ch.Combinations, ch.Delta) {
		id := s.Identities[i]
		var summed []int
		if values.Sum != nil {
			if sum, ok := values.Sum(i); ok {
				c.Target.Sub(&c.Target, sum.Mul(&sum, &weight))
				summed = s.Summed(id)
			}
		}
		for at, t := range id.Terms {
			if len(summed) > 0 && summed[0] == at {
				summed = summed[1:]
				continue
			}
			scalar, linear := weight, s.Linear(t)
			var known fr.Element
			scalar.Mul(&scalar, known.SetInt64(t.Coef))
			for k, f := range t.Factors {
				if k == linear {
					continue
				}
				if s.Polys[f.Poly].Committed {
					known = claimed[f]
				} else {
					known = values.Factor(id.Prime, f)
				}
				scalar.Mul(&scalar, &known)
			}
			if linear < 0 {
				c.Target.Sub(&c.Target, &scalar)
				continue
			}
			f := t.Factors[linear]
			c.add(views[f.Galois], f.Poly, &scalar)
		}
	}
	sh.claimQuotients(c, ch, views[1])
	sh.claimH(c, ch.Gamma)
	sh.claimRest(c, ch, views, claims, rows)
	return c
}

// add adds to a coefficient.
func (c *Claim) add(vector, poly int, coef *fr.Element) {
	at, ok := c.Coefs[vector][poly]
	if !ok {
		at = new(fr.Element)
		c.Coefs[vector][poly] = at
	}
	at.Add(at, coef)
}

// claimQuotients takes the quotients off: delta^j * q * 2^(48 part).
func (sh *Shape) claimQuotients(c *Claim, ch *Challenges, view int) {
	power := fr.One()
	for _, comb := range sh.Combinations() {
		g := sh.System.Groups[comb.Group]
		for part, poly := range g.Quotients[comb.Round] {
			q := new(big.Int).SetUint64(sh.System.Prime(g.Prime))
			q.Lsh(q, uint(part*identity.PartBits))
			var w fr.Element
			w.SetBigInt(q)
			w.Mul(&w, &power).Neg(&w)
			c.add(view, poly, &w)
		}
		power.Mul(&power, &ch.Delta)
	}
}

// claimH takes (gamma^N + 1) * gamma^(block*N) * H off.
func (sh *Shape) claimH(c *Claim, gamma fr.Element) {
	var block fr.Element
	block.Exp(gamma, big.NewInt(int64(sh.Degree)))
	one := fr.One()
	var w fr.Element
	w.Add(&block, &one)
	w.Neg(&w)
	for b := range c.H {
		c.H[b] = w
		w.Mul(&w, &block)
	}
}

// claimRest adds the claimed values and the projections, weighed with powers of tau.
func (sh *Shape) claimRest(
	c *Claim, ch *Challenges, views map[uint64]int, claims []fr.Element, rows [][Rows]Row,
) {
	power := ch.Tau
	add := func(vector, poly int, value fr.Element) {
		c.add(vector, poly, &power)
		value.Mul(&value, &power)
		c.Target.Add(&c.Target, &value)
		power.Mul(&power, &ch.Tau)
	}
	for i, f := range sh.System.Claims {
		add(views[f.Galois], f.Poly, claims[i])
	}
	rhos := newRowWeights(ch.Rho)
	for i, poly := range sh.Projected() {
		add(sh.Vectors-1, poly, rhos.combine(&rows[i]))
	}
}

// CombineVectors returns the sum over vectors a and blocks b of eq[a*Blocks+b] times block b
// of vector a, of the opening's size. The vectors are the views at gamma, then the projection
// vector, each of N entries; it makes the views one element at a time: powers are those of
// gamma, last is the projection vector.
func (sh *Shape) CombineVectors(powers, last, eq []fr.Element) []fr.Element {
	size, views := min(sh.Size, sh.Degree), sh.System.Views
	logSize := bits.TrailingZeros(uint(size))
	sums := make([][]fr.Element, len(views))
	for a, galois := range views {
		sums[a] = sh.blockSums(powers, galois, eq[a*sh.Blocks:])
	}
	rest := eq[len(views)*sh.Blocks:]
	out := make([]fr.Element, sh.Size)
	parallel(size, func(from, to int) {
		var x fr.Element
		for i := from; i < to; i++ {
			for a, galois := range views {
				at := int(uint64(i) * galois & uint64(2*sh.Degree-1))
				x.Mul(&powers[at&(size-1)], &sums[a][at>>logSize])
				out[i].Add(&out[i], &x)
			}
			for b := range sh.Blocks {
				x.Mul(&last[b*size+i], &rest[b])
				out[i].Add(&out[i], &x)
			}
		}
	})
	return out
}

// blockSums returns what the first powers of gamma are multiplied with to add up the blocks
// of a view, weighed with eq: entry k of block b is the power galois*(b*size+k) modulo 2N,
// negated from N on. It is the power galois*k modulo size, times one that depends on b and on
// the part of [0, 2N) that galois*k modulo 2N is in, which numbers the sums.
func (sh *Shape) blockSums(powers []fr.Element, galois uint64, eq []fr.Element) []fr.Element {
	size := min(sh.Size, sh.Degree)
	out := make([]fr.Element, 2*sh.Blocks)
	for part := range out {
		for b := range sh.Blocks {
			at := (part + b*int(galois)) % len(out)
			var x fr.Element
			x.Mul(&eq[b], &powers[at%sh.Blocks*size])
			if at < sh.Blocks {
				out[part].Add(&out[part], &x)
			} else {
				out[part].Sub(&out[part], &x)
			}
		}
	}
	return out
}

// EqWeights returns, for each index below 2^len(x), the product over its bits i (the lowest
// first) of x_i or 1 - x_i: the weights with which the sum-check's challenges combine.
func EqWeights(x []fr.Element) []fr.Element {
	out := []fr.Element{fr.One()}
	for i := len(x) - 1; i >= 0; i-- {
		next := make([]fr.Element, 2*len(out))
		for k := range out {
			next[2*k+1].Mul(&out[k], &x[i])
			next[2*k].Sub(&out[k], &next[2*k+1])
		}
		out = next
	}
	return out
}

// Reduce returns the running claim of the sum-check after a round with the given values at
// 0 and 2: the value at x of the polynomial of degree 2 that has them and at 1 what makes
// the sum of its values at 0 and 1 the claim.
func Reduce(claim fr.Element, round [2]fr.Element, x fr.Element) fr.Element {
	zero, two := round[0], round[1]
	var one fr.Element
	one.Sub(&claim, &zero)
	// g(X) = zero + b X + a X^2, a = (g(2) - 2 g(1) + g(0)) / 2, b = g(1) - g(0) - a.
	var a, b, half fr.Element
	half.SetUint64(2)
	half.Inverse(&half)
	a.Double(&one).Sub(&two, &a).Add(&a, &zero).Mul(&a, &half)
	b.Sub(&one, &zero).Sub(&b, &a)
	a.Mul(&a, &x).Add(&a, &b).Mul(&a, &x).Add(&a, &zero)
	return a
}
