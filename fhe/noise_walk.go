package fhe

import (
	"fmt"
	"math/big"

	"github.com/cerberus-host/cerberus/abi"
)

// noiseState is what is known of the errors of a register, in units of its values.
type noiseState struct {
	scale  Scale
	degree int
	// value is where a slot or coefficient lies, proven bounds the absolute value of its
	// error, and variance estimates that of its error on an honest node.
	value            intervals
	proven, variance profile
	// With coefficient packing, errors of the client's encryption are apart from proven:
	// fresh bounds their variance. Those of different sources are independent, those of
	// different coefficients too if white.
	fresh   mag
	sources *big.Int
	white   bool
}

// noiseWalk bounds errors step by step.
type noiseWalk struct {
	compiled *Compiled
	params   *Params
	regs     []noiseState
	// turn is the rotation that a Galois element stands for; a conjugation changes no
	// absolute value.
	turn      map[uint64]int
	roots     map[int]*roots
	freshOnly bool
	// n is the ring degree. secret and keyError bound the embeddings of a secret and of a key
	// error; secretVar and errorVar are variances of a coefficient.
	n, secret, keyError, secretVar, errorVar mag
	// short is N * 3.6: times a wire's bound it bounds every slot of the wire.
	short mag
}

func newNoiseWalk(c *Compiled) (*noiseWalk, error) {
	plan := c.Plan
	if len(c.Encoded) != len(plan.Constants) {
		return nil, fmt.Errorf("%w: %d constants instead of %d", ErrPlan, len(c.Encoded),
			len(plan.Constants))
	}
	for i, k := range plan.Constants {
		if err := c.Encoded[i].Check(plan.Params.N(), plan.Params.Moduli(k.Level)); err != nil {
			return nil, fmt.Errorf("%w: constant %d: %w", ErrPlan, i, err)
		}
	}
	n := magOf(uint64(plan.Params.N()), 0)
	w := &noiseWalk{
		compiled: c, params: plan.Params, regs: make([]noiseState, plan.Registers),
		turn: make(map[uint64]int, len(plan.Galois)), freshOnly: true, n: n,
		roots: make(map[int]*roots), secretVar: magRatio(2, 3),
		errorVar: magRatio(errorVarNum, errorVarDen),
		short:    n.mul(magRatio(shortNum, shortDen)),
	}
	w.short = w.short.add(w.short.shift(-partsShift))
	w.secret = n.mul(w.secretVar).sqrt().mul(magOf(tailSlots, 0))
	w.keyError = n.mul(w.errorVar).sqrt().mul(magOf(tailSlots, 0))
	w.turns()
	w.inputs()
	return w, nil
}

// turns finds the rotation of every Galois element: 5^k or -5^k modulo 2N.
func (w *noiseWalk) turns() {
	order := uint64(2 * w.params.N())
	for _, g := range w.compiled.Plan.Galois {
		w.turn[g] = 0
	}
	power := uint64(1)
	for k := range w.params.Slots() {
		for _, g := range []uint64{power, order - power} {
			if _, ok := w.turn[g]; ok {
				w.turn[g] = k
			}
		}
		power = power * 5 % order
	}
}

func (w *noiseWalk) inputs() {
	source := 0
	for _, in := range w.compiled.Plan.Inputs {
		bound, unit := magOf(uint64(in.Bound), 0), in.Scale.inverse()
		// What encryption adds to a coefficient: its error and the rounding of the encoder.
		variance := w.errorVar.add(magRatio(1, 12)).mul(unit.square())
		sub := w.errorVar.add(magRatio(1, 4)).mul(unit.square())
		for k := range in.Count {
			s := noiseState{
				scale: in.Scale, degree: 1, value: intervals{within(bound)},
				proven:   profile{bound.shift(-encoderBits)},
				variance: profile{variance},
			}
			if in.Packing == abi.PackSlots {
				s.variance = profile{variance.mul(w.n)}
				tail := sub.mul(w.n).sqrt().mul(magOf(tailSlots, 0))
				s.proven[0] = s.proven[0].add(tail)
			} else {
				s.fresh, s.white = sub, true
				s.sources = new(big.Int).SetBit(new(big.Int), source, 1)
			}
			source++
			w.regs[in.Reg+Reg(k)] = s
		}
	}
}

