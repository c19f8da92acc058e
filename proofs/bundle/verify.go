package bundle

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/cerberus-host/cerberus/abi"
	"github.com/cerberus-host/cerberus/fhe"
	"github.com/cerberus-host/cerberus/proofs/attest"
	"github.com/cerberus-host/cerberus/proofs/identity"
	"github.com/cerberus-host/cerberus/proofs/keyset"
	"github.com/cerberus-host/cerberus/proofs/opening"
	"github.com/cerberus-host/cerberus/proofs/protocol"
	"github.com/cerberus-host/cerberus/proofs/verifier"
)

// Materials are what a checker holds of its own; nothing of it may come from the bundle.
type Materials struct {
	// Compiled is the Plan with its constants, which the checker derived from module and
	// public arguments.
	Compiled *fhe.Compiled
	// Inputs are the ciphertexts of all of the Plan's inputs, one input after the other.
	Inputs []fhe.Ciphertext
	// InputDigests, if not nil, are what the blobs of the inputs were named by, in the Plan's
	// order; they are computed anew and compared.
	InputDigests []attest.NamedDigest
	// Keys is the key set, nil if the Plan needs no keys. KeySet is the digest of the blob
	// that it was read from; if it is zero it is computed, which takes time.
	Keys   *fhe.KeySet
	KeySet abi.Digest
	// KeyCommitments, if the statement names some, are those, which the checker compared with
	// the key set once; Keys may be nil then. KeySet must be set.
	KeyCommitments *keyset.Checked
	// Setup is the one that the checker trusts.
	Setup opening.Verifier
}

// Expect is what a checker wants a statement to be about. Module is required; a nil field
// stands for anything.
type Expect struct {
	Module abi.Digest
	Args   abi.Args
	Task   *[32]byte
	// Client and Node are the parties.
	Client, Node *abi.Address
	// OutputDigests are the results that the checker was given before.
	OutputDigests []attest.NamedDigest
}

// Policy is what a checker tolerates. The zero value is strict.
type Policy struct {
	// AllowDevelopmentSetup accepts a setup whose maker can forge every attestation.
	AllowDevelopmentSetup bool
	// Now is the clock for the durations of the Report; nil leaves them out.
	Now func() time.Time
}

// Verify checks a bundle against what the checker derived: the node's signature, every field
// of the statement, the outputs' metadata and digests, and the proof. A Report is returned
// only if all of it holds. Errors wrap those of this package ([Reason] has a word for each)
// or the context's.
func Verify(ctx context.Context, b *Bundle, e Expect, m Materials, p Policy) (*Report, error) {
	if b == nil || b.Statement == nil {
		return nil, fmt.Errorf("%w: no statement", ErrFormat)
	}
	started := p.now()
	if err := m.check(); err != nil {
		return nil, err
	}
	if m.Setup.Kind() == opening.SetupDevelopment && !p.AllowDevelopmentSetup {
		return nil, fmt.Errorf("%w (setup %s)", ErrDevelopmentSetup, m.Setup.Digest())
	}
	if err := b.Statement.Check(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrFormat, err)
	}
	if err := b.checkSignature(); err != nil {
		return nil, err
	}
	if err := checkStatement(b.Statement, e, m); err != nil {
		return nil, err
	}
	outputs, err := b.outputs(m.Compiled.Plan)
	if err != nil {
		return nil, err
	}
	noise, err := m.Compiled.Noise()
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMaterials, err)
	}
	keys, err := m.committedKeys(b.Statement)
	if err != nil {
		return nil, err
	}
	system, err := identity.Build(m.Compiled.Plan, identity.Options{CommittedKeys: keys != nil})
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMaterials, err)
	}
	public := &identity.Publics{
		Params: m.Compiled.Plan.Params, Inputs: m.Inputs, Outputs: outputs,
		Constants: m.Compiled.Encoded, Keys: m.Keys,
	}
	request := verifier.Request{
		System: system, Statement: b.Statement.Digest(), Public: public, Setup: m.Setup,
	}
	if keys != nil {
		if request.Keys, err = keys.For(system, m.Setup); err != nil {
			return nil, fmt.Errorf("%w: %w", ErrMaterials, err)
		}
	}
	derived := p.now()
	proven, err := verifier.Verify(ctx, request, b.Proof)
	if err != nil {
		return nil, proofError(err)
	}
	return &Report{
		Statement: b.Statement, Setup: m.Setup.Kind(), Proof: proven, Noise: noise,
		OutputBytes: b.outputBytes(), Derive: derived.Sub(started), Check: p.now().Sub(derived),
		plan: m.Compiled.Plan, size: m.Setup.Size(),
	}, nil
}

