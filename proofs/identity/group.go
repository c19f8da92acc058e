package identity

import (
	"math/big"
	"math/bits"
	"slices"
)

// Prime returns the prime with that index in Params.ModuliQP.
func (s *System) Prime(i int) uint64 {
	if q := s.Plan.Params.QCount(); i >= q {
		return s.Plan.Params.P(i - q)
	}
	return s.Plan.Params.Q(i)
}

// group says how the identities of each prime are checked and adds the quotients.
func (s *System) group() {
	byPrime := make([][]int, s.Plan.Params.QCount()+s.Plan.Params.PCount())
	for i, id := range s.Identities {
		byPrime[id.Prime] = append(byPrime[id.Prime], i)
	}
	for prime, ids := range byPrime {
		if len(ids) >= identitiesMin {
			width := bits.Len64(s.Prime(prime)) - 1
			s.addGroup(Group{
				Prime: prime, Identities: ids, Bits: width,
				Rounds: (combinationBits + width - 1) / width,
			})
			continue
		}
		for _, id := range ids {
			s.addGroup(Group{Prime: prime, Identities: []int{id}})
		}
	}
}

func (s *System) addGroup(g Group) {
	bound := s.combinationBound(g, false)
	bound.Div(bound, new(big.Int).SetUint64(s.Prime(g.Prime)))
	bound.Add(bound, big.NewInt(1))
	for t := range g.Combinations() {
		var quotient []int
		for part, b := range parts(bound) {
			quotient = append(quotient, len(s.Polys))
			s.Polys = append(s.Polys, Poly{
				Kind: KindQuotient, Step: len(s.Groups), Index: t, Limb: part, Bound: b,
				Committed: true,
			})
		}
		g.Quotients = append(g.Quotients, quotient)
	}
	s.Groups = append(s.Groups, g)
}

// claims collects views and the factors whose value the prover states.
func (s *System) claims() {
	views := map[uint64]bool{1: true}
	claimed := make(map[Factor]bool)
	for _, id := range s.Identities {
		for _, t := range id.Terms {
			linear := s.Linear(t)
			for i, f := range t.Factors {
				if !s.Polys[f.Poly].Committed {
					continue
				}
				views[f.Galois] = true
				if i != linear && !claimed[f] {
					claimed[f] = true
					s.Claims = append(s.Claims, f)
				}
			}
		}
	}
	for g := range views {
		s.Views = append(s.Views, g)
	}
	slices.Sort(s.Views)
	slices.SortFunc(s.Claims, compareFactors)
}

// Linear returns the index of the committed factor of a term that is not claimed: a key if
// there is one, else the last; -1 if no factor is committed.
func (s *System) Linear(t Term) int {
	at := -1
	for i, f := range t.Factors {
		if !s.Polys[f.Poly].Committed {
			continue
		}
		if at >= 0 && s.Polys[t.Factors[at].Poly].Kind == KindKey {
			return at
		}
		at = i
	}
	return at
}
