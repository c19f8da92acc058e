package fhe

import (
	"errors"
	"fmt"
	"slices"

	"github.com/cerberus-host/cerberus/abi"
)

// planScaleBits is how near scales must be that a step asks to be equal: what remains of
// 128 bits after many roundings.
const planScaleBits = 100

// stepIntMax bounds the integer of [StepMulInt] from above, exclusively.
const stepIntMax = 1 << 62

// regKind is what a register holds.
type regKind uint8

const (
	regUnassigned regKind = iota
	regDegree1
	regDegree2
	regDigits
)

// regState is what is known of a register before a step.
type regState struct {
	kind    regKind
	packing abi.Packing
	level   int
	scale   Scale
	// source is the register whose digits it holds.
	source Reg
}

// planChecker walks a Plan once.
type planChecker struct {
	plan *Plan
	regs []regState
	// usedConstants tells of each constant whether a step takes it.
	usedConstants []bool
	// modulus[l] is the product of q_0 to q_l.
	modulus []Scale
	relin   bool
	galois  map[uint64]bool
}

// Check returns nil if the Plan is well-formed: counts within the limits, every register
// assigned once and before use, levels, degrees, scales and packings consistent (scales to
// within 2^-100), every scale at least 1 and below the modulus of its level, every constant
// used, and the listed keys exactly those that steps use. Otherwise the error wraps
// [ErrPlan].
func (p *Plan) Check() error {
	if err := p.check(); err != nil {
		return fmt.Errorf("%w: %w", ErrPlan, err)
	}
	return nil
}

func (p *Plan) check() error {
	if p.Params == nil {
		return fmt.Errorf("%w: a Plan needs one", ErrParams)
	}
	if p.Program.IsZero() {
		return errors.New("names no Program")
	}
	if err := p.checkCounts(); err != nil {
		return err
	}
	c := &planChecker{
		plan: p, regs: make([]regState, p.Registers),
		usedConstants: make([]bool, len(p.Constants)), galois: make(map[uint64]bool),
	}
	product := ScaleOfBits(0)
	for i := range p.Params.QCount() {
		product = product.MulInt(p.Params.Q(i))
		c.modulus = append(c.modulus, product)
	}
	for _, check := range []func() error{
		c.inputs, c.constants, c.steps, c.outputs, c.used, c.keys,
	} {
		if err := check(); err != nil {
			return err
		}
	}
	return nil
}

// checkCounts holds the lengths of the lists to their limits; the parser calls it as they
// grow.
func (p *Plan) checkCounts() error {
	for _, c := range []struct {
		what      string
		have, max int
	}{
		{"inputs", len(p.Inputs), abi.InputsMax},
		{"outputs", len(p.Outputs), abi.OutputsMax},
		{"constants", len(p.Constants), PlanConstantsMax},
		{"steps", len(p.Steps), PlanStepsMax},
		{"registers", p.Registers, PlanRegistersMax},
		{"rotation keys", len(p.Galois), KeySetKeysMax - 1},
	} {
		if c.have < 0 || c.have > c.max {
			return fmt.Errorf("%w: %d %s, more than %d", ErrLimit, c.have, c.what, c.max)
		}
	}
	return nil
}

func (c *planChecker) inputs() error {
	p := c.plan
	if len(p.Inputs) == 0 {
		return errors.New("has no input")
	}
	for i, in := range p.Inputs {
		if !abi.ValidName(in.Name) {
			return fmt.Errorf("%w: input %.80q is not a name", ErrName, in.Name)
		}
		if slices.ContainsFunc(p.Inputs[:i], func(o PlanInput) bool { return o.Name == in.Name }) {
			return fmt.Errorf("%w: input %q is there twice", ErrName, in.Name)
		}
		if err := checkShape(p.Params, in.Packing, in.Length, in.Period); err != nil {
			return fmt.Errorf("input %q: %w", in.Name, err)
		}
		if in.Bound < 1 || in.Bound > inputBoundMax {
			return fmt.Errorf("input %q: bound %d is outside 1 to %d", in.Name, in.Bound,
				inputBoundMax)
		}
		if want := CiphertextCount(p.Params, in.Packing, in.Length); in.Count != want {
			return fmt.Errorf("input %q: %d ciphertexts instead of %d", in.Name, in.Count, want)
		}
		if err := c.levelScale(in.Level, in.Scale); err != nil {
			return fmt.Errorf("input %q: %w", in.Name, err)
		}
		state := regState{
			kind: regDegree1, packing: in.Packing, level: in.Level, scale: in.Scale,
		}
		for k := range in.Count {
			// Compared before the addition, which could overflow.
			if in.Reg > Reg(PlanRegistersMax) {
				return fmt.Errorf("input %q: register %d of %d", in.Name, in.Reg, p.Registers)
			}
			if err := c.assign(in.Reg+Reg(k), state); err != nil {
				return fmt.Errorf("input %q: %w", in.Name, err)
			}
		}
	}
	return nil
}

