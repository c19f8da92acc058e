package bench

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/consensys/gnark-crypto/ecc/bn254"
	"github.com/consensys/gnark-crypto/ecc/bn254/fr"

	"github.com/cerberus-host/cerberus/fhe"
	"github.com/cerberus-host/cerberus/fhe/fhetest"
	"github.com/cerberus-host/cerberus/fhe/lattigo"
	"github.com/cerberus-host/cerberus/internal/figures"
	"github.com/cerberus-host/cerberus/proofs/identity"
	"github.com/cerberus-host/cerberus/proofs/opening"
	"github.com/cerberus-host/cerberus/proofs/protocol"
	"github.com/cerberus-host/cerberus/proofs/verifier"
)

// measureVerifyTable compares verifying with executing again, on one core. A proof of
// hundreds of key switches in a large ring takes minutes to make, so what is verified here is
// of the right shape and false: the verifier does all of its work before it finds out.
func (b *bench) measureVerifyTable(
	ctx context.Context, setup *opening.Setup, f *figures.File,
) error {
	for _, name := range []string{"ckks-13", "ckks-14", "ckks-15"} {
		for _, count := range []int{16, 64, 256} {
			for _, keys := range []int{4, 16} {
				b.sayf("verify %d key switches over %d keys, %s", count, keys, name)
				err := oneCore(func() error {
					return measureVerify(ctx, setup, name, count, keys, f)
				})
				if err != nil {
					return fmt.Errorf("%s, %d switches: %w", name, count, err)
				}
			}
		}
	}
	return nil
}

func measureVerify(ctx context.Context, setup *opening.Setup, name string, count, keys int,
	f *figures.File,
) error {
	p, err := fhe.ParamsByName(name)
	if err != nil {
		return err
	}
	level := p.MaxLevel()
	var again [2]time.Duration
	for i, hoisted := range []bool{false, true} {
		c := switchPlan(p, level, count, keys, hoisted).Compiled()
		if again[i], err = executeTime(ctx, c); err != nil {
			return err
		}
	}
	c := switchPlan(p, level, count, keys, false).Compiled()
	var verify [2]time.Duration
	for i, committed := range []bool{false, true} {
		o := identity.Options{CommittedKeys: committed}
		if verify[i], err = verifyTime(ctx, setup, c, o); err != nil {
			return err
		}
	}
	advice := func(d time.Duration) string {
		if d < again[0] {
			return "verify"
		}
		return "re-run"
	}
	asked := ""
	if name == "ckks-14" && count == 64 && keys == 16 {
		asked = ">= 5 x"
	}
	figure := fmt.Sprintf("%s, %d rotations over %d keys: executing over verifying", name, count,
		keys)
	f.Add(figures.Row{
		Figure: figure, Value: float64(again[0]) / float64(verify[0]), Unit: "x", Asked: asked,
		Reference: fmt.Sprintf("verify %.4g ms, execute %.4g ms, hoisted %.4g ms: %s",
			millis(verify[0]), millis(again[0]), millis(again[1]), advice(verify[0])),
	})
	f.Add(figures.Row{
		Figure: figure + ", keys committed", Value: float64(again[0]) / float64(verify[1]),
		Unit:      "x",
		Reference: fmt.Sprintf("verify %.4g ms: %s", millis(verify[1]), advice(verify[1])),
	})
	return nil
}

// executeTime is how long the reference engine takes for a Plan on uniform operands.
func executeTime(ctx context.Context, c *fhe.Compiled) (time.Duration, error) {
	engine := lattigo.New()
	plan, err := engine.LoadPlan(ctx, c)
	if err != nil {
		return 0, err
	}
	set, err := fhetest.UniformKeys(c.Plan.Params, c.Plan.KeyNeed())
	if err != nil {
		return 0, err
	}
	keys, err := engine.LoadKeys(ctx, set)
	if err != nil {
		return 0, err
	}
	inputs, err := fhetest.UniformInputs(c.Plan, 1)
	if err != nil {
		return 0, err
	}
	return timed(func() error {
		_, err := fhe.Execute(ctx, plan, keys, inputs, fhe.RunOptions{})
		return err
	})
}

// verifyTime is how long a proof of the right shape takes to be refused at its last check.
// Keys are expanded before, as a validator that checked the key set has them.
func verifyTime(
	ctx context.Context, setup *opening.Setup, c *fhe.Compiled, o identity.Options,
) (time.Duration, error) {
	system, err := identity.Build(c.Plan, o)
	if err != nil {
		return 0, err
	}
	public := &identity.Publics{Params: c.Plan.Params, Constants: c.Encoded}
	if public.Inputs, err = fhetest.UniformInputs(c.Plan, 1); err != nil {
		return 0, err
	}
	// Any ciphertexts with the outputs' metadata will do.
	for i, out := range c.Plan.Outputs {
		ct := fhe.Ciphertext{
			Packing: out.Packing, Length: out.Length, Period: out.Period, Level: out.Level,
			Scale: out.Scale,
		}
		for k := range ct.C {
			ct.C[k], err = fhetest.UniformPoly(c.Plan.Params.N(), c.Plan.Params.Moduli(out.Level),
				uint64(i), uint64(k))
			if err != nil {
				return 0, err
			}
		}
		public.Outputs = append(public.Outputs, ct)
	}
	if public.Keys, err = fhetest.UniformKeys(c.Plan.Params, c.Plan.KeyNeed()); err != nil {
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
	request := verifier.Request{
		System: system, Statement: statement(), Public: public, Setup: setup.Verifier(), Keys: keys,
	}
	s, err := repeat(ctx, 2, 0, func() error {
		_, err := verifier.Verify(ctx, request, proof)
		if !errors.Is(err, verifier.ErrOpening) {
			return fmt.Errorf("a false proof: %w", err)
		}
		return nil
	})
	return s.least(), err
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
