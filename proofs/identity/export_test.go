package identity

import "math/big"

// ExactSum returns the left side of an identity as the oracle computes it.
func ExactSum(s *System, public *Publics, w *Witness, id Identity) ([]*big.Int, error) {
	return exactSum(s, public, w, id)
}

// CombinationBound bounds the coefficients of a group's combinations in honest runs.
func (s *System) CombinationBound(g Group) *big.Int { return s.combinationBound(g, false) }

// Defines returns the identity that defines a wire, and whether there is one.
func (s *System) Defines(poly int) (int, bool) {
	at, ok := s.defined[poly]
	return at, ok
}