// step sets the register that a step makes.
func (w *noiseWalk) step(s Step) error {
	a := w.regs[s.A]
	var err error
	switch s.Op {
	case StepAdd, StepSub:
		a = sumNoise(s, a, w.regs[s.B])
	case StepAddConst, StepMulConst:
		a, err = w.constant(s, a)
	case StepMulInt:
		a = mulIntNoise(s, a)
	case StepNeg:
		a.value = a.value.each(interval.negated)
	case StepTensor:
		a = tensor(a, w.regs[s.B], s.A == s.B)
	case StepRescale:
		a = w.rescale(s, a)
	case StepRelin:
		a = w.keySwitch(s, a)
	case StepRotate:
		a = w.keySwitch(s, a)
		by := w.turn[s.Galois]
		a.value, a.proven, a.variance = a.value.turned(by), a.proven.turned(by),
			a.variance.turned(by)
	default: // no other kind changes values or errors
	}
	a.scale = s.Scale
	switch s.Op { //nolint:exhaustive // the others keep the degree
	case StepTensor:
		a.degree = 2
	case StepRelin:
		a.degree = 1
	}
	w.regs[s.Out] = a
	return err
}

func sumNoise(s Step, a, b noiseState) noiseState {
	value := b.value
	if s.Op == StepSub {
		value = value.each(interval.negated)
	}
	out := noiseState{
		value: a.value.with(value, interval.plus), proven: combine(a.proven, b.proven, mag.add),
		variance: combine(a.variance, b.variance, mag.add), fresh: a.fresh.add(b.fresh),
		white: a.white && b.white, degree: a.degree,
	}
	if s.A == s.B {
		out.variance = a.variance.each(func(v mag) mag { return v.shift(2) })
	}
	if a.sources != nil && b.sources != nil {
		if new(big.Int).And(a.sources, b.sources).Sign() != 0 {
			out.fresh = out.fresh.shift(1) // (x + y)^2 <= 2 x^2 + 2 y^2
		}
		out.sources = new(big.Int).Or(a.sources, b.sources)
	}
	return out
}

func mulIntNoise(s Step, a noiseState) noiseState {
	by := magOf(uint64(abs(s.Int)), 0)
	if !a.scale.Near(s.Scale, planScaleBits) {
		// The scale grows by a factor of which Int is the nearest integer.
		off := a.scale.mag().mul(s.Scale.inverse()).shift(-1)
		a.proven = combine(a.value.sizes(), a.proven, func(v, p mag) mag {
			return p.add(v.mul(off))
		})
		return a
	}
	a.value = a.value.each(func(v interval) interval { return v.scaled(by) })
	if s.Int < 0 {
		a.value = a.value.each(interval.negated)
	}
	a.proven = a.proven.each(func(m mag) mag { return m.mul(by) })
	a.variance = a.variance.each(func(m mag) mag { return m.mul(by.square()) })
	a.fresh = a.fresh.mul(by.square())
	return a
}

// tensor multiplies values: x e_y + y e_x + e_x e_y.
func tensor(a, b noiseState, same bool) noiseState {
	out := noiseState{value: a.value.with(b.value, interval.times)}
	if same {
		out.value = a.value.each(interval.squared)
	}
	x, y := a.value.sizes(), b.value.sizes()
	cross := combine(combine(x, b.proven, mag.mul), combine(y, a.proven, mag.mul), mag.add)
	out.proven = combine(cross, combine(a.proven, b.proven, mag.mul), mag.add)
	weigh := func(value, variance mag) mag { return value.square().mul(variance) }
	out.variance = combine(combine(x, b.variance, weigh), combine(y, a.variance, weigh), mag.add)
	if same {
		out.variance = out.variance.each(func(v mag) mag { return v.shift(1) })
	}
	out.variance = combine(out.variance, combine(a.variance, b.variance, mag.mul), mag.add)
	return out
}

// rounding adds what rounding adds to the components of a ciphertext: a cheating node's error
// is at most bound (of a coefficient, before the norm) and an honest one's is uniform in an
// interval of length 1, in units of 1 over the scale.
func (w *noiseWalk) rounding(a noiseState, bound mag, unit mag, degree int) noiseState {
	w.freshOnly = false
	power := w.n.mul(w.secretVar) // of an embedding of the secret
	if a.sources != nil {
		// A coefficient of the wire, and its sum with the secret's coefficients.
		norm := w.short.mul(bound).mul(w.n.sqrt()).div(uint64(w.params.N()))
		secret := w.secretVar.sqrt().mul(magOf(tailCoeffs, 0))
		push := norm.add(norm.mul(secret)).mul(unit)
		variance := magRatio(1, 12).add(power.mul(magRatio(1, 12))).mul(unit.square())
		return a.plus(push, variance)
	}
	push, secrets := w.short.mul(bound), mag{}
	variance := magRatio(1, 12).mul(w.n)
	spread := mag{}
	for d := range degree + 1 {
		switch d {
		case 0:
			secrets, spread = magOf(1, 0), magOf(1, 0)
		case 1:
			secrets, spread = secrets.add(w.secret), spread.add(power)
		default:
			secrets = secrets.add(w.secret.square())
			spread = spread.add(power.square().shift(1))
		}
	}
	return a.plus(push.mul(secrets).mul(unit), variance.mul(spread).mul(unit.square()))
}

