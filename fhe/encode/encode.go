package encode

import (
	"fmt"
	"sync"

	"github.com/cerberus-host/cerberus/fhe"
	"github.com/cerberus-host/cerberus/fhe/rns"
)

// FracBitsMax bounds the fractional bits of the values: a hostile Plan must not make the
// encoder shift by millions of bits.
const FracBitsMax = 256

// Encoder encodes constants. It holds the roots of unity of the periods that it has met,
// which makes encoding faster and never different. It is safe for concurrent use and
// must not be copied after first use. The zero value is ready.
type Encoder struct {
	quarters [rns.MaxLogDegree]quarter
}

// quarter is the cosines of one period, made when first needed.
type quarter struct {
	once    sync.Once
	cosines []fixed
}

var _ fhe.ConstantEncoder = (*Encoder)(nil)

// New returns an Encoder without roots.
func New() *Encoder { return &Encoder{} }

// EncodeConstant encodes the values of a constant of a Plan as its arrangement says. It
// implements [fhe.ConstantEncoder] and does not compare digests. Errors are those of the
// method for the arrangement; an unknown arrangement is [fhe.ErrType].
func (e *Encoder) EncodeConstant(p *fhe.Params, c fhe.PlanConstant, values []int64,
) (fhe.Poly, error) {
	switch c.Arrangement {
	case fhe.ArrangeSlots:
		return e.Slots(p, c.Level, values, c.Frac, c.Period, c.Scale)
	case fhe.ArrangeCoeffs:
		return e.Coeffs(p, c.Level, values, c.Frac, c.Scale)
	case fhe.ArrangeDot:
		return e.Dot(p, c.Level, values, c.Frac, c.Scale)
	}
	return fhe.Poly{}, fmt.Errorf("%w: arrangement %.20q", fhe.ErrType, c.Arrangement)
}

// Coeffs encodes value i into coefficient i; coefficients beyond the values are zero.
// It returns [fhe.ErrRange] if the level, the scale or frac is out of range, if there are
// more than N values, or if a coefficient is not below half of the modulus at the level.
func (e *Encoder) Coeffs(p *fhe.Params, level int, values []int64, frac int, scale fhe.Scale,
) (fhe.Poly, error) {
	return e.direct(p, level, values, frac, scale, func(i int) (int, bool) { return i, false })
}

// Dot encodes v_0 - sum over i >= 1 of v_i X^(N-i), so that coefficient 0 of its product
// with the polynomial sum of x_i X^i is the sum of x_i v_i. Errors are those of Coeffs.
func (e *Encoder) Dot(p *fhe.Params, level int, values []int64, frac int, scale fhe.Scale,
) (fhe.Poly, error) {
	return e.direct(p, level, values, frac, scale, func(i int) (int, bool) {
		if i == 0 {
			return 0, false
		}
		return p.N() - i, true
	})
}

// direct rounds each value by itself; place names its coefficient and whether it is
// negated there.
func (e *Encoder) direct(p *fhe.Params, level int, values []int64, frac int, scale fhe.Scale,
	place func(int) (int, bool),
) (fhe.Poly, error) {
	r, err := newRounder(p, level, frac, scale)
	if err != nil {
		return fhe.Poly{}, err
	}
	if len(values) > p.N() {
		return fhe.Poly{}, fmt.Errorf("%w: %d values for %d coefficients",
			fhe.ErrRange, len(values), p.N())
	}
	for i, v := range values {
		c := r.round(fixedOf(v, 0), 0)
		at, negated := place(i)
		if negated {
			c.Neg(c)
		}
		if err := r.put(at, c); err != nil {
			return fhe.Poly{}, err
		}
	}
	return r.poly, nil
}

// Slots encodes value i into slot i, i+period, i+2*period and so on; slots beyond the
// values are zero within each period. Slot j is the value of the polynomial at
// exp(2*pi*i*5^j/2N). It returns [fhe.ErrRange] if the period is no power of two from 1 to
// N/2 or below the number of values, else the errors of Coeffs.
func (e *Encoder) Slots(p *fhe.Params, level int, values []int64, frac, period int,
	scale fhe.Scale,
) (fhe.Poly, error) {
	r, err := newRounder(p, level, frac, scale)
	if err != nil {
		return fhe.Poly{}, err
	}
	if period < 1 || period&(period-1) != 0 || period > p.Slots() || len(values) > period {
		return fhe.Poly{}, fmt.Errorf("%w: %d values with period %d for %d slots",
			fhe.ErrRange, len(values), period, p.Slots())
	}
	coeffs, shift := cosineTransform(values, e.cosines(period))
	stride := p.N() / (2 * period)
	for k, c := range coeffs {
		x := r.round(c, shift)
		if err := r.put(k*stride, x); err != nil {
			return fhe.Poly{}, err
		}
		if k > 0 {
			if err := r.put((2*period-k)*stride, x.Neg(x)); err != nil {
				return fhe.Poly{}, err
			}
		}
	}
	return r.poly, nil
}

// cosines returns the quarter of a valid period.
func (e *Encoder) cosines(period int) []fixed {
	logPeriod := logOf(period)
	q := &e.quarters[logPeriod]
	q.once.Do(func() { q.cosines = quarterCosines(logPeriod) })
	return q.cosines
}