func (p Policy) now() time.Time {
	if p.Now == nil {
		return time.Time{}
	}
	return p.Now()
}

// check asks that nothing is missing and that constants and inputs are the Plan's.
func (m Materials) check() error {
	if m.Compiled == nil || m.Compiled.Plan == nil || m.Setup == nil {
		return fmt.Errorf("%w: plan or setup is missing", ErrMaterials)
	}
	plan := m.Compiled.Plan
	if err := plan.Check(); err != nil {
		return fmt.Errorf("%w: %w", ErrMaterials, err)
	}
	if len(m.Compiled.Encoded) != len(plan.Constants) {
		return fmt.Errorf("%w: %d constants instead of %d", ErrMaterials,
			len(m.Compiled.Encoded), len(plan.Constants))
	}
	for i, poly := range m.Compiled.Encoded {
		d, err := fhe.PolyDigest(plan.Params, poly)
		if err != nil {
			return fmt.Errorf("%w: constant %d: %w", ErrMaterials, i, err)
		}
		if d != plan.Constants[i].Encoded {
			return fmt.Errorf("%w: constant %d is not the plan's", ErrMaterials, i)
		}
	}
	if err := plan.CheckInputs(m.Inputs); err != nil {
		return fmt.Errorf("%w: %w", ErrMaterials, err)
	}
	if m.KeyCommitments != nil {
		if m.KeySet.IsZero() {
			return fmt.Errorf("%w: key commitments without a key set", ErrMaterials)
		}
		return nil
	}
	if missing := m.Keys.Missing(plan.KeyNeed()); !missing.IsEmpty() {
		return fmt.Errorf("%w: the key set lacks %v", ErrMaterials, missing)
	}
	return nil
}

// committedKeys returns the commitments that stand for the keys in a proof, nil if the keys
// themselves do. They must be those that the statement names and that the checker compared
// with its key set, under its setup.
func (m Materials) committedKeys(s *attest.Statement) (*keyset.Checked, error) {
	c := m.KeyCommitments
	switch {
	case s.KeyCommitments.IsZero() && c == nil:
		return nil, nil //nolint:nilnil // the usual case, and no error
	case c == nil:
		return nil, fmt.Errorf("%w: the commitments %s to the key set are missing", ErrMaterials,
			s.KeyCommitments)
	case c.Digest() != s.KeyCommitments || c.KeySet() != m.KeySet || c.Setup() != m.Setup.Digest():
		return nil, fmt.Errorf("%w: the key commitments %s are not those of this statement",
			ErrMaterials, c.Digest())
	}
	return c, nil
}

// keySet returns the digest of the keys that the Plan needs.
func (m Materials) keySet() (abi.Digest, error) {
	switch {
	case m.Compiled.Plan.KeyNeed().IsEmpty():
		return abi.Digest{}, nil
	case !m.KeySet.IsZero():
		return m.KeySet, nil
	}
	d, err := m.Keys.Digest()
	if err != nil {
		return d, fmt.Errorf("%w: %w", ErrMaterials, err)
	}
	return d, nil
}

// inputDigests returns the digests of the canonical blobs of the inputs.
func (m Materials) inputDigests() ([]attest.NamedDigest, error) {
	plan := m.Compiled.Plan
	if m.InputDigests != nil {
		if err := checkNames(plan, m.InputDigests); err != nil {
			return nil, err
		}
	}
	var list []attest.NamedDigest
	rest := m.Inputs
	for i, in := range plan.Inputs {
		d, err := fhe.CiphertextsDigest(plan.Params, rest[:in.Count])
		if err != nil {
			return nil, fmt.Errorf("%w: input %q: %w", ErrMaterials, in.Name, err)
		}
		if m.InputDigests != nil && m.InputDigests[i].Digest != d {
			return nil, fmt.Errorf("%w: input %q is not the blob %s", ErrMaterials, in.Name,
				m.InputDigests[i].Digest)
		}
		rest = rest[in.Count:]
		list = append(list, attest.NamedDigest{Name: in.Name, Digest: d})
	}
	return list, nil
}