func (c *planChecker) constants() error {
	for i, k := range c.plan.Constants {
		err := c.levelScale(k.Level, k.Scale)
		switch {
		case err != nil:
		case k.Frac < 0 || k.Frac > abi.FracBitsMax:
			err = fmt.Errorf("%d fractional bits, outside 0 to %d", k.Frac, abi.FracBitsMax)
		case k.Values.IsZero() || k.Encoded.IsZero():
			err = errors.New("lacks a digest")
		case k.Arrangement == ArrangeSlots:
			if ferr := checkShape(c.plan.Params, abi.PackSlots, 1, k.Period); ferr != nil {
				err = ferr
			}
		case k.Arrangement != ArrangeCoeffs && k.Arrangement != ArrangeDot:
			err = fmt.Errorf("arrangement %.20q is unknown", k.Arrangement)
		case k.Period != 0:
			err = fmt.Errorf("period %d, must be 0 with arrangement %s", k.Period, k.Arrangement)
		}
		if err != nil {
			return fmt.Errorf("constant %d: %w", i, err)
		}
	}
	return nil
}

func (c *planChecker) steps() error {
	for i, s := range c.plan.Steps {
		state, err := c.step(s)
		if err == nil {
			err = c.levelScale(s.Level, s.Scale)
		}
		if err == nil {
			state.level, state.scale = s.Level, s.Scale
			err = c.assign(s.Out, state)
		}
		if err != nil {
			return fmt.Errorf("step %d, %s: %w", i, s.Op, err)
		}
	}
	return nil
}

// step checks operands, level and scale of one step and returns what its result is; level
// and scale of the result are the step's own.
func (c *planChecker) step(s Step) (regState, error) {
	a, err := c.operand(s.A)
	if err != nil {
		return a, err
	}
	if err := s.checkUnused(); err != nil {
		return a, err
	}
	switch s.Op {
	case StepAdd, StepSub, StepTensor:
		return c.binary(s, a)
	case StepAddConst, StepMulConst:
		return c.withConstant(s, a)
	case StepMulInt:
		if a.kind != regDegree1 {
			return a, errDegree1(s.A)
		}
		return a, mulIntStep(s, a)
	case StepNeg:
		return a, same(s, a.level, a.scale)
	case StepRelin:
		if a.kind != regDegree2 {
			return a, fmt.Errorf("register %d does not have degree 2", s.A)
		}
		c.relin = true
		a.kind = regDegree1
		return a, same(s, a.level, a.scale)
	case StepRescale:
		if a.level == 0 {
			return a, fmt.Errorf("register %d has level 0", s.A)
		}
		return a, same(s, a.level-1, a.scale.DivInt(c.plan.Params.Q(a.level)))
	case StepDrop:
		if a.kind != regDegree1 {
			return a, errDegree1(s.A)
		}
		if s.Level >= a.level {
			return a, fmt.Errorf("from level %d to %d", a.level, s.Level)
		}
		return a, same(s, s.Level, a.scale)
	case StepDecompose:
		if a.kind != regDegree1 {
			return a, errDegree1(s.A)
		}
		a.kind, a.source = regDigits, s.A
		return a, same(s, a.level, a.scale)
	case StepRotate:
		return a, c.rotate(s, a)
	default:
		return a, errors.New("kind is unknown")
	}
}

