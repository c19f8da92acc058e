package bundle_test

import (
	"context"
	"errors"
	"math/big"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cerberus-host/cerberus/abi"
	"github.com/cerberus-host/cerberus/fhe"
	"github.com/cerberus-host/cerberus/fhe/fhetest"
	"github.com/cerberus-host/cerberus/fhe/rns"
	"github.com/cerberus-host/cerberus/proofs/attest"
	"github.com/cerberus-host/cerberus/proofs/bundle"
	"github.com/cerberus-host/cerberus/proofs/identity"
	"github.com/cerberus-host/cerberus/proofs/opening"
	"github.com/cerberus-host/cerberus/proofs/protocol"
)

// TestVersions: the versions in statements are those of the code.
func TestVersions(t *testing.T) {
	if attest.ProtocolVersion != protocol.Version {
		t.Errorf("statements name the protocol %s, proofs are made by %s", attest.ProtocolVersion,
			protocol.Version)
	}
	mod, err := os.ReadFile("../../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	if want := "github.com/consensys/gnark " + attest.GnarkVersion + "\n"; !strings.Contains(
		string(mod), want) {
		t.Errorf("go.mod does not have %q", want)
	}
}

func TestHonestBundles(t *testing.T) {
	for _, shape := range []struct{ q, p int }{{3, 1}, {4, 2}} {
		r := newTask(t, samplePlan(t, tinyParams(t, shape.q, shape.p)))
		now := time.Unix(0, 0)
		clock := func() time.Time { now = now.Add(time.Second); return now }
		s := r.bundle.Statement
		r.expect.Task, r.expect.Client, r.expect.Node = &s.Task, &s.Client, &s.Node
		r.expect.OutputDigests = s.Outputs
		r.materials.InputDigests = s.Inputs
		r.materials.KeySet = s.KeySet
		report, err := bundle.Verify(t.Context(), r.copied(t), r.expect, r.materials,
			bundle.Policy{Now: clock})
		if err != nil {
			t.Fatal(err)
		}
		text := strings.Join(report.Explain(), "\n")
		for _, want := range []string{
			"module " + s.Module.String(), "not proven", "engine lattigo", "transparent",
			"within 2^", "2^-128", "checked in 1s", "advice: re-run",
		} {
			if !strings.Contains(text, want) {
				t.Errorf("the explanation lacks %q:\n%s", want, text)
			}
		}
		if report.Digest() != s.Digest() || report.OutputBytes != len(r.bundle.Outputs[0])+
			len(r.bundle.Outputs[1]) || report.Noise.FreshOnly {
			t.Errorf("report %+v", report)
		}
	}
}

// TestPlanWithoutKeys: the key set of a Plan that needs none is absent, whatever the client
// uploaded.
func TestPlanWithoutKeys(t *testing.T) {
	p := tinyParams(t, 2, 1)
	m := fhetest.NewPlanBuilder(p, abi.PackSlots)
	m.Output(m.Unary(fhe.StepRescale, m.Input(1, 60)))
	r := newTask(t, m.Compiled())
	if !r.bundle.Statement.KeySet.IsZero() {
		t.Error("the statement names a key set")
	}
	if err := r.verify(r.bundle); err != nil {
		t.Error(err)
	}
	keys, err := fhetest.UniformKeys(p, fhe.KeyNeed{Relin: true})
	if err != nil {
		t.Fatal(err)
	}
	r.materials.Keys, r.materials.KeySet = keys, abi.SumDigest(nil)
	if err := r.verify(r.bundle); err != nil {
		t.Errorf("with keys that nobody needs: %v", err)
	}
}

