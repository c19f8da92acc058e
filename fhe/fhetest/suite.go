package fhetest

import (
	"context"
	"errors"
	"sync"
	"testing"

	"github.com/cerberus-host/cerberus/abi"
	"github.com/cerberus-host/cerberus/fhe"
	"github.com/cerberus-host/cerberus/fhe/lattigo"
)

// concurrentRuns is how many goroutines run one loaded Plan at once.
const concurrentRuns = 4

// Run is the conformance suite: it fails t wherever an engine from newEngine does not do
// what the reference does, byte for byte and wire for wire, or what package fhe asks of
// every engine. newEngine returns a new engine each time; one of them serves most of the
// suite. Parameter sets that the engine does not support are skipped.
func Run(t *testing.T, newEngine func() fhe.Engine) {
	t.Helper()
	sets, err := SuiteParams()
	if err != nil {
		t.Fatal(err)
	}
	engine, reference := newEngine(), lattigo.New()
	for _, p := range sets {
		t.Run(p.Name(), func(t *testing.T) {
			if err := engine.Supports(p); errors.Is(err, fhe.ErrUnsupported) {
				t.Skip(err)
			}
			cases, err := Cases(p)
			if err != nil {
				t.Fatal(err)
			}
			for _, c := range cases {
				t.Run(c.Name, func(t *testing.T) { compare(t, engine, reference, c) })
			}
			t.Run("refusals", func(t *testing.T) { refusals(t, p, engine, newEngine()) })
			t.Run("concurrent runs", func(t *testing.T) { concurrent(t, p, engine) })
			t.Run("cancelled", func(t *testing.T) { cancelled(t, p, engine) })
		})
	}
	t.Run("known answers", func(t *testing.T) {
		if err := KnownAnswers(context.Background(), engine); err != nil {
			t.Error(err)
		}
	})
}

// compare runs a case on both engines, with and without recorder.
func compare(t *testing.T, engine, reference fhe.Engine, c Case) {
	t.Helper()
	ctx := context.Background()
	before := cloneInputs(c.Inputs)
	wantTape, gotTape := &Tape{}, &Tape{}
	want, err := c.Execute(ctx, reference, fhe.RunOptions{Recorder: wantTape})
	if err != nil {
		t.Fatalf("reference: %v", err)
	}
	var steps []int
	got, err := c.Execute(ctx, engine, fhe.RunOptions{
		Recorder: gotTape, Progress: func(done int) { steps = append(steps, done) },
	})
	if err != nil {
		t.Fatal(err)
	}
	same(t, "recorded run", got, want)
	if err := gotTape.Diff(wantTape); err != nil {
		t.Errorf("recorded wires differ from the reference's: %v", err)
	}
	for i, done := range steps {
		if done != i+1 {
			t.Errorf("progress call %d says %d steps are done", i, done)
		}
	}
	if n := len(c.Compiled.Plan.Steps); len(steps) != n {
		t.Errorf("%d progress calls for %d steps", len(steps), n)
	}
	plain, err := c.Execute(ctx, engine, fhe.RunOptions{})
	if err != nil {
		t.Fatal(err)
	}
	same(t, "plain run", plain, want)
	for i := range before {
		if !before[i].C[0].Equal(c.Inputs[i].C[0]) || !before[i].C[1].Equal(c.Inputs[i].C[1]) {
			t.Errorf("the run changed input ciphertext %d", i)
		}
	}
}

func cloneInputs(in []fhe.Ciphertext) []fhe.Ciphertext {
	out := make([]fhe.Ciphertext, len(in))
	for i, ct := range in {
		out[i] = ct
		out[i].C = [2]fhe.Poly{ct.C[0].Clone(), ct.C[1].Clone()}
	}
	return out
}

// same asserts that two lists of results have the same bytes.
func same(t *testing.T, what string, got, want []fhe.Ciphertext) {
	t.Helper()
	if len(got) != len(want) {
		t.Errorf("%s: %d results instead of %d", what, len(got), len(want))
		return
	}
	for i := range want {
		for c := range want[i].C {
			if !got[i].C[c].Equal(want[i].C[c]) {
				t.Errorf("%s: component %d of result %d differs from the reference's", what, c, i)
			}
		}
	}
}

