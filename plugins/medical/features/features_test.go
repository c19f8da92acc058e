package features_test

import (
	"errors"
	"math"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/cerberus-host/cerberus/plugins/medical/features"
)

func exams(t testing.TB) []features.Exam {
	t.Helper()
	b, err := os.ReadFile("../columns.tsv")
	if err != nil {
		t.Fatal(err)
	}
	e, err := features.ParseTable(string(b))
	if err != nil {
		t.Fatal(err)
	}
	if features.FormatTable(e) != string(b) {
		t.Error("columns.tsv is not what FormatTable writes")
	}
	return e
}

func from(values map[string]float64) func(string) (float64, bool) {
	return func(column string) (float64, bool) {
		v, ok := values[column]
		return v, ok
	}
}

func TestMissingValuesAreThoseOfTheTable(t *testing.T) {
	for _, e := range exams(t) {
		all := make(map[string]float64)
		for _, c := range e.Columns {
			all[c.Name] = c.Missing
		}
		want, err := e.Vector(from(all))
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range e.Columns {
			got, err := e.Vector(from(map[string]float64{c.Name: c.Missing}))
			if err != nil || !slices.Equal(got, want) {
				t.Errorf("%s: %s alone gives %v, want %v (%v)", e.Name, c.Name, got, want, err)
			}
		}
	}
}

func TestVectorOfHeart(t *testing.T) {
	heart := features.Find(exams(t), "heart")
	x, err := heart.Vector(from(map[string]float64{"age": 54.6184 + 9.02429, "cp": 2, "chol": 1e9}))
	if err != nil {
		t.Fatal(err)
	}
	if len(x) != features.Length || math.Abs(x[0]-1) > 1e-9 {
		t.Errorf("%d elements, age %v", len(x), x[0])
	}
	if cp := x[3:7]; !slices.Equal(cp, []float64{0, 1, 0, 0}) {
		t.Errorf("cp 2 is %v", cp)
	}
	if x[8] != features.Bound {
		t.Errorf("an impossible chol is %v, not clamped", x[8])
	}
	if !slices.Equal(x[25:], make([]float64, 7)) {
		t.Errorf("unused elements are %v", x[25:])
	}
}

func TestVectorOfBreast(t *testing.T) {
	breast := features.Find(exams(t), "breast")
	x, err := breast.Vector(from(map[string]float64{"radius_mean": 0, "area_worst": 1e300}))
	if err != nil {
		t.Fatal(err)
	}
	// log(1+0) standardised is -0.711688/0.124934 and beyond the bound.
	if x[0] != -features.Bound || x[23] != features.Bound {
		t.Errorf("radius_mean %v, area_worst %v", x[0], x[23])
	}
}

func TestVectorRefuses(t *testing.T) {
	all := exams(t)
	for _, c := range []struct {
		exam   string
		values map[string]float64
		want   error
	}{
		{"heart", nil, features.ErrEmpty},
		{"heart", map[string]float64{"unknown": 1}, features.ErrEmpty},
		{"heart", map[string]float64{"thal": 4}, features.ErrCategory},
		{"heart", map[string]float64{"sex": 0.5}, features.ErrCategory},
		{"heart", map[string]float64{"age": math.NaN()}, features.ErrFinite},
		{"heart", map[string]float64{"cp": math.Inf(1)}, features.ErrFinite},
		{"breast", map[string]float64{"radius_mean": -1}, features.ErrNegative},
	} {
		if _, err := features.Find(all, c.exam).Vector(from(c.values)); !errors.Is(err, c.want) {
			t.Errorf("%s %v: %v, want %v", c.exam, c.values, err, c.want)
		}
	}
	_, err := features.Find(all, "heart").Vector(from(map[string]float64{"thal": 4}))
	want := `column "thal": value is not one of the category's: use one of 3, 6, 7`
	if err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestParseTableRefuses(t *testing.T) {
	long := strings.Repeat("# comment\n", 300)
	wide := ""
	for i := range features.Length + 1 {
		wide += "a\tc" + string(rune('A'+i)) + "\tnumber\t1\t1\t1\n"
	}
	for _, text := range []string{
		"", "a\n", long, wide,
		"a\tb\tnumber\t1\t1\n",
		"a\tb\tnumber\t1\t1\t1\t1\n",
		"a\tb\tnumber\t1\t1\t0\n",
		"a\tb\tnumber\t1\tNaN\t1\n",
		"a\tb\tnumber\t1\t1\t1e999\n",
		"a\t\tnumber\t1\t1\t1\n",
		"\tb\tnumber\t1\t1\t1\n",
		"a\tb\tquantity\t0\t1\t1\n",
		"a\tb\tother\t1\t1\t1\n",
		"a\tb\tcategory\t3\t1\t2\n",
		"a\tb\tnumber\t1\t1\t1\na\tb\tnumber\t1\t1\t1\n",
		"a\tb\tnumber\t1\t1\t1\nd\tb\tnumber\t1\t1\t1\na\tc\tnumber\t1\t1\t1\n",
	} {
		if e, err := features.ParseTable(text); !errors.Is(err, features.ErrTable) {
			t.Errorf("%.40q: %v, %v", text, e, err)
		}
	}
}

func FuzzParseTable(f *testing.F) {
	f.Add("a\tb\tnumber\t1\t1\t1\n", 3.0)
	f.Add("a\tb\tcategory\t1\t1\t2\na\tc\tquantity\t1\t1\t1\n", -2.0)
	f.Fuzz(func(t *testing.T, text string, value float64) {
		list, err := features.ParseTable(text)
		if err != nil {
			return
		}
		formatted := features.FormatTable(list)
		again, err := features.ParseTable(formatted)
		if err != nil || features.FormatTable(again) != formatted {
			t.Fatalf("%q is written as %q, which does not read back: %v", text, formatted, err)
		}
		for i := range list {
			x, err := list[i].Vector(func(string) (float64, bool) { return value, true })
			if err != nil {
				continue
			}
			for k, v := range x {
				if !(math.Abs(v) <= features.Bound) {
					t.Fatalf("element %d is %v", k, v)
				}
			}
		}
	})
}
