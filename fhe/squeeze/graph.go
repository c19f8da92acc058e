package squeeze

import (
	"fmt"

	"github.com/cerberus-host/cerberus/abi"
	"github.com/cerberus-host/cerberus/fhe"
)

// valueID is the index of a value in a graph; operands have smaller ids than their users.
type valueID int32

// opKind is the kind of a primitive operation on ciphertexts of degree 1.
type opKind uint8

const (
	opInput opKind = iota
	opAdd
	opSub
	opNeg
	opAddConst
	opMulConst
	// opMul is a product with relinearisation.
	opMul
	opRotate
	opRescale
	// opRaise multiplies a coefficient-packed value's scale by a power of two.
	opRaise
)

// value is one ciphertext of the graph. It is comparable: equal values compute the same.
type value struct {
	op   opKind
	a, b valueID
	// konst is an index into the graph's constants.
	konst int
	// by is a rotation's distance to the left or the logarithm of a raise.
	by int
	// input and chunk name a ciphertext of an input.
	input fhe.NodeID
	chunk int
	// packing decides how scales follow: see scaling.
	packing abi.Packing
	// pending is the number of rescales that the value still waits for. Pending values are
	// added, rotated and rescaled, never multiplied, and all their users lead to the same
	// rescale, so that they need one level only.
	pending int
	// bits is, with coefficient packing, the logarithm of the scale after these rescales.
	bits int
}

// constant is a plaintext whose level and scale are not decided yet.
type constant struct {
	arrangement fhe.Arrangement
	period      int
	frac        int
	values      []int64
	digest      abi.Digest
}

// constantKey is what constants are equal by.
type constantKey struct {
	arrangement fhe.Arrangement
	period      int
	frac        int
	digest      abi.Digest
}

// graph is a Program in primitive operations. Methods that add a value share equal ones
// that are not pending. After the first error the graph stays as it is; the caller looks
// at err when it is done, and in loops whose length the Program decides.
type graph struct {
	params    *fhe.Params
	values    []value
	constants []constant
	shared    map[value]valueID
	known     map[constantKey]int
	// products maps the operands of a product or of a product with a constant to the
	// rescaled result.
	products map[value]valueID
	// memory is a lower bound of the constants' encoded bytes.
	memory int64
	err    error
}

func newGraph(params *fhe.Params) *graph {
	return &graph{
		params: params, shared: make(map[value]valueID), known: make(map[constantKey]int),
		products: make(map[value]valueID),
	}
}

func (g *graph) fail(err error) {
	if g.err == nil {
		g.err = err
	}
}

func (g *graph) add(v value) valueID {
	if g.err != nil {
		return 0
	}
	if v.pending == 0 {
		if id, ok := g.shared[v]; ok {
			return id
		}
	}
	if len(g.values) == fhe.PlanStepsMax {
		g.fail(fmt.Errorf("%w: the Plan would have more than %d steps", fhe.ErrLimit,
			fhe.PlanStepsMax))
		return 0
	}
	id := valueID(len(g.values))
	g.values = append(g.values, v)
	if v.pending == 0 {
		g.shared[v] = id
	}
	return id
}

// constant interns a constant; it keeps values.
func (g *graph) constant(arrangement fhe.Arrangement, period int, values []int64, frac int,
) int {
	if g.err != nil {
		return 0
	}
	c := constant{
		arrangement: arrangement, period: period, frac: frac, values: values,
		digest: fhe.ConstantDigest(values),
	}
	key := constantKey{arrangement, period, frac, c.digest}
	if i, ok := g.known[key]; ok {
		return i
	}
	const residueBytes = 8
	g.memory += int64(g.params.N()) * residueBytes
	if len(g.constants) == fhe.PlanConstantsMax || g.memory > EncodedBytesMax {
		g.fail(errConstants())
		return 0
	}
	g.known[key] = len(g.constants)
	g.constants = append(g.constants, c)
	return len(g.constants) - 1
}

func errConstants() error {
	return fmt.Errorf("%w: the Plan would have more than %d constants or %d bytes of them",
		fhe.ErrLimit, fhe.PlanConstantsMax, EncodedBytesMax)
}

// like returns a value of op that has the packing and scaling of a.
func (g *graph) like(op opKind, a valueID) value {
	if g.err != nil {
		return value{}
	}
	v := g.values[a]
	return value{op: op, a: a, packing: v.packing, pending: v.pending, bits: v.bits}
}

func (g *graph) sum(a, b valueID) valueID {
	v := g.like(opAdd, a)
	v.b = b
	return g.add(v)
}

func (g *graph) difference(a, b valueID) valueID {
	v := g.like(opSub, a)
	v.b = b
	return g.add(v)
}

func (g *graph) negated(a valueID) valueID { return g.add(g.like(opNeg, a)) }

func (g *graph) plusConstant(a valueID, konst int) valueID {
	v := g.like(opAddConst, a)
	v.konst = konst
	return g.add(v)
}

// rotated turns a left by that many slots, 0 <= by.
func (g *graph) rotated(a valueID, by int) valueID {
	if by == 0 {
		return a
	}
	v := g.like(opRotate, a)
	v.by = by
	return g.add(v)
}

// raised multiplies the scale of a by 2^by.
func (g *graph) raised(a valueID, by int) valueID {
	if by == 0 {
		return a
	}
	v := g.like(opRaise, a)
	v.by = by
	v.bits += by
	return g.add(v)
}

// timesConstant returns the product, waiting for a rescale.
func (g *graph) timesConstant(a valueID, konst int) valueID {
	v := g.like(opMulConst, a)
	v.konst = konst
	v.pending = 1
	return g.add(v)
}

// rescaled settles one pending rescale of a.
func (g *graph) rescaled(a valueID) valueID {
	v := g.like(opRescale, a)
	v.pending--
	return g.add(v)
}

// product returns the rescaled product of two slot values.
func (g *graph) product(a, b valueID) valueID {
	if a > b {
		a, b = b, a
	}
	v := g.like(opMul, a)
	v.b = b
	v.pending = 1
	return g.settled(v)
}

// scaled returns the rescaled product of a slot value with a constant.
func (g *graph) scaled(a valueID, konst int) valueID {
	v := g.like(opMulConst, a)
	v.konst = konst
	v.pending = 1
	return g.settled(v)
}

func (g *graph) settled(v value) valueID {
	if id, ok := g.products[v]; ok {
		return id
	}
	id := g.rescaled(g.add(v))
	if g.err == nil {
		g.products[v] = id
	}
	return id
}
