package lattigo

import (
	"fmt"

	"github.com/tuneinsight/lattigo/v5/ring"
	"github.com/tuneinsight/lattigo/v5/ring/ringqp"

	"github.com/cerberus-host/cerberus/fhe"
)

// value is the content of a register.
type value struct {
	// polys are the components of a ciphertext, all of one level. nil: nothing is held.
	polys []ring.Poly
	level int
	// transformed tells that the polynomials are in transformed form.
	transformed bool
	// borrowed tells that the limbs are the caller's: they are read and never written.
	borrowed bool
	// digits are what a decomposition made, in transformed form.
	digits []ringqp.Poly
}

// run is one execution of a Plan, on one goroutine.
type run struct {
	plan  *loadedPlan
	keys  *loadedKeys
	arena *arena
	opts  fhe.RunOptions
	regs  []value
	// now is the index of the current step.
	now int
}

// ring returns the ring modulo the first level+1 primes.
func (r *run) ring(level int) *ring.Ring { return r.plan.set.rings.q.AtLevel(level) }

// loadInputs puts the inputs into their registers without copying them.
func (r *run) loadInputs(inputs []fhe.Ciphertext) error {
	n := r.plan.plan.Params.N()
	for _, in := range r.plan.plan.Inputs {
		for i := range in.Count {
			ct := inputs[i]
			v := value{level: in.Level, borrowed: true}
			for c := range ct.C {
				// Lattigo's loops do not look at lengths.
				if len(ct.C[c].Limbs) != in.Level+1 {
					return fmt.Errorf("%w: input %q has %d limbs instead of %d", fhe.ErrOperand,
						in.Name, len(ct.C[c].Limbs), in.Level+1)
				}
				for _, limb := range ct.C[c].Limbs {
					if len(limb) != n {
						return fmt.Errorf("%w: input %q has a limb of %d coefficients",
							fhe.ErrOperand, in.Name, len(limb))
					}
				}
				v.polys = append(v.polys, poly(ct.C[c]))
			}
			r.regs[in.Reg+fhe.Reg(i)] = v
		}
		inputs = inputs[in.Count:]
	}
	return nil
}

// step executes step i and frees the registers that were read for the last time.
func (r *run) step(i int) error {
	r.now = i
	s := r.plan.plan.Steps[i]
	a := &r.regs[s.A]
	var out value
	var err error
	switch s.Op {
	case fhe.StepAdd, fhe.StepSub:
		out = r.addSub(s)
	case fhe.StepNeg:
		out = r.neg(s)
	case fhe.StepAddConst:
		out = r.addConst(s)
	case fhe.StepMulConst:
		out = r.mulConst(s)
	case fhe.StepMulInt:
		out = r.mulInt(s)
	case fhe.StepTensor:
		out = r.tensor(s)
	case fhe.StepDrop:
		out = r.drop(s)
	case fhe.StepRescale:
		out, err = r.rescale(s)
	case fhe.StepDecompose:
		out.level = a.level
		out.digits, err = r.decompose(a)
	case fhe.StepRotate:
		out, err = r.rotate(s)
	case fhe.StepRelin:
		out, err = r.relinearise(s)
	default:
		err = fmt.Errorf("%w: operation %d", fhe.ErrUnsupported, s.Op)
	}
	if err != nil {
		return err
	}
	r.regs[s.Out] = out
	r.release(s.A)
	if s.B != fhe.NoReg {
		r.release(s.B)
	}
	r.release(s.Out)
	return nil
}

// dying reports whether the current step is the last to read a register, so that the
// result may take over its memory.
func (r *run) dying(reg fhe.Reg) bool { return r.plan.schedule.lastUse[reg] <= r.now }

// release frees a register that nobody will read again.
func (r *run) release(reg fhe.Reg) {
	if r.dying(reg) {
		r.free(&r.regs[reg])
	}
}

func (r *run) free(v *value) {
	if !v.borrowed {
		r.arena.give(v.polys...)
	}
	r.arena.giveQP(v.digits...)
	*v = value{}
}

func (r *run) releaseAll() {
	for i := range r.regs {
		r.free(&r.regs[i])
	}
}

// takeOver returns as many polynomials as operand reg has for the result of an operation
// that works position by position: those of the operand itself if nobody needs them any
// more. The caller has read v.polys before.
func (r *run) takeOver(reg fhe.Reg) []ring.Poly {
	v := &r.regs[reg]
	if r.dying(reg) && !v.borrowed {
		polys := v.polys
		v.polys = nil
		return polys
	}
	return r.polys(len(v.polys), v.level)
}

func (r *run) polys(count, level int) []ring.Poly {
	out := make([]ring.Poly, count)
	for i := range out {
		out[i] = r.arena.poly(level)
	}
	return out
}

// transform brings a register into transformed form.
func (r *run) transform(v *value) { r.convert(v, true, r.ring(v.level).NTT) }

// restore brings a register into coefficient form.
func (r *run) restore(v *value) { r.convert(v, false, r.ring(v.level).INTT) }

func (r *run) convert(v *value, transformed bool, with func(in, out ring.Poly)) {
	if v.transformed == transformed {
		return
	}
	out := v.polys
	if v.borrowed {
		out = r.polys(len(v.polys), v.level)
	}
	for i, p := range v.polys {
		with(p, out[i])
	}
	v.polys, v.transformed, v.borrowed = out, transformed, false
}

// align brings two registers into one form.
func (r *run) align(a, b *value) {
	if a.transformed && !b.transformed {
		r.transform(b)
	} else if b.transformed && !a.transformed {
		r.transform(a)
	}
}

// outputs returns the results in memory of their own.
func (r *run) outputs() []fhe.Ciphertext {
	p := r.plan.plan
	out := make([]fhe.Ciphertext, len(p.Outputs))
	for i, o := range p.Outputs {
		v := &r.regs[o.Reg]
		r.restore(v)
		ct := fhe.Ciphertext{
			Packing: o.Packing, Length: o.Length, Period: o.Period, Level: o.Level, Scale: o.Scale,
		}
		for c := range ct.C {
			ct.C[c] = fhe.NewPoly(p.Params.N(), o.Level+1)
			for l, limb := range ct.C[c].Limbs {
				copy(limb, v.polys[c].Coeffs[l])
			}
		}
		out[i] = ct
	}
	return out
}
