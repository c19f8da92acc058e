package prover

import (
	"fmt"
	"math/bits"

	"github.com/cerberus-host/cerberus/proofs/identity"
)

// divide computes the quotients: combination = prime * K modulo X^N+1. It does so modulo as
// many word-sized primes as a quotient has bits, for a tenth of what the field would cost.
func (j *job) divide() error {
	s := j.request.System
	targets := make([]target, len(s.Groups))
	for at, g := range s.Groups {
		targets[at] = target{
			monomials: j.terms.groups[at], rows: j.ch.Combinations[at], divisor: s.Prime(g.Prime),
		}
		if g.Rounds == 0 {
			targets[at].rows = [][]uint64{{1}}
		}
	}
	words, err := newWords(j.quotientBits(), s.Plan.Params.LogN())
	if err != nil {
		return err
	}
	sums, err := j.sums(words, targets)
	if err != nil {
		return err
	}
	return j.cut(words, sums)
}

// quotientBits is the width of the largest quotient.
func (j *job) quotientBits() int {
	width := 0
	for _, p := range j.request.System.Polys[j.request.System.Quotients:] {
		width = max(width, p.Limb*identity.PartBits+bits.Len64(uint64(p.Bound)))
	}
	return width
}

// cut writes the parts of all quotients. A combination that its prime does not divide has
// an enormous quotient modulo the other primes: it does not fit the parts.
func (j *job) cut(words []*word, residues [][][]partial) error {
	s := j.request.System
	c, err := newChinese(words)
	if err != nil {
		return err
	}
	j.quotients = make([][]int64, len(s.Polys)-s.Quotients)
	type place struct{ group, row int }
	var list []place
	for at, g := range s.Groups {
		for t := range g.Combinations() {
			list = append(list, place{at, t})
			for _, poly := range g.Quotients[t] {
				j.quotients[poly-s.Quotients] = make([]int64, j.shape.Degree)
			}
		}
	}
	failed := make([]bool, len(list))
	err = j.parallel(PhaseDivide, len(list), func(_, k int) error {
		at := list[k]
		var sums [wordsMax][]uint64
		for i := range words {
			sums[i] = residues[i][at.group][at.row].products
		}
		failed[k] = !j.cutOne(c, &sums, s.Groups[at.group].Quotients[at.row])
		return nil
	})
	if err != nil {
		return err
	}
	for k, at := range list {
		if failed[k] {
			return j.explain(at.group)
		}
	}
	return nil
}

// cutOne writes the parts of one quotient and reports whether they are within their bounds.
func (j *job) cutOne(c *chinese, sums *[wordsMax][]uint64, polys []int) bool {
	s := j.request.System
	out := make([][]int64, len(polys))
	for k, poly := range polys {
		out[k] = j.quotients[poly-s.Quotients]
	}
	ok := true
	for i := range j.shape.Degree {
		var residues [wordsMax]uint64
		for k := range c.words {
			residues[k] = sums[k][i]
		}
		words, negative := c.integer(&residues)
		ok = ok && split(out, i, words, negative)
		for k, poly := range polys {
			bound := s.Polys[poly].Bound
			ok = ok && out[k][i] <= bound && out[k][i] >= -bound
		}
	}
	return ok
}

// split writes the balanced parts in base 2^48 of an integer at coefficient i, and reports
// whether it fits.
func split(out [][]int64, i int, words [wordsMax]uint64, negative bool) bool {
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
func beyond(words [wordsMax]uint64, at int) bool {
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

// explain returns the error for a group of which a combination is not divisible: it names
// the identity that does not hold.
func (j *job) explain(group int) error {
	s := j.request.System
	g := s.Groups[group]
	w, err := newWord(s.Prime(g.Prime), s.Plan.Params.LogN())
	if err != nil {
		return err
	}
	for at, id := range g.Identities {
		row := make([]uint64, len(g.Identities))
		row[at] = 1
		sums, err := j.sums([]*word{w}, []target{{j.terms.groups[group], [][]uint64{row}, 1}})
		if err != nil {
			return err
		}
		for i, c := range sums[0][0][0].products {
			if c != 0 {
				return fmt.Errorf("%w: %s does not hold at coefficient %d", identity.ErrWitness,
					j.describe(id), i)
			}
		}
	}
	return fmt.Errorf("%w: a quotient modulo %d exceeds its bound", identity.ErrWitness,
		s.Prime(g.Prime))
}

// describe names an identity by the output or the last wire that it speaks of.
func (j *job) describe(id int) string {
	s := j.request.System
	last, output := -1, false
	for _, t := range s.Identities[id].Terms {
		for _, f := range t.Factors {
			switch kind := s.Polys[f.Poly].Kind; {
			case kind == identity.KindOutput:
				last, output = f.Poly, true
			case !kind.Public() && !output:
				last = max(last, f.Poly)
			}
		}
	}
	prime := s.Prime(s.Identities[id].Prime)
	if last < 0 {
		return fmt.Sprintf("identity %d modulo %d", id, prime)
	}
	p := s.Polys[last]
	if output {
		return fmt.Sprintf("identity %d modulo %d (output %d, component %d)", id, prime, p.Index,
			p.Component)
	}
	return fmt.Sprintf("identity %d modulo %d (%s, step %d)", id, prime, p.Kind, p.Step)
}
