package main

import (
	"math"
	"slices"

	"github.com/cerberus-host/cerberus/plugins/medical/features"
)

// learnExam learns the table of columns from patients.
func learnExam(s *source, columns []string, patients []patient, set settings) features.Exam {
	e := features.Exam{Name: s.exam}
	for _, name := range columns {
		var values []float64
		for _, p := range patients {
			if v, ok := p.values[name]; ok {
				values = append(values, v)
			}
		}
		slices.Sort(values)
		c := features.Column{Name: name, Kind: set.kind, Values: s.categories[name]}
		if c.Values != nil {
			c.Kind = features.Category
			c.Missing = mode(values)
		} else {
			c.Missing = short(values[len(values)/2])
			if c.Missing <= 0 { // the logarithm of a quantity needs a positive unit
				c.Kind = features.Number
			}
			c.Mean, c.Deviation = moments(&c, values)
		}
		e.Columns = append(e.Columns, c)
	}
	return e
}

// mode returns the most frequent of sorted values, the smallest of several.
func mode(sorted []float64) float64 {
	best, bestRun, run := sorted[0], 0, 0
	for i, v := range sorted {
		if i == 0 || v != sorted[i-1] {
			run = 0
		}
		run++
		if run > bestRun {
			best, bestRun = v, run
		}
	}
	return best
}

// moments returns mean and standard deviation of what the column standardises.
func moments(c *features.Column, values []float64) (mean, deviation float64) {
	for _, v := range values {
		mean += c.Raw(v)
	}
	mean /= float64(len(values))
	for _, v := range values {
		d := c.Raw(v) - mean
		deviation += d * d
	}
	return short(mean), short(math.Sqrt(deviation / float64(len(values))))
}

// short keeps six significant digits, for a table that people can read.
func short(v float64) float64 {
	if v == 0 {
		return 0
	}
	unit := math.Pow(10, 5-math.Floor(math.Log10(math.Abs(v))))
	return math.Round(v*unit) / unit
}

// vectors encodes patients as the client would.
func vectors(e *features.Exam, patients []patient) ([][]float64, error) {
	out := make([][]float64, len(patients))
	for i, p := range patients {
		x, err := e.Vector(func(name string) (float64, bool) {
			v, ok := p.values[name]
			return v, ok
		})
		if err != nil {
			return nil, err
		}
		out[i] = x
	}
	return out, nil
}
