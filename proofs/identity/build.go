package identity

import (
	"fmt"
	"math/big"
	"slices"

	"github.com/cerberus-host/cerberus/fhe"
)

const (
	// termsMax is the number of terms beyond which a value is committed.
	termsMax = 256
	// rotatedMax is the number of factors that a rotation carries along in component 0: each
	// of them is evaluated once more, and wires that were rotated before need another view.
	rotatedMax = 12
	// factorTermsMax is the number of terms of a factor of a product.
	factorTermsMax = 4
	// workMax bounds the terms that are made while a System is built, and with them its time
	// and memory; polysMax bounds its polynomials.
	workMax  = 1 << 25
	polysMax = 1 << 20
	// firstWire begins the numbers of wires while a System is built: publics and wires are
	// found in any order.
	firstWire = 1 << 28
)

// Build returns the System of a Plan. It returns an error that wraps fhe.ErrPlan for a Plan
// that is not valid, fhe.ErrLimit for one whose System would be larger than is supported,
// and [ErrBound] if the identities do not fit the field.
func Build(plan *fhe.Plan, o Options) (*System, error) {
	if err := plan.Check(); err != nil {
		return nil, fmt.Errorf("identities: %w", err)
	}
	var s *System
	var err error
	// How many identities share a prime is known at the end: with many of them each one gets
	// less of the field, and more values are committed.
	for spare := headroomMin; spare <= headroomMax; spare += headroomStep {
		if s, err = build(plan, o, spare); err != nil {
			return nil, err
		}
		if err = s.Check(); err == nil {
			return s, nil
		}
	}
	return nil, err
}

// build returns a System whose bounds were not checked. Every identity stays spare bits
// below the limit of a combination, if it can.
func build(plan *fhe.Plan, o Options, spare int) (*System, error) {
	b := &builder{
		plan: plan, options: o, spare: spare, known: make(map[Poly]int),
		values: make(map[valueKey]int), regs: make([]register, plan.Registers),
		slack: ProvenBound(plan.Params.N(), big.NewInt(1)),
	}
	for _, q := range plan.Params.ModuliQP() {
		r, err := ringOf(q, plan.Params.LogN())
		if err != nil {
			return nil, err
		}
		b.rings = append(b.rings, r)
	}
	if err := b.inputs(); err != nil {
		return nil, err
	}
	last := plan.LastUses()
	for i, s := range plan.Steps {
		if err := b.step(i, s); err != nil {
			return nil, fmt.Errorf("step %d, %s: %w", i, s.Op, err)
		}
		for _, reg := range []fhe.Reg{s.A, s.B, s.Out} {
			if reg != fhe.NoReg && last[reg] <= i {
				b.regs[reg] = register{}
			}
		}
	}
	if err := b.outputs(); err != nil {
		return nil, err
	}
	s := b.system()
	s.group()
	s.claims()
	return s, nil
}

// register is what a register of the Plan holds.
type register struct {
	// comps[c][i] is component c modulo prime i.
	comps [][]expr
	// digits[j] are the parts of digit j of what was decomposed.
	digits [][]int
}

// valueKey names an expression by where its terms lie: expressions are never changed.
type valueKey struct {
	first        *term
	terms, prime int
}

// builder holds what is known while the steps of a Plan are written down.
type builder struct {
	plan    *fhe.Plan
	options Options
	// spare is described at build, slack is the ratio of proven to honest bounds.
	spare int
	slack *big.Int
	rings []ring
	known map[Poly]int
	// publics and wires are the polynomials so far, bounds what their coefficients are proven
	// to be below.
	publics, wires            []Poly
	publicBounds, wiresBounds []*big.Int
	ids                       []rawIdentity
	values                    map[valueKey]int
	regs                      []register
	// now is the index of the current step, work the number of terms that were made.
	now, work int
}

// rawIdentity says that an expression is 0 modulo a prime. If it defines the wire of a value,
// defines is that wire, else -1.
type rawIdentity struct {
	prime, defines int
	sum            expr
}

// public returns a public polynomial as an expression.
func (b *builder) public(p Poly, prime int) expr {
	p.Bound = liftBound(b.rings[prime].Value())
	p.Committed = p.Kind == KindKey && b.options.CommittedKeys
	at, ok := b.known[p]
	if !ok {
		at = len(b.publics)
		b.known[p] = at
		b.publics = append(b.publics, p)
		b.publicBounds = append(b.publicBounds, big.NewInt(p.Bound))
	}
	return atom(at, b.publicBounds[at])
}

// wire adds a wire and returns its number.
func (b *builder) wire(p Poly) int {
	p.Committed = true
	b.wires = append(b.wires, p)
	b.wiresBounds = append(b.wiresBounds, new(big.Int).Mul(b.slack, big.NewInt(p.Bound)))
	return firstWire + len(b.wires) - 1
}

