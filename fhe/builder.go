package fhe

import (
	"fmt"
	"math/bits"
	"slices"

	"github.com/cerberus-host/cerberus/abi"
)

// Limits of what an input may declare; the manifest's form has the same.
const (
	inputBoundMax     = 1 << 30
	inputScaleBitsMax = 50
)

// Builder records a Program node by node and checks every node as it is added: operands
// exist, kinds and lengths fit, limits hold. A node that was refused leaves no trace. The
// id of a node is its index in the order of recording. A Builder depends on its calls
// alone, and is not safe for concurrent use.
//
// All methods that return an id return errors that wrap [ErrRange] for a number outside
// its range or an id that was not given out, [ErrType] for operands that do not fit the
// operation, [ErrDepth] when the parameter set cannot have enough levels, and [ErrLimit]
// when a limit of package abi is reached.
type Builder struct {
	params *Params
	nodes  []Node
	// depth is a lower bound of the levels that a node's computation consumes; only a
	// compiler, which sees the model, knows the exact number.
	depth   []int
	outputs []ProgramOutput
	inputs  []NodeID
	// values counts the inline constants of all nodes.
	values int
	model  abi.Digest
}

// NewBuilder starts a Program for that parameter set, which must not be nil.
func NewBuilder(p *Params) *Builder { return &Builder{params: p} }

// Type returns the type of a node.
func (b *Builder) Type(id NodeID) (VectorType, error) {
	if err := b.known(id); err != nil {
		return VectorType{}, err
	}
	return b.nodes[id].Type, nil
}

// Input returns the node of the input vector that in declares; its When is not looked at.
// The same declaration again returns the same node; a different one of the same name is
// refused with [ErrName].
func (b *Builder) Input(in abi.Input) (NodeID, error) {
	if !abi.ValidName(in.Name) {
		return 0, fmt.Errorf("%w: input %.80q is not a name", ErrName, in.Name)
	}
	n := Node{
		Op:   NodeInput,
		Name: in.Name, Bound: in.Bound, ScaleBits: in.ScaleBits,
		Type: VectorType{Encrypted: true, Packing: in.Packing, Length: in.Length},
	}
	if err := b.checkInput(n); err != nil {
		return 0, err
	}
	for _, id := range b.inputs {
		have := b.nodes[id]
		if have.Name != n.Name {
			continue
		}
		if have.Type != n.Type || have.Bound != n.Bound || have.ScaleBits != n.ScaleBits {
			return 0, fmt.Errorf("%w: input %q is declared twice, differently", ErrName, n.Name)
		}
		return id, nil
	}
	if len(b.inputs) == abi.InputsMax {
		return 0, fmt.Errorf("%w: more than %d inputs", ErrLimit, abi.InputsMax)
	}
	id, err := b.append(n, 0)
	if err == nil {
		b.inputs = append(b.inputs, id)
	}
	return id, err
}

func (b *Builder) checkInput(n Node) error {
	switch n.Type.Packing {
	case abi.PackSlots:
		if err := b.fitsSlots(n.Type.Length); err != nil {
			return fmt.Errorf("input %q: %w", n.Name, err)
		}
	case abi.PackCoeffs:
	default:
		return fmt.Errorf("%w: input %q: packing %.20q is neither slots nor coeffs", ErrType,
			n.Name, n.Type.Packing)
	}
	switch {
	case n.Type.Length < 1 || n.Type.Length > abi.VectorLengthMax:
		return fmt.Errorf("%w: input %q has length %d, outside 1 to %d", ErrRange, n.Name,
			n.Type.Length, abi.VectorLengthMax)
	case n.Bound < 1 || n.Bound > inputBoundMax:
		return fmt.Errorf("%w: input %q has bound %d, outside 1 to %d", ErrRange, n.Name,
			n.Bound, inputBoundMax)
	case n.ScaleBits < 0 || n.ScaleBits > inputScaleBitsMax:
		return fmt.Errorf("%w: input %q has a scale of %d bits, outside 0 to %d", ErrRange,
			n.Name, n.ScaleBits, inputScaleBitsMax)
	}
	return nil
}

