package prover

import (
	"math/big"

	"github.com/consensys/gnark-crypto/ecc/bn254/fr"

	"github.com/cerberus-host/cerberus/proofs/identity"
)

// combine computes H: the sum of all combinations with powers of delta is (X^N+1)*H, so on
// X^N = zeta it is (zeta+1) times what H is there.
func (j *job) combine() error {
	singles, bundles := j.bundles()
	sums := make([][]fr.Element, len(j.field.cosets))
	for k := range sums {
		sums[k] = make([]fr.Element, j.shape.Degree)
	}
	for len(bundles) > 0 {
		batch := j.bundleBatch(bundles)
		if err := j.addBundles(sums, bundles[:batch]); err != nil {
			return err
		}
		bundles = bundles[batch:]
	}
	linear, err := j.linear(singles)
	if err != nil {
		return err
	}
	one := fr.One()
	err = j.parallel("combine", len(sums), func(k int) error {
		j.field.restore(k, sums[k])
		var scale fr.Element
		scale.Add(&j.field.zetas[k], &one)
		scale.Inverse(&scale)
		for i := range sums[k] {
			x := &sums[k][i]
			x.Add(x, &linear[i]).Mul(x, &scale)
		}
		return nil
	})
	if err != nil {
		return err
	}
	j.h = make([][]fr.Element, j.request.System.HBlocks)
	for b := range j.h {
		j.h[b] = make([]fr.Element, j.shape.Degree)
		for k := range sums {
			for i := range sums[k] {
				var x fr.Element
				x.Mul(&sums[k][i], &j.field.solve[b][k])
				j.h[b][i].Add(&j.h[b][i], &x)
			}
		}
	}
	if t := j.prover.tamper; t != nil && t.h != nil {
		t.h(j.h)
	}
	return j.commitH()
}

// weighedProduct is a product with its weight in the sum of all combinations.
type weighedProduct struct {
	product product
	weight  fr.Element
}

// bundle is a sum of products that have all but one factor in common: that one is added up
// before anything is transformed.
type bundle struct {
	// common are the other factors.
	common product
	parts  []bundlePart
}

type bundlePart struct {
	factor int32
	weight fr.Element
}

// products returns every product once, with its weight.
func (j *job) products() []weighedProduct {
	s := j.request.System
	weights := j.shape.Weights(j.ch.Combinations, j.ch.Delta)
	known := make(map[product]int)
	var out []weighedProduct
	for at, g := range s.Groups {
		for _, mono := range j.terms.groups[at] {
			k, ok := known[mono.product]
			if !ok {
				k = len(out)
				known[mono.product] = k
				out = append(out, weighedProduct{product: mono.product})
			}
			for _, in := range mono.in {
				var x fr.Element
				x.SetInt64(in.coef)
				x.Mul(&x, &weights[g.Identities[in.at]])
				out[k].weight.Add(&out[k].weight, &x)
			}
		}
	}
	return out
}

// bundles splits the sum of all combinations into what is linear and bundles. Each product
// joins that bundle which most products could join.
func (j *job) bundles() (singles []bundlePart, out []bundle) {
	list := j.products()
	could := make(map[product]int)
	for i := range list {
		for k := range list[i].product.size() {
			could[list[i].product.without(k)]++
		}
	}
	known := make(map[product]int)
	for i := range list {
		p := &list[i].product
		size := p.size()
		if size == 1 {
			singles = append(singles, bundlePart{p[0], list[i].weight})
			continue
		}
		best := 0
		for k := 1; k < size; k++ {
			if could[p.without(k)] > could[p.without(best)] {
				best = k
			}
		}
		common := p.without(best)
		at, ok := known[common]
		if !ok {
			at = len(out)
			known[common] = at
			out = append(out, bundle{common: common})
		}
		out[at].parts = append(out[at].parts, bundlePart{p[best], list[i].weight})
	}
	return singles, out
}

