package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"

	"github.com/cerberus-host/cerberus/internal/learn"
	"github.com/cerberus-host/cerberus/plugins/sentiment/features"
)

func main() {
	data := flag.String("data", "../shared/data", "folder of the training data")
	out := flag.String("out", "", "folder of the Brain to write into; required without -tune")
	large := flag.Bool("large", false, "make the large variant")
	tune := flag.Bool("tune", false, "print the cross-validation of a grid of settings only")
	flag.Parse()
	v := variantOf(*large)
	err := run(*data, *out, v, *tune)
	if err != nil {
		fmt.Fprintln(os.Stderr, "train:", err)
		os.Exit(1)
	}
}

func run(data, out string, v variant, tuning bool) error {
	if out == "" && !tuning {
		return fmt.Errorf("name the folder of the Brain with -out")
	}
	examples, err := load(data, "train.tsv", "sentence")
	if err != nil {
		return err
	}
	group(examples)
	if tuning {
		return tune(examples, v)
	}
	c := newCorpus(examples, v.settings)
	judged, slope, err := crossValidate(examples, c, v.settings)
	if err != nil {
		return err
	}
	all := make([]int, len(examples))
	for i := range all {
		all[i] = i
	}
	m, err := train(c, all, v.settings)
	if err != nil {
		return err
	}
	m.calibrate(slope)
	dev, err := load(data, "dev.tsv", "content")
	if err != nil {
		return err
	}
	r := &report{Brain: v.name, CrossValidation: judged, Slope: learn.Round6(slope)}
	return publish(out, v, m, r, examples, dev)
}

// crossValidate judges the settings on whole sentences whose phrases were not trained on,
// and returns the factor that calibrates the scores best.
func crossValidate(examples []example, c *corpus, s settings) (learn.Score, float64, error) {
	var scores []float64
	var truth []bool
	for fold := range foldsCount {
		rows, held := split(examples, fold)
		m, err := train(c, rows, s)
		if err != nil {
			return learn.Score{}, 0, err
		}
		test := make([]example, len(held))
		for k, i := range held {
			test[k] = examples[i]
		}
		got, err := m.scores(test)
		if err != nil {
			return learn.Score{}, 0, err
		}
		scores, truth = append(scores, got...), append(truth, labels(test)...)
	}
	slope := learn.Slope(scores, truth)
	for i := range scores {
		scores[i] *= slope
	}
	return learn.Judge(scores, truth), slope, nil
}

func tune(examples []example, v variant) error {
	fmt.Println("| C | count >= | count power | length power | vector | accuracy | log loss |")
	fmt.Println("| --- | --- | --- | --- | --- | --- | --- |")
	for _, s := range grid(v.settings) {
		judged, _, err := crossValidate(examples, newCorpus(examples, s), s)
		if err != nil {
			return err
		}
		fmt.Printf("| %v | %d | %v | %v | %d | %.2f %% | %.4f |\n", s.c, s.countMin, s.countPower,
			s.lengthPower, s.length, 100*judged.Accuracy, judged.LogLoss)
	}
	return nil
}

func (m *model) calibrate(slope float64) {
	m.bias *= slope
	for i := range m.weights {
		m.weights[i] *= slope
	}
}

func publish(out string, v variant, m *model, r *report, examples, dev []example) error {
	blob, err := r.fill(v, m, examples, dev)
	if err != nil {
		return err
	}
	d, err := features.ParseDictionary(m.dictionary())
	if err != nil {
		return err
	}
	for name, text := range map[string]string{
		"dictionary.txt": m.dictionary(), "dictionary.index": d.Index(),
	} {
		if err := learn.WriteFile(filepath.Join(out, name), []byte(text)); err != nil {
			return err
		}
	}
	if err := learn.WriteModel(out, manifest(v, r), blob); err != nil {
		return err
	}
	if err := learn.WriteJSON(filepath.Join(out, "report.json"), r); err != nil {
		return err
	}
	table := r.table()
	fmt.Print(table)
	return learn.WriteScores(filepath.Join(out, "README.md"), table)
}