// TestStatementFields changes one field after the other, signs again, and expects a refusal
// that names the field.
func TestStatementFields(t *testing.T) {
	r := newTask(t, samplePlan(t, tinyParams(t, 3, 1)))
	s := r.bundle.Statement
	r.expect.Task, r.expect.Client, r.expect.Node = &s.Task, &s.Client, &s.Node
	for _, c := range []struct {
		named  string
		want   error
		change func(s *attest.Statement)
	}{
		{"protocol", bundle.ErrStatement, func(s *attest.Statement) { s.Protocol += "0" }},
		{"gnark", bundle.ErrStatement, func(s *attest.Statement) { s.Gnark += "0" }},
		{"ABI", bundle.ErrStatement, func(s *attest.Statement) { s.ABI += "0" }},
		{"squeezer", bundle.ErrStatement, func(s *attest.Statement) { s.Squeezer += "0" }},
		{"parameter set", bundle.ErrStatement, func(s *attest.Statement) { s.Params = "ckks-13" }},
		{"setup", bundle.ErrSetup, func(s *attest.Statement) { s.Setup[0] ^= 1 }},
		{"module", bundle.ErrStatement, func(s *attest.Statement) { s.Module[0] ^= 1 }},
		{"export", bundle.ErrStatement, func(s *attest.Statement) { s.Export = "decode" }},
		{"arguments", bundle.ErrStatement, func(s *attest.Statement) { s.Args = nil }},
		{"Program", bundle.ErrStatement, func(s *attest.Statement) { s.Program[0] ^= 1 }},
		{"Plan", bundle.ErrStatement, func(s *attest.Statement) { s.Plan[0] ^= 1 }},
		{"key set", bundle.ErrStatement, func(s *attest.Statement) { s.KeySet[0] ^= 1 }},
		{"key set", bundle.ErrStatement, func(s *attest.Statement) { s.KeySet = abi.Digest{} }},
		{"inputs", bundle.ErrStatement, func(s *attest.Statement) { s.Inputs[1].Digest[0] ^= 1 }},
		{"inputs", bundle.ErrStatement, func(s *attest.Statement) { s.Inputs[1].Name = "c" }},
		{"inputs", bundle.ErrStatement, func(s *attest.Statement) { slices.Reverse(s.Inputs) }},
		{"task", bundle.ErrStatement, func(s *attest.Statement) { s.Task[0] ^= 1 }},
		{"client", bundle.ErrStatement, func(s *attest.Statement) { s.Client[0] ^= 1 }},
		{"output", bundle.ErrOutput, func(s *attest.Statement) { s.Outputs[1].Digest[0] ^= 1 }},
		{"output", bundle.ErrOutput, func(s *attest.Statement) { s.Outputs[1].Name = "c" }},
		{"output", bundle.ErrOutput, func(s *attest.Statement) { slices.Reverse(s.Outputs) }},
	} {
		b := r.copied(t)
		c.change(b.Statement)
		r.sign(b)
		err := r.verify(b)
		if !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.named) {
			t.Errorf("%s: error %v", c.named, err)
		}
		if bundle.Reason(err) == "" {
			t.Errorf("%s: no reason for %v", c.named, err)
		}
	}
	// The same field wrong for a checker that expects nothing: the proof is not about it.
	r.expect.Task = nil
	b := r.copied(t)
	b.Statement.Task[0] ^= 1
	r.sign(b)
	if err := r.verify(b); !errors.Is(err, bundle.ErrProof) {
		t.Errorf("replayed under another task: %v", err)
	}
}

func TestSignatures(t *testing.T) {
	r := newTask(t, samplePlan(t, tinyParams(t, 3, 1)))
	for name, change := range map[string]func(b *bundle.Bundle){
		"another key": func(b *bundle.Bundle) {
			b.Signature = signer(testKey(t, 9))(b.Statement.SigningDigest())
		},
		"of the proven part": func(b *bundle.Bundle) {
			b.Signature = signer(r.node)(b.Statement.Digest())
		},
		"zero":              func(b *bundle.Bundle) { b.Signature = attest.Signature{} },
		"engine":            func(b *bundle.Bundle) { b.Statement.Signed.Engine = "cuda" },
		"duration":          func(b *bundle.Bundle) { b.Statement.Signed.ProveMicros++ },
		"node not resigned": func(b *bundle.Bundle) { b.Statement.Node[0] ^= 1 },
	} {
		b := r.copied(t)
		change(b)
		if err := r.verify(b); !errors.Is(err, bundle.ErrSignature) {
			t.Errorf("%s: error %v", name, err)
		}
	}
	// Another node signs the work as its own: the proof is not about it.
	thief := testKey(t, 5)
	b := r.copied(t)
	b.Statement.Node = thief.Address()
	b.Signature = signer(thief)(b.Statement.SigningDigest())
	if err := r.verify(b); !errors.Is(err, bundle.ErrProof) {
		t.Errorf("stolen: error %v", err)
	}
}

