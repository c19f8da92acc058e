package prover

import "fmt"

// target is a weighted sum of identities, one for each row of weights.
type target struct {
	monomials []monomial
	// rows[t] are the weights of the identities that the monomials occur in.
	rows [][]uint64
	// divisor is what the sums are divided by.
	divisor uint64
}

// partial is a sum on its way: the products as values, what is linear as coefficients.
type partial struct {
	products, linear []uint64
	// offset is the sum of the weights of what is linear.
	offset uint64
}

// span is a stretch of a target's monomials.
type span struct {
	target, from, to int
	// weights[w][k][t] is the weight of monomial from+k in row t, for word w.
	weights [][][]uint64
}

// wordSums computes sums of identities modulo X^N+1 and some primes.
type wordSums struct {
	job     *job
	words   []*word
	targets []target
	// sums have a row for each word.
	sums [][][]partial
	// plain and values are the factors that the current batch needs, by number; values for
	// each word.
	plain  map[int32][]int64
	values map[int32][][]uint64
}

// sums returns the coefficients of every row of every target modulo every word. Factors are
// transformed in batches that fit the memory.
func (j *job) sums(words []*word, targets []target) ([][][]partial, error) {
	n := j.shape.Degree
	s := &wordSums{job: j, words: words, targets: targets}
	for range words {
		var sums [][]partial
		for _, t := range targets {
			rows := make([]partial, len(t.rows))
			for i := range rows {
				rows[i] = partial{products: make([]uint64, n), linear: make([]uint64, n)}
			}
			sums = append(sums, rows)
		}
		s.sums = append(s.sums, sums)
	}
	for next := (span{}); next.target < len(targets); {
		batch := s.batch(&next)
		if err := s.prepare(batch); err != nil {
			return nil, err
		}
		if err := s.accumulate(batch); err != nil {
			return nil, err
		}
	}
	return s.sums, s.finish()
}

// batch takes monomials from where next stands until their factors fill the memory.
func (s *wordSums) batch(next *span) []span {
	s.plain, s.values = make(map[int32][]int64), make(map[int32][][]uint64)
	limit := s.job.vectorsMax(8 * len(s.words))
	var out []span
	for next.target < len(s.targets) {
		list := s.targets[next.target].monomials
		next.from = next.to
		for next.to < len(list) && len(s.plain)+len(s.values) < limit {
			p := &list[next.to].product
			if p.size() == 1 {
				s.plain[p[0]] = nil
			} else {
				for _, f := range p[:p.size()] {
					s.values[f] = nil
				}
			}
			next.to++
		}
		if next.to > next.from {
			out = append(out, *next)
		}
		if next.to < len(list) {
			break
		}
		*next = span{target: next.target + 1}
	}
	return out
}

