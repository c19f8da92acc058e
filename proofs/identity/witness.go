package identity

import (
	"fmt"
	"math/big"

	"github.com/cerberus-host/cerberus/fhe"
	"github.com/cerberus-host/cerberus/fhe/rns"
)

// Witness holds the integers of one run: the coefficients of every wire but the quotients.
// It is immutable.
type Witness struct {
	first int
	wires [][]int64
}

// Coeffs returns the coefficients of a wire, an index of Polys in [Wires, Quotients). They
// are shared.
func (w *Witness) Coeffs(poly int) []int64 { return w.wires[poly-w.first] }

// Collector receives the integers of one run of the Plan from an engine. It is not safe for
// concurrent use.
type Collector struct {
	system *System
	wires  [][]int64
	// parts are the wires of a recorded integer polynomial.
	parts map[recorded][]int
}

// recorded names an integer polynomial as engines do.
type recorded struct {
	kind        Kind
	step, index int
}

var _ fhe.Recorder = (*Collector)(nil)

// NewCollector returns a Collector for one run.
func NewCollector(s *System) *Collector {
	c := &Collector{
		system: s, wires: make([][]int64, s.Quotients-s.Wires), parts: make(map[recorded][]int),
	}
	for i, p := range s.Polys[s.Wires:s.Quotients] {
		index := p.Component
		if p.Kind == KindDigit {
			index = p.Index
		}
		id := recorded{p.Kind, p.Step, index}
		c.parts[id] = append(c.parts[id], s.Wires+i)
	}
	return c
}

// Record takes one polynomial. It returns [ErrWitness] for integers that no engine makes.
// Digits that are other polynomials' coefficients are let go.
func (c *Collector) Record(w fhe.Wire) error {
	kinds := map[fhe.WireKind]Kind{
		fhe.WireDigit: KindDigit, fhe.WireModDown: KindModDown, fhe.WireRescale: KindRescale,
	}
	wires, ok := c.parts[recorded{kinds[w.Kind], w.Step, w.Index}]
	if !ok {
		if w.Kind == fhe.WireDigit {
			return nil
		}
		return fmt.Errorf("%w: step %d recorded integers that the plan does not have",
			ErrWitness, w.Step)
	}
	n := c.system.Plan.Params.N()
	if len(w.Coeffs) != n {
		return fmt.Errorf("%w: step %d recorded %d coefficients", ErrWitness, w.Step,
			len(w.Coeffs))
	}
	for _, at := range wires {
		c.wires[at-c.system.Wires] = make([]int64, n)
	}
	for i, x := range w.Coeffs {
		parts, err := SplitParts(x, len(wires))
		if err != nil {
			return fmt.Errorf("step %d: %w", w.Step, err)
		}
		for t, at := range wires {
			c.wires[at-c.system.Wires][i] = parts[t]
		}
	}
	return nil
}

// Witness returns what was collected, with the values that identities define. Public are
// the task's; outputs need not be there yet. It returns [ErrWitness] if something was not
// recorded or exceeds its bound.
func (c *Collector) Witness(public *Publics) (*Witness, error) {
	s := c.system
	w := &Witness{first: s.Wires, wires: c.wires}
	v, err := newEvaluation(s, public, w)
	if err != nil {
		return nil, err
	}
	defined := make(map[int]Identity)
	for _, id := range s.Identities {
		if at, ok := s.defines(id); ok {
			defined[at] = id
		}
	}
	for at := s.Wires; at < s.Quotients; at++ {
		if w.wires[at-s.Wires] != nil {
			continue
		}
		id, ok := defined[at]
		if !ok {
			return nil, fmt.Errorf("%w: %s of step %d was not recorded", ErrWitness,
				s.Polys[at].Kind, s.Polys[at].Step)
		}
		if w.wires[at-s.Wires], err = v.define(id, at); err != nil {
			return nil, err
		}
	}
	return w, w.check(s)
}