// Constant makes a public vector of the values mantissa * 2^-frac; values is copied.
func (b *Builder) Constant(values []int64, frac int) (NodeID, error) {
	if err := checkConstantShape(len(values), frac); err != nil {
		return 0, err
	}
	if b.values+len(values) > abi.InlineValuesMax {
		return 0, fmt.Errorf("%w: more than %d inline values in one Program; put them into "+
			"the model", ErrLimit, abi.InlineValuesMax)
	}
	id, err := b.append(Node{
		Op: NodeConstant, Values: slices.Clone(values), Frac: frac,
		Type: VectorType{Length: len(values)},
	}, 0)
	if err == nil {
		b.values += len(values)
	}
	return id, err
}

// Model names a range of the Brain's model as a public vector. All ranges of a Program are
// of one blob; another digest is refused with [ErrName].
func (b *Builder) Model(ref ModelRange) (NodeID, error) {
	if err := ref.check(); err != nil {
		return 0, err
	}
	if !b.model.IsZero() && b.model != ref.Digest {
		return 0, fmt.Errorf("%w: the Program names two models, %s and %s", ErrName,
			b.model.Short(), ref.Digest.Short())
	}
	id, err := b.append(Node{
		Op: NodeModel, Model: ref, Type: VectorType{Length: ref.Count},
	}, 0)
	if err == nil {
		b.model = ref.Digest
	}
	return id, err
}

func (r ModelRange) check() error {
	if err := checkConstantShape(r.Count, r.Frac); err != nil {
		return fmt.Errorf("model range: %w", err)
	}
	size := int64(r.Type.Size())
	switch {
	case size == 0:
		return fmt.Errorf("%w: model range: number type %.20q is none of i8, i16, i32, i64",
			ErrRange, r.Type)
	case r.Offset < 0 || r.Offset > abi.ModelBytesMax ||
		r.Offset+size*int64(r.Count) > abi.ModelBytesMax:
		return fmt.Errorf("%w: model range of %d numbers from byte %d leaves a model of at "+
			"most %d bytes", ErrRange, r.Count, r.Offset, abi.ModelBytesMax)
	case r.Digest.IsZero():
		return fmt.Errorf("%w: model range names no blob", ErrName)
	}
	return nil
}

func checkConstantShape(count, frac int) error {
	if count < 1 || count > abi.VectorLengthMax {
		return fmt.Errorf("%w: constant has %d values, outside 1 to %d", ErrRange, count,
			abi.VectorLengthMax)
	}
	if frac < 0 || frac > abi.FracBitsMax {
		return fmt.Errorf("%w: constant has %d fractional bits, outside 0 to %d", ErrRange,
			frac, abi.FracBitsMax)
	}
	return nil
}

// Add returns x + y element by element; one of them may be a constant.
func (b *Builder) Add(x, y NodeID) (NodeID, error) { return b.linear(NodeAdd, x, y) }

// Sub returns x - y element by element; one of them may be a constant.
func (b *Builder) Sub(x, y NodeID) (NodeID, error) { return b.linear(NodeSub, x, y) }

func (b *Builder) linear(op NodeOp, x, y NodeID) (NodeID, error) {
	if err := b.known(x, y); err != nil {
		return 0, err
	}
	t, u := b.nodes[x].Type, b.nodes[y].Type
	switch {
	case !t.Encrypted && !u.Encrypted:
		return 0, fmt.Errorf("%w: %s of two constants; compute it before", ErrType, op)
	case t.Length != u.Length:
		return 0, fmt.Errorf("%w: %s of vectors of length %d and %d", ErrType, op, t.Length,
			u.Length)
	case t.Encrypted && u.Encrypted && t.Packing != u.Packing:
		return 0, fmt.Errorf("%w: %s of packings %s and %s", ErrType, op, t.Packing, u.Packing)
	case !t.Encrypted:
		t = u
	}
	return b.append(Node{Op: op, A: x, B: y, Type: t}, max(b.depth[x], b.depth[y]))
}