// prepare makes the factors and the weights of a batch.
func (s *wordSums) prepare(batch []span) error {
	type wanted struct {
		number      int32
		transformed bool
	}
	var list []wanted
	for f := range s.plain {
		list = append(list, wanted{f, false})
	}
	for f := range s.values {
		list = append(list, wanted{f, true})
	}
	plain, values := make([][]int64, len(list)), make([][][]uint64, len(list))
	err := s.job.parallel(PhaseDivide, len(list), func(_, i int) error {
		w, err := s.job.factor(s.job.terms.factors[list[i].number-1])
		if err != nil {
			return err
		}
		if !list[i].transformed {
			plain[i] = w
			return nil
		}
		values[i] = make([][]uint64, len(s.words))
		for k, word := range s.words {
			if values[i][k], err = word.transform(w); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	for i, f := range list {
		if f.transformed {
			s.values[f.number] = values[i]
		} else {
			s.plain[f.number] = plain[i]
		}
	}
	for i := range batch {
		for k := range s.words {
			batch[i].weights = append(batch[i].weights, s.weigh(k, &batch[i]))
		}
	}
	return nil
}

// weigh computes the weights of a stretch of monomials for a word. Every product of two
// values leaves a factor 2^-64, which the weight takes away.
func (s *wordSums) weigh(word int, b *span) [][]uint64 {
	var out [][]uint64
	w, t := s.words[word], s.targets[b.target]
	m := w.m
	for _, mono := range t.monomials[b.from:b.to] {
		size := mono.product.size()
		scale := m.Pow(w.radix, uint64(size-1))
		weights := make([]uint64, len(t.rows))
		for row := range weights {
			for _, in := range mono.in {
				c := m.Mul(residue(in.coef, m), m.Reduce(t.rows[row][in.at]))
				weights[row] = m.Add(weights[row], c)
			}
			weights[row] = m.Mul(weights[row], scale)
			if sum := &s.sums[word][b.target][row]; size == 1 {
				sum.offset = m.Add(sum.offset, weights[row])
			}
		}
		out = append(out, weights)
	}
	return out
}

// stretch is the number of coefficients that are worked on at a time: all rows of one fit
// the nearest cache.
const stretch = 512

// accumulate adds a batch.
func (s *wordSums) accumulate(batch []span) error {
	pieces := (s.job.shape.Degree + stretch - 1) / stretch
	return s.job.parallel(PhaseDivide, pieces*len(batch), func(_, i int) error {
		low := i % pieces * stretch
		for word := range s.words {
			s.piece(word, batch[i/pieces], low, min(low+stretch, s.job.shape.Degree))
		}
		return nil
	})
}

func (s *wordSums) piece(word int, b span, low, high int) {
	w, weights, rows := s.words[word], b.weights[word], s.sums[word][b.target]
	products, linear := make([]wide, len(rows)), make([]wide, len(rows))
	for row := range rows {
		products[row], linear[row] = newWide(high-low), newWide(high-low)
	}
	flush := func() {
		for row := range rows {
			products[row].flush(w, rows[row].products[low:high])
			linear[row].flush(w, rows[row].linear[low:high])
		}
	}
	value := make([]uint64, high-low)
	for k, mono := range s.targets[b.target].monomials[b.from:b.to] {
		if k%sumsMax == sumsMax-1 {
			flush()
		}
		p := &mono.product
		size := p.size()
		if size == 1 {
			for row := range rows {
				linear[row].addPlain(s.plain[p[0]][low:high], weights[k][row])
			}
			continue
		}
		w.mul(value, s.values[p[0]][word][low:high], s.values[p[1]][word][low:high])
		for _, f := range p[2:size] {
			w.mul(value, value, s.values[f][word][low:high])
		}
		for row := range rows {
			products[row].add(value, weights[k][row])
		}
	}
	flush()
}

// finish leaves the coefficients of each sum in products.
func (s *wordSums) finish() error {
	type place struct{ word, target, row int }
	var list []place
	for w := range s.sums {
		for i := range s.sums[w] {
			for row := range s.sums[w][i] {
				list = append(list, place{w, i, row})
			}
		}
	}
	return s.job.parallel(PhaseDivide, len(list), func(_, i int) error {
		w := s.words[list[i].word]
		sum := &s.sums[list[i].word][list[i].target][list[i].row]
		if err := w.table.Inverse(sum.products); err != nil {
			return fmt.Errorf("transform: %w", err)
		}
		inverse, err := w.m.Inv(w.m.Reduce(s.targets[list[i].target].divisor))
		if err != nil {
			return fmt.Errorf("divide by a prime: %w", err)
		}
		shoup := w.m.Shoup(inverse)
		offset := w.m.Mul(sum.offset, w.m.Reduce(plainOffset))
		for k, x := range sum.linear {
			x = w.m.Add(sum.products[k], w.m.Sub(x, offset))
			sum.products[k] = w.m.MulShoup(x, inverse, shoup)
		}
		sum.linear = nil
		return nil
	})
}
