package opening

import (
	"fmt"
	"math/bits"
	"sync"

	"github.com/consensys/gnark-crypto/ecc"
	"github.com/consensys/gnark-crypto/ecc/bn254"
	"github.com/consensys/gnark-crypto/ecc/bn254/fp"
	"github.com/consensys/gnark-crypto/ecc/bn254/fr"
)

const (
	// windowBits is the width of a signed digit of a coefficient: there are 2^(windowBits-1)
	// buckets for all digits together, since the basis is there for every digit's weight.
	windowBits = 13
	buckets    = 1 << (windowBits - 1)
	// commitBits bounds the coefficients of a vector of small integers.
	commitBits = 60
	windows    = (commitBits + windowBits) / windowBits
	// bucketRow is the square root of buckets: bucket numbers have two digits in this base.
	bucketRow = 1 << ((windowBits - 1) / 2)
)

// basis is a vector of points with independent discrete logarithms and, for each digit of a
// coefficient, the points times the digit's weight. Immutable after [newBasis].
type basis struct {
	// points[w][i] is 2^(windowBits*w) times point i.
	points [windows][]bn254.G1Affine
	pool   sync.Pool
}

// newBasis computes the multiples of the points.
func newBasis(points []bn254.G1Affine) *basis {
	b := &basis{}
	b.points[0] = points
	jac := make([]bn254.G1Jac, len(points))
	for i := range points {
		jac[i].FromAffine(&points[i])
	}
	for w := 1; w < windows; w++ {
		for i := range jac {
			for range windowBits {
				jac[i].DoubleAssign()
			}
		}
		b.points[w] = bn254.BatchJacobianToAffineG1(jac)
	}
	b.pool.New = func() any { return &adder{} }
	return b
}

// commitScalars is the multi-exponentiation with field elements.
func (b *basis) commitScalars(w []fr.Element) (bn254.G1Affine, error) {
	var out bn254.G1Affine
	if len(w) > len(b.points[0]) {
		return out, fmt.Errorf("%w: %d elements, at most %d", ErrVector, len(w), len(b.points[0]))
	}
	if len(w) == 0 {
		return out, nil
	}
	if _, err := out.MultiExp(b.points[0][:len(w)], w, ecc.MultiExpConfig{NbTasks: 1}); err != nil {
		return out, fmt.Errorf("commit: %w", err)
	}
	return out, nil
}

// commit is the multi-exponentiation with small integers. A negative digit takes the
// negated point.
func (b *basis) commit(w []int64) (bn254.G1Affine, error) {
	if len(w) > len(b.points[0]) {
		return bn254.G1Affine{}, fmt.Errorf("%w: %d elements, at most %d", ErrVector, len(w),
			len(b.points[0]))
	}
	a, _ := b.pool.Get().(*adder)
	defer b.pool.Put(a)
	for i, c := range w {
		if bits.Len64(magnitude(c)) > commitBits {
			return bn254.G1Affine{}, fmt.Errorf("%w: element %d exceeds %d bits", ErrVector, i,
				commitBits)
		}
	}
	a.sort(w)
	a.load(b, w)
	return a.sum(), nil
}

func magnitude(c int64) uint64 {
	if c < 0 {
		return uint64(-c)
	}
	return uint64(c)
}

// digits calls f with every digit of a coefficient that is not 0: its window, the number of
// its bucket and whether the point is to be negated.
func digits(c int64, f func(window, bucket int, negative bool)) {
	negative := c < 0
	rest := magnitude(c)
	for w := 0; rest != 0; w++ {
		d := int64(rest & (1<<windowBits - 1))
		rest >>= windowBits
		if d > buckets {
			d -= 1 << windowBits
			rest++
		}
		switch {
		case d > 0:
			f(w, int(d)-1, negative)
		case d < 0:
			f(w, int(-d)-1, !negative)
		}
	}
}

// adder adds many points into buckets and sums the buckets up. All additions are affine:
// many at once share one inversion.
type adder struct {
	// points are those of bucket 0, then those of bucket 1, and so on.
	points []bn254.G1Affine
	fill   [buckets]int
	runs   []run
	pairs  []pair
	// prefix are the products of denominators.
	denominators, prefix []fp.Element
}

// run are the points from begin to end, whose sum belongs to a key.
type run struct{ key, begin, end int }

// pair is an addition: points[out] = points[a] + points[a+1]. An alone one is a move.
type pair struct {
	a, out int
	alone  bool
}

// sort finds out where each bucket begins.
func (a *adder) sort(w []int64) {
	var counts [buckets]int
	for _, c := range w {
		digits(c, func(_, bucket int, _ bool) { counts[bucket]++ })
	}
	at := 0
	a.runs = a.runs[:0]
	for k, n := range counts {
		a.fill[k] = at
		a.runs = append(a.runs, run{key: k, begin: at, end: at + n})
		at += n
	}
	if cap(a.points) < at {
		a.points = make([]bn254.G1Affine, at)
	}
	a.points = a.points[:at]
}

