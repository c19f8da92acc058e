package identity

import (
	"fmt"
	"math/big"
	"slices"

	"github.com/cerberus-host/cerberus/fhe"
)

// step writes one step down.
func (b *builder) step(i int, s fhe.Step) error {
	b.now = i
	var out register
	switch s.Op {
	case fhe.StepAdd, fhe.StepSub:
		out = b.sum(s)
	case fhe.StepNeg:
		out = b.each(s.A, func(r ring, _ int, e expr) expr { return r.neg(e) })
	case fhe.StepMulInt:
		out = b.each(s.A, func(r ring, _ int, e expr) expr { return r.scale(e, r.residue(s.Int)) })
	case fhe.StepAddConst:
		out = b.addConst(s)
	case fhe.StepMulConst:
		out = b.each(s.A, func(r ring, limb int, e expr) expr {
			return r.mul(e, b.constant(s.Const, limb))
		})
	case fhe.StepTensor:
		out = b.tensor(s)
	case fhe.StepDrop:
		for _, comp := range b.regs[s.A].comps {
			out.comps = append(out.comps, comp[:s.Level+1])
		}
	case fhe.StepRescale:
		out = b.rescale(s)
	case fhe.StepDecompose:
		out.digits = b.decompose(s.A, 1)
	case fhe.StepRelin:
		out = b.relinearise(s)
	case fhe.StepRotate:
		out = b.rotation(s)
	default:
		return fmt.Errorf("%w: operation %d", fhe.ErrUnsupported, s.Op)
	}
	b.regs[s.Out] = out
	b.commitReg(s.Out, func(_ int, e expr) bool { return len(e) > termsMax })
	for _, comp := range out.comps {
		for _, e := range comp {
			b.work += len(e)
		}
	}
	return b.limit()
}

// from returns what with makes of one limb of a register. If that does not fit an identity,
// the limb is committed first: what with makes of a single polynomial fits.
func (b *builder) from(reg fhe.Reg, component, limb int, with func(e expr) expr) expr {
	out := with(b.regs[reg].comps[component][limb])
	if b.fits(limb, out) {
		return out
	}
	b.commitLimb(reg, component, limb)
	return with(b.regs[reg].comps[component][limb])
}

// each applies a function to all limbs of a register.
func (b *builder) each(reg fhe.Reg, with func(r ring, limb int, e expr) expr) register {
	out := register{comps: make([][]expr, len(b.regs[reg].comps))}
	for c := range out.comps {
		for i := range b.regs[reg].comps[c] {
			out.comps[c] = append(out.comps[c], b.from(reg, c, i, func(e expr) expr {
				return with(b.rings[i], i, e)
			}))
		}
	}
	return out
}

// sum adds or subtracts two registers. If a sum does not fit, the longer operand is committed
// first, then the other.
func (b *builder) sum(s fhe.Step) register {
	out := register{comps: make([][]expr, len(b.regs[s.A].comps))}
	for c := range out.comps {
		for i, r := range b.rings[:len(b.regs[s.A].comps[c])] {
			with := func() expr {
				x, y := b.regs[s.A].comps[c][i], b.regs[s.B].comps[c][i]
				if s.Op == fhe.StepSub {
					return r.sub(x, y)
				}
				return r.add(x, y)
			}
			order := []fhe.Reg{s.A, s.B}
			if len(b.regs[s.B].comps[c][i]) > len(b.regs[s.A].comps[c][i]) {
				order = []fhe.Reg{s.B, s.A}
			}
			e := with()
			for _, reg := range order {
				if !b.fits(i, e) {
					b.commitLimb(reg, c, i)
					e = with()
				}
			}
			out.comps[c] = append(out.comps[c], e)
		}
	}
	return out
}

func (b *builder) constant(index, limb int) expr {
	return b.public(Poly{Kind: KindConstant, Index: index, Limb: limb}, limb)
}