// check holds every coefficient to its bound.
func (w *Witness) check(s *System) error {
	for i, coeffs := range w.wires {
		p := s.Polys[w.first+i]
		for _, c := range coeffs {
			if c > p.Bound || c < -p.Bound {
				return fmt.Errorf("%w: a coefficient of %s of step %d exceeds its bound %d",
					ErrWitness, p.Kind, p.Step, p.Bound)
			}
		}
	}
	return nil
}

// defines returns the value wire that an identity defines: the one that stands in it with
// coefficient 1 and in no other term. Values are numbered after what they depend on.
func (s *System) defines(id Identity) (poly int, ok bool) {
	at := -1
	for _, t := range id.Terms {
		for _, f := range t.Factors {
			if s.Polys[f.Poly].Kind == KindValue && len(t.Factors) == 1 && t.Coef == 1 &&
				f.Galois == 1 && f.Poly > at {
				at = f.Poly
			}
		}
	}
	if at < 0 || s.Polys[at].Limb != id.Prime {
		return 0, false
	}
	for _, t := range id.Terms {
		for _, f := range t.Factors {
			if f.Poly > at || (f.Poly == at && (len(t.Factors) != 1 || t.Coef != 1)) ||
				s.Polys[f.Poly].Kind == KindOutput {
				return 0, false
			}
		}
	}
	return at, true
}

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

func newEvaluation(s *System, public *Publics, w *Witness) (*evaluation, error) {
	v := &evaluation{
		system: s, public: public, wires: w, tables: make(map[int]*rns.Table),
		cache: make(map[evaluated][]uint64),
	}
	for i := range s.Plan.Params.QCount() {
		m, err := rns.NewModulus(s.Prime(i))
		if err != nil {
			return nil, fmt.Errorf("prime: %w", err)
		}
		if v.tables[i], err = rns.NewTable(m, s.Plan.Params.LogN()); err != nil {
			return nil, fmt.Errorf("prime: %w", err)
		}
	}
	return v, nil
}

// define returns the lifted polynomial that makes the identity hold.
func (v *evaluation) define(id Identity, at int) ([]int64, error) {
	table := v.tables[id.Prime]
	m := table.Modulus()
	sum := make([]uint64, table.Degree())
	for _, t := range id.Terms {
		if len(t.Factors) == 1 && t.Factors[0].Poly == at {
			continue
		}
		coef := m.Neg(residueOf(t.Coef, m)) // the other side
		product := make([]uint64, len(sum))
		for i := range product {
			product[i] = coef
		}
		for _, f := range t.Factors {
			values, err := v.transformed(f, id.Prime)
			if err != nil {
				return nil, err
			}
			for i, x := range values {
				product[i] = m.Mul(product[i], x)
			}
		}
		for i, x := range product {
			sum[i] = m.Add(sum[i], x)
		}
	}
	if err := table.Inverse(sum); err != nil {
		return nil, err
	}
	out := make([]int64, len(sum))
	for i, x := range sum {
		out[i] = Lift(x, m.Value())
	}
	return out, nil
}

// cacheMax bounds the transformed factors that are kept, in polynomials.
const cacheMax = 1 << 10

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
	turned := make([]int64, len(in))
	Rotate(turned, in, f.Galois)
	table := v.tables[prime]
	m := table.Modulus()
	out := make([]uint64, len(in))
	for i, c := range turned {
		out[i] = m.Mul(residueOf(c, m), f.Scale)
	}
	if err := table.Forward(out); err != nil {
		return nil, err
	}
	if len(v.cache) >= cacheMax {
		clear(v.cache)
	}
	v.cache[id] = out
	return out, nil
}

// coeffs returns the coefficients of a polynomial that is no quotient.
func (s *System) coeffs(public *Publics, w *Witness, poly int) ([]int64, error) {
	if s.Polys[poly].Kind.Public() {
		return public.Coeffs(s, poly)
	}
	coeffs := w.Coeffs(poly)
	if coeffs == nil {
		return nil, fmt.Errorf("%w: %s of step %d was not recorded", ErrWitness,
			s.Polys[poly].Kind, s.Polys[poly].Step)
	}
	return coeffs, nil
}

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
