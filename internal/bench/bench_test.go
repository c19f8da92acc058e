package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cerberus-host/cerberus/internal/figures"
	"github.com/cerberus-host/cerberus/proofs/opening"
)

// TestFailingArea: what was measured before a failure is shown as it is measured and printed
// with the failure, and takes the place of no record.
func TestFailingArea(t *testing.T) {
	broken := errors.New("broken")
	a := area{"area", func(ctx context.Context, b *bench, f *figures.File) error {
		piece := func(figure string, err error) part {
			return part{figure, func(_ context.Context, _ *opening.Setup, f *figures.File) error {
				if err == nil {
					f.Add(figures.Row{Figure: figure, Value: 1, Unit: "ms"})
				}
				return err
			}}
		}
		parts := []part{piece("a", nil), piece("b", broken), piece("c", nil)}
		return b.measureAll(ctx, nil, f, parts)
	}}
	var out, log bytes.Buffer
	o := Options{Record: t.TempDir(), JSON: true, Out: &out, Now: time.Now}
	b := &bench{log: &log}
	if err := b.run(t.Context(), a, o); !errors.Is(err, broken) {
		t.Errorf("error %v", err)
	}
	var got figures.File
	if err := json.Unmarshal(out.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	if len(got.Rows) != 2 || !strings.Contains(got.Failure, "b: broken") {
		t.Errorf("printed %+v", got)
	}
	for _, want := range []string{"bench: a: 1 ms\n", "b: broken", "bench: c: 1 ms\n"} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("the log lacks %q:\n%s", want, log.String())
		}
	}
	if _, err := os.Stat(filepath.Join(o.Record, "area.json")); err == nil {
		t.Error("figures with a failure were recorded")
	}

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	log.Reset()
	if err := b.run(ctx, a, o); !errors.Is(err, broken) || strings.Contains(log.String(), "c: 1") {
		t.Errorf("cancelled: error %v, log:\n%s", err, log.String())
	}
}

func TestParseNanoseconds(t *testing.T) {
	s, err := parseNanoseconds("12\n7\n")
	if err != nil || len(s) != 2 || s[0] != 12 || s[1] != 7 {
		t.Errorf("%v, error %v", s, err)
	}
	for _, text := range []string{"", "12\nseven\n", "panic: 3"} {
		if _, err := parseNanoseconds(text); err == nil {
			t.Errorf("%q was read", text)
		}
	}
}
