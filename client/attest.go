package client

import (
	"bytes"
	"context"
	"fmt"

	"github.com/cerberus-host/cerberus/abi"
	"github.com/cerberus-host/cerberus/fhe"
	"github.com/cerberus-host/cerberus/proofs/attest"
	"github.com/cerberus-host/cerberus/proofs/bundle"
	"github.com/cerberus-host/cerberus/proofs/opening"
	cerberusv1 "github.com/cerberus-host/cerberus/proto/gen/cerberus/v1"
)

// AttestMode says what a request does about an attestation.
type AttestMode string

const (
	// AttestDefault is AttestWait in a cluster that proves, AttestNone in one that has no
	// setup and never had one.
	AttestDefault AttestMode = ""
	// AttestWait asks for a proof, waits for it and verifies it before anything is decrypted.
	// A cluster without a setup is refused.
	AttestWait AttestMode = "wait"
	// AttestLater asks for a proof and decrypts without waiting for it. See [Client.Export].
	AttestLater AttestMode = "later"
	// AttestNone asks for no proof.
	AttestNone AttestMode = "none"
)

// ParseAttestMode reads the word for a mode other than AttestDefault.
func ParseAttestMode(word string) (AttestMode, error) {
	switch m := AttestMode(word); m {
	case AttestWait, AttestLater, AttestNone:
		return m, nil
	default:
		return "", fmt.Errorf("%w: %.20q is none of wait, later and none", ErrUsage, word)
	}
}

// The states of an [Attestation].
const (
	// AttestationNone: no proof was asked for, the node is trusted.
	AttestationNone = "none"
	// AttestationUnverified: a proof was asked for and not waited for.
	AttestationUnverified = "unverified"
	// AttestationVerified: the proof was verified by this client, before it decrypted.
	AttestationVerified = "verified"
)

// Attestation tells what vouches for a result.
type Attestation struct {
	// State is [AttestationNone], [AttestationUnverified] or [AttestationVerified].
	State string `json:"state"`
	// Setup is the digest of the proving setup; empty without a proof.
	Setup string `json:"setup"`
	// Kind is the setup's kind: "development", "ceremony" or "transparent"; empty unless
	// verified.
	Kind string `json:"kind"`
	// ProveMS is how long the node says that it proved, VerifyMS how long this client
	// verified, in milliseconds.
	ProveMS  float64 `json:"prove_ms"`
	VerifyMS float64 `json:"verify_ms"`
	// ProvenBits is the precision that the proof guarantees: the error of every value is at
	// most 2^-ProvenBits. HonestBits is about what an honest node gives. Both are of the least
	// precise output, and 0 unless verified.
	ProvenBits int `json:"proven_bits"`
	HonestBits int `json:"honest_bits"`
}

// String returns the state, and the kind of a setup that is no ceremony's.
func (a Attestation) String() string {
	if a.State != AttestationVerified || a.Kind == string(opening.SetupCeremony) {
		return a.State
	}
	return a.State + " (" + a.Kind + " setup)"
}

// proving is what a request does about its attestation, decided before anything is sent.
type proving struct {
	digest abi.Digest
	// setup verifies the proof before the result is decrypted; nil means later.
	setup opening.Verifier
}

// proving decides about the attestation of a request; nil means that none is asked for. A
// setup that is not to be trusted ends the request here, before anything is encrypted.
func (b *Brain) proving(ctx context.Context) (*proving, error) {
	if b.attest == AttestNone || b.attest == AttestDefault && b.setup.IsZero() {
		return nil, nil //nolint:nilnil // no proof is normal, and no error
	}
	if b.setup.IsZero() {
		return nil, fmt.Errorf("%w: the cluster has no proving setup and proves nothing; to trust its "+
			"nodes instead, ask with --attest=none", ErrRefused)
	}
	p := &proving{digest: b.setup}
	if b.attest == AttestLater {
		return p, nil
	}
	var err error
	p.setup, err = b.client.clusterSetup(ctx, b.setup)
	if err != nil {
		return nil, err
	}
	return p, nil
}

