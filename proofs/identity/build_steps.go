package identity

import (
	"fmt"
	"math/big"
	"slices"

	"github.com/cerberus-host/cerberus/fhe"
	"github.com/cerberus-host/cerberus/fhe/rns"
)

// step writes one step down.
func (b *builder) step(i int, s fhe.Step) error {
	b.now = i
	var out register
	var err error
	switch s.Op {
	case fhe.StepAdd, fhe.StepSub:
		out = b.zip(b.regs[s.A], b.regs[s.B], map[fhe.StepOp]pairwise{
			fhe.StepAdd: add, fhe.StepSub: sub,
		}[s.Op])
	case fhe.StepNeg:
		out = b.each(b.regs[s.A], func(m rns.Modulus, e expr) expr { return scale(m, e, m.Neg(1)) })
	case fhe.StepMulInt:
		out = b.each(b.regs[s.A], func(m rns.Modulus, e expr) expr {
			return scale(m, e, residueOf(s.Int, m))
		})
	case fhe.StepAddConst:
		out = b.addConst(s)
	case fhe.StepMulConst:
		out = b.mulConst(s)
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
		err = fmt.Errorf("%w: operation %d", fhe.ErrUnsupported, s.Op)
	}
	if err != nil {
		return err
	}
	b.regs[s.Out] = out
	b.commitReg(s.Out, func(limb int, e expr) bool { return len(e) > termsMax || !b.fits(limb, e) })
	return nil
}

type pairwise func(m rns.Modulus, x, y expr) expr

func (b *builder) zip(x, y register, with pairwise) register {
	out := register{comps: make([][]expr, len(x.comps))}
	for c := range x.comps {
		for i := range x.comps[c] {
			out.comps[c] = append(out.comps[c], with(b.moduli[i], x.comps[c][i], y.comps[c][i]))
		}
	}
	return out
}

func (b *builder) each(x register, with func(m rns.Modulus, e expr) expr) register {
	out := register{comps: make([][]expr, len(x.comps))}
	for c := range x.comps {
		for i, e := range x.comps[c] {
			out.comps[c] = append(out.comps[c], with(b.moduli[i], e))
		}
	}
	return out
}

// residueOf returns v modulo the prime, |v| < 2^62.
func residueOf(v int64, m rns.Modulus) uint64 {
	if v >= 0 {
		return m.Reduce(uint64(v))
	}
	return m.Neg(m.Reduce(uint64(-v)))
}

func bigResidue(x *big.Int, m rns.Modulus) uint64 {
	return new(big.Int).Mod(x, new(big.Int).SetUint64(m.Value())).Uint64()
}

func (b *builder) constant(index, limb int) expr {
	return atom(b.public(Poly{Kind: KindConstant, Index: index, Limb: limb}, limb))
}

func (b *builder) addConst(s fhe.Step) register {
	out := register{comps: slices.Clone(b.regs[s.A].comps)}
	out.comps[0] = slices.Clone(out.comps[0])
	for i, e := range out.comps[0] {
		out.comps[0][i] = add(b.moduli[i], e, b.constant(s.Const, i))
	}
	return out
}

func (b *builder) mulConst(s fhe.Step) register {
	product := func(limb int, e expr) expr {
		return mul(b.moduli[limb], e, b.constant(s.Const, limb))
	}
	b.commitReg(s.A, func(limb int, e expr) bool { return !b.fits(limb, product(limb, e)) })
	out := register{comps: make([][]expr, len(b.regs[s.A].comps))}
	for c, comp := range b.regs[s.A].comps {
		for i, e := range comp {
			out.comps[c] = append(out.comps[c], product(i, e))
		}
	}
	return out
}

// tensor multiplies two ciphertexts whose components are short sums.
func (b *builder) tensor(s fhe.Step) register {
	long := func(_ int, e expr) bool { return len(e) > factorTermsMax || !e.linear() }
	b.commitReg(s.A, long)
	b.commitReg(s.B, long)
	out := b.products(b.regs[s.A], b.regs[s.B])
	for c := range out.comps {
		for i, e := range out.comps[c] {
			if !b.fits(i, e) {
				// Committed operands always fit: two wires and a coefficient.
				all := func(int, expr) bool { return true }
				b.commitReg(s.A, all)
				b.commitReg(s.B, all)
				return b.products(b.regs[s.A], b.regs[s.B])
			}
		}
	}
	return out
}

func (b *builder) products(x, y register) register {
	out := register{comps: make([][]expr, 3)}
	for i := range x.comps[0] {
		m := b.moduli[i]
		out.comps[0] = append(out.comps[0], mul(m, x.comps[0][i], y.comps[0][i]))
		out.comps[1] = append(out.comps[1], add(m, mul(m, x.comps[0][i], y.comps[1][i]),
			mul(m, x.comps[1][i], y.comps[0][i])))
		out.comps[2] = append(out.comps[2], mul(m, x.comps[1][i], y.comps[1][i]))
	}
	return out
}

