package lattigo

import (
	"github.com/tuneinsight/lattigo/v5/core/rlwe"
	"github.com/tuneinsight/lattigo/v5/ring"
	"github.com/tuneinsight/lattigo/v5/ring/ringqp"

	"github.com/cerberus-host/cerberus/fhe"
)

// decompose splits the last component of a ciphertext into its digits, which it returns
// transformed, modulo the primes of the level and all special ones. The digits belong to
// the arena.
func (r *run) decompose(v *value) ([]ringqp.Poly, error) {
	set := r.plan.set.rings
	digits := make([]ringqp.Poly, set.params.Digits(v.level))
	for i := range digits {
		digits[i] = r.arena.polyQP(v.level)
	}
	last := v.polys[len(v.polys)-1]
	r.arena.eval.DecomposeNTT(v.level, set.levelP(), set.params.Alpha(), last, v.transformed, digits)
	for i := range digits {
		if err := r.recordDigit(v.level, i, digits[i]); err != nil {
			return nil, err
		}
	}
	return digits, nil
}

// switchKey returns the gadget product of digits and key, divided by P: two transformed
// polynomials that belong to the arena.
func (r *run) switchKey(level int, digits []ringqp.Poly, key *rlwe.GadgetCiphertext,
) ([2]ring.Poly, error) {
	levelP := r.plan.set.rings.levelP()
	acc := []ringqp.Poly{r.arena.polyQP(level), r.arena.polyQP(level)}
	product := &rlwe.Element[ringqp.Poly]{
		Value:    acc,
		MetaData: &rlwe.MetaData{CiphertextMetaData: rlwe.CiphertextMetaData{IsNTT: true}},
	}
	r.arena.eval.GadgetProductHoistedLazy(level, digits, key, product)
	var out [2]ring.Poly
	for c := range out {
		out[c] = r.arena.poly(level)
		r.arena.eval.BasisExtender.ModDownQPtoQNTT(level, levelP, acc[c].Q, acc[c].P, out[c])
		if err := r.recordModDown(c, acc[c], out[c]); err != nil {
			return out, err
		}
	}
	r.arena.giveQP(acc...)
	return out, nil
}

// rotate switches keys, adds component 0 and permutes last, as Lattigo does.
func (r *run) rotate(s fhe.Step) (value, error) {
	a := &r.regs[s.A]
	r.transform(a)
	var digits []ringqp.Poly
	if s.B != fhe.NoReg {
		digits = r.regs[s.B].digits
	} else {
		own, err := r.decompose(a)
		if err != nil {
			return value{}, err
		}
		defer r.arena.giveQP(own...)
		digits = own
	}
	switched, err := r.switchKey(a.level, digits, r.keys.keys[s.Galois])
	if err != nil {
		return value{}, err
	}
	at, index := r.ring(a.level), r.plan.permutations[s.Galois]
	at.Add(switched[0], a.polys[0], switched[0])
	out := value{level: a.level, transformed: true, polys: r.polys(2, a.level)}
	for c := range switched {
		at.AutomorphismNTTWithIndex(switched[c], index, out.polys[c])
	}
	r.arena.give(switched[:]...)
	return out, nil
}

// relinearise switches component 2 from s^2 to s and adds the rest.
func (r *run) relinearise(s fhe.Step) (value, error) {
	a := &r.regs[s.A]
	r.transform(a)
	digits, err := r.decompose(a)
	if err != nil {
		return value{}, err
	}
	switched, err := r.switchKey(a.level, digits, r.keys.keys[fhe.RelinElement])
	if err != nil {
		return value{}, err
	}
	r.arena.giveQP(digits...)
	at := r.ring(a.level)
	for c := range switched {
		at.Add(switched[c], a.polys[c], switched[c])
	}
	return value{level: a.level, transformed: true, polys: switched[:]}, nil
}
