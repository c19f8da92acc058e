package prover

import (
	"fmt"

	"github.com/cerberus-host/cerberus/fhe/rns"
	"github.com/cerberus-host/cerberus/proofs/identity"
)

// factorsMax is the number of factors that a term may have.
const factorsMax = cosetsMax + 1

// factorKey names a factor; the prime counts only if it is scaled.
type factorKey struct {
	factor identity.Factor
	prime  int
}

func keyOf(prime int, f identity.Factor) factorKey {
	if f.Scale == 1 {
		prime = 0
	}
	return factorKey{f, prime}
}

// product names the factors of a term by their numbers in [terms], counted from 1; 0 is
// none.
type product [factorsMax]int32

// size is the number of factors.
func (p *product) size() int {
	for i, f := range p {
		if f == 0 {
			return i
		}
	}
	return len(p)
}

// without leaves a factor out.
func (p *product) without(at int) (out product) {
	copy(out[:], p[:at])
	copy(out[at:], p[at+1:])
	return out
}

// monomial is a product and the identities of a group in which it occurs.
type monomial struct {
	product product
	in      []occurrence
}

// occurrence is a place in a group's list of identities.
type occurrence struct {
	at   int
	coef int64
}

// terms are the identities of a System with each product once for each group: identities
// share them.
type terms struct {
	factors []factorKey
	groups  [][]monomial
}

func newTerms(s *identity.System) (*terms, error) {
	out := &terms{groups: make([][]monomial, len(s.Groups))}
	numbers := make(map[factorKey]int32)
	for i, g := range s.Groups {
		known := make(map[product]int)
		for at, id := range g.Identities {
			for _, t := range s.Identities[id].Terms {
				if len(t.Factors) > factorsMax || len(t.Factors) > s.HBlocks+1 {
					return nil, fmt.Errorf("%w: a product of %d polynomials", identity.ErrBound,
						len(t.Factors))
				}
				var p product
				for k, f := range t.Factors {
					key := keyOf(g.Prime, f)
					if numbers[key] == 0 {
						out.factors = append(out.factors, key)
						numbers[key] = int32(len(out.factors))
					}
					p[k] = numbers[key]
				}
				m, ok := known[p]
				if !ok {
					m = len(out.groups[i])
					known[p] = m
					out.groups[i] = append(out.groups[i], monomial{product: p})
				}
				in := &out.groups[i][m].in
				*in = append(*in, occurrence{at, t.Coef})
			}
		}
	}
	return out, nil
}

// factor returns the coefficients of a factor: turned, scaled. They may be shared.
func (j *job) factor(k factorKey) ([]int64, error) {
	f := k.factor
	w, err := j.coeffs(f.Poly)
	if err != nil {
		return nil, err
	}
	if f.Galois != 1 {
		turned := make([]int64, len(w))
		identity.Rotate(turned, w, f.Galois)
		w = turned
	}
	if f.Scale != 1 {
		m, err := rns.NewModulus(j.request.System.Prime(k.prime))
		if err != nil {
			return nil, fmt.Errorf("prime: %w", err)
		}
		w = scaleLift(w, f.Scale, m)
	}
	return w, nil
}

// scaleLift is identity.ScaleLift with a fixed factor's companion.
func scaleLift(w []int64, by uint64, m rns.Modulus) []int64 {
	q := m.Value()
	companion := m.Shoup(by)
	out := make([]int64, len(w))
	for i, c := range w {
		r := uint64(c) + q&uint64(c>>63) // publics are below their prime
		if r >= q {                      // of another prime
			r = residue(c, m)
		}
		out[i] = identity.Lift(m.MulShoup(r, by, companion), q)
	}
	return out
}
