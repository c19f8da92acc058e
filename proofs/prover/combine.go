package prover

import (
	"fmt"
	"math/big"

	"github.com/consensys/gnark-crypto/ecc/bn254/fr"
	"github.com/consensys/gnark-crypto/ecc/bn254/fr/fft"

	"github.com/cerberus-host/cerberus/fhe/rns"
	"github.com/cerberus-host/cerberus/proofs/identity"
)

// factorKey names a factor in transformed form; the prime counts only if it is scaled.
type factorKey struct {
	factor identity.Factor
	prime  int
}

func keyOf(prime int, f identity.Factor) factorKey {
	if f.Scale == 1 {
		prime = 0
	}
	return factorKey{f, prime}
}

// sums are weighted sums of identities: the products on a coset, and what is linear as
// coefficients.
type sums struct {
	products, linear [][]fr.Element
}

// factor returns the coefficients of a factor: turned, scaled.
func (j *job) factor(prime int, f identity.Factor) ([]int64, error) {
	w, err := j.coeffs(f.Poly)
	if err != nil {
		return nil, err
	}
	if f.Galois != 1 {
		turned := make([]int64, len(w))
		identity.Rotate(turned, w, f.Galois)
		w = turned
	}
	if f.Scale != 1 {
		m, err := rns.NewModulus(j.request.System.Prime(prime))
		if err != nil {
			return nil, fmt.Errorf("prime: %w", err)
		}
		scaled := make([]int64, len(w))
		identity.ScaleLift(scaled, w, f.Scale, m)
		w = scaled
	}
	return w, nil
}

// sum returns, for each row of weights, the sum of the identities with those weights.
// Identities are taken in batches whose transforms fit the memory.
func (j *job) sum(d *fft.Domain, ids []int, weights [][]fr.Element) (*sums, error) {
	n := j.shape.Degree
	out := &sums{}
	for range weights {
		out.products = append(out.products, make([]fr.Element, n))
		out.linear = append(out.linear, make([]fr.Element, n))
	}
	limit := max(64, int(j.prover.cfg.MemoryMax/int64(n*fr.Bytes)))
	for from := 0; from < len(ids); {
		need := make(map[factorKey][]fr.Element)
		var order []factorKey
		to := from
		for ; to < len(ids) && len(order) < limit; to++ {
			id := j.request.System.Identities[ids[to]]
			for _, t := range id.Terms {
				if len(t.Factors) < 2 {
					continue
				}
				for _, f := range t.Factors {
					if k := keyOf(id.Prime, f); need[k] == nil {
						need[k] = []fr.Element{}
						order = append(order, k)
					}
				}
			}
		}
		results := make([][]fr.Element, len(order))
		err := j.parallel("divide", len(order), func(i int) error {
			w, err := j.factor(order[i].prime, order[i].factor)
			if err != nil {
				return err
			}
			results[i] = transform(d, w)
			return nil
		})
		if err != nil {
			return nil, err
		}
		for i, k := range order {
			need[k] = results[i]
		}
		if err := j.accumulate(out, need, ids, from, to, weights); err != nil {
			return nil, err
		}
		from = to
	}
	return out, nil
}