// Mul returns the product x * y of two encrypted slot vectors element by element.
func (b *Builder) Mul(x, y NodeID) (NodeID, error) {
	t, err := b.slotVector(NodeMul, x)
	if err != nil {
		return 0, err
	}
	u, err := b.slotVector(NodeMul, y)
	if err != nil {
		return 0, err
	}
	if t.Length != u.Length {
		return 0, fmt.Errorf("%w: mul of vectors of length %d and %d", ErrType, t.Length,
			u.Length)
	}
	return b.append(Node{Op: NodeMul, A: x, B: y, Type: t}, max(b.depth[x], b.depth[y])+1)
}

// MulPlain returns the product of the encrypted slot vector a with the constant c element
// by element.
func (b *Builder) MulPlain(a, c NodeID) (NodeID, error) {
	t, err := b.slotVector(NodeMulPlain, a)
	if err != nil {
		return 0, err
	}
	if err := b.constant(NodeMulPlain, c, t.Length); err != nil {
		return 0, err
	}
	return b.append(Node{Op: NodeMulPlain, A: a, B: c, Type: t}, b.depth[a]+1)
}

// Neg returns -a for an encrypted vector of any packing.
func (b *Builder) Neg(a NodeID) (NodeID, error) {
	t, err := b.encrypted(NodeNeg, a)
	if err != nil {
		return 0, err
	}
	return b.append(Node{Op: NodeNeg, A: a, Type: t}, b.depth[a])
}

// Rotate turns the slot vector a left by that many places, cyclically within its period;
// by lies in [-period, period]. The result has the period's length.
func (b *Builder) Rotate(a NodeID, by int) (NodeID, error) {
	t, err := b.slotVector(NodeRotate, a)
	if err != nil {
		return 0, err
	}
	p := t.Period()
	if by < -p || by > p {
		return 0, fmt.Errorf("%w: rotation by %d, outside [-%d, %d]", ErrRange, by, p, p)
	}
	t.Length = p
	// The period is a power of two, so the mask is the residue in [0, period).
	return b.append(Node{Op: NodeRotate, A: a, By: by & (p - 1), Type: t}, b.depth[a])
}

// Sum returns the sum of all elements of the slot vector a, a vector of length 1.
func (b *Builder) Sum(a NodeID) (NodeID, error) {
	t, err := b.slotVector(NodeSum, a)
	if err != nil {
		return 0, err
	}
	t.Length = 1
	return b.append(Node{Op: NodeSum, A: a, Type: t}, b.depth[a])
}

// Dot returns the inner product of the encrypted vector a, of any packing, with the
// constant c of the same length: a vector of length 1 and a's packing.
func (b *Builder) Dot(a, c NodeID) (NodeID, error) {
	t, err := b.encrypted(NodeDot, a)
	if err != nil {
		return 0, err
	}
	if err := b.constant(NodeDot, c, t.Length); err != nil {
		return 0, err
	}
	depth := b.depth[a]
	if t.Packing == abi.PackSlots {
		depth++
	}
	t.Length = 1
	return b.append(Node{Op: NodeDot, A: a, B: c, Type: t}, depth)
}

