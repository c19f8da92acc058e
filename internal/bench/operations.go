package bench

import (
	"context"
	"fmt"
	"time"

	"github.com/cerberus-host/cerberus/abi"
	"github.com/cerberus-host/cerberus/fhe"
	"github.com/cerberus-host/cerberus/fhe/fhetest"
	"github.com/cerberus-host/cerberus/fhe/lattigo"
	"github.com/cerberus-host/cerberus/fhe/lattigo/yardstick"
	"github.com/cerberus-host/cerberus/internal/figures"
)

const (
	// operationsPerPlan is how often a Plan holds each operation.
	operationsPerPlan = 4
	// operationRounds and operationBudget say how often engine and yardstick take turns.
	operationRounds = 3
	operationBudget = 3 * time.Second
)

// operation is a kind of work that both the engine and Lattigo's evaluator can be timed at.
type operation struct {
	figure string
	// steps are the Plan steps that together are one operation.
	steps []fhe.StepOp
	// yardstick runs Lattigo's.
	yardstick func(*yardstick.Yardstick) error

	ours, theirs samples
}

func operations() []*operation {
	return []*operation{
		{
			figure: "MulRelin", steps: []fhe.StepOp{fhe.StepTensor, fhe.StepRelin},
			yardstick: (*yardstick.Yardstick).MulRelin,
		},
		{
			figure: "Rotate", steps: []fhe.StepOp{fhe.StepRotate},
			yardstick: (*yardstick.Yardstick).Rotate,
		},
		{
			figure: "Rescale", steps: []fhe.StepOp{fhe.StepRescale},
			yardstick: (*yardstick.Yardstick).Rescale,
		},
	}
}

// operationsPlan is a Plan with each operation operationsPerPlan times, all at the top level
// and on transformed operands, which is the form that Lattigo's evaluator keeps.
func operationsPlan(p *fhe.Params) *fhetest.PlanBuilder {
	half, level := fhetest.HalfBits(p), p.MaxLevel()
	b := fhetest.NewPlanBuilder(p, abi.PackSlots)
	x, y := b.Input(level, half), b.Input(level, half)
	add := func(sum, r fhe.Reg, first bool) fhe.Reg {
		if first {
			return r
		}
		return b.Binary(fhe.StepAdd, sum, r)
	}
	var product, rotated, shortened fhe.Reg
	for i := range operationsPerPlan {
		r := b.Unary(fhe.StepRelin, b.Binary(fhe.StepTensor, x, y))
		product = add(product, r, i == 0)
		rotated = add(rotated, b.Rotate(x, fhe.NoReg, p.GaloisElement(1)), i == 0)
	}
	for i := range operationsPerPlan {
		shortened = add(shortened, b.Unary(fhe.StepRescale, product), i == 0)
	}
	// The last product wants transformed operands, and so do the rescales before it.
	last := b.Unary(fhe.StepRelin, b.Binary(fhe.StepTensor, shortened, shortened))
	for _, r := range []fhe.Reg{rotated, last} {
		b.Output(r)
	}
	return b
}

// measureOperations times the engine's operations against those of Lattigo's evaluator; the
// two take turns, at least rounds times and until the budget is spent.
func measureOperations(
	ctx context.Context, params string, rounds int, budget time.Duration, f *figures.File,
) error {
	p, err := fhe.ParamsByName(params)
	if err != nil {
		return err
	}
	reference, err := yardstick.New(p)
	if err != nil {
		return err
	}
	engine, b := lattigo.New(), operationsPlan(p)
	plan, err := engine.LoadPlan(ctx, b.Compiled())
	if err != nil {
		return err
	}
	set, err := fhetest.UniformKeys(p, b.Plan.KeyNeed())
	if err != nil {
		return err
	}
	keys, err := engine.LoadKeys(ctx, set)
	if err != nil {
		return err
	}
	inputs, err := fhetest.UniformInputs(b.Plan, 1)
	if err != nil {
		return err
	}
	list := operations()
	if _, err := repeat(ctx, rounds, budget, func() error {
		steps, err := stepTimes(ctx, plan, keys, inputs)
		if err != nil {
			return err
		}
		for _, o := range list {
			if err := o.take(b.Plan, steps, reference); err != nil {
				return err
			}
		}
		return nil
	}); err != nil {
		return err
	}
	for _, o := range list {
		f.Add(figures.Row{
			Figure: o.figure + ", " + params + ": least", Value: millis(o.ours.least()), Unit: "ms",
			Reference: fmt.Sprintf("Lattigo's evaluator %.4g ms, on the same core",
				millis(o.theirs.least())),
		})
		f.Add(figures.Row{
			Figure: o.figure + ", " + params + ": of Lattigo's time",
			Value:  float64(o.ours.least()) / float64(o.theirs.least()), Unit: "x",
			Reference: fmt.Sprintf("by the medians %.3g",
				float64(o.ours.median())/float64(o.theirs.median())),
		})
	}
	return nil
}

// stepTimes executes a Plan once and returns how long each step took.
func stepTimes(
	ctx context.Context, plan fhe.LoadedPlan, keys fhe.LoadedKeys, inputs []fhe.Ciphertext,
) ([]time.Duration, error) {
	times := make([]time.Duration, len(plan.Plan().Steps))
	last := time.Now()
	_, err := fhe.Execute(ctx, plan, keys, inputs, fhe.RunOptions{Progress: func(done int) {
		now := time.Now()
		times[done-1], last = now.Sub(last), now
	}})
	return times, err
}

// take adds the samples of one execution, and as many of the yardstick. The first operation
// of its kind in a Plan is left out: it also transforms what it reads.
func (o *operation) take(
	plan *fhe.Plan, times []time.Duration, reference *yardstick.Yardstick,
) error {
	seen := 0
	for i := 0; i+len(o.steps) <= len(plan.Steps) && seen < operationsPerPlan; i++ {
		var sum time.Duration
		matches := true
		for j, op := range o.steps {
			matches = matches && plan.Steps[i+j].Op == op
			sum += times[i+j]
		}
		if !matches {
			continue
		}
		if seen++; seen == 1 {
			continue
		}
		o.ours = append(o.ours, sum)
		d, err := timed(func() error { return o.yardstick(reference) })
		if err != nil {
			return err
		}
		o.theirs = append(o.theirs, d)
	}
	return nil
}