// clusterSetup returns the verifier of the setup that the cluster proves under. The node
// may send its verifying key, since the digest is checked; the node is no reason to trust
// it. A development setup is a reason for no trust at all, so a client that allows them
// takes the cluster's own, at first use.
func (c *Client) clusterSetup(ctx context.Context, d abi.Digest) (opening.Verifier, error) {
	node := []Source{func(d abi.Digest, limit int64) ([]byte, error) {
		return c.fetchSetup(ctx, d, limit)
	}}
	trusted, err := c.TrustsSetup(d)
	if err != nil {
		return nil, err
	}
	if trusted {
		return c.trustedSetup(d, node)
	}
	v, err := c.findSetup(d, node)
	if err != nil { // what kind it is makes no difference then
		_, untrusted := c.trustedSetup(d, nil)
		return nil, fmt.Errorf("%w (%w)", untrusted, err)
	}
	if v.Kind() == opening.SetupDevelopment {
		if err := c.allowed(v); err != nil {
			return nil, err
		}
		if err := c.pinTrust(d); err != nil {
			return nil, err
		}
	}
	return c.trustedSetup(d, node)
}

// preparation makes what a proof is verified against, while the node computes.
type preparation struct {
	stop      context.CancelFunc
	done      chan struct{}
	materials *bundle.Materials
	err       error
}

// prepare begins to make what the proof is verified against, from what this client sent and
// derived itself.
func (b *Brain) prepare(ctx context.Context, s *sending) *preparation {
	ctx, stop := context.WithCancel(ctx)
	p := &preparation{stop: stop, done: make(chan struct{})}
	go func() {
		defer close(p.done)
		p.materials, p.err = b.materials(ctx, s)
	}()
	return p
}

// wait returns the materials when they are made.
func (p *preparation) wait() (*bundle.Materials, error) {
	<-p.done
	return p.materials, p.err
}

// close ends the preparation, also one that nobody waited for.
func (p *preparation) close() {
	p.stop()
	<-p.done
}

func (b *Brain) materials(ctx context.Context, s *sending) (*bundle.Materials, error) {
	compiled, err := b.constants(ctx, s.args, s.derived)
	if err != nil {
		return nil, err
	}
	m := &bundle.Materials{Compiled: compiled, KeySet: s.keys.digest, Setup: s.proof.setup}
	for i, in := range s.plan.Inputs {
		m.InputDigests = append(m.InputDigests, attest.NamedDigest{
			Name: in.Name, Digest: s.inputs[i].digest,
		})
		if m.Inputs, err = appendInput(m.Inputs, s.plan, in, s.inputs[i].data); err != nil {
			return nil, err
		}
	}
	if s.keys.set == nil {
		return m, nil
	}
	m.Keys, err = fhe.ReadKeySet(bytes.NewReader(s.keys.set), s.plan.Params)
	if err != nil {
		return nil, fmt.Errorf("%w: key set: %w", ErrStore, err)
	}
	return m, nil
}

// attested waits for the proof of a task that is done, verifies it, and returns the outputs
// that it vouches for: the only ones that may be decrypted.
func (b *Brain) attested(
	ctx context.Context, s *sending, task *cerberusv1.Task, ready *preparation, r *Result,
) (map[string]fhe.Ciphertext, error) {
	task, err := b.client.watchProof(ctx, task)
	if err != nil {
		return nil, err
	}
	raw, err := b.client.fetchBundle(ctx, task)
	if err != nil {
		return nil, err
	}
	r.Bytes.Download = int64(len(raw))
	m, err := ready.wait()
	if err != nil {
		return nil, err
	}
	got, err := parseBundle(raw)
	if err != nil {
		return nil, err
	}
	want, err := b.expect(s, task)
	if err != nil {
		return nil, err
	}
	node := func(d abi.Digest, limit int64) ([]byte, error) {
		return b.client.download(ctx, d, limit)
	}
	if err := b.client.commitKeys(ctx, m, got.Statement, []Source{node}); err != nil {
		return nil, err
	}
	report, err := b.client.judge(ctx, got, *want, *m)
	if err != nil {
		return nil, err
	}
	r.Attestation = verified(report)
	return vouched(s.plan, got)
}

