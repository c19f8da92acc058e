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

// view is the automorphism under which the factor is evaluated: coefficients that are scaled
// must be turned before.
func (v valued) view() uint64 {
	if v.factor.Scale != 1 {
		return 1
	}
	return v.factor.Galois
}

// publicValues evaluates every public factor at gamma, whose powers are given, one view after
// the other.
func (c *check) publicValues(powers []fr.Element) (map[valued]fr.Element, error) {
	list := c.publicFactors()
	slices.SortStableFunc(list, func(a, b valued) int { return cmp.Compare(a.view(), b.view()) })
	point := protocol.NewPoint(powers)
	out := make(map[valued]fr.Element, len(list))
	scratch := make([][]uint64, protocol.Workers())
	for len(list) > 0 {
		galois := list[0].view()
		count := slices.IndexFunc(list, func(v valued) bool { return v.view() != galois })
		if count < 0 {
			count = len(list)
		}
		view := point.View(galois)
		results := make([]fr.Element, count)
		failures := make([]error, count)
		protocol.Parallel(count, len(scratch), func(worker, i int) {
			if failures[i] = c.ctx.Err(); failures[i] == nil {
				results[i], failures[i] = c.publicValue(view, list[i], &scratch[worker])
			}
		})
		for i, v := range list[:count] {
			if failures[i] != nil {
				return nil, failures[i]
			}
			out[v] = results[i]
		}
		list = list[count:]
	}
	return out, nil
}

// publicFactors lists the factors that are not committed, in the order of the System.
func (c *check) publicFactors() []valued {
	seen := make(map[valued]bool)
	var list []valued
	for _, id := range c.shape.System.Identities {
		for _, t := range id.Terms {
			for _, f := range t.Factors {
				v := valuedOf(id.Prime, f)
				if !c.shape.System.Polys[f.Poly].Committed && !seen[v] {
					seen[v] = true
					list = append(list, v)
				}
			}
		}
	}
	return list
}

// publicValue evaluates one. Scratch is for scaled coefficients and is made when needed.
func (c *check) publicValue(
	view *protocol.View, v valued, scratch *[]uint64,
) (fr.Element, error) {
	s := c.shape.System
	coeffs, prime, err := c.request.Public.Residues(s, v.factor.Poly)
	if err != nil {
		return fr.Element{}, err
	}
	if v.factor.Scale != 1 {
		m, err := rns.NewModulus(s.Prime(v.prime))
		if err != nil {
			return fr.Element{}, fmt.Errorf("prime: %w", err)
		}
		if *scratch == nil {
			*scratch = make([]uint64, len(coeffs))
		}
		identity.ScaleResidues(*scratch, coeffs, prime, v.factor.Galois, v.factor.Scale, m)
		coeffs, prime = *scratch, m.Value()
	}
	return view.Eval(protocol.Residues{Coeffs: coeffs, Prime: prime}), nil
}
