package verifier_test

import (
	"context"
	"errors"
	"math/big"
	"slices"
	"testing"

	"github.com/consensys/gnark-crypto/ecc/bn254"
	"github.com/consensys/gnark-crypto/ecc/bn254/fr"

	"github.com/cerberus-host/cerberus/abi"
	"github.com/cerberus-host/cerberus/fhe"
	"github.com/cerberus-host/cerberus/proofs/identity"
	"github.com/cerberus-host/cerberus/proofs/opening"
	"github.com/cerberus-host/cerberus/proofs/prooftest"
	"github.com/cerberus-host/cerberus/proofs/protocol"
	"github.com/cerberus-host/cerberus/proofs/verifier"
)

// refused forges and expects the verifier to name that reason.
func (s *scene) refused(t *testing.T, what string, f forgery, want error) {
	t.Helper()
	if err := s.verify(s.prove(t, f)); !errors.Is(err, want) {
		t.Errorf("%s: error %v, want %v", what, err, want)
	}
}

// refusedBothWays goes on after a lie about an identity in two ways: with quotients that are
// nearly right, so that the identity is false at gamma, and with quotients that make it true
// modulo the field but are enormous, so that no projection of them can be sent.
func (s *scene) refusedBothWays(t *testing.T, what string, f forgery) {
	t.Helper()
	s.refused(t, what+", nearest quotient", f, verifier.ErrOpening)
	f.exact = true
	s.refused(t, what+", exact quotient", f, verifier.ErrOpening)
}

// smallScene is a run of every kind of step with digits of two primes.
func smallScene(t *testing.T, o identity.Options) *scene {
	t.Helper()
	return stage(t, everyStep(t, prooftest.Params(t, 4, 5, 2)), prooftest.Clear(t, 16), o, 1)
}

// rescaledScene is a run of the smallest Plan with wires.
func rescaledScene(t *testing.T) *scene {
	t.Helper()
	c := prooftest.Rescaled(prooftest.Params(t, 4, 2, 1))
	return stage(t, c, prooftest.Clear(t, 16), identity.Options{}, 1)
}

// add adds to coefficient i of a polynomial.
func (r *reference) add(at, i int, by int64) {
	r.polys[at][i] = new(big.Int).Add(r.polys[at][i], big.NewInt(by))
}

// TestForgeOutputCoefficient: one coefficient of one limb of an output.
func TestForgeOutputCoefficient(t *testing.T) {
	s := smallScene(t, identity.Options{})
	for c := range 2 {
		for _, i := range []int{0, len(s.Public.Outputs[0].C[c].Limbs) - 1} {
			limb := s.Public.Outputs[0].C[c].Limbs[i]
			was := limb[3]
			limb[3] = (was + 1) % s.System.Prime(i)
			s.refusedBothWays(t, "output", forgery{})
			limb[3] = was
		}
	}
}

// TestForgeWires: one coefficient of a wire of each kind.
func TestForgeWires(t *testing.T) {
	s := smallScene(t, identity.Options{})
	seen := make(map[identity.Kind]bool)
	for at := s.System.Wires; at < s.System.Quotients; at++ {
		if kind := s.System.Polys[at].Kind; !seen[kind] {
			seen[kind] = true
			s.refusedBothWays(t, kind.String(), forgery{
				wires: func(r *reference) { r.add(at, 5, 1) },
			})
		}
	}
	for _, kind := range []identity.Kind{
		identity.KindDigit, identity.KindModDown, identity.KindRescale,
	} {
		if !seen[kind] {
			t.Errorf("the plan has no %s", kind)
		}
	}
}

// TestForgeQuotients: one coefficient of a quotient, by a prime or by X^N+1.
func TestForgeQuotients(t *testing.T) {
	s := smallScene(t, identity.Options{})
	for _, at := range []int{s.System.Quotients, len(s.System.Polys) - 1} {
		s.refused(t, "quotient", forgery{
			quotients: func(r *reference) { r.add(at, 2, 1) },
		}, verifier.ErrOpening)
	}
	s.refused(t, "quotient by X^N+1", forgery{
		h: func(h [][]fr.Element) { h[0][1].SetOne() },
	}, verifier.ErrOpening)
	s.refused(t, "no quotient by X^N+1 in what is opened", forgery{withoutH: true},
		verifier.ErrOpening)
}

