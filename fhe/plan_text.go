package fhe

import (
	"encoding/binary"
	"fmt"
	"strconv"
	"strings"

	"github.com/cerberus-host/cerberus/abi"
)

// planHeader is the first line of a Plan's text; the number is [PlanVersion].
const planHeader = "cerberus plan 1"

// Labels that separate the digests of Plans and constants from all others.
const (
	planLabel     = "cerberus plan v1"
	constantLabel = "cerberus constant v1"
)

// ConstantDigest returns the digest of the mantissas of a constant.
func ConstantDigest(values []int64) abi.Digest {
	b := make([]byte, 0, 8*len(values))
	for _, v := range values {
		b = binary.LittleEndian.AppendUint64(b, uint64(v))
	}
	return abi.LabelledDigest(constantLabel, b)
}

// stepName is the word for a step kind in a Plan's text, "" for an unknown kind.
func stepName(op StepOp) string {
	names := [...]string{
		StepAdd: "add", StepSub: "sub", StepNeg: "neg", StepAddConst: "add_const",
		StepMulConst: "mul_const", StepMulInt: "mul_int", StepTensor: "tensor",
		StepRelin: "relin", StepRescale: "rescale", StepDrop: "drop",
		StepDecompose: "decompose", StepRotate: "rotate",
	}
	if int(op) >= len(names) {
		return ""
	}
	return names[op]
}

func stepNamed(word string) (StepOp, bool) {
	for op := StepAdd; op <= StepRotate; op++ {
		if stepName(op) == word {
			return op, true
		}
	}
	return 0, false
}

// String returns the word for the kind that a Plan's text uses.
func (op StepOp) String() string {
	if name := stepName(op); name != "" {
		return name
	}
	return fmt.Sprintf("step(%d)", uint8(op))
}

// Digest returns the digest of the Plan's canonical text. The text holds the Program's
// digest, which binds the version of the ABI.
func (p *Plan) Digest() abi.Digest { return abi.LabelledDigest(planLabel, p.Text()) }

// Text returns the canonical text, which [ParsePlan] reads: the header, the keys, then a
// line for each input, constant, step and output. Every step ends with the level and scale
// of its result.
func (p *Plan) Text() []byte {
	b := fmt.Appendf(nil, "%s\nparams %s\nprogram %s\nregisters %d\n", planHeader,
		p.Params.Name(), p.Program, p.Registers)
	if p.Relin {
		b = append(b, "relin\n"...)
	}
	if len(p.Galois) > 0 {
		b = append(b, "galois"...)
		for _, g := range p.Galois {
			b = append(b, ' ')
			b = strconv.AppendUint(b, g, 10)
		}
		b = append(b, '\n')
	}
	for _, in := range p.Inputs {
		b = fmt.Appendf(b, "input r%d count %d %s length %d period %d bound %d level %d "+
			"scale %s name %s\n", in.Reg, in.Count, in.Packing, in.Length, in.Period, in.Bound,
			in.Level, in.Scale, in.Name)
	}
	for i, c := range p.Constants {
		b = fmt.Appendf(b, "constant %d %s period %d frac %d level %d scale %s values %s "+
			"encoded %s\n", i, c.Arrangement, c.Period, c.Frac, c.Level, c.Scale, c.Values,
			c.Encoded)
	}
	for _, s := range p.Steps {
		b = s.append(b)
	}
	for _, o := range p.Outputs {
		b = fmt.Appendf(b, "output r%d %s length %d period %d level %d scale %s name %s\n",
			o.Reg, o.Packing, o.Length, o.Period, o.Level, o.Scale, o.Name)
	}
	return b
}

func (s Step) append(b []byte) []byte {
	b = fmt.Appendf(b, "r%d %s r%d", s.Out, s.Op, s.A)
	switch s.Op {
	case StepAdd, StepSub, StepTensor:
		b = fmt.Appendf(b, " r%d", s.B)
	case StepAddConst, StepMulConst:
		b = fmt.Appendf(b, " constant %d", s.Const)
	case StepMulInt:
		b = fmt.Appendf(b, " by %d", s.Int)
	case StepRotate:
		if s.B != NoReg {
			b = fmt.Appendf(b, " digits r%d", s.B)
		}
		b = fmt.Appendf(b, " galois %d", s.Galois)
	default: // A is the only operand
	}
	return fmt.Appendf(b, " level %d scale %s\n", s.Level, s.Scale)
}

