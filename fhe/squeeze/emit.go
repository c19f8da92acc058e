package squeeze

import (
	"fmt"
	"slices"

	"github.com/cerberus-host/cerberus/abi"
	"github.com/cerberus-host/cerberus/fhe"
)

// adjustMin bounds from below the integer that brings a value to a lower level's scale: it
// is rounded, and the rounding must be finer than the noise.
const adjustMin = 1 << 24

// emitter writes the steps of a Plan.
type emitter struct {
	prog    *fhe.Program
	low     *lowered
	lev     *levels
	hoisted rotationCounts
	enc     fhe.ConstantEncoder

	plan *fhe.Plan
	// at holds the register of every value at every level it was brought to, dropped those of
	// values that were only cut to a level and keep their scale.
	at, dropped map[place]fhe.Reg
	digits      map[fhe.Reg]fhe.Reg
	galois      map[uint64]bool
	// scales and levels are those of each register.
	scales []fhe.Scale
	levels []int
	// constants maps what is encoded to its index in the Plan; from names its values.
	constants map[constantUse]int
	from      []int
	err       error
}

// constantUse is a constant of the graph at a level and scale.
type constantUse struct {
	konst int
	level int
	scale fhe.Scale
}

func emit(prog *fhe.Program, low *lowered, lev *levels, hoisted rotationCounts,
	enc fhe.ConstantEncoder,
) (*fhe.Compiled, error) {
	e := &emitter{
		prog: prog, low: low, lev: lev, hoisted: hoisted, enc: enc,
		plan: &fhe.Plan{Params: prog.Params, Program: prog.Digest()},
		at:   make(map[place]fhe.Reg), dropped: make(map[place]fhe.Reg),
		digits: make(map[fhe.Reg]fhe.Reg), galois: make(map[uint64]bool),
		constants: make(map[constantUse]int),
	}
	e.inputs()
	for id, v := range low.graph.values {
		if lev.of[id] != notNeeded && v.op != opInput {
			e.value(valueID(id), v)
		}
		if e.err != nil {
			return nil, e.err
		}
	}
	e.outputs()
	e.plan.Registers = len(e.scales)
	slices.Sort(e.plan.Galois)
	if e.err != nil {
		return nil, e.err
	}
	encoded, err := e.encode()
	if err != nil {
		return nil, err
	}
	if err := e.plan.Check(); err != nil {
		return nil, err
	}
	if n := len(e.plan.Text()); n > fhe.PlanBytesMax {
		return nil, fmt.Errorf("%w: the Plan's text has %d bytes, more than %d", fhe.ErrLimit, n,
			fhe.PlanBytesMax)
	}
	return &fhe.Compiled{Plan: e.plan, Encoded: encoded}, nil
}

// inputs gives registers to the ciphertexts of all inputs, in the Program's order. An input
// of several ciphertexts of which not all are needed still arrives as a whole, at the
// highest level that one of them needs.
func (e *emitter) inputs() {
	for id, n := range e.prog.Nodes {
		if n.Op != fhe.NodeInput {
			continue
		}
		vector := e.low.vectors[id]
		level := 0
		for _, v := range vector {
			level = max(level, e.lev.of[v])
		}
		first := e.low.graph.values[vector[0]]
		in := fhe.PlanInput{
			Name: n.Name, Packing: n.Type.Packing, Length: n.Type.Length, Bound: n.Bound,
			Level: level, Scale: e.lev.scaleAt(first, level), Reg: fhe.Reg(len(e.scales)),
			Count: len(vector),
		}
		if in.Packing == abi.PackSlots {
			in.Period = n.Type.Period()
		}
		for _, v := range vector {
			e.lev.of[v] = level
			e.at[place{v, level}] = e.register(level, in.Scale)
		}
		if err := e.lev.checkInput(in); err != nil {
			e.fail(err)
		}
		e.plan.Inputs = append(e.plan.Inputs, in)
	}
}

func (e *emitter) register(level int, scale fhe.Scale) fhe.Reg {
	e.scales = append(e.scales, scale)
	e.levels = append(e.levels, level)
	return fhe.Reg(len(e.scales) - 1)
}

