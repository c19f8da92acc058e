package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cerberus-host/cerberus/abi"
	"github.com/cerberus-host/cerberus/internal/learn"
)

// TestTrainingMakesWhatIsCommitted trains again where the data are there. The integers of
// another architecture may differ in their last bit, so it compares the scores; the digests
// tell that report and model belong together.
func TestTrainingMakesWhatIsCommitted(t *testing.T) {
	var r report
	if err := json.Unmarshal(read(t, "report.json"), &r); err != nil {
		t.Fatal(err)
	}
	if abi.SumDigest(read(t, "columns.tsv")) != r.Columns ||
		abi.SumDigest(read(t, "model.bin")) != r.Model {
		t.Error("report.json is of another table or model")
	}
	if !strings.Contains(string(read(t, "README.md")), r.table()) {
		t.Error("README.md has another table of scores than report.json")
	}
	data := filepath.Join("..", "..", "..", "..", "shared", "data")
	blob := new(learn.Blob)
	for i, s := range sources() {
		patients, columns, err := s.load(data)
		if err != nil {
			t.Skipf("the data set is not there: %v", err)
		}
		_, got, err := makeExam(&s, columns, patients, blob)
		if err != nil {
			t.Fatal(err)
		}
		if want := r.Exams[i]; got.CrossValidation.Accuracy != want.CrossValidation.Accuracy ||
			got.Agreement != want.Agreement {
			t.Errorf("%s: %+v, the report says %+v", s.exam, got, want)
		}
	}
}

func read(t *testing.T, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("..", name))
	if err != nil {
		t.Fatal(err)
	}
	return b
}
