package prover

import (
	"github.com/consensys/gnark-crypto/ecc/bn254/fr"

	"github.com/cerberus-host/cerberus/proofs/protocol"
)

// sumCheck reduces the sum of the inner products of pairs of vectors, a public one and one
// of committed polynomials, to the inner product of one pair. The vectors are made when
// those that are left fit the memory; before that, a round makes them two by two.
type sumCheck struct {
	job   *job
	claim *protocol.Claim
	// powers are those of gamma, last is the projection vector.
	powers, last []fr.Element
	// eq are the weights with which neighbours are already bound.
	eq []fr.Element
	xs []fr.Element
	// y and w are the pairs that are left, once they are made; nil stands for zeros.
	y, w [][]fr.Element
}

// pair returns pair k of those that are left: vectors and blocks [k*len(eq), (k+1)*len(eq)),
// weighed.
func (c *sumCheck) pair(k int) (y, w []fr.Element, err error) {
	sh := c.job.shape
	var list []weighed
	for m := range c.eq {
		at := k*len(c.eq) + m
		a, b := at/sh.Blocks, at%sh.Blocks
		if a >= sh.Vectors {
			break
		}
		if y == nil {
			y, w = make([]fr.Element, sh.Size), make([]fr.Element, sh.Size)
		}
		c.addPublic(y, a, b, &c.eq[m])
		for poly, coef := range c.claim.Coefs[a] { // sums are exact: the order does not matter
			coeffs, err := c.job.coeffs(poly)
			if err != nil {
				return nil, nil, err
			}
			part := weighed{w: block(c.job, coeffs, b)}
			part.weight.Mul(coef, &c.eq[m])
			if list = append(list, part); len(list) == foldMax {
				c.job.folder.fold(w[:len(part.w)], list, 0)
				list = list[:0]
			}
		}
		if a == 0 { // H stands under the first view
			for i := range c.job.h {
				var weight fr.Element
				weight.Mul(&c.claim.H[i], &c.eq[m])
				addScaled(w, block(c.job, c.job.h[i], b), &weight)
			}
		}
	}
	if len(list) > 0 {
		c.job.folder.fold(w[:len(list[0].w)], list, 0)
	}
	return y, w, nil
}

// addPublic adds block b of public vector a.
func (c *sumCheck) addPublic(y []fr.Element, a, b int, weight *fr.Element) {
	v := c.last
	if views := c.job.request.System.Views; a < len(views) {
		v = protocol.Turned(c.powers, views[a])
	}
	addScaled(y, block(c.job, v, b), weight)
}

// addScaled adds weight*x to the beginning of out.
func addScaled(out, x []fr.Element, weight *fr.Element) {
	for i := range x {
		var v fr.Element
		v.Mul(&x[i], weight)
		out[i].Add(&out[i], &v)
	}
}

// make makes the pairs that are left.
func (c *sumCheck) make(left int) error {
	if c.y != nil {
		return nil
	}
	c.y, c.w = make([][]fr.Element, left), make([][]fr.Element, left)
	return c.job.parallel(PhaseOpen, left, func(_, k int) error {
		var err error
		c.y[k], c.w[k], err = c.pair(k)
		return err
	})
}

// round returns the values at 0 and 2 of the polynomial that is the sum over pairs of
// neighbours of the inner product of what they are when bound to its argument.
func (c *sumCheck) round(left int) ([2]fr.Element, error) {
	size := int64(c.job.shape.Size * 2 * fr.Bytes)
	if int64(left) <= c.job.prover.cfg.MemoryMax/size {
		if err := c.make(left); err != nil {
			return [2]fr.Element{}, err
		}
	}
	parts := make([][2]fr.Element, left/2)
	err := c.job.parallel(PhaseOpen, left/2, func(_, k int) error {
		var y, w [2][]fr.Element
		for i := range y {
			if c.y != nil {
				y[i], w[i] = c.y[2*k+i], c.w[2*k+i]
				continue
			}
			var err error
			if y[i], w[i], err = c.pair(2*k + i); err != nil {
				return err
			}
		}
		parts[k] = roundOf(&y, &w)
		return nil
	})
	var out [2]fr.Element
	for k := range parts {
		out[0].Add(&out[0], &parts[k][0])
		out[1].Add(&out[1], &parts[k][1])
	}
	return out, err
}

// roundOf is a round's share of two neighbours.
func roundOf(y, w *[2][]fr.Element) (out [2]fr.Element) {
	if y[0] == nil {
		return out
	}
	var a, b fr.Element
	for i := range y[0] {
		a.Mul(&y[0][i], &w[0][i])
		out[0].Add(&out[0], &a)
		if y[1] != nil {
			a.Double(&y[1][i]).Sub(&a, &y[0][i])
			b.Double(&w[1][i]).Sub(&b, &w[0][i])
		} else {
			a.Neg(&y[0][i])
			b.Neg(&w[0][i])
		}
		a.Mul(&a, &b)
		out[1].Add(&out[1], &a)
	}
	return out
}

// bind binds neighbours: (1-x) times the first, x times the second.
func (c *sumCheck) bind(x fr.Element) {
	if c.y == nil {
		c.xs = append(c.xs, x)
		c.eq = protocol.EqWeights(c.xs)
		return
	}
	y, w := make([][]fr.Element, len(c.y)/2), make([][]fr.Element, len(c.w)/2)
	protocol.Parallel(len(y), c.job.prover.cfg.Workers, func(_, k int) {
		y[k] = bindPair(c.y[2*k], c.y[2*k+1], &x)
		w[k] = bindPair(c.w[2*k], c.w[2*k+1], &x)
	})
	c.y, c.w = y, w
}

// bindPair binds two vectors in place of the first.
func bindPair(first, second []fr.Element, x *fr.Element) []fr.Element {
	for i := range first {
		var d fr.Element
		if second != nil {
			d = second[i]
		}
		d.Sub(&d, &first[i]).Mul(&d, x)
		first[i].Add(&first[i], &d)
	}
	return first
}
