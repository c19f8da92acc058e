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

// bundleBatch returns how many bundles' transforms fit the memory.
func (j *job) bundleBatch(bundles []bundle) int {
	limit := j.vectorsMax(fr.Bytes * len(j.field.cosets))
	seen := make(map[int32]bool)
	folded := 0
	for i := range bundles {
		p := &bundles[i].common
		for _, f := range p[:p.size()] {
			seen[f] = true
		}
		if len(bundles[i].parts) > 0 {
			folded++
		}
		if len(seen)+folded > limit && i > 0 {
			return i
		}
	}
	return len(bundles)
}

// bundleSums adds a stretch of the bundles.
type bundleSums struct {
	job     *job
	bundles []bundle
	// order are the factors that the bundles have in common, place is where they stand in it.
	order []int32
	place map[int32]int
	// values are theirs on each coset, folded those of the sums of the bundles' parts.
	values, folded [][]fr.Vector
}

// addBundles adds bundles to the sums on all cosets.
func (j *job) addBundles(sums [][]fr.Element, bundles []bundle) error {
	b := &bundleSums{job: j, bundles: bundles, place: make(map[int32]int)}
	for i := range bundles {
		p := &bundles[i].common
		for _, f := range p[:p.size()] {
			if _, ok := b.place[f]; !ok {
				b.place[f] = len(b.order)
				b.order = append(b.order, f)
			}
		}
	}
	b.values, b.folded = make([][]fr.Vector, len(b.order)), make([][]fr.Vector, len(bundles))
	err := j.parallel("combine", len(b.order)+len(bundles), func(i int) error {
		if i < len(b.order) {
			return b.transform(i)
		}
		return b.fold(i - len(b.order))
	})
	if err != nil {
		return err
	}
	n := j.shape.Degree
	return j.parallel("combine", (n+stretch-1)/stretch, func(k int) error {
		for coset := range sums {
			b.add(coset, sums[coset], k*stretch, min((k+1)*stretch, n))
		}
		return nil
	})
}

// transform computes the values of a factor, divided by 2^256.
func (b *bundleSums) transform(i int) error {
	w, err := b.job.factor(b.job.terms.factors[b.order[i]-1])
	if err != nil {
		return err
	}
	coeffs := make(fr.Vector, len(w))
	raw(coeffs, w)
	b.values[i] = b.job.field.transforms(coeffs)
	return nil
}

// fold computes the values of the sum of a bundle's parts.
func (b *bundleSums) fold(i int) error {
	bundle := &b.bundles[i]
	if len(bundle.parts) == 0 {
		bundle.weight = b.job.unscale(bundle.weight, &bundle.common)
		return nil
	}
	coeffs := make(fr.Vector, b.job.shape.Degree)
	if err := b.job.foldParts(coeffs, bundle); err != nil {
		return err
	}
	b.folded[i] = b.job.field.transforms(coeffs)
	return nil
}

// add adds the products at the positions [low, high) of a coset.
func (b *bundleSums) add(coset int, out []fr.Element, low, high int) {
	sum := fr.Vector(out[low:high])
	x := make(fr.Vector, high-low)
	for i := range b.bundles {
		p := &b.bundles[i].common
		first := b.values[b.place[p[0]]][coset][low:high]
		if folded := b.folded[i]; folded != nil {
			x.Mul(first, folded[coset][low:high])
		} else {
			x.ScalarMul(first, &b.bundles[i].weight)
		}
		for _, f := range p[1:p.size()] {
			x.Mul(x, b.values[b.place[f]][coset][low:high])
		}
		sum.Add(sum, x)
	}
}

// unscale multiplies a weight by 2^256 for every factor of a product: they are transformed
// without it.
func (j *job) unscale(weight fr.Element, p *product) fr.Element {
	for range p.size() {
		weight.Mul(&weight, &j.folder.low)
	}
	return weight
}

// foldParts adds up what is not common in a bundle.
func (j *job) foldParts(out []fr.Element, b *bundle) error {
	const most = 128
	list := make([]weighed, 0, min(most, len(b.parts)))
	for i, part := range b.parts {
		w, err := j.factor(j.terms.factors[part.factor-1])
		if err != nil {
			return err
		}
		list = append(list, weighed{w, j.unscale(part.weight, &b.common)})
		if len(list) == most || i == len(b.parts)-1 {
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
