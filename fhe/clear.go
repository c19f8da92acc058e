package fhe

import (
	"fmt"
	"math"
	"slices"
)

// EvalClear is the clear twin: it evaluates a Program on plain numbers, in float64, and
// returns its outputs by name. inputs holds every input of the Program under its name, with
// its exact length. The result is what an encrypted run approximates; its last bits may
// differ between machines, and no digest is ever made of it.
//
// It returns [ErrName] for a missing or surplus input, [ErrType] for one of another length,
// [ErrRange] for a number that is not finite or beyond the input's bound, and the errors of
// [Model.Values].
func EvalClear(prog *Program, model Model, inputs map[string][]float64) (
	map[string][]float64, error,
) {
	twin := clearTwin{
		prog: prog, model: model, values: make([][]float64, len(prog.Nodes)),
		users: make([]int, len(prog.Nodes)),
	}
	for _, n := range prog.Nodes {
		for _, operand := range n.Operands() {
			twin.users[operand]++
		}
	}
	for _, o := range prog.Outputs {
		twin.users[o.Node]++
	}
	used := 0
	for id, n := range prog.Nodes {
		var err error
		switch n.Op {
		case NodeConstant, NodeModel: // fetched where it is used
		case NodeInput:
			used++
			twin.values[id], err = clearInput(n, inputs)
		default:
			twin.values[id], err = twin.node(n)
		}
		if err != nil {
			return nil, err
		}
	}
	if used != len(inputs) {
		return nil, fmt.Errorf("%w: %d inputs given, the Program has %d", ErrName, len(inputs),
			used)
	}
	out := make(map[string][]float64, len(prog.Outputs))
	for _, o := range prog.Outputs {
		out[o.Name] = append([]float64(nil), twin.values[o.Node]...)
	}
	return out, nil
}

// clearTwin holds the values of the nodes that are still to be used, so that its memory
// follows what the Program keeps alive and not its length.
type clearTwin struct {
	prog   *Program
	model  Model
	values [][]float64
	users  []int
}

// operand returns the value of a node to one of its users, the last of which frees it.
func (t *clearTwin) operand(id NodeID) ([]float64, error) {
	n := t.prog.Nodes[id]
	if !n.Type.Encrypted {
		return clearConstant(n, t.model)
	}
	v := t.values[id]
	if t.users[id]--; t.users[id] == 0 {
		t.values[id] = nil
	}
	return v, nil
}

func clearInput(n Node, inputs map[string][]float64) ([]float64, error) {
	v, ok := inputs[n.Name]
	if !ok {
		return nil, fmt.Errorf("%w: input %q is missing", ErrName, n.Name)
	}
	if len(v) != n.Type.Length {
		return nil, fmt.Errorf("%w: input %q has %d elements instead of %d", ErrType, n.Name,
			len(v), n.Type.Length)
	}
	for i, x := range v {
		if !(math.Abs(x) <= float64(n.Bound)) { // also refuses NaN
			return nil, fmt.Errorf("%w: element %d of input %q is beyond its bound %d", ErrRange,
				i, n.Name, n.Bound)
		}
	}
	return v, nil
}

func clearConstant(n Node, model Model) ([]float64, error) {
	mantissas, frac, err := model.ConstantValues(n)
	if err != nil {
		return nil, err
	}
	out := make([]float64, len(mantissas))
	for i, m := range mantissas {
		out[i] = math.Ldexp(float64(m), -frac)
	}
	return out, nil
}

// node evaluates an operation; the Program is valid, so lengths agree.
func (t *clearTwin) node(n Node) ([]float64, error) {
	a, err := t.operand(n.A)
	if err != nil {
		return nil, err
	}
	if len(n.Operands()) == 1 {
		return clearUnary(n, a), nil
	}
	b, err := t.operand(n.B)
	if err != nil {
		return nil, err
	}
	return clearBinary(n, a, b), nil
}

func clearUnary(n Node, a []float64) []float64 {
	switch n.Op {
	case NodeNeg:
		return clearMap(a, func(i int) float64 { return -a[i] })
	case NodeRotate:
		period := n.Type.Length
		padded := make([]float64, period)
		copy(padded, a)
		return clearMap(padded, func(i int) float64 { return padded[(i+n.By)%period] })
	default: // NodeSum
		total := 0.0
		for _, x := range a {
			total += x
		}
		return []float64{total}
	}
}

func clearBinary(n Node, a, b []float64) []float64 {
	switch n.Op {
	case NodeAdd:
		return clearMap(a, func(i int) float64 { return a[i] + b[i] })
	case NodeSub:
		return clearMap(a, func(i int) float64 { return a[i] - b[i] })
	case NodeMul, NodeMulPlain:
		return clearMap(a, func(i int) float64 { return a[i] * b[i] })
	case NodeDot:
		return []float64{clearDot(a, b)}
	case NodeMatVec:
		out := make([]float64, n.Rows)
		return clearMap(out, func(i int) float64 { return clearDot(a[i*n.Cols:][:n.Cols], b) })
	case NodePoly:
		return clearMap(a, func(i int) float64 { return clearHorner(b, a[i]) })
	default: // NodeChebyshev
		lo, hi := math.Ldexp(float64(n.Lo), -n.Frac), math.Ldexp(float64(n.Hi), -n.Frac)
		return clearMap(a, func(i int) float64 {
			return clearClenshaw(b, (2*a[i]-lo-hi)/(hi-lo))
		})
	}
}

func clearMap(like []float64, f func(i int) float64) []float64 {
	out := make([]float64, len(like))
	for i := range out {
		out[i] = f(i)
	}
	return out
}

func clearDot(a, b []float64) float64 {
	total := 0.0
	for i := range a {
		total += a[i] * b[i]
	}
	return total
}

func clearHorner(c []float64, x float64) float64 {
	y := 0.0
	for _, coefficient := range slices.Backward(c) {
		y = y*x + coefficient
	}
	return y
}

// clearClenshaw sums a Chebyshev series by its recurrence.
func clearClenshaw(c []float64, y float64) float64 {
	b1, b2 := 0.0, 0.0
	for i := len(c) - 1; i >= 1; i-- {
		b1, b2 = 2*y*b1-b2+c[i], b1
	}
	return y*b1 - b2 + c[0]
}
