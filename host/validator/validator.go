package validator

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/cerberus-host/cerberus/abi"
	"github.com/cerberus-host/cerberus/fhe"
	"github.com/cerberus-host/cerberus/host/registry"
	"github.com/cerberus-host/cerberus/proofs/attest"
	"github.com/cerberus-host/cerberus/proofs/bundle"
	"github.com/cerberus-host/cerberus/proofs/keyset"
	"github.com/cerberus-host/cerberus/proofs/opening"
)

var (
	// ErrConfig is returned for a configuration that lacks something.
	ErrConfig = errors.New("validator is not configured")
	// ErrNoVerdict is returned when nothing can be said for or against a proof: a blob is not
	// there, the setup is another one than this validator trusts, or its own derivation
	// failed.
	ErrNoVerdict = errors.New("no verdict")
)

// reasonFormat and the others are this package's words beside those of bundle.Reason.
const (
	reasonFormat    = "format"
	reasonStatement = "statement"
	reasonKeys      = "key_commitments"
)

// commitmentsBytes is how much of key commitments that were checked is kept.
const commitmentsBytes = 128 << 20

// Blobs is where bundles, inputs and key sets come from.
type Blobs interface {
	ReadAll(d abi.Digest, limit int64) ([]byte, error)
	// Open returns a verified blob to read from, and its size; the caller closes it.
	Open(d abi.Digest) (io.ReadCloser, int64, error)
}

// Variants derives the Plan of a module and public arguments.
type Variants interface {
	Variant(ctx context.Context, module abi.Digest, args abi.Args) (*registry.Variant, error)
}

// Config is what a [Validator] is made of; all fields but AllowDevelopmentSetup are
// required.
type Config struct {
	Blobs    Blobs
	Variants Variants
	// Setup is the one that this validator trusts.
	Setup opening.Verifier
	// AllowDevelopmentSetup lets Setup be one whose maker can forge.
	AllowDevelopmentSetup bool
	// Self is the validator's account.
	Self abi.Address
	Now  func() time.Time
	// KeyBytesMax bounds a key set that is read.
	KeyBytesMax int64
}

// Validator judges proofs. It is safe for concurrent use.
type Validator struct {
	cfg Config
	// commitments are those that were checked against their key sets.
	commitments *registry.Cache[abi.Digest, *keyset.Checked]
}

// New checks a configuration.
func New(cfg Config) (*Validator, error) {
	if cfg.Blobs == nil || cfg.Variants == nil || cfg.Setup == nil || cfg.Now == nil ||
		cfg.Self.IsZero() || cfg.KeyBytesMax <= 0 {
		return nil, fmt.Errorf("%w: a field is missing", ErrConfig)
	}
	return &Validator{
		cfg:         cfg,
		commitments: registry.NewCache[abi.Digest, *keyset.Checked](commitmentsBytes),
	}, nil
}

// Subject is what the log says of a task and its proof.
type Subject struct {
	Task   [32]byte
	Module abi.Digest
	Args   abi.Args
	// Program and Plan are the registered digests.
	Program, Plan abi.Digest
	KeySet        abi.Digest
	Client, Node  abi.Address
	// Inputs and Outputs are in any order.
	Inputs, Outputs   []attest.NamedDigest
	Bundle, Statement abi.Digest
	// Setup is the one that the proof has to be under.
	Setup abi.Digest
}

// Judge verifies a proof and says what it found; the caller signs. It returns an error that
// wraps [ErrNoVerdict], or the context's, if there is nothing to say.
func (v *Validator) Judge(ctx context.Context, s Subject) (attest.Verdict, error) {
	verdict := attest.Verdict{
		Task: s.Task, Statement: s.Statement, Bundle: s.Bundle, Validator: v.cfg.Self,
	}
	if s.Setup != v.cfg.Setup.Digest() {
		return verdict, fmt.Errorf("%w: the proof is under setup %s, this validator trusts %s",
			ErrNoVerdict, s.Setup.Short(), v.cfg.Setup.Digest().Short())
	}
	reason, err := v.check(ctx, s)
	if err != nil {
		return verdict, err
	}
	verdict.Accepted, verdict.Reason = reason == "", reason
	return verdict, nil
}

// check returns the word for what is wrong, "" if nothing is.
func (v *Validator) check(ctx context.Context, s Subject) (string, error) {
	b, err := v.bundle(s.Bundle)
	if errors.Is(err, bundle.ErrFormat) {
		return reasonFormat, nil
	}
	if err != nil {
		return "", fmt.Errorf("%w: read bundle: %w", ErrNoVerdict, err)
	}
	if b.Statement.Digest() != s.Statement {
		return reasonStatement, nil
	}
	m, err := v.materials(ctx, s, b.Statement.KeyCommitments)
	if errors.Is(err, keyset.ErrFormat) || errors.Is(err, keyset.ErrKeys) {
		return reasonKeys, nil
	}
	if err != nil {
		return "", err
	}
	outputs, err := ordered(m.Compiled.Plan.Outputs, s.Outputs)
	if err != nil {
		return "", err
	}
	_, err = bundle.Verify(ctx, b, bundle.Expect{
		Module: s.Module, Args: s.Args, Task: &s.Task, Client: &s.Client, Node: &s.Node,
		OutputDigests: outputs,
	}, m, bundle.Policy{AllowDevelopmentSetup: v.cfg.AllowDevelopmentSetup, Now: v.cfg.Now})
	if err == nil {
		return "", nil
	}
	if reason := bundle.Reason(err); reason != "" && ctx.Err() == nil {
		return reason, nil
	}
	return "", fmt.Errorf("%w: %w", ErrNoVerdict, err)
}

