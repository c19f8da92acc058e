package fhe

import (
	"fmt"
	"math/big"
	"math/bits"

	"github.com/cerberus-host/cerberus/fhe/rns"
)

// lifted are the coefficients of an encoded constant as integers: coefficient i*stride is
// coeffs[i] * 2^shift, off by less than 2^shift if that is above 1; those between are 0.
type lifted struct {
	coeffs []int64
	stride int
	shift  int
}

// liftedBits is the width of lifted coefficients.
const liftedBits = 58

// lift recovers the integers behind the residues of a constant.
func (c *Compiled) lift(constant int) (lifted, error) {
	p, poly := c.Plan.Params, c.Encoded[constant]
	n := p.N()
	l := lifted{stride: n}
	for _, limb := range poly.Limbs {
		for i, r := range limb[1:] {
			if r != 0 {
				l.stride = min(l.stride, (i+1)&-(i+1))
			}
		}
	}
	basis, err := rns.NewBasis(p.Moduli(len(poly.Limbs) - 1))
	if err != nil {
		return l, err
	}
	residues := make([]uint64, len(poly.Limbs))
	exact := make([]*big.Int, 0, n/l.stride)
	width := 0
	for i := 0; i < n; i += l.stride {
		for k, limb := range poly.Limbs {
			residues[k] = limb[i]
		}
		x, err := centred(p, basis, residues)
		if err != nil {
			return l, err
		}
		width = max(width, x.BitLen())
		exact = append(exact, x)
	}
	l.shift = width - liftedBits
	for _, x := range exact {
		if l.shift > 0 {
			x.Rsh(x, uint(l.shift))
		} else {
			x.Lsh(x, uint(-l.shift))
		}
		l.coeffs = append(l.coeffs, x.Int64())
	}
	return l, nil
}

// centred returns the integer of least absolute value with the given residues. Most are
// small: the first residue alone says so.
func centred(p *Params, basis *rns.Basis, residues []uint64) (*big.Int, error) {
	first := int64(residues[0])
	if q := p.Q(0); residues[0] > q/2 {
		first -= int64(q)
	}
	small := true
	for i, r := range residues {
		q := int64(p.Q(i))
		small = small && ((first%q)+q)%q == int64(r)
	}
	if small {
		return big.NewInt(first), nil
	}
	return basis.Reconstruct(residues)
}

// slots returns where the slots of a constant lie, before the scale.
func (l lifted) slots(roots func(order int) (*roots, error)) (intervals, error) {
	// The polynomial is one in Y = X^stride, of 2*period coefficients; slot j is its value at
	// Y = w^(5^j) with w = exp(2 pi i / (4 period)).
	points := len(l.coeffs)
	if points == 1 {
		c := l.coeffs[0]
		return intervals{around(magOf(uint64(abs(c)), l.shift), c < 0, magOf(1, l.shift))}, nil
	}
	re, im := make([]int64, points), make([]int64, points)
	r, err := roots(2 * points)
	if err != nil {
		return nil, err
	}
	for i, c := range l.coeffs {
		re[i], im[i] = r.times(c, 0, i)
	}
	r.transform(re, im)
	grow := bits.Len(uint(points)) - 1
	out := make(intervals, max(1, points/2))
	power := 1
	for j := range out {
		at := power / 2 // the value at w^(2t+1) is at t
		// The transform is off by a few units for each of its stages.
		radius := magOf(uint64(abs(im[at]))+transformError, l.shift+grow)
		out[j] = around(magOf(uint64(abs(re[at])), l.shift+grow), re[at] < 0, radius)
		power = power * 5 % (2 * points)
	}
	return out, nil
}

// transformError bounds the error of a transformed value: a unit of the coefficients, and
// less than four for each of at most sixteen stages and the twist, with the roots' own.
const transformError = 1 << 8

