package squeeze

import (
	"fmt"
	"math"
	"slices"

	"github.com/cerberus-host/cerberus/abi"
	"github.com/cerberus-host/cerberus/fhe"
)

// raiseBitsMax bounds how far one integer product can raise a scale.
const raiseBitsMax = 61

// constantReadsMax bounds the numbers that a compilation reads from constants and models,
// once for every node that takes them: a short Program can name the same numbers often.
const constantReadsMax = 1 << 28

// lowered is a Program in primitive operations.
type lowered struct {
	graph *graph
	// vectors holds the ciphertexts of every encrypted node: one with slot packing, one for
	// each N elements with coefficient packing.
	vectors [][]valueID
	// water is, for a coefficient-packed node, the logarithm of the largest scale of the
	// inputs it came from; no rescale goes below it.
	water []int
}

// lowerer translates the nodes of one Program in order.
type lowerer struct {
	lowered
	prog  *fhe.Program
	model fhe.Model
	// reads counts the numbers read from constants.
	reads int
	// last tells of a node whether its result is computed at level 0.
	last []bool
}

func lower(prog *fhe.Program, model fhe.Model) (*lowered, error) {
	l := &lowerer{
		lowered: lowered{
			graph: newGraph(prog.Params), vectors: make([][]valueID, len(prog.Nodes)),
			water: make([]int, len(prog.Nodes)),
		},
		prog: prog, model: model,
	}
	same := shareNodes(prog)
	if err := l.findLast(same); err != nil {
		return nil, err
	}
	for id, n := range prog.Nodes {
		if !n.Type.Encrypted {
			continue
		}
		if first := same[id]; first != fhe.NodeID(id) {
			l.vectors[id], l.water[id] = l.vectors[first], l.water[first]
			continue
		}
		v, err := l.node(fhe.NodeID(id), n)
		if err == nil {
			err = l.graph.err
		}
		if err != nil {
			return nil, fmt.Errorf("node %d, %s: %w", id, n.Op, err)
		}
		l.vectors[id] = v
	}
	return &l.lowered, nil
}

// findLast marks the nodes from which every way to an output multiplies no more. Their
// results lie at level 0, where the room above the scale is smallest: sums of products that
// end there are summed before they are rescaled, because partial sums may overflow and
// cancel again modulo q, but not across a rescale. Of equal nodes all must qualify.
func (l *lowerer) findLast(same []fhe.NodeID) error {
	l.last = make([]bool, len(l.prog.Nodes))
	for id := range l.last {
		l.last[id] = true
	}
	for id, n := range slices.Backward(l.prog.Nodes) {
		multiplies := false
		switch n.Op {
		case fhe.NodeMul, fhe.NodeMulPlain, fhe.NodeMatVec:
			multiplies = true
		case fhe.NodeDot:
			multiplies = n.Type.Packing == abi.PackSlots
		case fhe.NodePoly, fhe.NodeChebyshev:
			series, err := l.series(n)
			if err != nil {
				return fmt.Errorf("node %d, %s: %w", id, n.Op, err)
			}
			multiplies = series.depth() > 0
		default: // the other kinds add
		}
		l.last[same[id]] = l.last[same[id]] && l.last[id]
		if !l.last[id] || multiplies {
			for _, operand := range n.Operands() {
				l.last[operand] = false
			}
		}
	}
	return nil
}

// values returns the mantissas and fractional bits of a constant node.
func (l *lowerer) values(c fhe.NodeID) (values []int64, frac int, err error) {
	n := l.prog.Nodes[c]
	if l.reads += n.Type.Length; l.reads > constantReadsMax {
		return nil, 0, fmt.Errorf("%w: the Program's nodes take more than %d numbers from "+
			"constants", fhe.ErrLimit, constantReadsMax)
	}
	return l.model.ConstantValues(n)
}

func (l *lowerer) node(id fhe.NodeID, n fhe.Node) ([]valueID, error) {
	switch n.Op {
	case fhe.NodeInput:
		return l.input(id, n), nil
	case fhe.NodeAdd, fhe.NodeSub:
		return l.linear(id, n)
	case fhe.NodeNeg:
		l.water[id] = l.water[n.A]
		return l.each(l.vectors[n.A], l.graph.negated), nil
	case fhe.NodeDot:
		if n.Type.Packing == abi.PackCoeffs {
			return l.coeffsDot(id, n)
		}
		return l.slotsDot(id, n)
	default:
		return l.slots(id, n)
	}
}

