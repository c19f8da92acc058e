package prover

import (
	"fmt"
	"math/big"

	"github.com/consensys/gnark-crypto/ecc/bn254"
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
	err = j.parallel(PhaseCombine, len(sums), func(_, k int) error {
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
	err := j.parallel(PhaseCombine, len(b.order)+len(bundles), func(_, i int) error {
		if i < len(b.order) {
			return b.transform(i)
		}
		return b.fold(i - len(b.order))
	})
	if err != nil {
		return err
	}
	n := j.shape.Degree
	return j.parallel(PhaseCombine, (n+stretch-1)/stretch, func(_, k int) error {
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
	list := make([]weighed, 0, min(foldMax, len(b.parts)))
	for i, part := range b.parts {
		w, err := j.factor(j.terms.factors[part.factor-1])
		if err != nil {
			return err
		}
		list = append(list, weighed{w, j.unscale(part.weight, &b.common)})
		if len(list) == foldMax || i == len(b.parts)-1 {
			j.folder.fold(out, list, 0)
			list = list[:0]
		}
	}
	return nil
}

// linear returns the sum of what is linear, less the quotients: delta^i * prime * K_i.
func (j *job) linear(singles []bundlePart) ([]fr.Element, error) {
	s := j.request.System
	out := make([]fr.Element, j.shape.Degree)
	for len(singles) > 0 {
		some := singles[:min(len(singles), j.vectorsMax(8))]
		singles = singles[len(some):]
		list := make([]weighed, len(some))
		err := j.parallel(PhaseCombine, len(some), func(_, i int) error {
			w, err := j.factor(j.terms.factors[some[i].factor-1])
			list[i] = weighed{w, some[i].weight}
			return err
		})
		if err != nil {
			return nil, err
		}
		if err := j.foldAll(out, list); err != nil {
			return nil, err
		}
	}
	power := fr.One()
	var list []weighed
	for _, c := range j.shape.Combinations() {
		g := s.Groups[c.Group]
		for part, poly := range g.Quotients[c.Round] {
			q := new(big.Int).SetUint64(s.Prime(g.Prime))
			q.Lsh(q, uint(part*identity.PartBits))
			var w fr.Element
			w.SetBigInt(q)
			w.Mul(&w, &power).Neg(&w)
			list = append(list, weighed{j.quotients[poly-s.Quotients], w})
		}
		power.Mul(&power, &j.ch.Delta)
	}
	return out, j.foldAll(out, list)
}

// foldAll adds weighed polynomials, a stretch of coefficients at a time.
func (j *job) foldAll(out []fr.Element, list []weighed) error {
	return j.parallel(PhaseCombine, (len(out)+stretch-1)/stretch, func(_, k int) error {
		low, high := k*stretch, min((k+1)*stretch, len(out))
		j.folder.fold(out[low:high], list, low)
		return nil
	})
}

// commitH commits to the quotient by X^N+1 and draws gamma.
func (j *job) commitH() error {
	blocks := j.shape.Blocks
	j.proof.H = make([]bn254.G1Affine, j.shape.HPoints())
	err := j.parallel(PhaseCombine, len(j.proof.H), func(_, i int) error {
		var err error
		part := block(j, j.h[i/blocks], i%blocks)
		if j.proof.H[i], err = j.prover.cfg.Setup.CommitScalars(part); err != nil {
			return fmt.Errorf("commit to the quotient by X^N+1: %w", err)
		}
		return nil
	})
	j.ch.Gamma = j.session.H(j.proof.H)
	return err
}
