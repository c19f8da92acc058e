package bench

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/cerberus-host/cerberus/internal/figures"
)

func TestRank(t *testing.T) {
	s := samples{50, 20, 10, 40, 30}
	for p, want := range map[float64]time.Duration{0: 10, 0.2: 10, 0.5: 30, 0.81: 50, 1: 50} {
		if got := s.rank(p); got != want {
			t.Errorf("rank %v is %d, want %d", p, got, want)
		}
	}
	if s[0] != 50 {
		t.Error("the samples were put in order")
	}
	if (samples{}).median() != 0 {
		t.Error("no samples have a median")
	}
}

func TestRepeat(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	broken := errors.New("broken")
	n := 0
	s, err := repeat(ctx, 3, 0, func() error { n++; return nil })
	if err != nil || n != 3 || len(s) != 3 {
		t.Errorf("%d runs, %d samples, error %v", n, len(s), err)
	}
	if _, err := repeat(ctx, 3, 0, func() error { return broken }); !errors.Is(err, broken) {
		t.Errorf("error %v", err)
	}
	cancel()
	if _, err := repeat(ctx, 3, time.Hour, func() error { return nil }); !errors.Is(err,
		context.Canceled) {
		t.Errorf("error %v", err)
	}
}

func TestChooseAreas(t *testing.T) {
	got, err := chooseAreas([]string{"raft", "fhe"})
	if err != nil || len(got) != 2 || got[0].name != "raft" || got[1].name != "fhe" {
		t.Errorf("%v, error %v", got, err)
	}
	if got, err := chooseAreas(nil); err != nil || len(got) != len(areas()) {
		t.Errorf("%v, error %v", got, err)
	}
	for _, areas := range [][]string{{""}, {"none"}, {"raft", "none"}} {
		if _, err := chooseAreas(areas); !errors.Is(err, ErrArea) {
			t.Errorf("%q: error %v", areas, err)
		}
	}
}

// TestOperations: every kind of operation is found in the Plan, as often as the samples of
// engine and yardstick are to be compared.
func TestOperations(t *testing.T) {
	f := figures.New("fhe", time.Unix(0, 0))
	if err := measureOperations(context.Background(), "insecure-10-4", 2, 0, f); err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, r := range f.Rows {
		names = append(names, r.Figure)
		if r.Value <= 0 {
			t.Errorf("%s has the value %v", r.Figure, r.Value)
		}
	}
	for _, want := range []string{
		"MulRelin, insecure-10-4: least", "Rotate, insecure-10-4: least",
		"Rescale, insecure-10-4: of Lattigo's time",
	} {
		if !slices.Contains(names, want) {
			t.Errorf("no figure %q in %q", want, names)
		}
	}
}
