package main

import (
	"cmp"
	"errors"
	"math"
	"slices"
	"strings"

	"github.com/cerberus-host/cerberus/internal/learn"
	"github.com/cerberus-host/cerberus/plugins/sentiment/features"
)

// bag is the terms of one example, by their numbers in corpus.names, sorted, each with
// its largest weight.
type bag struct {
	terms   []int32
	weights []float64
}

// corpus is a list of examples as bags over one list of terms.
type corpus struct {
	names []string
	bags  []bag
	// importance is the weight of an example in training, 1 on average.
	importance []float64
	labels     []bool
}

func newCorpus(examples []example, s settings) *corpus {
	c := &corpus{labels: labels(examples)}
	numbers := make(map[string]int32)
	for _, e := range examples {
		found := make(map[int32]float64)
		features.Walk(e.tokens, func(term []byte, weight float64) {
			n, ok := numbers[string(term)]
			if !ok {
				n = int32(len(c.names))
				c.names = append(c.names, string(term))
				numbers[c.names[n]] = n
			}
			found[n] = max(found[n], weight)
		})
		c.bags = append(c.bags, newBag(found))
		c.importance = append(c.importance, math.Pow(float64(len(e.tokens)), s.lengthPower))
	}
	mean := 0.0
	for _, v := range c.importance {
		mean += v / float64(len(c.importance))
	}
	for i := range c.importance {
		c.importance[i] /= mean
	}
	return c
}

func newBag(found map[int32]float64) bag {
	var b bag
	for n := range found {
		b.terms = append(b.terms, n)
	}
	slices.Sort(b.terms)
	for _, n := range b.terms {
		b.weights = append(b.weights, found[n])
	}
	return b
}

// model is a trained one: a weight for each kept term, to be multiplied with what
// features.Dictionary.Vector gives.
type model struct {
	terms   []string
	weights []float64
	bias    float64
}

// train fits a model to the rows of the corpus in two rounds: one over every term that
// occurs often enough, which shows what terms matter, and one over those that are kept.
func train(c *corpus, rows []int, s settings) (*model, error) {
	counts := make([]int, len(c.names))
	for _, i := range rows {
		for _, n := range c.bags[i].terms {
			counts[n]++
		}
	}
	var kept []int32
	for n, k := range counts {
		if k >= s.countMin {
			kept = append(kept, int32(n))
		}
	}
	rarity := func(n int32) float64 {
		return 1 + math.Log(float64(1+len(rows))/float64(1+counts[n]))
	}
	weights, bias, err := fit(c, rows, kept, rarity, s)
	if err != nil {
		return nil, err
	}
	if most := s.length - 1; len(kept) > most {
		value := make([]float64, len(c.names))
		for k, n := range kept {
			value[n] = math.Abs(weights[k]) * math.Pow(float64(counts[n]), s.countPower)
		}
		slices.SortFunc(kept, func(a, b int32) int {
			return cmp.Or(cmp.Compare(value[b], value[a]), strings.Compare(c.names[a], c.names[b]))
		})
		kept = kept[:most]
		if weights, bias, err = fit(c, rows, kept, rarity, s); err != nil {
			return nil, err
		}
	}
	return newModel(c, kept, weights, bias), nil
}

// fit returns the effective weight of each kept term. Rarity, the usual logarithm of the
// inverse document frequency, scales the columns during training only: it makes the
// penalty lighter on rare terms, and the client need not know it.
func fit(c *corpus, rows []int, kept []int32, rarity func(int32) float64, s settings) (
	weights []float64, bias float64, err error,
) {
	column := make([]int32, len(c.names))
	for i := range column {
		column[i] = -1
	}
	scales := make([]float64, len(kept))
	for k, n := range kept {
		column[n], scales[k] = int32(k), rarity(n)
	}
	task := learn.Logistic{
		Dim: len(kept), C: s.c, Options: learn.Options{Steps: 60, Decrease: 1e-5},
	}
	for _, i := range rows {
		task.Rows = append(task.Rows, row(c.bags[i], column, scales))
		task.Labels = append(task.Labels, c.labels[i])
		task.Weights = append(task.Weights, c.importance[i])
	}
	weights, err = task.Fit()
	if err != nil {
		return nil, 0, err
	}
	for k, v := range scales {
		weights[k] *= v
	}
	return weights[:len(kept)], weights[len(kept)], nil
}

// row is what features.Dictionary.Vector makes of a bag, with its columns scaled.
func row(b bag, column []int32, scales []float64) learn.Sparse {
	var s learn.Sparse
	var square float64
	for k, n := range b.terms {
		if j := column[n]; j >= 0 {
			s.Index = append(s.Index, j)
			s.Value = append(s.Value, b.weights[k])
			square += b.weights[k] * b.weights[k]
		}
	}
	for k, j := range s.Index {
		s.Value[k] *= scales[j] / math.Sqrt(square)
	}
	return s
}

func newModel(c *corpus, kept []int32, weights []float64, bias float64) *model {
	order := make([]int, len(kept))
	for k := range order {
		order[k] = k
	}
	slices.SortFunc(order, func(a, b int) int {
		return strings.Compare(c.names[kept[a]], c.names[kept[b]])
	})
	m := &model{bias: bias}
	for _, k := range order {
		m.terms = append(m.terms, c.names[kept[k]])
		m.weights = append(m.weights, weights[k])
	}
	return m
}

// scores returns the model's scores of examples, through the client's own code. A phrase
// that the client would refuse, because nothing in it is known, gets the bias.
func (m *model) scores(examples []example) ([]float64, error) {
	d, err := features.ParseDictionary(m.dictionary())
	if err != nil {
		return nil, err
	}
	out := make([]float64, len(examples))
	for i, e := range examples {
		x, err := d.Vector(e.text, len(m.terms)+1)
		if errors.Is(err, features.ErrUnknown) {
			out[i] = m.bias
			continue
		}
		if err != nil {
			return nil, err
		}
		out[i] = m.bias + learn.Dot(m.weights, x[1:])
	}
	return out, nil
}

// dictionary returns the file that ParseDictionary reads.
func (m *model) dictionary() string { return strings.Join(m.terms, "\n") + "\n" }
