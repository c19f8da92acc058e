package identity_test

import (
	"errors"
	"math/big"
	"slices"
	"testing"

	"github.com/cerberus-host/cerberus/abi"
	"github.com/cerberus-host/cerberus/fhe"
	"github.com/cerberus-host/cerberus/fhe/fhetest"
	"github.com/cerberus-host/cerberus/proofs/identity"
)

// TestEveryStep: whatever the engine did, for every kind of step at every level and digits
// of one to six primes, every identity holds over the integers.
func TestEveryStep(t *testing.T) {
	for _, shape := range shapes() {
		params := shaped(t, shape)
		t.Run(params.Name(), func(t *testing.T) {
			for level := range params.QCount() {
				r := execute(t, everyStep(t, params, level), uint64(level), identity.Options{})
				r.check(t)
				if t.Failed() {
					t.Fatalf("at level %d", level)
				}
			}
		})
	}
}

// TestRandomPlans: the same for random Plans, and for keys that are committed.
func TestRandomPlans(t *testing.T) {
	for _, shape := range shapes() {
		params := shaped(t, shape)
		t.Run(params.Name(), func(t *testing.T) {
			for seed := range uint64(6) {
				o := identity.Options{CommittedKeys: seed%2 == 1}
				r := execute(t, randomPlan(t, params, seed), seed, o)
				r.check(t)
				checkQuotients(t, r)
				checkStructure(t, r.system)
				if t.Failed() {
					t.Fatalf("seed %d", seed)
				}
			}
		})
	}
}

// checkQuotients: with the largest coefficients that a combination can have, and with others,
// the prime divides it and what is left fits the parts of the quotient.
func checkQuotients(t *testing.T, r *run) {
	t.Helper()
	s := r.system
	for at, g := range s.Groups {
		q := new(big.Int).SetUint64(s.Prime(g.Prime))
		for round, parts := range g.Quotients {
			sum := make([]*big.Int, s.Plan.Params.N())
			for i := range sum {
				sum[i] = new(big.Int)
			}
			for k, id := range g.Identities {
				left, err := identity.ExactSum(s, r.public, r.witness, s.Identities[id])
				if err != nil {
					t.Fatal(err)
				}
				c := big.NewInt(1)
				if g.Rounds > 0 {
					c.Lsh(c, uint(g.Bits)).Sub(c, big.NewInt(int64(1+k*round)))
				}
				for i := range sum {
					sum[i].Add(sum[i], left[i].Mul(left[i], c))
				}
			}
			for i := range sum {
				if sum[i].CmpAbs(s.CombinationBound(g)) > 0 {
					t.Fatalf("group %d: a combination exceeds its bound", at)
				}
				rest := new(big.Int)
				if sum[i].QuoRem(sum[i], q, rest); rest.Sign() != 0 {
					t.Fatalf("group %d: a combination is not divisible", at)
				}
				split, err := identity.SplitParts(sum[i], len(parts))
				if err != nil {
					t.Fatal(err)
				}
				for k, poly := range parts {
					if b := s.Polys[poly].Bound; split[k] > b || split[k] < -b {
						t.Fatalf("group %d: a part of a quotient exceeds its bound", at)
					}
				}
			}
		}
	}
}

// checkStructure: what prover and verifier rely on without looking.
func checkStructure(t *testing.T, s *identity.System) {
	t.Helper()
	covered := make(map[int]int)
	for _, g := range s.Groups {
		if len(g.Quotients) != g.Combinations() {
			t.Errorf("%d quotients for %d combinations", len(g.Quotients), g.Combinations())
		}
		if g.Rounds > 0 && (g.Rounds*g.Bits < 135 || uint64(1)<<g.Bits > s.Prime(g.Prime)) {
			t.Errorf("%d rounds of %d bits modulo %d", g.Rounds, g.Bits, s.Prime(g.Prime))
		}
		if (g.Rounds == 0 && len(g.Identities) != 1) || (g.Rounds > 0 && len(g.Identities) < 7) {
			t.Errorf("%d identities in a group of %d rounds", len(g.Identities), g.Rounds)
		}
		for _, id := range g.Identities {
			covered[id]++
			if s.Identities[id].Prime != g.Prime {
				t.Errorf("identity %d is in a group of another prime", id)
			}
		}
	}
	if len(covered) != len(s.Identities) {
		t.Errorf("%d of %d identities are in groups", len(covered), len(s.Identities))
	}
	for _, id := range s.Identities {
		for _, term := range id.Terms {
			checkTerm(t, s, id, term)
		}
	}
	if err := s.Check(); err != nil {
		t.Error(err)
	}
}