// watchProof follows a task that is done until its proof is there. What validators think of
// it is not waited for: this client judges itself.
func (c *Client) watchProof(
	ctx context.Context, task *cerberusv1.Task,
) (*cerberusv1.Task, error) {
	task, err := c.until(ctx, task, true, func(t *cerberusv1.Task) bool {
		switch t.GetAttestation().GetState() {
		case cerberusv1.AttestationState_ATTESTATION_STATE_NONE,
			cerberusv1.AttestationState_ATTESTATION_STATE_PENDING:
			return false
		default:
			return true
		}
	})
	if err != nil {
		return nil, err
	}
	if err := hasProof(task); err != nil {
		return nil, fmt.Errorf("%w: %w: %w", ErrVerification, ErrAttestation, err)
	}
	return task, nil
}

// hasProof returns [ErrUnproven] for a task whose attestation has no bundle to verify.
func hasProof(task *cerberusv1.Task) error {
	a := task.GetAttestation()
	switch state := a.GetState(); state {
	case cerberusv1.AttestationState_ATTESTATION_STATE_PROVED,
		cerberusv1.AttestationState_ATTESTATION_STATE_SETTLED:
		return nil
	default:
		text := fmt.Sprintf("the attestation of task %x is %q", task.GetId(), AttestationWord(state))
		if m := a.GetFailureMessage(); m != "" {
			text += ": " + clean(m)
		}
		if fix := a.GetFailure().GetFix(); fix != "" {
			text += "; " + clean(fix)
		}
		return fmt.Errorf("%w: %s", ErrUnproven, text)
	}
}

// AttestationWord is the word for the state of a task's attestation in the cluster.
func AttestationWord(s cerberusv1.AttestationState) string {
	switch s {
	case cerberusv1.AttestationState_ATTESTATION_STATE_PENDING:
		return "pending"
	case cerberusv1.AttestationState_ATTESTATION_STATE_PROVED:
		return "proved"
	case cerberusv1.AttestationState_ATTESTATION_STATE_SETTLED:
		return "settled"
	case cerberusv1.AttestationState_ATTESTATION_STATE_REJECTED:
		return "rejected"
	case cerberusv1.AttestationState_ATTESTATION_STATE_FAILED:
		return "failed"
	default:
		return "none"
	}
}

// fetchBundle downloads the bundle that a task's attestation names.
func (c *Client) fetchBundle(ctx context.Context, task *cerberusv1.Task) ([]byte, error) {
	digest, err := abi.DigestFromBytes(task.GetAttestation().GetBundleDigest())
	if err != nil {
		return nil, fmt.Errorf("%w: %w: bundle: %w", ErrVerification, ErrAttestation, err)
	}
	raw, err := c.download(ctx, digest, int64(bundle.BytesMax))
	if err != nil {
		return nil, wrapRPC("download attestation", err)
	}
	return raw, nil
}

// fetchSetup downloads a setup's verifying key, whose digest is the setup's.
func (c *Client) fetchSetup(ctx context.Context, d abi.Digest, limit int64) ([]byte, error) {
	key, err := c.download(ctx, d, limit)
	if err != nil {
		return nil, wrapRPC("download verifying key", err)
	}
	return key, nil
}

// expect is what the bundle of a task must be about: this client's request, and the outputs
// that the cluster recorded.
func (b *Brain) expect(s *sending, task *cerberusv1.Task) (*bundle.Expect, error) {
	self := b.client.Address()
	want := &bundle.Expect{
		Module: b.module, Args: s.args, Task: (*[32]byte)(task.GetId()), Client: &self,
	}
	// Another run than the one that was reported first may be the one that was proven.
	outputs := task.GetAttestation().GetOutputs()
	if len(outputs) == 0 {
		outputs = task.GetOutputs()
	}
	for _, out := range s.plan.Outputs {
		d, err := outputDigest(outputs, out.Name)
		if err != nil {
			return nil, err
		}
		want.OutputDigests = append(want.OutputDigests, attest.NamedDigest{
			Name: out.Name, Digest: d,
		})
	}
	return want, nil
}

// vouched returns the outputs of a bundle that was verified.
func vouched(plan *fhe.Plan, b *bundle.Bundle) (map[string]fhe.Ciphertext, error) {
	out := make(map[string]fhe.Ciphertext, len(plan.Outputs))
	for i, want := range plan.Outputs {
		ct, err := fhe.ParseOutput(plan.Params, want, b.Outputs[i])
		if err != nil {
			return nil, fmt.Errorf("%w: output %s: %w", ErrVerification, want.Name, err)
		}
		out[want.Name] = ct
	}
	return out, nil
}
