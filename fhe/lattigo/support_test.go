package lattigo_test

import (
	"context"
	"encoding/binary"
	"io"
	"math/big"
	"testing"

	"github.com/tuneinsight/lattigo/v5/core/rlwe"
	"github.com/tuneinsight/lattigo/v5/ring"
	"github.com/tuneinsight/lattigo/v5/ring/ringqp"
	"github.com/tuneinsight/lattigo/v5/schemes/ckks"

	"github.com/cerberus-host/cerberus/abi"
	"github.com/cerberus-host/cerberus/fhe"
	"github.com/cerberus-host/cerberus/fhe/fhetest"
	"github.com/cerberus-host/cerberus/fhe/lattigo"
	"github.com/cerberus-host/cerberus/fhe/rns"
)

// stream is an endless deterministic source for tests.
func stream(seed byte) io.Reader { return &testStream{seed: seed} }

type testStream struct {
	seed  byte
	count uint64
	rest  []byte
}

func (s *testStream) Read(p []byte) (int, error) {
	for i := range p {
		if len(s.rest) == 0 {
			d := abi.LabelledDigest("test stream", []byte{s.seed},
				binary.LittleEndian.AppendUint64(nil, s.count))
			s.count++
			s.rest = d[:]
		}
		p[i], s.rest = s.rest[0], s.rest[1:]
	}
	return len(p), nil
}

