package bench

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/consensys/gnark-crypto/ecc/bn254"
	"github.com/consensys/gnark-crypto/ecc/bn254/fr"

	"github.com/cerberus-host/cerberus/abi"
	"github.com/cerberus-host/cerberus/fhe"
	"github.com/cerberus-host/cerberus/fhe/fhetest"
	"github.com/cerberus-host/cerberus/fhe/lattigo"
	"github.com/cerberus-host/cerberus/internal/figures"
	"github.com/cerberus-host/cerberus/proofs/identity"
	"github.com/cerberus-host/cerberus/proofs/opening"
	"github.com/cerberus-host/cerberus/proofs/protocol"
	"github.com/cerberus-host/cerberus/proofs/verifier"
)

// switchPlan is a Plan of count rotations with that many different keys, hoisted or not, of
// enough inputs that no rotation repeats; the results are added up.
func switchPlan(p *fhe.Params, level, count, keys int, hoisted bool) *fhetest.PlanBuilder {
	b := fhetest.NewPlanBuilder(p, abi.PackSlots)
	inputs := make([]fhe.Reg, min((count+keys-1)/keys, abi.InputsMax))
	for i := range inputs {
		inputs[i] = b.Input(level, fhetest.HalfBits(p))
	}
	// operand is an input or, beyond their number, a sum of two that differ.
	operand := func(i int) fhe.Reg {
		x := inputs[i%len(inputs)]
		if i < len(inputs) {
			return x
		}
		return b.Binary(fhe.StepAdd, x, inputs[(i+i/len(inputs))%len(inputs)])
	}
	var sum, in, digits fhe.Reg
	for i := range count {
		if i%keys == 0 {
			in, digits = operand(i/keys), fhe.NoReg
			if hoisted {
				digits = b.Unary(fhe.StepDecompose, in)
			}
		}
		r := b.Rotate(in, digits, p.GaloisElement(1+i%keys))
		if i == 0 {
			sum = r
		} else {
			sum = b.Binary(fhe.StepAdd, sum, r)
		}
	}
	b.Output(sum)
	return b
}

// tableRing is a ring of the table with keys for all of its rows.
type tableRing struct {
	params *fhe.Params
	// level is that of the rotations; label names ring and level in figures.
	level  int
	label  string
	keys   *fhe.KeySet
	engine *lattigo.Engine
	loaded fhe.LoadedKeys
}

// tableLevelMax is the highest level in the table. At the top of the largest ring executing
// its Plans takes minutes, and a Brain's key switches are spread over the levels.
const tableLevelMax = 9

// tableKeys are the numbers of different keys in the table, ascending.
func tableKeys() []int { return []int{4, 16} }

// measureVerifyTable compares verifying with executing again, by the processor time of one
// core, which other programs on the machine do not change. A proof of
// hundreds of key switches in a large ring takes minutes to make, so what is verified here is
// of the right shape and false: the verifier does all of its work but the opening before it
// finds out, and for that it is given another one ([heldOpening]).
func (b *bench) measureVerifyTable(
	ctx context.Context, setup *opening.Setup, f *figures.File,
) error {
	plans, agreeing := 0, 0
	for _, name := range []string{"ckks-13", "ckks-14", "ckks-15"} {
		b.sayf("make keys, %s", name)
		ring, err := newTableRing(ctx, name)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		for _, count := range []int{16, 64, 256} {
			for _, keys := range tableKeys() {
				b.sayf("verify %d key switches over %d keys, %s", count, keys, ring.label)
				agrees, err := ring.measure(ctx, setup, count, keys, f)
				if err != nil {
					return fmt.Errorf("%s, %d switches: %w", ring.label, count, err)
				}
				if plans++; agrees {
					agreeing++
				}
			}
		}
	}
	f.Add(figures.Row{
		Figure: "Plans whose advice agrees with what was measured", Value: float64(agreeing),
		Unit: "Plans", Asked: fmt.Sprintf(">= %d Plans", plans), Reference: "of the table above",
	})
	return nil
}

