package identity

import (
	"fmt"
	"runtime"
	"slices"
	"sync"

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
	if err := v.prepare(id, at); err != nil {
		return nil, err
	}
	r := ring{table.Modulus(), v.system.Plan.Params.LogN()}
	sum := make([]uint64, table.Degree())
	var own uint64
	for _, t := range id.Terms {
		coef := r.residue(t.Coef)
		if isAtom(t, at) {
			own = coef
			continue
		}
		v.addProduct(sum, r, id.Prime, coef, t.Factors)
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

// isAtom reports whether a term is one polynomial.
func isAtom(t Term, poly int) bool { return len(t.Factors) == 1 && t.Factors[0].Poly == poly }

// addProduct adds coef times the product of prepared factors to sum.
func (v *evaluation) addProduct(sum []uint64, r ring, prime int, coef uint64, factors []Factor) {
	first := v.cache[evaluated{factors[0], prime}]
	var others [][]uint64
	for _, f := range factors[1:] {
		others = append(others, v.cache[evaluated{f, prime}])
	}
	companion := r.Shoup(coef)
	for i := range sum {
		x := first[i]
		for _, y := range others {
			x = r.Mul(x, y[i])
		}
		sum[i] = r.Add(sum[i], r.MulShoup(x, coef, companion))
	}
}

// prepare transforms the factors of an identity but the polynomial at, on all processors.
func (v *evaluation) prepare(id Identity, at int) error {
	need := make(map[evaluated]bool)
	var order []evaluated
	for _, t := range id.Terms {
		for _, f := range t.Factors {
			if e := (evaluated{f, id.Prime}); !need[e] && !isAtom(t, at) {
				need[e] = true
				order = append(order, e)
			}
		}
	}
	if (len(v.cache)+len(order))*8*v.system.Plan.Params.N() > cacheBytes {
		clear(v.cache)
	}
	order = slices.DeleteFunc(order, func(e evaluated) bool { return v.cache[e] != nil })
	results := make([][]uint64, len(order))
	failures := make([]error, len(order))
	var group sync.WaitGroup
	workers := min(runtime.GOMAXPROCS(0), len(order))
	for w := range workers {
		group.Go(func() {
			for i := w; i < len(order); i += workers {
				results[i], failures[i] = v.transformed(order[i].factor, v.tables[id.Prime])
			}
		})
	}
	group.Wait()
	for i, e := range order {
		if failures[i] != nil {
			return failures[i]
		}
		v.cache[e] = results[i]
	}
	return nil
}

// transformed returns a factor in transformed form.
func (v *evaluation) transformed(f Factor, table *rns.Table) ([]uint64, error) {
	coeffs, err := v.system.coeffs(v.public, v.wires, f.Poly)
	if err != nil {
		return nil, err
	}
	if f.Galois != 1 {
		turned := make([]int64, len(coeffs))
		Rotate(turned, coeffs, f.Galois)
		coeffs = turned
	}
	r := ring{table.Modulus(), v.system.Plan.Params.LogN()}
	out := make([]uint64, len(coeffs))
	for i, c := range coeffs {
		if out[i] = r.residue(c); f.Scale != 1 {
			out[i] = r.Mul(out[i], f.Scale)
		}
	}
	if err := table.Forward(out); err != nil {
		return nil, fmt.Errorf("transform: %w", err)
	}
	return out, nil
}
