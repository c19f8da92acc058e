package fhetest

import (
	"fmt"
	"slices"

	"github.com/cerberus-host/cerberus/abi"
	"github.com/cerberus-host/cerberus/fhe"
	"github.com/cerberus-host/cerberus/fhe/rns"
)

// Case is a Plan with operands.
type Case struct {
	// Name is unique and stable: known answers are filed under it.
	Name     string
	Compiled *fhe.Compiled
	// Keys hold exactly the keys that the Plan needs; nil if it needs none.
	Keys   *fhe.KeySet
	Inputs []fhe.Ciphertext
}

// randomCases is how many random Plans the suite has per parameter set.
const randomCases = 8

// SuiteParams returns the parameter sets of the suite: small rings with digits of one, two
// and three primes.
func SuiteParams() ([]*fhe.Params, error) {
	var sets []*fhe.Params
	for _, name := range []string{"insecure-10-4", "insecure-11-4", "insecure-10-8"} {
		p, err := fhe.ParamsByName(name)
		if err != nil {
			return nil, err
		}
		sets = append(sets, p)
	}
	primes, err := rns.GeneratePrimes(rns.PrimeShape{
		LogN: 10, FirstBits: 46, ScaleBits: 40, SpecialBits: 50, QCount: 7, PCount: 3,
	})
	if err != nil {
		return nil, fmt.Errorf("suite parameters: %w", err)
	}
	primes.Name = "insecure-suite-10-7"
	p, err := fhe.NewParams(primes)
	if err != nil {
		return nil, err
	}
	return append(sets, p), nil
}

// Cases returns the suite's cases for a parameter set: all kinds of steps at every level, a
// dot product, and random Plans.
func Cases(p *fhe.Params) ([]Case, error) {
	var cases []Case
	for level := range p.QCount() {
		c, err := StepsCase(p, level)
		if err != nil {
			return nil, err
		}
		cases = append(cases, c)
	}
	dot, err := dotCase(p)
	if err != nil {
		return nil, err
	}
	cases = append(cases, dot)
	for seed := range uint64(randomCases) {
		b, live, err := RandomPlan(p, seed)
		if err != nil {
			return nil, err
		}
		// Few results, so that most registers die.
		for _, r := range live[max(0, len(live)-4):] {
			b.Output(r)
		}
		c, err := newCase(fmt.Sprintf("random-%d", seed), b, seed)
		if err != nil {
			return nil, err
		}
		cases = append(cases, c)
	}
	return cases, nil
}

// newCase makes operands for a Plan.
func newCase(name string, b *PlanBuilder, seed uint64) (Case, error) {
	p := b.Plan.Params
	c := Case{Name: p.Name() + "/" + name, Compiled: b.Compiled()}
	if err := b.Plan.Check(); err != nil {
		return c, fmt.Errorf("case %s: %w", c.Name, err)
	}
	var err error
	if need := b.Plan.KeyNeed(); !need.IsEmpty() {
		if c.Keys, err = UniformKeys(p, need); err != nil {
			return c, fmt.Errorf("case %s: %w", c.Name, err)
		}
	}
	if c.Inputs, err = UniformInputs(b.Plan, seed); err != nil {
		return c, fmt.Errorf("case %s: %w", c.Name, err)
	}
	return c, nil
}

// StepsCase is a Plan with every kind of step at one level, on fresh operands and on
// results, with shared and own digits.
func StepsCase(p *fhe.Params, level int) (Case, error) {
	half := HalfBits(p)
	b := NewPlanBuilder(p, abi.PackSlots)
	x, y := b.Input(level, half), b.Input(level, half)
	factor, err := UniformPoly(p.N(), p.Moduli(level), 1<<34)
	if err != nil {
		return Case{}, err
	}
	term, err := UniformPoly(p.N(), p.Moduli(level), 1<<35)
	if err != nil {
		return Case{}, err
	}
	times, err := b.Constant(factor, fhe.ScaleOfBits(half))
	if err != nil {
		return Case{}, err
	}
	plus, err := b.Constant(term, fhe.ScaleOfBits(half))
	if err != nil {
		return Case{}, err
	}
	b.Output(b.Binary(fhe.StepSub, x, y))
	b.Output(b.Do(fhe.Step{Op: fhe.StepAddConst, A: b.Unary(fhe.StepNeg, x), Const: plus}))
	b.Output(b.Do(fhe.Step{Op: fhe.StepMulInt, A: y, Int: -(1<<62 - 1)}))
	scaled := b.Do(fhe.Step{Op: fhe.StepMulConst, A: x, Const: times})
	left, right := p.GaloisElement(1), p.GaloisElement(-1)
	conjugate := 2*uint64(p.N()) - 1
	b.Output(b.Rotate(x, fhe.NoReg, left))
	digits := b.Unary(fhe.StepDecompose, scaled)
	b.Output(b.Binary(fhe.StepAdd, b.Rotate(scaled, digits, left), b.Rotate(scaled, digits, right)))
	b.Output(b.Rotate(scaled, digits, conjugate))
	tensor := b.Binary(fhe.StepTensor, x, y)
	square := b.Binary(fhe.StepTensor, y, y)
	sum := b.Binary(fhe.StepSub, b.Binary(fhe.StepAdd, tensor, square), b.Unary(fhe.StepNeg, square))
	relin := b.Unary(fhe.StepRelin, sum)
	b.Output(relin)
	if level > 0 {
		b.Output(b.Do(fhe.Step{Op: fhe.StepDrop, A: scaled}))
		b.Output(b.Unary(fhe.StepRescale, relin))
		b.Output(b.Unary(fhe.StepRelin, b.Unary(fhe.StepRescale, sum)))
		wide := b.Unary(fhe.StepRescale, b.Input(level, WideBits(p)))
		b.Output(b.Unary(fhe.StepRelin, b.Binary(fhe.StepTensor, wide, wide)))
		b.Output(wide)
	}
	return newCase(fmt.Sprintf("steps-%d", level), b, 0)
}

// dotCase is a dot product over several ciphertexts with coefficient packing.
func dotCase(p *fhe.Params) (Case, error) {
	const count = 3
	half := HalfBits(p)
	b := NewPlanBuilder(p, abi.PackCoeffs)
	first := b.Vector(count*p.N(), 0, half)
	var sums []fhe.Reg
	for k := range count {
		poly, err := UniformPoly(p.N(), p.Moduli(0), 1<<36, uint64(k))
		if err != nil {
			return Case{}, err
		}
		constant, err := b.Constant(poly, fhe.ScaleOfBits(half))
		if err != nil {
			return Case{}, err
		}
		r := b.Do(fhe.Step{Op: fhe.StepMulConst, A: first + fhe.Reg(k), Const: constant})
		if k > 0 {
			r = b.Binary(fhe.StepAdd, sums[k-1], r)
		}
		sums = append(sums, r)
	}
	b.Output(slices.Max(sums))
	return newCase("dot", b, 0)
}