// TestExpectations: what the checker knows beforehand is held against the statement.
func TestExpectations(t *testing.T) {
	r := newTask(t, samplePlan(t, tinyParams(t, 3, 1)))
	other := abi.SumDigest([]byte("other"))
	task, address := [32]byte(other), testKey(t, 7).Address()
	outputs := slices.Clone(r.bundle.Statement.Outputs)
	outputs[0].Digest = other
	for name, change := range map[string]func(e *bundle.Expect){
		"module":  func(e *bundle.Expect) { e.Module = other },
		"args":    func(e *bundle.Expect) { e.Args = nil },
		"task":    func(e *bundle.Expect) { e.Task = &task },
		"client":  func(e *bundle.Expect) { e.Client = &address },
		"node":    func(e *bundle.Expect) { e.Node = &address },
		"outputs": func(e *bundle.Expect) { e.OutputDigests = outputs },
	} {
		e := r.expect
		change(&e)
		_, err := bundle.Verify(t.Context(), r.bundle, e, r.materials, bundle.Policy{})
		if !errors.Is(err, bundle.ErrStatement) {
			t.Errorf("%s: error %v", name, err)
		}
	}
}

// kindOf is a setup of another kind.
type kindOf struct {
	opening.Verifier
	kind opening.SetupKind
}

func (k kindOf) Kind() opening.SetupKind { return k.kind }

func TestDevelopmentSetup(t *testing.T) {
	r := newTask(t, samplePlan(t, tinyParams(t, 3, 1)))
	r.materials.Setup = kindOf{r.materials.Setup, opening.SetupDevelopment}
	err := r.verify(r.bundle)
	if !errors.Is(err, bundle.ErrDevelopmentSetup) ||
		!strings.Contains(err.Error(), "--allow-development-setup") {
		t.Errorf("refused with %v", err)
	}
	if bundle.Reason(err) != "" {
		t.Error("the node is blamed for the checker's policy")
	}
	report, err := bundle.Verify(t.Context(), r.bundle, r.expect, r.materials,
		bundle.Policy{AllowDevelopmentSetup: true})
	if err != nil {
		t.Fatal(err)
	}
	if text := strings.Join(report.Explain(), "\n"); !strings.Contains(text, "can forge") {
		t.Errorf("the explanation does not warn:\n%s", text)
	}
	if r.materials.Setup, err = opening.NewClear(32); err != nil {
		t.Fatal(err)
	}
	if err := r.verify(r.bundle); !errors.Is(err, bundle.ErrSetup) {
		t.Errorf("another setup: %v", err)
	}
}