// checkStatement compares a statement with what the checker derived and expects.
func checkStatement(s *attest.Statement, e Expect, m Materials) error {
	keys, err := m.keySet()
	if err != nil {
		return err
	}
	inputs, err := m.inputDigests()
	if err != nil {
		return err
	}
	if s.Setup != m.Setup.Digest() {
		return fmt.Errorf("%w: %s, the trusted one is %s", ErrSetup, s.Setup, m.Setup.Digest())
	}
	want := derive(m.Compiled.Plan, e.Module, e.Args)
	for _, f := range []struct{ field, got, want string }{
		{"protocol", s.Protocol, want.Protocol},
		{"gnark", s.Gnark, want.Gnark},
		{"ABI", s.ABI, want.ABI},
		{"squeezer", s.Squeezer, want.Squeezer},
		{"parameter set", s.Params, want.Params},
		{"module", s.Module.String(), e.Module.String()},
		{"export", s.Export, want.Export},
		{"public arguments", s.Args.String(), e.Args.String()},
		{"Program", s.Program.String(), want.Program.String()},
		{"Plan", s.Plan.String(), want.Plan.String()},
		{"key set", s.KeySet.String(), keys.String()},
	} {
		if f.got != f.want {
			return fmt.Errorf("%w: %s is %.100q, derived was %q", ErrStatement, f.field, f.got,
				f.want)
		}
	}
	if !slices.Equal(s.Inputs, inputs) {
		return fmt.Errorf("%w: other inputs", ErrStatement)
	}
	return checkExpected(s, e)
}

// checkExpected compares a statement with the parties and results that the checker knows.
func checkExpected(s *attest.Statement, e Expect) error {
	switch {
	case e.Task != nil && s.Task != *e.Task:
		return fmt.Errorf("%w: task %s, expected is %s", ErrStatement, abi.TaskID(s.Task),
			abi.TaskID(*e.Task))
	case e.Client != nil && s.Client != *e.Client:
		return fmt.Errorf("%w: client %s, expected is %s", ErrStatement, s.Client, *e.Client)
	case e.Node != nil && s.Node != *e.Node:
		return fmt.Errorf("%w: node %s, expected is %s", ErrStatement, s.Node, *e.Node)
	case e.OutputDigests != nil && !slices.Equal(s.Outputs, e.OutputDigests):
		return fmt.Errorf("%w: other outputs than the task's", ErrStatement)
	}
	return nil
}

// outputs reads the output blobs with the metadata of the Plan and compares their digests
// with the statement's.
func (b *Bundle) outputs(plan *fhe.Plan) ([]fhe.Ciphertext, error) {
	if len(b.Outputs) != len(plan.Outputs) || len(b.Statement.Outputs) != len(plan.Outputs) {
		return nil, fmt.Errorf("%w: %d outputs, the statement names %d, the plan has %d",
			ErrOutput, len(b.Outputs), len(b.Statement.Outputs), len(plan.Outputs))
	}
	var cts []fhe.Ciphertext
	for i, o := range plan.Outputs {
		named := b.Statement.Outputs[i]
		if named.Name != o.Name {
			return nil, fmt.Errorf("%w: output %d is %q, not %q", ErrOutput, i, named.Name, o.Name)
		}
		if d := abi.SumDigest(b.Outputs[i]); d != named.Digest {
			return nil, fmt.Errorf("%w: output %q has the digest %s, the statement says %s",
				ErrOutput, o.Name, d, named.Digest)
		}
		ct, err := fhe.ParseOutput(plan.Params, o, b.Outputs[i])
		if err != nil {
			return nil, fmt.Errorf("%w: output %q: %w", ErrOutput, o.Name, err)
		}
		if ct.Seeded {
			return nil, fmt.Errorf("%w: output %q is seeded, which only inputs are", ErrOutput,
				o.Name)
		}
		cts = append(cts, ct)
	}
	return cts, nil
}

func (b *Bundle) outputBytes() int {
	n := 0
	for _, o := range b.Outputs {
		n += len(o)
	}
	return n
}

// proofError tells what speaks against the proof from what speaks against the checker.
func proofError(err error) error {
	switch {
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return err
	case errors.Is(err, protocol.ErrEncoding), errors.Is(err, verifier.ErrOpening),
		errors.Is(err, verifier.ErrProjection):
		return fmt.Errorf("%w: %w", ErrProof, err)
	default:
		return fmt.Errorf("%w: %w", ErrMaterials, err)
	}
}
