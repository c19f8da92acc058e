package host_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cerberus-host/cerberus/abi"
	"github.com/cerberus-host/cerberus/fhe"
	"github.com/cerberus-host/cerberus/fhe/lattigo"
	"github.com/cerberus-host/cerberus/host"
	"github.com/cerberus-host/cerberus/host/api"
	"github.com/cerberus-host/cerberus/host/hosttest"
	"github.com/cerberus-host/cerberus/proofs/attest"
	"github.com/cerberus-host/cerberus/proofs/bundle"
	"github.com/cerberus-host/cerberus/proofs/keyset"
	"github.com/cerberus-host/cerberus/proofs/opening"
	cerberusv1 "github.com/cerberus-host/cerberus/proto/gen/cerberus/v1"
	"github.com/cerberus-host/cerberus/raftstore/state"
)

const (
	settled  = cerberusv1.AttestationState_ATTESTATION_STATE_SETTLED
	rejected = cerberusv1.AttestationState_ATTESTATION_STATE_REJECTED
	failed   = cerberusv1.AttestationState_ATTESTATION_STATE_FAILED
)

// recordedEngine is the reference engine with something to do before each run that is
// recorded for a proof.
type recordedEngine struct {
	fhe.Engine

	before func(context.Context) error
}

func (e recordedEngine) LoadPlan(
	ctx context.Context, c *fhe.Compiled,
) (fhe.LoadedPlan, error) {
	plan, err := e.Engine.LoadPlan(ctx, c)
	return recordedPlan{plan, e.before}, err
}

type recordedPlan struct {
	fhe.LoadedPlan

	before func(context.Context) error
}

func (p recordedPlan) Run(
	ctx context.Context, keys fhe.LoadedKeys, inputs []fhe.Ciphertext, opts fhe.RunOptions,
) ([]fhe.Ciphertext, error) {
	if opts.Recorder != nil {
		if err := p.before(ctx); err != nil {
			return nil, err
		}
	}
	return p.LoadedPlan.Run(ctx, keys, inputs, opts)
}

// provingNode starts a node that proves under a setup, and does something before each run
// that is recorded for a proof; nil does nothing.
func provingNode(
	t *testing.T, setup *opening.Setup, now func() time.Time, before func(context.Context) error,
	more func(*host.Options),
) *hosttest.Node {
	t.Helper()
	return hosttest.Start(t, now, func(o *host.Options) {
		o.Setup = setup
		if before != nil {
			o.Engine = recordedEngine{lattigo.New(), before}
		}
		if more != nil {
			more(o)
		}
	})
}

// proofRequest is a submission that asks for a proof.
func proofRequest(
	t *testing.T, c *hosttest.Client, version *cerberusv1.ModuleVersion,
) (*hosttest.Question, *cerberusv1.SubmitTaskRequest) {
	t.Helper()
	q := c.Encrypt(c.Plan(version), []float64{-1.5, 2})
	req := c.Submission(1, version, q)
	req.Attestation = cerberusv1.AttestationPolicy_ATTESTATION_POLICY_PROOF
	return q, req
}

// attested submits a question with a proof and waits until the attestation has ended.
func attested(
	t *testing.T, c *hosttest.Client, version *cerberusv1.ModuleVersion,
) (*hosttest.Question, *cerberusv1.Task) {
	t.Helper()
	q, req := proofRequest(t, c, version)
	return q, c.AwaitSettled(submit(t, c, req))
}

// counts returns the cluster's totals about attestations.
func counts(t *testing.T, c *hosttest.Client) *cerberusv1.AttestationCounts {
	t.Helper()
	status, err := c.Nodes.GetStatus(t.Context(), &cerberusv1.GetStatusRequest{})
	if err != nil {
		t.Fatal(err)
	}
	return status.GetAttestations()
}

// eventually asks again until something is so.
func eventually(t *testing.T, what string, so func() bool) {
	t.Helper()
	ctx, stop := context.WithTimeout(t.Context(), time.Minute)
	defer stop()
	for !so() {
		if ctx.Err() != nil {
			t.Fatalf("it was never so that %s", what)
		}
	}
}

// awaitMetric waits for a number that the node shows: it counts what it has done a little
// after the log knows of it.
func awaitMetric(t *testing.T, n *hosttest.Node, name, value string) {
	t.Helper()
	eventually(t, name+" is "+value, func() bool { return metric(t, n, name) == value })
}

// metric reads one number that the node shows.
func metric(t *testing.T, n *hosttest.Node, name string) string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, n.URL+"/metrics",
		http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	data, err := io.ReadAll(resp.Body)
	if err := errors.Join(err, resp.Body.Close()); err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(data)) {
		if value, ok := strings.CutPrefix(line, name+" "); ok {
			return strings.TrimSpace(value)
		}
	}
	t.Fatalf("no metric %s", name)
	return ""
}