// ParsePlan reads what [Plan.Text] prints and nothing else, and checks the Plan. Errors
// wrap [ErrFormat], or [ErrPlan] if the text is fine and the Plan is not.
func ParsePlan(text []byte) (*Plan, error) {
	if len(text) > PlanBytesMax {
		return nil, fmt.Errorf("%w: Plan of %d bytes, more than %d", ErrFormat, len(text),
			PlanBytesMax)
	}
	lines := lineReader{rest: string(text)}
	p, err := parsePlan(&lines)
	if err != nil {
		return nil, fmt.Errorf("%w: Plan, line %d: %w", ErrFormat, lines.number, err)
	}
	if err := p.Check(); err != nil {
		return nil, err
	}
	if string(p.Text()) != string(text) {
		return nil, fmt.Errorf("%w: Plan is not in canonical form", ErrFormat)
	}
	return p, nil
}

func parsePlan(lines *lineReader) (*Plan, error) {
	params, err := lines.header(planHeader)
	if err != nil {
		return nil, err
	}
	p := &Plan{Params: params}
	for lines.next() {
		f := &lines.fields
		switch first := f.word(); first {
		case "program":
			p.Program = f.digest()
		case "registers":
			p.Registers = f.count()
		case "relin":
			p.Relin = true
		case "galois":
			for _, g := range f.integers(KeySetKeysMax) {
				p.Galois = append(p.Galois, uint64(g))
			}
		case "input":
			p.Inputs = append(p.Inputs, parsePlanInput(f))
		case "constant":
			p.Constants = append(p.Constants, parsePlanConstant(f))
		case "output":
			p.Outputs = append(p.Outputs, parsePlanOutput(f))
		default:
			p.Steps = append(p.Steps, parseStep(first, f))
		}
		if err := f.end(); err != nil {
			return nil, err
		}
		if err := p.checkCounts(); err != nil {
			return nil, err
		}
	}
	return p, nil
}

func parsePlanInput(f *fieldReader) PlanInput {
	in := PlanInput{Reg: f.register(f.word())}
	in.Count = f.labelled("count")
	in.Packing = abi.Packing(f.word())
	in.Length, in.Period = f.labelled("length"), f.labelled("period")
	in.Bound = f.labelled("bound")
	in.Level, in.Scale = f.levelScale()
	f.literal("name")
	in.Name = f.remainder()
	return in
}

func parsePlanConstant(f *fieldReader) PlanConstant {
	f.count() // its position, which the comparison of the text checks
	c := PlanConstant{Arrangement: Arrangement(f.word())}
	c.Period, c.Frac = f.labelled("period"), f.labelled("frac")
	c.Level, c.Scale = f.levelScale()
	f.literal("values")
	c.Values = f.digest()
	f.literal("encoded")
	c.Encoded = f.digest()
	return c
}

func parsePlanOutput(f *fieldReader) PlanOutput {
	o := PlanOutput{Reg: f.register(f.word())}
	o.Packing = abi.Packing(f.word())
	o.Length, o.Period = f.labelled("length"), f.labelled("period")
	o.Level, o.Scale = f.levelScale()
	f.literal("name")
	o.Name = f.remainder()
	return o
}

func parseStep(out string, f *fieldReader) Step {
	s := Step{Out: f.register(out), B: NoReg}
	word := f.word()
	op, ok := stepNamed(word)
	if !ok {
		f.failf("step %.20q is unknown", word)
	}
	s.Op = op
	s.A = f.register(f.word())
	switch s.Op {
	case StepAdd, StepSub, StepTensor:
		s.B = f.register(f.word())
	case StepAddConst, StepMulConst:
		s.Const = f.labelled("constant")
	case StepMulInt:
		f.literal("by")
		s.Int = f.integer()
	case StepRotate:
		if strings.HasPrefix(f.rest, "digits ") {
			f.literal("digits")
			s.B = f.register(f.word())
		}
		s.Galois = uint64(f.labelled("galois"))
	default: // A is the only operand
	}
	s.Level, s.Scale = f.levelScale()
	return s
}

// register reads r and a number.
func (f *fieldReader) register(w string) Reg {
	if f.err != nil {
		return NoReg
	}
	digits, ok := strings.CutPrefix(w, "r")
	v, err := strconv.ParseInt(digits, 10, 32)
	if !ok || err != nil || v < 0 {
		f.failf("%.20q is no register", w)
		return NoReg
	}
	return Reg(v)
}

func (f *fieldReader) levelScale() (int, Scale) {
	level := f.labelled("level")
	f.literal("scale")
	w := f.word()
	if f.err != nil {
		return 0, Scale{}
	}
	s, err := ParseScale(w)
	if err != nil {
		f.failf("%w", err)
	}
	return level, s
}
