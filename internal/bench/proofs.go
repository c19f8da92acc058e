package bench

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"runtime"
	"time"

	"github.com/cerberus-host/cerberus/abi"
	"github.com/cerberus-host/cerberus/fhe"
	"github.com/cerberus-host/cerberus/fhe/encode"
	"github.com/cerberus-host/cerberus/fhe/fhetest"
	"github.com/cerberus-host/cerberus/fhe/lattigo"
	"github.com/cerberus-host/cerberus/fhe/squeeze"
	hostruntime "github.com/cerberus-host/cerberus/host/runtime"
	"github.com/cerberus-host/cerberus/internal/figures"
	"github.com/cerberus-host/cerberus/proofs/identity"
	"github.com/cerberus-host/cerberus/proofs/opening"
	"github.com/cerberus-host/cerberus/proofs/prover"
	"github.com/cerberus-host/cerberus/proofs/verifier"
)

// openingSize is the number of elements of an opened vector in a cluster's setup.
const openingSize = 8192

// measureProofs measures the attestation of the Brains that ship, then what a key switch
// costs to prove and to verify.
func measureProofs(ctx context.Context, b *bench, f *figures.File) error {
	b.sayf("make a development setup for %d elements", openingSize)
	var setup *opening.Setup
	took, err := timed(func() (err error) {
		setup, err = opening.NewDevelopment(ctx, openingSize, nil)
		return err
	})
	if err != nil {
		return err
	}
	f.Add(figures.Row{
		Figure: "development setup", Value: took.Seconds(), Unit: "s", Asked: "<= 15 s",
		Reference: fmt.Sprintf("%d elements, once", openingSize),
	})
	if err := b.measureBrainProofs(ctx, setup, f); err != nil {
		return err
	}
	if err := b.measureSwitchProofs(ctx, setup, f); err != nil {
		return err
	}
	if err := b.measureVerifyTable(ctx, setup, f); err != nil {
		return err
	}
	return b.measureCeremony(ctx, f)
}

// statement is what the measured proofs are about.
func statement() abi.Digest { return abi.SumDigest([]byte("benchmark")) }

// attested is a run with everything that a proof of it needs.
type attested struct {
	request prover.Request
	execute time.Duration
}

// record executes a Plan twice, plainly and recording, and collects the witness.
func record(
	ctx context.Context, c *fhe.Compiled, keys *fhe.KeySet, inputs []fhe.Ciphertext,
) (*attested, error) {
	system, err := identity.Build(c.Plan, identity.Options{})
	if err != nil {
		return nil, err
	}
	engine := lattigo.New()
	plan, err := engine.LoadPlan(ctx, c)
	if err != nil {
		return nil, err
	}
	var loaded fhe.LoadedKeys
	if keys != nil {
		if loaded, err = engine.LoadKeys(ctx, keys); err != nil {
			return nil, err
		}
	}
	a := &attested{request: prover.Request{
		System: system, Statement: statement(), Public: &identity.Publics{
			Params: c.Plan.Params, Inputs: inputs, Constants: c.Encoded, Keys: keys,
		},
	}}
	s, err := repeat(ctx, 3, 0, func() error {
		_, err := fhe.Execute(ctx, plan, loaded, inputs, fhe.RunOptions{})
		return err
	})
	if err != nil {
		return nil, err
	}
	a.execute = s.least()
	collector := identity.NewCollector(system)
	a.request.Public.Outputs, err = fhe.Execute(ctx, plan, loaded, inputs,
		fhe.RunOptions{Recorder: collector})
	if err != nil {
		return nil, err
	}
	a.request.Witness, err = collector.Witness(a.request.Public)
	return a, err
}

