package identity

import (
	"fmt"
	"math/big"
)

// CheckExact checks every identity modulo its prime with big integers and schoolbook
// products, in O(N^2): the oracle of everything that is faster. It returns [ErrWitness] with
// the identity that does not hold.
func CheckExact(s *System, public *Publics, w *Witness) error {
	if err := w.check(s); err != nil {
		return err
	}
	for i, id := range s.Identities {
		q := new(big.Int).SetUint64(s.Prime(id.Prime))
		sum := zeros(s.Plan.Params.N())
		for _, t := range id.Terms {
			product := zeros(len(sum))
			product[0].SetInt64(t.Coef)
			for _, f := range t.Factors {
				coeffs, err := s.coeffs(public, w, f.Poly)
				if err != nil {
					return err
				}
				turned := make([]int64, len(coeffs))
				Rotate(turned, coeffs, f.Galois)
				product = mulExact(product, turned, f.Scale)
			}
			for j := range sum {
				sum[j].Add(sum[j], product[j])
			}
		}
		for j := range sum {
			if sum[j].Mod(sum[j], q).Sign() != 0 {
				return fmt.Errorf("%w: identity %d modulo %d does not hold at coefficient %d",
					ErrWitness, i, s.Prime(id.Prime), j)
			}
		}
	}
	return nil
}

func zeros(n int) []*big.Int {
	out := make([]*big.Int, n)
	for i := range out {
		out[i] = new(big.Int)
	}
	return out
}

// mulExact returns a * by * b modulo X^N+1.
func mulExact(a []*big.Int, b []int64, by uint64) []*big.Int {
	out := zeros(len(a))
	factor := new(big.Int).SetUint64(by)
	x, y := new(big.Int), new(big.Int)
	for i := range a {
		if a[i].Sign() == 0 {
			continue
		}
		x.Mul(a[i], factor)
		for j, c := range b {
			if c == 0 {
				continue
			}
			y.Mul(x, big.NewInt(c))
			if at := i + j; at < len(a) {
				out[at].Add(out[at], y)
			} else {
				out[at-len(a)].Sub(out[at-len(a)], y)
			}
		}
	}
	return out
}
