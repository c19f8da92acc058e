package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/cerberus-host/cerberus/plugins/sentiment/features"
)

// example is one line of a data file.
type example struct {
	tokens   [][]byte
	text     string
	positive bool
	// folds is the set of folds, a bit each, that the sentences around the phrase are in.
	folds uint
	// whole says that the phrase is no part of a longer one.
	whole bool
}

// load reads a file of the data set. The columns' order differs between the files, and
// the lines of one end in carriage returns, which also occur inside.
func load(dir, name, textColumn string) ([]example, error) {
	file := filepath.Join(dir, "sst2", name)
	b, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("read data: %w (see -data)", err)
	}
	lines := strings.Split(strings.TrimSuffix(string(b), "\n"), "\n")
	header := strings.Split(strings.TrimSuffix(lines[0], "\r"), "\t")
	label, text := slices.Index(header, "label"), slices.Index(header, textColumn)
	if label < 0 || text < 0 {
		return nil, fmt.Errorf("read data: %s has no columns label and %s", file, textColumn)
	}
	examples := make([]example, 0, len(lines)-1)
	for i, l := range lines[1:] {
		cells := strings.Split(strings.TrimSuffix(l, "\r"), "\t")
		if len(cells) != len(header) || (cells[label] != "0" && cells[label] != "1") {
			return nil, fmt.Errorf("read data: %s: line %d is malformed", file, i+2)
		}
		examples = append(examples, example{
			tokens: features.Tokens(cells[text]), text: cells[text], positive: cells[label] == "1",
		})
	}
	return examples, nil
}

func labels(examples []example) []bool {
	out := make([]bool, len(examples))
	for i, e := range examples {
		out[i] = e.positive
	}
	return out
}