func checkTerm(t *testing.T, s *identity.System, id identity.Identity, term identity.Term) {
	t.Helper()
	if len(term.Factors) == 0 || len(term.Factors)-1 > s.HBlocks {
		t.Errorf("a term of %d factors", len(term.Factors))
	}
	free := 0
	for i, f := range term.Factors {
		p := s.Polys[f.Poly]
		if i > 0 && f.Poly < term.Factors[i-1].Poly {
			t.Error("factors are not in order")
		}
		if f.Scale != 1 && (p.Committed || term.Coef != 1 || f.Scale >= s.Prime(id.Prime)) {
			t.Errorf("%s is scaled", p)
		}
		if !p.Committed {
			continue
		}
		if _, ok := slices.BinarySearch(s.Views, f.Galois); !ok {
			t.Errorf("no view %d", f.Galois)
		}
		if i == s.Linear(term) {
			free++
		} else if !slices.Contains(s.Claims, f) {
			t.Errorf("%s is neither linear nor claimed", p)
		}
		if p.Kind == identity.KindKey && i != s.Linear(term) {
			t.Error("a key is claimed")
		}
	}
	if free > 1 {
		t.Error("a term has two committed factors without a claim")
	}
}

// TestForgeOutputs: an output that differs in one residue of one limb breaks an identity.
func TestForgeOutputs(t *testing.T) {
	for _, shape := range []shape{{4, 4, 1}, {4, 5, 2}} {
		r := execute(t, randomPlan(t, shaped(t, shape), 1), 1, identity.Options{})
		for o := range r.public.Outputs {
			for c := range r.public.Outputs[o].C {
				for i, limb := range r.public.Outputs[o].C[c].Limbs {
					at := (3*i + o) % len(limb)
					was := limb[at]
					limb[at] = (was + 1) % r.system.Prime(i)
					err := identity.CheckExact(r.system, r.public, r.witness)
					if !errors.Is(err, identity.ErrWitness) {
						t.Errorf("output %d, component %d, limb %d: error %v", o, c, i, err)
					}
					limb[at] = was
				}
			}
		}
	}
}

// TestForgeWires: every coefficient of every wire counts: parts of digits and remainders,
// roundings, values.
func TestForgeWires(t *testing.T) {
	for _, shape := range []shape{{4, 4, 1}, {4, 5, 2}, {4, 5, 4}} {
		r := execute(t, randomPlan(t, shaped(t, shape), 2), 1, identity.Options{})
		for _, k := range []identity.Kind{
			identity.KindDigit, identity.KindModDown, identity.KindRescale, identity.KindValue,
		} {
			if count(r.system, k) == 0 {
				t.Errorf("no %s to forge", k)
			}
		}
		for at := r.system.Wires; at < r.system.Quotients; at++ {
			coeffs := r.witness.Coeffs(at)
			step := int64(1)
			if coeffs[at%len(coeffs)] > 0 {
				step = -1
			}
			coeffs[at%len(coeffs)] += step
			err := identity.CheckExact(r.system, r.public, r.witness)
			if !errors.Is(err, identity.ErrWitness) {
				t.Errorf("%s: error %v", r.system.Polys[at], err)
			}
			coeffs[at%len(coeffs)] -= step
		}
		r.check(t)
	}
}

// TestForgeBeyondBound: a rounding that is off by its prime satisfies the identity of that
// prime. The others and the bound of the wire refuse it.
func TestForgeBeyondBound(t *testing.T) {
	params := shaped(t, shape{4, 2, 1})
	b := fhetest.NewPlanBuilder(params, abi.PackSlots)
	b.Output(b.Unary(fhe.StepRescale, b.Input(1, fhetest.WideBits(params))))
	r := execute(t, b.Compiled(), 1, identity.Options{})
	e, q := r.witness.Coeffs(r.system.Wires), int64(params.Q(1))
	for i, by := range map[int]int64{2: q, 3: -q} {
		was := e[i]
		e[i] += by
		err := identity.CheckExact(r.system, r.public, r.witness)
		if !errors.Is(err, identity.ErrWitness) {
			t.Errorf("error %v", err)
		}
		e[i] = was
	}
	r.check(t)
}
