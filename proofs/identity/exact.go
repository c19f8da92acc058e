package identity

import (
	"fmt"
	"math/big"
)

// CheckExact checks every identity modulo its prime with big integers and schoolbook
// products, in O(N^2): the oracle of everything that is faster. It returns [ErrWitness] with
// the identity that does not hold or the wire that is beyond its bound, and [ErrPublic] if a
// public polynomial is missing.
func CheckExact(s *System, public *Publics, w *Witness) error {
	if err := w.check(s); err != nil {
		return err
	}
	for i, id := range s.Identities {
		sum, err := exactSum(s, public, w, id)
		if err != nil {
			return err
		}
		q := new(big.Int).SetUint64(s.Prime(id.Prime))
		for j := range sum {
			if sum[j].Mod(sum[j], q).Sign() != 0 {
				return fmt.Errorf("%w: identity %d modulo %d does not hold at coefficient %d",
					ErrWitness, i, s.Prime(id.Prime), j)
			}
		}
	}
	return nil
}

// exactSum returns the left side of an identity, an integer polynomial reduced modulo X^N+1.
func exactSum(s *System, public *Publics, w *Witness, id Identity) ([]*big.Int, error) {
	sum := zeros(s.Plan.Params.N())
	q := new(big.Int).SetUint64(s.Prime(id.Prime))
	for _, t := range id.Terms {
		product := zeros(len(sum))
		product[0].SetInt64(t.Coef)
		for _, f := range t.Factors {
			coeffs, err := s.coeffs(public, w, f.Poly)
			if err != nil {
				return nil, err
			}
			turned := make([]int64, len(coeffs))
			Rotate(turned, coeffs, f.Galois)
			product = mulExact(product, turned, f.Scale, q)
		}
		for j := range sum {
			sum[j].Add(sum[j], product[j])
		}
	}
	return sum, nil
}

func zeros(n int) []*big.Int {
	out := make([]*big.Int, n)
	for i := range out {
		out[i] = new(big.Int)
	}
	return out
}

// mulExact returns a * b modulo X^N+1, where b is scaled first if by is not 1: multiplied by
// it and reduced modulo q as [Lift] does.
func mulExact(a []*big.Int, b []int64, by uint64, q *big.Int) []*big.Int {
	out := zeros(len(a))
	product := new(big.Int)
	for j, c := range b {
		if c == 0 {
			continue
		}
		y := big.NewInt(c)
		if by != 1 {
			y.Mul(y, new(big.Int).SetUint64(by)).Mod(y, q)
			y.SetInt64(Lift(y.Uint64(), q.Uint64()))
		}
		for i := range a {
			if a[i].Sign() == 0 {
				continue
			}
			product.Mul(a[i], y)
			if at := i + j; at < len(a) {
				out[at].Add(out[at], product)
			} else {
				out[at-len(a)].Sub(out[at-len(a)], product)
			}
		}
	}
	return out
}