// TestForgeLateWires: a wire is another after its commitment, its quotient or its projection.
func TestForgeLateWires(t *testing.T) {
	s := smallScene(t, identity.Options{})
	change := func(r *reference) { r.add(s.System.Wires, 5, 1) }
	s.refused(t, "after the commitment", forgery{late: change}, verifier.ErrOpening)
	s.refused(t, "after the projection", forgery{beyond: change}, verifier.ErrOpening)
	s.refused(t, "committed anew", forgery{beyond: func(r *reference) {
		change(r)
		r.proof.Wires = r.commitAll(r.shape.Wires)
	}}, verifier.ErrOpening)
}

// TestForgeProof: whatever is changed in a finished proof is noticed.
func TestForgeProof(t *testing.T) {
	s := smallScene(t, identity.Options{CommittedKeys: true})
	for name, change := range map[string]func(p *protocol.Proof){
		"swapped wires": func(p *protocol.Proof) { p.Wires[0], p.Wires[1] = p.Wires[1], p.Wires[0] },
		"swapped quotients": func(p *protocol.Proof) {
			p.Quotients[0], p.Quotients[1] = p.Quotients[1], p.Quotients[0]
		},
		"a zero point":      func(p *protocol.Proof) { p.Wires[0][0] = bn254.G1Affine{} },
		"a zero quotient":   func(p *protocol.Proof) { p.Quotients[0][0] = bn254.G1Affine{} },
		"H":                 func(p *protocol.Proof) { p.H[0] = p.Wires[0][0] },
		"a projection":      func(p *protocol.Proof) { p.Projections[0][9].Lo ^= 1 },
		"a claim":           func(p *protocol.Proof) { p.Claims[0].SetOne() },
		"first round at 0":  func(p *protocol.Proof) { p.SumCheck[0][0].SetOne() },
		"last round at 2":   func(p *protocol.Proof) { p.SumCheck[len(p.SumCheck)-1][1].SetZero() },
		"the opened vector": func(p *protocol.Proof) { p.Opening[5] ^= 1 },
		"all zero": func(p *protocol.Proof) {
			clear(p.Opening)
			clear(p.Claims)
			clear(p.SumCheck)
			clear(p.Projections)
			clear(p.H)
			for _, list := range [][][]bn254.G1Affine{p.Wires, p.Quotients} {
				for i := range list {
					clear(list[i])
				}
			}
		},
	} {
		s.refused(t, name, forgery{proof: change}, verifier.ErrOpening)
	}
	s.refused(t, "a claim before its challenge", forgery{
		claims: func(_ *reference, values []fr.Element) { values[0].SetOne() },
	}, verifier.ErrOpening)
}