// bundle reads a bundle; bundle.ErrFormat speaks against whoever made it.
func (v *Validator) bundle(d abi.Digest) (*bundle.Bundle, error) {
	r, size, err := v.cfg.Blobs.Open(d)
	if err != nil {
		return nil, err
	}
	if size > int64(bundle.BytesMax) {
		return nil, errors.Join(fmt.Errorf("%w: %d bytes", bundle.ErrFormat, size), r.Close())
	}
	data := make([]byte, size)
	_, err = io.ReadFull(r, data)
	if err := errors.Join(err, r.Close()); err != nil {
		return nil, err
	}
	return bundle.Parse(data)
}

// materials derives the Plan and reads what the task names. commitments are those that the
// miner's proof uses, zero if none; keyset.ErrFormat and ErrKeys speak against them.
func (v *Validator) materials(
	ctx context.Context, s Subject, commitments abi.Digest,
) (bundle.Materials, error) {
	var m bundle.Materials
	variant, err := v.cfg.Variants.Variant(ctx, s.Module, s.Args)
	if err != nil {
		return m, fmt.Errorf("%w: derive the plan: %w", ErrNoVerdict, err)
	}
	if variant.ProgramDigest != s.Program || variant.PlanDigest != s.Plan {
		// The miner has to prove what is registered; whoever derives something else, such as
		// another version of this program, cannot tell.
		return m, fmt.Errorf("%w: derived Program %s with Plan %s, registered are %s and %s",
			ErrNoVerdict, variant.ProgramDigest.Short(), variant.PlanDigest.Short(),
			s.Program.Short(), s.Plan.Short())
	}
	plan := variant.Compiled.Plan
	m = bundle.Materials{Compiled: variant.Compiled, Setup: v.cfg.Setup}
	for _, in := range plan.Inputs {
		i := slices.IndexFunc(s.Inputs, func(d attest.NamedDigest) bool { return d.Name == in.Name })
		if i < 0 {
			return m, fmt.Errorf("%w: the task has no input %s", ErrNoVerdict, in.Name)
		}
		limit := fhe.CiphertextBytes(plan.Params, in.Packing, in.Length, in.Level, false)
		data, err := v.cfg.Blobs.ReadAll(s.Inputs[i].Digest, limit)
		if err != nil {
			return m, fmt.Errorf("%w: read input %s: %w", ErrNoVerdict, in.Name, err)
		}
		cts, err := fhe.ParseInput(plan.Params, in, data)
		if err != nil {
			return m, fmt.Errorf("%w: input %s: %w", ErrNoVerdict, in.Name, err)
		}
		m.Inputs = append(m.Inputs, cts...)
		m.InputDigests = append(m.InputDigests, s.Inputs[i])
	}
	if plan.KeyNeed().IsEmpty() {
		return m, nil
	}
	m.KeySet = s.KeySet
	if commitments.IsZero() {
		m.Keys, err = v.keys(plan.Params, s.KeySet)
		return m, err
	}
	m.KeyCommitments, err = v.commitments.Get(ctx, commitments,
		func(ctx context.Context) (*keyset.Checked, int64, error) {
			return v.checkCommitments(ctx, plan.Params, s.KeySet, commitments)
		})
	if err == nil && m.KeyCommitments.KeySet() != s.KeySet {
		err = fmt.Errorf("%w: they are of another key set", keyset.ErrKeys)
	}
	return m, err
}

// checkCommitments compares key commitments with their key set, once.
func (v *Validator) checkCommitments(
	ctx context.Context, p *fhe.Params, keySet, commitments abi.Digest,
) (*keyset.Checked, int64, error) {
	data, err := v.cfg.Blobs.ReadAll(commitments, keyset.BytesMax)
	if err != nil {
		return nil, 0, fmt.Errorf("%w: read key commitments: %w", ErrNoVerdict, err)
	}
	c, err := keyset.Parse(data)
	if err != nil {
		return nil, 0, err
	}
	keys, err := v.keys(p, keySet)
	if err != nil {
		return nil, 0, err
	}
	checked, err := c.Check(ctx, keys, keySet, v.cfg.Setup)
	return checked, int64(len(data)), err
}

func (v *Validator) keys(params *fhe.Params, digest abi.Digest) (*fhe.KeySet, error) {
	r, size, err := v.cfg.Blobs.Open(digest)
	if err != nil {
		return nil, fmt.Errorf("%w: read key set: %w", ErrNoVerdict, err)
	}
	if size > v.cfg.KeyBytesMax {
		return nil, errors.Join(fmt.Errorf("%w: a key set of %d bytes, at most %d", ErrNoVerdict,
			size, v.cfg.KeyBytesMax), r.Close())
	}
	set, err := fhe.ReadKeySet(r, params)
	if err := errors.Join(err, r.Close()); err != nil {
		return nil, fmt.Errorf("%w: key set: %w", ErrNoVerdict, err)
	}
	return set, nil
}

// ordered puts outputs into the Plan's order.
func ordered(plan []fhe.PlanOutput, list []attest.NamedDigest) ([]attest.NamedDigest, error) {
	out := make([]attest.NamedDigest, len(plan))
	for i, o := range plan {
		k := slices.IndexFunc(list, func(d attest.NamedDigest) bool { return d.Name == o.Name })
		if k < 0 {
			return nil, fmt.Errorf("%w: the task has no output %s", ErrNoVerdict, o.Name)
		}
		out[i] = list[k]
	}
	return out, nil
}
