package hostcall

import (
	"math/bits"

	"github.com/cerberus-host/cerberus/abi"
	"github.com/cerberus-host/cerberus/fhe"
)

// stepsForm names the formulas below, see [PricesDigest].
const stepsForm = "steps-1"

// steps prices the FHE steps that a recorded node stands for, with one unit for each product
// modulo a prime: about a nanosecond, like the units of host calls. Recording does none of
// this work; an engine does it later. So these units are counted apart ([Run.Recorded]) and
// have a limit of their own.
//
// A recorder does not know levels yet, which depend on what follows. Everything is priced at
// the highest level of the parameter set: a Plan costs this much at most, and one that works
// at low levels a fraction. What a constant's values save (zero diagonals of a matrix, zero
// coefficients) is not seen either.
//
// With degree N = 2^n, l primes of Q, k of P and d digits:
//
//	transform  n*N/2 for one limb
//	add        2*l*N: two polynomials
//	product    2*l*N: with a constant
//	rescale    2*l transforms
//	decompose  d*(l+k) transforms, d*k*l*N
//	keySwitch  decompose, 2*d*(l+k)*N, 2*(l+k) transforms, 2*k*l*N
type steps struct {
	params                                    *fhe.Params
	transforms, add, product, rescale, tensor uint64
	decompose, keySwitch                      uint64
}

func newSteps(p *fhe.Params) steps {
	n, l, k := uint64(p.N()), uint64(p.QCount()), uint64(p.PCount())
	d := uint64(p.Digits(p.MaxLevel()))
	transform := uint64(p.LogN()) * n / 2
	s := steps{
		params: p, transforms: 2 * l * transform, add: 2 * l * n, product: 2 * l * n,
		rescale: 2 * l * transform, tensor: 4 * l * n,
		decompose: d*(l+k)*transform + d*k*l*n,
	}
	s.keySwitch = s.decompose + 2*d*(l+k)*n + 2*(l+k)*transform + 2*k*l*n
	return s
}

// recordedNode is what a node's price depends on: its kind, the types of its operands (of
// the vector and the constant, where there is one) and the shape of a matrix.
type recordedNode struct {
	op         fhe.NodeOp
	a, b       fhe.VectorType
	rows, cols int
}

// Prices need a name for two things that are no nodes.
const (
	// nodeOutput makes a node a result: its ciphertext leaves the engine.
	nodeOutput fhe.NodeOp = "output"
	// nodeKnown is an input that has its node already.
	nodeKnown fhe.NodeOp = "known"
)

// cost returns the units of a node. Of operands that do not fit it returns some number: the
// Builder refuses them.
func (s steps) cost(n recordedNode) uint64 {
	cts := s.ciphertexts(n)
	switch n.op {
	case fhe.NodeInput:
		return cts * s.transforms
	case nodeOutput:
		return s.transforms
	case fhe.NodeAdd, fhe.NodeSub, fhe.NodeNeg:
		return cts * s.add
	case fhe.NodeMul:
		return s.times()
	case fhe.NodeMulPlain:
		return s.product + s.rescale
	case fhe.NodeRotate:
		return s.keySwitch
	case fhe.NodeSum:
		return s.fold(n.a.Period())
	case fhe.NodeDot:
		if n.a.Packing == abi.PackCoeffs {
			return cts*(s.product+s.add) + s.rescale
		}
		return s.product + s.rescale + s.fold(n.a.Period())
	case fhe.NodeMatVec:
		return s.matVec(n)
	case fhe.NodePoly, fhe.NodeChebyshev:
		return s.polynomial(n)
	default: // constants are encoded when the Program is compiled
		return 0
	}
}

// ciphertexts returns how many ciphertexts the encrypted operand is made of.
func (s steps) ciphertexts(n recordedNode) uint64 {
	t := n.a
	if !t.Encrypted {
		t = n.b
	}
	return uint64(fhe.CiphertextCount(s.params, t.Packing, max(t.Length, 1)))
}

// times is a product of two ciphertexts.
func (s steps) times() uint64 { return s.tensor + s.keySwitch + s.rescale }

// fold adds up a power of two of slots.
func (s steps) fold(period int) uint64 { return log2(period) * (s.keySwitch + s.add) }

// matVec follows package squeeze: the diagonals of the matrix, padded to powers of two, in
// baby steps that share one decomposition and giant steps; a wide matrix is folded.
func (s steps) matVec(n recordedNode) uint64 {
	if n.rows < 1 || n.cols < 1 || n.rows > s.params.Slots() || n.cols > s.params.Slots() {
		return 0 // refused
	}
	r := fhe.VectorType{Length: n.rows}.Period()
	c := fhe.VectorType{Length: n.cols}.Period()
	diagonals := uint64(min(r, c))
	baby := uint64(1) << ((log2(min(r, c)) + 1) / 2)
	giants := diagonals / baby
	hoisted := s.decompose + (baby-1)*(s.keySwitch-s.decompose)
	return hoisted + (giants-1)*s.keySwitch + diagonals*(s.product+s.add) +
		giants*s.rescale + s.fold(max(r, c)/r)
}

// polynomial bounds the method of Paterson and Stockmeyer with a square root of baby steps;
// a degree takes no more products of ciphertexts than one less than itself.
func (s steps) polynomial(n recordedNode) uint64 {
	terms := min(max(n.b.Length, 1), abi.PolyDegreeMax+1)
	baby := uint64(1) << ((log2(terms-1) + 2) / 2)
	products := min(uint64(max(terms-2, 0)), baby+uint64(terms)/baby+log2(terms))
	return products*(s.times()+2*s.add) + (uint64(terms)+1)*(s.product+s.rescale+s.add)
}

// log2 returns the logarithm of n, rounded up; 0 for n below 2.
func log2(n int) uint64 {
	if n < 2 {
		return 0
	}
	return uint64(bits.Len(uint(n - 1)))
}
