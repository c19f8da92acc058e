package bench

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"github.com/cerberus-host/cerberus/abi"
	"github.com/cerberus-host/cerberus/fhe"
	"github.com/cerberus-host/cerberus/fhe/encode"
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
	return b.measureAll(ctx, setup, f, []part{
		{"questions to the Brains", b.measureBrainProofs},
		{"key switches", b.measureSwitchProofs},
		{"verifying and executing", b.measureVerifyTable},
		{"js/wasm", b.measureJS},
		{"ceremony", b.measureCeremony},
		{"range checks", b.measureRangeChecks},
	})
}

// part is a piece of the area that needs nothing of the others.
type part struct {
	what    string
	measure func(context.Context, *opening.Setup, *figures.File) error
}

// measureAll measures all parts, whether or not one of them fails.
func (b *bench) measureAll(
	ctx context.Context, setup *opening.Setup, f *figures.File, parts []part,
) (failure error) {
	for _, p := range parts {
		err := p.measure(ctx, setup, f)
		if err == nil {
			continue
		}
		err = fmt.Errorf("%s: %w", p.what, err)
		if ctx.Err() != nil {
			return errors.Join(failure, err)
		}
		b.sayf("failed, and going on: %v", err)
		failure = errors.Join(failure, err)
	}
	return failure
}

// statement is what the measured proofs are about.
func statement() abi.Digest { return abi.SumDigest([]byte("benchmark")) }

// attested is a run with everything that a proof of it needs.
type attested struct {
	request prover.Request
	// execute is how long a plain execution took, executeWork its processor time.
	execute, executeWork time.Duration
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
	for i := range 3 {
		took, work, err := worked(func() error {
			_, err := fhe.Execute(ctx, plan, loaded, inputs, fhe.RunOptions{})
			return err
		})
		if err != nil {
			return nil, err
		}
		if i == 0 {
			a.execute, a.executeWork = took, work
		}
		a.execute, a.executeWork = min(a.execute, took), min(a.executeWork, work)
	}
	collector := identity.NewCollector(system)
	a.request.Public.Outputs, err = fhe.Execute(ctx, plan, loaded, inputs,
		fhe.RunOptions{Recorder: collector})
	if err != nil {
		return nil, err
	}
	a.request.Witness, err = collector.Witness(a.request.Public)
	return a, err
}

// proven is what proving a run took.
type proven struct {
	// proofs and checks are the durations of proving and verifying.
	proofs, checks samples
	stats          *prover.Stats
	// proof is the last one.
	proof []byte
}

// prove proves and verifies count times.
func (a *attested) prove(ctx context.Context, setup opening.Prover, count int) (*proven, error) {
	p, err := prover.New(prover.Config{Setup: setup, Now: time.Now})
	if err != nil {
		return nil, err
	}
	out := &proven{}
	if out.proofs, err = repeat(ctx, count, 0, func() (err error) {
		out.proof, out.stats, err = p.Prove(ctx, a.request)
		return err
	}); err != nil {
		return nil, err
	}
	out.checks, err = repeat(ctx, 2*count, 0, func() error {
		_, err := verifier.Verify(ctx, verifier.Request{
			System: a.request.System, Statement: a.request.Statement, Public: a.request.Public,
			Setup: setup.Verifier(),
		}, out.proof)
		return err
	})
	return out, err
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
		done, err := a.prove(ctx, setup, 3)
		if err != nil {
			return fmt.Errorf("%s: %w", p.label, err)
		}
		stats := done.stats
		f.Add(figures.Row{
			Figure: p.label + ": prove and verify", Unit: "s", Asked: asked[p.label],
			Value: (done.proofs.median() + done.checks.median()).Seconds(),
			Reference: fmt.Sprintf("execute %.3g ms; %d wires, %d quotients, %d bits a coefficient",
				millis(a.execute), stats.Wires, stats.Quotients, stats.CommittedBits),
		})
		addMillis(f, p.label+": prove", done.proofs, "")
		addMillis(f, p.label+": verify", done.checks, "<= 120 ms")
		f.Add(figures.Row{
			Figure: p.label + ": proof", Value: float64(stats.Bytes) / 1e3, Unit: "KB",
			Asked: fmt.Sprintf("<= %.4g KB", bytesAsked(stats)/1e3),
			Reference: fmt.Sprintf("%d wires and quotients in all",
				stats.Wires+stats.Quotients),
		})
		if err := b.keepForJS(p.label, a, setup, done); err != nil {
			return fmt.Errorf("%s: %w", p.label, err)
		}
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