// prove proves and verifies count times.
func (a *attested) prove(
	ctx context.Context, setup opening.Prover, count int,
) (proofs, checks samples, stats *prover.Stats, err error) {
	p, err := prover.New(prover.Config{Setup: setup, Now: time.Now})
	if err != nil {
		return nil, nil, nil, err
	}
	var proof []byte
	if proofs, err = repeat(ctx, count, 0, func() error {
		proof, stats, err = p.Prove(ctx, a.request)
		return err
	}); err != nil {
		return nil, nil, nil, err
	}
	checks, err = repeat(ctx, 2*count, 0, func() error {
		_, err := verifier.Verify(ctx, verifier.Request{
			System: a.request.System, Statement: a.request.Statement, Public: a.request.Public,
			Setup: setup.Verifier(),
		}, proof)
		return err
	})
	return proofs, checks, stats, err
}

// measureBrainProofs proves and verifies a question to each Brain.
func (b *bench) measureBrainProofs(
	ctx context.Context, setup *opening.Setup, f *figures.File,
) (err error) {
	sandbox, err := hostruntime.New(ctx, hostruntime.Config{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, sandbox.Close(context.WithoutCancel(ctx))) }()
	list, err := b.prepare(ctx, sandbox)
	if err != nil {
		return err
	}
	asked := map[string]string{
		"sentiment": "<= 2 s", "medical, breast": "<= 12 s", "medical, heart": "<= 12 s",
	}
	for _, p := range list {
		b.sayf("prove and verify %s", p.label)
		a, err := recordQuestion(ctx, p)
		if err != nil {
			return fmt.Errorf("%s: %w", p.label, err)
		}
		proofs, checks, stats, err := a.prove(ctx, setup, 3)
		if err != nil {
			return fmt.Errorf("%s: %w", p.label, err)
		}
		f.Add(figures.Row{
			Figure: p.label + ": prove and verify", Unit: "s", Asked: asked[p.label],
			Value: (proofs.median() + checks.median()).Seconds(),
			Reference: fmt.Sprintf("execute %.3g ms; %d wires, %d quotients, %d bits a coefficient",
				millis(a.execute), stats.Wires, stats.Quotients, stats.CommittedBits),
		})
		addMillis(f, p.label+": prove", proofs, "")
		addMillis(f, p.label+": verify", checks, "<= 120 ms")
		f.Add(figures.Row{
			Figure: p.label + ": proof", Value: float64(stats.Bytes) / 1e3, Unit: "KB",
			Asked: fmt.Sprintf("<= %.4g KB", bytesAsked(stats)/1e3),
			Reference: fmt.Sprintf("%d wires and quotients in all",
				stats.Wires+stats.Quotients),
		})
	}
	return nil
}

// bytesAsked is the size that the project asks of a bundle: 32(b+8)+300 bytes for every
// wire of b bits, and 20 KB.
func bytesAsked(s *prover.Stats) float64 {
	return 32*float64(s.CommittedBits+8*(s.Wires+s.Quotients)) +
		300*float64(s.Wires+s.Quotients) + 20e3
}

// recordQuestion takes a question through client and engine.
func recordQuestion(ctx context.Context, p prepared) (*attested, error) {
	values, err := p.module.RunEncode(ctx, p.args, p.req)
	if err != nil {
		return nil, err
	}
	program, err := p.module.RunInfer(ctx, p.args)
	if err != nil {
		return nil, err
	}
	options := squeeze.Options{Outputs: p.module.Manifest().OutputsFor(p.args)}
	compiled, err := squeeze.CompileWith(program, p.model, encode.New(), options)
	if err != nil {
		return nil, err
	}
	plan := compiled.Plan
	secret, err := lattigo.GenerateSecret(plan.Params, rand.Reader)
	if err != nil {
		return nil, err
	}
	var keys *fhe.KeySet
	if !plan.KeyNeed().IsEmpty() {
		keys, err = lattigo.GenerateKeys(ctx, secret, plan.Relin, plan.Galois, rand.Reader, nil)
		if err != nil {
			return nil, err
		}
	}
	var inputs []fhe.Ciphertext
	for _, in := range plan.Inputs {
		cts, err := lattigo.EncryptVector(secret, in, values[in.Name], rand.Reader)
		if err != nil {
			return nil, err
		}
		inputs = append(inputs, cts...)
	}
	return record(ctx, compiled, keys, inputs)
}

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

