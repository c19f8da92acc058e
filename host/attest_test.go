package host_test

import (
	"bytes"
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cerberus-host/cerberus/abi"
	"github.com/cerberus-host/cerberus/fhe"
	"github.com/cerberus-host/cerberus/host"
	"github.com/cerberus-host/cerberus/host/hosttest"
	"github.com/cerberus-host/cerberus/proofs/attest"
	"github.com/cerberus-host/cerberus/proofs/bundle"
	"github.com/cerberus-host/cerberus/proofs/opening"
	cerberusv1 "github.com/cerberus-host/cerberus/proto/gen/cerberus/v1"
)

// attested submits a question with a proof and waits until the attestation has ended.
func attested(
	t *testing.T, c *hosttest.Client, version *cerberusv1.ModuleVersion,
) (*hosttest.Question, *cerberusv1.Task) {
	t.Helper()
	q := c.Encrypt(c.Plan(version), []float64{-1.5, 2})
	req := c.Submission(1, version, q)
	req.Attestation = cerberusv1.AttestationPolicy_ATTESTATION_POLICY_PROOF
	resp, err := c.Tasks.SubmitTask(t.Context(), req)
	if err != nil {
		t.Fatal(err)
	}
	return q, c.AwaitSettled(resp.GetTask().GetId())
}

// TestResultIsProvedAndSettled follows a task to its end: the client has the result, the
// miner proves it, the validator accepts the proof, and the client verifies the bundle under
// the setup that it fetched, against what it knows itself.
func TestResultIsProvedAndSettled(t *testing.T) {
	setup := hosttest.Setup(t)
	n := hosttest.Start(t, time.Now, func(o *host.Options) { o.Setup = setup })
	version := n.Install(1, hosttest.Square(t, "square"))
	c := n.Stranger()
	q, task := attested(t, c, version)
	a := task.GetAttestation()
	if a.GetState() != cerberusv1.AttestationState_ATTESTATION_STATE_SETTLED {
		t.Fatalf("attestation %v", a)
	}
	if got := c.Decrypt(q, task)[0]; got < 2.2 || got > 2.3 {
		t.Errorf("the square of -1.5 is %v", got)
	}
	digest := setup.Verifier().Digest()
	if !bytes.Equal(a.GetSetup().GetDigest(), digest[:]) || a.GetProveUs() <= 0 ||
		len(a.GetVerdicts()) != 1 || !a.GetVerdicts()[0].GetAccepted() {
		t.Errorf("attestation %v", a)
	}
	if err := verifyBundle(t, c, q, task, setup.Verifier().Digest()); err != nil {
		t.Error(err)
	}
	status, err := c.Nodes.GetStatus(t.Context(), &cerberusv1.GetStatusRequest{})
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(status.GetSetup().GetDigest(), digest[:]) ||
		status.GetAttestations().GetSettled() != 1 {
		t.Errorf("status %v", status)
	}
}

// verifyBundle verifies a task's bundle as a client does.
func verifyBundle(t *testing.T, c *hosttest.Client, q *hosttest.Question,
	task *cerberusv1.Task, setup abi.Digest,
) error {
	t.Helper()
	v, err := opening.ParseVerifier(c.Download(task.GetAttestation().GetSetup().GetKeyBlob()))
	if err != nil {
		return err
	}
	if v.Digest() != setup {
		return errors.New("the blob of the setup is another setup")
	}
	b, err := bundle.Parse(c.Download(task.GetAttestation().GetBundleDigest()))
	if err != nil {
		return err
	}
	inputs, err := fhe.ParseInput(q.Plan.Params, q.Plan.Inputs[0], q.Input)
	if err != nil {
		return err
	}
	keys, err := fhe.ReadKeySet(bytes.NewReader(q.KeySet), q.Plan.Params)
	if err != nil {
		return err
	}
	id := [32]byte(task.GetId())
	_, err = bundle.Verify(t.Context(), b, bundle.Expect{
		Module: abi.Digest(task.GetModuleDigest()), Task: &id,
		OutputDigests: []attest.NamedDigest{{
			Name: task.GetOutputs()[0].GetName(), Digest: abi.Digest(task.GetOutputs()[0].GetDigest()),
		}},
	}, bundle.Materials{
		Compiled: &fhe.Compiled{Plan: q.Plan}, Inputs: inputs, Keys: keys, Setup: v,
	}, bundle.Policy{AllowDevelopmentSetup: true})
	return err
}

// TestNoSetupNoProof: a cluster without a setup refuses to promise a proof.
func TestNoSetupNoProof(t *testing.T) {
	n := hosttest.Start(t, time.Now, nil)
	version := n.Install(1, hosttest.Square(t, "square"))
	c := n.Stranger()
	q := c.Encrypt(c.Plan(version), []float64{1})
	req := c.Submission(1, version, q)
	req.Attestation = cerberusv1.AttestationPolicy_ATTESTATION_POLICY_PROOF
	if _, err := c.Tasks.SubmitTask(t.Context(), req); err == nil {
		t.Error("accepted")
	}
}

// TestMinerStopsBeforeTheProof: a node that stops between result and proof proves after its
// next start; the result stays the one that the client has.
func TestMinerStopsBeforeTheProof(t *testing.T) {
	g := newGate()
	runs := new(atomic.Int32)
	before := func(ctx context.Context) error {
		if runs.Add(1) == 2 { // the run that records
			return g.wait(ctx)
		}
		return nil
	}
	setup := hosttest.Setup(t)
	n := hosttest.Start(t, time.Now, gated(before, func(o *host.Options) { o.Setup = setup }))
	version := n.Install(1, hosttest.Square(t, "square"))
	key := hosttest.Key(t)
	c := n.As(key)
	q := c.Encrypt(c.Plan(version), []float64{3})
	req := c.Submission(1, version, q)
	req.Attestation = cerberusv1.AttestationPolicy_ATTESTATION_POLICY_PROOF
	resp, err := c.Tasks.SubmitTask(t.Context(), req)
	if err != nil {
		t.Fatal(err)
	}
	id := resp.GetTask().GetId()
	first := c.Await(id)
	<-g.entered
	n = n.Restart()
	task := n.As(key).AwaitSettled(id)
	if task.GetAttestation().GetState() != cerberusv1.AttestationState_ATTESTATION_STATE_SETTLED {
		t.Errorf("attestation %v", task.GetAttestation())
	}
	if !bytes.Equal(first.GetOutputs()[0].GetDigest(), task.GetOutputs()[0].GetDigest()) {
		t.Error("the result changed")
	}
}