// load puts the points into their buckets.
func (a *adder) load(b *basis, w []int64) {
	for i, c := range w {
		digits(c, func(window, bucket int, negative bool) {
			p := &a.points[a.fill[bucket]]
			a.fill[bucket]++
			*p = b.points[window][i]
			if negative {
				p.Y.Neg(&p.Y)
			}
		})
	}
}

// sum returns the sum over all buckets k of k+1 times its points.
func (a *adder) sum() bn254.G1Affine {
	var single [buckets]bn254.G1Affine
	a.reduce(single[:])
	// k = row*bucketRow + column: the weight splits into two sums of few points.
	var rows, columns [bucketRow]bn254.G1Affine
	a.lines(rows[:], func(line, at int) *bn254.G1Affine { return &single[line*bucketRow+at] })
	a.lines(columns[:], func(line, at int) *bn254.G1Affine { return &single[at*bucketRow+line] })
	total, part := weighted(rows[:]), weighted(columns[:])
	for range (windowBits - 1) / 2 {
		total.DoubleAssign()
	}
	total.AddAssign(&part)
	for i := range columns { // k+1: once more each
		total.AddMixed(&columns[i])
	}
	var out bn254.G1Affine
	out.FromJacobian(&total)
	return out
}

// lines sums rows or columns of the square of buckets.
func (a *adder) lines(sums []bn254.G1Affine, point func(line, at int) *bn254.G1Affine) {
	a.points, a.runs = a.points[:0], a.runs[:0]
	for line := range bucketRow {
		begin := len(a.points)
		for at := range bucketRow {
			if p := point(line, at); !p.IsInfinity() {
				a.points = append(a.points, *p)
			}
		}
		a.runs = append(a.runs, run{key: line, begin: begin, end: len(a.points)})
	}
	a.reduce(sums)
}

// weighted returns the sum of i times point i.
func weighted(points []bn254.G1Affine) bn254.G1Jac {
	var running, total bn254.G1Jac
	for i := len(points) - 1; i > 0; i-- {
		running.AddMixed(&points[i])
		total.AddAssign(&running)
	}
	return total
}

// reduce halves all runs until one point is left of each and puts that one where its key says.
// The sum of no points stays as it is there.
func (a *adder) reduce(sums []bn254.G1Affine) {
	for runs := a.runs; len(runs) > 0; {
		a.pairs = a.pairs[:0]
		left, out := runs[:0], 0
		for _, r := range runs {
			switch r.end - r.begin {
			case 0:
				continue
			case 1:
				sums[r.key] = a.points[r.begin]
				continue
			}
			begin := out
			for at := r.begin; at < r.end; at += 2 {
				a.pairs = append(a.pairs, pair{a: at, out: out, alone: at+1 == r.end})
				out++
			}
			left = append(left, run{key: r.key, begin: begin, end: out})
		}
		a.addPairs()
		runs = left
	}
}

// addPairs carries the additions out. Results never overtake operands: out is at most a, and
// both grow.
func (a *adder) addPairs() {
	if cap(a.prefix) < len(a.pairs) {
		a.prefix = make([]fp.Element, len(a.pairs))
		a.denominators = make([]fp.Element, len(a.pairs))
	}
	prefix, denominators := a.prefix[:len(a.pairs)], a.denominators[:len(a.pairs)]
	product := fp.One()
	for i, p := range a.pairs {
		if p.alone {
			continue
		}
		x, y := &a.points[p.a], &a.points[p.a+1]
		d := &denominators[i]
		if special(x, y) {
			d.SetOne()
		} else {
			d.Sub(&y.X, &x.X)
		}
		prefix[i] = product
		product.Mul(&product, d)
	}
	product.Inverse(&product)
	for i := len(a.pairs) - 1; i >= 0; i-- {
		if a.pairs[i].alone {
			continue
		}
		prefix[i].Mul(&product, &prefix[i])
		product.Mul(&product, &denominators[i])
	}
	for i, p := range a.pairs {
		if p.alone {
			a.points[p.out] = a.points[p.a]
			continue
		}
		addAffine(&a.points[p.out], &a.points[p.a], &a.points[p.a+1], &prefix[i])
	}
}

// special tells whether the formula of addAffine does not hold for two points.
func special(x, y *bn254.G1Affine) bool {
	return x.X.Equal(&y.X) || x.IsInfinity() || y.IsInfinity()
}

// addAffine sets out to x + y, with the inverse of the difference of their abscissas at hand.
// out may be x or y.
func addAffine(out, x, y *bn254.G1Affine, inverse *fp.Element) {
	if special(x, y) {
		out.Add(x, y)
		return
	}
	var slope, abscissa fp.Element
	slope.Sub(&y.Y, &x.Y).Mul(&slope, inverse)
	abscissa.Square(&slope).Sub(&abscissa, &x.X).Sub(&abscissa, &y.X)
	var ordinate fp.Element
	ordinate.Sub(&x.X, &abscissa).Mul(&ordinate, &slope).Sub(&ordinate, &x.Y)
	out.X, out.Y = abscissa, ordinate
}
