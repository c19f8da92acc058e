package identity_test

import (
	"errors"
	"math/big"
	"slices"
	"testing"

	"github.com/cerberus-host/cerberus/fhe"
	"github.com/cerberus-host/cerberus/fhe/fhetest"
	"github.com/cerberus-host/cerberus/proofs/identity"
)

// taped is a run whose records can be changed before they are collected.
type taped struct {
	system *identity.System
	public *identity.Publics
	tape   *fhetest.Tape
}

func record(t *testing.T, s shape, seed uint64) *taped {
	t.Helper()
	c := randomPlan(t, shaped(t, s), seed)
	out := &taped{
		system: build(t, c.Plan, identity.Options{}), public: operands(t, c, 1),
		tape: &fhetest.Tape{},
	}
	evaluate(t, c, out.public, out.tape)
	return out
}

func (r *taped) collect() (*identity.Witness, error) {
	c := identity.NewCollector(r.system)
	for _, w := range r.tape.Wires {
		if err := c.Record(w); err != nil {
			return nil, err
		}
	}
	return c.Witness(r.public)
}

// TestWitnessWithoutOutputs: values do not depend on outputs, which an engine returns last.
func TestWitnessWithoutOutputs(t *testing.T) {
	r := record(t, shape{4, 5, 2}, 3)
	w, err := r.collect()
	if err != nil {
		t.Fatal(err)
	}
	values := 0
	for at := r.system.Wires; at < r.system.Quotients; at++ {
		id, ok := r.system.Defines(at)
		if ok != (r.system.Polys[at].Kind == identity.KindValue) {
			t.Errorf("%s: defined %t", r.system.Polys[at], ok)
		}
		if !ok {
			continue
		}
		values++
		sum, err := identity.ExactSum(r.system, r.public, w, r.system.Identities[id])
		if err != nil {
			t.Fatal(err)
		}
		q := new(big.Int).SetUint64(r.system.Prime(r.system.Identities[id].Prime))
		for _, x := range sum {
			if x.Mod(x, q).Sign() != 0 {
				t.Fatalf("%s is not what its identity says", r.system.Polys[at])
			}
		}
		prime := q.Uint64()
		for _, c := range w.Coeffs(at) {
			if identity.Lift(uint64(c+int64(prime))%prime, prime) != c {
				t.Fatalf("%d is not lifted", c)
			}
		}
	}
	if values == 0 {
		t.Error("the plan has no values")
	}
}

// TestCollectorRefuses: a record that is missing, of a step that has none, of the wrong
// length, or too large.
func TestCollectorRefuses(t *testing.T) {
	huge := new(big.Int).Lsh(big.NewInt(1), 400)
	for name, change := range map[string]func(tape *fhetest.Tape){
		"another step": func(tape *fhetest.Tape) {
			at := slices.IndexFunc(tape.Wires, isRescale)
			tape.Wires[at].Step = 1 << 20
		},
		"another kind": func(tape *fhetest.Tape) { tape.Wires[0].Kind = 99 },
		"short": func(tape *fhetest.Tape) {
			tape.Wires[0].Coeffs = tape.Wires[0].Coeffs[1:]
		},
		"long": func(tape *fhetest.Tape) {
			tape.Wires[0].Coeffs = append(tape.Wires[0].Coeffs, huge)
		},
		"too many bits": func(tape *fhetest.Tape) { tape.Wires[0].Coeffs[3] = huge },
		"missing": func(tape *fhetest.Tape) {
			at := slices.IndexFunc(tape.Wires, isRescale)
			tape.Wires = slices.Delete(tape.Wires, at, at+1)
		},
		"beyond its bound": func(tape *fhetest.Tape) {
			at := slices.IndexFunc(tape.Wires, isRescale)
			tape.Wires[at].Coeffs[0] = big.NewInt(1 << 50)
		},
	} {
		r := record(t, shape{4, 5, 2}, 2)
		change(r.tape)
		if _, err := r.collect(); !errors.Is(err, identity.ErrWitness) {
			t.Errorf("%s: error %v", name, err)
		}
	}
	r := record(t, shape{4, 5, 2}, 2)
	r.public.Keys = nil
	if _, err := r.collect(); !errors.Is(err, identity.ErrPublic) {
		t.Errorf("without keys: error %v", err)
	}
}

// TestWireBounds: the parts of a wire hold all that an engine may record, and exceed it by
// less than the 2^-8 that the noise model allows for; what it recorded is within.
func TestWireBounds(t *testing.T) {
	for _, s := range shapes() {
		r := record(t, s, 1)
		for _, w := range r.tape.Wires {
			kinds := map[fhe.WireKind]identity.Kind{
				fhe.WireDigit: identity.KindDigit, fhe.WireModDown: identity.KindModDown,
				fhe.WireRescale: identity.KindRescale,
			}
			sum, found := new(big.Int), false
			for _, p := range r.system.Polys {
				index := p.Component
				if p.Kind == identity.KindDigit {
					index = p.Index
				}
				if p.Kind == kinds[w.Kind] && p.Step == w.Step && index == w.Index {
					part := 0
					if p.Kind != identity.KindRescale {
						part = p.Limb
					}
					found = true
					b := big.NewInt(p.Bound)
					sum.Add(sum, b.Lsh(b, uint(part*identity.PartBits)))
				}
			}
			if !found { // a digit that is another polynomial
				continue
			}
			step := r.system.Plan.Steps[w.Step]
			level := step.Level
			if w.Kind == fhe.WireRescale {
				level++
			}
			least := r.system.Plan.Params.WireBound(w.Kind, level, w.Index)
			most := new(big.Int).Rsh(least, 8)
			if most.Add(most, least); sum.Cmp(least) < 0 || sum.Cmp(most) > 0 {
				t.Errorf("step %d, %s: bound %s, parts %s", w.Step, step.Op, least, sum)
			}
			for _, c := range w.Coeffs {
				if c.CmpAbs(least) > 0 {
					t.Fatalf("step %d, %s: recorded %s above %s", w.Step, step.Op, c, least)
				}
			}
		}
	}
}

func isRescale(w fhe.Wire) bool { return w.Kind == fhe.WireRescale }