// TestOutputMetadata changes what an output says about itself, one field at a time, with the
// digest in the statement following.
func TestOutputMetadata(t *testing.T) {
	r := newTask(t, samplePlan(t, tinyParams(t, 3, 1)))
	plan := r.materials.Compiled.Plan
	p := plan.Params
	honest, err := fhe.ParseOutput(p, plan.Outputs[1], r.bundle.Outputs[1])
	if err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(ct *fhe.Ciphertext){
		"scale":  func(ct *fhe.Ciphertext) { ct.Scale = ct.Scale.MulInt(2) },
		"level":  func(ct *fhe.Ciphertext) { dropLimb(ct) },
		"length": func(ct *fhe.Ciphertext) { ct.Length-- },
		"period": func(ct *fhe.Ciphertext) { ct.Period = 8 },
		"packing": func(ct *fhe.Ciphertext) {
			ct.Packing, ct.Period = abi.PackCoeffs, 0
		},
		"seed": func(ct *fhe.Ciphertext) {
			ct.Seeded = true
			ct.C[1], err = fhe.ExpandCiphertext(p, ct.Seed, 0, ct.Level)
		},
	} {
		ct := honest
		change(&ct)
		if err != nil {
			t.Fatal(err)
		}
		blob, err := fhe.EncodeCiphertexts(p, []fhe.Ciphertext{ct})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		b := r.copied(t)
		r.setOutput(b, 1, blob)
		if err := r.verify(b); !errors.Is(err, bundle.ErrOutput) ||
			!strings.Contains(err.Error(), name) {
			t.Errorf("%s: error %v", name, err)
		}
	}
	two := honest
	two.Packing, two.Period, two.Length = abi.PackCoeffs, 0, 2*p.N()
	blob, err := fhe.EncodeCiphertexts(p, []fhe.Ciphertext{two, two})
	if err != nil {
		t.Fatal(err)
	}
	whole := r.bundle.Outputs[1]
	for name, blob := range map[string][]byte{
		"two ciphertexts": blob, "a byte more": append(slices.Clone(whole), 0),
		"a byte less": whole[:len(whole)-1], "the other output": r.bundle.Outputs[0],
	} {
		b := r.copied(t)
		r.setOutput(b, 1, blob)
		if err := r.verify(b); !errors.Is(err, bundle.ErrOutput) {
			t.Errorf("%s: error %v", name, err)
		}
	}
}

func dropLimb(ct *fhe.Ciphertext) {
	ct.Level--
	for c := range ct.C {
		ct.C[c].Limbs = ct.C[c].Limbs[:ct.Level+1]
	}
}

// TestOutputResidues puts the modulus itself, which is 0 in another form, into every limb,
// and then a residue that is reduced and wrong.
func TestOutputResidues(t *testing.T) {
	r := newTask(t, samplePlan(t, tinyParams(t, 3, 1)))
	plan := r.materials.Compiled.Plan
	p := plan.Params
	for i, o := range plan.Outputs {
		blob := r.bundle.Outputs[i]
		at := len(blob) - 2*fhe.PolyBytes(p.N(), p.Moduli(o.Level))
		for c := range 2 {
			for l := range o.Level + 1 {
				q := p.Q(l)
				for _, v := range []struct {
					residue uint64
					want    error
				}{{q, bundle.ErrOutput}, {q - 1, bundle.ErrProof}} {
					changed := slices.Clone(blob)
					setResidue(changed[at:], q, 5, v.residue)
					b := r.copied(t)
					r.setOutput(b, i, changed)
					if err := r.verify(b); !errors.Is(err, v.want) {
						t.Errorf("output %d, component %d, limb %d: error %v, want %v", i, c, l, err,
							v.want)
					}
				}
				at += rns.PackedBytes(p.N(), q)
			}
		}
	}
}

// setResidue overwrites coefficient j of a packed limb.
func setResidue(packed []byte, q uint64, j int, v uint64) {
	width := 0
	for q>>width != 0 {
		width++
	}
	for k := range width {
		at := j*width + k
		packed[at/8] = packed[at/8]&^(1<<(at%8)) | byte(v>>k&1)<<(at%8)
	}
}

