package main

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// patient is one row of a data file; columns that the row lacks are absent.
type patient struct {
	values map[string]float64
	ill    bool
}

// source says how to read an exam's data file.
type source struct {
	exam, file string
	// label is the column with the diagnosis and skip are columns that are no features.
	label string
	skip  []string
	// ill tells the two classes apart.
	ill func(cell string) bool
	// labels are the answers: first that of the healthy.
	labels []string
	// categories lists the values of the columns that are codes, as the data set's
	// documentation gives them.
	categories map[string][]float64
}

func sources() []source {
	return []source{
		{
			exam: "breast", file: "wdbc-train.csv", label: "diagnosis", skip: []string{"id", ""},
			ill:    func(cell string) bool { return cell == "M" },
			labels: []string{"benign", "malignant"},
		},
		{
			exam: "heart", file: "heart-train.csv", label: "num",
			ill:    func(cell string) bool { return cell != "0" },
			labels: []string{"healthy", "disease"},
			categories: map[string][]float64{
				"sex": {0, 1}, "cp": {1, 2, 3, 4}, "fbs": {0, 1}, "restecg": {0, 1, 2},
				"exang": {0, 1}, "slope": {1, 2, 3}, "thal": {3, 6, 7},
			},
		},
	}
}

// load reads the patients of an exam and the names of its columns, in the file's order.
func (s *source) load(dir string) ([]patient, []string, error) {
	text, err := os.ReadFile(filepath.Join(dir, s.file))
	if err != nil {
		return nil, nil, fmt.Errorf("read data: %w (see -data)", err)
	}
	reader := csv.NewReader(bytes.NewReader(text))
	reader.FieldsPerRecord = -1 // one file's header has a comma too many
	rows, err := reader.ReadAll()
	if err != nil || len(rows) == 0 {
		return nil, nil, fmt.Errorf("read data: %s: no table: %w", s.file, err)
	}
	header := rows[0]
	for i, name := range header {
		header[i] = columnName(name)
	}
	label := slices.Index(header, s.label)
	if label < 0 {
		return nil, nil, fmt.Errorf("read data: %s has no column %s", s.file, s.label)
	}
	var columns []string
	for _, name := range header {
		if name != s.label && !slices.Contains(s.skip, name) {
			columns = append(columns, name)
		}
	}
	var patients []patient
	for i, row := range rows[1:] {
		p := patient{values: make(map[string]float64), ill: s.ill(row[label])}
		for k, cell := range row {
			if !slices.Contains(columns, header[k]) || cell == "?" {
				continue
			}
			if p.values[header[k]], err = strconv.ParseFloat(cell, 64); err != nil {
				return nil, nil, fmt.Errorf("read data: %s: row %d: %w", s.file, i+1, err)
			}
		}
		patients = append(patients, p)
	}
	return patients, columns, nil
}

// columnName takes the parentheses, and what follows them, off "(num) (the predicted
// attribute)".
func columnName(cell string) string {
	inner, ok := strings.CutPrefix(cell, "(")
	if !ok {
		return cell
	}
	name, _, _ := strings.Cut(inner, ")")
	return name
}

func labels(patients []patient) []bool {
	out := make([]bool, len(patients))
	for i, p := range patients {
		out[i] = p.ill
	}
	return out
}