// sums returns the sum of the absolute values of the coefficients and of their squares,
// before the scale.
func (l lifted) sums() (one, two mag) {
	for _, c := range l.coeffs {
		size := uint64(abs(c))
		if l.shift > 0 {
			size++
		}
		m := magOf(size, l.shift)
		one, two = one.add(m), two.add(m.square())
	}
	return one, two
}

func abs(x int64) int64 {
	if x < 0 {
		return -x
	}
	return x
}

// roots are the powers of exp(2 pi i / order) with rootBits fractional bits.
type roots struct {
	re, im []int64
}

const (
	rootBits = 62
	// rootGuard are the bits that roots are computed with beyond rootBits.
	rootGuard = 40
)

// newRoots computes half of the roots of that order, a power of two of at least 4, from
// exact square roots and products.
func newRoots(order int) (*roots, error) {
	if order < 4 || order&(order-1) != 0 {
		return nil, fmt.Errorf("%w: roots of order %d", ErrRange, order)
	}
	const precision = rootBits + rootGuard
	one := new(big.Int).Lsh(big.NewInt(1), precision)
	// cos and sin of 2 pi / 4, halved until the angle is 2 pi / order.
	c, s := new(big.Int), new(big.Int).Set(one)
	for k := 4; k < order; k *= 2 {
		half := new(big.Int).Add(one, c)
		half.Lsh(half, precision-1) // (1 + cos) / 2 with twice the precision
		s = new(big.Int).Lsh(s, precision-1)
		c = half.Sqrt(half)
		s.Quo(s, c) // sin(x/2) = sin(x) / (2 cos(x/2))
	}
	r := &roots{re: make([]int64, order/2), im: make([]int64, order/2)}
	re, im := new(big.Int).Set(one), new(big.Int)
	for i := range r.re {
		r.re[i] = new(big.Int).Rsh(re, rootGuard).Int64()
		r.im[i] = new(big.Int).Rsh(im, rootGuard).Int64()
		next := new(big.Int).Sub(new(big.Int).Mul(re, c), new(big.Int).Mul(im, s))
		im = new(big.Int).Add(new(big.Int).Mul(re, s), new(big.Int).Mul(im, c))
		re, im = next.Rsh(next, precision), im.Rsh(im, precision)
	}
	return r, nil
}

// times returns the product of a number with root i.
func (r *roots) times(re, im int64, i int) (outRe, outIm int64) {
	c, s := r.re[i], r.im[i]
	return timesRoot(re, c) - timesRoot(im, s), timesRoot(re, s) + timesRoot(im, c)
}

// timesRoot returns a * b / 2^rootBits, rounded down; |a| is below 2^61.
func timesRoot(a, b int64) int64 {
	hi, lo := bits.Mul64(uint64(a), uint64(b))
	if a < 0 {
		hi -= uint64(b)
	}
	if b < 0 {
		hi -= uint64(a)
	}
	return int64(hi<<(64-rootBits) | lo>>rootBits)
}

// transform replaces re + i im by its discrete Fourier transform divided by its length, which
// is the order of the roots over 2: out[t] is the mean of in[k] * root^(2kt).
func (r *roots) transform(re, im []int64) {
	n := len(re)
	for i, j := 1, 0; i < n; i++ { // the order of reversed bits
		bit := n / 2
		for ; j&bit != 0; bit /= 2 {
			j ^= bit
		}
		if j |= bit; i < j {
			re[i], re[j] = re[j], re[i]
			im[i], im[j] = im[j], im[i]
		}
	}
	for half := 1; half < n; half *= 2 {
		step := n / half // of root exponents: root^(2 * n/(2 half))
		for start := 0; start < n; start += 2 * half {
			for k := range half {
				a, b := start+k, start+k+half
				tr, ti := r.times(re[b], im[b], k*step)
				re[a], re[b] = (re[a]+tr)/2, (re[a]-tr)/2
				im[a], im[b] = (im[a]+ti)/2, (im[a]-ti)/2
			}
		}
	}
}
