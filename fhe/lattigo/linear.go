package lattigo

import (
	"github.com/tuneinsight/lattigo/v5/ring"

	"github.com/cerberus-host/cerberus/fhe"
)

// addSub adds B to A or subtracts it, in whatever form they are.
func (r *run) addSub(s fhe.Step) value {
	a, b := &r.regs[s.A], &r.regs[s.B]
	r.align(a, b)
	at, left, right := r.ring(a.level), a.polys, b.polys
	out := value{level: a.level, transformed: a.transformed, polys: r.takeOver(s.A)}
	for i := range left {
		if s.Op == fhe.StepAdd {
			at.Add(left[i], right[i], out.polys[i])
		} else {
			at.Sub(left[i], right[i], out.polys[i])
		}
	}
	return out
}

func (r *run) neg(s fhe.Step) value {
	a := &r.regs[s.A]
	at, in := r.ring(a.level), a.polys
	out := value{level: a.level, transformed: a.transformed, polys: r.takeOver(s.A)}
	for i := range in {
		at.Neg(in[i], out.polys[i])
		// Lattigo's negation of 0 is q.
		at.Reduce(out.polys[i], out.polys[i])
	}
	return out
}

// addConst adds a constant to component 0, in whatever form A is.
func (r *run) addConst(s fhe.Step) value {
	a := &r.regs[s.A]
	at, in := r.ring(a.level), a.polys
	out := value{level: a.level, transformed: a.transformed, polys: r.takeOver(s.A)}
	term := r.plan.encoded[s.Const]
	if a.transformed {
		term = r.plan.terms[s.Const]
	}
	at.Add(in[0], term, out.polys[0])
	for i := 1; i < len(in); i++ {
		out.polys[i].CopyLvl(a.level, in[i])
	}
	return out
}

func (r *run) mulConst(s fhe.Step) value {
	a := &r.regs[s.A]
	r.transform(a)
	at, in := r.ring(a.level), a.polys
	out := value{level: a.level, transformed: true, polys: r.takeOver(s.A)}
	for i := range in {
		at.MulCoeffsMontgomery(in[i], r.plan.factors[s.Const], out.polys[i])
	}
	return out
}

// mulInt multiplies by the residues of a small integer, in whatever form A is.
func (r *run) mulInt(s fhe.Step) value {
	a := &r.regs[s.A]
	at, in := r.ring(a.level), a.polys
	out := value{level: a.level, transformed: a.transformed, polys: r.takeOver(s.A)}
	for l, sub := range at.SubRings[:a.level+1] {
		factor := ring.MForm(residue(s.Int, sub.Modulus), sub.Modulus, sub.BRedConstant)
		for i := range in {
			sub.MulScalarMontgomery(in[i].Coeffs[l], factor, out.polys[i].Coeffs[l])
		}
	}
	return out
}

// residue returns v mod q for |v| < 2^62.
func residue(v int64, q uint64) uint64 {
	if v >= 0 {
		return uint64(v) % q
	}
	if m := uint64(-v) % q; m != 0 {
		return q - m
	}
	return 0
}

// tensor multiplies A and B: (a0 b0, a0 b1 + a1 b0, a1 b1).
func (r *run) tensor(s fhe.Step) value {
	a, b := &r.regs[s.A], &r.regs[s.B]
	r.transform(a)
	r.transform(b)
	at := r.ring(a.level)
	m0, m1 := r.arena.poly(a.level), r.arena.poly(a.level)
	at.MForm(a.polys[0], m0)
	at.MForm(a.polys[1], m1)
	out := value{level: a.level, transformed: true, polys: r.polys(3, a.level)}
	at.MulCoeffsMontgomery(m0, b.polys[0], out.polys[0])
	at.MulCoeffsMontgomery(m0, b.polys[1], out.polys[1])
	at.MulCoeffsMontgomeryThenAdd(m1, b.polys[0], out.polys[1])
	at.MulCoeffsMontgomery(m1, b.polys[1], out.polys[2])
	r.arena.give(m0, m1)
	return out
}

// drop leaves out the limbs above the step's level.
func (r *run) drop(s fhe.Step) value {
	in := r.regs[s.A].polys
	out := value{level: s.Level, transformed: r.regs[s.A].transformed, polys: r.takeOver(s.A)}
	for i := range out.polys {
		out.polys[i].CopyLvl(s.Level, in[i])
		r.arena.give(ring.Poly{Coeffs: out.polys[i].Coeffs[s.Level+1:]})
		out.polys[i].Coeffs = out.polys[i].Coeffs[: s.Level+1 : s.Level+1]
	}
	return out
}

// rescale divides by the last prime and rounds to nearest. It works in the form in which
// the result is wanted if A can be had in it, which costs the fewest transforms: dividing
// coefficients costs none, dividing transformed values one per limb.
func (r *run) rescale(s fhe.Step) (value, error) {
	a := &r.regs[s.A]
	if a.transformed && !r.plan.schedule.transformed[s.Out] && r.dying(s.A) {
		r.restore(a)
	}
	if err := r.recordRescale(a); err != nil {
		return value{}, err
	}
	at, in := r.ring(a.level), a.polys
	out := value{level: a.level - 1, transformed: a.transformed, polys: r.takeOver(s.A)}
	scratch := ring.Poly{}
	if a.transformed {
		scratch = r.arena.poly(a.level)
	}
	for i := range in {
		if a.transformed {
			at.DivRoundByLastModulusNTT(in[i], scratch, out.polys[i])
		} else {
			// This one writes to its operand.
			out.polys[i].CopyLvl(a.level, in[i])
			at.DivRoundByLastModulus(out.polys[i], out.polys[i])
		}
		r.arena.give(ring.Poly{Coeffs: out.polys[i].Coeffs[a.level:]})
		out.polys[i].Coeffs = out.polys[i].Coeffs[:a.level:a.level]
	}
	r.arena.give(scratch)
	return out, nil
}
