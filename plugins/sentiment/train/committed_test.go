package main

import (
	"encoding/binary"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cerberus-host/cerberus/abi"
	"github.com/cerberus-host/cerberus/internal/learn"
)

// TestReportsAreOfWhatIsCommitted measures the committed dictionaries and models and wants
// the digests and the accuracy that the reports state.
func TestReportsAreOfWhatIsCommitted(t *testing.T) {
	for _, name := range []string{"sentiment", "sentiment-large"} {
		t.Run(name, func(t *testing.T) { checkCommitted(t, filepath.Join("..", "..", name)) })
	}
}

func checkCommitted(t *testing.T, dir string) {
	t.Helper()
	var r report
	if err := json.Unmarshal(read(t, dir, "report.json"), &r); err != nil {
		t.Fatal(err)
	}
	dictionary, blob := read(t, dir, "dictionary.txt"), read(t, dir, "model.bin")
	if abi.SumDigest(dictionary) != r.Dictionary || abi.SumDigest(blob) != r.Model {
		t.Fatal("report.json is of another dictionary or model")
	}
	if readme := read(t, dir, "README.md"); !strings.Contains(string(readme), r.table()) {
		t.Error("README.md has another table of scores than report.json")
	}
	m := &model{terms: strings.Split(strings.TrimSuffix(string(dictionary), "\n"), "\n")}
	number := func(i int) float64 {
		return math.Ldexp(float64(int16(binary.LittleEndian.Uint16(blob[2*i:]))), -r.Frac)
	}
	m.bias = number(0)
	for i := range m.terms {
		m.weights = append(m.weights, number(1+i))
	}
	dev, err := load(filepath.Join("..", "..", "..", "..", "shared", "data"), "dev.tsv", "content")
	if err != nil {
		t.Skipf("the data set is not there: %v", err)
	}
	scores, err := m.scores(dev)
	if err != nil {
		t.Fatal(err)
	}
	if got := learn.Judge(scores, labels(dev)); got != r.Dev {
		t.Errorf("dev %+v, the report says %+v", got, r.Dev)
	}
}

func read(t *testing.T, dir, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	return b
}