// TestResultIsProvedAndSettled follows a task to its end: the client has the result, the
// miner proves it, the validator accepts the proof, and the client verifies the bundle under
// the setup that it fetched, against what it knows itself.
func TestResultIsProvedAndSettled(t *testing.T) {
	setup := hosttest.Setup(t)
	n := provingNode(t, setup, time.Now, nil, nil)
	version := n.Install(1, hosttest.Square(t, "square"))
	c := n.Stranger()
	q, task := attested(t, c, version)
	a := task.GetAttestation()
	if a.GetState() != settled {
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
	_, err := n.Stranger().Blobs.ReadBlob(t.Context(), &cerberusv1.ReadBlobRequest{
		Digest: a.GetBundleDigest(), Limit: 1,
	})
	want(t, "another's bundle", err, api.PermissionDenied, "digest")
	for _, kind := range []cerberusv1.BlobKind{
		cerberusv1.BlobKind_BLOB_KIND_BUNDLE, cerberusv1.BlobKind_BLOB_KIND_SETUP,
	} {
		_, err := c.TryUpload(t.Context(), kind, []byte("a client's"))
		want(t, kind.String(), err, api.PermissionDenied, "")
	}
	status, err := c.Nodes.GetStatus(t.Context(), &cerberusv1.GetStatusRequest{})
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(status.GetSetup().GetDigest(), digest[:]) ||
		status.GetAttestations().GetSettled() != 1 {
		t.Errorf("status %v", status)
	}
	for name, value := range map[string]string{
		`cerberus_proofs_total{outcome="done"}`:              "1",
		`cerberus_verdicts_total{outcome="accepted"}`:        "1",
		`cerberus_proof_phase_seconds_count{phase="commit"}`: "1",
		`cerberus_verdict_seconds_count`:                     "1",
		`cerberus_proof_bytes_total`:                         strconv.FormatInt(a.GetBundleBytes(), 10),
		`cerberus_proofs_owed`:                               "0",
	} {
		awaitMetric(t, n, name, value)
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
	m := bundle.Materials{
		Compiled: &fhe.Compiled{Plan: q.Plan}, Inputs: inputs, Keys: keys, Setup: v,
	}
	if d := b.Statement.KeyCommitments; !d.IsZero() {
		made, err := keyset.Parse(c.Download(d[:]))
		if err != nil {
			return err
		}
		m.Keys, m.KeySet = nil, abi.SumDigest(q.KeySet)
		if m.KeyCommitments, err = made.Check(t.Context(), keys, m.KeySet, v); err != nil {
			return err
		}
	}
	id := [32]byte(task.GetId())
	_, err = bundle.Verify(t.Context(), b, bundle.Expect{
		Module: abi.Digest(task.GetModuleDigest()), Task: &id,
		OutputDigests: []attest.NamedDigest{{
			Name: task.GetOutputs()[0].GetName(), Digest: abi.Digest(task.GetOutputs()[0].GetDigest()),
		}},
	}, m, bundle.Policy{AllowDevelopmentSetup: true})
	return err
}

// TestKeySetsAreCommitted: an uploaded key set is committed once, and from then on, also
// after a restart, stands for itself in no proof; validator and client accept the commitments
// only after they compared them.
func TestKeySetsAreCommitted(t *testing.T) {
	setup := hosttest.Setup(t)
	n := provingNode(t, setup, time.Now, nil, nil)
	version := n.Install(1, hosttest.Square(t, "square"))
	c := n.Stranger()
	q, req := proofRequest(t, c, version)
	awaitMetric(t, n, "cerberus_key_sets_committed", "1")
	again := func() *cerberusv1.Task {
		t.Helper()
		task := c.AwaitSettled(submit(t, c, req))
		b, err := bundle.Parse(c.Download(task.GetAttestation().GetBundleDigest()))
		if err != nil {
			t.Fatal(err)
		}
		if task.GetAttestation().GetState() != settled || b.Statement.KeyCommitments.IsZero() {
			t.Fatalf("attestation %v with key commitments %s", task.GetAttestation(),
				b.Statement.KeyCommitments)
		}
		return task
	}
	if err := verifyBundle(t, c, q, again(), setup.Verifier().Digest()); err != nil {
		t.Error(err)
	}
	n = n.Restart(nil)
	c = n.As(c.Key)
	req = c.Submission(1, version, q)
	req.Attestation = cerberusv1.AttestationPolicy_ATTESTATION_POLICY_PROOF
	again()
	awaitMetric(t, n, "cerberus_key_sets_committed", "0")
}

// TestNoSetupNoProof: a cluster without a setup refuses to promise a proof.
func TestNoSetupNoProof(t *testing.T) {
	n := hosttest.Start(t, time.Now, nil)
	version := n.Install(1, hosttest.Square(t, "square"))
	c := n.Stranger()
	_, req := proofRequest(t, c, version)
	_, err := c.Tasks.SubmitTask(t.Context(), req)
	want(t, "no setup", err, api.NoSetup, "attestation")
}

// TestMinerStopsBeforeTheProof: a node that stops between result and proof proves after its
// next start; the result stays the one that the client has. crash_test.go kills it.
func TestMinerStopsBeforeTheProof(t *testing.T) {
	g := newGate()
	n := provingNode(t, hosttest.Setup(t), time.Now, g.wait, nil)
	version := n.Install(1, hosttest.Square(t, "square"))
	key := hosttest.Key(t)
	c := n.As(key)
	_, req := proofRequest(t, c, version)
	id := submit(t, c, req)
	first := c.Await(id)
	<-g.entered
	awaitMetric(t, n, "cerberus_proofs_owed", "1")
	n = n.Restart(func(o *host.Options) { o.Engine = lattigo.New() })
	c = n.As(key)
	task := c.AwaitSettled(id)
	if a := task.GetAttestation(); a.GetState() != settled || a.GetAttempts() != 1 {
		t.Errorf("attestation %v", a)
	}
	if !bytes.Equal(first.GetOutputs()[0].GetDigest(), task.GetOutputs()[0].GetDigest()) {
		t.Error("the result changed")
	}
}

// TestLateProofIsLeasedAgain: a miner that does not prove in time loses the task, which is
// run and proved again, and is not marked.
func TestLateProofIsLeasedAgain(t *testing.T) {
	g := newGate()
	defer g.release()
	var later atomic.Int64
	now := func() time.Time { return time.Now().Add(time.Duration(later.Load())) }
	var runs atomic.Int32
	before := func(ctx context.Context) error {
		if runs.Add(1) == 1 {
			return g.wait(ctx)
		}
		return nil
	}
	n := provingNode(t, hosttest.Setup(t), now, before, nil)
	version := n.Install(1, hosttest.Square(t, "square"))
	c := n.Stranger()
	q, req := proofRequest(t, c, version)
	id := submit(t, c, req)
	first := c.Await(id)
	<-g.entered
	later.Store(int64(time.Hour))
	eventually(t, "the proof is late", func() bool { return counts(t, c).GetProofsExpired() == 1 })
	g.release() // what the first attempt comes to is refused now
	task := c.AwaitSettled(id)
	a := task.GetAttestation()
	if a.GetState() != settled || a.GetAttempts() != 2 || counts(t, c).GetSlashMarks() != 0 {
		t.Errorf("attestation %v, %v", a, counts(t, c))
	}
	if !bytes.Equal(first.GetOutputs()[0].GetDigest(), task.GetOutputs()[0].GetDigest()) {
		t.Error("the result changed")
	}
	if err := verifyBundle(t, c, q, task, abi.Digest(a.GetSetup().GetDigest())); err != nil {
		t.Error(err)
	}
}

// TestForgedProofIsRejected: a bundle whose proof does not hold is rejected, its miner is
// marked and the task is run again, until an honest proof settles it or the attempts are over.
func TestForgedProofIsRejected(t *testing.T) {
	for name, c := range map[string]struct {
		forged int
		state  cerberusv1.AttestationState
	}{
		"once": {1, settled}, "always": {state.ProofAttemptsDefault, rejected},
	} {
		t.Run(name, func(t *testing.T) { testForged(t, c.forged, c.state) })
	}
}

func testForged(t *testing.T, forged int, end cerberusv1.AttestationState) {
	t.Helper()
	n := provingNode(t, hosttest.Setup(t), time.Now, nil, nil)
	version := n.Install(1, hosttest.Square(t, "square"))
	var made atomic.Int32
	n.Forge(func(data []byte) []byte {
		if _, err := keyset.Parse(data); err == nil {
			return data // commitments that a proof stands on, not the proof
		}
		if int(made.Add(1)) > forged {
			return data
		}
		b, err := bundle.Parse(data)
		if err != nil {
			t.Error(err)
			return data
		}
		b.Proof[len(b.Proof)/2] ^= 1
		if data, err = b.Encode(); err != nil {
			t.Error(err)
		}
		return data
	})
	c := n.Stranger()
	q, task := attested(t, c, version)
	a, total := task.GetAttestation(), counts(t, c)
	attempts := min(forged+1, state.ProofAttemptsDefault)
	if a.GetState() != end || int(a.GetAttempts()) != attempts ||
		int(total.GetSlashMarks()) != forged || total.GetProofsExpired() != 0 {
		t.Errorf("attestation %v, %v", a, total)
	}
	awaitMetric(t, n, `cerberus_verdicts_total{outcome="rejected"}`, strconv.Itoa(forged))
	err := verifyBundle(t, c, q, task, abi.Digest(a.GetSetup().GetDigest()))
	if end == settled && err != nil || end == rejected && !errors.Is(err, bundle.ErrProof) {
		t.Errorf("the client verifies to %v", err)
	}
	if v := a.GetVerdicts(); end == rejected && (len(v) != 1 || v[0].GetAccepted() ||
		v[0].GetReason() != "proof") {
		t.Errorf("verdicts %v", v)
	}
	// The result is the client's, whatever became of the proof.
	if got := c.Decrypt(q, task)[0]; got < 2.2 || got > 2.3 {
		t.Errorf("the square of -1.5 is %v", got)
	}
}

// TestSetupOfARestartedNode: a node that is started without the cluster's setup fails its
// proofs at once and says why; one that is alone brings a new setup with it.
func TestSetupOfARestartedNode(t *testing.T) {
	n := provingNode(t, hosttest.Setup(t), time.Now, nil, nil)
	version := n.Install(1, hosttest.Square(t, "square"))
	n = n.Restart(func(o *host.Options) { o.Setup = nil })
	_, task := attested(t, n.Stranger(), version)
	a := task.GetAttestation()
	wantState(t, task, cerberusv1.TaskState_TASK_STATE_DONE)
	if a.GetState() != failed || !strings.Contains(a.GetFailureMessage(), "setup") {
		t.Errorf("attestation %v", a)
	}
	next := hosttest.Setup(t)
	n = n.Restart(func(o *host.Options) { o.Setup = next })
	checkSetup(t, n.Admin, next)
	if _, task = attested(t, n.Stranger(), version); task.GetAttestation().GetState() != settled {
		t.Errorf("attestation %v", task.GetAttestation())
	}
}

// TestOwedProofsHoldBackResults: a node that owes too many proofs takes no more tasks that ask
// for one; others pass.
func TestOwedProofsHoldBackResults(t *testing.T) {
	g := newGate()
	defer g.release()
	n := provingNode(t, hosttest.Setup(t), time.Now, g.wait,
		func(o *host.Options) { o.OwedProofsMax, o.Config.Workers = 1, 1 })
	version := n.Install(1, hosttest.Square(t, "square"))
	c := n.Stranger()
	_, req := proofRequest(t, c, version)
	first := submit(t, c, req)
	<-g.entered
	_, req = proofRequest(t, c, version)
	second := submit(t, c, req)
	c.Ask(1, version, []float64{1})
	got, err := c.Tasks.GetTask(t.Context(), &cerberusv1.GetTaskRequest{Id: second})
	if err != nil {
		t.Fatal(err)
	}
	wantState(t, got.GetTask(), cerberusv1.TaskState_TASK_STATE_QUEUED)
	g.release()
	for _, id := range [][]byte{first, second} {
		if a := c.AwaitSettled(id).GetAttestation(); a.GetState() != settled {
			t.Errorf("attestation %v", a)
		}
	}
}

// TestWhoJudges: a node judges while it is a validator, its own proofs only while it is the
// only one; nothing is lost in between.
func TestWhoJudges(t *testing.T) {
	n := provingNode(t, hosttest.Setup(t), time.Now, nil, nil)
	version := n.Install(1, hosttest.Square(t, "square"))
	self, other := n.Address(), hosttest.Key(t).Address()
	validator := func(a abi.Address, grant bool) {
		_, err := n.Admin.Nodes.SetRole(t.Context(), &cerberusv1.SetRoleRequest{
			Address: a[:], Role: cerberusv1.Role_ROLE_VALIDATOR, Grant: grant,
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	c := n.Stranger()
	for _, s := range []struct {
		name         string
		before, back func()
	}{
		{"another one, too", func() { validator(other, true) }, func() { validator(other, false) }},
		{"none", func() { validator(self, false) }, func() { validator(self, true) }},
	} {
		s.before()
		_, req := proofRequest(t, c, version)
		id := submit(t, c, req)
		eventually(t, "a proof waits", func() bool { return counts(t, c).GetProved() == 1 })
		s.back()
		if a := c.AwaitSettled(id).GetAttestation(); a.GetState() != settled {
			t.Errorf("%s: attestation %v", s.name, a)
		}
	}
	if got := counts(t, c).GetVerdictsRefused(); got != 0 {
		t.Errorf("%d verdicts were refused", got)
	}
}
