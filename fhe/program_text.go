package fhe

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/cerberus-host/cerberus/abi"
)

// ProgramBytesMax bounds the canonical text of a Program: every node at its longest and
// all inline values.
const ProgramBytesMax = 48 << 20

// programHeader is the first line of a Program's text; the number is the form's version.
const programHeader = "cerberus program 1"

// programLabel separates the digests of Programs from all others.
const programLabel = "cerberus program v1"

// Digest returns the digest of the Program's canonical text and the ABI's version.
func (p *Program) Digest() abi.Digest {
	return abi.LabelledDigest(programLabel, []byte(abi.Version), p.Text())
}

// Text returns the canonical text: a line per node, numbered, operands by number, the
// name of an input or output as the rest of its line. [ParseProgram] reads it.
func (p *Program) Text() []byte {
	b := []byte(programHeader + "\nparams " + p.Params.Name() + "\n")
	for id, n := range p.Nodes {
		b = strconv.AppendInt(b, int64(id), 10)
		b = append(b, ' ')
		b = append(b, n.Op...)
		for _, operand := range n.Operands() {
			b = append(b, ' ')
			b = strconv.AppendInt(b, int64(operand), 10)
		}
		b = n.appendAttributes(b)
		b = append(b, '\n')
	}
	for _, o := range p.Outputs {
		b = fmt.Appendf(b, "output %d name %s\n", o.Node, o.Name)
	}
	return b
}

func (n Node) appendAttributes(b []byte) []byte {
	switch n.Op {
	case NodeInput:
		return fmt.Appendf(b, " %s length %d bound %d scale %d name %s", n.Type.Packing,
			n.Type.Length, n.Bound, n.ScaleBits, n.Name)
	case NodeConstant:
		b = fmt.Appendf(b, " frac %d values", n.Frac)
		for _, v := range n.Values {
			b = append(b, ' ')
			b = strconv.AppendInt(b, v, 10)
		}
		return b
	case NodeModel:
		m := n.Model
		return fmt.Appendf(b, " %s %s offset %d count %d frac %d", m.Digest, m.Type, m.Offset,
			m.Count, m.Frac)
	case NodeRotate:
		return fmt.Appendf(b, " by %d", n.By)
	case NodeMatVec:
		return fmt.Appendf(b, " rows %d cols %d", n.Rows, n.Cols)
	case NodeChebyshev:
		return fmt.Appendf(b, " lo %d hi %d frac %d", n.Lo, n.Hi, n.Frac)
	default:
		return b
	}
}

// ParseProgram reads what [Program.Text] prints and nothing else. It records the nodes with
// a [Builder], so that what it returns is valid. Errors wrap [ErrFormat] and, where a
// Builder refused a node, also the Builder's error.
func ParseProgram(text []byte) (*Program, error) {
	if len(text) > ProgramBytesMax {
		return nil, fmt.Errorf("%w: Program of %d bytes, more than %d", ErrFormat, len(text),
			ProgramBytesMax)
	}
	lines := lineReader{rest: string(text)}
	p, err := parseProgram(&lines)
	if err != nil {
		return nil, fmt.Errorf("%w: Program, line %d: %w", ErrFormat, lines.number, err)
	}
	if string(p.Text()) != string(text) {
		return nil, fmt.Errorf("%w: Program is not in canonical form", ErrFormat)
	}
	return p, nil
}

func parseProgram(lines *lineReader) (*Program, error) {
	params, err := lines.header(programHeader)
	if err != nil {
		return nil, err
	}
	b := NewBuilder(params)
	for lines.next() {
		f := &lines.fields
		first := f.word()
		if first == "output" {
			id := NodeID(f.count())
			f.literal("name")
			name := f.remainder()
			if f.err == nil {
				f.err = b.Output(name, id)
			}
		} else {
			parseNode(b, f)
		}
		if err := f.end(); err != nil {
			return nil, err
		}
	}
	return b.Finish()
}

// parseNode replays one node. The number at the line's start and the canonical spelling of
// all others are left to the comparison of the whole text.
func parseNode(b *Builder, f *fieldReader) {
	op := NodeOp(f.word())
	switch op {
	case NodeInput:
		in := abi.Input{Packing: abi.Packing(f.word())}
		in.Length, in.Bound = f.labelled("length"), f.labelled("bound")
		in.ScaleBits = f.labelled("scale")
		f.literal("name")
		in.Name = f.remainder()
		f.record(func() (NodeID, error) { return b.Input(in) })
	case NodeConstant:
		frac := f.labelled("frac")
		f.literal("values")
		values := f.integers(abi.VectorLengthMax)
		f.record(func() (NodeID, error) { return b.Constant(values, frac) })
	case NodeModel:
		ref := ModelRange{Digest: f.digest(), Type: abi.NumberType(f.word())}
		f.literal("offset")
		ref.Offset = f.integer()
		ref.Count, ref.Frac = f.labelled("count"), f.labelled("frac")
		f.record(func() (NodeID, error) { return b.Model(ref) })
	case NodeNeg, NodeRotate, NodeSum:
		parseUnary(b, f, op)
	default:
		parseBinary(b, f, op)
	}
}

