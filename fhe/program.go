package fhe

import (
	"github.com/cerberus-host/cerberus/abi"
)

// NodeID is the index of a node in a Program; operands have smaller ids than their users.
type NodeID int32

// NodeOp is the kind of a node of a Program.
type NodeOp string

// The node kinds, named like the host functions that record them.
const (
	NodeInput     NodeOp = "input"
	NodeConstant  NodeOp = "constant"
	NodeModel     NodeOp = "model"
	NodeAdd       NodeOp = "add"
	NodeSub       NodeOp = "sub"
	NodeMul       NodeOp = "mul"
	NodeMulPlain  NodeOp = "mul_plain"
	NodeNeg       NodeOp = "neg"
	NodeRotate    NodeOp = "rotate"
	NodeSum       NodeOp = "sum"
	NodeDot       NodeOp = "dot"
	NodeMatVec    NodeOp = "matvec"
	NodePoly      NodeOp = "poly"
	NodeChebyshev NodeOp = "chebyshev"
)

// VectorType is the type of a node: what it holds, not what it is worth.
type VectorType struct {
	// Encrypted tells ciphertexts from constants. A constant has no packing of its own: it
	// takes that of the operand it meets.
	Encrypted bool
	Packing   abi.Packing
	Length    int
}

// Period returns the power of two at or above the length: with slot packing the vector
// repeats with that period through all slots and elements beyond the length are zero.
func (t VectorType) Period() int {
	p := 1
	for p < t.Length {
		p *= 2
	}
	return p
}

// ModelRange is a run of fixed-point numbers in the Brain's model: the Program names blob
// and range and never copies numbers.
type ModelRange struct {
	Digest abi.Digest
	Type   abi.NumberType
	// Offset is in bytes from the start of the blob, Count in numbers.
	Offset int64
	Count  int
	Frac   int
}

// Node is one node of a Program. Fields that its kind does not use are zero.
type Node struct {
	Op   NodeOp
	A, B NodeID
	Type VectorType
	// Name, Bound and ScaleBits belong to inputs; ScaleBits 0 means the parameter set's
	// default scale.
	Name      string
	Bound     int
	ScaleBits int
	// Values and Frac are an inline constant's mantissas and fractional bits.
	Values []int64
	Frac   int
	// Model is the range that a model node names.
	Model ModelRange
	// By is a rotation's distance to the left, in [0, period).
	By int
	// Rows and Cols are a matrix's shape.
	Rows, Cols int
	// Lo and Hi are a Chebyshev interval's ends, in units of 2^-Frac.
	Lo, Hi int64
}

// Operands returns the nodes that n takes, in order: none, A, or A and B.
func (n Node) Operands() []NodeID {
	switch n.Op {
	case NodeInput, NodeConstant, NodeModel:
		return nil
	case NodeNeg, NodeRotate, NodeSum:
		return []NodeID{n.A}
	default:
		return []NodeID{n.A, n.B}
	}
}

// ProgramOutput names a node as a result.
type ProgramOutput struct {
	Name string
	Node NodeID
}

// Program is the typed graph that a Brain's infer records. It depends on the module and
// the public arguments alone. Nodes are in recording order, which is topological; nodes
// that no output needs are kept out by [Builder.Finish]. A Program from [Builder.Finish]
// or [ParseProgram] is valid and must not be changed.
type Program struct {
	Params  *Params
	Nodes   []Node
	Outputs []ProgramOutput
}
