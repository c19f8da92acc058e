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

func isRescale(w fhe.Wire) bool { return w.Kind == fhe.WireRescale }
