package client

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/cerberus-host/cerberus/abi"
	"github.com/cerberus-host/cerberus/fhe"
	"github.com/cerberus-host/cerberus/proofs/attest"
	"github.com/cerberus-host/cerberus/proofs/bundle"
)

// Verification is the outcome of [Client.Verify] on a bundle that verifies.
type Verification struct {
	// Task is the task's id in hex.
	Task   string      `json:"task"`
	Client abi.Address `json:"client"`
	Node   abi.Address `json:"node"`
	// Own tells that this client asked for the task, so that the statement was held against
	// its receipt. Of a task of somebody else it is known that the statement is true, not
	// that somebody asked for it.
	Own bool `json:"own"`
	// Brain is the name in the module's manifest.
	Brain     string            `json:"brain"`
	Module    abi.Digest        `json:"module"`
	Arguments map[string]string `json:"public_arguments"`
	Params    string            `json:"params"`
	Plan      abi.Digest        `json:"plan"`
	KeySet    abi.Digest        `json:"key_set"`
	// KeyCommitments stand for the key set in the proof, if they are there.
	KeyCommitments abi.Digest    `json:"key_commitments"`
	Inputs         []NamedDigest `json:"inputs"`
	Outputs        []NamedDigest `json:"outputs"`
	// Engine is what the node says it computed with, Gas what it says the task cost; no proof
	// covers them.
	Engine      string      `json:"engine"`
	Gas         int64       `json:"gas"`
	Attestation Attestation `json:"attestation"`
	// Advice says what is cheaper for this Plan: "verify", "verify with committed keys", or
	// "re-run".
	Advice string `json:"advice"`
	// Explain holds what the proof rests on, line by line.
	Explain []string `json:"explain"`
}

// Verify checks a bundle: that the outputs in it are what the module computes from the
// inputs under the key set, within the noise that the Plan states. It calls no node. What
// the statement names by digest is looked for in the client's store, in the pack itself and
// in sources, in that order; the setup must be one that the client trusts.
//
// Errors wrap [ErrVerification] if the bundle is wrong, and [ErrMissing] if something is not
// to be found.
func (c *Client) Verify(ctx context.Context, p *Pack, sources ...Source) (*Verification, error) {
	b, err := parseBundle(p.Bundle)
	if err != nil {
		return nil, err
	}
	st := b.Statement
	receipt, err := c.receiptIfAny(st.Task)
	if err != nil {
		return nil, err
	}
	if err := sameTask(receipt, st); err != nil {
		return nil, err
	}
	sources = append([]Source{p.Source()}, sources...)
	setup, err := c.trustedSetup(st.Setup, sources)
	if err != nil {
		return nil, err
	}
	module, err := c.findModule(ctx, st, sources)
	if err != nil {
		return nil, err
	}
	m, err := c.materials(st, module, sources)
	if err != nil {
		return nil, err
	}
	m.Setup = setup
	if err := c.commitKeys(ctx, m, st, sources); err != nil {
		return nil, err
	}
	want := bundle.Expect{Module: st.Module, Args: st.Args}
	if receipt != nil {
		self := c.Address()
		want.Task, want.Client = &st.Task, &self
	}
	report, err := c.judge(ctx, b, want, *m)
	if err != nil {
		return nil, err
	}
	advice, err := report.Advice()
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrVerification, err)
	}
	return &Verification{
		Advice: advice.Word(),
		Task:   abi.TaskID(st.Task).String(), Client: st.Client, Node: st.Node, Own: receipt != nil,
		Brain: module.manifest.Name, Module: st.Module, Arguments: argsMap(st.Args),
		Params: st.Params, Plan: st.Plan, KeySet: st.KeySet,
		KeyCommitments: st.KeyCommitments, Inputs: digestsOf(st.Inputs),
		Outputs: digestsOf(st.Outputs), Engine: clean(st.Signed.Engine), Gas: st.Signed.Gas,
		Explain:     report.Explain(),
		Attestation: verified(report),
	}, nil
}

// parseBundle reads a bundle that may be anything.
func parseBundle(data []byte) (*bundle.Bundle, error) {
	b, err := bundle.Parse(data)
	if err != nil {
		return nil, fmt.Errorf("%w: %w: %w", ErrVerification, ErrAttestation, err)
	}
	return b, nil
}

// judge verifies a bundle against what this client asked for and derived itself.
func (c *Client) judge(
	ctx context.Context, b *bundle.Bundle, want bundle.Expect, m bundle.Materials,
) (*bundle.Report, error) {
	c.event(Event{Phase: "verify attestation"})
	r, err := bundle.Verify(ctx, b, want, m,
		bundle.Policy{AllowDevelopmentSetup: c.development, Now: c.now})
	switch {
	case err == nil:
		return r, nil
	case ctx.Err() != nil:
		return nil, fmt.Errorf("verify attestation: %w", ctx.Err())
	default:
		return nil, fmt.Errorf("%w: %w: %w", ErrVerification, ErrAttestation, err)
	}
}