// bundleBatch returns how many bundles' transforms fit the memory.
func (j *job) bundleBatch(bundles []bundle) int {
	limit := j.vectorsMax(fr.Bytes) / 2 // a bundle's sum and its values
	seen := make(map[int32]bool)
	for i := range bundles {
		p := &bundles[i].common
		for _, f := range p[:p.size()] {
			seen[f] = true
		}
		if len(seen)+i+1 > limit && i > 0 {
			return i
		}
	}
	return len(bundles)
}

// addBundles adds bundles to the sums on all cosets.
func (j *job) addBundles(sums [][]fr.Element, bundles []bundle) error {
	n := j.shape.Degree
	folded := make([]fr.Vector, len(bundles))
	err := j.parallel("combine", len(bundles), func(i int) error {
		folded[i] = make(fr.Vector, n)
		return j.foldParts(folded[i], bundles[i].parts, bundles[i].common.size())
	})
	if err != nil {
		return err
	}
	var order []int32
	values := make(map[int32]int)
	for i := range bundles {
		p := &bundles[i].common
		for _, f := range p[:p.size()] {
			if _, ok := values[f]; !ok {
				values[f] = len(order)
				order = append(order, f)
			}
		}
	}
	for coset := range sums {
		common, moved := make([]fr.Vector, len(order)), make([]fr.Vector, len(bundles))
		err := j.parallel("combine", len(order)+len(bundles), func(i int) error {
			if i < len(order) {
				w, err := j.factor(j.terms.factors[order[i]-1])
				if err != nil {
					return err
				}
				common[i] = make(fr.Vector, n)
				raw(common[i], w)
				j.field.transform(coset, common[i])
				return nil
			}
			i -= len(order)
			moved[i] = folded[i]
			if coset < len(sums)-1 {
				moved[i] = append(fr.Vector(nil), folded[i]...)
			}
			j.field.transform(coset, moved[i])
			return nil
		})
		if err != nil {
			return err
		}
		err = j.parallel("combine", (n+stretch-1)/stretch, func(k int) error {
			low, high := k*stretch, min((k+1)*stretch, n)
			sum := fr.Vector(sums[coset][low:high])
			for i := range bundles {
				x := moved[i][low:high]
				p := &bundles[i].common
				for _, f := range p[:p.size()] {
					x.Mul(x, common[values[f]][low:high])
				}
				sum.Add(sum, x)
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// foldParts adds up what is not common in a bundle, times 2^256 for every common factor:
// those are transformed without it.
func (j *job) foldParts(out []fr.Element, parts []bundlePart, common int) error {
	const most = 128
	list := make([]weighed, 0, min(most, len(parts)))
	for i, part := range parts {
		w, err := j.factor(j.terms.factors[part.factor-1])
		if err != nil {
			return err
		}
		for range common {
			part.weight.Mul(&part.weight, &j.folder.low)
		}
		list = append(list, weighed{w, part.weight})
		if len(list) == most || i == len(parts)-1 {
			j.folder.fold(out, list, 0)
			list = list[:0]
		}
	}
	return nil
}

// linear returns the sum of what is linear, less the quotients: delta^i * prime * K_i.
func (j *job) linear(singles []bundlePart) ([]fr.Element, error) {
	s := j.request.System
	list := make([]weighed, 0, len(singles))
	for _, part := range singles {
		w, err := j.factor(j.terms.factors[part.factor-1])
		if err != nil {
			return nil, err
		}
		list = append(list, weighed{w, part.weight})
	}
	power := fr.One()
	for _, c := range j.shape.Combinations() {
		g := s.Groups[c.Group]
		for part, poly := range g.Quotients[c.Round] {
			q := new(big.Int).SetUint64(s.Prime(g.Prime))
			q.Lsh(q, uint(part*identity.PartBits))
			var w fr.Element
			w.SetBigInt(q)
			w.Mul(&w, &power).Neg(&w)
			list = append(list, weighed{j.polys[poly-s.Wires], w})
		}
		power.Mul(&power, &j.ch.Delta)
	}
	out := make([]fr.Element, j.shape.Degree)
	err := j.parallel("combine", (len(out)+stretch-1)/stretch, func(k int) error {
		low, high := k*stretch, min((k+1)*stretch, len(out))
		j.folder.fold(out[low:high], list, low)
		return nil
	})
	return out, err
}
