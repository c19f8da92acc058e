package verifier

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/consensys/gnark-crypto/ecc/bn254/fr"

	"github.com/cerberus-host/cerberus/fhe/rns"
	"github.com/cerberus-host/cerberus/proofs/identity"
	"github.com/cerberus-host/cerberus/proofs/protocol"
)

// valued is a public factor in an identity modulo a prime.
type valued struct {
	prime  int
	factor identity.Factor
}

// valuedOf leaves the prime out where the value does not depend on it.
func valuedOf(prime int, f identity.Factor) valued {
	if f.Scale == 1 {
		prime = 0
	}
	return valued{prime, f}
}

// evaluation is a public polynomial that is evaluated at gamma: a factor, or the sum of those
// terms of an identity that are nothing else.
type evaluation struct {
	of       valued
	identity int // of a sum, else -1
	value    fr.Element
	err      error
}

// view is the automorphism under which the polynomial is evaluated. Sums and scaled factors
// are turned before.
func (e *evaluation) view() uint64 {
	if e.identity >= 0 || e.of.factor.Scale != 1 {
		return 1
	}
	return e.of.factor.Galois
}

// publicValues evaluates everything public at gamma, whose powers are given, one view after
// the other.
func (c *check) publicValues(powers []fr.Element) (protocol.Values, error) {
	list := c.evaluations()
	slices.SortStableFunc(list, func(a, b *evaluation) int { return cmp.Compare(a.view(), b.view()) })
	point := protocol.NewPoint(powers)
	scratch := make([][]uint64, protocol.Workers())
	for from := 0; from < len(list); {
		galois, to := list[from].view(), from+1
		for to < len(list) && list[to].view() == galois {
			to++
		}
		view := point.View(galois)
		protocol.Parallel(to-from, len(scratch), func(worker, i int) {
			c.evaluate(view, list[from+i], &scratch[worker])
		})
		from = to
	}
	factors := make(map[valued]fr.Element, len(list))
	sums := make(map[int]fr.Element)
	for _, e := range list {
		switch {
		case e.err != nil:
			return protocol.Values{}, e.err
		case e.identity >= 0:
			sums[e.identity] = e.value
		default:
			factors[e.of] = e.value
		}
	}
	return protocol.Values{
		Factor: func(prime int, f identity.Factor) fr.Element { return factors[valuedOf(prime, f)] },
		Sum:    func(identity int) (fr.Element, bool) { sum, ok := sums[identity]; return sum, ok },
	}, nil
}

// evaluations lists what a claim is made of, in the order of the System.
func (c *check) evaluations() []*evaluation {
	s := c.shape.System
	seen := make(map[valued]bool)
	var list []*evaluation
	for i, id := range s.Identities {
		summed := s.Summed(id)
		if summed != nil {
			list = append(list, &evaluation{identity: i})
		}
		for at, t := range id.Terms {
			if len(summed) > 0 && summed[0] == at {
				summed = summed[1:]
				continue
			}
			for _, f := range t.Factors {
				v := valuedOf(id.Prime, f)
				if !s.Polys[f.Poly].Committed && !seen[v] {
					seen[v] = true
					list = append(list, &evaluation{of: v, identity: -1})
				}
			}
		}
	}
	return list
}

// evaluate evaluates one. Scratch is for polynomials that are made for it alone, and is made
// when one is.
func (c *check) evaluate(view *protocol.View, e *evaluation, scratch *[]uint64) {
	if e.err = c.ctx.Err(); e.err != nil {
		return
	}
	if *scratch == nil && (e.identity >= 0 || e.of.factor.Scale != 1) {
		*scratch = make([]uint64, c.shape.Degree)
	}
	var p protocol.Residues
	if p, e.err = c.residues(e, *scratch); e.err != nil {
		return
	}
	e.value = view.Eval(p)
	if e.identity >= 0 {
		id := c.shape.System.Identities[e.identity]
		var coef fr.Element
		coef.SetInt64(id.Terms[c.shape.System.Summed(id)[0]].Coef)
		e.value.Mul(&e.value, &coef)
	}
}

// residues returns the polynomial that is evaluated. It may be in scratch.
func (c *check) residues(e *evaluation, scratch []uint64) (protocol.Residues, error) {
	s, public := c.shape.System, c.request.Public
	if e.identity >= 0 {
		err := public.Sum(s, s.Identities[e.identity], scratch)
		return protocol.Residues{Coeffs: scratch, Prime: identity.SumPrime}, err
	}
	f := e.of.factor
	coeffs, prime, err := public.Residues(s, f.Poly)
	if err != nil || f.Scale == 1 {
		return protocol.Residues{Coeffs: coeffs, Prime: prime}, err
	}
	m, err := rns.NewModulus(s.Prime(e.of.prime))
	if err != nil {
		return protocol.Residues{}, fmt.Errorf("prime: %w", err)
	}
	identity.ScaleResidues(scratch, coeffs, prime, f.Galois, f.Scale, m)
	return protocol.Residues{Coeffs: scratch, Prime: m.Value()}, nil
}
