package fhe

import (
	"fmt"
	"math/big"

	"github.com/cerberus-host/cerberus/abi"
)

// Noise says how far the results of a Plan can be from what its Program computes on the
// client's values, in units of the results' values. See [Compiled.Noise].
type Noise struct {
	Outputs []OutputNoise
	// FreshOnly tells that no step rounds and none switches keys: all noise is that of the
	// client's own encryption and of encoded constants, and a node has no room for more.
	FreshOnly bool
}

// OutputNoise is the precision of one result. Negative bits are errors above 1.
type OutputNoise struct {
	Name string
	// HonestBits: on an honest node the root mean square of the error is about 2^-HonestBits
	// or less. It is an estimate: errors of different registers count as independent.
	HonestBits int
	// ProvenBits: whatever node passed the attestation, the error of every value is at most
	// 2^-ProvenBits, except with probability 2^-40 over the client's secret and errors.
	ProvenBits int
}

// Check returns [ErrNoise] unless the proven error of every output is at most 2^-toleranceBits
// of the bound that the manifest declares for it. outputs are those of the manifest for the
// Plan's public arguments; an output that is not among them is an error too.
func (n Noise) Check(outputs []abi.Output, toleranceBits int) error {
	for _, o := range n.Outputs {
		bound := 0
		for _, declared := range outputs {
			if declared.Name == o.Name {
				bound = declared.Bound
			}
		}
		if bound < 1 {
			return fmt.Errorf("%w: output %q is not declared", ErrNoise, o.Name)
		}
		// 2^-proven <= bound * 2^-tolerance
		room := toleranceBits - o.ProvenBits
		if room > 0 && (room > 62 || 1<<room > int64(bound)) {
			have := o.ProvenBits + big.NewInt(int64(bound)).BitLen() - 1
			return fmt.Errorf("%w: output %q has %d bits of its bound %d proven (%d on an honest "+
				"node), tolerance_bits is %d; lower it, raise scale_bits, or take a parameter set "+
				"with larger primes", ErrNoise, o.Name, have, bound,
				o.HonestBits+big.NewInt(int64(bound)).BitLen()-1, toleranceBits)
		}
	}
	return nil
}

// WireBound returns the largest absolute value of a coefficient of a recorded integer
// polynomial ([WireKind]) in an honest run: of digit index of a polynomial of that level, of
// a remainder modulo P, or of one in a rescale from that level. Integers that an engine
// recovers by base extension may exceed half of their modulus.
func (p *Params) WireBound(kind WireKind, level, index int) *big.Int {
	half := func(q uint64) *big.Int { return new(big.Int).SetUint64(q/2 + 1) }
	switch kind {
	case WireDigit:
		lo, hi := p.DigitRange(index, level)
		if hi-lo == 1 {
			return half(p.Q(lo))
		}
		return productOf(p.set.Q[lo:hi])
	case WireModDown:
		return productOf(p.set.P)
	default:
		return half(p.Q(level))
	}
}

func productOf(primes []uint64) *big.Int {
	out := big.NewInt(1)
	for _, q := range primes {
		out.Mul(out, new(big.Int).SetUint64(q))
	}
	return out
}

// Constants of the noise model; proofs/DESIGN.md and fhe/DESIGN.md have the arguments.
const (
	// shortNum / shortDen exceeds sqrt(337/26): a wire that passes its projection has a
	// norm of at most that times sqrt(N) times its bound.
	shortNum, shortDen = 3601, 1000
	// partsShift: committed in parts, an integer's bound grows by less than its 2^-8.
	partsShift = 8
	// tailSlots and tailCoeffs are how many standard deviations the client's secret and
	// errors stay within, in every slot and coefficient, but with probability 2^-40.
	tailSlots, tailCoeffs = 8, 10
	// errorVarNum / errorVarDen bounds the variance of an error coefficient: a Gaussian of
	// standard deviation 3.2, rounded.
	errorVarNum, errorVarDen = 104, 10
	// encoderBits is the relative precision of the encoder of the client's inputs.
	encoderBits = 44
)

// Noise bounds the errors of the Plan's results by walking through its steps with exact
// integer arithmetic. Every slot has its own bounds, since constants weigh slots
// differently.
//
// Honest is a sum of variances: of fresh errors, of roundings, of key errors times digits.
//
// Proven is a sum of bounds over what an attestation leaves open. A projection accepts a
// rounding or digit of norm up to 3.6 sqrt(N) times its honest bound, of any shape, so each
// may push any slot by N times that bound, once plain and once times the secret, which the
// node does not know; a digit counts by its share of P, times key errors. Bounds of later
// products use the largest values that the inputs' bounds allow.
//
// It returns [ErrPlan] if the constants are not the Plan's in number or shape. The Plan must
// be valid.
func (c *Compiled) Noise() (Noise, error) {
	w, err := newNoiseWalk(c)
	if err != nil {
		return Noise{}, err
	}
	last := c.Plan.LastUses()
	for i, s := range c.Plan.Steps {
		if err := w.step(s); err != nil {
			return Noise{}, fmt.Errorf("noise of step %d: %w", i, err)
		}
		for _, r := range []Reg{s.A, s.B} {
			if r != NoReg && last[r] <= i {
				w.regs[r] = noiseState{}
			}
		}
	}
	n := Noise{FreshOnly: w.freshOnly}
	for _, o := range c.Plan.Outputs {
		r := w.regs[o.Reg]
		honest, proven := r.variance.most(o.Length).sqrt(), r.proven.most(o.Length)
		fresh := r.fresh.sqrt().mul(magOf(tailCoeffs, 0))
		n.Outputs = append(n.Outputs, OutputNoise{
			Name: o.Name, HonestBits: honest.precision(), ProvenBits: proven.add(fresh).precision(),
		})
	}
	return n, nil
}
