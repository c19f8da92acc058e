package squeeze

import (
	"fmt"
	"math/big"
	"math/bits"

	"github.com/cerberus-host/cerberus/abi"
	"github.com/cerberus-host/cerberus/fhe"
)

// series is a polynomial in the basis of powers or of Chebyshev polynomials, coefficients
// with frac fractional bits, lowest degree first, the last one not zero.
type series struct {
	coeffs    []*big.Int
	frac      int
	chebyshev bool
	// The argument of a Chebyshev series is scale * x + shift, which maps the interval to
	// [-1, 1].
	scale, shift fraction
}

// series reads the polynomial of a node.
func (l *lowerer) series(n fhe.Node) (*series, error) {
	values, frac, err := l.values(n.B)
	if err != nil {
		return nil, err
	}
	s := &series{frac: frac, chebyshev: n.Op == fhe.NodeChebyshev}
	for _, v := range values {
		s.coeffs = append(s.coeffs, big.NewInt(v))
	}
	s.coeffs = trimmed(s.coeffs)
	if !s.chebyshev {
		return s, nil
	}
	lo, hi := big.NewInt(n.Lo), big.NewInt(n.Hi)
	width := new(big.Int).Sub(hi, lo)
	two := new(big.Int).Lsh(big.NewInt(1), uint(n.Frac)+1)
	if s.scale, err = roundFraction(two, width); err != nil {
		return nil, err
	}
	s.shift, err = roundFraction(new(big.Int).Neg(lo.Add(lo, hi)), width)
	return s, err
}

// fraction is mantissa * 2^-frac.
type fraction struct {
	mantissa int64
	frac     int
}

func (f fraction) isOne() bool { return f.mantissa == 1<<f.frac }

// roundFraction returns num / den, den positive, with as many fractional bits as 62 bits
// of mantissa and [abi.FracBitsMax] allow, rounded to nearest, ties to even, and reduced.
func roundFraction(num, den *big.Int) (fraction, error) {
	frac := min(abi.FracBitsMax, 61-(num.BitLen()-den.BitLen()))
	if frac < 0 {
		return fraction{}, fmt.Errorf("%w: the Chebyshev interval is too far from zero for its "+
			"width", fhe.ErrRange)
	}
	twice := new(big.Int).Lsh(num, uint(frac)+1)
	quo, rem := twice.DivMod(twice, den, new(big.Int)) // floor(2*num*2^frac / den)
	half := quo.Bit(0) == 1
	m := new(big.Int).Rsh(quo, 1)
	if half && (rem.Sign() != 0 || m.Bit(0) == 1) {
		m.Add(m, big.NewInt(1))
	}
	f := fraction{mantissa: m.Int64(), frac: frac}
	for f.frac > 0 && f.mantissa&1 == 0 {
		f.mantissa /= 2
		f.frac--
	}
	return f, nil
}

func trimmed(c []*big.Int) []*big.Int {
	for len(c) > 0 && c[len(c)-1].Sign() == 0 {
		c = c[:len(c)-1]
	}
	return c
}

func (s *series) degree() int { return max(len(s.coeffs)-1, 0) }

// isUnit reports whether a coefficient is 1 or -1, which costs no product.
func (s *series) isUnit(c *big.Int) bool {
	one := new(big.Int).Lsh(big.NewInt(1), uint(s.frac))
	return c.CmpAbs(one) == 0
}

// ceilLog2 returns the smallest k with 2^k >= n, n >= 1.
func ceilLog2(n int) int { return bits.Len(uint(n - 1)) }

// polyDepth returns the levels that the polynomial itself takes: ceil(log2(degree + 1)),
// and one less if the degree is a power of two whose coefficient is a unit.
func (s *series) polyDepth() int {
	d := s.degree()
	if d == 0 {
		return 0
	}
	if d&(d-1) == 0 && s.isUnit(s.coeffs[d]) {
		return ceilLog2(d)
	}
	return ceilLog2(d + 1)
}

// depth returns the levels that an evaluation takes.
func (s *series) depth() int {
	d := s.polyDepth()
	if s.chebyshev && s.degree() > 0 && !s.scale.isOne() {
		d++
	}
	return d
}

// evaluate adds the polynomial of x, a slot value with that length and period, to the
// graph. Every constant is zero beyond the length, and so is the result.
func (s *series) evaluate(g *graph, x valueID, length, period int) (valueID, error) {
	e := &evaluator{series: s, g: g, length: length, period: period}
	if s.degree() == 0 {
		zero := g.difference(x, x)
		if len(s.coeffs) == 0 {
			return zero, e.err
		}
		return e.plus(zero, s.coeffs[0], s.frac), e.err
	}
	if s.chebyshev {
		if !s.scale.isOne() {
			x = g.scaled(x, e.vector(big.NewInt(s.scale.mantissa), s.scale.frac))
		}
		x = e.plus(x, big.NewInt(s.shift.mantissa), s.shift.frac)
	}
	e.start(x, s.bestSplit(g.params))
	return e.eval(s.coeffs, s.polyDepth()), e.err
}

// bestSplit tries every size of baby step on a scratch graph and returns the logarithm of
// the one that needs the fewest products, then the fewest products with constants.
func (s *series) bestSplit(p *fhe.Params) int {
	best, bestCost := 1, -1
	for split := 1; split <= bits.Len(uint(s.degree())); split++ {
		g := newGraph(p)
		e := &evaluator{series: s, g: g, length: 1, period: 1}
		e.start(g.add(value{op: opInput, packing: abi.PackSlots}), split)
		e.eval(s.coeffs, s.polyDepth())
		cost := 0
		for _, v := range g.values {
			switch v.op {
			case opMul:
				cost += 1 << 16
			case opMulConst:
				cost++
			default: // additions are cheap
			}
		}
		if bestCost < 0 || cost < bestCost {
			best, bestCost = split, cost
		}
	}
	return best
}

