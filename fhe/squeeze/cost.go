package squeeze

import (
	"github.com/cerberus-host/cerberus/fhe"
)

// StepWork is the work of one FHE step, the unit of account of savings: one number-theoretic
// transform of a limb of degree 2^14, 14 layers of 2^13 butterflies.
const StepWork = 14 << 13

// Work returns the work of a Plan, which must be valid, in products modulo one prime: a
// transform of a limb of degree 2^n takes n * 2^(n-1) of them, an element-wise product of
// two limbs 2^n. Additions, drops and the element-wise part of a rescale are not counted.
func Work(p *fhe.Plan) int64 {
	total := int64(0)
	for _, s := range p.Steps {
		w := workAt(p.Params, s.Level)
		switch s.Op {
		case fhe.StepMulConst, fhe.StepMulInt:
			total += 2 * w.limbs * w.elementwise
		case fhe.StepTensor:
			total += 4 * w.limbs * w.elementwise
		case fhe.StepRelin:
			total += w.keySwitch()
		case fhe.StepRotate:
			total += w.keySwitch()
			if s.B != fhe.NoReg {
				total -= w.decompose()
			}
		case fhe.StepDecompose:
			total += w.decompose()
		case fhe.StepRescale:
			// Level is the result's; the operand has a limb more.
			total += 2 * (w.limbs + 1) * w.transform
		default: // additions and drops
		}
	}
	return total
}

// work holds the sizes that the closed forms of a level depend on.
type work struct {
	limbs, special, digits int64
	// transform and elementwise are products per limb.
	transform, elementwise int64
}

func workAt(p *fhe.Params, level int) work {
	n := int64(p.N())
	return work{
		limbs: int64(level + 1), special: int64(p.PCount()), digits: int64(p.Digits(level)),
		transform: int64(p.LogN()) * n / 2, elementwise: n,
	}
}

// decompose counts the splitting of a polynomial into digits, each of which is extended to
// the primes that it lacks and transformed.
func (w work) decompose() int64 {
	extended := w.limbs + w.special
	return w.digits*extended*w.transform +
		w.digits*w.special*(extended-w.special)*w.elementwise
}

// innerProduct counts the products of the digits with both components of a key.
func (w work) innerProduct() int64 {
	return 2 * w.digits * (w.limbs + w.special) * w.elementwise
}

// modDown counts the division of two polynomials by the special primes.
func (w work) modDown() int64 {
	return 2 * ((w.limbs+w.special)*w.transform + w.special*w.limbs*w.elementwise)
}

func (w work) keySwitch() int64 { return w.decompose() + w.innerProduct() + w.modDown() }
