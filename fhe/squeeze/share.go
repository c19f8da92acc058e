package squeeze

import (
	"github.com/cerberus-host/cerberus/abi"
	"github.com/cerberus-host/cerberus/fhe"
)

// nodeKey is what nodes are equal by: all fields of a Node that do not follow from the
// others. Inline values are compared by digest.
type nodeKey struct {
	op         fhe.NodeOp
	a, b       fhe.NodeID
	name       string
	values     abi.Digest
	model      fhe.ModelRange
	frac, by   int
	rows, cols int
	lo, hi     int64
}

// shareNodes returns, for every node, the first node that computes the same.
func shareNodes(prog *fhe.Program) []fhe.NodeID {
	same := make([]fhe.NodeID, len(prog.Nodes))
	first := make(map[nodeKey]fhe.NodeID, len(prog.Nodes))
	for id, n := range prog.Nodes {
		key := nodeKey{
			op: n.Op, name: n.Name, model: n.Model, frac: n.Frac, by: n.By, rows: n.Rows,
			cols: n.Cols, lo: n.Lo, hi: n.Hi,
		}
		if n.Op == fhe.NodeConstant {
			key.values = fhe.ConstantDigest(n.Values)
		}
		operands := n.Operands()
		if len(operands) > 0 {
			key.a = same[n.A]
		}
		if len(operands) > 1 {
			key.b = same[n.B]
		}
		if (n.Op == fhe.NodeAdd || n.Op == fhe.NodeMul) && key.a > key.b {
			key.a, key.b = key.b, key.a
		}
		have, ok := first[key]
		if !ok {
			have = fhe.NodeID(id)
			first[key] = have
		}
		same[id] = have
	}
	return same
}