// verified tells of an attestation that was verified just now.
func verified(r *bundle.Report) Attestation {
	a := Attestation{
		State: AttestationVerified, Setup: r.Statement.Setup.String(), Kind: string(r.Setup),
		ProveMS:  millis(time.Duration(r.Statement.Signed.ProveMicros) * time.Microsecond),
		VerifyMS: millis(r.Derive + r.Check),
	}
	for i, o := range r.Noise.Outputs {
		if i == 0 || o.ProvenBits < a.ProvenBits {
			a.ProvenBits = o.ProvenBits
		}
		if i == 0 || o.HonestBits < a.HonestBits {
			a.HonestBits = o.HonestBits
		}
	}
	return a
}

// sameTask holds a statement against the receipt of the task that it names.
func sameTask(r *Receipt, st *attest.Statement) error {
	if r == nil {
		return nil
	}
	var differs string
	switch {
	case !r.Module.Equal(st.Module):
		differs = "module"
	case r.Arguments != st.Args.String():
		differs = "public arguments"
	case !r.Plan.Equal(st.Plan):
		differs = "Plan"
	case !r.KeySet.Equal(st.KeySet):
		differs = "key set"
	case !slices.Equal(r.Inputs, digestsOf(st.Inputs)):
		differs = "inputs"
	default:
		return nil
	}
	return fmt.Errorf("%w: %w: the statement has another %s than the task %s that you submitted",
		ErrVerification, ErrAttestation, differs, r.Task)
}

func digestsOf(list []attest.NamedDigest) []NamedDigest {
	out := make([]NamedDigest, len(list))
	for i, n := range list {
		out[i] = NamedDigest{n.Name, n.Digest}
	}
	return out
}

// foundModule is a module that a statement names, ready to derive the Plan from.
type foundModule struct {
	manifest *abi.Manifest
	derived  *derived
}

// findModule finds module and model and derives Program and Plan from them. A module that
// names another parameter set than the statement gives another Plan, which is refused.
func (c *Client) findModule(
	ctx context.Context, st *attest.Statement, sources []Source,
) (*foundModule, error) {
	code, err := c.find(st.Module, abi.ModuleBytesMax, sources)
	if err != nil {
		return nil, fmt.Errorf("find module: %w", err)
	}
	m, err := abi.ModuleManifest(code)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrVerification, err)
	}
	if _, err := c.params(m.Params); err != nil {
		return nil, err
	}
	sandbox, err := c.sandbox.Load(ctx, code)
	if err != nil {
		return nil, fmt.Errorf("%w: load module: %w", ErrRefused, err)
	}
	var model fhe.Model
	if m.Model != nil {
		data, err := c.find(m.Model.Digest, m.Model.Bytes, sources)
		if err != nil {
			return nil, fmt.Errorf("find model: %w", err)
		}
		model = fhe.ReadModel(data)
	}
	if !slices.ContainsFunc(m.Combinations(), st.Args.Equal) {
		return nil, fmt.Errorf("%w: %w: module %s takes no public arguments %.80q", ErrVerification,
			ErrAttestation, m.Name, st.Args.String())
	}
	c.event(Event{Phase: "derive the Plan", Detail: m.Name})
	d, err := compile(ctx, m, sandbox, model, st.Args)
	if err != nil {
		return nil, err
	}
	return &foundModule{m, d}, nil
}

// materials finds what the proof is verified against, the setup apart.
func (c *Client) materials(
	st *attest.Statement, module *foundModule, sources []Source,
) (*bundle.Materials, error) {
	plan := module.derived.plan
	m := &bundle.Materials{
		Compiled: module.derived.compiled, KeySet: st.KeySet, InputDigests: st.Inputs,
	}
	if len(st.Inputs) != len(plan.Inputs) {
		return nil, fmt.Errorf("%w: %w: the statement has %d inputs, the Plan %d", ErrVerification,
			ErrAttestation, len(st.Inputs), len(plan.Inputs))
	}
	for i, in := range plan.Inputs {
		data, err := c.find(st.Inputs[i].Digest, inputBytesMax(plan.Params, in), sources)
		if err != nil {
			return nil, fmt.Errorf("find input %s: %w", in.Name, err)
		}
		if m.Inputs, err = appendInput(m.Inputs, plan, in, data); err != nil {
			return nil, err
		}
	}
	if plan.KeyNeed().IsEmpty() {
		return m, nil
	}
	raw, err := c.findKeySet(st.KeySet, sources)
	if err != nil {
		return nil, fmt.Errorf("find key set: %w", err)
	}
	m.Keys, err = fhe.ReadKeySet(bytes.NewReader(raw), plan.Params)
	if err != nil {
		return nil, fmt.Errorf("%w: key set: %w", ErrVerification, err)
	}
	return m, nil
}

// appendInput reads an input's blob and appends its ciphertexts.
func appendInput(
	list []fhe.Ciphertext, plan *fhe.Plan, in fhe.PlanInput, data []byte,
) ([]fhe.Ciphertext, error) {
	cts, err := fhe.ParseInput(plan.Params, in, data)
	if err != nil {
		return nil, fmt.Errorf("%w: input %s: %w", ErrVerification, in.Name, err)
	}
	return append(list, cts...), nil
}
