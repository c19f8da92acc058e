package prover

import (
	"cmp"
	"slices"

	"github.com/consensys/gnark-crypto/ecc/bn254/fr"
)

// weighedProduct is a product with its weight in the sum of all combinations.
type weighedProduct struct {
	product product
	weight  fr.Element
}

// bundle is a sum of products that have all but one factor in common: that one is added up
// before anything is transformed. With no parts it is one product.
type bundle struct {
	common product
	parts  []bundlePart
	// weight is that of a single product.
	weight fr.Element
}

// bundlePart is a factor and its weight.
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

// bundles arranges the sum of all combinations, in what is linear and products. A factor
// that is folded costs a transform for everything that it is multiplied by, but shares it
// with others; one that is not folded costs one transform.
func (j *job) bundles() (singles []bundlePart, out []bundle) {
	list := j.products()
	folds := chooseFolded(list, len(j.terms.factors))
	known := make(map[product]int)
	for i := range list {
		p := &list[i].product
		size := p.size()
		if size == 1 {
			singles = append(singles, bundlePart{p[0], list[i].weight})
			continue
		}
		at := slices.IndexFunc(p[:size], func(f int32) bool { return folds[f] })
		if at < 0 {
			out = append(out, bundle{common: *p, weight: list[i].weight})
			continue
		}
		common := p.without(at)
		k, ok := known[common]
		if !ok {
			k = len(out)
			known[common] = k
			out = append(out, bundle{common: common})
		}
		out[k].parts = append(out[k].parts, bundlePart{p[at], list[i].weight})
	}
	return singles, out
}

// chooseFolded says which factors are folded: at most one of each product. It takes first
// what shares most.
func chooseFolded(list []weighedProduct, factors int) []bool {
	const unit = 1 << 32
	others := make([][]product, factors+1)
	in := make([][]int, factors+1)
	shared := make(map[product]uint64)
	for i := range list {
		p := &list[i].product
		size := p.size()
		for k := 0; k < size && size > 1; k++ {
			if k > 0 && p[k] == p[k-1] {
				continue
			}
			rest := p.without(k)
			others[p[k]] = append(others[p[k]], rest)
			in[p[k]] = append(in[p[k]], i)
			shared[rest]++
		}
	}
	cost := make([]uint64, factors+1)
	order := make([]int32, 0, factors)
	for f := range others {
		for _, rest := range others[f] {
			cost[f] += unit / shared[rest]
		}
		if cost[f] > 0 && cost[f] < unit {
			order = append(order, int32(f))
		}
	}
	slices.SortStableFunc(order, func(a, b int32) int { return cmp.Compare(cost[a], cost[b]) })
	folds, pinned := make([]bool, factors+1), make([]bool, factors+1)
	for _, f := range order {
		if pinned[f] {
			continue
		}
		folds[f] = true
		for _, i := range in[f] {
			for _, other := range list[i].product {
				pinned[other] = true
			}
		}
	}
	return folds
}