// plus adds an error to all slots or coefficients.
func (a noiseState) plus(proven, variance mag) noiseState {
	a.proven = a.proven.each(func(m mag) mag { return m.add(proven) })
	a.variance = a.variance.each(func(m mag) mag { return m.add(variance) })
	return a
}

func (w *noiseWalk) rescale(s Step, a noiseState) noiseState {
	level := s.Level + 1
	share := magBig(w.params.WireBound(WireRescale, level, 0)).
		mul(ScaleOfInt(w.params.Q(level)).inverse())
	return w.rounding(a, share, s.Scale.inverse(), a.degree)
}

// keySwitch adds the key errors times the digits over P, and the rounding of the division
// by P.
func (w *noiseWalk) keySwitch(s Step, a noiseState) noiseState {
	unit := s.Scale.inverse()
	special := ScaleOfInt(1)
	for i := range w.params.PCount() {
		special = special.MulInt(w.params.P(i))
	}
	inverse := special.inverse()
	push, variance := mag{}, mag{}
	for d := range w.params.Digits(s.Level) {
		share := magBig(w.params.WireBound(WireDigit, s.Level, d)).mul(inverse)
		push = push.add(w.short.mul(share).mul(w.keyError))
		// A digit is uniform in at most twice its bound.
		each := share.square().shift(2).mul(magRatio(1, 12))
		variance = variance.add(each.mul(w.n).mul(w.errorVar.mul(w.n)))
	}
	a = a.plus(push.mul(unit), variance.mul(unit.square()))
	share := magBig(w.params.WireBound(WireModDown, s.Level, 0)).mul(inverse)
	return w.rounding(a, share, unit, 1)
}

func (w *noiseWalk) constant(s Step, a noiseState) (noiseState, error) {
	k := w.compiled.Plan.Constants[s.Const]
	l, err := w.compiled.lift(s.Const)
	if err != nil {
		return a, err
	}
	unit := k.Scale.inverse()
	if k.Arrangement == ArrangeSlots {
		slots, err := l.slots(w.rootsOf)
		if err != nil {
			return a, err
		}
		slots = slots.each(func(v interval) interval { return v.scaled(unit) })
		// The encoder rounds each coefficient by at most a half.
		rounds := magOf(uint64(len(l.coeffs)), -1).mul(unit)
		variance := magRatio(1, 12).mul(magOf(uint64(len(l.coeffs)), 0)).mul(unit.square())
		if s.Op == StepAddConst {
			a.value = a.value.with(slots, interval.plus)
			return a.plus(rounds, variance), nil
		}
		return a.timesSlots(slots, rounds, variance), nil
	}
	rounds, variance := magOf(1, -1).mul(unit), magRatio(1, 12).mul(unit.square())
	if k.exact() {
		rounds, variance = mag{}, mag{}
	}
	one, two := l.sums()
	one, two = one.mul(unit), two.mul(unit.square())
	if s.Op == StepAddConst {
		a.value = a.value.each(func(v interval) interval { return v.plus(within(one)) })
		return a.plus(rounds, variance), nil
	}
	if !a.white {
		two = one.square()
	}
	many, value := w.n, a.value.sizes()
	a.proven = combine(value, a.proven, func(v, p mag) mag {
		return p.mul(one).add(v.mul(rounds).mul(many))
	})
	a.variance = combine(value, a.variance, func(v, p mag) mag {
		return p.mul(two).add(v.square().mul(variance).mul(many))
	})
	a.value = a.value.each(func(v interval) interval { return within(v.size().mul(one)) })
	a.fresh, a.white = a.fresh.mul(two), false
	return a, nil
}

// rootsOf keeps the roots of each order.
func (w *noiseWalk) rootsOf(order int) (*roots, error) {
	if r, ok := w.roots[order]; ok {
		return r, nil
	}
	r, err := newRoots(order)
	w.roots[order] = r
	return r, err
}

// timesSlots multiplies with a constant, slot by slot, whose own error is rounds.
func (a noiseState) timesSlots(slots intervals, rounds, variance mag) noiseState {
	out, size, value := a, slots.sizes(), a.value.sizes()
	out.value = a.value.with(slots, interval.times)
	out.proven = combine(a.proven, size, mag.mul)
	out.proven = combine(out.proven, value, func(p, v mag) mag { return p.add(v.mul(rounds)) })
	out.variance = combine(a.variance, size, func(v, c mag) mag { return v.mul(c.square()) })
	out.variance = combine(out.variance, value, func(p, v mag) mag {
		return p.add(v.square().mul(variance))
	})
	return out
}

// exact reports whether the encoder of coefficients had nothing to round: the scale is a
// power of two that takes up all fractional bits.
func (k PlanConstant) exact() bool {
	return k.Scale == ScaleOfBits(k.Scale.Log2Floor()) && k.Scale.Log2Floor() >= k.Frac
}