// TestForgeClaims: claimed values with which a false identity would be true at gamma. They
// have to be those of the committed wires.
func TestForgeClaims(t *testing.T) {
	s := smallScene(t, identity.Options{CommittedKeys: true})
	honest, err := newReference(s, forgery{claims: func(r *reference, values []fr.Element) {
		if x := r.residual(values); !x.IsZero() {
			t.Error("an honest proof has a residual")
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := honest.prove(); err != nil {
		t.Fatal(err)
	}
	limb := s.Public.Outputs[0].C[0].Limbs[0]
	limb[0] = (limb[0] + 1) % s.System.Prime(0)
	s.refused(t, "claims that solve the equation", forgery{
		claims: func(r *reference, values []fr.Element) {
			// The residual is affine in the first value.
			values[0].SetZero()
			zero := r.residual(values)
			values[0].SetOne()
			slope := r.residual(values)
			slope.Sub(&slope, &zero)
			values[0].Div(&zero, &slope)
			values[0].Neg(&values[0])
			if x := r.residual(values); !x.IsZero() {
				t.Error("the forger cannot solve a linear equation")
			}
		},
	}, verifier.ErrOpening)
}

// TestForgeLargeWire: a wire that is too large has to show projections that are.
func TestForgeLargeWire(t *testing.T) {
	s := rescaledScene(t)
	large := func(r *reference) { r.shift(0, []int64{16}) }
	s.refused(t, "true projections", forgery{wires: large}, verifier.ErrProjection)
	honest, err := newReference(s, forgery{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := honest.prove(); err != nil {
		t.Fatal(err)
	}
	s.Public.Outputs[0].C[0].Limbs[0][0] = s.shifted(0, 0, 16)
	s.refused(t, "projections of another wire", forgery{
		wires: large,
		rows: func(_ *reference, rows [][protocol.Rows]protocol.Row) {
			copy(rows, honest.proof.Projections)
		},
	}, verifier.ErrOpening)
	s.refused(t, "no projections", forgery{
		wires: large,
		rows: func(_ *reference, rows [][protocol.Rows]protocol.Row) {
			clear(rows)
		},
	}, verifier.ErrOpening)
	s.refused(t, "squares that add up to 0 modulo 2^64", forgery{
		rows: func(_ *reference, rows [][protocol.Rows]protocol.Row) {
			for i := range rows[0] {
				rows[0][i] = protocol.Row{Lo: 1 << 45}
			}
		},
	}, verifier.ErrProjection)
}

// TestForgeCancelling: two lies that would make up for each other if they had one weight.
func TestForgeCancelling(t *testing.T) {
	s := smallScene(t, identity.Options{CommittedKeys: true})
	for name, each := range map[string][2]struct{ wire, row int }{
		"rows of a wire":               {{0, 0}, {0, 255}},
		"neighbours":                   {{0, 7}, {0, 8}},
		"wires":                        {{0, 3}, {1, 3}},
		"first wire and last quotient": {{0, 3}, {len(s.System.Polys) - s.System.Wires - 1, 3}},
	} {
		s.refused(t, name, forgery{
			rows: func(_ *reference, rows [][protocol.Rows]protocol.Row) {
				for i, by := range []int64{1, -1} {
					row := &rows[each[i].wire][each[i].row]
					*row, _ = protocol.RowOf(new(big.Int).Add(row.Big(), big.NewInt(by)))
				}
			},
		}, verifier.ErrOpening)
	}
	// Two quotients of one prime: equal weights would take one off and add it to the other.
	combined := slices.IndexFunc(s.System.Groups, func(g identity.Group) bool {
		return g.Rounds > 1
	})
	if combined < 0 {
		t.Fatal("the plan combines no identities")
	}
	group := s.System.Groups[combined]
	s.refused(t, "rounds of a group", forgery{quotients: func(r *reference) {
		r.add(group.Quotients[0][0], 4, 1)
		r.add(group.Quotients[1][0], 4, -1)
	}}, verifier.ErrOpening)
}

// shift adds z times the last prime to the remainder of component c, as if the output were
// smaller by z.
func (r *reference) shift(c int, z []int64) {
	q := new(big.Int).SetUint64(r.System.Prime(1))
	at := r.System.Wires + c
	for i := range z {
		x := big.NewInt(z[i])
		r.polys[at][i] = new(big.Int).Add(r.polys[at][i], x.Mul(x, q))
	}
}

// shifted returns a coefficient of the output less z.
func (s *scene) shifted(c, i int, z int64) uint64 {
	q := new(big.Int).SetUint64(s.System.Prime(0))
	x := new(big.Int).SetUint64(s.Public.Outputs[0].C[c].Limbs[0][i])
	return x.Mod(x.Sub(x, big.NewInt(z)), q).Uint64()
}

// TestRemainderSlack: what the proven noise counts with is possible and no more: a remainder
// e + q*z, and an output that is off by z, passes with |z|^2 = N/2 and not with 16 N.
func TestRemainderSlack(t *testing.T) {
	params := prooftest.Params(t, 6, 2, 1)
	attack := func(seed uint64, z []int64) error {
		s := stage(t, prooftest.Rescaled(params), prooftest.Clear(t, 64), identity.Options{}, seed)
		for i := range z {
			s.Public.Outputs[0].C[1].Limbs[0][i] = s.shifted(1, i, z[i])
		}
		return s.verify(s.prove(t, forgery{wires: func(r *reference) { r.shift(1, z) }}))
	}
	half, all := make([]int64, params.N()), make([]int64, params.N())
	for i := range all {
		half[i], all[i] = int64(i%2), 4
		if i%4 == 1 {
			half[i] = -1
		}
	}
	passed := 0
	for seed := range uint64(8) {
		if attack(seed, half) == nil {
			passed++
		}
		if err := attack(seed, all); !errors.Is(err, verifier.ErrProjection) {
			t.Errorf("16 N: error %v", err)
		}
	}
	if passed == 0 {
		t.Error("N/2 never passed: the proven noise is larger than it need be")
	}
}

// TestForgeBound: a System whose identities could wrap around is refused, whatever the proof.
func TestForgeBound(t *testing.T) {
	s := smallScene(t, identity.Options{})
	proof := s.prove(t, forgery{})
	for _, at := range []int{s.System.Wires, len(s.System.Polys) - 1} {
		was := s.System.Polys[at].Bound
		for _, bound := range []int64{0, -1, 1 << 61} {
			s.System.Polys[at].Bound = bound
			if err := s.verify(proof); !errors.Is(err, identity.ErrBound) {
				t.Errorf("bound %d: error %v", bound, err)
			}
		}
		s.System.Polys[at].Bound = was
	}
	// Products of many wires exceed the field.
	term := &s.System.Identities[0].Terms[0]
	for range 6 {
		term.Factors = append(term.Factors, identity.Factor{Poly: s.System.Wires, Galois: 1, Scale: 1})
	}
	if err := s.verify(proof); !errors.Is(err, identity.ErrBound) {
		t.Errorf("long product: error %v", err)
	}
}

// TestForgePublics: other inputs, outputs, constants, keys or metadata than those of the run.
func TestForgePublics(t *testing.T) {
	s := smallScene(t, identity.Options{})
	proof := s.prove(t, forgery{})
	limbs := map[string][]uint64{
		"input":    s.Public.Inputs[1].C[1].Limbs[0],
		"output":   s.Public.Outputs[0].C[0].Limbs[1],
		"constant": s.Public.Constants[0].Limbs[0],
		"key":      s.Public.Keys.Keys[0].B[0].Limbs[1],
		"last key": s.Public.Keys.Keys[1].B[1].Limbs[0],
	}
	for name, limb := range limbs {
		was := limb[4]
		limb[4] = was ^ 1
		if err := s.verify(proof); !errors.Is(err, verifier.ErrOpening) {
			t.Errorf("%s: error %v", name, err)
		}
		limb[4] = 1 << 62
		if err := s.verify(proof); !errors.Is(err, identity.ErrPublic) {
			t.Errorf("%s that is not canonical: error %v", name, err)
		}
		limb[4] = was
	}
	s.Public.Keys.Seed[0] ^= 1 // the polynomials A; a new cache for them
	s.Public = &identity.Publics{
		Params: s.Public.Params, Inputs: s.Public.Inputs, Outputs: s.Public.Outputs,
		Constants: s.Public.Constants, Keys: s.Public.Keys,
	}
	if err := s.verify(proof); !errors.Is(err, verifier.ErrOpening) {
		t.Errorf("another key set: error %v", err)
	}
	s.Public.Keys.Seed[0] ^= 1
	s.Public.Outputs[0].Scale = s.Public.Outputs[0].Scale.Mul(fhe.ScaleOfBits(1))
	if err := s.verify(proof); !errors.Is(err, identity.ErrPublic) {
		t.Errorf("output at another scale: error %v", err)
	}
}

// TestForgeCommittedKeys: proofs hold for the committed keys only, however a commitment
// changes. Who lets commitments in is tested in package keyset.
func TestForgeCommittedKeys(t *testing.T) {
	s := smallScene(t, identity.Options{CommittedKeys: true})
	proof := s.prove(t, forgery{})
	if err := s.verify(proof); err != nil {
		t.Fatal(err)
	}
	for _, at := range []int{0, len(s.Keys) - 1} {
		was := s.Keys[at][0]
		s.Keys[at][0].Double(&was)
		if err := s.verify(proof); !errors.Is(err, verifier.ErrOpening) {
			t.Errorf("other commitment %d: error %v", at, err)
		}
		s.Keys[at][0] = was
	}
}

// TestForgePlan: the proof of a run of another Plan.
func TestForgePlan(t *testing.T) {
	s := smallScene(t, identity.Options{})
	proof := s.prove(t, forgery{})
	params := s.System.Plan.Params
	find := func(p *fhe.Plan, op fhe.StepOp) int {
		return slices.IndexFunc(p.Steps, func(s fhe.Step) bool { return s.Op == op })
	}
	for name, each := range map[string]struct {
		change  func(p *fhe.Plan)
		without fhe.StepOp
		want    error
	}{
		"another integer": {
			change: func(p *fhe.Plan) { p.Steps[find(p, fhe.StepMulInt)].Int = 3 },
		},
		"another rotation": {
			change: func(p *fhe.Plan) {
				p.Steps[find(p, fhe.StepRotate)].Galois = 25
				p.Galois[0] = 25
			},
			want: identity.ErrPublic, // there is no key for it
		},
		"subtract, not add": {
			change: func(p *fhe.Plan) { p.Steps[find(p, fhe.StepAdd)].Op = fhe.StepSub },
		},
		"other operands": {
			change: func(p *fhe.Plan) {
				p.Steps[find(p, fhe.StepTensor)].B = p.Steps[find(p, fhe.StepTensor)].A
				p.Steps[find(p, fhe.StepMulConst)].A = p.Inputs[1].Reg
			},
		},
		"operands in another order": {
			change: func(p *fhe.Plan) {
				at := find(p, fhe.StepAdd)
				p.Steps[at].A, p.Steps[at].B = p.Steps[at].B, p.Steps[at].A
			},
		},
		"steps in another order": {
			change: func(p *fhe.Plan) {
				at := find(p, fhe.StepMulConst) // the rescale before has nothing to do with it
				p.Steps[at], p.Steps[at-1] = p.Steps[at-1], p.Steps[at]
			},
		},
		"a step less":          {without: fhe.StepMulInt},
		"a step less to hoist": {without: fhe.StepDecompose},
	} {
		c := everyStepBut(t, params, each.without)
		if each.change != nil {
			each.change(c.Plan)
		}
		other := *s
		var err error
		if other.System, err = identity.Build(c.Plan, identity.Options{}); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if each.want == nil {
			each.want = verifier.ErrOpening
		}
		if err := other.verify(proof); !errors.Is(err, each.want) {
			t.Errorf("%s: error %v", name, err)
		}
	}
}

// otherSetup is a setup that differs in its digest only.
type otherSetup struct{ opening.Verifier }

func (otherSetup) Digest() abi.Digest { return abi.SumDigest([]byte("another setup")) }

// TestReplay: a proof counts for one statement and one setup.
func TestReplay(t *testing.T) {
	s := smallScene(t, identity.Options{})
	proof := s.prove(t, forgery{})
	r := s.request()
	r.Statement = abi.SumDigest([]byte("another task"))
	_, err := verifier.Verify(context.Background(), r, proof)
	if !errors.Is(err, verifier.ErrOpening) {
		t.Errorf("another statement: error %v", err)
	}
	r = s.request()
	r.Setup = otherSetup{r.Setup}
	_, err = verifier.Verify(context.Background(), r, proof)
	if !errors.Is(err, verifier.ErrOpening) {
		t.Errorf("another setup: error %v", err)
	}
}

// spy records what an opening is checked with.
type spy struct {
	opening.Verifier
	commitment bn254.G1Affine
	public     []fr.Element
	claim      fr.Element
}

func (s *spy) Verify(c bn254.G1Affine, y []fr.Element, claim fr.Element, proof []byte) error {
	s.commitment, s.public, s.claim = c, y, claim
	return s.Verifier.Verify(c, y, claim, proof)
}

// TestNothingOpenedIsSent: commitment, public vector and claim of the opening are computed:
// they do not depend on the bytes of the opening, and the proof has no other bytes for them.
func TestNothingOpenedIsSent(t *testing.T) {
	s := smallScene(t, identity.Options{})
	var honest, other spy
	for _, each := range []struct {
		spy    *spy
		change func(p *protocol.Proof)
	}{{&honest, nil}, {&other, func(p *protocol.Proof) { clear(p.Opening) }}} {
		r := s.request()
		each.spy.Verifier = r.Setup
		r.Setup = each.spy
		_, err := verifier.Verify(context.Background(), r, s.prove(t, forgery{proof: each.change}))
		if (err == nil) != (each.change == nil) {
			t.Fatal(err)
		}
	}
	if !honest.commitment.Equal(&other.commitment) || !honest.claim.Equal(&other.claim) {
		t.Error("commitment or claim follow the opening's bytes")
	}
	for i := range honest.public {
		if !honest.public[i].Equal(&other.public[i]) {
			t.Fatal("the public vector follows the opening's bytes")
		}
	}
	r, err := newReference(s, forgery{})
	if err != nil {
		t.Fatal(err)
	}
	proof, err := r.prove()
	if err != nil {
		t.Fatal(err)
	}
	sh := r.shape
	want := len("cerberus proof 1\n") + len(r.proof.Opening) +
		64*(len(sh.Wires)+len(sh.Quotients)+sh.HPoints()) +
		32*(len(s.System.Claims)+2*sh.Rounds)
	at := 17 + 64*(len(sh.Wires)+len(sh.Quotients))
	for range sh.Projected() {
		size := 1 + int(proof[at])*protocol.Rows/8
		want, at = want+size, at+size
	}
	if len(proof) != want {
		t.Errorf("the proof has %d bytes, its parts %d", len(proof), want)
	}
}