// slots lowers the operations that only slot vectors have.
func (l *lowerer) slots(id fhe.NodeID, n fhe.Node) ([]valueID, error) {
	a := n.A
	if n.Op == fhe.NodeMatVec {
		a = n.B
	}
	x := l.vectors[a][0]
	period := l.prog.Nodes[a].Type.Period()
	switch n.Op {
	case fhe.NodeMul:
		return []valueID{l.graph.product(x, l.vectors[n.B][0])}, nil
	case fhe.NodeMulPlain:
		k, err := l.slotsConstant(n.B, period)
		return []valueID{l.graph.scaled(x, k)}, err
	case fhe.NodeRotate:
		return []valueID{l.graph.rotated(x, n.By)}, nil
	case fhe.NodeSum:
		return []valueID{l.fold(x, 1, period)}, nil
	case fhe.NodeMatVec:
		return l.matVec(id, n, x)
	case fhe.NodePoly, fhe.NodeChebyshev:
		series, err := l.series(n)
		if err != nil {
			return nil, err
		}
		y, err := series.evaluate(l.graph, x, n.Type.Length, period)
		return []valueID{y}, err
	default:
		return nil, fmt.Errorf("%w: node kind %.20q is unknown", fhe.ErrType, n.Op)
	}
}

func (l *lowerer) each(in []valueID, f func(valueID) valueID) []valueID {
	out := make([]valueID, len(in))
	for i, v := range in {
		out[i] = f(v)
	}
	return out
}

func (l *lowerer) input(id fhe.NodeID, n fhe.Node) []valueID {
	bits := 0
	if n.Type.Packing == abi.PackCoeffs {
		bits = inputScaleBits(l.prog.Params, n)
		l.water[id] = bits
	}
	out := make([]valueID, fhe.CiphertextCount(l.prog.Params, n.Type.Packing, n.Type.Length))
	for i := range out {
		out[i] = l.graph.add(value{
			op: opInput, input: id, chunk: i, packing: n.Type.Packing, bits: bits,
		})
	}
	return out
}

// inputScaleBits returns the logarithm of the scale that an input declares.
func inputScaleBits(p *fhe.Params, n fhe.Node) int {
	if n.ScaleBits != 0 {
		return n.ScaleBits
	}
	return p.DefaultScale().Log2Floor()
}

// linear lowers sums and differences; either operand may be a constant.
func (l *lowerer) linear(id fhe.NodeID, n fhe.Node) ([]valueID, error) {
	g := l.graph
	negate := n.Op == fhe.NodeSub
	a, b := l.vectors[n.A], l.vectors[n.B]
	if a != nil && b != nil {
		a, b, err := l.aligned(id, n, a, b)
		if err != nil {
			return nil, err
		}
		out := make([]valueID, len(a))
		for i := range out {
			if negate {
				out[i] = g.difference(a[i], b[i])
			} else {
				out[i] = g.sum(a[i], b[i])
			}
		}
		return out, nil
	}
	x, c := n.A, n.B
	if a == nil { // the constant comes first: c - x is -x + c
		x, c = n.B, n.A
		a = b
		if negate {
			a, negate = l.each(a, g.negated), false
		}
	}
	l.water[id] = l.water[x]
	constants, err := l.addends(c, n.Type, negate)
	if err != nil {
		return nil, err
	}
	out := make([]valueID, len(a))
	for i := range out {
		out[i] = g.plusConstant(a[i], constants[i])
	}
	return out, nil
}

// aligned brings coefficient-packed operands to the larger of their scales. Slot values
// need no such step: their scale follows from their level.
func (l *lowerer) aligned(id fhe.NodeID, n fhe.Node, a, b []valueID) (x, y []valueID, err error) {
	if n.Type.Packing == abi.PackSlots {
		return a, b, nil
	}
	l.water[id] = max(l.water[n.A], l.water[n.B])
	g := l.graph
	have, want := g.values[a[0]].bits, g.values[b[0]].bits
	if d := want - have; d > raiseBitsMax || -d > raiseBitsMax {
		return nil, nil, fmt.Errorf("%w: operands have scales of 2^%d and 2^%d; use constants "+
			"with a like number of fractional bits", fhe.ErrRange, have, want)
	}
	if have < want {
		a = l.each(a, func(v valueID) valueID { return g.raised(v, want-have) })
	} else {
		b = l.each(b, func(v valueID) valueID { return g.raised(v, have-want) })
	}
	return a, b, nil
}