func named(t testing.TB, name string) *fhe.Params {
	t.Helper()
	p, err := fhe.ParamsByName(name)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// shaped returns an insecure set with the given numbers of primes on a small ring.
func shaped(t testing.TB, logN, q, p int) *fhe.Params {
	t.Helper()
	set, err := rns.GeneratePrimes(rns.PrimeShape{
		LogN: logN, FirstBits: 46, ScaleBits: 40, SpecialBits: 50, QCount: q, PCount: p,
	})
	if err != nil {
		t.Fatal(err)
	}
	set.Name = "insecure-shaped"
	params, err := fhe.NewParams(set)
	if err != nil {
		t.Fatal(err)
	}
	return params
}

// bench is a parameter set with a secret, all keys that a test wants, and Lattigo's own
// objects for the same: the oracle.
type bench struct {
	params *fhe.Params
	secret *lattigo.SecretKey
	keys   *fhe.KeySet
	engine *lattigo.Engine
	loaded fhe.LoadedKeys

	ckks ckks.Parameters
	sk   *rlwe.SecretKey
	eval *ckks.Evaluator
}

func newBench(t testing.TB, p *fhe.Params, rotations ...int) *bench {
	t.Helper()
	b := &bench{params: p, engine: lattigo.New()}
	var err error
	if b.secret, err = lattigo.GenerateSecret(p, stream(1)); err != nil {
		t.Fatal(err)
	}
	var galois []uint64
	for _, r := range rotations {
		galois = append(galois, p.GaloisElement(r))
	}
	b.keys, err = lattigo.GenerateKeys(context.Background(), b.secret, true, galois, stream(2), nil)
	if err != nil {
		t.Fatal(err)
	}
	if b.loaded, err = b.engine.LoadKeys(context.Background(), b.keys); err != nil {
		t.Fatal(err)
	}
	b.oracle(t)
	return b
}

// oracle builds Lattigo's parameters, secret key and evaluator from our canonical forms.
func (b *bench) oracle(t testing.TB) {
	t.Helper()
	p := b.params
	var err error
	b.ckks, err = ckks.NewParametersFromLiteral(ckks.ParametersLiteral{
		LogN: p.LogN(), Q: p.Moduli(p.MaxLevel()), P: p.ModuliQP()[p.QCount():],
		LogDefaultScale: p.ScaleBits(),
	})
	if err != nil {
		t.Fatal(err)
	}
	b.sk = rlwe.NewSecretKey(b.ckks)
	raw := b.secret.Bytes()
	raw = raw[len(raw)-p.N()/4:]
	for i := range p.N() {
		code := raw[i/4] >> (2 * (i % 4)) & 3
		for l, limb := range append(b.sk.Value.Q.Coeffs, b.sk.Value.P.Coeffs...) {
			limb[i] = []uint64{0, 1, p.ModuliQP()[l] - 1}[code]
		}
	}
	qp := b.ckks.RingQP()
	qp.NTT(b.sk.Value, b.sk.Value)
	qp.MForm(b.sk.Value, b.sk.Value)
	set := rlwe.NewMemEvaluationKeySet(nil)
	for _, key := range b.keys.Keys {
		gadget := rlwe.GadgetCiphertext{}
		for d := range key.B {
			a, err := b.keys.ExpandA(key.Galois, d)
			if err != nil {
				t.Fatal(err)
			}
			row := rlwe.VectorQP{b.keyPoly(key.B[d].Clone()), b.keyPoly(a)}
			gadget.Value = append(gadget.Value, []rlwe.VectorQP{row})
		}
		evk := rlwe.EvaluationKey{GadgetCiphertext: gadget}
		if key.Galois == fhe.RelinElement {
			set.RelinearizationKey = &rlwe.RelinearizationKey{EvaluationKey: evk}
			continue
		}
		set.GaloisKeys[key.Galois] = &rlwe.GaloisKey{
			GaloisElement: key.Galois, NthRoot: uint64(2 * p.N()), EvaluationKey: evk,
		}
	}
	b.eval = ckks.NewEvaluator(b.ckks, set)
}

func (b *bench) keyPoly(p fhe.Poly) ringqp.Poly {
	qp := b.ckks.RingQP()
	out := ringqp.Poly{
		Q: ring.Poly{Coeffs: p.Limbs[:b.params.QCount()]},
		P: ring.Poly{Coeffs: p.Limbs[b.params.QCount():]},
	}
	qp.NTT(out, out)
	qp.MForm(out, out)
	return out
}

// toLattigo converts a ciphertext to Lattigo's form.
func (b *bench) toLattigo(ct fhe.Ciphertext) *rlwe.Ciphertext {
	out := ckks.NewCiphertext(b.ckks, 1, ct.Level)
	out.Scale = rlwe.NewScale(ct.Scale.Float())
	at := b.ckks.RingQ().AtLevel(ct.Level)
	for c := range ct.C {
		at.NTT(ring.Poly{Coeffs: ct.C[c].Limbs}, out.Value[c])
	}
	return out
}

// sameAs asserts that a result has the bytes of Lattigo's ciphertext.
func (b *bench) sameAs(t *testing.T, what string, got fhe.Ciphertext, want *rlwe.Ciphertext) {
	t.Helper()
	if got.Level != want.Level() {
		t.Fatalf("%s: level %d, Lattigo has %d", what, got.Level, want.Level())
	}
	at := b.ckks.RingQ().AtLevel(got.Level)
	for c := range got.C {
		p := at.NewPoly()
		at.INTT(want.Value[c], p)
		if !got.C[c].Equal(fhe.Poly{Limbs: p.Coeffs}) {
			t.Errorf("%s: component %d differs from Lattigo's", what, c)
		}
	}
}

// uniform is a ciphertext with uniform polynomials and edge residues at its beginning.
func (b *bench) uniform(t testing.TB, level, scaleBits int, index uint64) fhe.Ciphertext {
	t.Helper()
	ct := fhe.Ciphertext{
		Packing: abi.PackSlots, Length: b.params.Slots(), Period: b.params.Slots(), Level: level,
		Scale: fhe.ScaleOfBits(scaleBits),
	}
	for c := range ct.C {
		ct.C[c] = uniformPoly(t, b.params, level, index, uint64(c))
	}
	return ct
}

func uniformPoly(t testing.TB, p *fhe.Params, level int, index ...uint64) fhe.Poly {
	t.Helper()
	out := fhe.NewPoly(p.N(), level+1)
	for l, limb := range out.Limbs {
		q := p.Q(l)
		if err := rns.ExpandUniform(limb, q, [32]byte{5}, "test", index...); err != nil {
			t.Fatal(err)
		}
		copy(limb, []uint64{0, q - 1, (q - 1) / 2, (q + 1) / 2, 1, q / 4})
	}
	return out
}

// newPlan begins a Plan with slot packing.
func newPlan(p *fhe.Params) *fhetest.PlanBuilder {
	return fhetest.NewPlanBuilder(p, abi.PackSlots)
}

// constant adds a constant to a Plan.
func constant(t testing.TB, m *fhetest.PlanBuilder, poly fhe.Poly, scale fhe.Scale) int {
	t.Helper()
	i, err := m.Constant(poly, scale)
	if err != nil {
		t.Fatal(err)
	}
	return i
}

// load loads the Plan into the bench's engine.
func (b *bench) load(t testing.TB, m *fhetest.PlanBuilder) fhe.LoadedPlan {
	t.Helper()
	plan, err := b.engine.LoadPlan(context.Background(),
		m.Compiled())
	if err != nil {
		t.Fatal(err)
	}
	return plan
}

// execute runs the Plan.
func (b *bench) execute(t testing.TB, m *fhetest.PlanBuilder, opts fhe.RunOptions,
	in ...fhe.Ciphertext,
) []fhe.Ciphertext {
	t.Helper()
	out, err := fhe.Execute(context.Background(), b.load(t, m), b.loaded, in, opts)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// find returns the only wire of that kind, step and index.
func find(t *testing.T, r *fhetest.Tape, step int, kind fhe.WireKind, index int) []*big.Int {
	t.Helper()
	var found []*big.Int
	for _, w := range r.Wires {
		if w.Step == step && w.Kind == kind && w.Index == index {
			if found != nil {
				t.Fatalf("step %d, kind %d, index %d is recorded twice", step, kind, index)
			}
			found = w.Coeffs
		}
	}
	if found == nil {
		t.Fatalf("step %d, kind %d, index %d is not recorded", step, kind, index)
	}
	return found
}
