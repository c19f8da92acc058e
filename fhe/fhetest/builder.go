package fhetest

import (
	"fmt"
	"slices"

	"github.com/cerberus-host/cerberus/abi"
	"github.com/cerberus-host/cerberus/fhe"
)

// PlanBuilder writes a Plan step by step and works out what follows from the steps: levels,
// scales, registers, needed keys. It does not check; [fhe.Plan.Check] does. It is not safe
// for concurrent use.
type PlanBuilder struct {
	// Plan is what was built so far. A test may change it to make it wrong.
	Plan *fhe.Plan
	// Encoded are the constants.
	Encoded []fhe.Poly

	packing abi.Packing
	levels  []int
	scales  []fhe.Scale
}

// NewPlanBuilder begins a Plan whose vectors all have that packing.
func NewPlanBuilder(p *fhe.Params, packing abi.Packing) *PlanBuilder {
	return &PlanBuilder{
		Plan:    &fhe.Plan{Params: p, Program: abi.SumDigest([]byte("written by hand"))},
		packing: packing,
	}
}

// Compiled returns the Plan with its constants.
func (b *PlanBuilder) Compiled() *fhe.Compiled {
	return &fhe.Compiled{Plan: b.Plan, Encoded: b.Encoded}
}

// Level returns the level of a register.
func (b *PlanBuilder) Level(r fhe.Reg) int { return b.levels[r] }

// Scale returns the scale of a register.
func (b *PlanBuilder) Scale(r fhe.Reg) fhe.Scale { return b.scales[r] }

func (b *PlanBuilder) assign(level int, scale fhe.Scale) fhe.Reg {
	b.Plan.Registers++
	b.levels, b.scales = append(b.levels, level), append(b.scales, scale)
	return fhe.Reg(b.Plan.Registers - 1)
}

// Input adds an input of one ciphertext that fills all slots or coefficients.
func (b *PlanBuilder) Input(level, scaleBits int) fhe.Reg {
	if b.packing == abi.PackCoeffs {
		return b.Vector(b.Plan.Params.N(), level, scaleBits)
	}
	return b.Vector(b.Plan.Params.Slots(), level, scaleBits)
}

// Vector adds an input of that length and returns its first register.
func (b *PlanBuilder) Vector(length, level, scaleBits int) fhe.Reg {
	p := b.Plan.Params
	in := fhe.PlanInput{
		Name: letter(len(b.Plan.Inputs)), Packing: b.packing, Length: length, Bound: 1,
		Level: level, Scale: fhe.ScaleOfBits(scaleBits), Reg: fhe.Reg(b.Plan.Registers),
		Count: fhe.CiphertextCount(p, b.packing, length),
	}
	if b.packing == abi.PackSlots {
		in.Period = fhe.VectorType{Length: length}.Period()
	}
	for range in.Count {
		b.assign(level, in.Scale)
	}
	b.Plan.Inputs = append(b.Plan.Inputs, in)
	return in.Reg
}

func letter(i int) string { return string(rune('a' + i%26)) }

// Constant adds an encoded constant and returns its index. Its level follows from its
// number of limbs, which must be one of the set's.
func (b *PlanBuilder) Constant(poly fhe.Poly, scale fhe.Scale) (int, error) {
	digest, err := fhe.PolyDigest(b.Plan.Params, poly)
	if err != nil {
		return 0, fmt.Errorf("add constant: %w", err)
	}
	c := fhe.PlanConstant{
		Arrangement: fhe.ArrangeSlots, Period: 1, Level: len(poly.Limbs) - 1, Scale: scale,
		Values: digest, Encoded: digest,
	}
	if b.packing == abi.PackCoeffs {
		c.Arrangement, c.Period = fhe.ArrangeDot, 0
	}
	b.Plan.Constants = append(b.Plan.Constants, c)
	b.Encoded = append(b.Encoded, poly)
	return len(b.Plan.Constants) - 1, nil
}

// Do appends a step and returns its result. Of s, the kind, the operands and, for a drop,
// the level are read; [StepMulInt] keeps the scale.
func (b *PlanBuilder) Do(s fhe.Step) fhe.Reg {
	p := b.Plan.Params
	level, scale := b.levels[s.A], b.scales[s.A]
	switch s.Op { //nolint:exhaustive // the other kinds keep level and scale
	case fhe.StepTensor:
		scale = scale.Mul(b.scales[s.B])
	case fhe.StepMulConst:
		scale = scale.Mul(b.Plan.Constants[s.Const].Scale)
	case fhe.StepRescale:
		scale = scale.DivInt(p.Q(level))
		level--
	case fhe.StepDrop:
		level = s.Level
	case fhe.StepRelin:
		b.Plan.Relin = true
	case fhe.StepRotate:
		if at, ok := slices.BinarySearch(b.Plan.Galois, s.Galois); !ok {
			b.Plan.Galois = slices.Insert(b.Plan.Galois, at, s.Galois)
		}
	}
	binary := []fhe.StepOp{fhe.StepAdd, fhe.StepSub, fhe.StepTensor, fhe.StepRotate}
	if !slices.Contains(binary, s.Op) {
		s.B = fhe.NoReg
	}
	s.Level, s.Scale, s.Out = level, scale, b.assign(level, scale)
	b.Plan.Steps = append(b.Plan.Steps, s)
	return s.Out
}

// Unary appends a step of one operand.
func (b *PlanBuilder) Unary(op fhe.StepOp, a fhe.Reg) fhe.Reg {
	return b.Do(fhe.Step{Op: op, A: a})
}

// Binary appends a step of two operands.
func (b *PlanBuilder) Binary(op fhe.StepOp, x, y fhe.Reg) fhe.Reg {
	return b.Do(fhe.Step{Op: op, A: x, B: y})
}

// Rotate appends a rotation; digits may be [fhe.NoReg].
func (b *PlanBuilder) Rotate(a, digits fhe.Reg, galois uint64) fhe.Reg {
	return b.Do(fhe.Step{Op: fhe.StepRotate, A: a, B: digits, Galois: galois})
}

// Output makes a register a result.
func (b *PlanBuilder) Output(r fhe.Reg) {
	p := b.Plan.Params
	o := fhe.PlanOutput{
		Name: letter(len(b.Plan.Outputs)), Packing: b.packing, Length: p.Slots(),
		Period: p.Slots(), Level: b.levels[r], Scale: b.scales[r], Reg: r,
	}
	if b.packing == abi.PackCoeffs {
		o.Length, o.Period = 1, 0
	}
	b.Plan.Outputs = append(b.Plan.Outputs, o)
}
