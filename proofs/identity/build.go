package identity

import (
	"fmt"
	"math/big"
	"slices"

	"github.com/cerberus-host/cerberus/fhe"
	"github.com/cerberus-host/cerberus/fhe/rns"
)

const (
	// termsMax is the number of terms beyond which a value is committed.
	termsMax = 256
	// rotatedTermsMax is the number of terms that a rotation carries along: each of them is
	// another view of a polynomial.
	rotatedTermsMax = 24
	// factorTermsMax is the number of terms of a factor of a product.
	factorTermsMax = 4
	// identityBits is what is left between the bound of an expression and that of a
	// combination: the number of its identities and the quotient.
	identityBits = 12
	// firstWire begins the numbers of wires while a System is built: publics and wires are
	// found in any order.
	firstWire = 1 << 28
)

// Build returns the System of a Plan. The Plan must be valid. It returns [ErrBound] if the
// identities do not fit the field, and fhe.ErrPlan for a Plan that it cannot read.
func Build(plan *fhe.Plan, o Options) (*System, error) {
	if err := plan.Check(); err != nil {
		return nil, err
	}
	b := &builder{
		plan: plan, options: o, known: make(map[Poly]int), n: plan.Params.N(),
		regs: make([]register, plan.Registers),
	}
	for _, q := range plan.Params.ModuliQP() {
		m, err := rns.NewModulus(q)
		if err != nil {
			return nil, fmt.Errorf("prime %d: %w", q, err)
		}
		b.moduli = append(b.moduli, m)
	}
	b.inputs()
	for i, s := range plan.Steps {
		if err := b.step(i, s); err != nil {
			return nil, fmt.Errorf("step %d, %s: %w", i, s.Op, err)
		}
	}
	b.outputs()
	s := b.system()
	s.group()
	s.claims()
	if err := s.Check(); err != nil {
		return nil, err
	}
	return s, nil
}

// register is what a register of the Plan holds.
type register struct {
	// comps[c][i] is component c modulo prime i.
	comps [][]expr
	// digits[j] are the parts of digit j of what was decomposed.
	digits [][]int
}

type builder struct {
	plan    *fhe.Plan
	options Options
	n       int
	moduli  []rns.Modulus
	known   map[Poly]int
	publics []Poly
	wires   []Poly
	ids     []rawIdentity
	regs    []register
	// now is the index of the current step.
	now int
}

// rawIdentity says that an expression is 0 modulo a prime.
type rawIdentity struct {
	prime int
	sum   expr
}

// public returns the number of a public polynomial.
func (b *builder) public(p Poly, prime int) int {
	p.Bound = liftBound(b.moduli[prime].Value())
	p.Committed = p.Kind == KindKey && b.options.CommittedKeys
	if at, ok := b.known[p]; ok {
		return at
	}
	b.known[p] = len(b.publics)
	b.publics = append(b.publics, p)
	return len(b.publics) - 1
}

func (b *builder) wire(p Poly) int {
	p.Committed = true
	b.wires = append(b.wires, p)
	return firstWire + len(b.wires) - 1
}

func (b *builder) poly(at int) Poly {
	if at >= firstWire {
		return b.wires[at-firstWire]
	}
	return b.publics[at]
}

// zero states that an expression is 0 modulo a prime.
func (b *builder) zero(prime int, sum expr) {
	b.ids = append(b.ids, rawIdentity{prime: prime, sum: sum})
}

func (b *builder) inputs() {
	next := 0
	for _, in := range b.plan.Inputs {
		for k := range in.Count {
			r := register{comps: make([][]expr, 2)}
			for c := range r.comps {
				for i := range in.Level + 1 {
					r.comps[c] = append(r.comps[c],
						atom(b.public(Poly{Kind: KindInput, Index: next, Component: c, Limb: i}, i)))
				}
			}
			b.regs[in.Reg+fhe.Reg(k)] = r
			next++
		}
	}
}

func (b *builder) outputs() {
	for o, out := range b.plan.Outputs {
		for c, comp := range b.regs[out.Reg].comps {
			for i, e := range comp {
				result := atom(b.public(Poly{Kind: KindOutput, Index: o, Component: c, Limb: i}, i))
				b.zero(i, sub(b.moduli[i], result, e))
			}
		}
	}
}

// commit replaces an expression by a wire that equals it modulo the prime.
func (b *builder) commit(reg fhe.Reg, component, limb int, e expr) expr {
	if _, ok := e.single(); ok {
		return e
	}
	m := b.moduli[limb]
	w := atom(b.wire(Poly{
		Kind: KindValue, Step: b.now, Index: int(reg), Component: component, Limb: limb,
		Bound: liftBound(m.Value()),
	}))
	b.zero(limb, sub(m, w, e))
	return w
}

// commitReg replaces the limbs of a register by wires for which want is true.
func (b *builder) commitReg(reg fhe.Reg, want func(limb int, e expr) bool) {
	comps := slices.Clone(b.regs[reg].comps)
	for c := range comps {
		comps[c] = slices.Clone(comps[c])
		for i, e := range comps[c] {
			if want(i, e) {
				comps[c][i] = b.commit(reg, c, i, e)
			}
		}
	}
	b.regs[reg].comps = comps
}

// fits reports whether an identity over the expression fits the field.
func (b *builder) fits(limb int, e expr) bool {
	m := b.moduli[limb]
	limit := fieldBits - (m.Bits() - 1) - identityBits
	sum := new(big.Int)
	for _, t := range e {
		coef := Lift(t.coef, m.Value())
		factor := b.absorber(t)
		if factor >= 0 {
			coef = 1
		}
		product := new(big.Int).Abs(big.NewInt(coef))
		for i, f := range t.factors {
			p := b.poly(f.Poly)
			bound := big.NewInt(p.Bound)
			switch {
			case i == factor:
				bound.SetInt64(liftBound(m.Value()))
			case !p.Kind.Public():
				bound = ProvenBound(b.n, bound)
			}
			product.Mul(product, bound)
			if i > 0 {
				product.Lsh(product, uint(b.plan.Params.LogN()))
			}
		}
		sum.Add(sum, product)
	}
	return sum.BitLen() <= limit
}

// absorber returns the factor of a term that takes the coefficient: a constant, else an
// input; -1 if there is neither.
func (b *builder) absorber(t term) int {
	found := -1
	for i, f := range t.factors {
		switch b.poly(f.Poly).Kind { //nolint:exhaustive // the others are never scaled
		case KindConstant:
			return i
		case KindInput:
			found = max(found, i)
		}
	}
	return found
}

// system numbers polynomials and writes identities down.
func (b *builder) system() *System {
	s := &System{
		Plan: b.plan, Options: b.options, Polys: slices.Concat(b.publics, b.wires),
		Wires: len(b.publics), Quotients: len(b.publics) + len(b.wires), HBlocks: 1,
	}
	for _, raw := range b.ids {
		id := Identity{Prime: raw.prime}
		q := b.moduli[raw.prime].Value()
		for _, t := range raw.sum {
			out := Term{Coef: Lift(t.coef, q), Factors: slices.Clone(t.factors)}
			if at := b.absorber(t); at >= 0 && t.coef != 1 {
				out.Coef, out.Factors[at].Scale = 1, t.coef
			}
			for i := range out.Factors {
				if out.Factors[i].Poly >= firstWire {
					out.Factors[i].Poly += s.Wires - firstWire
				}
			}
			id.Terms = append(id.Terms, out)
			s.HBlocks = max(s.HBlocks, len(out.Factors)-1)
		}
		s.Identities = append(s.Identities, id)
	}
	return s
}
