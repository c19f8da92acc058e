package protocol

import (
	"crypto/sha3"
	"encoding/binary"
	"math/big"
	"math/bits"

	"github.com/consensys/gnark-crypto/ecc/bn254/fr"
)

// planeBytes is the length of one plane of a column: a bit for each row.
const planeBytes = Rows / 8

// Projection is the matrix Pi of 256 rows with entries b1 - b2 of two fair bits, expanded
// from a seed by SHAKE128: column after column, the bits b1 of all rows, then the bits b2.
type Projection struct {
	columns []byte
	n       int
	// plus and minus hold, for each row and each eight columns, the bits of the two planes.
	plus, minus []byte
}

// NewProjection expands a matrix with n columns, a multiple of 8.
func NewProjection(seed [32]byte, n int) *Projection {
	p := &Projection{columns: make([]byte, n*2*planeBytes), n: n}
	h := sha3.NewSHAKE128()
	_, _ = h.Write([]byte("cerberus/projection/v1")) // a hash does not fail
	_, _ = h.Write(seed[:])
	_, _ = h.Read(p.columns)
	return p
}

// transpose fills plus and minus, which only a prover needs.
func (p *Projection) transpose() {
	groups := p.n / 8
	p.plus, p.minus = make([]byte, Rows*groups), make([]byte, Rows*groups)
	for j := range p.n {
		column := p.columns[j*2*planeBytes:]
		for row := range Rows {
			bit := column[row/8] >> (row % 8) & 1
			p.plus[row*groups+j/8] |= bit << (j % 8)
			bit = column[planeBytes+row/8] >> (row % 8) & 1
			p.minus[row*groups+j/8] |= bit << (j % 8)
		}
	}
}

// Projector computes projections. It is not safe for concurrent use; several may share one
// Projection.
type Projector struct {
	p      *Projection
	lo, hi [256]int64
}

// Projectors returns count projectors of one matrix.
func (p *Projection) Projectors(count int) []*Projector {
	if p.plus == nil {
		p.transpose()
	}
	out := make([]*Projector, count)
	for i := range out {
		out[i] = &Projector{p: p}
	}
	return out
}

// halfBits splits coefficients so that sums of a row fit 64 bits.
const halfBits = 32

// Project returns Pi*w. Eight columns at a time, a table of the sums of all subsets of their
// coefficients serves all rows.
func (q *Projector) Project(w []int64) [Rows]Row {
	groups := q.p.n / 8
	var lo, hi [Rows]int64
	for g := range groups {
		q.fill(w[g*8 : g*8+8])
		for row := range Rows {
			plus, minus := q.p.plus[row*groups+g], q.p.minus[row*groups+g]
			lo[row] += q.lo[plus] - q.lo[minus]
			hi[row] += q.hi[plus] - q.hi[minus]
		}
	}
	var out [Rows]Row
	for row := range out {
		// hi * 2^32 + lo
		low, carry := bits.Add64(uint64(hi[row])<<halfBits, uint64(lo[row]), 0)
		high, _ := bits.Add64(uint64(hi[row]>>halfBits), uint64(lo[row]>>63), carry)
		out[row] = Row{Hi: int64(high), Lo: low}
	}
	return out
}

// fill makes the tables of subset sums of eight coefficients.
func (q *Projector) fill(w []int64) {
	size := 1
	for _, c := range w {
		low, high := c&(1<<halfBits-1), c>>halfBits
		for i := range size {
			q.lo[size+i] = q.lo[i] + low
			q.hi[size+i] = q.hi[i] + high
		}
		size *= 2
	}
}

// Combine returns Pi^T * weights: the vector whose inner product with w is that of weights
// with Pi*w. Tables of the sums of eight weights serve all columns.
func (p *Projection) Combine(weights *[Rows]fr.Element) []fr.Element {
	var tables [planeBytes][256]fr.Element
	for b := range tables {
		size := 1
		for k := range 8 {
			for i := range size {
				tables[b][size+i].Add(&tables[b][i], &weights[b*8+k])
			}
			size *= 2
		}
	}
	fold := newFold()
	out := make([]fr.Element, p.n)
	parallel(p.n, func(from, to int) {
		for j := from; j < to; j++ {
			column := p.columns[j*2*planeBytes : (j+1)*2*planeBytes]
			plus := fold.sum(&tables, column[:planeBytes])
			minus := fold.sum(&tables, column[planeBytes:])
			out[j].Sub(&plus, &minus)
		}
	})
	return out
}