// accumulate adds the identities [from, to) of ids, a stretch of coefficients at a time.
func (j *job) accumulate(out *sums, need map[factorKey][]fr.Element, ids []int, from, to int,
	weights [][]fr.Element,
) error {
	const stretch = 512
	n := j.shape.Degree
	type single struct {
		w      []int64
		coef   int64
		weight int
	}
	var singles []single
	for at := from; at < to; at++ {
		id := j.request.System.Identities[ids[at]]
		for _, t := range id.Terms {
			if len(t.Factors) != 1 {
				continue
			}
			w, err := j.factor(id.Prime, t.Factors[0])
			if err != nil {
				return err
			}
			singles = append(singles, single{w, t.Coef, at})
		}
	}
	return j.parallel("divide", (n+stretch-1)/stretch, func(k int) error {
		low, high := k*stretch, min((k+1)*stretch, n)
		product := make([]fr.Element, stretch)
		inner := make([]fr.Element, stretch)
		for at := from; at < to; at++ {
			id := j.request.System.Identities[ids[at]]
			clear(inner)
			for _, t := range id.Terms {
				if len(t.Factors) < 2 {
					continue
				}
				copy(product, need[keyOf(id.Prime, t.Factors[0])][low:high])
				for _, f := range t.Factors[1:] {
					values := need[keyOf(id.Prime, f)][low:high]
					for i := range values {
						product[i].Mul(&product[i], &values[i])
					}
				}
				addScaled(inner[:high-low], product, t.Coef)
			}
			for row := range weights {
				for i := low; i < high; i++ {
					var x fr.Element
					x.Mul(&inner[i-low], &weights[row][at])
					out.products[row][i].Add(&out.products[row][i], &x)
				}
			}
		}
		for _, s := range singles {
			var coef fr.Element
			coef.SetInt64(s.coef)
			for row := range weights {
				var w fr.Element
				w.Mul(&coef, &weights[row][s.weight])
				for i := low; i < high; i++ {
					var x fr.Element
					x.SetInt64(s.w[i])
					x.Mul(&x, &w)
					out.linear[row][i].Add(&out.linear[row][i], &x)
				}
			}
		}
		return nil
	})
}

// addScaled adds coef*b to a.
func addScaled(a, b []fr.Element, coef int64) {
	switch coef {
	case 1:
		for i := range a {
			a[i].Add(&a[i], &b[i])
		}
	case -1:
		for i := range a {
			a[i].Sub(&a[i], &b[i])
		}
	default:
		var c, x fr.Element
		c.SetInt64(coef)
		for i := range a {
			x.Mul(&b[i], &c)
			a[i].Add(&a[i], &x)
		}
	}
}

// divide computes the quotients: combination = prime * K modulo X^N+1, exactly.
func (j *job) divide() error {
	s := j.request.System
	for at, g := range s.Groups {
		weights := make([][]fr.Element, g.Combinations())
		for t := range weights {
			weights[t] = make([]fr.Element, len(g.Identities))
			for k := range g.Identities {
				weights[t][k].SetOne()
				if g.Rounds > 0 {
					weights[t][k].SetUint64(j.ch.Combinations[at][t][k])
				}
			}
		}
		sum, err := j.sum(j.field.negacyclic, g.Identities, weights)
		if err != nil {
			return err
		}
		var inverse fr.Element
		inverse.SetUint64(s.Prime(g.Prime))
		inverse.Inverse(&inverse)
		err = j.parallel("divide", len(weights), func(t int) error {
			restore(j.field.negacyclic, sum.products[t])
			for i := range sum.products[t] {
				x := &sum.products[t][i]
				x.Add(x, &sum.linear[t][i]).Mul(x, &inverse)
			}
			return j.cut(g, t, sum.products[t])
		})
		if err != nil {
			return err
		}
	}
	if t := j.prover.tamper; t != nil && t.quotients != nil {
		t.quotients(j.polys[s.Quotients-s.Wires:])
	}
	return nil
}

// cut writes the parts of a quotient. A combination that the prime does not divide has an
// enormous quotient modulo the field: it does not fit the parts.
func (j *job) cut(g identity.Group, t int, quotient []fr.Element) error {
	s := j.request.System
	parts := g.Quotients[t]
	out := make([][]int64, len(parts))
	for k := range out {
		out[k] = make([]int64, len(quotient))
		j.polys[parts[k]-s.Wires] = out[k]
	}
	for i := range quotient {
		words, negative := centred(&quotient[i])
		if !split(out, i, words, negative) || exceeds(s, parts, out, i) {
			if j.prover.tamper != nil {
				continue
			}
			return fmt.Errorf("%w: an identity modulo %d does not hold at coefficient %d",
				identity.ErrWitness, s.Prime(g.Prime), i)
		}
	}
	return nil
}

func exceeds(s *identity.System, parts []int, out [][]int64, i int) bool {
	for k, poly := range parts {
		if c := out[k][i]; c > s.Polys[poly].Bound || c < -s.Polys[poly].Bound {
			return true
		}
	}
	return false
}

