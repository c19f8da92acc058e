package squeeze

import (
	"math/bits"

	"github.com/cerberus-host/cerberus/fhe"
)

// matrix is a matrix padded with zeros to powers of two, r rows and c columns.
type matrix struct {
	values     []int64
	rows, cols int
	r, c       int
}

// at returns an element of the padded matrix, indices taken modulo r and c.
func (m matrix) at(row, col int) int64 {
	row, col = row&(m.r-1), col&(m.c-1)
	if row >= m.rows || col >= m.cols {
		return 0
	}
	return m.values[row*m.cols+col]
}

// diagonal returns the generalised diagonal d, turned right by turn: element i is
// M[i-turn][i-turn+d], for i from 0 to max(r, c) - 1.
func (m matrix) diagonal(d, turn int) []int64 {
	out := make([]int64, max(m.r, m.c))
	for i := range out {
		out[i] = m.at(i-turn, i-turn+d)
	}
	return out
}

// matVec lowers a product of a matrix and a slot vector a of period c.
//
// Let M be the padded matrix, p = max(r, c) and D = min(r, c). With the diagonals
// g_d[i] = M[i mod r][(i+d) mod c] and rot(a, d)[i] = a[(i+d) mod c],
//
//	w[i] = sum over d < D of g_d[i] * rot(a, d)[i]
//	     = sum over d < D of M[i mod r][(i+d) mod c] * a[(i+d) mod c].
//
// If r >= c then D = c, and d reaches every column once: w[i] = (M a)[i mod r], which is
// the result with its period r. Its elements from rows on are zero as those rows of M are.
// If r < c then D = r, and w[i] covers the r columns from i on. The columns that
// w[i + t*r] covers, t < c/r, are those from i + t*r on, so that
//
//	sum over t < c/r of w[i + t*r] = (M a)[i mod r],
//
// again with period r; log2(c/r) rotations and additions make this sum. Each halving of D
// saves at least one rotation of the D diagonals, so the fold never costs more than it
// saves.
//
// That a repeats with period c, which may be below p, is used; that it is zero beyond its
// length is not, since the columns of M there are zero.
//
// The diagonals are summed in baby steps b < n1 and giant steps g < D/n1:
//
//	w = sum over g of rot(sum over b of rot(g_(g*n1+b), -g*n1) * rot(a, b), g*n1)
//
// with n1 = 2^ceil(log2(D)/2). Diagonals that are zero are left out, except the main one of
// a zero matrix.
func (l *lowerer) matVec(id fhe.NodeID, n fhe.Node, x valueID) ([]valueID, error) {
	values, frac, err := l.values(n.A)
	if err != nil {
		return nil, err
	}
	m := matrix{
		values: values, rows: n.Rows, cols: n.Cols,
		r: fhe.VectorType{Length: n.Rows}.Period(), c: fhe.VectorType{Length: n.Cols}.Period(),
	}
	g := l.graph
	count := min(m.r, m.c)
	logCount := bits.Len(uint(count)) - 1
	baby := 1 << ((logCount + 1) / 2)
	settle := func(v valueID, now bool) valueID {
		if now {
			return g.rescaled(v)
		}
		return v
	}
	var total partial
	for giant := 0; giant < count && g.err == nil; giant += baby {
		var inner partial
		for d := giant; d < giant+baby && g.err == nil; d++ {
			diagonal := m.diagonal(d, giant)
			if allZero(diagonal) && (d != 0 || !allZero(values)) {
				continue
			}
			k := g.constant(fhe.ArrangeSlots, len(diagonal), diagonal, frac)
			inner.add(g, g.timesConstant(g.rotated(x, d-giant), k))
		}
		if inner.some {
			total.add(g, g.rotated(settle(inner.v, !l.last[id]), giant))
		}
	}
	y := l.fold(total.v, m.r, max(m.r, m.c))
	return []valueID{settle(y, l.last[id])}, nil
}

// partial is a sum that may have no term yet.
type partial struct {
	v    valueID
	some bool
}

func (p *partial) add(g *graph, v valueID) {
	if p.some {
		v = g.sum(p.v, v)
	}
	p.v, p.some = v, true
}
