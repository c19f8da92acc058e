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
	// points are those of bucket 0, then those of bucket 1, and so on; ends[k] is where
	// bucket k ends.
	points []bn254.G1Affine
	ends   [buckets]int
	fill   [buckets]int
	pairs  []pair
	// prefix are the products of denominators.
	denominators, prefix []fp.Element
}

// pair is an addition: points[out] = points[a] + points[a+1].
type pair struct{ a, out int }

// sort finds out where each bucket begins.
func (a *adder) sort(w []int64) {
	var counts [buckets]int
	for _, c := range w {
		digits(c, func(_, bucket int, _ bool) { counts[bucket]++ })
	}
	at := 0
	for k, n := range counts {
		a.fill[k] = at
		at += n
		a.ends[k] = at
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
	a.reduce(a.ends[:])
	// One point a bucket, infinity for none.
	var single [buckets]bn254.G1Affine
	begin := 0
	for k, end := range a.ends {
		if end > begin {
			single[k] = a.points[begin]
		}
		begin = end
	}
	// k = row*bucketRow + column: the weight splits into two sums of few points.
	rows, columns := a.margins(&single)
	var total, part bn254.G1Jac
	total = weighted(rows)
	for range (windowBits - 1) / 2 {
		total.DoubleAssign()
	}
	part = weighted(columns)
	total.AddAssign(&part)
	for i := range columns { // k+1: once more each
		total.AddMixed(&columns[i])
	}
	var out bn254.G1Affine
	out.FromJacobian(&total)
	return out
}

// margins returns the sums of rows and of columns of the square of buckets.
func (a *adder) margins(single *[buckets]bn254.G1Affine) (rows, columns []bn254.G1Affine) {
	return a.lines(func(line, at int) bn254.G1Affine { return single[line*bucketRow+at] }),
		a.lines(func(line, at int) bn254.G1Affine { return single[at*bucketRow+line] })
}

func (a *adder) lines(point func(line, at int) bn254.G1Affine) []bn254.G1Affine {
	var ends [bucketRow]int
	a.points = a.points[:0]
	for line := range bucketRow {
		for at := range bucketRow {
			if p := point(line, at); !p.IsInfinity() {
				a.points = append(a.points, p)
			}
		}
		ends[line] = len(a.points)
	}
	a.reduce(ends[:])
	out := make([]bn254.G1Affine, bucketRow)
	begin := 0
	for line, end := range ends {
		if end > begin {
			out[line] = a.points[begin]
		}
		begin = end
	}
	return out
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

// reduce adds the points of each run up, until at most one is left of each; ends are the
// runs' ends, before and after.
func (a *adder) reduce(ends []int) {
	for {
		a.pairs = a.pairs[:0]
		begin, out := 0, 0
		for k, end := range ends {
			at := begin
			for ; at+1 < end; at += 2 {
				a.pairs = append(a.pairs, pair{a: at, out: out})
				out++
			}
			if at < end {
				a.pairs = append(a.pairs, pair{a: -at - 1, out: out})
				out++
			}
			begin = end
			ends[k] = out
		}
		if !a.addPairs() {
			return
		}
		a.points = a.points[:out]
	}
}

// addPairs carries the additions out and reports whether there was one. A pair with a
// negative index moves a point that has no partner. Results never overtake operands: out
// is at most a.
func (a *adder) addPairs() bool {
	if cap(a.prefix) < len(a.pairs) {
		a.prefix = make([]fp.Element, len(a.pairs))
		a.denominators = make([]fp.Element, len(a.pairs))
	}
	product := fp.One()
	busy := false
	for i, p := range a.pairs {
		d := &a.denominators[i]
		d.SetOne()
		if p.a >= 0 {
			busy = true
			x, y := &a.points[p.a], &a.points[p.a+1]
			if difference := new(fp.Element).Sub(&y.X, &x.X); !difference.IsZero() &&
				!x.IsInfinity() && !y.IsInfinity() {
				*d = *difference
			}
		}
		a.prefix[i] = product
		product.Mul(&product, d)
	}
	if !busy {
		return false
	}
	product.Inverse(&product)
	for i := len(a.pairs) - 1; i >= 0; i-- {
		d := a.denominators[i]
		a.denominators[i].Mul(&product, &a.prefix[i])
		product.Mul(&product, &d)
	}
	for i, p := range a.pairs {
		if p.a < 0 {
			a.points[p.out] = a.points[-p.a-1]
			continue
		}
		a.points[p.out] = addAffine(&a.points[p.a], &a.points[p.a+1], &a.denominators[i])
	}
	return true
}

// addAffine returns x + y, with the inverse of the difference of their abscissas at hand.
func addAffine(x, y *bn254.G1Affine, inverse *fp.Element) bn254.G1Affine {
	var out bn254.G1Affine
	if x.X.Equal(&y.X) || x.IsInfinity() || y.IsInfinity() {
		out.Add(x, y)
		return out
	}
	var slope fp.Element
	slope.Sub(&y.Y, &x.Y).Mul(&slope, inverse)
	out.X.Square(&slope).Sub(&out.X, &x.X).Sub(&out.X, &y.X)
	out.Y.Sub(&x.X, &out.X).Mul(&out.Y, &slope).Sub(&out.Y, &x.Y)
	return out
}