// step appends a step and returns its result.
func (e *emitter) step(s fhe.Step) fhe.Reg {
	if len(e.plan.Steps) == fhe.PlanStepsMax || len(e.scales) == fhe.PlanRegistersMax {
		if e.err == nil {
			e.err = fmt.Errorf("%w: the Plan would have more than %d steps or %d registers",
				fhe.ErrLimit, fhe.PlanStepsMax, fhe.PlanRegistersMax)
		}
		return 0
	}
	s.Out = e.register(s.Level, s.Scale)
	e.plan.Steps = append(e.plan.Steps, s)
	return s.Out
}

// unary appends a step on a that keeps its level and scale.
func (e *emitter) unary(op fhe.StepOp, a fhe.Reg) fhe.Reg {
	return e.step(fhe.Step{Op: op, A: a, B: fhe.NoReg, Level: e.levels[a], Scale: e.scales[a]})
}

func (e *emitter) rescale(a fhe.Reg, scale fhe.Scale) fhe.Reg {
	return e.step(fhe.Step{
		Op: fhe.StepRescale, A: a, B: fhe.NoReg, Level: e.levels[a] - 1, Scale: scale,
	})
}

// value emits the steps of one value of the graph.
func (e *emitter) value(id valueID, v value) {
	level, scale := e.lev.of[id], e.lev.scale(id, v)
	var out fhe.Reg
	switch v.op {
	case opAdd, opSub:
		op := fhe.StepAdd
		if v.op == opSub {
			op = fhe.StepSub
		}
		a, b := e.bring(v.a, level), e.bring(v.b, level)
		out = e.step(fhe.Step{Op: op, A: a, B: b, Level: level, Scale: scale})
	case opNeg:
		out = e.unary(fhe.StepNeg, e.bring(v.a, level))
	case opAddConst:
		out = e.step(fhe.Step{
			Op: fhe.StepAddConst, A: e.bring(v.a, level), B: fhe.NoReg,
			Const: e.constant(v.konst, level, scale), Level: level, Scale: scale,
		})
	case opMulConst:
		a := e.drop(v.a, level)
		out = e.step(fhe.Step{
			Op: fhe.StepMulConst, A: a, B: fhe.NoReg,
			Const: e.constant(v.konst, level, scale.Div(e.scales[a])), Level: level, Scale: scale,
		})
	case opMul:
		a, b := e.bring(v.a, level), e.bring(v.b, level)
		e.plan.Relin = true
		out = e.unary(fhe.StepRelin, e.step(fhe.Step{
			Op: fhe.StepTensor, A: a, B: b, Level: level, Scale: scale,
		}))
	case opRotate:
		out = e.rotate(v, level)
	case opRescale:
		out = e.rescale(e.bring(v.a, level+1), scale)
	case opRaise:
		out = e.step(fhe.Step{
			Op: fhe.StepMulInt, A: e.bring(v.a, level), B: fhe.NoReg, Int: 1 << v.by,
			Level: level, Scale: scale,
		})
	default:
		e.fail(fmt.Errorf("%w: operation %d", fhe.ErrPlan, v.op))
	}
	e.at[place{id, level}] = out
}

func (e *emitter) fail(err error) {
	if e.err == nil {
		e.err = err
	}
}

func (e *emitter) rotate(v value, level int) fhe.Reg {
	a := e.bring(v.a, level)
	digits := fhe.NoReg
	if e.hoisted.hoisted(place{v.a, level}) {
		var ok bool
		if digits, ok = e.digits[a]; !ok {
			digits = e.unary(fhe.StepDecompose, a)
			e.digits[a] = digits
		}
	}
	galois := e.prog.Params.GaloisElement(v.by)
	if !e.galois[galois] {
		e.galois[galois] = true
		e.plan.Galois = append(e.plan.Galois, galois)
	}
	return e.step(fhe.Step{
		Op: fhe.StepRotate, A: a, B: digits, Galois: galois, Level: level, Scale: e.scales[a],
	})
}