// addends makes the constants that are added to the ciphertexts of a vector of type t.
func (l *lowerer) addends(c fhe.NodeID, t fhe.VectorType, negate bool) ([]int, error) {
	values, frac, err := l.values(c)
	if err != nil {
		return nil, err
	}
	if negate {
		if values, err = negatedValues(values); err != nil {
			return nil, err
		}
	}
	if t.Packing == abi.PackSlots {
		k := l.graph.constant(fhe.ArrangeSlots, t.Period(), padded(values, t.Period()), frac)
		return []int{k}, nil
	}
	var out []int
	for _, chunk := range chunks(values, l.prog.Params.N()) {
		out = append(out, l.graph.constant(fhe.ArrangeCoeffs, 0, chunk, frac))
	}
	return out, nil
}

func negatedValues(values []int64) ([]int64, error) {
	out := make([]int64, len(values))
	for i, v := range values {
		if v == math.MinInt64 {
			return nil, fmt.Errorf("%w: constant value -2^63 has no negation", fhe.ErrRange)
		}
		out[i] = -v
	}
	return out, nil
}

// padded returns a copy of values with zeros behind, period long.
func padded(values []int64, period int) []int64 {
	out := make([]int64, period)
	copy(out, values)
	return out
}

func chunks(values []int64, size int) [][]int64 {
	var out [][]int64
	for len(values) > size {
		out = append(out, values[:size:size])
		values = values[size:]
	}
	return append(out, values)
}

// slotsConstant interns a constant node, padded with zeros to the period.
func (l *lowerer) slotsConstant(c fhe.NodeID, period int) (int, error) {
	values, frac, err := l.values(c)
	if err != nil {
		return 0, err
	}
	return l.graph.constant(fhe.ArrangeSlots, period, padded(values, period), frac), nil
}

// fold adds up the slots of x that are a multiple of step apart within the period: the
// result has period step. Both are powers of two.
func (l *lowerer) fold(x valueID, step, period int) valueID {
	for by := period / 2; by >= step; by /= 2 {
		x = l.graph.sum(x, l.graph.rotated(x, by))
	}
	return x
}

// slotsDot multiplies element by element and adds up all slots of the period.
func (l *lowerer) slotsDot(id fhe.NodeID, n fhe.Node) ([]valueID, error) {
	period := l.prog.Nodes[n.A].Type.Period()
	k, err := l.slotsConstant(n.B, period)
	if err != nil {
		return nil, err
	}
	g := l.graph
	y := g.timesConstant(l.vectors[n.A][0], k)
	if !l.last[id] {
		y = g.rescaled(y)
	}
	y = l.fold(y, 1, period)
	if l.last[id] {
		y = g.rescaled(y)
	}
	return []valueID{y}, nil
}

// coeffsDot multiplies each ciphertext with its part of the constant, arranged so that the
// inner product is coefficient 0, and adds up in order. The constant is exact, so the scale
// grows by 2^frac; it is rescaled as long as it stays at or above the inputs' scale.
// Parts of the constant that are all zero are left out.
func (l *lowerer) coeffsDot(id fhe.NodeID, n fhe.Node) ([]valueID, error) {
	values, frac, err := l.values(n.B)
	if err != nil {
		return nil, err
	}
	g := l.graph
	l.water[id] = l.water[n.A]
	bits := g.values[l.vectors[n.A][0]].bits + frac
	rescales := 0
	for prime := l.prog.Params.DefaultScale().Log2Floor(); bits-prime >= l.water[id]; {
		bits -= prime
		rescales++
	}
	total, some := valueID(0), false
	parts := chunks(values, l.prog.Params.N())
	for i, part := range parts {
		if allZero(part) && (some || i < len(parts)-1) {
			continue
		}
		k := g.constant(fhe.ArrangeDot, 0, part, frac)
		v := g.like(opMulConst, l.vectors[n.A][i])
		v.konst, v.pending, v.bits = k, rescales, bits
		y := g.add(v)
		if some {
			y = g.sum(total, y)
		}
		total, some = y, true
	}
	for range rescales {
		total = g.rescaled(total)
	}
	return []valueID{total}, nil
}

func allZero(values []int64) bool {
	for _, v := range values {
		if v != 0 {
			return false
		}
	}
	return true
}
