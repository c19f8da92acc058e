package main

import (
	"fmt"
	"math"
	"strings"

	"github.com/cerberus-host/cerberus/abi"
	"github.com/cerberus-host/cerberus/internal/learn"
	"github.com/cerberus-host/cerberus/plugins/sentiment/features"
)

// report is report.json: what a run of this program has made and what it is worth.
type report struct {
	Brain      string     `json:"brain"`
	Dictionary abi.Digest `json:"dictionary"`
	Model      abi.Digest `json:"model"`
	Terms      int        `json:"terms"`
	Length     int        `json:"length"`
	// Frac is the number of fractional bits of the 16-bit weights.
	Frac int `json:"frac"`
	// Slope is the factor that calibrated the weights.
	Slope           float64     `json:"slope"`
	CrossValidation learn.Score `json:"cross_validation"`
	DevFloat        learn.Score `json:"dev_float"`
	Dev             learn.Score `json:"dev"`
	// Agreement is the share of dev sentences that the rounded model labels as the one in
	// floating point does.
	Agreement float64 `json:"dev_agreement_with_float"`
	// LargestScore is the largest absolute score of a training or dev sentence.
	LargestScore float64 `json:"largest_score"`
	// ScoreBound is what no score can exceed: the bias and the length of the weights, since
	// the terms' vector has length one.
	ScoreBound float64 `json:"score_bound"`
}

// fill rounds the model and measures it.
func (r *report) fill(v variant, m *model, examples, dev []example) (*learn.Blob, error) {
	r.Terms, r.Length = len(m.terms), v.settings.length
	w := make([]float64, r.Length)
	w[0] = m.bias
	copy(w[1:], m.weights)
	r.Frac = learn.FracFor(w, 16, 20)
	blob := new(learn.Blob)
	rounded, err := blob.Add("w", abi.Int16, r.Frac, w, r.Length)
	if err != nil {
		return nil, err
	}
	r.Model, r.Dictionary = abi.SumDigest(blob.Bytes), abi.SumDigest([]byte(m.dictionary()))
	float, err := m.scores(dev)
	if err != nil {
		return nil, err
	}
	fixed := &model{terms: m.terms, weights: rounded[1 : 1+len(m.terms)], bias: rounded[0]}
	quantised, err := fixed.scores(dev)
	if err != nil {
		return nil, err
	}
	seen, err := fixed.scores(examples)
	if err != nil {
		return nil, err
	}
	same := 0
	for i := range float {
		if (float[i] > 0) == (quantised[i] > 0) {
			same++
		}
	}
	r.DevFloat, r.Dev = learn.Judge(float, labels(dev)), learn.Judge(quantised, labels(dev))
	r.Agreement = learn.Round6(float64(same) / float64(len(dev)))
	for _, s := range append(seen, quantised...) {
		r.LargestScore = max(r.LargestScore, learn.Round6(math.Abs(s)))
	}
	norm := math.Sqrt(learn.Dot(fixed.weights, fixed.weights))
	r.ScoreBound = learn.Round6(math.Abs(fixed.bias) + norm)
	return blob, nil
}

// table returns the scores as Markdown.
func (r *report) table() string {
	var b strings.Builder
	line := func(name, format string, values ...any) {
		fmt.Fprintf(&b, "| %s | %s |\n", name, fmt.Sprintf(format, values...))
	}
	line("figure", "value")
	line("---", "---")
	line("terms in the dictionary", "%d", r.Terms)
	line("encrypted vector", "%d numbers, %d ciphertexts", r.Length, r.Length/coefficients)
	line("weights", "16 bit, %d of them fractional", r.Frac)
	line("SST-2 train, five folds of whole sentences", "%.2f %% of %d, log loss %.3f",
		100*r.CrossValidation.Accuracy, r.CrossValidation.Rows, r.CrossValidation.LogLoss)
	line("SST-2 dev", "%.2f %% of %d, log loss %.3f", 100*r.Dev.Accuracy, r.Dev.Rows, r.Dev.LogLoss)
	line("SST-2 dev, weights not rounded", "%.2f %%", 100*r.DevFloat.Accuracy)
	line("same label, rounded or not", "%.2f %%", 100*r.Agreement)
	line("largest score seen, possible", "%.1f, %.1f", r.LargestScore, r.ScoreBound)
	return b.String()
}

// manifest returns the manifest's source, without the model's tensors.
func manifest(v variant, r *report) *abi.Manifest {
	return &abi.Manifest{
		Name: v.name, Version: "1.0.0", Params: "ckks-13",
		Request: []abi.Field{
			{Name: "text", Type: abi.FieldText, MaxBytes: features.TextBytesMax},
		},
		Inputs: []abi.Input{
			{Name: "x", Packing: abi.PackCoeffs, Length: r.Length, Bound: 1, ScaleBits: 20},
		},
		Outputs:       []abi.Output{{Name: "score", Length: 1, Bound: scoreBound(r.ScoreBound)}},
		Answer:        abi.Answer{Labels: []string{"negative", "positive"}},
		ToleranceBits: 10,
		IntendedUse:   v.intended,
		LimitsOfUse:   v.limits,
	}
}

// scoreBound rounds up to a power of two.
func scoreBound(v float64) int { return 1 << max(0, int(math.Ceil(math.Log2(v)))) }