// bring returns the register of a value at a level, at the scale that such values have
// there. From a higher level l the value is cut to level+1, multiplied by the integer next
// to q_(level+1) * S' / S, and rescaled; the integer is so large that its rounding is below
// the noise, and the scale is taken to be exactly S'. Where both scales are the same, as
// they always are with coefficient packing, the value is only cut.
func (e *emitter) bring(id valueID, level int) fhe.Reg {
	if r, ok := e.at[place{id, level}]; ok {
		return r
	}
	v := e.low.graph.values[id]
	have := e.lev.of[id]
	if have < level || v.pending != 0 {
		e.fail(fmt.Errorf("%w: value %d of level %d is wanted at level %d", fhe.ErrPlan, id,
			have, level))
		return 0
	}
	want := e.lev.scaleAt(v, level)
	if want == e.lev.scaleAt(v, have) {
		return e.drop(id, level)
	}
	a := e.drop(id, level+1)
	raised := want.MulInt(e.prog.Params.Q(level + 1))
	factor := raised.Div(e.scales[a]).RoundInt()
	if !factor.IsInt64() || factor.Int64() < adjustMin || factor.Int64() >= 1<<62 {
		e.fail(fmt.Errorf("%w: the scale 2^%d of level %d cannot be brought to 2^%d of level %d; "+
			"leave out the scale_bits of slot inputs", fhe.ErrRange, e.scales[a].Log2Floor(), have,
			want.Log2Floor(), level))
		return 0
	}
	r := e.rescale(e.step(fhe.Step{
		Op: fhe.StepMulInt, A: a, B: fhe.NoReg, Int: factor.Int64(), Level: level + 1,
		Scale: raised,
	}), want)
	e.at[place{id, level}] = r
	return r
}

// drop returns the register of a value cut to a level, its scale unchanged.
func (e *emitter) drop(id valueID, level int) fhe.Reg {
	have := e.lev.of[id]
	if have == level {
		return e.at[place{id, level}]
	}
	if r, ok := e.dropped[place{id, level}]; ok {
		return r
	}
	a := e.at[place{id, have}]
	r := e.step(fhe.Step{
		Op: fhe.StepDrop, A: a, B: fhe.NoReg, Level: level, Scale: e.scales[a],
	})
	e.dropped[place{id, level}] = r
	return r
}

// outputs brings every result to level 0.
func (e *emitter) outputs() {
	for _, o := range e.prog.Outputs {
		t := e.prog.Nodes[o.Node].Type
		r := e.bring(e.low.vectors[o.Node][0], 0)
		if e.err != nil {
			return
		}
		out := fhe.PlanOutput{
			Name: o.Name, Packing: t.Packing, Length: t.Length, Level: 0, Scale: e.scales[r],
			Reg: r,
		}
		if t.Packing == abi.PackSlots {
			out.Period = t.Period()
		}
		e.plan.Outputs = append(e.plan.Outputs, out)
	}
}

// constant returns the index in the Plan of a constant at a level and scale. The encoded
// polynomial's digest is filled in by encode.
func (e *emitter) constant(konst, level int, scale fhe.Scale) int {
	use := constantUse{konst, level, scale}
	if i, ok := e.constants[use]; ok {
		return i
	}
	c := e.low.graph.constants[konst]
	i := len(e.plan.Constants)
	e.plan.Constants = append(e.plan.Constants, fhe.PlanConstant{
		Arrangement: c.arrangement, Period: c.period, Frac: c.frac, Level: level, Scale: scale,
		Values: c.digest,
	})
	e.constants[use] = i
	e.from = append(e.from, konst)
	return i
}

// encode encodes the Plan's constants.
func (e *emitter) encode() ([]fhe.Poly, error) {
	if len(e.plan.Constants) > fhe.PlanConstantsMax || e.plan.Cost().EncodedBytes > EncodedBytesMax {
		return nil, errConstants()
	}
	encoded := make([]fhe.Poly, len(e.plan.Constants))
	for i := range e.plan.Constants {
		c := &e.plan.Constants[i]
		values := e.low.graph.constants[e.from[i]].values
		p, err := e.enc.EncodeConstant(e.prog.Params, *c, values)
		if err != nil {
			return nil, fmt.Errorf("constant %d at level %d and scale 2^%d: %w", i, c.Level,
				c.Scale.Log2Floor(), err)
		}
		if len(p.Limbs) != c.Level+1 {
			return nil, fmt.Errorf("%w: encoder made %d limbs for level %d", fhe.ErrOperand,
				len(p.Limbs), c.Level)
		}
		if c.Encoded, err = fhe.PolyDigest(e.prog.Params, p); err != nil {
			return nil, err
		}
		encoded[i] = p
	}
	return encoded, nil
}
