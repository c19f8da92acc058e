package lattigo

import (
	"slices"

	"github.com/cerberus-host/cerberus/fhe"
)

// schedule is what a run needs to know about a Plan beforehand.
type schedule struct {
	// inputs is the number of input ciphertexts.
	inputs int
	// lastUse is the step that reads a register last; see [fhe.Plan.LastUses].
	lastUse []int
	// transformed tells for each register whether those who work on it in the end want
	// transformed polynomials. A rescale returns that form, because there the forms cost
	// differently; elsewhere a value keeps the form that it has.
	transformed []bool
	// factor and term tell which constants are multiplied by and which are added.
	factor, term []bool
	// rotations lists the Galois elements in use, ascending.
	rotations []uint64
}

// newSchedule checks the Plan, so that no run reads what is not there, and plans its runs.
func newSchedule(p *fhe.Plan) (*schedule, error) {
	if err := p.Check(); err != nil {
		return nil, err
	}
	s := &schedule{
		lastUse: p.LastUses(), transformed: make([]bool, p.Registers),
		factor: make([]bool, len(p.Constants)), term: make([]bool, len(p.Constants)),
		rotations: slices.Clone(p.Galois),
	}
	for _, in := range p.Inputs {
		s.inputs += in.Count
	}
	for _, step := range slices.Backward(p.Steps) {
		switch step.Op {
		case fhe.StepMulConst:
			s.factor[step.Const] = true
			s.transformed[step.A] = true
		case fhe.StepTensor:
			s.transformed[step.A], s.transformed[step.B] = true, true
		case fhe.StepRelin, fhe.StepDecompose, fhe.StepRotate:
			s.transformed[step.A] = true
		case fhe.StepAddConst:
			s.term[step.Const] = true
			s.pass(step.A, step.Out)
		default:
			s.pass(step.A, step.Out)
			if step.B != fhe.NoReg {
				s.pass(step.B, step.Out)
			}
		}
	}
	return s, nil
}

// pass hands the wish of a step's result on to its operand.
func (s *schedule) pass(operand, result fhe.Reg) {
	s.transformed[operand] = s.transformed[operand] || s.transformed[result]
}
