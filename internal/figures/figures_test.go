package figures_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cerberus-host/cerberus/internal/figures"
)

func TestWrite(t *testing.T) {
	f := figures.New("area", time.Date(2026, 1, 2, 23, 0, 0, 0, time.FixedZone("west", -7200)))
	f.Add(figures.Row{Figure: "a", Value: 123456.789, Unit: "ms", Asked: "<= 5 ms"})
	f.Add(figures.Row{Figure: "b", Value: 0.000123456, Unit: "s", Reference: "c 1 s"})
	path := filepath.Join(t.TempDir(), "area.json")
	if err := f.Write(path); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(b, []byte(`"<= 5 ms"`)) {
		t.Errorf("what is asked cannot be read in %s", b)
	}
	var got figures.File
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(&got); err != nil {
		t.Fatal(err)
	}
	if got.Area != "area" || got.Date != "2026-01-03" || got.Machine == "" || len(got.Rows) != 2 {
		t.Errorf("recorded %+v", got)
	}
	if got.Rows[0].Value != 123460 || got.Rows[1].Value != 0.00012346 {
		t.Errorf("values %v and %v are not rounded", got.Rows[0].Value, got.Rows[1].Value)
	}
	var shown strings.Builder
	if err := f.Print(&shown); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"area", "123460 ms", "<= 5 ms", "c 1 s"} {
		if !strings.Contains(shown.String(), want) {
			t.Errorf("the table lacks %q:\n%s", want, shown.String())
		}
	}
}

func TestWriteRefuses(t *testing.T) {
	row := func(names ...string) *figures.File {
		f := figures.New("area", time.Unix(0, 0))
		for _, n := range names {
			f.Add(figures.Row{Figure: n})
		}
		return f
	}
	nameless := row("a")
	nameless.Area = ""
	incomplete := row("a")
	incomplete.Failure = "no paper"
	for name, f := range map[string]*figures.File{
		"no rows": row(), "twice": row("a", "b", "a"), "empty": row(""), "no area": nameless,
		"incomplete": incomplete,
	} {
		path := filepath.Join(t.TempDir(), "f.json")
		if err := f.Write(path); !errors.Is(err, figures.ErrFile) {
			t.Errorf("%s: error %v", name, err)
		}
		if _, err := os.Stat(path); err == nil {
			t.Errorf("%s: a file was written", name)
		}
	}
}

// TestOnAdd: rows are told as they are recorded, and a table says when some are missing.
func TestOnAdd(t *testing.T) {
	f := figures.New("area", time.Unix(0, 0))
	var told []figures.Row
	f.OnAdd(func(r figures.Row) { told = append(told, r) })
	f.Add(figures.Row{Figure: "a", Value: 1.234567, Unit: "ms"})
	if len(told) != 1 || told[0] != f.Rows[0] || told[0].Amount() != "1.2346 ms" {
		t.Errorf("told %+v", told)
	}
	f.Failure = "the disk is full"
	var shown strings.Builder
	if err := f.Print(&shown); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(shown.String(), "not complete: the disk is full") {
		t.Errorf("the table hides a failure:\n%s", shown.String())
	}
}
