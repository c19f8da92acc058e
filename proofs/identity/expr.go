package identity

import (
	"cmp"
	"slices"

	"github.com/cerberus-host/cerberus/fhe/rns"
)

// term is a product with a coefficient in [0, q), q being the modulus of its expression.
type term struct {
	coef    uint64
	factors []Factor
}

// expr is a sum of products modulo a prime: terms with different factors, in the order of
// their factors, coefficients not 0. Expressions are shared and never changed.
type expr []term

func compareFactors(a, b Factor) int {
	return cmp.Or(cmp.Compare(a.Poly, b.Poly), cmp.Compare(a.Galois, b.Galois),
		cmp.Compare(a.Scale, b.Scale))
}

func compareProducts(a, b []Factor) int { return slices.CompareFunc(a, b, compareFactors) }

// atom is the expression that is one polynomial.
func atom(poly int) expr {
	return expr{{coef: 1, factors: []Factor{{Poly: poly, Galois: 1, Scale: 1}}}}
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

// add returns a + b.
func add(m rns.Modulus, a, b expr) expr {
	out := make(expr, 0, len(a)+len(b))
	for len(a) > 0 && len(b) > 0 {
		switch order := compareProducts(a[0].factors, b[0].factors); {
		case order < 0:
			out, a = append(out, a[0]), a[1:]
		case order > 0:
			out, b = append(out, b[0]), b[1:]
		default:
			if sum := m.Add(a[0].coef, b[0].coef); sum != 0 {
				out = append(out, term{coef: sum, factors: a[0].factors})
			}
			a, b = a[1:], b[1:]
		}
	}
	out = append(out, a...)
	return append(out, b...)
}

// scale returns c*a for c in [0, q).
func scale(m rns.Modulus, a expr, c uint64) expr {
	out := make(expr, 0, len(a))
	for _, t := range a {
		if p := m.Mul(t.coef, c); p != 0 {
			out = append(out, term{coef: p, factors: t.factors})
		}
	}
	return out
}

func sub(m rns.Modulus, a, b expr) expr { return add(m, a, scale(m, b, m.Neg(1))) }

// mul returns a * b.
func mul(m rns.Modulus, a, b expr) expr {
	out := make(expr, 0, len(a)*len(b))
	for _, x := range a {
		for _, y := range b {
			factors := slices.Concat(x.factors, y.factors)
			slices.SortFunc(factors, compareFactors)
			out = append(out, term{coef: m.Mul(x.coef, y.coef), factors: factors})
		}
	}
	return collect(m, out)
}

// rotate returns the expression under X -> X^galois.
func rotate(m rns.Modulus, a expr, galois uint64, n int) expr {
	out := make(expr, len(a))
	for i, t := range a {
		factors := make([]Factor, len(t.factors))
		for j, f := range t.factors {
			f.Galois = f.Galois * galois & (2*uint64(n) - 1)
			factors[j] = f
		}
		slices.SortFunc(factors, compareFactors)
		out[i] = term{coef: t.coef, factors: factors}
	}
	return collect(m, out)
}

// collect sorts terms and merges those with the same factors.
func collect(m rns.Modulus, terms []term) expr {
	slices.SortFunc(terms, func(a, b term) int { return compareProducts(a.factors, b.factors) })
	out := make(expr, 0, len(terms))
	for _, t := range terms {
		if last := len(out) - 1; last >= 0 && compareProducts(out[last].factors, t.factors) == 0 {
			out[last].coef = m.Add(out[last].coef, t.coef)
			continue
		}
		out = append(out, t)
	}
	return slices.DeleteFunc(out, func(t term) bool { return t.coef == 0 })
}
