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

// node reads the handle in parameter i.
func (c call) node(i int) (fhe.NodeID, bool) {
	h := abi.Handle(c.stack[i])
	id := fhe.NodeID(h.Index())
	if !h.Valid() || id < 0 || h != handleFor(id) {
		return 0, false
	}
	if _, err := c.infer.builder.Type(id); err != nil {
		return 0, false // the form is right, but it was not given out
	}
	return id, true
}

// built returns the handle of a new node, or the code that the Builder's error stands for.
func (c call) built(id fhe.NodeID, err error) int64 {
	if err != nil {
		return c.refuse(errnoOf(err), "%v", err)
	}
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
func (c call) unary(op func(a fhe.NodeID) (fhe.NodeID, error)) int64 {
	a, ok := c.node(0)
	if !ok {
		return badHandle()
	}
	return c.built(op(a))
}

func (c call) binary(op func(a, b fhe.NodeID) (fhe.NodeID, error)) int64 {
	a, ok := c.node(0)
	if !ok {
		return badHandle()
	}
	b, ok := c.node(1)
	if !ok {
		return badHandle()
	}
	return c.built(op(a, b))
}

func callAdd(c call) int64      { return c.binary(c.infer.builder.Add) }
func callSub(c call) int64      { return c.binary(c.infer.builder.Sub) }
func callMul(c call) int64      { return c.binary(c.infer.builder.Mul) }
func callMulPlain(c call) int64 { return c.binary(c.infer.builder.MulPlain) }
func callDot(c call) int64      { return c.binary(c.infer.builder.Dot) }
func callPoly(c call) int64     { return c.binary(c.infer.builder.Poly) }
func callNeg(c call) int64      { return c.unary(c.infer.builder.Neg) }
func callSum(c call) int64      { return c.unary(c.infer.builder.Sum) }

func callRotate(c call) int64 {
	return c.unary(func(a fhe.NodeID) (fhe.NodeID, error) {
		return c.infer.builder.Rotate(a, int(c.i32(1)))
	})
}

func callMatVec(c call) int64 {
	return c.binary(func(m, a fhe.NodeID) (fhe.NodeID, error) {
		return c.infer.builder.MatVec(m, a, int(c.i32(2)), int(c.i32(3)))
	})
}

func callChebyshev(c call) int64 {
	return c.binary(func(a, k fhe.NodeID) (fhe.NodeID, error) {
		lo, hi := int64(c.stack[2]), int64(c.stack[3])
		return c.infer.builder.Chebyshev(a, k, lo, hi, int(c.i32(4)))
	})
}

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
	return c.built(c.infer.builder.Input(c.infer.inputs[i]))
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
	values := make([]int64, count)
	for i := range values {
		values[i] = int64(binary.LittleEndian.Uint64(raw[8*i:]))
	}
	return c.built(c.infer.builder.Constant(values, int(c.i32(2))))
}

func callModel(c call) int64 {
	name, errno := c.name(0)
	if errno != abi.ErrnoNone {
		return -int64(errno)
	}
	t, ok := c.manifest.Tensor(name)
	if !ok {
		return c.refuse(abi.ErrnoName, "the model has no tensor %q", name)
	}
	offset, count := uint64(c.u32(2)), uint64(c.u32(3))
	if offset+count > uint64(t.Count()) {
		return c.refuse(abi.ErrnoRange, "tensor %q has %d numbers, not %d to %d", name, t.Count(),
			offset, offset+count)
	}
	return c.built(c.infer.builder.Model(fhe.ModelRange{
		Digest: c.manifest.Model.Digest, Type: t.Type,
		Offset: t.Offset + int64(offset)*int64(t.Type.Size()), Count: int(count), Frac: t.Frac,
	}))
}

func callOutput(c call) int64 {
	name, errno := c.name(0)
	if errno != abi.ErrnoNone {
		return -int64(errno)
	}
	a, ok := c.node(2)
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
	t, err := c.infer.builder.Type(a)
	if err != nil {
		return badHandle()
	}
	if want := c.infer.outputs[i].Length; t.Length != want {
		return c.refuse(abi.ErrnoType, "output %q has %d elements in the manifest, not %d", name,
			want, t.Length)
	}
	if err := c.infer.builder.Output(name, a); err != nil {
		return c.refuse(errnoOf(err), "%v", err)
	}
	c.infer.made[name] = true
	return 0
}