func newTableRing(ctx context.Context, name string) (*tableRing, error) {
	p, err := fhe.ParamsByName(name)
	if err != nil {
		return nil, err
	}
	r := &tableRing{params: p, level: p.MaxLevel(), label: name, engine: lattigo.New()}
	if r.level > tableLevelMax {
		r.level = tableLevelMax
		r.label += fmt.Sprintf(" at %d of %d limbs", r.level+1, p.MaxLevel()+1)
	}
	all := slices.Max(tableKeys())
	need := switchPlan(p, r.level, all, all, false).Plan.KeyNeed()
	if r.keys, err = fhetest.UniformKeys(p, need); err != nil {
		return nil, err
	}
	r.loaded, err = r.engine.LoadKeys(ctx, r.keys)
	return r, err
}

// keysFor are the keys that a Plan needs and no others, which a verifier would look at.
func (r *tableRing) keysFor(plan *fhe.Plan) *fhe.KeySet {
	k := &fhe.KeySet{Params: r.keys.Params, Seed: r.keys.Seed}
	for _, key := range r.keys.Keys {
		if slices.Contains(plan.Galois, key.Galois) {
			k.Keys = append(k.Keys, key)
		}
	}
	return k
}

// measure adds the rows of a number of key switches and of keys, and tells whether the Plan's
// advice is what they say.
func (r *tableRing) measure(
	ctx context.Context, setup *opening.Setup, count, keys int, f *figures.File,
) (agrees bool, err error) {
	single := switchPlan(r.params, r.level, count, keys, false).Compiled()
	hoisted := switchPlan(r.params, r.level, count, keys, true).Compiled()
	inputs, err := fhetest.UniformInputs(single.Plan, 1)
	if err != nil {
		return false, err
	}
	var again [2]time.Duration
	for i, c := range []*fhe.Compiled{single, hoisted} {
		if again[i], err = r.executeTime(ctx, c, inputs); err != nil {
			return false, err
		}
	}
	verify, err := r.verifyTimes(ctx, setup, single, inputs)
	if err != nil {
		return false, err
	}
	advice, err := identity.Advise(single.Plan, setup.Verifier().Size())
	if err != nil {
		return false, err
	}
	measured := identity.Advice{
		Verify: verify[0].Microseconds(), VerifyCommitted: verify[1].Microseconds(),
		Rerun: again[0].Microseconds(),
	}
	asked := ""
	if r.params.Name() == "ckks-14" && count == 64 && keys == 16 {
		asked = ">= 5 x"
	}
	figure := fmt.Sprintf("%s, %d rotations over %d keys: executing over verifying", r.label, count,
		keys)
	f.Add(figures.Row{
		Figure: figure, Value: float64(again[0]) / float64(verify[0]), Unit: "x", Asked: asked,
		Reference: fmt.Sprintf("verify %.4g ms, execute %.4g ms, hoisted %.4g ms: %s; advice: %s",
			millis(verify[0]), millis(again[0]), millis(again[1]), measured.Word(), advice.Word()),
	})
	f.Add(figures.Row{
		Figure: figure + ", keys committed", Value: float64(again[0]) / float64(verify[1]),
		Unit: "x", Reference: fmt.Sprintf("verify %.4g ms", millis(verify[1])),
	})
	return measured.Word() == advice.Word(), nil
}

// executeTime is how long the reference engine takes for a Plan on one core.
func (r *tableRing) executeTime(
	ctx context.Context, c *fhe.Compiled, inputs []fhe.Ciphertext,
) (time.Duration, error) {
	plan, err := r.engine.LoadPlan(ctx, c)
	if err != nil {
		return 0, err
	}
	return oneCoreTime(func() error {
		_, err := fhe.Execute(ctx, plan, r.loaded, inputs, fhe.RunOptions{})
		return err
	})
}

// verifyTimes is how long a proof of the right shape takes to be verified on one core, with
// the polynomials of keys and with commitments to them. Keys are expanded before, as a
// validator that checked the key set has them.
func (r *tableRing) verifyTimes(
	ctx context.Context, setup *opening.Setup, c *fhe.Compiled, inputs []fhe.Ciphertext,
) (took [2]time.Duration, err error) {
	public := &identity.Publics{
		Params: r.params, Constants: c.Encoded, Inputs: inputs, Keys: r.keysFor(c.Plan),
	}
	// Any ciphertexts with the outputs' metadata will do.
	for i, out := range c.Plan.Outputs {
		ct := fhe.Ciphertext{
			Packing: out.Packing, Length: out.Length, Period: out.Period, Level: out.Level,
			Scale: out.Scale,
		}
		for k := range ct.C {
			ct.C[k], err = fhetest.UniformPoly(r.params.N(), r.params.Moduli(out.Level),
				uint64(i), uint64(k))
			if err != nil {
				return took, err
			}
		}
		public.Outputs = append(public.Outputs, ct)
	}
	for i, committed := range []bool{false, true} {
		o := identity.Options{CommittedKeys: committed}
		if took[i], err = verifyTime(ctx, setup, c, public, o); err != nil {
			return took, err
		}
	}
	return took, nil
}

