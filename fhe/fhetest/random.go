package fhetest

import (
	"fmt"

	"github.com/cerberus-host/cerberus/abi"
	"github.com/cerberus-host/cerberus/fhe"
)

// HalfBits and WideBits are scales for inputs of hand-written Plans, as powers of two: the
// product of two of the first fits below the first prime and can be rescaled, one of the
// second can be rescaled by itself.
func HalfBits(p *fhe.Params) int { return (p.ScaleBits() + 4) / 2 }

// WideBits is described at [HalfBits].
func WideBits(p *fhe.Params) int { return p.ScaleBits() + 3 }

// randomSteps is the number of steps that RandomPlan tries to place.
const randomSteps = 40

// randomPlan is a random Plan in the making.
type randomPlan struct {
	*PlanBuilder
	dice   *dice
	live   []fhe.Reg
	digits map[fhe.Reg]fhe.Reg
}

// RandomPlan makes a valid Plan of random steps on three inputs at the set's top level, the
// same for the same seed. It returns all registers of degree 1 in order; the Plan has no
// output yet.
func RandomPlan(p *fhe.Params, seed uint64) (*PlanBuilder, []fhe.Reg, error) {
	r := &randomPlan{
		PlanBuilder: NewPlanBuilder(p, abi.PackSlots), dice: &dice{seed: seed},
		digits: map[fhe.Reg]fhe.Reg{},
	}
	for range 3 {
		r.live = append(r.live, r.Input(p.MaxLevel(), HalfBits(p)))
	}
	for range randomSteps {
		if err := r.place(); err != nil {
			return nil, nil, fmt.Errorf("random plan %d: %w", seed, err)
		}
	}
	return r.PlanBuilder, r.live, nil
}

// place appends a random step if it is possible.
func (r *randomPlan) place() error {
	a := r.live[r.dice.roll(len(r.live))]
	bits, level := r.Scale(a).Log2Floor(), r.Level(a)
	half := HalfBits(r.Plan.Params)
	s := fhe.Step{Op: fhe.StepAdd + fhe.StepOp(r.dice.roll(12)), A: a, B: r.partner(a)}
	var err error
	switch s.Op { //nolint:exhaustive // the other kinds are always possible
	case fhe.StepTensor:
		if bits > half {
			return nil
		}
		product := r.Do(s)
		if r.dice.roll(2) == 0 {
			product = r.Binary(fhe.StepAdd, product, product)
		}
		s = fhe.Step{Op: fhe.StepRelin, A: product}
	case fhe.StepMulConst:
		if bits > half {
			return nil
		}
		s.Const, err = r.uniformConstant(a, fhe.ScaleOfBits(half))
	case fhe.StepAddConst:
		s.Const, err = r.uniformConstant(a, r.Scale(a))
	case fhe.StepMulInt:
		s.Int = int64(r.dice.roll(1000)) - 500
	case fhe.StepRelin:
		return nil
	case fhe.StepRescale:
		if level == 0 || bits < r.Plan.Params.ScaleBits()+2 {
			return nil
		}
	case fhe.StepDrop:
		if level == 0 {
			return nil
		}
		s.Level = level - 1
	case fhe.StepDecompose:
		if _, ok := r.digits[a]; !ok {
			r.digits[a] = r.Do(s)
		}
		return nil
	case fhe.StepRotate:
		s.B, s.Galois = fhe.NoReg, r.Plan.Params.GaloisElement(1+r.dice.roll(2))
		if own, ok := r.digits[a]; ok && r.dice.roll(4) > 0 {
			s.B = own
		}
	}
	if err == nil {
		r.live = append(r.live, r.Do(s))
	}
	return err
}

// partner returns a register that can be added to a, maybe a itself.
func (r *randomPlan) partner(a fhe.Reg) fhe.Reg {
	var fits []fhe.Reg
	for _, b := range r.live {
		if r.Level(b) == r.Level(a) && r.Scale(b).Near(r.Scale(a), 100) {
			fits = append(fits, b)
		}
	}
	return fits[r.dice.roll(len(fits))]
}

func (r *randomPlan) uniformConstant(a fhe.Reg, scale fhe.Scale) (int, error) {
	p := r.Plan.Params
	poly, err := UniformPoly(p.N(), p.Moduli(r.Level(a)), 1<<33, uint64(a))
	if err != nil {
		return 0, err
	}
	return r.Constant(poly, scale)
}
