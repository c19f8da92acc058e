package squeeze

import (
	"fmt"
	"math/bits"
	"slices"

	"github.com/cerberus-host/cerberus/abi"
	"github.com/cerberus-host/cerberus/fhe"
)

// notNeeded is the level of a value that no output needs.
const notNeeded = -1

// chainDriftBits bounds how far the scale of a level may move away from the inputs' scale.
const chainDriftBits = 4

// levels says at which level and scale every value of a graph is computed.
type levels struct {
	params *fhe.Params
	// of is the level of each value, the lowest at which all outputs can end at level 0.
	of []int
	// chain[l] is the scale of every settled slot value at level l, from the level at which
	// the first slot input enters downwards: the inputs' scale S, and from each level to the
	// next S*S/q_l if slot values are multiplied with each other at level l, else S. Products
	// with constants leave the scale alone, since a constant can be encoded at any scale.
	chain []fhe.Scale
}

// assignLevels walks the graph backwards: outputs have level 0, a rescale takes an operand
// of one level more, and a value has the highest level that a user asks for. It returns
// [fhe.ErrDepth] if that exceeds the highest level there is.
func assignLevels(prog *fhe.Program, low *lowered) (*levels, error) {
	g := low.graph
	lev := &levels{params: g.params, of: make([]int, len(g.values))}
	for i := range lev.of {
		lev.of[i] = notNeeded
	}
	need := func(v valueID, level int) { lev.of[v] = max(lev.of[v], level) }
	for _, o := range prog.Outputs {
		need(low.vectors[o.Node][0], 0)
	}
	top := 0
	for id, v := range slices.Backward(g.values) {
		level := lev.of[id]
		if level == notNeeded {
			continue
		}
		top = max(top, level)
		switch v.op {
		case opInput:
		case opRescale:
			need(v.a, level+1)
		case opAdd, opSub, opMul:
			need(v.a, level)
			need(v.b, level)
		default:
			need(v.a, level)
		}
	}
	if have := g.params.MaxLevel(); top > have {
		return nil, fmt.Errorf("%w: the Program multiplies %d times in a row, %s has %d levels; "+
			"make it shallower or take a larger set", fhe.ErrDepth, top, g.params.Name(), have)
	}
	return lev, lev.makeChain(prog, g)
}

func (lev *levels) makeChain(prog *fhe.Program, g *graph) error {
	top, multiplied := 0, make([]bool, lev.params.QCount())
	for id, v := range g.values {
		if level := lev.of[id]; level != notNeeded && v.packing == abi.PackSlots {
			top = max(top, level)
			multiplied[level] = multiplied[level] || v.op == opMul
		}
	}
	start := 0
	first := ""
	for _, n := range prog.Nodes {
		if n.Op != fhe.NodeInput || n.Type.Packing != abi.PackSlots {
			continue
		}
		declared := inputScaleBits(lev.params, n)
		if start != 0 && declared != start {
			return fmt.Errorf("%w: slot inputs %q and %q declare scales of %d and %d bits; slot "+
				"inputs of one Program share a scale", fhe.ErrRange, first, n.Name, start, declared)
		}
		start, first = declared, n.Name
	}
	lev.chain = make([]fhe.Scale, top+1)
	lev.chain[top] = fhe.ScaleOfBits(start)
	for l := top; l > 0; l-- {
		s := lev.chain[l]
		if multiplied[l] {
			s = s.Mul(s).DivInt(lev.params.Q(l))
		}
		// A scale of 2^start that a product left a little below has the floor start - 1.
		if d := s.Log2Floor() - start; d > chainDriftBits || d < -chainDriftBits-1 {
			return fmt.Errorf("%w: after products the scale of 2^%d becomes 2^%d; leave out the "+
				"scale_bits of slot inputs, or declare %d", fhe.ErrRange, start, s.Log2Floor(),
				lev.params.DefaultScale().Log2Floor())
		}
		lev.chain[l-1] = s
	}
	return nil
}

// scaleAt returns the scale of a settled value when it is brought to a level.
func (lev *levels) scaleAt(v value, level int) fhe.Scale {
	if v.packing == abi.PackSlots {
		return lev.chain[level]
	}
	return fhe.ScaleOfBits(v.bits)
}

// scale returns the scale at which a value is computed: what its rescales will make the
// settled scale.
func (lev *levels) scale(id valueID, v value) fhe.Scale {
	level := lev.of[id]
	s := lev.scaleAt(v, level-v.pending)
	for i := range v.pending {
		s = s.MulInt(lev.params.Q(level - i))
	}
	return s
}

// inputEncodedBits bounds an encoded input, which a client computes in 64-bit integers: its
// bound times its scale stays below 2^inputEncodedBits.
const inputEncodedBits = 61

// checkInput refuses an input that could not be encrypted at its level and scale.
func (lev *levels) checkInput(in fhe.PlanInput) error {
	modulus := fhe.ScaleOfBits(0)
	for l := range in.Level + 1 {
		modulus = modulus.MulInt(lev.params.Q(l))
	}
	largest := in.Scale.MulInt(uint64(in.Bound))
	if largest.MulInt(2).Cmp(modulus) < 0 && largest.Cmp(fhe.ScaleOfBits(inputEncodedBits)) < 0 {
		return nil
	}
	return fmt.Errorf("%w: input %q is up to %d at scale 2^%d, which does not fit level %d; scale "+
		"it down, or declare a smaller bound or smaller scale_bits", fhe.ErrRange, in.Name,
		in.Bound, in.Scale.Log2Floor(), in.Level)
}

// checkOutputs refuses results that could leave the modulus of level 0: the largest value
// times the scale must stay below q_0/2, and one bit is kept for noise. Scales and primes
// are near powers of two, which the comparison forgives.
func (lev *levels) checkOutputs(prog *fhe.Program, low *lowered, bounds []int) error {
	const forgiven = 8 // scales and primes may be off by 2^-8
	room := fhe.ScaleOfInt(lev.params.Q(0)).MulInt(1<<forgiven + 1)
	for i, o := range prog.Outputs {
		v := low.graph.values[low.vectors[o.Node][0]]
		scale := lev.scaleAt(v, 0)
		need := scale.MulInt(4 << forgiven).MulInt(uint64(bounds[i]))
		if need.Cmp(room) <= 0 {
			continue
		}
		have := bits.Len64(lev.params.Q(0) - 1)
		fix := "scale the result down by a constant, or declare a smaller bound"
		if v.packing == abi.PackCoeffs {
			fix = "declare smaller scale_bits for the input, use constants with fewer fractional " +
				"bits, or declare a smaller bound"
		}
		return fmt.Errorf("%w: output %q is up to %d at scale 2^%d and needs 2 bits more for "+
			"sign and noise, which does not fit the %d bits of q_0; %s", fhe.ErrRange, o.Name,
			bounds[i], scale.Log2Floor(), have, fix)
	}
	return nil
}
