package hostcall

import (
	"encoding/binary"
	"errors"
	"slices"

	"github.com/cerberus-host/cerberus/abi"
	"github.com/cerberus-host/cerberus/fhe"
)

// handleFor makes the handle of a node. The generation tells the guest nothing: it follows
// from the index. It is never zero, so a zeroed handle is not the first node's.
func handleFor(id fhe.NodeID) abi.Handle {
	return abi.NewHandle(uint32(id), uint32(id)*0x9e3779b1|1)
}

// operand reads the handle in parameter i and returns the node that it stands for and what
// that holds.
func (c call) operand(i int) (fhe.NodeID, fhe.VectorType, bool) {
	h := abi.Handle(c.stack[i])
	id := fhe.NodeID(h.Index())
	if !h.Valid() || id < 0 || h != handleFor(id) {
		return 0, fhe.VectorType{}, false
	}
	t, err := c.infer.builder.Type(id)
	// If it fails, the form is right, but the handle was not given out.
	return id, t, err == nil
}

// record adds a node, if the steps that it stands for leave the run below the limit, and
// returns its handle, or the code that the Builder's error stands for.
func (c call) record(n recordedNode, build func() (fhe.NodeID, error)) int64 {
	total := c.infer.recorded + c.infer.steps.cost(n) // both far below 64 bits
	if total > abi.RecordedGasMax {
		return c.refuse(abi.ErrnoLimit, "the Program's steps cost %d units, at most %d", total,
			uint64(abi.RecordedGasMax))
	}
	id, err := build()
	if err != nil {
		return c.refuse(errnoOf(err), "%v", err)
	}
	c.infer.recorded = total
	return int64(handleFor(id))
}

// errnoOf is the one map from errors of package fhe to codes of the ABI.
func errnoOf(err error) abi.Errno {
	for _, m := range []struct {
		target error
		code   abi.Errno
	}{
		{fhe.ErrType, abi.ErrnoType},
		{fhe.ErrRange, abi.ErrnoRange},
		{fhe.ErrName, abi.ErrnoName},
		{fhe.ErrLimit, abi.ErrnoLimit},
		{fhe.ErrDepth, abi.ErrnoDepth},
	} {
		if errors.Is(err, m.target) {
			return m.code
		}
	}
	return abi.ErrnoState
}

func badHandle() int64 { return -int64(abi.ErrnoHandle) }

// unary runs an operation on the handle in parameter 0, binary on those in 0 and 1.
func (c call) unary(op fhe.NodeOp, build func(a fhe.NodeID) (fhe.NodeID, error)) int64 {
	a, t, ok := c.operand(0)
	if !ok {
		return badHandle()
	}
	return c.record(recordedNode{op: op, a: t}, func() (fhe.NodeID, error) { return build(a) })
}

func (c call) binary(n recordedNode, build func(a, b fhe.NodeID) (fhe.NodeID, error)) int64 {
	a, t, ok := c.operand(0)
	if !ok {
		return badHandle()
	}
	b, u, ok := c.operand(1)
	if !ok {
		return badHandle()
	}
	n.a, n.b = t, u
	return c.record(n, func() (fhe.NodeID, error) { return build(a, b) })
}

func callAdd(c call) int64 { return c.binary(nodeOf(fhe.NodeAdd), c.infer.builder.Add) }
func callSub(c call) int64 { return c.binary(nodeOf(fhe.NodeSub), c.infer.builder.Sub) }
func callMul(c call) int64 { return c.binary(nodeOf(fhe.NodeMul), c.infer.builder.Mul) }
func callDot(c call) int64 { return c.binary(nodeOf(fhe.NodeDot), c.infer.builder.Dot) }
func callNeg(c call) int64 { return c.unary(fhe.NodeNeg, c.infer.builder.Neg) }
func callSum(c call) int64 { return c.unary(fhe.NodeSum, c.infer.builder.Sum) }

func callMulPlain(c call) int64 {
	return c.binary(nodeOf(fhe.NodeMulPlain), c.infer.builder.MulPlain)
}

func callPoly(c call) int64 { return c.binary(nodeOf(fhe.NodePoly), c.infer.builder.Poly) }

func callRotate(c call) int64 {
	return c.unary(fhe.NodeRotate, func(a fhe.NodeID) (fhe.NodeID, error) {
		return c.infer.builder.Rotate(a, int(c.i32(1)))
	})
}