// evaluator evaluates one series at one value. It follows Paterson and Stockmeyer: with
// powers of two as giant steps, p = q * b_m + r for m the largest power of two up to the
// degree, where b_m is x^m or T_m(x). The quotient q has one level less to spend than p, so
// it is divided down to degree 1; r has at least one more level than it needs and may end as
// a plain sum of baby steps.
type evaluator struct {
	*series
	g              *graph
	length, period int
	x              valueID
	// split is the logarithm of the number of baby steps.
	split int
	// basis caches b_i for i >= 1.
	basis map[int]valueID
	err   error
}

func (e *evaluator) start(x valueID, split int) {
	e.x, e.split = x, split
	e.basis = map[int]valueID{1: x}
}

// vector interns the constant c * 2^-frac, repeated over the length.
func (e *evaluator) vector(c *big.Int, frac int) int {
	if !c.IsInt64() {
		if e.err == nil {
			e.err = fmt.Errorf("%w: a coefficient of the divided series leaves 64 bits",
				fhe.ErrRange)
		}
		return 0
	}
	values := make([]int64, e.period)
	for i := range e.length {
		values[i] = c.Int64()
	}
	return e.g.constant(fhe.ArrangeSlots, e.period, values, frac)
}

func (e *evaluator) plus(v valueID, c *big.Int, frac int) valueID {
	if c.Sign() == 0 {
		return v
	}
	return e.g.plusConstant(v, e.vector(c, frac))
}

// times returns c * v for a coefficient of the series; a unit costs no product.
func (e *evaluator) times(c *big.Int, v valueID) valueID {
	switch {
	case e.isUnit(c) && c.Sign() > 0:
		return v
	case e.isUnit(c):
		return e.g.negated(v)
	default:
		return e.g.scaled(v, e.vector(c, e.frac))
	}
}

// power returns b_i, i >= 1, at the smallest depth, ceil(log2(i)).
func (e *evaluator) power(i int) valueID {
	if v, ok := e.basis[i]; ok {
		return v
	}
	a := 1 << (ceilLog2(i) - 1)
	v := e.g.product(e.power(a), e.power(i-a))
	if e.chebyshev { // T_(a+b) = 2 T_a T_b - T_(a-b), and T_0 = 1
		v = e.g.sum(v, v)
		if d := a - (i - a); d == 0 {
			v = e.plus(v, big.NewInt(-1), 0)
		} else {
			v = e.g.difference(v, e.power(d))
		}
	}
	e.basis[i] = v
	return v
}

// eval evaluates a polynomial of degree 1 or more, trimmed, within that many levels.
func (e *evaluator) eval(c []*big.Int, budget int) valueID {
	d := len(c) - 1
	switch {
	case d == 1:
		return e.plus(e.times(c[1], e.x), c[0], e.frac)
	case d == 2 && !e.chebyshev:
		// (c_2 x + c_1) x + c_0 needs one product with a constant, and none if c_2 is a unit.
		inner := e.plus(e.times(c[2], e.x), c[1], e.frac)
		return e.plus(e.g.product(inner, e.x), c[0], e.frac)
	case d < 1<<e.split && e.leafDepth(c) <= budget:
		return e.leaf(c)
	}
	m := 1 << (bits.Len(uint(d)) - 1)
	q, r := e.divide(c, m)
	var v valueID
	if len(q) == 1 {
		v = e.times(q[0], e.power(m))
	} else {
		v = e.g.product(e.eval(q, budget-1), e.power(m))
	}
	switch len(r) {
	case 0:
		return v
	case 1:
		return e.plus(v, r[0], e.frac)
	default:
		return e.g.sum(v, e.eval(r, budget))
	}
}

// leafDepth returns the levels that [evaluator.leaf] takes.
func (e *evaluator) leafDepth(c []*big.Int) int {
	depth := 0
	for i := 1; i < len(c); i++ {
		switch {
		case c[i].Sign() == 0:
		case e.isUnit(c[i]):
			depth = max(depth, ceilLog2(i))
		default:
			depth = max(depth, ceilLog2(i)+1)
		}
	}
	return depth
}

// leaf sums the terms one by one, highest first.
func (e *evaluator) leaf(c []*big.Int) valueID {
	var total partial
	for i := len(c) - 1; i >= 1; i-- {
		if c[i].Sign() != 0 {
			total.add(e.g, e.times(c[i], e.power(i)))
		}
	}
	return e.plus(total.v, c[0], e.frac)
}

// divide returns q and r, trimmed, with c = q * b_m + r, for m <= degree < 2m. In the basis
// of Chebyshev polynomials T_(m+j) = 2 T_m T_j - T_(m-j).
func (e *evaluator) divide(c []*big.Int, m int) (q, r []*big.Int) {
	if !e.chebyshev {
		return c[m:], trimmed(c[:m])
	}
	r = make([]*big.Int, m)
	for i := range r {
		r[i] = new(big.Int).Set(c[i])
	}
	q = []*big.Int{c[m]}
	for j := 1; m+j < len(c); j++ {
		q = append(q, new(big.Int).Lsh(c[m+j], 1))
		r[m-j].Sub(r[m-j], c[m+j])
	}
	return q, trimmed(r)
}