func parseUnary(b *Builder, f *fieldReader, op NodeOp) {
	a := NodeID(f.count())
	by := 0
	if op == NodeRotate {
		by = f.labelled("by")
	}
	f.record(func() (NodeID, error) {
		switch op {
		case NodeNeg:
			return b.Neg(a)
		case NodeRotate:
			return b.Rotate(a, by)
		default:
			return b.Sum(a)
		}
	})
}

func parseBinary(b *Builder, f *fieldReader, op NodeOp) {
	x, y := NodeID(f.count()), NodeID(f.count())
	switch op {
	case NodeAdd:
		f.record(func() (NodeID, error) { return b.Add(x, y) })
	case NodeSub:
		f.record(func() (NodeID, error) { return b.Sub(x, y) })
	case NodeMul:
		f.record(func() (NodeID, error) { return b.Mul(x, y) })
	case NodeMulPlain:
		f.record(func() (NodeID, error) { return b.MulPlain(x, y) })
	case NodeDot:
		f.record(func() (NodeID, error) { return b.Dot(x, y) })
	case NodeMatVec:
		rows, cols := f.labelled("rows"), f.labelled("cols")
		f.record(func() (NodeID, error) { return b.MatVec(x, y, rows, cols) })
	case NodePoly:
		f.record(func() (NodeID, error) { return b.Poly(x, y) })
	case NodeChebyshev:
		f.literal("lo")
		lo := f.integer()
		f.literal("hi")
		hi := f.integer()
		frac := f.labelled("frac")
		f.record(func() (NodeID, error) { return b.Chebyshev(x, y, lo, hi, frac) })
	default:
		f.failf("node kind %.20q is unknown", op)
	}
}

// lineReader walks the lines of a canonical text, each of which ends with a newline.
type lineReader struct {
	rest   string
	number int
	fields fieldReader
}

// next moves to the next line; a last line without a newline is one that fails.
func (l *lineReader) next() bool {
	if l.rest == "" {
		return false
	}
	line, rest, ok := strings.Cut(l.rest, "\n")
	l.rest = rest
	l.number++
	l.fields = fieldReader{rest: line, more: true}
	if !ok {
		l.fields.failf("does not end with a newline")
	}
	return true
}

// header reads the first two lines: what the text is, and its parameter set.
func (l *lineReader) header(first string) (*Params, error) {
	if !l.next() || l.fields.remainder() != first || l.fields.err != nil {
		return nil, fmt.Errorf("is not %q", first)
	}
	if !l.next() {
		return nil, errors.New(`line "params" is missing`)
	}
	l.fields.literal("params")
	name := l.fields.remainder()
	if l.fields.err != nil {
		return nil, l.fields.err
	}
	return ParamsByName(name)
}

// fieldReader walks the fields of a line, which single spaces separate. After its first
// error it returns zero values.
type fieldReader struct {
	rest string
	more bool
	err  error
}

func (f *fieldReader) failf(format string, args ...any) {
	if f.err == nil {
		f.err = fmt.Errorf(format, args...)
	}
}

func (f *fieldReader) word() string {
	if f.err != nil {
		return ""
	}
	if !f.more {
		f.failf("ends too early")
		return ""
	}
	var w string
	w, f.rest, f.more = strings.Cut(f.rest, " ")
	return w
}

func (f *fieldReader) literal(want string) {
	if got := f.word(); f.err == nil && got != want {
		f.failf("%.40q where %q belongs", got, want)
	}
}

func (f *fieldReader) integer() int64 {
	w := f.word()
	v, err := strconv.ParseInt(w, 10, 64)
	if err != nil {
		f.failf("%.40q is no integer of 64 bits", w)
	}
	return v
}

// count reads an integer of 31 bits without sign, which fits every index and count.
func (f *fieldReader) count() int {
	v := f.integer()
	if v < 0 || v > 1<<31-1 {
		f.failf("%d is outside 0 to 2^31 - 1", v)
		return 0
	}
	return int(v)
}

func (f *fieldReader) labelled(label string) int {
	f.literal(label)
	return f.count()
}

func (f *fieldReader) integers(most int) []int64 {
	var out []int64
	for f.err == nil && f.more {
		if len(out) == most {
			f.failf("more than %d values", most)
			break
		}
		out = append(out, f.integer())
	}
	return out
}

func (f *fieldReader) digest() abi.Digest {
	w := f.word()
	if f.err != nil {
		return abi.Digest{}
	}
	d, err := abi.ParseDigest(w)
	if err != nil {
		f.failf("%w", err)
	}
	return d
}

// remainder returns the rest of the line, spaces included.
func (f *fieldReader) remainder() string {
	if !f.more {
		f.failf("ends too early")
	}
	w := f.rest
	f.rest, f.more = "", false
	return w
}

// record runs a Builder's method unless an error came before.
func (f *fieldReader) record(node func() (NodeID, error)) {
	if f.end() == nil {
		_, f.err = node()
	}
}

// end returns the line's error; fields that are left over are one.
func (f *fieldReader) end() error {
	if f.more {
		f.failf("has %.40q too much", f.rest)
	}
	return f.err
}