func errDegree1(r Reg) error { return fmt.Errorf("register %d does not have degree 1", r) }

// checkUnused asks that operands which the kind does not use are absent, so that equal
// Plans have equal texts.
func (s Step) checkUnused() error {
	b := s.Op == StepAdd || s.Op == StepSub || s.Op == StepTensor || s.Op == StepRotate
	k := s.Op == StepAddConst || s.Op == StepMulConst
	if (!b && s.B != NoReg) || (!k && s.Const != 0) || (s.Op != StepMulInt && s.Int != 0) ||
		(s.Op != StepRotate && s.Galois != 0) {
		return errors.New("has an operand that its kind does not use")
	}
	return nil
}

func (c *planChecker) binary(s Step, a regState) (regState, error) {
	b, err := c.operand(s.B)
	if err != nil {
		return a, err
	}
	if a.level != b.level || a.packing != b.packing {
		return a, fmt.Errorf("levels %d and %d, packings %s and %s", a.level, b.level, a.packing,
			b.packing)
	}
	if s.Op == StepTensor {
		if a.kind != regDegree1 || b.kind != regDegree1 || a.packing != abi.PackSlots {
			return a, errors.New("operands are not of degree 1 with slot packing")
		}
		a.kind = regDegree2
		return a, same(s, a.level, a.scale.Mul(b.scale))
	}
	if a.kind != b.kind || !a.scale.Near(b.scale, planScaleBits) {
		return a, errors.New("operands differ in degree or scale")
	}
	return a, same(s, a.level, a.scale)
}

func (c *planChecker) withConstant(s Step, a regState) (regState, error) {
	if s.Const < 0 || s.Const >= len(c.plan.Constants) {
		return a, fmt.Errorf("constant %d of %d", s.Const, len(c.plan.Constants))
	}
	c.usedConstants[s.Const] = true
	k := c.plan.Constants[s.Const]
	slots := a.packing == abi.PackSlots
	switch {
	case a.kind != regDegree1:
		return a, errDegree1(s.A)
	case k.Level != a.level:
		return a, fmt.Errorf("constant of level %d meets level %d", k.Level, a.level)
	case slots != (k.Arrangement == ArrangeSlots):
		return a, fmt.Errorf("constant arranged as %s meets packing %s", k.Arrangement, a.packing)
	case s.Op == StepMulConst:
		return a, same(s, a.level, a.scale.Mul(k.Scale))
	case !k.Scale.Near(a.scale, planScaleBits):
		return a, errors.New("constant differs in scale")
	default:
		return a, same(s, a.level, a.scale)
	}
}

// mulIntStep allows the two readings of a product with an integer: the value grows and the
// scale stays, or the scale grows and the integer is the growth rounded to nearest.
func mulIntStep(s Step, a regState) error {
	if s.Int <= -stepIntMax || s.Int >= stepIntMax {
		return errors.New("integer is not below 2^62")
	}
	if s.Level != a.level {
		return fmt.Errorf("changes the level from %d to %d", a.level, s.Level)
	}
	if s.Scale.IsZero() || !s.Scale.canonical() {
		return errors.New("scale is malformed")
	}
	if s.Scale.Near(a.scale, planScaleBits) {
		return nil
	}
	growth := s.Scale.Div(a.scale).RoundInt()
	if s.Int < 1 || !growth.IsInt64() || growth.Int64() != s.Int {
		return fmt.Errorf("integer %d does not fit the growth of the scale", s.Int)
	}
	return nil
}

func (c *planChecker) rotate(s Step, a regState) error {
	if err := c.plan.Params.CheckGalois(s.Galois); err != nil {
		return err
	}
	if a.kind != regDegree1 || a.packing != abi.PackSlots {
		return fmt.Errorf("register %d is not of degree 1 with slot packing", s.A)
	}
	if s.B != NoReg {
		if !c.assigned(s.B) || c.regs[s.B].kind != regDigits || c.regs[s.B].source != s.A {
			return fmt.Errorf("register %d does not hold the digits of register %d", s.B, s.A)
		}
	}
	c.galois[s.Galois] = true
	return same(s, a.level, a.scale)
}