// MatVec returns the product of the rows x cols matrix in the constant m, row after row,
// with the slot vector a of length cols: a vector of length rows.
func (b *Builder) MatVec(m, a NodeID, rows, cols int) (NodeID, error) {
	t, err := b.slotVector(NodeMatVec, a)
	if err != nil {
		return 0, err
	}
	if err := b.fitsSlots(rows); err != nil {
		return 0, fmt.Errorf("matvec: rows: %w", err)
	}
	if cols != t.Length {
		return 0, fmt.Errorf("%w: matvec of a matrix with %d columns and a vector of length %d",
			ErrType, cols, t.Length)
	}
	// Both factors are at most the number of slots, so the product does not overflow.
	if err := b.constant(NodeMatVec, m, rows*cols); err != nil {
		return 0, err
	}
	t.Length = rows
	n := Node{Op: NodeMatVec, A: m, B: a, Rows: rows, Cols: cols, Type: t}
	return b.append(n, b.depth[a]+1)
}

// Poly evaluates, at every element of the slot vector a, the polynomial whose coefficients
// are the constant c, lowest degree first. The degree is 1 to [abi.PolyDegreeMax].
func (b *Builder) Poly(a, c NodeID) (NodeID, error) {
	return b.polynomial(Node{Op: NodePoly, A: a, B: c})
}

// Chebyshev evaluates the Chebyshev series with the coefficients in the constant c on the
// interval [lo * 2^-frac, hi * 2^-frac] at every element of the slot vector a. The degree
// is 1 to [abi.PolyDegreeMax].
func (b *Builder) Chebyshev(a, c NodeID, lo, hi int64, frac int) (NodeID, error) {
	if lo >= hi {
		return 0, fmt.Errorf("%w: chebyshev interval from %d to %d is empty", ErrRange, lo, hi)
	}
	if frac < 0 || frac > abi.FracBitsMax {
		return 0, fmt.Errorf("%w: chebyshev interval has %d fractional bits, outside 0 to %d",
			ErrRange, frac, abi.FracBitsMax)
	}
	return b.polynomial(Node{Op: NodeChebyshev, A: a, B: c, Lo: lo, Hi: hi, Frac: frac})
}

func (b *Builder) polynomial(n Node) (NodeID, error) {
	t, err := b.slotVector(n.Op, n.A)
	if err != nil {
		return 0, err
	}
	if err := b.constant(n.Op, n.B, -1); err != nil {
		return 0, err
	}
	degree := b.nodes[n.B].Type.Length - 1
	if degree < 1 || degree > abi.PolyDegreeMax {
		return 0, fmt.Errorf("%w: %s of degree %d, outside 1 to %d", ErrRange, n.Op, degree,
			abi.PolyDegreeMax)
	}
	n.Type = t
	depth := b.depth[n.A]
	if values := b.nodes[n.B].Values; values != nil {
		// The leading coefficients of a model are not known here and may be zero.
		for degree > 0 && values[degree] == 0 {
			degree--
		}
		depth += bits.Len(uint(max(degree, 1) - 1))
	}
	return b.append(n, depth)
}

// Output makes node a the result of that name. Coefficient-packed results have length 1.
// It returns [ErrName] for a malformed or repeated name, [ErrType] for a constant and for a
// longer coefficient-packed vector, [ErrLimit] beyond [abi.OutputsMax] results.
func (b *Builder) Output(name string, a NodeID) error {
	t, err := b.encrypted("output", a)
	if err != nil {
		return err
	}
	switch {
	case !abi.ValidName(name):
		return fmt.Errorf("%w: output %.80q is not a name", ErrName, name)
	case slices.ContainsFunc(b.outputs, func(o ProgramOutput) bool { return o.Name == name }):
		return fmt.Errorf("%w: output %q is made twice", ErrName, name)
	case t.Packing == abi.PackCoeffs && t.Length != 1:
		return fmt.Errorf("%w: output %q has coefficient packing and length %d; only length 1 "+
			"can be a result", ErrType, name, t.Length)
	case len(b.outputs) == abi.OutputsMax:
		return fmt.Errorf("%w: more than %d outputs", ErrLimit, abi.OutputsMax)
	}
	b.outputs = append(b.outputs, ProgramOutput{Name: name, Node: a})
	return nil
}

