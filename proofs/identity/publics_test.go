package identity_test

import (
	"errors"
	"slices"
	"sync"
	"testing"

	"github.com/cerberus-host/cerberus/abi"
	"github.com/cerberus-host/cerberus/fhe"
	"github.com/cerberus-host/cerberus/fhe/fhetest"
	"github.com/cerberus-host/cerberus/fhe/rns"
	"github.com/cerberus-host/cerberus/proofs/identity"
)

// TestPublicsCheck: metadata, residues and counts that are not the Plan's are refused, each by
// itself.
func TestPublicsCheck(t *testing.T) {
	params := shaped(t, shape{4, 3, 1})
	c := everyStep(t, params, 2)
	other := shaped(t, shape{4, 4, 1})
	for name, change := range map[string]func(p *identity.Publics){
		"parameters":     func(p *identity.Publics) { p.Params = other },
		"an input less":  func(p *identity.Publics) { p.Inputs = p.Inputs[1:] },
		"an output more": func(p *identity.Publics) { p.Outputs = append(p.Outputs, p.Outputs[0]) },
		"no outputs":     func(p *identity.Publics) { p.Outputs = nil },
		"a constant less": func(p *identity.Publics) {
			p.Constants = p.Constants[1:]
		},
		"output scale": func(p *identity.Publics) {
			p.Outputs[0].Scale = p.Outputs[0].Scale.Mul(fhe.ScaleOfBits(1))
		},
		"output level":     func(p *identity.Publics) { p.Outputs[0].Level-- },
		"output length":    func(p *identity.Publics) { p.Outputs[0].Length-- },
		"output period":    func(p *identity.Publics) { p.Outputs[0].Period /= 2 },
		"output packing":   func(p *identity.Publics) { p.Outputs[0].Packing = "" },
		"output limbs":     func(p *identity.Publics) { dropLimb(&p.Outputs[0].C[1]) },
		"input scale":      func(p *identity.Publics) { p.Inputs[1].Scale = fhe.ScaleOfBits(3) },
		"input level":      func(p *identity.Publics) { p.Inputs[1].Level-- },
		"input limbs":      func(p *identity.Publics) { dropLimb(&p.Inputs[1].C[0]) },
		"constant limbs":   func(p *identity.Publics) { dropLimb(&p.Constants[0]) },
		"no keys":          func(p *identity.Publics) { p.Keys = &fhe.KeySet{Params: p.Params} },
		"nil keys":         func(p *identity.Publics) { p.Keys = nil },
		"keys of others":   func(p *identity.Publics) { p.Keys.Params = other },
		"key digit":        func(p *identity.Publics) { p.Keys.Keys[0].B = p.Keys.Keys[0].B[1:] },
		"constant residue": func(p *identity.Publics) { p.Constants[1].Limbs[1][0] = params.Q(1) },
		"key residue": func(p *identity.Publics) {
			p.Keys.Keys[1].B[0].Limbs[3][1] = params.P(0)
		},
	} {
		r := execute(t, c, 1, identity.Options{})
		r.public.Constants = clonePolys(r.public.Constants)
		if err := r.public.Check(r.system); err != nil {
			t.Fatal(err)
		}
		if change(r.public); !errors.Is(r.public.Check(r.system), identity.ErrPublic) {
			t.Errorf("%s: error %v", name, r.public.Check(r.system))
		}
	}
}

// TestPublicsResidues: a residue that is its prime is refused in every limb of every input
// and output.
func TestPublicsResidues(t *testing.T) {
	r := execute(t, everyStep(t, shaped(t, shape{4, 3, 1}), 2), 1, identity.Options{})
	for _, list := range [][]fhe.Ciphertext{r.public.Inputs, r.public.Outputs} {
		for k := range list {
			for c := range list[k].C {
				for i, limb := range list[k].C[c].Limbs {
					was := limb[i]
					limb[i] = r.system.Prime(i)
					if err := r.public.Check(r.system); !errors.Is(err, identity.ErrPublic) {
						t.Errorf("ciphertext %d, component %d, limb %d: error %v", k, c, i, err)
					}
					limb[i] = was
				}
			}
		}
	}
	if err := r.public.Check(r.system); err != nil {
		t.Error(err)
	}
}

func dropLimb(p *fhe.Poly) { p.Limbs = p.Limbs[:len(p.Limbs)-1] }

