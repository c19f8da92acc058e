package main

import (
	"bufio"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// row is one line of an evaluation file.
type row struct {
	Request request `json:"request"`
	Label   string  `json:"label"`
}

type request struct {
	Text     string             `json:"text,omitempty"`
	Exam     string             `json:"exam,omitempty"`
	Features map[string]float64 `json:"features,omitempty"`
}

func writeRows(file string, rows []row) (err error) {
	f, err := os.Create(file)
	if err != nil {
		return fmt.Errorf("write rows: %w", err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	w := bufio.NewWriter(f)
	enc := json.NewEncoder(w)
	for _, r := range rows {
		if err := enc.Encode(r); err != nil {
			return fmt.Errorf("write rows: %w", err)
		}
	}
	if err := w.Flush(); err != nil {
		return fmt.Errorf("write rows: %w", err)
	}
	return nil
}

// sentimentRows reads SST-2's development set; its header names the columns, and lines end
// with \n only, since some sentences contain \r.
func sentimentRows(dir string) ([]row, error) {
	b, err := os.ReadFile(filepath.Join(dir, "sst2", "dev.tsv"))
	if err != nil {
		return nil, fmt.Errorf("read data: %w", err)
	}
	lines := strings.Split(strings.TrimSuffix(string(b), "\n"), "\n")
	if lines[0] != "label\tcontent" {
		return nil, fmt.Errorf("read data: unknown header %q", lines[0])
	}
	var rows []row
	for i, line := range lines[1:] {
		label, text, ok := strings.Cut(line, "\t")
		if !ok {
			return nil, fmt.Errorf("read data: line %d has no tab", i+2)
		}
		rows = append(rows, row{Request: request{Text: text}, Label: map[string]string{
			"0": "negative", "1": "positive",
		}[label]})
	}
	return rows, nil
}

func breastRows(dir string) ([]row, error) {
	return tableRows(filepath.Join(dir, "wdbc-train.csv"), "breast", "diagnosis",
		func(v string) string {
			if v == "M" {
				return "malignant"
			}
			return "benign"
		})
}

func heartRows(dir string) ([]row, error) {
	return tableRows(filepath.Join(dir, "heart-train.csv"), "heart", "num",
		func(v string) string {
			if v == "0" {
				return "healthy"
			}
			return "disease"
		})
}

// tableRows reads a CSV file with a header; "?" marks a missing value, which is left out.
func tableRows(file, exam, target string, label func(string) string) (_ []row, err error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, fmt.Errorf("read data: %w", err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	r := csv.NewReader(f)
	r.FieldsPerRecord = -1
	head, err := r.Read()
	if err != nil {
		return nil, fmt.Errorf("read data: %w", err)
	}
	var rows []row
	for {
		record, err := r.Read()
		if errors.Is(err, io.EOF) {
			return rows, nil
		}
		if err != nil {
			return nil, fmt.Errorf("read data: %w", err)
		}
		out := row{Request: request{Exam: exam, Features: map[string]float64{}}}
		for i, v := range record {
			name := columnName(head[i])
			switch {
			case name == target:
				out.Label = label(v)
			case name == "" || name == "id" || v == "?" || v == "":
			default:
				x, err := strconv.ParseFloat(v, 64)
				if err != nil {
					return nil, fmt.Errorf("read data: column %s: %w", name, err)
				}
				out.Request.Features[name] = x
			}
		}
		rows = append(rows, out)
	}
}

// columnName takes the parentheses, and what follows them, off the heart file's names.
func columnName(head string) string {
	name := strings.TrimPrefix(strings.TrimSpace(head), "(")
	name, _, _ = strings.Cut(name, ")")
	return name
}