func (b *builder) addConst(s fhe.Step) register {
	out := register{comps: slices.Clone(b.regs[s.A].comps)}
	out.comps[0] = nil
	for i := range b.regs[s.A].comps[0] {
		out.comps[0] = append(out.comps[0], b.from(s.A, 0, i, func(e expr) expr {
			return b.rings[i].add(e, b.constant(s.Const, i))
		}))
	}
	return out
}

// tensor multiplies two ciphertexts whose components are short sums.
func (b *builder) tensor(s fhe.Step) register {
	long := func(_ int, e expr) bool { return len(e) > factorTermsMax || !e.linear() }
	b.commitReg(s.A, long)
	b.commitReg(s.B, long)
	out := register{comps: make([][]expr, 3)}
	for i := range b.regs[s.A].comps[0] {
		products := b.products(s.A, s.B, i)
		if slices.ContainsFunc(products, func(e expr) bool { return !b.fits(i, e) }) {
			for c := range 2 {
				b.commitLimb(s.A, c, i)
				b.commitLimb(s.B, c, i)
			}
			products = b.products(s.A, s.B, i)
		}
		for c, e := range products {
			out.comps[c] = append(out.comps[c], e)
		}
	}
	return out
}

func (b *builder) products(x, y fhe.Reg, limb int) []expr {
	r := b.rings[limb]
	x0, x1 := b.regs[x].comps[0][limb], b.regs[x].comps[1][limb]
	y0, y1 := b.regs[y].comps[0][limb], b.regs[y].comps[1][limb]
	return []expr{r.mul(x0, y0), r.add(r.mul(x0, y1), r.mul(x1, y0)), r.mul(x1, y1)}
}

// rescale divides by the last prime: one centred remainder for all limbs.
func (b *builder) rescale(s fhe.Step) register {
	in := b.regs[s.A]
	last := len(in.comps[0]) - 1
	out := register{comps: make([][]expr, len(in.comps))}
	q := b.rings[last].Value()
	for c, comp := range in.comps {
		e := b.polynomial(b.wire(Poly{
			Kind: KindRescale, Step: b.now, Component: c,
			Bound: b.plan.Params.WireBound(fhe.WireRescale, last, c).Int64(),
		}))
		b.zero(last, b.rings[last].sub(e, comp[last]))
		for i, r := range b.rings[:last] {
			inverse := r.inverse(r.Reduce(q))
			out.comps[c] = append(out.comps[c], b.from(s.A, c, i, func(limb expr) expr {
				return r.scale(r.sub(limb, e), inverse)
			}))
		}
	}
	return out
}

// decompose returns the digits of a component of a register, in parts. The limbs of the
// component are afterwards what the digits say of them, which is shorter.
func (b *builder) decompose(reg fhe.Reg, component int) [][]int {
	p := b.plan.Params
	level := len(b.regs[reg].comps[component]) - 1
	limbs := slices.Clone(b.regs[reg].comps[component])
	digits := make([][]int, p.Digits(level))
	for j := range digits {
		lo, hi := p.DigitRange(j, level)
		if hi-lo == 1 {
			if at, ok := b.isDigit(limbs[lo], lo); ok {
				digits[j] = []int{at}
				continue
			}
		}
		digits[j] = b.partWires(p.WireBound(fhe.WireDigit, level, j),
			Poly{Kind: KindDigit, Step: b.now, Index: j})
		for i := lo; i < hi; i++ {
			d := b.joined(digits[j], b.rings[i])
			b.zero(i, b.rings[i].sub(d, limbs[i]))
			if len(d) <= len(limbs[i]) {
				limbs[i] = d
			}
		}
	}
	comps := slices.Clone(b.regs[reg].comps)
	comps[component] = limbs
	b.regs[reg].comps = comps
	return digits
}

// isDigit returns the polynomial that an expression is, if an engine's digit of it is that
// same polynomial: digits of one prime are what [Lift] gives.
func (b *builder) isDigit(e expr, limb int) (poly int, ok bool) {
	at, ok := e.single()
	if !ok {
		return 0, false
	}
	switch p := b.poly(at); p.Kind {
	case KindInput, KindValue:
		return at, p.Limb == limb
	case KindDigit:
		return at, p.Index == limb && b.plan.Params.Alpha() == 1
	default:
		return 0, false
	}
}

