package lattigo_test

import (
	"context"
	"errors"
	"math"
	"math/big"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/tuneinsight/lattigo/v5/core/rlwe"
	"github.com/tuneinsight/lattigo/v5/ring"
	"github.com/tuneinsight/lattigo/v5/schemes/ckks"

	"github.com/cerberus-host/cerberus/abi"
	"github.com/cerberus-host/cerberus/fhe"
	"github.com/cerberus-host/cerberus/fhe/encode"
	"github.com/cerberus-host/cerberus/fhe/fhetest"
	"github.com/cerberus-host/cerberus/fhe/lattigo"
)

// randomPlan is [fhetest.RandomPlan].
func randomPlan(t *testing.T, p *fhe.Params, seed uint64) (*fhetest.PlanBuilder, []fhe.Reg) {
	t.Helper()
	m, live, err := fhetest.RandomPlan(p, seed)
	if err != nil {
		t.Fatal(err)
	}
	return m, live
}

// TestResultsDoNotDependOnWhatIsKept runs random Plans twice: once with one result, so that
// nearly every register is freed or taken over, and once with many, so that few are. It
// also asserts that no input changes.
func TestResultsDoNotDependOnWhatIsKept(t *testing.T) {
	for _, p := range []*fhe.Params{shaped(t, 5, 4, 1), shaped(t, 5, 5, 2), shaped(t, 5, 7, 3)} {
		b := newBench(t, p, 1, 2)
		for seed := range uint64(30) {
			m, live := randomPlan(t, p, seed)
			var in, copies []fhe.Ciphertext
			for i := range uint64(3) {
				in = append(in, b.uniform(t, p.MaxLevel(), halfBits, i))
				copies = append(copies, b.uniform(t, p.MaxLevel(), halfBits, i))
			}
			tail := live[max(0, len(live)-abi.OutputsMax):]
			for _, r := range tail {
				m.Output(r)
			}
			all := b.execute(t, m, fhe.RunOptions{Recorder: &fhetest.Tape{}}, in...)
			for i := range tail {
				m.Plan.Outputs = nil
				m.Output(tail[i])
				got := b.execute(t, m, fhe.RunOptions{}, in...)
				for c := range got[0].C {
					if !got[0].C[c].Equal(all[i].C[c]) {
						t.Errorf("%s seed %d: result %d depends on what else is kept",
							shapeName(p), seed, i)
					}
				}
			}
			for i := range in {
				if !in[i].C[0].Equal(copies[i].C[0]) || !in[i].C[1].Equal(copies[i].C[1]) {
					t.Errorf("seed %d: input %d was changed", seed, i)
				}
			}
		}
	}
}

// TestSmallStepsAgainstArithmetic checks the steps that Lattigo's evaluator does not have
// in this form.
func TestSmallStepsAgainstArithmetic(t *testing.T) {
	p := shaped(t, 5, 4, 1)
	b := newBench(t, p)
	for level := range p.QCount() {
		factors := []int64{0, 1, -1, 3, 1<<62 - 1, -(1<<62 - 1)}
		m := newPlan(p)
		a := m.Input(level, halfBits)
		moved := m.Do(fhe.Step{Op: fhe.StepMulConst, A: a, Const: constant(t, m,
			constantPoly(p, level, 1), fhe.ScaleOfBits(0))})
		term := uniformPoly(t, p, level, 99)
		k := constant(t, m, term, fhe.ScaleOfBits(halfBits))
		// From coefficient form and from transformed form.
		for _, r := range []fhe.Reg{a, moved} {
			m.Output(m.Do(fhe.Step{Op: fhe.StepNeg, A: r}))
			m.Output(m.Do(fhe.Step{Op: fhe.StepAddConst, A: r, Const: k}))
			for _, f := range factors {
				m.Output(m.Do(fhe.Step{Op: fhe.StepMulInt, A: r, Int: f}))
			}
		}
		x := b.uniform(t, level, halfBits, 1)
		for i, got := range b.execute(t, m, fhe.RunOptions{}, x) {
			for c := range got.C {
				for l, limb := range got.C[c].Limbs {
					mod := b.modulus(t, l)
					want := make([]uint64, p.N())
					for j, v := range x.C[c].Limbs[l] {
						switch n := i % (2 + len(factors)); {
						case n == 0:
							want[j] = mod.Neg(v)
						case n == 1 && c == 0:
							want[j] = mod.Add(v, term.Limbs[l][j])
						case n == 1:
							want[j] = v
						default:
							f := reduced([]*big.Int{big.NewInt(factors[n-2])}, mod.Value())[0]
							want[j] = mod.Mul(v, f)
						}
					}
					if !slices.Equal(limb, want) {
						t.Errorf("level %d: result %d, component %d, limb %d is wrong", level, i, c, l)
					}
				}
			}
		}
	}
}

