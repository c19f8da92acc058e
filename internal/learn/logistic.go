package learn

import (
	"fmt"
	"math"
)

// Sparse is a vector that is zero outside Index; both slices have one length, and Index
// is sorted.
type Sparse struct {
	Index []int32
	Value []float64
}

// Dot returns the inner product with a dense vector.
func (s Sparse) Dot(w []float64) float64 {
	var sum float64
	for k, i := range s.Index {
		sum += s.Value[k] * w[i]
	}
	return sum
}

// Logistic is the task of fitting a logistic regression with a squared penalty:
// C * sum of weight * log(1 + exp(-y * (w.x + b))) + |w|^2 / 2.
type Logistic struct {
	// Rows are the examples, Labels their classes, Weights their importance; nil means 1.
	Rows    []Sparse
	Labels  []bool
	Weights []float64
	// Dim is the length of the dense form of a row.
	Dim int
	// C is the weight of the data against the penalty.
	C float64
	// Options steers the optimiser.
	Options Options
}

// biasPenalty is the penalty on the bias relative to that on a weight: next to nothing,
// but it keeps the minimum unique.
const biasPenalty = 1e-3

// Fit returns the weights, with the bias after the last of them.
func (l *Logistic) Fit() ([]float64, error) {
	if len(l.Rows) != len(l.Labels) || (l.Weights != nil && len(l.Weights) != len(l.Rows)) {
		return nil, fmt.Errorf("%w: %d rows, %d labels, %d weights", ErrShape, len(l.Rows),
			len(l.Labels), len(l.Weights))
	}
	w := make([]float64, l.Dim+1)
	if _, err := Minimise(l.objective, w, l.Options); err != nil {
		return nil, err
	}
	return w, nil
}

func (l *Logistic) objective(w, grad []float64) float64 {
	var value float64
	for i, v := range w[:l.Dim] {
		grad[i] = v
		value += v * v / 2
	}
	bias := w[l.Dim]
	value += biasPenalty * bias * bias / 2
	biasGrad := biasPenalty * bias
	for i, row := range l.Rows {
		c := l.C
		if l.Weights != nil {
			c *= l.Weights[i]
		}
		loss, slope := LogLoss(row.Dot(w)+bias, l.Labels[i])
		value += c * loss
		slope *= c
		for k, j := range row.Index {
			grad[j] += slope * row.Value[k]
		}
		biasGrad += slope
	}
	grad[l.Dim] = biasGrad
	return value
}

// LogLoss returns the negative logarithm of the probability that a score gives to a
// label, and its derivative by the score.
func LogLoss(score float64, label bool) (loss, slope float64) {
	sign := 1.0
	if !label {
		sign = -1
	}
	margin := sign * score
	// Both forms of log(1 + exp(-margin)) avoid exponentials of large numbers.
	if margin > 0 {
		e := math.Exp(-margin)
		return math.Log1p(e), -sign * e / (1 + e)
	}
	e := math.Exp(margin)
	return math.Log1p(e) - margin, -sign / (1 + e)
}

// Slope returns the factor, between 1/16 and 16, that makes the scores times it the best
// calibrated: the one of least mean log loss. It changes no label.
func Slope(scores []float64, labels []bool) float64 {
	mean := func(log float64) float64 {
		var sum float64
		for i, s := range scores {
			loss, _ := LogLoss(math.Exp2(log)*s, labels[i])
			sum += loss
		}
		return sum / float64(len(scores))
	}
	// The loss is convex in the factor, hence unimodal in its logarithm.
	lo, hi := -4.0, 4.0
	for range 60 {
		a, b := lo+(hi-lo)/3, hi-(hi-lo)/3
		if mean(a) < mean(b) {
			hi = b
		} else {
			lo = a
		}
	}
	return math.Exp2((lo + hi) / 2)
}

// Score is what a set of scores is worth against labels.
type Score struct {
	Rows     int     `json:"rows"`
	Accuracy float64 `json:"accuracy"`
	LogLoss  float64 `json:"log_loss"`
}

// Judge measures scores; a score above zero says true. Fractions are rounded to six
// digits, for reports.
func Judge(scores []float64, labels []bool) Score {
	right, loss := 0, 0.0
	for i, s := range scores {
		if (s > 0) == labels[i] {
			right++
		}
		l, _ := LogLoss(s, labels[i])
		loss += l
	}
	n := float64(len(scores))
	return Score{Rows: len(scores), Accuracy: Round6(float64(right) / n), LogLoss: Round6(loss / n)}
}

// Round6 rounds to six decimal digits.
func Round6(v float64) float64 { return math.Round(v*1e6) / 1e6 }