// partWires makes the wires of an integer of absolute value at most bound, in parts.
func (b *builder) partWires(bound *big.Int, p Poly) []int {
	var out []int
	for t, part := range parts(bound) {
		p.Limb, p.Bound = t, part
		out = append(out, b.wire(p))
	}
	return out
}

// product returns the product of the primes [lo, hi).
func (b *builder) product(lo, hi int) *big.Int {
	out := big.NewInt(1)
	for _, r := range b.rings[lo:hi] {
		out.Mul(out, new(big.Int).SetUint64(r.Value()))
	}
	return out
}

// joined is the integer whose parts are given, modulo a prime.
func (b *builder) joined(parts []int, r ring) expr {
	var out expr
	for t, at := range parts {
		power := new(big.Int).Lsh(big.NewInt(1), uint(t*PartBits))
		out = r.add(out, r.scale(b.polynomial(at), r.residueBig(power)))
	}
	return out
}

// keySum returns the sum over the digits of key_j * digit_j modulo a prime.
func (b *builder) keySum(galois uint64, component, prime int, digits [][]int) expr {
	r := b.rings[prime]
	var terms []term
	for j, d := range digits {
		key := b.public(Poly{
			Kind: KindKey, Galois: galois, Index: j, Component: component, Limb: prime,
		}, prime)
		terms = append(terms, r.mul(key, b.joined(d, r))...)
	}
	return r.collect(terms)
}

// keySwitch returns (sum over j of key_j * digit_j - e) / P for both components.
func (b *builder) keySwitch(galois uint64, digits [][]int, level int) [2][]expr {
	p := b.plan.Params
	special := b.product(p.QCount(), p.QCount()+p.PCount())
	var out [2][]expr
	for c := range out {
		e := b.partWires(p.WireBound(fhe.WireModDown, level, c),
			Poly{Kind: KindModDown, Step: b.now, Component: c})
		for k := range p.PCount() {
			at := p.QCount() + k
			r := b.rings[at]
			b.zero(at, r.sub(b.joined(e, r), b.keySum(galois, c, at, digits)))
		}
		for i, r := range b.rings[:level+1] {
			sum := r.sub(b.keySum(galois, c, i, digits), b.joined(e, r))
			out[c] = append(out[c], r.scale(sum, r.inverse(r.residueBig(special))))
		}
	}
	return out
}

func (b *builder) relinearise(s fhe.Step) register {
	digits := b.decompose(s.A, 2)
	out := register{comps: make([][]expr, 2)}
	switched := b.keySwitch(fhe.RelinElement, digits, len(b.regs[s.A].comps[0])-1)
	for c := range out.comps {
		for i := range switched[c] {
			out.comps[c] = append(out.comps[c], b.from(s.A, c, i, func(e expr) expr {
				return b.rings[i].add(e, switched[c][i])
			}))
		}
	}
	return out
}

// rotation switches keys first and permutes last, as engines do.
func (b *builder) rotation(s fhe.Step) register {
	var digits [][]int
	if s.B != fhe.NoReg {
		digits = b.regs[s.B].digits
	} else {
		digits = b.decompose(s.A, 1)
	}
	for i, e := range b.regs[s.A].comps[0] {
		if e.factors() > rotatedMax {
			b.commitLimb(s.A, 0, i)
		}
	}
	switched := b.keySwitch(s.Galois, digits, len(b.regs[s.A].comps[0])-1)
	out := register{comps: make([][]expr, 2)}
	for i, r := range b.rings[:len(switched[0])] {
		out.comps[0] = append(out.comps[0], b.from(s.A, 0, i, func(e expr) expr {
			return r.rotate(r.add(e, switched[0][i]), s.Galois)
		}))
		out.comps[1] = append(out.comps[1], r.rotate(switched[1][i], s.Galois))
	}
	return out
}
