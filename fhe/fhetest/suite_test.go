package fhetest_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/cerberus-host/cerberus/fhe"
	"github.com/cerberus-host/cerberus/fhe/fhetest"
	"github.com/cerberus-host/cerberus/fhe/lattigo"
)

var rewrite = flag.Bool("rewrite", false, "write the known answers anew")

func TestReferencePassesTheSuite(t *testing.T) {
	fhetest.Run(t, func() fhe.Engine { return lattigo.New() })
}

// knownParams are the sets with known answers: those of the suite, and the named secure
// ones.
func knownParams(t *testing.T, all bool) []*fhe.Params {
	t.Helper()
	sets, err := fhetest.SuiteParams()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range fhe.ParamsNames() {
		p, err := fhe.ParamsByName(name)
		if err != nil {
			t.Fatal(err)
		}
		if p.Secure() && (all || p.LogN() < 15) {
			sets = append(sets, p)
		}
	}
	return sets
}

func TestKnownAnswers(t *testing.T) {
	ctx, e := context.Background(), lattigo.New()
	if *rewrite {
		writeKnown(ctx, t, e)
		t.Skip("build again to read the new answers")
	}
	for _, p := range knownParams(t, largeSets) {
		if err := fhetest.KnownAnswersFor(ctx, e, p); err != nil {
			t.Error(err)
		}
	}
}

// writeKnown writes known.txt with the reference engine's answers.
func writeKnown(ctx context.Context, t *testing.T, e fhe.Engine) {
	t.Helper()
	var text strings.Builder
	for _, p := range knownParams(t, true) {
		for _, level := range fhetest.KnownLevels(p) {
			c, err := fhetest.StepsCase(p, level)
			if err != nil {
				t.Fatal(err)
			}
			tape := &fhetest.Tape{}
			out, err := c.Execute(ctx, e, fhe.RunOptions{Recorder: tape})
			if err != nil {
				t.Fatal(err)
			}
			digest, err := fhetest.ResultsDigest(p, out)
			if err != nil {
				t.Fatal(err)
			}
			fmt.Fprintln(&text, c.Name, digest, tape.Digest())
		}
	}
	if err := os.WriteFile("known.txt", []byte(text.String()), 0o644); err != nil {
		t.Fatal(err)
	}
}

// TestKnownWires pins what the reference records.
func TestKnownWires(t *testing.T) {
	for _, p := range knownParams(t, false) {
		if p.LogN() > 13 {
			continue // big integers of many coefficients take seconds
		}
		for _, level := range fhetest.KnownLevels(p) {
			c, err := fhetest.StepsCase(p, level)
			if err != nil {
				t.Fatal(err)
			}
			tape := &fhetest.Tape{}
			_, err = c.Execute(context.Background(), lattigo.New(), fhe.RunOptions{Recorder: tape})
			if err != nil {
				t.Fatal(err)
			}
			want, err := fhetest.KnownWires(c.Name)
			if err != nil {
				t.Fatal(err)
			}
			if tape.Digest() != want {
				t.Errorf("%s: the wires changed", c.Name)
			}
		}
	}
}

// liar is an engine that adds one to one coefficient of one result.
type liar struct{ fhe.Engine }

type liarPlan struct{ fhe.LoadedPlan }

func (l liar) LoadPlan(ctx context.Context, c *fhe.Compiled) (fhe.LoadedPlan, error) {
	plan, err := l.Engine.LoadPlan(ctx, c)
	return liarPlan{plan}, err
}

func (l liarPlan) Run(ctx context.Context, k fhe.LoadedKeys, in []fhe.Ciphertext,
	opts fhe.RunOptions,
) ([]fhe.Ciphertext, error) {
	out, err := l.LoadedPlan.Run(ctx, k, in, opts)
	if err == nil {
		last := out[len(out)-1].C[1].Limbs[0]
		last[len(last)-1] ^= 1
	}
	return out, err
}

// picky supports nothing.
type picky struct{ fhe.Engine }

func (picky) Supports(*fhe.Params) error { return fhe.ErrUnsupported }

func TestKnownAnswersCatchAWrongEngine(t *testing.T) {
	ctx := context.Background()
	if err := fhetest.KnownAnswers(ctx, liar{lattigo.New()}); !errors.Is(err, fhetest.ErrAnswer) {
		t.Errorf("one wrong coefficient: %v", err)
	}
	if err := fhetest.KnownAnswers(ctx, picky{lattigo.New()}); !errors.Is(err, fhetest.ErrAnswer) {
		t.Errorf("an engine that supports nothing: %v", err)
	}
	if err := fhetest.KnownAnswers(ctx, lattigo.New()); err != nil {
		t.Errorf("the reference: %v", err)
	}
}

func TestTapeDiff(t *testing.T) {
	p, err := fhe.ParamsByName("insecure-10-4")
	if err != nil {
		t.Fatal(err)
	}
	c, err := fhetest.StepsCase(p, 1)
	if err != nil {
		t.Fatal(err)
	}
	tapes := [2]*fhetest.Tape{{}, {}}
	for _, tape := range tapes {
		_, err := c.Execute(context.Background(), lattigo.New(), fhe.RunOptions{Recorder: tape})
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := tapes[0].Diff(tapes[1]); err != nil || tapes[0].Digest() != tapes[1].Digest() {
		t.Errorf("equal runs differ: %v", err)
	}
	coeff := tapes[1].Wires[2].Coeffs[7]
	coeff.Neg(coeff)
	if coeff.Sign() != 0 && tapes[0].Diff(tapes[1]) == nil {
		t.Error("a changed sign goes unnoticed")
	}
	coeff.Neg(coeff)
	tapes[1].Wires = tapes[1].Wires[:len(tapes[1].Wires)-1]
	if tapes[0].Diff(tapes[1]) == nil || tapes[0].Digest() == tapes[1].Digest() {
		t.Error("a missing wire goes unnoticed")
	}
}

func TestRandomPlansCoverAllKinds(t *testing.T) {
	sets, err := fhetest.SuiteParams()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range sets {
		seen := map[fhe.StepOp]int{}
		for seed := range uint64(8) {
			b, _, err := fhetest.RandomPlan(p, seed)
			if err != nil {
				t.Fatal(err)
			}
			for _, s := range b.Plan.Steps {
				seen[s.Op]++
			}
		}
		for op := fhe.StepAdd; op <= fhe.StepRotate; op++ {
			if seen[op] == 0 {
				t.Errorf("%s: random plans have no step of kind %d", p, op)
			}
		}
	}
}
