package main

import (
	"fmt"
	"math"
	"strings"

	"github.com/cerberus-host/cerberus/abi"
	"github.com/cerberus-host/cerberus/internal/learn"
	"github.com/cerberus-host/cerberus/plugins/medical/features"
)

// report is report.json: what a run of this program has made and what it is worth.
type report struct {
	Brain   string       `json:"brain"`
	Columns abi.Digest   `json:"columns"`
	Model   abi.Digest   `json:"model"`
	Exams   []examReport `json:"exams"`
}

type examReport struct {
	Exam     string  `json:"exam"`
	Rows     int     `json:"rows"`
	Columns  int     `json:"columns"`
	Elements int     `json:"elements"`
	Units    int     `json:"units"`
	Slope    float64 `json:"slope"`
	// CrossValidation is the mean over several dealings into ten folds, Dealings the
	// accuracy of each.
	CrossValidation learn.Score `json:"cross_validation"`
	Dealings        []float64   `json:"dealings"`
	// Agreement is the share of training rows that the rounded net labels as the one in
	// floating point does, Difference the largest difference of their logits.
	Agreement  float64 `json:"agreement_with_float"`
	Difference float64 `json:"largest_difference"`
	// Seen and Possible are the largest absolute values on the host: of the training rows,
	// and of any request.
	Seen     extremes `json:"largest_seen"`
	Possible extremes `json:"largest_possible"`
}

// fill stores the net in the model and measures it.
func (r *examReport) fill(
	blob *learn.Blob, e *features.Exam, n *learn.Net, patients []patient,
) error {
	r.Columns, r.Units = len(e.Columns), n.Units
	for i := range e.Columns {
		r.Elements += e.Columns[i].Elements()
	}
	l := scaled(n)
	if err := l.store(blob, e.Name); err != nil {
		return err
	}
	if err := l.check(); err != nil {
		return err
	}
	rows, err := vectors(e, patients)
	if err != nil {
		return err
	}
	same := 0
	for _, x := range rows {
		float, fixed := n.Score(x), l.score(x, &r.Seen)
		r.Difference = max(r.Difference, math.Abs(float-fixed))
		if (float > 0) == (fixed > 0) {
			same++
		}
	}
	r.Agreement = learn.Round6(float64(same) / float64(len(rows)))
	r.Difference = learn.Round6(r.Difference)
	r.Seen, r.Possible = r.Seen.rounded(), l.possible().rounded()
	return nil
}

func (e extremes) rounded() extremes {
	return extremes{
		Hidden: learn.Round6(e.Hidden),
		Square: learn.Round6(e.Square),
		Output: learn.Round6(e.Output),
	}
}

// table returns the scores as Markdown.
func (r *report) table() string {
	var b strings.Builder
	line := func(name string, cell func(*examReport) string) {
		b.WriteString("| " + name)
		for i := range r.Exams {
			b.WriteString(" | " + cell(&r.Exams[i]))
		}
		b.WriteString(" |\n")
	}
	line("figure", func(e *examReport) string { return e.Exam })
	line("---", func(*examReport) string { return "---" })
	line("rows", func(e *examReport) string { return fmt.Sprint(e.Rows) })
	line("columns, elements of the vector", func(e *examReport) string {
		return fmt.Sprintf("%d, %d of %d", e.Columns, e.Elements, features.Length)
	})
	line("hidden units", func(e *examReport) string { return fmt.Sprint(e.Units) })
	line(fmt.Sprintf("ten folds, mean of %d dealings", repeats), func(e *examReport) string {
		return fmt.Sprintf("%.2f %%, log loss %.3f", 100*e.CrossValidation.Accuracy,
			e.CrossValidation.LogLoss)
	})
	line("each dealing", func(e *examReport) string {
		cells := make([]string, len(e.Dealings))
		for i, v := range e.Dealings {
			cells[i] = fmt.Sprintf("%.1f", 100*v)
		}
		return strings.Join(cells, ", ")
	})
	line("same label, rounded or not", func(e *examReport) string {
		return fmt.Sprintf("%.2f %%", 100*e.Agreement)
	})
	line("largest hidden, square, output seen", func(e *examReport) string {
		return fmt.Sprintf("%.2f, %.2f, %.2f", e.Seen.Hidden, e.Seen.Square, e.Seen.Output)
	})
	line("largest possible", func(e *examReport) string {
		return fmt.Sprintf("%.2f, %.2f, %.2f", e.Possible.Hidden, e.Possible.Square,
			e.Possible.Output)
	})
	return b.String()
}

// manifest returns the manifest's source, without the model's tensors.
func manifest(exams []features.Exam) *abi.Manifest {
	m := &abi.Manifest{
		Name: "medical", Version: "1.0.0", Params: "ckks-13",
		Inputs: []abi.Input{{
			Name: "x", Packing: abi.PackSlots, Length: features.Length, Bound: features.Bound,
			ScaleBits: 40,
		}},
		Outputs:       []abi.Output{{Name: "logit", Length: 1, Bound: outputBound}},
		ToleranceBits: 10,
		IntendedUse: "Demonstrates a small neural network on encrypted medical records, with two " +
			"public research data sets. It is not a diagnosis and not a medical device.",
		LimitsOfUse: "Not for decisions about anybody's health. Trained on a few hundred " +
			"patients of single hospitals in the 1980s and 1990s, without validation elsewhere. " +
			"Missing values are replaced by those of the average patient. The exam's name " +
			"leaves the client in clear; the weights are public.",
		Answer: abi.Answer{LabelsBy: "exam", LabelSets: map[string][]string{}},
	}
	keys := map[string][]string{}
	var names []string
	for i := range exams {
		e := &exams[i]
		names = append(names, e.Name)
		for k := range e.Columns {
			keys[e.Name] = append(keys[e.Name], e.Columns[k].Name)
		}
	}
	for _, s := range sources() {
		m.Answer.Labels = append(m.Answer.Labels, s.labels...)
		m.Answer.LabelSets[s.exam] = s.labels
	}
	m.Request = []abi.Field{
		{Name: "exam", Type: abi.FieldEnum, Values: names, Public: true},
		{Name: "features", Type: abi.FieldNumbers, KeysBy: "exam", Keys: keys},
	}
	return m
}
