package identity

import (
	"fmt"

	"github.com/cerberus-host/cerberus/fhe/rns"
)

// cacheBytes bounds the memory of the transformed factors that are kept.
const cacheBytes = 256 << 20

// evaluation computes identities modulo their primes, in transformed form.
type evaluation struct {
	system *System
	public *Publics
	wires  *Witness
	tables map[int]*rns.Table
	cache  map[evaluated][]uint64
}

// evaluated names a factor modulo a prime.
type evaluated struct {
	factor Factor
	prime  int
}

func newEvaluation(s *System, public *Publics, w *Witness) *evaluation {
	return &evaluation{
		system: s, public: public, wires: w, tables: make(map[int]*rns.Table),
		cache: make(map[evaluated][]uint64),
	}
}

// table returns the transform modulo a prime.
func (v *evaluation) table(prime int) (*rns.Table, error) {
	if t, ok := v.tables[prime]; ok {
		return t, nil
	}
	m, err := rns.NewModulus(v.system.Prime(prime))
	if err != nil {
		return nil, fmt.Errorf("prime %d: %w", prime, err)
	}
	t, err := rns.NewTable(m, v.system.Plan.Params.LogN())
	if err != nil {
		return nil, fmt.Errorf("prime %d: %w", prime, err)
	}
	v.tables[prime] = t
	return t, nil
}

// define returns the lifted polynomial with which the identity holds. It stands in the
// identity once, by itself.
func (v *evaluation) define(id Identity, at int) ([]int64, error) {
	table, err := v.table(id.Prime)
	if err != nil {
		return nil, err
	}
	r := ring{table.Modulus(), v.system.Plan.Params.LogN()}
	sum := make([]uint64, table.Degree())
	var own uint64
	for _, t := range id.Terms {
		coef := r.residue(t.Coef)
		if len(t.Factors) == 1 && t.Factors[0].Poly == at {
			own = coef
			continue
		}
		if err := v.addProduct(sum, r, id.Prime, coef, t.Factors); err != nil {
			return nil, err
		}
	}
	if err := table.Inverse(sum); err != nil {
		return nil, fmt.Errorf("transform: %w", err)
	}
	divisor := r.Neg(r.inverse(own)) // the other side of the identity
	out := make([]int64, len(sum))
	for i, x := range sum {
		out[i] = Lift(r.Mul(x, divisor), r.Value())
	}
	return out, nil
}

// addProduct adds coef times the product of the factors to sum.
func (v *evaluation) addProduct(sum []uint64, r ring, prime int, coef uint64, factors []Factor,
) error {
	var values [][]uint64
	for _, f := range factors {
		x, err := v.transformed(f, prime)
		if err != nil {
			return err
		}
		values = append(values, x)
	}
	companion := r.Shoup(coef)
	for i := range sum {
		x := values[0][i]
		for _, y := range values[1:] {
			x = r.Mul(x, y[i])
		}
		sum[i] = r.Add(sum[i], r.MulShoup(x, coef, companion))
	}
	return nil
}

// transformed returns a factor in transformed form.
func (v *evaluation) transformed(f Factor, prime int) ([]uint64, error) {
	id := evaluated{f, prime}
	if values, ok := v.cache[id]; ok {
		return values, nil
	}
	in, err := v.system.coeffs(v.public, v.wires, f.Poly)
	if err != nil {
		return nil, err
	}
	turned := in
	if f.Galois != 1 {
		turned = make([]int64, len(in))
		Rotate(turned, in, f.Galois)
	}
	table, err := v.table(prime)
	if err != nil {
		return nil, err
	}
	r := ring{table.Modulus(), v.system.Plan.Params.LogN()}
	out := make([]uint64, len(in))
	for i, c := range turned {
		out[i] = r.Mul(r.residue(c), f.Scale)
	}
	if err := table.Forward(out); err != nil {
		return nil, fmt.Errorf("transform: %w", err)
	}
	if (len(v.cache)+1)*8*len(out) > cacheBytes {
		clear(v.cache)
	}
	v.cache[id] = out
	return out, nil
}