// Finish returns the recorded Program without the nodes that no output needs. The ids of
// the Program's nodes are new; the Builder stays as it is. A Program without output is
// refused with [ErrRange].
func (b *Builder) Finish() (*Program, error) {
	if len(b.outputs) == 0 {
		return nil, fmt.Errorf("%w: the Program has no output", ErrRange)
	}
	live := make([]bool, len(b.nodes))
	for _, o := range b.outputs {
		live[o.Node] = true
	}
	for id, n := range slices.Backward(b.nodes) {
		if !live[id] {
			continue
		}
		for _, operand := range n.Operands() {
			live[operand] = true
		}
	}
	p := &Program{Params: b.params}
	renumbered := make([]NodeID, len(b.nodes))
	for id, n := range b.nodes {
		if !live[id] {
			continue
		}
		renumbered[id] = NodeID(len(p.Nodes))
		switch len(n.Operands()) {
		case 2:
			n.A, n.B = renumbered[n.A], renumbered[n.B]
		case 1:
			n.A = renumbered[n.A]
		}
		p.Nodes = append(p.Nodes, n)
	}
	for _, o := range b.outputs {
		p.Outputs = append(p.Outputs, ProgramOutput{Name: o.Name, Node: renumbered[o.Node]})
	}
	return p, nil
}

// append adds a checked node.
func (b *Builder) append(n Node, depth int) (NodeID, error) {
	if len(b.nodes) == abi.ProgramNodesMax {
		return 0, fmt.Errorf("%w: more than %d nodes in one Program", ErrLimit,
			abi.ProgramNodesMax)
	}
	if have := b.params.MaxLevel(); depth > have {
		return 0, fmt.Errorf("%w: %s needs %d levels, %s has %d", ErrDepth, n.Op, depth,
			b.params.Name(), have)
	}
	b.nodes = append(b.nodes, n)
	b.depth = append(b.depth, depth)
	return NodeID(len(b.nodes) - 1), nil
}

func (b *Builder) known(ids ...NodeID) error {
	for _, id := range ids {
		if id < 0 || int(id) >= len(b.nodes) {
			return fmt.Errorf("%w: node %d of %d", ErrRange, id, len(b.nodes))
		}
	}
	return nil
}

func (b *Builder) encrypted(op NodeOp, id NodeID) (VectorType, error) {
	if err := b.known(id); err != nil {
		return VectorType{}, err
	}
	t := b.nodes[id].Type
	if !t.Encrypted {
		return VectorType{}, fmt.Errorf("%w: %s takes an encrypted vector, not a constant",
			ErrType, op)
	}
	return t, nil
}

func (b *Builder) slotVector(op NodeOp, id NodeID) (VectorType, error) {
	t, err := b.encrypted(op, id)
	if err != nil {
		return VectorType{}, err
	}
	if t.Packing != abi.PackSlots {
		return VectorType{}, fmt.Errorf("%w: %s takes a slot vector; with coefficient packing "+
			"there are add, sub, neg and dot", ErrType, op)
	}
	return t, nil
}

// constant asks that id is a constant of that length; a negative length is any.
func (b *Builder) constant(op NodeOp, id NodeID, length int) error {
	if err := b.known(id); err != nil {
		return err
	}
	t := b.nodes[id].Type
	if t.Encrypted {
		return fmt.Errorf("%w: %s takes a constant here, not an encrypted vector", ErrType, op)
	}
	if length >= 0 && t.Length != length {
		return fmt.Errorf("%w: %s takes a constant of %d values, not %d", ErrType, op, length,
			t.Length)
	}
	return nil
}

func (b *Builder) fitsSlots(length int) error {
	if length < 1 || length > b.params.Slots() {
		return fmt.Errorf("%w: length %d is outside 1 to %d, the slots of %s", ErrRange, length,
			b.params.Slots(), b.params.Name())
	}
	return nil
}