// fold brings sums of a plane's field elements below the modulus: entry k is k*2^253.
type fold [2 * planeBytes]fr.Element

func newFold() *fold {
	var out fold
	// The words of an element stand for a multiple of it, as do those of a sum.
	top := fr.Element{3: 1 << 61}
	for k := 1; k < len(out); k++ {
		out[k].Add(&out[k-1], &top)
	}
	return &out
}

// sum adds up an entry of each table. They are below 2^254 each, so that the sum is below
// 2^253 times the number of entries of the fold.
func (f *fold) sum(tables *[planeBytes][256]fr.Element, plane []byte) fr.Element {
	var s0, s1, s2, s3, s4 uint64
	for b, at := range plane[:planeBytes] {
		x := &tables[b][at]
		var carry uint64
		s0, carry = bits.Add64(s0, x[0], 0)
		s1, carry = bits.Add64(s1, x[1], carry)
		s2, carry = bits.Add64(s2, x[2], carry)
		s3, carry = bits.Add64(s3, x[3], carry)
		s4, _ = bits.Add64(s4, 0, carry)
	}
	out := fr.Element{s0, s1, s2, s3 & (1<<61 - 1)}
	return *out.Add(&out, &f[s4<<3|s3>>61])
}

// Powers returns Pi^T * (1, rho, rho^2, ...): the projection vector.
func (p *Projection) Powers(rho fr.Element) []fr.Element {
	weights := [Rows]fr.Element(Powers(rho, Rows))
	return p.Combine(&weights)
}

// rowWeights are the weights of rows: powers of rho.
type rowWeights [Rows][4]uint64

func newRowWeights(rho fr.Element) *rowWeights {
	var out rowWeights
	for i, x := range Powers(rho, Rows) {
		out[i] = x.Bits()
	}
	return &out
}

// combine returns the weighted sum of projections.
func (w *rowWeights) combine(rows *[Rows]Row) fr.Element {
	// signs: 0 positive, 1 negative; words: low and high half of the absolute value.
	var sums [2][2]lazy
	for i := range rows {
		hi, lo, sign := rows[i].absolute()
		sums[sign][0].add(&w[i], lo)
		if hi != 0 {
			sums[sign][1].add(&w[i], hi)
		}
	}
	var out fr.Element
	base := wordBase()
	for sign := range sums {
		low, high := sums[sign][0].scalar(), sums[sign][1].scalar()
		high.Mul(&high, &base).Add(&high, &low)
		if sign == 0 {
			out.Add(&out, &high)
		} else {
			out.Sub(&out, &high)
		}
	}
	return out
}

// Accept reports whether the squares of the projections of a polynomial of that bound add up
// to at most 337 N B^2. No sum wraps around: squares of words are added up in 192 bits, and
// where a projection takes more than a word, integers of any size take over.
func Accept(rows *[Rows]Row, n int, bound int64) bool {
	limit := big.NewInt(bound)
	limit.Mul(limit, limit).Mul(limit, big.NewInt(AcceptFactor*int64(n)))
	sum, ok := sumSquares(rows)
	if !ok {
		sum = new(big.Int)
		square := new(big.Int)
		for _, r := range rows {
			x := r.Big()
			sum.Add(sum, square.Mul(x, x))
		}
	}
	return sum.Cmp(limit) <= 0
}

// sumSquares adds up the squares of projections that fit a word each.
func sumSquares(rows *[Rows]Row) (sum *big.Int, ok bool) {
	var s0, s1, s2 uint64
	for i := range rows {
		hi, lo, _ := rows[i].absolute()
		if hi != 0 {
			return nil, false
		}
		h, l := bits.Mul64(lo, lo)
		var carry uint64
		s0, carry = bits.Add64(s0, l, 0)
		s1, carry = bits.Add64(s1, h, carry)
		s2 += carry
	}
	var words [24]byte
	binary.BigEndian.PutUint64(words[:8], s2)
	binary.BigEndian.PutUint64(words[8:16], s1)
	binary.BigEndian.PutUint64(words[16:], s0)
	return new(big.Int).SetBytes(words[:]), true
}
