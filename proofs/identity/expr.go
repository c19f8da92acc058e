package identity

import (
	"cmp"
	"fmt"
	"math/big"
	"slices"

	"github.com/cerberus-host/cerberus/fhe/rns"
)

// term is a product with a coefficient in [0, q), q being the modulus of its expression.
type term struct {
	coef    uint64
	factors []Factor
	// bound is what the coefficients of the product are proven to be below, in absolute
	// value and before it is multiplied by coef. It is shared and never changed.
	bound *big.Int
}

// expr is a sum of products modulo a prime: terms with different factors, in the order of
// their factors, coefficients not 0. Expressions are shared and never changed.
type expr []term

// ring does arithmetic with expressions modulo one prime and X^N+1.
type ring struct {
	rns.Modulus
	logN int
}

// ringOf returns the ring of a prime.
func ringOf(q uint64, logN int) (ring, error) {
	m, err := rns.NewModulus(q)
	if err != nil {
		return ring{}, fmt.Errorf("prime %d: %w", q, err)
	}
	return ring{m, logN}, nil
}

func compareFactors(a, b Factor) int {
	return cmp.Or(cmp.Compare(a.Poly, b.Poly), cmp.Compare(a.Galois, b.Galois),
		cmp.Compare(a.Scale, b.Scale))
}

func compareProducts(a, b []Factor) int { return slices.CompareFunc(a, b, compareFactors) }

// atom is the expression that is one polynomial.
func atom(poly int, bound *big.Int) expr {
	return expr{{
		coef: 1, factors: []Factor{{Poly: poly, Galois: 1, Scale: 1}}, bound: bound,
	}}
}

// single returns the polynomial if the expression is just that, under no automorphism.
func (e expr) single() (poly int, ok bool) {
	if len(e) != 1 || e[0].coef != 1 || len(e[0].factors) != 1 || e[0].factors[0].Galois != 1 {
		return 0, false
	}
	return e[0].factors[0].Poly, true
}

// linear reports whether no term is a product of polynomials.
func (e expr) linear() bool {
	return !slices.ContainsFunc(e, func(t term) bool { return len(t.factors) > 1 })
}

// factors returns the number of factors of all terms together.
func (e expr) factors() int {
	n := 0
	for _, t := range e {
		n += len(t.factors)
	}
	return n
}

// add returns a + b.
func (r ring) add(a, b expr) expr {
	out := make(expr, 0, len(a)+len(b))
	for len(a) > 0 && len(b) > 0 {
		switch order := compareProducts(a[0].factors, b[0].factors); {
		case order < 0:
			out, a = append(out, a[0]), a[1:]
		case order > 0:
			out, b = append(out, b[0]), b[1:]
		default:
			t := a[0]
			if t.coef = r.Add(t.coef, b[0].coef); t.coef != 0 {
				out = append(out, t)
			}
			a, b = a[1:], b[1:]
		}
	}
	out = append(out, a...)
	return append(out, b...)
}

// scale returns c*a for c in [0, q).
func (r ring) scale(a expr, c uint64) expr {
	out := make(expr, 0, len(a))
	for _, t := range a {
		if t.coef = r.Mul(t.coef, c); t.coef != 0 {
			out = append(out, t)
		}
	}
	return out
}

func (r ring) neg(a expr) expr { return r.scale(a, r.Neg(1)) }

func (r ring) sub(a, b expr) expr { return r.add(a, r.neg(b)) }

// mul returns a * b.
func (r ring) mul(a, b expr) expr {
	out := make(expr, 0, len(a)*len(b))
	for _, x := range a {
		for _, y := range b {
			factors := slices.Concat(x.factors, y.factors)
			slices.SortFunc(factors, compareFactors)
			// A coefficient of a product is a sum of N products.
			bound := new(big.Int).Mul(x.bound, y.bound)
			out = append(out, term{
				coef: r.Mul(x.coef, y.coef), factors: factors,
				bound: bound.Lsh(bound, uint(r.logN)),
			})
		}
	}
	return r.collect(out)
}

// rotate returns the expression under X -> X^galois.
func (r ring) rotate(a expr, galois uint64) expr {
	out := make(expr, len(a))
	for i, t := range a {
		factors := make([]Factor, len(t.factors))
		for j, f := range t.factors {
			f.Galois = f.Galois * galois & (1<<(r.logN+1) - 1)
			factors[j] = f
		}
		slices.SortFunc(factors, compareFactors)
		t.factors = factors
		out[i] = t
	}
	return r.collect(out)
}

// collect sorts terms and merges those with the same factors.
func (r ring) collect(terms []term) expr {
	slices.SortFunc(terms, func(a, b term) int { return compareProducts(a.factors, b.factors) })
	out := make(expr, 0, len(terms))
	for _, t := range terms {
		if last := len(out) - 1; last >= 0 && compareProducts(out[last].factors, t.factors) == 0 {
			out[last].coef = r.Add(out[last].coef, t.coef)
			continue
		}
		out = append(out, t)
	}
	return slices.DeleteFunc(out, func(t term) bool { return t.coef == 0 })
}

// residue returns v modulo the prime, |v| < 2^63.
func (r ring) residue(v int64) uint64 {
	if v >= 0 {
		return r.Reduce(uint64(v))
	}
	return r.Neg(r.Reduce(uint64(-v)))
}

func (r ring) residueBig(x *big.Int) uint64 {
	return new(big.Int).Mod(x, new(big.Int).SetUint64(r.Value())).Uint64()
}

// inverse returns 1/c for c not 0 modulo the prime.
func (r ring) inverse(c uint64) uint64 { return r.Pow(c, r.Value()-2) }