// constantPoly is a constant polynomial.
func constantPoly(p *fhe.Params, level int, v uint64) fhe.Poly {
	out := fhe.NewPoly(p.N(), level+1)
	for _, limb := range out.Limbs {
		limb[0] = v
	}
	return out
}

// TestEndToEndSlots evaluates (x*w + b)^2, rotated and summed, on encrypted values.
func TestEndToEndSlots(t *testing.T) {
	for _, p := range []*fhe.Params{named(t, "insecure-10-4"), named(t, "insecure-11-8")} {
		b := newBench(t, p, 1)
		enc := encode.New()
		level := p.MaxLevel()
		m := newPlan(p)
		x := m.Input(level, p.ScaleBits())
		const period = 8
		weights, bias := []int64{1, -2, 3, -4, 5, -6, 7, -8}, []int64{8, 7, 6, 5, 4, 3, 2, 1}
		slots := func(values []int64, level int, scale fhe.Scale) int {
			poly, err := enc.Slots(p, level, values, 3, period, scale)
			if err != nil {
				t.Fatal(err)
			}
			return constant(t, m, poly, scale)
		}
		w := m.Do(fhe.Step{Op: fhe.StepMulConst, A: x, Const: slots(weights, level, p.DefaultScale())})
		y := m.Do(fhe.Step{Op: fhe.StepRescale, A: w})
		y = m.Do(fhe.Step{Op: fhe.StepAddConst, A: y, Const: slots(bias, level-1, m.Scale(y))})
		y = m.Do(fhe.Step{Op: fhe.StepRelin, A: m.Do(fhe.Step{Op: fhe.StepTensor, A: y, B: y})})
		y = m.Do(fhe.Step{Op: fhe.StepRescale, A: y})
		turned := m.Do(fhe.Step{Op: fhe.StepRotate, A: y, B: fhe.NoReg, Galois: p.GaloisElement(1)})
		y = m.Binary(fhe.StepSub, m.Do(fhe.Step{Op: fhe.StepMulInt, A: turned, Int: 3}), y)
		m.Output(y)
		m.Plan.Inputs[0].Length, m.Plan.Inputs[0].Period = period, period
		m.Plan.Outputs[0].Length, m.Plan.Outputs[0].Period = period, period
		values := ramp(period)
		for i := range values {
			values[i] /= 4
		}
		cts, err := lattigo.EncryptVector(b.secret, m.Plan.Inputs[0], values, stream(3))
		if err != nil {
			t.Fatal(err)
		}
		out := b.execute(t, m, fhe.RunOptions{}, cts...)
		got, err := lattigo.DecryptVector(b.secret, m.Plan.Outputs[0], out[0])
		if err != nil {
			t.Fatal(err)
		}
		square := make([]float64, period)
		for i, v := range values {
			square[i] = math.Pow(v*float64(weights[i])/8+float64(bias[i])/8, 2)
		}
		want := make([]float64, period)
		for i := range want {
			want[i] = 3*square[(i+1)%period] - square[i]
		}
		if d := far(got, want); d > 0x1p-20 {
			t.Errorf("%s: off by %g: %v, want %v", p, d, got, want)
		}
	}
}

