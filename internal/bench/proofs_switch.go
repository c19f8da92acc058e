package bench

import (
	"context"
	"fmt"
	"runtime"
	"time"

	"github.com/cerberus-host/cerberus/abi"
	"github.com/cerberus-host/cerberus/fhe"
	"github.com/cerberus-host/cerberus/fhe/fhetest"
	"github.com/cerberus-host/cerberus/internal/figures"
	"github.com/cerberus-host/cerberus/proofs/opening"
	"github.com/cerberus-host/cerberus/proofs/prover"
)

// chainPlan is a Plan of count rotations, one after the other, with one key.
func chainPlan(p *fhe.Params, level, count int) *fhetest.PlanBuilder {
	b := fhetest.NewPlanBuilder(p, abi.PackSlots)
	r := b.Input(level, fhetest.HalfBits(p))
	for range count {
		r = b.Rotate(r, fhe.NoReg, p.GaloisElement(1))
	}
	b.Output(r)
	return b
}

// recordUniform records a Plan on uniform operands.
func recordUniform(ctx context.Context, c *fhe.Compiled) (*attested, error) {
	keys, err := fhetest.UniformKeys(c.Plan.Params, c.Plan.KeyNeed())
	if err != nil {
		return nil, err
	}
	inputs, err := fhetest.UniformInputs(c.Plan, 1)
	if err != nil {
		return nil, err
	}
	return record(ctx, c, keys, inputs)
}

// oneCore runs f with one core.
func oneCore(f func() error) error {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	return f()
}

// oneCoreTime is the processor time of f with one core, which other programs on the machine
// change less than the time that it takes.
func oneCoreTime(f func() error) (work time.Duration, err error) {
	err = oneCore(func() (err error) {
		_, work, err = worked(f)
		return err
	})
	return work, err
}

// switchLevel is the level of the key switches that are proven: three limbs.
const switchLevel = 2

// fewSwitches and manySwitches are the lengths of the chains whose difference tells what a
// key switch costs: a proof also has parts that do not grow with the run.
const fewSwitches, manySwitches = 8, 32

// switchCost is what proving key switches took on one core, in processor time.
type switchCost struct {
	// each is for a key switch, fixed for what a proof of none would take.
	each, fixed time.Duration
	// execute is how long the engine takes for a key switch.
	execute time.Duration
	// took and stats are those of the longer chain.
	took  time.Duration
	stats prover.Stats
	// bits are those a coefficient that a switch commits to, wires the polynomials.
	bits, wires float64
}

// switchCost proves two chains of key switches.
func (b *bench) switchCost(
	ctx context.Context, setup *opening.Setup, p *fhe.Params,
) (*switchCost, error) {
	var took [2]time.Duration
	var stats [2]*prover.Stats
	c := &switchCost{}
	for i, count := range []int{fewSwitches, manySwitches} {
		b.sayf("prove %d key switches on one core, N = %d", count, p.N())
		var err error
		if took[i], stats[i], err = c.prove(ctx, setup, p, count); err != nil {
			return nil, err
		}
	}
	const more = manySwitches - fewSwitches
	c.each = (took[1] - took[0]) / more
	c.fixed = took[0] - fewSwitches*c.each
	c.took, c.stats = took[1], *stats[1]
	c.bits = float64(stats[1].CommittedBits-stats[0].CommittedBits) / more
	c.wires = float64(stats[1].Wires-stats[0].Wires+stats[1].Quotients-stats[0].Quotients) / more
	return c, nil
}

// prove proves a chain twice and returns the less that it took.
func (c *switchCost) prove(
	ctx context.Context, setup *opening.Setup, p *fhe.Params, count int,
) (least time.Duration, stats *prover.Stats, err error) {
	var a *attested
	if err := oneCore(func() (err error) {
		a, err = recordUniform(ctx, chainPlan(p, switchLevel, count).Compiled())
		return err
	}); err != nil {
		return 0, nil, err
	}
	c.execute = a.executeWork / time.Duration(count)
	made, err := prover.New(prover.Config{Setup: setup, Now: time.Now})
	if err != nil {
		return 0, nil, err
	}
	for i := range 2 {
		took, err := oneCoreTime(func() (err error) {
			_, stats, err = made.Prove(ctx, a.request)
			return err
		})
		if err != nil {
			return 0, nil, err
		}
		if i == 0 || took < least {
			least = took
		}
	}
	return least, stats, nil
}

// measureSwitchProofs proves chains of key switches at three limbs on one core.
func (b *bench) measureSwitchProofs(
	ctx context.Context, setup *opening.Setup, f *figures.File,
) error {
	p, err := fhe.ParamsByName("ckks-13")
	if err != nil {
		return err
	}
	c, err := b.switchCost(ctx, setup, p)
	if err != nil {
		return err
	}
	f.Add(figures.Row{
		Figure: "key switch at 3 limbs, N = 8192: prove, one core", Value: millis(c.each),
		Unit: "ms", Asked: "<= 150 ms",
		Reference: fmt.Sprintf("processor time; difference of chains of %d and %d; "+
			"execute %.3g ms, %.3g times less", manySwitches, fewSwitches, millis(c.execute),
			float64(c.each)/float64(c.execute)),
	})
	f.Add(figures.Row{
		Figure: "51 committed bits a coefficient, N = 8192: prove, one core",
		Value:  millis(c.each) * 51 / c.bits, Unit: "ms", Asked: "<= 18 ms",
		Reference: fmt.Sprintf("%d switches: %.3g ms for each 51 bits, all in", manySwitches,
			millis(c.took)*51/float64(c.stats.CommittedBits)),
	})
	f.Add(figures.Row{
		Figure: "key switch at 3 limbs: wires", Value: c.wires, Unit: "wires", Asked: "<= 8 wires",
		Reference: fmt.Sprintf("22 naively; %d of %d switches with quotients",
			c.stats.Wires+c.stats.Quotients, manySwitches),
	})
	var memory runtime.MemStats
	runtime.ReadMemStats(&memory)
	f.Add(figures.Row{
		Figure: "memory taken from the system", Value: float64(memory.Sys) / 1e6, Unit: "MB",
		Asked: "<= 1500 MB", Reference: "the whole process so far",
	})
	return nil
}
