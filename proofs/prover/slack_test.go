package prover

import (
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/cerberus-host/cerberus/abi"
	"github.com/cerberus-host/cerberus/fhe"
	"github.com/cerberus-host/cerberus/fhe/encode"
	"github.com/cerberus-host/cerberus/fhe/fhetest"
	"github.com/cerberus-host/cerberus/fhe/lattigo"
	"github.com/cerberus-host/cerberus/proofs/identity"
	"github.com/cerberus-host/cerberus/proofs/opening"
	"github.com/cerberus-host/cerberus/proofs/prooftest"
	"github.com/cerberus-host/cerberus/proofs/verifier"
)

// slack is a run on a real ciphertext, of which a node changes a remainder and the output.
type slack struct {
	Request

	params *fhe.Params
	setup  opening.Prover
	secret *lattigo.SecretKey
	plan   *fhe.Compiled
	// want is what the output's slots should hold, wire the remainder of the component that
	// the secret multiplies.
	want []float64
	wire int
}

// weigh is a Plan that multiplies slots with integers, over and over, and rescales.
func weigh(t *testing.T, p *fhe.Params, weights []int64) *fhe.Compiled {
	t.Helper()
	b := fhetest.NewPlanBuilder(p, abi.PackSlots)
	x := b.Input(p.MaxLevel(), p.ScaleBits())
	scale := fhe.ScaleOfInt(p.Q(p.MaxLevel()))
	poly, err := encode.New().Slots(p, p.MaxLevel(), weights, 0, len(weights), scale)
	if err != nil {
		t.Fatal(err)
	}
	at, err := b.Constant(poly, scale)
	if err != nil {
		t.Fatal(err)
	}
	b.Plan.Constants[at].Period = len(weights)
	b.Output(b.Unary(fhe.StepRescale, b.Do(fhe.Step{Op: fhe.StepMulConst, A: x, Const: at})))
	return b.Compiled()
}

// newSlack runs a Plan with one rescale on an encrypted vector.
func newSlack(t *testing.T, p *fhe.Params) *slack {
	t.Helper()
	weights := []int64{1, -1, 0, 1}
	s := &slack{
		params: p, setup: prooftest.Clear(t, p.N()), plan: weigh(t, p, weights),
		want: make([]float64, p.Slots()),
	}
	var err error
	if s.secret, err = lattigo.GenerateSecret(p, rand.NewChaCha8([32]byte{1})); err != nil {
		t.Fatal(err)
	}
	values := make([]float64, p.Slots())
	for i := range values {
		values[i] = math.Sin(float64(3*i + 1))
		s.want[i] = values[i] * float64(weights[i%len(weights)])
	}
	in, err := lattigo.EncryptVector(s.secret, s.plan.Plan.Inputs[0], values,
		rand.NewChaCha8([32]byte{2}))
	if err != nil {
		t.Fatal(err)
	}
	s.Request = executeWith(t, s.plan, s.setup, prooftest.Options{Inputs: in})
	s.wire = slices.IndexFunc(s.System.Polys, func(p identity.Poly) bool {
		return p.Kind == identity.KindRescale && p.Component == 1
	})
	if s.wire < 0 {
		t.Fatal("the plan does not rescale")
	}
	return s
}

// worst decrypts the output and returns the largest error of a slot.
func (s *slack) worst(t *testing.T) float64 {
	t.Helper()
	got, err := lattigo.DecryptVector(s.secret, s.plan.Plan.Outputs[0], s.Public.Outputs[0])
	if err != nil {
		t.Fatal(err)
	}
	worst := 0.0
	for i := range got {
		worst = max(worst, math.Abs(got[i]-s.want[i]))
	}
	return worst
}

// add adds by times q*z to the remainder and takes as many z off the output.
func (s *slack) add(z []int64, by int64) {
	last := int64(s.params.Q(s.params.MaxLevel()))
	e := s.Witness.Coeffs(s.wire) // shared
	for i := range e {
		e[i] += by * z[i] * last
		for l, limb := range s.Public.Outputs[0].C[1].Limbs {
			q := int64(s.params.Q(l))
			limb[i] = uint64((int64(limb[i]) - by*z[i] + q) % q)
		}
	}
}

