package bench

import (
	"context"
	"fmt"

	"github.com/cerberus-host/cerberus/fhe"
	"github.com/cerberus-host/cerberus/fhe/rns"
	"github.com/cerberus-host/cerberus/internal/figures"
	"github.com/cerberus-host/cerberus/internal/rangecircuit"
	"github.com/cerberus-host/cerberus/proofs/opening"
)

// circuitParams is the ring of the key switch that is stated as a circuit: that of the Brains
// or, because its setup takes minutes and costs are about linear in the degree, a small one
// with primes of the same widths.
func circuitParams(baseline bool) (*fhe.Params, error) {
	if baseline {
		return fhe.ParamsByName("ckks-13")
	}
	set, err := rns.GeneratePrimes(rns.PrimeShape{
		LogN: 8, FirstBits: 46, ScaleBits: 40, SpecialBits: 47, QCount: 4, PCount: 1,
	})
	if err != nil {
		return nil, err
	}
	set.Name = "insecure-8-4"
	return fhe.NewParams(set)
}

// measureRangeChecks proves a key switch the usual way, as one circuit with a range check for
// each coefficient, and compares with what the same ring takes here.
func (b *bench) measureRangeChecks(
	ctx context.Context, setup *opening.Setup, f *figures.File,
) error {
	p, err := circuitParams(b.baseline)
	if err != nil {
		return err
	}
	ours, err := b.switchCost(ctx, setup, p)
	if err != nil {
		return err
	}
	instance, err := rangecircuit.NewInstance(p, switchLevel, 1)
	if err != nil {
		return err
	}
	b.sayf("state a key switch as a range-check circuit, N = %d", p.N())
	c, err := rangecircuit.Compile(instance)
	if err != nil {
		return err
	}
	figure := fmt.Sprintf("range-check circuit of one key switch at 3 limbs, N = %d: ", p.N())
	f.Add(figures.Row{
		Figure: figure + "constraints", Value: float64(c.Constraints()), Unit: "constraints",
		Reference: fmt.Sprintf("%d coefficients in ranges", c.Checked()),
	})
	if err := ctx.Err(); err != nil {
		return err
	}
	b.sayf("set the circuit up; at N = 8192 this takes minutes and cannot be stopped")
	took, work, err := worked(c.Setup)
	if err != nil {
		return err
	}
	f.Add(figures.Row{
		Figure: figure + "setup", Value: took.Seconds(), Unit: "s",
		Reference: fmt.Sprintf("processor time %.3g s", work.Seconds()),
	})
	if err := ctx.Err(); err != nil {
		return err
	}
	var proof *rangecircuit.Proof
	took, work, err = worked(func() (err error) {
		proof, err = c.Prove()
		return err
	})
	if err != nil {
		return err
	}
	if err := proof.Verify(); err != nil {
		return err
	}
	f.Add(figures.Row{
		Figure: figure + "prove", Value: took.Seconds(), Unit: "s",
		Reference: fmt.Sprintf("processor time %.3g s; ours %.4g ms, and %.3g ms once for a proof",
			work.Seconds(), millis(ours.each), millis(ours.fixed)),
	})
	f.Add(figures.Row{
		Figure: figure + "over ours", Value: float64(work) / float64(ours.each), Unit: "x",
		Reference: "processor time of proving a key switch",
	})
	return nil
}
