package identity

import (
	"fmt"

	"github.com/cerberus-host/cerberus/fhe"
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

// Record takes one polynomial. It returns [ErrWitness] for one that the Plan does not have
// or whose integers do not fit its wires. Digits that are other polynomials are let go.
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
		if len(wires) == 1 && x.IsInt64() { // as most are
			c.wires[wires[0]-c.system.Wires][i] = x.Int64()
			continue
		}
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

// Witness returns what was collected, with the values that identities define, and is called
// once. public are the task's; outputs need not be there yet. It returns [ErrWitness] if
// something was not recorded or exceeds its bound, and [ErrPublic] if a public polynomial is
// missing.
func (c *Collector) Witness(public *Publics) (*Witness, error) {
	s := c.system
	w := &Witness{first: s.Wires, wires: c.wires}
	v := newEvaluation(s, public, w)
	for at := s.Wires; at < s.Quotients; at++ {
		if w.wires[at-s.Wires] != nil {
			continue
		}
		id, ok := s.defined[at]
		if !ok {
			return nil, fmt.Errorf("%w: %s was not recorded", ErrWitness, s.Polys[at])
		}
		coeffs, err := v.define(s.Identities[id], at)
		if err != nil {
			return nil, err
		}
		w.wires[at-s.Wires] = coeffs
	}
	return w, w.check(s)
}

// check holds every coefficient to its bound.
func (w *Witness) check(s *System) error {
	if w.first != s.Wires || len(w.wires) != s.Quotients-s.Wires {
		return fmt.Errorf("%w: %d wires instead of %d", ErrWitness, len(w.wires),
			s.Quotients-s.Wires)
	}
	for i, coeffs := range w.wires {
		p := s.Polys[w.first+i]
		if len(coeffs) != s.Plan.Params.N() {
			return fmt.Errorf("%w: %s has %d coefficients", ErrWitness, p, len(coeffs))
		}
		for _, c := range coeffs {
			if c > p.Bound || c < -p.Bound {
				return fmt.Errorf("%w: a coefficient of %s is beyond it", ErrWitness, p)
			}
		}
	}
	return nil
}

// coeffs returns the coefficients of a polynomial that is no quotient.
func (s *System) coeffs(public *Publics, w *Witness, poly int) ([]int64, error) {
	if s.Polys[poly].Kind.Public() {
		return public.Coeffs(s, poly)
	}
	coeffs := w.Coeffs(poly)
	if coeffs == nil {
		return nil, fmt.Errorf("%w: %s was not recorded", ErrWitness, s.Polys[poly])
	}
	return coeffs, nil
}