// dotPlan multiplies count ciphertexts by constants and sums, at level 0.
func dotPlan(t testing.TB, p *fhe.Params, weights []int64, scaleBits int) *fhetest.PlanBuilder {
	t.Helper()
	m := fhetest.NewPlanBuilder(p, abi.PackCoeffs)
	first := m.Vector(len(weights), 0, scaleBits)
	m.Plan.Inputs[0].Bound = 4
	count := m.Plan.Inputs[0].Count
	enc := encode.New()
	var sum fhe.Reg
	for k := range count {
		part := weights[k*p.N() : min((k+1)*p.N(), len(weights))]
		poly, err := enc.Dot(p, 0, part, 10, fhe.ScaleOfBits(10))
		if err != nil {
			t.Fatal(err)
		}
		r := m.Do(fhe.Step{
			Op: fhe.StepMulConst, A: first + fhe.Reg(k), Const: constant(t, m, poly, fhe.ScaleOfBits(10)),
		})
		if k > 0 {
			r = m.Do(fhe.Step{Op: fhe.StepAdd, A: sum, B: r})
		}
		sum = r
	}
	m.Output(sum)
	return m
}

func TestEndToEndDot(t *testing.T) {
	p := named(t, "insecure-10-4")
	b := newBench(t, p)
	weights := make([]int64, 5*p.N()+17)
	for i := range weights {
		weights[i] = int64(i*7919%601) - 300
	}
	m := dotPlan(t, p, weights, 26)
	values := ramp(len(weights))
	cts, err := lattigo.EncryptVector(b.secret, m.Plan.Inputs[0], values, stream(3))
	if err != nil {
		t.Fatal(err)
	}
	out, err := fhe.Execute(context.Background(), b.load(t, m), nil, cts, fhe.RunOptions{})
	if err != nil {
		t.Fatal(err)
	}
	got, err := lattigo.DecryptVector(b.secret, m.Plan.Outputs[0], out[0])
	if err != nil {
		t.Fatal(err)
	}
	want := 0.0
	for i, v := range values {
		want += v * float64(weights[i]) / 1024
	}
	// The error is a sum of 5137 products of noise 3.2/2^26 with weights up to 0.3.
	if d := math.Abs(got[0] - want); d > 0x1p-16 {
		t.Errorf("off by %g: %v, want %v", d, got[0], want)
	}
}

// TestEncodersAgree compares the deterministic encoder with Lattigo's at a precision of 128
// bits: coefficients may differ by one, where the two round differently.
func TestEncodersAgree(t *testing.T) {
	p := named(t, "insecure-10-4")
	b := newBench(t, p)
	const level, frac = 2, 12
	scale := p.DefaultScale().MulInt(p.Q(2)).DivInt(p.Q(1))
	for _, period := range []int{1, 2, 8, 64, p.Slots()} {
		values := make([]int64, period)
		floats := make([]*big.Float, period)
		for i := range values {
			values[i] = int64(i*2731%8191) - 4095
			floats[i] = new(big.Float).SetPrec(128).SetMantExp(big.NewFloat(float64(values[i])), -frac)
		}
		got, err := encode.New().Slots(p, level, values, frac, period, scale)
		if err != nil {
			t.Fatal(err)
		}
		pt := ckks.NewPlaintext(b.ckks, level)
		pt.Scale = rlwe.NewScale(scale.Float())
		for pt.LogDimensions.Cols = 0; 1<<pt.LogDimensions.Cols < period; pt.LogDimensions.Cols++ {
		}
		if err := ckks.NewEncoder(b.ckks, 128).Encode(floats, pt); err != nil {
			t.Fatal(err)
		}
		at := b.ckks.RingQ().AtLevel(level)
		diff := at.NewPoly()
		at.INTT(pt.Value, pt.Value)
		at.Sub(pt.Value, ring.Poly{Coeffs: got.Limbs}, diff)
		off := 0
		for l, limb := range diff.Coeffs {
			for i, v := range limb {
				if v > 1 && v < p.Q(l)-1 {
					t.Fatalf("period %d: coefficient %d differs by more than one", period, i)
				}
				if v != 0 && l == 0 {
					off++
				}
			}
		}
		if off > p.N()/100 {
			t.Errorf("period %d: %d of %d coefficients differ by one", period, off, p.N())
		}
	}
}