// rotation is a Plan of one rotation at level 0, loaded.
func rotation(t *testing.T, p *fhe.Params, e fhe.Engine) (Case, fhe.LoadedPlan, fhe.LoadedKeys) {
	t.Helper()
	b := NewPlanBuilder(p, abi.PackSlots)
	b.Output(b.Rotate(b.Input(0, HalfBits(p)), fhe.NoReg, p.GaloisElement(1)))
	c, err := newCase("rotation", b, 1)
	if err != nil {
		t.Fatal(err)
	}
	plan, err := e.LoadPlan(context.Background(), c.Compiled)
	if err != nil {
		t.Fatal(err)
	}
	keys, err := e.LoadKeys(context.Background(), c.Keys)
	if err != nil {
		t.Fatal(err)
	}
	if plan.Bytes() < 0 || keys.Bytes() <= 0 {
		t.Errorf("loaded plan of %d bytes, loaded keys of %d bytes", plan.Bytes(), keys.Bytes())
	}
	return c, plan, keys
}

// refusals asserts the errors of runs that must not happen.
func refusals(t *testing.T, p *fhe.Params, engine, other fhe.Engine) {
	t.Helper()
	ctx := context.Background()
	c, plan, keys := rotation(t, p, engine)
	expect := func(what string, keys fhe.LoadedKeys, in []fhe.Ciphertext, want error) {
		t.Helper()
		out, err := fhe.Execute(ctx, plan, keys, in, fhe.RunOptions{})
		if !errors.Is(err, want) {
			t.Errorf("%s: got %d results and error %v, want %v", what, len(out), err, want)
		}
	}
	foreign, err := other.LoadKeys(ctx, c.Keys)
	if err != nil {
		t.Fatal(err)
	}
	expect("keys of another engine", foreign, c.Inputs, fhe.ErrForeign)
	expect("no keys", nil, c.Inputs, fhe.ErrMissingKey)
	relin, err := UniformKeys(p, fhe.KeyNeed{Relin: true})
	if err != nil {
		t.Fatal(err)
	}
	wrong, err := engine.LoadKeys(ctx, relin)
	if err != nil {
		t.Fatal(err)
	}
	expect("another key", wrong, c.Inputs, fhe.ErrMissingKey)
	if missing := wrong.Missing(c.Compiled.Plan.KeyNeed()); missing.IsEmpty() {
		t.Error("a key set without a key does not miss it")
	}
	high := cloneInputs(c.Inputs)
	high[0].Level = 1
	expect("another level", keys, high, fhe.ErrOperand)
	edge := cloneInputs(c.Inputs)
	edge[0].C[1].Limbs[0][p.N()-1] = p.Q(0)
	expect("a residue of q", keys, edge, fhe.ErrOperand)
	short := cloneInputs(c.Inputs)
	short[0].C[0].Limbs[0] = short[0].C[0].Limbs[0][:p.N()/2]
	expect("a short limb", keys, short, fhe.ErrOperand)
	expect("no input", keys, nil, fhe.ErrOperand)
	bad := &fhe.Compiled{Plan: &fhe.Plan{Params: p}}
	if _, err := engine.LoadPlan(ctx, bad); !errors.Is(err, fhe.ErrPlan) {
		t.Errorf("an invalid plan: %v", err)
	}
	short2 := *c.Keys
	short2.Keys = []fhe.EvalKey{{Galois: 5}}
	if _, err := engine.LoadKeys(ctx, &short2); err == nil {
		t.Error("a key without digits was loaded")
	}
	expect("the good run", keys, c.Inputs, nil)
}

// concurrent runs one loaded Plan on many goroutines.
func concurrent(t *testing.T, p *fhe.Params, engine fhe.Engine) {
	t.Helper()
	ctx := context.Background()
	c, plan, keys := rotation(t, p, engine)
	want, err := fhe.Execute(ctx, plan, keys, c.Inputs, fhe.RunOptions{})
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for range concurrentRuns {
		wg.Go(func() {
			for range concurrentRuns {
				got, err := fhe.Execute(ctx, plan, keys, c.Inputs, fhe.RunOptions{})
				if err != nil {
					t.Error(err)
					return
				}
				same(t, "concurrent run", got, want)
			}
		})
	}
	wg.Wait()
}

// cancelled asserts that a context that ended ends the run.
func cancelled(t *testing.T, p *fhe.Params, engine fhe.Engine) {
	t.Helper()
	c, plan, keys := rotation(t, p, engine)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err := fhe.Execute(ctx, plan, keys, c.Inputs, fhe.RunOptions{})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("run under a cancelled context: %v", err)
	}
}