func clonePolys(in []fhe.Poly) []fhe.Poly {
	var out []fhe.Poly
	for _, p := range in {
		q := fhe.NewPoly(len(p.Limbs[0]), len(p.Limbs))
		for i := range p.Limbs {
			copy(q.Limbs[i], p.Limbs[i])
		}
		out = append(out, q)
	}
	return out
}

// TestPublicsCoeffs: coefficients are lifted residues of what the polynomial names, also
// when many ask at once.
func TestPublicsCoeffs(t *testing.T) {
	r := execute(t, everyStep(t, shaped(t, shape{4, 5, 2}), 3), 1, identity.Options{})
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			for at := range r.system.Wires {
				checkCoeffs(t, r, at)
			}
		})
	}
	group.Wait()
	for _, change := range []func(p *identity.Publics){
		func(p *identity.Publics) { p.Inputs = nil },
		func(p *identity.Publics) { p.Outputs = nil },
		func(p *identity.Publics) { p.Constants = nil },
		func(p *identity.Publics) { p.Keys = nil },
	} {
		public := &identity.Publics{
			Params: r.public.Params, Inputs: r.public.Inputs, Outputs: r.public.Outputs,
			Constants: r.public.Constants, Keys: r.public.Keys,
		}
		change(public)
		refused := 0
		for at := range r.system.Wires {
			if _, err := public.Coeffs(r.system, at); errors.Is(err, identity.ErrPublic) {
				refused++
			}
		}
		if refused == 0 {
			t.Error("what is missing is not missed")
		}
	}
	if _, err := r.public.Coeffs(r.system, r.system.Wires); !errors.Is(err, identity.ErrPublic) {
		t.Errorf("a wire: error %v", err)
	}
}

func checkCoeffs(t *testing.T, r *run, at int) {
	t.Helper()
	p := r.system.Polys[at]
	var from fhe.Poly
	switch p.Kind { //nolint:exhaustive // wires are not public
	case identity.KindInput:
		from = r.public.Inputs[p.Index].C[p.Component]
	case identity.KindOutput:
		from = r.public.Outputs[p.Index].C[p.Component]
	case identity.KindConstant:
		from = r.public.Constants[p.Index]
	case identity.KindKey:
		key, _ := r.public.Keys.Key(p.Galois)
		from = key.B[p.Index]
		if p.Component == 1 {
			var err error
			if from, err = r.public.Keys.ExpandA(p.Galois, p.Index); err != nil {
				t.Error(err)
				return
			}
		}
	}
	coeffs, err := r.public.Coeffs(r.system, at)
	if err != nil {
		t.Error(err)
		return
	}
	q := r.system.Plan.Params.ModuliQP()[p.Limb]
	for i, c := range coeffs {
		if c != identity.Lift(from.Limbs[p.Limb][i], q) || c > p.Bound || c < -p.Bound {
			t.Errorf("%s: coefficient %d is %d", p, i, c)
			return
		}
	}
}

// TestScaleResidues: it is Rotate and then ScaleLift, for residues of the prime and of
// smaller and larger ones.
func TestScaleResidues(t *testing.T) {
	const n, q = 16, 12289
	m, err := rns.NewModulus(q)
	if err != nil {
		t.Fatal(err)
	}
	for _, prime := range []uint64{q, 97, 1<<61 - 1} {
		in := []uint64{0, 1, 2, prime>>1 - 1, prime >> 1, prime>>1 + 1, prime - 2, prime - 1}
		for i := len(in); i < n; i++ {
			in = append(in, uint64(i)*0x9e3779b97f4a7c15%prime)
		}
		lifted := make([]int64, n)
		for i, c := range in {
			lifted[i] = identity.Lift(c, prime)
		}
		for galois := uint64(1); galois < 2*n; galois += 2 {
			for _, by := range []uint64{0, 1, 2, q >> 1, q - 1} {
				turned, want, got := make([]int64, n), make([]int64, n), make([]uint64, n)
				identity.Rotate(turned, lifted, galois)
				identity.ScaleLift(want, turned, by, m)
				identity.ScaleResidues(got, in, prime, galois, by, m)
				for i, c := range got {
					if c >= q || identity.Lift(c, q) != want[i] {
						t.Fatalf("modulo %d, element %d, times %d: %d at %d instead of %d", prime,
							galois, by, c, i, want[i])
					}
				}
			}
		}
	}
}

