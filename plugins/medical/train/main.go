package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"

	"github.com/cerberus-host/cerberus/abi"
	"github.com/cerberus-host/cerberus/internal/learn"
	"github.com/cerberus-host/cerberus/plugins/medical/features"
)

func main() {
	data := flag.String("data", "../shared/data", "folder of the training data")
	out := flag.String("out", "", "folder of the Brain to write into; required without -tune")
	tuning := flag.Bool("tune", false, "print the cross-validation of a grid of settings only")
	flag.Parse()
	var err error
	switch {
	case *tuning:
		err = tune(*data)
	case *out == "":
		err = fmt.Errorf("name the folder of the Brain with -out")
	default:
		err = run(*data, *out)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "train:", err)
		os.Exit(1)
	}
}

// run trains both exams on all their rows and writes the Brain's files.
func run(data, out string) error {
	var exams []features.Exam
	var reports []examReport
	blob := new(learn.Blob)
	for _, s := range sources() {
		patients, columns, err := s.load(data)
		if err != nil {
			return err
		}
		exam, r, err := makeExam(&s, columns, patients, blob)
		if err != nil {
			return err
		}
		exams, reports = append(exams, *exam), append(reports, *r)
	}
	return publish(out, exams, reports, blob)
}

// makeExam judges an exam's settings, then trains on all patients and stores the net.
func makeExam(s *source, columns []string, patients []patient, blob *learn.Blob) (
	*features.Exam, *examReport, error,
) {
	set := settingsOf(s.exam)
	judged, dealings, slope, err := judge(s, columns, patients, set)
	if err != nil {
		return nil, nil, err
	}
	exam, net, err := train(s, columns, patients, set)
	if err != nil {
		return nil, nil, err
	}
	calibrate(net, slope)
	r := &examReport{
		Exam: s.exam, Rows: len(patients), Slope: learn.Round6(slope),
		CrossValidation: judged, Dealings: dealings,
	}
	return &exam, r, r.fill(blob, &exam, net, patients)
}

// judge returns the mean score of several dealings, the accuracy of each, and the factor
// that calibrates the scores best; the mean is that of calibrated scores.
func judge(s *source, columns []string, patients []patient, set settings) (
	mean learn.Score, dealings []float64, slope float64, err error,
) {
	var scores []float64
	var truth []bool
	for seed := range repeats {
		got, err := crossValidate(s, columns, patients, set, uint64(seed+1))
		if err != nil {
			return mean, nil, 0, err
		}
		dealings = append(dealings, learn.Judge(got, labels(patients)).Accuracy)
		scores, truth = append(scores, got...), append(truth, labels(patients)...)
	}
	slope = learn.Slope(scores, truth)
	for i := range scores {
		scores[i] *= slope
	}
	mean = learn.Judge(scores, truth)
	mean.Rows = len(patients)
	return mean, dealings, slope, nil
}

func publish(out string, exams []features.Exam, reports []examReport, blob *learn.Blob) error {
	table := []byte(features.FormatTable(exams))
	if err := learn.WriteFile(filepath.Join(out, "columns.tsv"), table); err != nil {
		return err
	}
	if err := learn.WriteModel(out, manifest(exams), blob); err != nil {
		return err
	}
	r := &report{
		Brain: "medical", Columns: abi.SumDigest(table), Model: abi.SumDigest(blob.Bytes),
		Exams: reports,
	}
	if err := learn.WriteJSON(filepath.Join(out, "report.json"), r); err != nil {
		return err
	}
	fmt.Print(r.table())
	return learn.WriteScores(filepath.Join(out, "README.md"), r.table())
}

// train learns an exam's columns and its merged net.
func train(s *source, columns []string, patients []patient, set settings) (
	features.Exam, *learn.Net, error,
) {
	exam := learnExam(s, columns, patients, set)
	rows, err := vectors(&exam, patients)
	if err != nil {
		return exam, nil, err
	}
	nets := make([]*learn.Net, set.nets)
	for i := range nets {
		task := learn.NetTask{
			Rows: rows, Labels: labels(patients), Units: set.units, Curve: set.curve,
			Penalty: set.penalty, Seed: uint64(i + 1),
		}
		if nets[i], err = task.Fit(); err != nil {
			return exam, nil, err
		}
	}
	return exam, learn.Merge(nets), nil
}

// crossValidate returns each patient's score by the net that was not trained on it.
func crossValidate(s *source, columns []string, patients []patient, set settings, seed uint64) (
	[]float64, error,
) {
	fold, err := learn.Folds(labels(patients), foldsCount, seed)
	if err != nil {
		return nil, err
	}
	scores := make([]float64, len(patients))
	for f := range foldsCount {
		var known, held []patient
		var places []int
		for i, p := range patients {
			if fold[i] == f {
				held, places = append(held, p), append(places, i)
			} else {
				known = append(known, p)
			}
		}
		exam, net, err := train(s, columns, known, set)
		if err != nil {
			return nil, err
		}
		rows, err := vectors(&exam, held)
		if err != nil {
			return nil, err
		}
		for k, x := range rows {
			scores[places[k]] = net.Score(x)
		}
	}
	return scores, nil
}

// calibrate multiplies the score by a factor; labels stay as they are.
func calibrate(net *learn.Net, slope float64) {
	for u := range net.Out {
		net.Out[u] *= slope
	}
	net.Bias *= slope
}

// tune prints the mean scores of several dealings for a grid of settings.
func tune(data string) error {
	fmt.Println("| exam | kind | units | curve | penalty | accuracy | log loss |")
	fmt.Println("| --- | --- | --- | --- | --- | --- | --- |")
	for _, s := range sources() {
		patients, columns, err := s.load(data)
		if err != nil {
			return err
		}
		for _, set := range grid(settingsOf(s.exam)) {
			mean, _, _, err := judge(&s, columns, patients, set)
			if err != nil {
				return err
			}
			fmt.Printf("| %s | %s | %d x %d | %v | %v | %.2f %% | %.4f |\n",
				s.exam, set.kind, set.nets, set.units, set.curve, set.penalty,
				100*mean.Accuracy, mean.LogLoss)
		}
	}
	return nil
}