// centred returns the absolute value of the representative nearest to 0.
func centred(x *fr.Element) (words [4]uint64, negative bool) {
	var minus fr.Element
	minus.Neg(x)
	words, other := x.Bits(), minus.Bits()
	for i := 3; i >= 0; i-- {
		if words[i] != other[i] {
			if words[i] > other[i] {
				return other, true
			}
			return words, false
		}
	}
	return words, false
}

// split writes the balanced parts in base 2^48 of an integer at coefficient i, and reports
// whether it fits.
func split(out [][]int64, i int, words [4]uint64, negative bool) bool {
	const mask = 1<<identity.PartBits - 1
	carry := int64(0)
	for k := range out {
		at := k * identity.PartBits
		low := words[at/64] >> (at % 64)
		if at%64 > 0 && at/64+1 < len(words) {
			low |= words[at/64+1] << (64 - at%64)
		}
		var d int64
		if k < len(out)-1 {
			d = int64(low&mask) + carry
			carry = 0
			if d >= 1<<(identity.PartBits-1) {
				d -= 1 << identity.PartBits
				carry = 1
			}
		} else {
			if low>>62 != 0 || beyond(words, at+64) {
				return false
			}
			d = int64(low) + carry
		}
		if negative {
			d = -d
		}
		out[k][i] = d
	}
	return true
}

// beyond reports whether a bit from position at on is set.
func beyond(words [4]uint64, at int) bool {
	for i := range words {
		switch {
		case at <= i*64:
			if words[i] != 0 {
				return true
			}
		case at < (i+1)*64:
			if words[i]>>(at%64) != 0 {
				return true
			}
		}
	}
	return false
}

// combine computes H: the sum of all combinations with powers of delta is (X^N+1)*H, so on
// X^N = zeta it is (zeta+1) times what H is there.
func (j *job) combine() error {
	s := j.request.System
	ids := make([]int, len(s.Identities))
	for i := range ids {
		ids[i] = i
	}
	weights := [][]fr.Element{j.shape.Weights(j.ch.Combinations, j.ch.Delta)}
	residues := make([][]fr.Element, len(j.field.cosets))
	quotients := j.weighedQuotients()
	for k, d := range j.field.cosets {
		sum, err := j.sum(d, ids, weights)
		if err != nil {
			return err
		}
		values, linear := sum.products[0], sum.linear[0]
		restore(d, values)
		var scale fr.Element
		one := fr.One()
		scale.Add(&j.field.zetas[k], &one)
		scale.Inverse(&scale)
		for i := range values {
			values[i].Add(&values[i], &linear[i]).Sub(&values[i], &quotients[i])
			values[i].Mul(&values[i], &scale)
		}
		residues[k] = values
	}
	j.h = make([][]fr.Element, s.HBlocks)
	for b := range j.h {
		j.h[b] = make([]fr.Element, j.shape.Degree)
		for k := range residues {
			for i := range residues[k] {
				var x fr.Element
				x.Mul(&residues[k][i], &j.field.solve[b][k])
				j.h[b][i].Add(&j.h[b][i], &x)
			}
		}
	}
	if t := j.prover.tamper; t != nil && t.h != nil {
		t.h(j.h)
	}
	return j.commitH()
}

// weighedQuotients returns the sum of delta^j * prime * K_j.
func (j *job) weighedQuotients() []fr.Element {
	s := j.request.System
	out := make([]fr.Element, j.shape.Degree)
	power := fr.One()
	for _, c := range j.shape.Combinations() {
		g := s.Groups[c.Group]
		for part, poly := range g.Quotients[c.Round] {
			q := new(big.Int).SetUint64(s.Prime(g.Prime))
			q.Lsh(q, uint(part*identity.PartBits))
			var w fr.Element
			w.SetBigInt(q)
			w.Mul(&w, &power)
			for i, x := range j.polys[poly-s.Wires] {
				var e fr.Element
				e.SetInt64(x)
				e.Mul(&e, &w)
				out[i].Add(&out[i], &e)
			}
		}
		power.Mul(&power, &j.ch.Delta)
	}
	return out
}