// TestSum: what stands for several terms is their sum in integers, without the number that
// they are multiples of.
func TestSum(t *testing.T) {
	for _, shape := range []shape{{4, 3, 1}, {5, 4, 1}, {4, 5, 2}} {
		params := shaped(t, shape)
		b := fhetest.NewPlanBuilder(params, abi.PackSlots)
		x := b.Input(params.MaxLevel(), fhetest.HalfBits(params))
		sum := b.Unary(fhe.StepNeg, x)
		for steps := 1; steps < 4; steps++ {
			sum = b.Binary(fhe.StepAdd, sum, b.Rotate(x, fhe.NoReg, params.GaloisElement(steps)))
		}
		b.Output(sum)
		r := execute(t, b.Compiled(), 1, identity.Options{})
		found := 0
		for _, id := range r.system.Identities {
			terms := r.system.Summed(id)
			if terms == nil {
				continue
			}
			found++
			checkSum(t, r, id, terms)
		}
		if found < params.QCount() {
			t.Errorf("%d identities have terms to sum", found)
		}
	}
}

func checkSum(t *testing.T, r *run, id identity.Identity, terms []int) {
	t.Helper()
	n := r.system.Plan.Params.N()
	first := id.Terms[terms[0]].Coef
	want, turned := make([]int64, n), make([]int64, n)
	for _, at := range terms {
		term := id.Terms[at]
		coeffs, err := r.public.Coeffs(r.system, term.Factors[0].Poly)
		if err != nil {
			t.Fatal(err)
		}
		identity.Rotate(turned, coeffs, term.Factors[0].Galois)
		for i, c := range turned {
			switch term.Coef {
			case first:
				want[i] += c
			case -first:
				want[i] -= c
			default:
				t.Fatalf("%d and %d times", first, term.Coef)
			}
		}
	}
	got := make([]uint64, n)
	if err := r.public.Sum(r.system, id, got); err != nil {
		t.Fatal(err)
	}
	for i, c := range got {
		if c >= identity.SumPrime || identity.Lift(c, identity.SumPrime) != want[i] {
			t.Fatalf("coefficient %d is %d, not %d", i, c, want[i])
		}
	}
}

// TestSummed: terms that one polynomial cannot stand for are left alone.
func TestSummed(t *testing.T) {
	public := identity.Poly{Kind: identity.KindInput, Bound: 1 << 40}
	committed := identity.Poly{Kind: identity.KindKey, Bound: 1 << 40, Committed: true}
	large := identity.Poly{Kind: identity.KindInput, Bound: 1<<59 - 1}
	s := &identity.System{Polys: []identity.Poly{public, committed, large}}
	term := func(coef int64, scale uint64, polys ...int) identity.Term {
		out := identity.Term{Coef: coef}
		for _, p := range polys {
			out.Factors = append(out.Factors, identity.Factor{Poly: p, Galois: 1, Scale: scale})
		}
		return out
	}
	for name, each := range map[string]struct {
		terms []identity.Term
		want  []int
	}{
		"nothing":   {nil, nil},
		"one":       {[]identity.Term{term(3, 1, 0)}, nil},
		"several":   {[]identity.Term{term(3, 1, 0), term(-3, 1, 0), term(3, 1, 2)}, []int{0, 1, 2}},
		"number":    {[]identity.Term{term(3, 1, 0), term(2, 1, 0), term(3, 1, 0)}, []int{0, 2}},
		"committed": {[]identity.Term{term(1, 1, 1), term(1, 1, 0), term(1, 1, 0)}, []int{1, 2}},
		"scaled":    {[]identity.Term{term(1, 1, 0), term(1, 5, 0)}, nil},
		"products":  {[]identity.Term{term(1, 1, 0, 0), term(1, 1, 0, 0)}, nil},
		"constants": {[]identity.Term{term(1, 1), term(1, 1)}, nil},
		"bound":     {[]identity.Term{term(1, 1, 2), term(1, 1, 2), term(1, 1, 2)}, nil},
	} {
		if got := s.Summed(identity.Identity{Terms: each.terms}); !slices.Equal(got, each.want) {
			t.Errorf("%s: %v instead of %v", name, got, each.want)
		}
	}
}