// rescale divides by the last prime: one centred remainder for all limbs.
func (b *builder) rescale(s fhe.Step) register {
	in := b.regs[s.A]
	last := len(in.comps[0]) - 1
	out := register{comps: make([][]expr, len(in.comps))}
	q := b.moduli[last].Value()
	for c, comp := range in.comps {
		e := atom(b.wire(Poly{
			Kind: KindRescale, Step: b.now, Component: c, Bound: liftBound(q),
		}))
		b.zero(last, sub(b.moduli[last], e, comp[last]))
		for i := range last {
			m := b.moduli[i]
			inverse, err := m.Inv(m.Reduce(q))
			if err != nil {
				continue // distinct primes have inverses: fhe.NewParams checked them
			}
			out.comps[c] = append(out.comps[c], scale(m, sub(m, comp[i], e), inverse))
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
		digits[j] = b.digit(j, lo, hi)
		for i := lo; i < hi; i++ {
			d := b.joined(digits[j], b.moduli[i])
			b.zero(i, sub(b.moduli[i], d, limbs[i]))
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
	switch p := b.poly(at); p.Kind { //nolint:exhaustive // the others are no lifted residues
	case KindInput, KindValue:
		return at, p.Limb == limb
	case KindDigit:
		return at, p.Index == limb && b.plan.Params.Alpha() == 1
	default:
		return 0, false
	}
}

// digit makes the wires of digit j, of the primes [lo, hi).
func (b *builder) digit(j, lo, hi int) []int {
	bound := big.NewInt(liftBound(b.moduli[lo].Value()))
	if hi-lo > 1 {
		bound = b.product(lo, hi)
	}
	var out []int
	for t, part := range parts(bound) {
		out = append(out, b.wire(Poly{
			Kind: KindDigit, Step: b.now, Index: j, Limb: t, Bound: part,
		}))
	}
	return out
}

func (b *builder) product(lo, hi int) *big.Int {
	out := big.NewInt(1)
	for _, m := range b.moduli[lo:hi] {
		out.Mul(out, new(big.Int).SetUint64(m.Value()))
	}
	return out
}

// joined is the integer whose parts are given, modulo a prime.
func (b *builder) joined(parts []int, m rns.Modulus) expr {
	var out expr
	for t, at := range parts {
		power := new(big.Int).Lsh(big.NewInt(1), uint(t*PartBits))
		out = add(m, out, scale(m, atom(at), bigResidue(power, m)))
	}
	return out
}

// keySwitch returns (sum over j of key_j * digit_j - e) / P for both components.
func (b *builder) keySwitch(galois uint64, digits [][]int, level int) [2][]expr {
	p := b.plan.Params
	special := b.product(p.QCount(), p.QCount()+p.PCount())
	var out [2][]expr
	for c := range out {
		sum := func(prime int) expr {
			m := b.moduli[prime]
			var sum expr
			for j, d := range digits {
				key := atom(b.public(Poly{
					Kind: KindKey, Galois: galois, Index: j, Component: c, Limb: prime,
				}, prime))
				sum = add(m, sum, mul(m, key, b.joined(d, m)))
			}
			return sum
		}
		var e []int
		for t, part := range parts(special) {
			e = append(e, b.wire(Poly{
				Kind: KindModDown, Step: b.now, Component: c, Limb: t, Bound: part,
			}))
		}
		for k := range p.PCount() {
			at := p.QCount() + k
			b.zero(at, sub(b.moduli[at], b.joined(e, b.moduli[at]), sum(at)))
		}
		for i := range level + 1 {
			m := b.moduli[i]
			inverse, err := m.Inv(bigResidue(special, m))
			if err != nil {
				continue // distinct primes have inverses: fhe.NewParams checked them
			}
			out[c] = append(out[c], scale(m, sub(m, sum(i), b.joined(e, m)), inverse))
		}
	}
	return out
}

func (b *builder) relinearise(s fhe.Step) register {
	digits := b.decompose(s.A, 2)
	in := b.regs[s.A]
	switched := b.keySwitch(fhe.RelinElement, digits, len(in.comps[0])-1)
	return b.zip(register{comps: in.comps[:2]}, register{comps: switched[:]}, add)
}

// rotation switches keys first and permutes last, as engines do.
func (b *builder) rotation(s fhe.Step) register {
	var digits [][]int
	if s.B != fhe.NoReg {
		digits = b.regs[s.B].digits
	} else {
		digits = b.decompose(s.A, 1)
	}
	comps := slices.Clone(b.regs[s.A].comps)
	comps[0] = slices.Clone(comps[0])
	for i, e := range comps[0] {
		if len(e) > rotatedTermsMax {
			comps[0][i] = b.commit(s.A, 0, i, e)
		}
	}
	b.regs[s.A].comps = comps
	switched := b.keySwitch(s.Galois, digits, len(comps[0])-1)
	out := register{comps: make([][]expr, 2)}
	for i, e := range comps[0] {
		m := b.moduli[i]
		out.comps[0] = append(out.comps[0],
			rotate(m, add(m, e, switched[0][i]), s.Galois, b.n))
		out.comps[1] = append(out.comps[1], rotate(m, switched[1][i], s.Galois, b.n))
	}
	return out
}