// TestMaterials: what the checker brought is checked too, and no node is blamed for it.
func TestMaterials(t *testing.T) {
	r := newTask(t, samplePlan(t, tinyParams(t, 3, 1)))
	compiled := r.materials.Compiled
	for name, c := range map[string]struct {
		change func(m *bundle.Materials)
		want   error
	}{
		"no plan":  {func(m *bundle.Materials) { m.Compiled = nil }, bundle.ErrMaterials},
		"no setup": {func(m *bundle.Materials) { m.Setup = nil }, bundle.ErrMaterials},
		"no keys":  {func(m *bundle.Materials) { m.Keys = nil }, bundle.ErrMaterials},
		"no constants": {func(m *bundle.Materials) {
			m.Compiled = &fhe.Compiled{Plan: compiled.Plan}
		}, bundle.ErrMaterials},
		"another constant": {func(m *bundle.Materials) {
			poly := compiled.Encoded[0].Clone()
			poly.Limbs[0][0] ^= 1
			m.Compiled = &fhe.Compiled{Plan: compiled.Plan, Encoded: []fhe.Poly{poly}}
		}, bundle.ErrMaterials},
		"an input missing": {
			func(m *bundle.Materials) { m.Inputs = m.Inputs[:1] },
			bundle.ErrMaterials,
		},
		"another input digest": {func(m *bundle.Materials) {
			m.InputDigests = slices.Clone(r.bundle.Statement.Inputs)
			m.InputDigests[0].Digest[0] ^= 1
		}, bundle.ErrMaterials},
		"inputs swapped": {func(m *bundle.Materials) {
			m.Inputs = slices.Clone(m.Inputs)
			slices.Reverse(m.Inputs)
		}, bundle.ErrStatement},
		"other keys": {func(m *bundle.Materials) {
			keys := *m.Keys
			keys.Seed[0] ^= 1
			m.Keys = &keys
		}, bundle.ErrStatement},
		"other keys under the digest": {func(m *bundle.Materials) {
			keys := *m.Keys
			keys.Seed[0] ^= 1
			m.Keys, m.KeySet = &keys, r.bundle.Statement.KeySet
		}, bundle.ErrProof},
		"another plan": {func(m *bundle.Materials) {
			plan := *compiled.Plan
			plan.Steps = slices.Clone(plan.Steps)
			for i, s := range plan.Steps {
				if s.Op == fhe.StepAdd {
					plan.Steps[i].Op = fhe.StepSub
				}
			}
			m.Compiled = &fhe.Compiled{Plan: &plan, Encoded: compiled.Encoded}
		}, bundle.ErrStatement},
	} {
		m := r.materials
		c.change(&m)
		_, err := bundle.Verify(t.Context(), r.bundle, r.expect, m, bundle.Policy{})
		if !errors.Is(err, c.want) {
			t.Errorf("%s: error %v, want %v", name, err, c.want)
		}
		if errors.Is(c.want, bundle.ErrMaterials) != (bundle.Reason(err) == "") {
			t.Errorf("%s: reason %q", name, bundle.Reason(err))
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := bundle.Verify(ctx, r.bundle, r.expect, r.materials, bundle.Policy{})
	if !errors.Is(err, context.Canceled) || bundle.Reason(err) != "" {
		t.Errorf("cancelled: error %v, reason %q", err, bundle.Reason(err))
	}
}

// TestCommittedKeys: with commitments that were checked against the key set nobody needs the
// keys to verify; other commitments are refused, and so are none.
func TestCommittedKeys(t *testing.T) {
	p := tinyParams(t, 3, 1)
	r := newTaskWith(t, samplePlan(t, p), true)
	if err := r.verify(r.copied(t)); err != nil {
		t.Fatal(err)
	}
	setup, err := opening.NewClear(16)
	if err != nil {
		t.Fatal(err)
	}
	need := r.materials.Compiled.Plan.KeyNeed()
	keys, err := fhetest.UniformKeys(p, need)
	if err != nil {
		t.Fatal(err)
	}
	other := *keys
	other.Seed[0] ^= 1
	keySet := r.materials.KeySet
	foreign := commitKeys(t, &other, keySet, setup)
	for name, c := range map[string]struct {
		change func(m *bundle.Materials, b *bundle.Bundle)
		want   error
	}{
		"no commitments": {func(m *bundle.Materials, _ *bundle.Bundle) {
			m.KeyCommitments, m.Keys = nil, keys
		}, bundle.ErrMaterials},
		"commitments to other keys": {func(m *bundle.Materials, _ *bundle.Bundle) {
			m.KeyCommitments = foreign
		}, bundle.ErrMaterials},
		"commitments to another key set": {func(m *bundle.Materials, b *bundle.Bundle) {
			m.KeySet[0] ^= 1
			b.Statement.KeySet = m.KeySet
			r.sign(b)
		}, bundle.ErrMaterials},
		"commitments and no key set": {func(m *bundle.Materials, _ *bundle.Bundle) {
			m.KeySet = abi.Digest{}
		}, bundle.ErrMaterials},
		"a statement with other commitments": {func(m *bundle.Materials, b *bundle.Bundle) {
			m.KeyCommitments = foreign
			b.Statement.KeyCommitments = foreign.Digest()
			r.sign(b)
		}, bundle.ErrProof},
		"a statement without commitments": {func(m *bundle.Materials, b *bundle.Bundle) {
			m.KeyCommitments, m.Keys = nil, keys
			b.Statement.KeyCommitments = abi.Digest{}
			r.sign(b)
		}, bundle.ErrProof},
	} {
		m, b := r.materials, r.copied(t)
		c.change(&m, b)
		_, err := bundle.Verify(t.Context(), b, r.expect, m, bundle.Policy{})
		if !errors.Is(err, c.want) {
			t.Errorf("%s: error %v, want %v", name, err, c.want)
		}
	}
}

// TestEveryByteCounts flips bits all over a bundle; none of the changes may pass.
func TestEveryByteCounts(t *testing.T) {
	r := newTask(t, samplePlan(t, tinyParams(t, 3, 1)))
	data, err := r.bundle.Encode()
	if err != nil {
		t.Fatal(err)
	}
	// The lengths, statement and signature byte by byte; of outputs and proof, which take a
	// verification each and which package verifier forges field by field, some.
	head := len(data) - len(r.bundle.Proof) - len(r.bundle.Outputs[0]) - len(r.bundle.Outputs[1])
	step := 1
	for at := 0; at < len(data); at += step {
		if at > head {
			step = 211
		}
		bad := slices.Clone(data)
		bad[at] ^= 1 << (at % 8)
		b, err := bundle.Parse(bad)
		if err == nil {
			err = r.verify(b)
		}
		if err == nil {
			t.Errorf("byte %d of %d changed and the bundle passed", at, len(data))
		} else if bundle.Reason(err) == "" {
			t.Errorf("byte %d: no reason for %v", at, err)
		}
	}
}

// TestNoiseKnowsTheWires: the noise of a Plan is computed from the bounds that the
// projections are checked against.
func TestNoiseKnowsTheWires(t *testing.T) {
	kinds := map[identity.Kind]fhe.WireKind{
		identity.KindDigit: fhe.WireDigit, identity.KindModDown: fhe.WireModDown,
		identity.KindRescale: fhe.WireRescale,
	}
	type integer struct {
		kind                   identity.Kind
		step, index, component int
	}
	for _, shape := range []struct{ q, p int }{{3, 1}, {4, 2}, {7, 3}, {9, 4}, {13, 6}} {
		c := samplePlan(t, tinyParams(t, shape.q, shape.p))
		s, err := identity.Build(c.Plan, identity.Options{})
		if err != nil {
			t.Fatal(err)
		}
		sums := map[integer]*big.Int{}
		for _, poly := range s.Polys[s.Wires:s.Quotients] {
			if _, ok := kinds[poly.Kind]; !ok {
				continue
			}
			key := integer{poly.Kind, poly.Step, poly.Index, poly.Component}
			if sums[key] == nil {
				sums[key] = new(big.Int)
			}
			part := new(big.Int).Lsh(big.NewInt(poly.Bound), uint(identity.PartBits*poly.Limb))
			if poly.Kind == identity.KindRescale {
				part.SetInt64(poly.Bound)
			}
			sums[key].Add(sums[key], part)
		}
		if len(sums) == 0 {
			t.Fatal("no wires")
		}
		for key, sum := range sums {
			step := c.Plan.Steps[key.step]
			level := step.Level
			if key.kind == identity.KindRescale {
				level++
			}
			bound := c.Plan.Params.WireBound(kinds[key.kind], level, key.index)
			bound.Add(bound, new(big.Int).Rsh(bound, 8))
			if sum.Cmp(bound) > 0 {
				t.Errorf("%d+%d primes: %v may reach %v, noise counts on %v", shape.q, shape.p, key,
					sum, bound)
			}
		}
	}
}