func verifyTime(
	ctx context.Context, setup *opening.Setup, c *fhe.Compiled, public *identity.Publics,
	o identity.Options,
) (time.Duration, error) {
	system, err := identity.Build(c.Plan, o)
	if err != nil {
		return 0, err
	}
	sh, err := protocol.NewShape(system, setup.Verifier().Size(), setup.Verifier().OpeningBytes())
	if err != nil {
		return 0, err
	}
	proof, keys, err := shapedProof(ctx, setup, sh)
	if err != nil {
		return 0, err
	}
	held, err := newHeldOpening(ctx, setup)
	if err != nil {
		return 0, err
	}
	request := verifier.Request{
		System: system, Statement: statement(), Public: public, Setup: held, Keys: keys,
	}
	var s samples
	for range 2 {
		took, err := oneCoreTime(func() error {
			_, err := verifier.Verify(ctx, request, proof)
			return err
		})
		if err != nil {
			return 0, err
		}
		s = append(s, took)
	}
	return s.least(), nil
}

// heldOpening verifies an opening that holds, whatever it is asked to verify: a false one is
// refused before the public vector is looked at.
type heldOpening struct {
	opening.Verifier
	commitment bn254.G1Affine
	public     fr.Vector
	claim      fr.Element
	opening    []byte
}

func newHeldOpening(ctx context.Context, setup *opening.Setup) (*heldOpening, error) {
	h := &heldOpening{Verifier: setup.Verifier()}
	h.public = protocol.Powers(protocol.NewTranscript("benchmark").Scalar("x"), h.Size())
	var err error
	if h.commitment, err = setup.CommitScalars(h.public); err != nil {
		return nil, err
	}
	h.claim = h.public.InnerProduct(h.public)
	h.opening, err = setup.Open(ctx, h.public, h.public, h.claim)
	return h, err
}

func (h *heldOpening) Verify(bn254.G1Affine, []fr.Element, fr.Element, []byte) error {
	return h.Verifier.Verify(h.commitment, h.public, h.claim, h.opening)
}

// shapedProof has every field of a proof, an opening of something else and points of the
// setup's basis.
func shapedProof(ctx context.Context, setup *opening.Setup, sh *protocol.Shape) (
	[]byte, [][]bn254.G1Affine, error,
) {
	point, err := setup.Commit([]int64{1, 2, 3})
	if err != nil {
		return nil, nil, err
	}
	points := func(n int) []bn254.G1Affine {
		out := make([]bn254.G1Affine, n)
		for i := range out {
			out[i] = point
			point.Add(&point, &out[0])
		}
		return out
	}
	lists := func(n int) [][]bn254.G1Affine {
		out := make([][]bn254.G1Affine, n)
		for i := range out {
			out[i] = points(sh.Blocks)
		}
		return out
	}
	w := make([]fr.Element, sh.Size)
	for i := range w {
		w[i].SetUint64(uint64(i))
	}
	vector := fr.Vector(w)
	product := vector.InnerProduct(w)
	p := &protocol.Proof{
		Wires: lists(len(sh.Wires)), Quotients: lists(len(sh.Quotients)),
		Projections: make([][protocol.Rows]protocol.Row, len(sh.Wires)+len(sh.Quotients)),
		H:           points(sh.HPoints()), Claims: make([]fr.Element, len(sh.System.Claims)),
		SumCheck: make([][2]fr.Element, sh.Rounds),
	}
	for i := range p.Projections {
		for row := range p.Projections[i] {
			p.Projections[i][row].Lo = uint64(row)
		}
	}
	if p.Opening, err = setup.Open(ctx, w, w, product); err != nil {
		return nil, nil, err
	}
	proof, err := p.Encode(sh)
	return proof, lists(len(sh.Keys)), err
}
