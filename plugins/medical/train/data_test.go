package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/cerberus-host/cerberus/plugins/medical/features"
)

func TestLoadKeepsGapsAndNames(t *testing.T) {
	dir := t.TempDir()
	text := "(age),(ca),(thal),(num) (the predicted attribute)\n63,?,6.0,0\n50,2,?,3\n40,0,3,0\n"
	if err := os.WriteFile(filepath.Join(dir, "heart-train.csv"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	heart := sources()[1]
	patients, columns, err := heart.load(dir)
	if err != nil {
		t.Fatal(err)
	}
	if len(columns) != 3 || columns[0] != "age" || columns[2] != "thal" {
		t.Errorf("columns %q", columns)
	}
	if _, ok := patients[0].values["ca"]; ok || patients[0].ill || !patients[1].ill {
		t.Errorf("patients %+v", patients)
	}
	e := learnExam(&heart, columns, patients, settings{kind: features.Quantity})
	age, ca, thal := e.Columns[0], e.Columns[1], e.Columns[2]
	if age.Kind != features.Quantity || age.Missing != 50 {
		t.Errorf("age %+v", age)
	}
	if ca.Missing != 2 || ca.Kind != features.Quantity {
		t.Errorf("ca %+v", ca)
	}
	if thal.Kind != features.Category || thal.Missing != 3 || len(thal.Values) != 3 {
		t.Errorf("thal %+v", thal)
	}
}

func TestModeIsTheMostFrequent(t *testing.T) {
	for want, values := range map[float64][]float64{
		1: {1}, 2: {1, 2, 2, 3}, 3: {1, 3, 3, 4, 4}, 4: {1, 1, 4, 4, 4},
	} {
		if got := mode(values); got != want {
			t.Errorf("%v: %v, want %v", values, got, want)
		}
	}
}
