package identity

import (
	"fmt"
	"math"

	"github.com/cerberus-host/cerberus/fhe"
)

// Witness holds the integers of one run: the coefficients of every wire but the quotients.
// It is immutable and safe for concurrent use.
type Witness struct {
	first int
	wires [][]int64
	// spool holds the wires that are nil above; nil if all are there.
	spool *spool
}

// Coeffs returns the coefficients of a wire, an index of Polys in [Wires, Quotients), or nil
// if they are in a file (see [Collector.Spool]). They are shared.
func (w *Witness) Coeffs(poly int) []int64 { return w.wires[poly-w.first] }

// Read returns what Coeffs does, wherever it is. What comes from a file is a new slice.
func (w *Witness) Read(poly int) ([]int64, error) {
	at := poly - w.first
	if at < 0 || at >= len(w.wires) {
		return nil, fmt.Errorf("%w: there is no wire %d", ErrWitness, poly)
	}
	if coeffs := w.wires[at]; coeffs != nil {
		return coeffs, nil
	}
	if w.spool == nil {
		return nil, fmt.Errorf("%w: wire %d was not recorded", ErrWitness, poly)
	}
	return w.spool.read(at)
}

// Close removes the file of a witness that has one. The Witness must not be used any more.
func (w *Witness) Close() error {
	if w.spool == nil {
		return nil
	}
	return w.spool.close()
}

// Collector receives the integers of one run of the Plan from an engine. It is not safe for
// concurrent use.
type Collector struct {
	system *System
	wires  [][]int64
	// parts are the wires of a recorded integer polynomial.
	parts map[recorded][]int
	// there says which wires are there: in wires or, beyond memory bytes, in the spool.
	there  []bool
	memory int64
	dir    string
	spool  *spool
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
		there: make([]bool, s.Quotients-s.Wires), memory: math.MaxInt64,
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

// Spool bounds the memory of the collected coefficients: beyond so many bytes they go to a
// temporary file in dir, or where the system keeps such files if it is empty. It is called
// before the first Record; the Witness must be closed in the end, and the Collector if there
// is none. Reading a wire back takes a fraction of what recording it again would.
func (c *Collector) Spool(dir string, memory int64) { c.dir, c.memory = dir, memory }

// Close removes the file of a Collector of which nobody has the Witness, because the run
// failed. Once [Collector.Witness] has returned one, the file is the Witness's and Close does
// nothing; it may be called twice. The Collector must not be used any more.
func (c *Collector) Close() error {
	s := c.spool
	if c.spool = nil; s == nil {
		return nil
	}
	return s.close()
}

// keep takes the coefficients of a wire and holds them to their bound.
func (c *Collector) keep(at int, coeffs []int64) error {
	p := c.system.Polys[at]
	if len(coeffs) != c.system.Plan.Params.N() {
		return fmt.Errorf("%w: %s has %d coefficients", ErrWitness, p, len(coeffs))
	}
	for _, x := range coeffs {
		if x > p.Bound || x < -p.Bound {
			return fmt.Errorf("%w: a coefficient of %s is beyond it", ErrWitness, p)
		}
	}
	i := at - c.system.Wires
	c.there[i] = true
	if c.memory -= 8 * int64(len(coeffs)); c.memory >= 0 {
		c.wires[i] = coeffs
		return nil
	}
	if c.spool == nil {
		var err error
		if c.spool, err = newSpool(c.dir, len(coeffs)); err != nil {
			return err
		}
	}
	c.wires[i] = nil
	return c.spool.write(i, coeffs)
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
	out := make([][]int64, len(wires))
	for t := range out {
		out[t] = make([]int64, n)
	}
	for i, x := range w.Coeffs {
		if len(wires) == 1 && x.IsInt64() { // as most are
			out[0][i] = x.Int64()
			continue
		}
		parts, err := SplitParts(x, len(wires))
		if err != nil {
			return fmt.Errorf("step %d: %w", w.Step, err)
		}
		for t := range out {
			out[t][i] = parts[t]
		}
	}
	for t, at := range wires {
		if err := c.keep(at, out[t]); err != nil {
			return err
		}
	}
	return nil
}

// Witness returns what was collected, with the values that identities define. It is called
// once and takes the file over. public are the task's; outputs need not be there yet. It
// returns [ErrWitness] if something was not recorded or exceeds its bound, and [ErrPublic] if
// a public polynomial is missing.
func (c *Collector) Witness(public *Publics) (*Witness, error) {
	s := c.system
	w := &Witness{first: s.Wires, wires: c.wires}
	v := newEvaluation(s, public, w)
	for at := s.Wires; at < s.Quotients; at++ {
		w.spool = c.spool
		if c.there[at-s.Wires] {
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
		if err := c.keep(at, coeffs); err != nil {
			return nil, err
		}
	}
	w.spool, c.spool = c.spool, nil
	return w, nil
}

// check holds every coefficient to its bound.
func (w *Witness) check(s *System) error {
	if w.first != s.Wires || len(w.wires) != s.Quotients-s.Wires {
		return fmt.Errorf("%w: %d wires instead of %d", ErrWitness, len(w.wires),
			s.Quotients-s.Wires)
	}
	for i := range w.wires {
		p := s.Polys[w.first+i]
		coeffs, err := w.Read(w.first + i)
		if err != nil {
			return err
		}
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
	return w.Read(poly)
}