// polynomial returns what has that number as an expression.
func (b *builder) polynomial(at int) expr {
	if at >= firstWire {
		return atom(at, b.wiresBounds[at-firstWire])
	}
	return atom(at, b.publicBounds[at])
}

func (b *builder) poly(at int) Poly {
	if at >= firstWire {
		return b.wires[at-firstWire]
	}
	return b.publics[at]
}

// zero states that an expression is 0 modulo a prime.
func (b *builder) zero(prime int, sum expr) {
	b.ids = append(b.ids, rawIdentity{prime: prime, defines: -1, sum: sum})
	b.work += len(sum)
}

// limit returns an error if the System has become larger than is supported.
func (b *builder) limit() error {
	if b.work > workMax || len(b.wires)+len(b.publics) > polysMax {
		return fmt.Errorf("%w: more than %d terms or %d polynomials", fhe.ErrLimit, workMax,
			polysMax)
	}
	return nil
}

func (b *builder) inputs() error {
	next := 0
	for _, in := range b.plan.Inputs {
		for k := range in.Count {
			r := register{comps: make([][]expr, 2)}
			for c := range r.comps {
				for i := range in.Level + 1 {
					p := Poly{Kind: KindInput, Index: next, Component: c, Limb: i}
					r.comps[c] = append(r.comps[c], b.public(p, i))
				}
			}
			b.regs[in.Reg+fhe.Reg(k)] = r
			next++
			if err := b.limit(); err != nil {
				return err
			}
		}
	}
	return nil
}

func (b *builder) outputs() error {
	for o, out := range b.plan.Outputs {
		for c, comp := range b.regs[out.Reg].comps {
			for i, e := range comp {
				result := b.public(Poly{Kind: KindOutput, Index: o, Component: c, Limb: i}, i)
				b.zero(i, b.rings[i].sub(result, e))
			}
		}
		if err := b.limit(); err != nil {
			return err
		}
	}
	return nil
}

// commit returns the wire that equals an expression modulo the prime.
func (b *builder) commit(reg fhe.Reg, component, limb int, e expr) expr {
	if _, ok := e.single(); ok {
		return e
	}
	key := valueKey{terms: len(e), prime: limb}
	if len(e) > 0 {
		key.first = &e[0]
		if at, ok := b.values[key]; ok {
			return b.polynomial(at)
		}
	}
	r := b.rings[limb]
	at := b.wire(Poly{
		Kind: KindValue, Step: b.now, Index: int(reg), Component: component, Limb: limb,
		Bound: liftBound(r.Value()),
	})
	w := b.polynomial(at)
	b.zero(limb, r.sub(w, e))
	b.ids[len(b.ids)-1].defines = at
	if len(e) > 0 {
		b.values[key] = at
	}
	return w
}

// commitReg replaces the limbs of a register by wires for which want is true.
func (b *builder) commitReg(reg fhe.Reg, want func(limb int, e expr) bool) {
	for c, comp := range b.regs[reg].comps {
		for i, e := range comp {
			if want(i, e) {
				b.commitLimb(reg, c, i)
			}
		}
	}
}

// commitLimb replaces one limb of a register by a wire. Other registers may share the limbs.
func (b *builder) commitLimb(reg fhe.Reg, component, limb int) {
	comps := slices.Clone(b.regs[reg].comps)
	comps[component] = slices.Clone(comps[component])
	comps[component][limb] = b.commit(reg, component, limb, comps[component][limb])
	b.regs[reg].comps = comps
}

// system numbers polynomials and writes identities down.
func (b *builder) system() *System {
	s := &System{
		Plan: b.plan, Options: b.options, Polys: slices.Concat(b.publics, b.wires),
		Wires: len(b.publics), Quotients: len(b.publics) + len(b.wires), HBlocks: 1,
		defined: make(map[int]int),
	}
	for _, raw := range b.ids {
		if raw.defines >= 0 {
			s.defined[raw.defines-firstWire+s.Wires] = len(s.Identities)
		}
		id := Identity{Prime: raw.prime}
		form := b.form(raw.prime, raw.sum)
		for i, t := range raw.sum {
			coef := b.rings[raw.prime].Mul(t.coef, form.by)
			out := Term{
				Coef:    Lift(coef, b.rings[raw.prime].Value()),
				Factors: slices.Clone(t.factors),
			}
			if at := form.scaled[i]; at >= 0 {
				out.Coef, out.Factors[at].Scale = 1, coef
			}
			for k := range out.Factors {
				if out.Factors[k].Poly >= firstWire {
					out.Factors[k].Poly += s.Wires - firstWire
				}
			}
			id.Terms = append(id.Terms, out)
			s.HBlocks = max(s.HBlocks, len(out.Factors)-1)
		}
		s.Identities = append(s.Identities, id)
	}
	return s
}