// chainPlan is a Plan of count rotations, one after the other, with one key.
func chainPlan(p *fhe.Params, level, count int) *fhetest.PlanBuilder {
	b := fhetest.NewPlanBuilder(p, abi.PackSlots)
	r := b.Input(level, fhetest.HalfBits(p))
	for range count {
		r = b.Rotate(r, fhe.NoReg, p.GaloisElement(1))
	}
	b.Output(r)
	return b
}

// recordUniform records a Plan on uniform operands.
func recordUniform(ctx context.Context, c *fhe.Compiled) (*attested, error) {
	keys, err := fhetest.UniformKeys(c.Plan.Params, c.Plan.KeyNeed())
	if err != nil {
		return nil, err
	}
	inputs, err := fhetest.UniformInputs(c.Plan, 1)
	if err != nil {
		return nil, err
	}
	return record(ctx, c, keys, inputs)
}

// oneCore runs f with one core.
func oneCore(f func() error) error {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	return f()
}

// measureSwitchProofs proves chains of key switches at three limbs on one core.
func (b *bench) measureSwitchProofs(
	ctx context.Context, setup *opening.Setup, f *figures.File,
) error {
	p, err := fhe.ParamsByName("ckks-13")
	if err != nil {
		return err
	}
	const level, few, many = 2, 8, 32
	type cost struct {
		took  time.Duration
		stats *prover.Stats
		a     *attested
	}
	costs := make(map[int]cost)
	for _, count := range []int{few, many} {
		b.sayf("prove %d key switches on one core", count)
		err := oneCore(func() error {
			a, err := recordUniform(ctx, chainPlan(p, level, count).Compiled())
			if err != nil {
				return err
			}
			proofs, _, stats, err := a.prove(ctx, setup, 2)
			costs[count] = cost{proofs.least(), stats, a}
			return err
		})
		if err != nil {
			return err
		}
	}
	c := costs[many]
	more := costs[many].took - costs[few].took
	perSwitch := more / (many - few)
	bits := c.stats.CommittedBits - costs[few].stats.CommittedBits
	f.Add(figures.Row{
		Figure: "key switch at 3 limbs, N = 8192: prove, one core", Value: millis(perSwitch),
		Unit: "ms", Asked: "<= 150 ms",
		Reference: fmt.Sprintf("difference of %d and %d in a chain; execute %.3g ms, %.3g times less",
			many, few, millis(c.a.execute)/many,
			float64(perSwitch)/(float64(c.a.execute)/many)),
	})
	f.Add(figures.Row{
		Figure: "51 committed bits a coefficient, N = 8192: prove, one core",
		Value:  millis(more) * 51 / float64(bits), Unit: "ms", Asked: "<= 18 ms",
		Reference: fmt.Sprintf("%d switches: %.3g ms for each 51 bits, all in", many,
			millis(c.took)*51/float64(c.stats.CommittedBits)),
	})
	wires := float64(c.stats.Wires-costs[few].stats.Wires+c.stats.Quotients-
		costs[few].stats.Quotients) / (many - few)
	f.Add(figures.Row{
		Figure: "key switch at 3 limbs: wires", Value: wires, Unit: "wires", Asked: "<= 8 wires",
		Reference: fmt.Sprintf("22 naively; %d of %d switches with quotients",
			c.stats.Wires+c.stats.Quotients, many),
	})
	var memory runtime.MemStats
	runtime.ReadMemStats(&memory)
	f.Add(figures.Row{
		Figure: "memory taken from the system", Value: float64(memory.Sys) / 1e6, Unit: "MB",
		Asked: "<= 1500 MB", Reference: "the whole process so far",
	})
	return nil
}