func same(s Step, level int, scale Scale) error {
	if s.Level != level {
		return fmt.Errorf("level %d instead of %d", s.Level, level)
	}
	if s.Scale.IsZero() || !s.Scale.canonical() || !s.Scale.Near(scale, planScaleBits) {
		return fmt.Errorf("scale %s is not near %s", s.Scale, scale)
	}
	return nil
}

func (c *planChecker) outputs() error {
	p := c.plan
	if len(p.Outputs) == 0 {
		return errors.New("has no output")
	}
	for i, o := range p.Outputs {
		if !abi.ValidName(o.Name) {
			return fmt.Errorf("%w: output %.80q is not a name", ErrName, o.Name)
		}
		if slices.ContainsFunc(p.Outputs[:i], func(e PlanOutput) bool { return e.Name == o.Name }) {
			return fmt.Errorf("%w: output %q is there twice", ErrName, o.Name)
		}
		if err := checkShape(p.Params, o.Packing, o.Length, o.Period); err != nil {
			return fmt.Errorf("output %q: %w", o.Name, err)
		}
		if o.Packing == abi.PackCoeffs && o.Length != 1 {
			return fmt.Errorf("output %q: length %d with coefficient packing", o.Name, o.Length)
		}
		r, err := c.operand(o.Reg)
		if err != nil {
			return fmt.Errorf("output %q: %w", o.Name, err)
		}
		if r.kind != regDegree1 || r.packing != o.Packing || r.level != o.Level ||
			r.scale != o.Scale {
			return fmt.Errorf("output %q is not what register %d holds", o.Name, o.Reg)
		}
	}
	return nil
}

// used asks that nothing is there for nothing, so that equal Plans have equal texts.
func (c *planChecker) used() error {
	for i, ok := range c.usedConstants {
		if !ok {
			return fmt.Errorf("constant %d is not used", i)
		}
	}
	for r, state := range c.regs {
		if state.kind == regUnassigned {
			return fmt.Errorf("register %d is never assigned", r)
		}
	}
	return nil
}

func (c *planChecker) keys() error {
	p := c.plan
	if p.Relin != c.relin {
		return fmt.Errorf("listed need of a relinearisation key is %t, actual is %t", p.Relin,
			c.relin)
	}
	if len(p.Galois) != len(c.galois) {
		return fmt.Errorf("lists %d rotation keys and uses %d", len(p.Galois), len(c.galois))
	}
	for i, g := range p.Galois {
		if i > 0 && g <= p.Galois[i-1] {
			return errors.New("rotation keys do not ascend")
		}
		if !c.galois[g] {
			return fmt.Errorf("lists the rotation key %d, which no step uses", g)
		}
	}
	return nil
}

func (c *planChecker) assigned(r Reg) bool {
	return r >= 0 && int(r) < len(c.regs) && c.regs[r].kind != regUnassigned
}

// operand returns the state of a register that holds a ciphertext.
func (c *planChecker) operand(r Reg) (regState, error) {
	if !c.assigned(r) {
		return regState{}, fmt.Errorf("register %d is not assigned", r)
	}
	if c.regs[r].kind == regDigits {
		return regState{}, fmt.Errorf("register %d holds digits", r)
	}
	return c.regs[r], nil
}

func (c *planChecker) assign(r Reg, state regState) error {
	if r < 0 || int(r) >= len(c.regs) {
		return fmt.Errorf("register %d of %d", r, len(c.regs))
	}
	if c.assigned(r) {
		return fmt.Errorf("register %d is assigned twice", r)
	}
	c.regs[r] = state
	return nil
}

func (c *planChecker) levelScale(level int, scale Scale) error {
	if level < 0 || level > c.plan.Params.MaxLevel() {
		return fmt.Errorf("level %d is outside 0 to %d", level, c.plan.Params.MaxLevel())
	}
	if scale.IsZero() || !scale.canonical() || scale.Log2Floor() < 0 ||
		scale.Cmp(c.modulus[level]) >= 0 {
		return fmt.Errorf("scale %s is not between 1 and the modulus of level %d", scale, level)
	}
	return nil
}