// towards returns an integer polynomial of norm sqrt(N/2) whose value in a slot is nearly as
// large as that allows.
func towards(n, slot int) []int64 {
	z, power := make([]int64, n), 1
	for range slot {
		power = power * 5 % (2 * n)
	}
	for i := range z {
		c := math.Cos(math.Pi * float64(power*i%(2*n)) / float64(n))
		if c*c > 0.5 {
			z[i] = int64(math.Round(c))
		}
	}
	return z
}

// worstSlot returns the polynomial of [towards] that does most harm. A node would have to
// guess in which slot the secret is large.
func (s *slack) worstSlot(t *testing.T) []int64 {
	t.Helper()
	var best []int64
	most := 0.0
	for slot := range 32 {
		z := towards(s.params.N(), slot)
		s.add(z, 1)
		if x := s.worst(t); x > most {
			most, best = x, z
		}
		s.add(z, -1)
	}
	return best
}

// forge makes a proof as Prove does, but lets the wires project beyond their bounds.
func (s *slack) forge(t *testing.T) []byte {
	t.Helper()
	j, err := newProver(t, Config{Setup: s.setup}).newJob(t.Context(), s.Request)
	if err != nil {
		t.Fatal(err)
	}
	loose := *s.System
	loose.Polys = slices.Clone(loose.Polys)
	for at := loose.Wires; at < loose.Quotients; at++ {
		loose.Polys[at].Bound <<= 3
	}
	j.request.System = &loose // the transcript has begun with the System that all have
	for _, phase := range []func() error{j.commit, j.divide, j.project, j.combine, j.reduce} {
		if err := phase(); err != nil {
			t.Fatal(err)
		}
	}
	proof, err := j.proof.Encode(j.shape)
	if err != nil {
		t.Fatal(err)
	}
	return proof
}

// TestSlackIsCovered: what the proven noise counts with is possible and no more. A node that
// adds q*z to a remainder and takes z off the output, with |z|^2 = N/2 and all of it in one
// slot, has a proof that verifies; decryption shows an error beyond that of an honest node and
// within what is proven. With |z|^2 = 16 N the projections give it away.
func TestSlackIsCovered(t *testing.T) {
	for _, name := range []string{"insecure-10-4", "ckks-13"} {
		p, err := fhe.ParamsByName(name)
		if err != nil {
			t.Fatal(err)
		}
		s := newSlack(t, p)
		noise, err := s.plan.Noise()
		if err != nil {
			t.Fatal(err)
		}
		honest, z := s.worst(t), s.worstSlot(t)
		s.add(z, 1)
		// The squares add up to 0.9 of what is accepted, give or take a tenth: a node tries
		// until a matrix suits it. Here the statement differs from one to the next.
		passed := false
		for nonce := byte(0); nonce < 8 && !passed; nonce++ {
			s.Statement = abi.SumDigest([]byte{nonce})
			err := verify(s.Request, s.setup, s.forge(t))
			if passed = err == nil; !passed && !errors.Is(err, verifier.ErrProjection) {
				t.Errorf("%s: N/2: error %v", name, err)
			}
		}
		if !passed {
			t.Errorf("%s: N/2 never passed: the proven noise is larger than it need be", name)
		}
		attacked, bits := s.worst(t), noise.Outputs[0].ProvenBits
		t.Logf("%s: honest 2^%.1f, attacked 2^%.1f, proven 2^%d", name, math.Log2(honest),
			math.Log2(attacked), -bits)
		if attacked > math.Exp2(-float64(bits)) {
			t.Errorf("%s: an accepted proof has an error beyond the proven noise", name)
		}
		if attacked < 8*honest {
			t.Errorf("%s: the attack does nothing, which proves nothing", name)
		}

		s.add(z, -1)
		four := make([]int64, p.N())
		for i := range four {
			four[i] = 4
		}
		s.add(four, 1)
		if err := verify(s.Request, s.setup, s.forge(t)); !errors.Is(err, verifier.ErrProjection) {
			t.Errorf("%s: 16 N: error %v", name, err)
		}
		// The same forger with the honest remainder: it is the size that is refused.
		s.add(four, -1)
		if err := verify(s.Request, s.setup, s.forge(t)); err != nil || s.worst(t) != honest {
			t.Errorf("%s: all put right: error %v", name, err)
		}
	}
}