func callMatVec(c call) int64 {
	rows, cols := int(c.i32(2)), int(c.i32(3))
	n := recordedNode{op: fhe.NodeMatVec, rows: rows, cols: cols}
	return c.binary(n, func(m, a fhe.NodeID) (fhe.NodeID, error) {
		return c.infer.builder.MatVec(m, a, rows, cols)
	})
}

func callChebyshev(c call) int64 {
	return c.binary(nodeOf(fhe.NodeChebyshev), func(a, k fhe.NodeID) (fhe.NodeID, error) {
		lo, hi := int64(c.stack[2]), int64(c.stack[3])
		return c.infer.builder.Chebyshev(a, k, lo, hi, int(c.i32(4)))
	})
}

func nodeOf(op fhe.NodeOp) recordedNode { return recordedNode{op: op} }

func callInput(c call) int64 {
	name, errno := c.name(0)
	if errno != abi.ErrnoNone {
		return -int64(errno)
	}
	i := slices.IndexFunc(c.infer.inputs, func(in abi.Input) bool { return in.Name == name })
	if i < 0 {
		return c.refuse(abi.ErrnoName, "the manifest has no input %q for %q", name,
			c.args.String())
	}
	in := c.infer.inputs[i]
	n := recordedNode{op: fhe.NodeInput, a: fhe.VectorType{
		Encrypted: true, Packing: in.Packing, Length: in.Length,
	}}
	if c.infer.taken[name] {
		n = nodeOf(nodeKnown)
	}
	return c.record(n, func() (fhe.NodeID, error) {
		id, err := c.infer.builder.Input(in)
		c.infer.taken[name] = c.infer.taken[name] || err == nil
		return id, err
	})
}

func callConstant(c call) int64 {
	count := c.u32(1)
	if count > abi.InlineValuesMax {
		return c.refuse(abi.ErrnoRange, "a constant has at most %d values", abi.InlineValuesMax)
	}
	raw, ok := c.bytes(0, 8)
	if !ok {
		return -int64(abi.ErrnoFault)
	}
	// One buffer for all constants of a run: the Builder copies what it keeps, and a guest can
	// make it refuse large ones for as long as its gas lasts.
	c.infer.values = slices.Grow(c.infer.values[:0], int(count))
	values := c.infer.values[:count]
	for i := range values {
		values[i] = int64(binary.LittleEndian.Uint64(raw[8*i:]))
	}
	return c.record(nodeOf(fhe.NodeConstant), func() (fhe.NodeID, error) {
		return c.infer.builder.Constant(values, int(c.i32(2)))
	})
}

func callModel(c call) int64 {
	name, errno := c.name(0)
	if errno != abi.ErrnoNone {
		return -int64(errno)
	}
	t, ok := c.infer.tensors[name]
	if !ok {
		return c.refuse(abi.ErrnoName, "the model has no tensor %q", name)
	}
	offset, count := uint64(c.u32(2)), uint64(c.u32(3))
	if offset+count > uint64(t.Count()) {
		return c.refuse(abi.ErrnoRange, "tensor %q has %d numbers, not %d to %d", name, t.Count(),
			offset, offset+count)
	}
	ref := fhe.ModelRange{
		Digest: c.manifest.Model.Digest, Type: t.Type,
		Offset: t.Offset + int64(offset)*int64(t.Type.Size()), Count: int(count), Frac: t.Frac,
	}
	return c.record(nodeOf(fhe.NodeModel), func() (fhe.NodeID, error) {
		return c.infer.builder.Model(ref)
	})
}

func callOutput(c call) int64 {
	name, errno := c.name(0)
	if errno != abi.ErrnoNone {
		return -int64(errno)
	}
	a, t, ok := c.operand(2)
	if !ok {
		return badHandle()
	}
	i := slices.IndexFunc(c.infer.outputs, func(o abi.Output) bool { return o.Name == name })
	if i < 0 {
		return c.refuse(abi.ErrnoName, "the manifest has no output %q for %q", name,
			c.args.String())
	}
	if c.infer.made[name] {
		return c.refuse(abi.ErrnoState, "output %q is made twice", name)
	}
	if want := c.infer.outputs[i].Length; t.Length != want {
		return c.refuse(abi.ErrnoType, "output %q has %d elements in the manifest, not %d", name,
			want, t.Length)
	}
	made := c.record(recordedNode{op: nodeOutput}, func() (fhe.NodeID, error) {
		return 0, c.infer.builder.Output(name, a)
	})
	if made < 0 {
		return made
	}
	c.infer.made[name] = true
	return 0
}