func TestConcurrentRuns(t *testing.T) {
	p := shaped(t, 5, 5, 2)
	b := newBench(t, p, 1, 2)
	m, live := randomPlan(t, p, 200)
	m.Output(live[len(live)-1])
	plan := b.load(t, m)
	var in []fhe.Ciphertext
	for i := range uint64(3) {
		in = append(in, b.uniform(t, p.MaxLevel(), halfBits, i))
	}
	results := make([][]fhe.Ciphertext, 8)
	var wg sync.WaitGroup
	for g := range results {
		wg.Go(func() {
			for range 4 {
				out, err := fhe.Execute(context.Background(), plan, b.loaded, in, fhe.RunOptions{})
				if err != nil {
					t.Error(err)
					return
				}
				results[g] = out
			}
		})
	}
	wg.Wait()
	for g, out := range results {
		for c := range out[0].C {
			if !out[0].C[c].Equal(results[0][0].C[c]) {
				t.Errorf("goroutine %d got another result", g)
			}
		}
	}
}

func TestRunRefusals(t *testing.T) {
	p := shaped(t, 5, 4, 1)
	b, other := newBench(t, p, 1), newBench(t, p, 1)
	ctx := context.Background()
	m := newPlan(p)
	in := m.Input(2, halfBits)
	m.Output(m.Do(fhe.Step{Op: fhe.StepRotate, A: in, B: fhe.NoReg, Galois: 5}))
	plan := b.load(t, m)
	x := []fhe.Ciphertext{b.uniform(t, 2, halfBits, 1)}
	run := func(ctx context.Context, keys fhe.LoadedKeys, in []fhe.Ciphertext) error {
		_, err := fhe.Execute(ctx, plan, keys, in, fhe.RunOptions{})
		return err
	}
	if err := run(ctx, other.loaded, x); !errors.Is(err, fhe.ErrForeign) {
		t.Errorf("foreign keys: %v", err)
	}
	if err := run(ctx, nil, x); !errors.Is(err, fhe.ErrMissingKey) {
		t.Errorf("no keys: %v", err)
	}
	few := &fhe.KeySet{Params: p, Keys: b.keys.Keys[:1]}
	loaded, err := b.engine.LoadKeys(ctx, few)
	if err != nil {
		t.Fatal(err)
	}
	if err := run(ctx, loaded, x); !errors.Is(err, fhe.ErrMissingKey) ||
		!strings.Contains(err.Error(), "Galois 5") {
		t.Errorf("missing key: %v", err)
	}
	set := newBench(t, named(t, "insecure-10-4"), 1)
	foreign, err := b.engine.LoadKeys(ctx, set.keys)
	if err != nil {
		t.Fatal(err)
	}
	if err := run(ctx, foreign, x); !errors.Is(err, fhe.ErrParams) {
		t.Errorf("keys of another parameter set: %v", err)
	}
	for name, change := range map[string]func(ct *fhe.Ciphertext){
		"level":   func(ct *fhe.Ciphertext) { ct.Level = 1 },
		"scale":   func(ct *fhe.Ciphertext) { ct.Scale = ct.Scale.MulInt(2) },
		"limbs":   func(ct *fhe.Ciphertext) { ct.C[0].Limbs = ct.C[0].Limbs[:2] },
		"residue": func(ct *fhe.Ciphertext) { ct.C[1].Limbs[2][0] = p.Q(2) },
		"length":  func(ct *fhe.Ciphertext) { ct.C[1].Limbs[2] = ct.C[1].Limbs[2][:16] },
	} {
		bad := b.uniform(t, 2, halfBits, 1)
		change(&bad)
		if err := run(ctx, b.loaded, []fhe.Ciphertext{bad}); !errors.Is(err, fhe.ErrOperand) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := run(ctx, b.loaded, nil); !errors.Is(err, fhe.ErrOperand) {
		t.Errorf("no input: %v", err)
	}
	if err := run(ctx, b.loaded, append(x, x...)); !errors.Is(err, fhe.ErrOperand) {
		t.Errorf("two inputs: %v", err)
	}
	cancelled, cancel := context.WithCancel(ctx)
	cancel()
	if err := run(cancelled, b.loaded, x); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	if err := run(ctx, b.loaded, x); err != nil {
		t.Errorf("the good run fails: %v", err)
	}
}

// TestCancelBetweenSteps cancels from the progress callback and counts the steps.
func TestCancelBetweenSteps(t *testing.T) {
	p := shaped(t, 5, 4, 1)
	b := newBench(t, p)
	m := newPlan(p)
	r := m.Input(0, halfBits)
	for range 5 {
		r = m.Do(fhe.Step{Op: fhe.StepNeg, A: r})
	}
	m.Output(r)
	ctx, cancel := context.WithCancel(context.Background())
	var done []int
	_, err := fhe.Execute(ctx, b.load(t, m), nil, []fhe.Ciphertext{b.uniform(t, 0, halfBits, 1)},
		fhe.RunOptions{Progress: func(n int) {
			if done = append(done, n); n == 3 {
				cancel()
			}
		}})
	if !errors.Is(err, context.Canceled) || !slices.Equal(done, []int{1, 2, 3}) {
		t.Errorf("%v after %v", err, done)
	}
}

func TestLoadRefusals(t *testing.T) {
	p := shaped(t, 5, 4, 1)
	b := newBench(t, p)
	ctx := context.Background()
	build := func() *fhe.Compiled {
		m := newPlan(p)
		r := m.Input(1, halfBits)
		k := constant(t, m, uniformPoly(t, p, 1, 1), fhe.ScaleOfBits(20))
		m.Output(m.Do(fhe.Step{Op: fhe.StepMulConst, A: r, Const: k}))
		return &fhe.Compiled{Plan: m.Plan, Encoded: m.Encoded}
	}
	for name, c := range map[string]struct {
		want   error
		change func(c *fhe.Compiled)
	}{
		"no plan":      {fhe.ErrPlan, func(c *fhe.Compiled) { c.Plan = nil }},
		"no params":    {fhe.ErrParams, func(c *fhe.Compiled) { c.Plan.Params = nil }},
		"bad register": {fhe.ErrPlan, func(c *fhe.Compiled) { c.Plan.Steps[0].A = 7 }},
		"no constant":  {fhe.ErrOperand, func(c *fhe.Compiled) { c.Encoded = nil }},
		"short constant": {fhe.ErrOperand, func(c *fhe.Compiled) {
			c.Encoded[0].Limbs = c.Encoded[0].Limbs[:1]
		}},
		"residue": {fhe.ErrOperand, func(c *fhe.Compiled) { c.Encoded[0].Limbs[1][3] = p.Q(1) }},
	} {
		compiled := build()
		c.change(compiled)
		if _, err := b.engine.LoadPlan(ctx, compiled); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	broken := *b.keys
	broken.Keys = slices.Clone(broken.Keys)
	broken.Keys[0].B = broken.Keys[0].B[:1]
	if _, err := b.engine.LoadKeys(ctx, &broken); !errors.Is(err, fhe.ErrFormat) {
		t.Errorf("short key: %v", err)
	}
	if err := b.engine.Supports(nil); !errors.Is(err, fhe.ErrParams) {
		t.Errorf("no parameters: %v", err)
	}
	if err := b.engine.Supports(p); err != nil || b.engine.Name() != lattigo.Name {
		t.Errorf("%s: %v", b.engine.Name(), err)
	}
}

func TestPanicsBecomeErrors(t *testing.T) {
	for _, f := range []func(){
		func() { panic("text") }, func() { panic(errors.New("error")) }, func() { panic(7) },
		func() { ring.Ring{}.AtLevel(-1) },
	} {
		if err := lattigo.Guarded(f); !errors.Is(err, lattigo.ErrLibrary) {
			t.Errorf("%v", err)
		}
	}
}

func TestForEach(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	seen := make([]int, 100)
	err := lattigo.ForEach(ctx, len(seen), func(i int) error { seen[i]++; return nil })
	if err != nil {
		t.Fatal(err)
	}
	for i, n := range seen {
		if n != 1 {
			t.Errorf("%d calls with %d", n, i)
		}
	}
	err = lattigo.ForEach(ctx, 100, func(i int) error {
		if i == 3 {
			panic("three")
		}
		return nil
	})
	if !errors.Is(err, lattigo.ErrLibrary) || !strings.Contains(err.Error(), "three") {
		t.Errorf("a panic on a goroutine: %v", err)
	}
	cancel()
	err = lattigo.ForEach(ctx, 100, func(int) error { return nil })
	if !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}
