package state

import (
	"slices"

	"github.com/cerberus-host/cerberus/abi"
	raftlogv1 "github.com/cerberus-host/cerberus/proto/gen/cerberus/raftlog/v1"
)

// setSetup changes what new tasks are proved under.
func (c *call) setSetup(m *raftlogv1.SetSetup) *Error {
	if bad := c.need(RoleAdmin); bad != nil {
		return bad
	}
	digest, bad := parseDigest("digest", m.GetDigest())
	if bad != nil {
		return bad
	}
	key, bad := parseDigest("key_blob", m.GetKeyBlob())
	if bad != nil {
		return bad
	}
	if m.GetKind() <= raftlogv1.SetupKind_SETUP_KIND_UNSPECIFIED ||
		m.GetKind() > raftlogv1.SetupKind_SETUP_KIND_CEREMONY {
		return refuse(CodeInvalidArgument, "kind", "kind %d is unknown", m.GetKind())
	}
	if bad := c.hold("key_blob", key, BlobSetup); bad != nil {
		return bad
	}
	setup := Setup{Digest: digest, Kind: SetupKind(m.GetKind()), Key: key}
	if setup == c.setup {
		c.resp.Existing = true
		return nil
	}
	c.refer([]abi.Digest{key}, 1)
	if !c.setup.IsZero() {
		c.refer([]abi.Digest{c.setup.Key}, -1)
	}
	c.setup = setup
	c.emit(Event{Kind: EventSetup, Blob: key})
	return nil
}

// awaitProof begins the time that the holder of the lease has for the proof.
func (c *call) awaitProof(a *Attestation) {
	a.Reported = true
	a.Lease.DeadlineMS = c.nowMS + c.policy.ProofDeadlineMS
}

// finishAgain records what another run of a task, a copy, reported. The first result stays
// until the proof of another one is settled: engines are bit-exact, so that other outputs
// mean that one of the two runs went wrong, but not which.
func (c *call) finishAgain(t Task, result Result) {
	a := &t.Attestation
	if !slices.Equal(result.Outputs, t.Outputs) {
		a.Rerun = result
		c.totals.Mismatches++
	}
	c.awaitProof(a)
	c.putTask(t)
	if len(a.Rerun.Outputs) > 0 {
		c.emit(Event{Kind: EventMismatch, Task: t.ID, Brain: t.Brain, Node: a.Lease.Node})
	}
}

// attestTask records a proof. The same one of the same lease again is no error.
func (c *call) attestTask(m *raftlogv1.AttestTask) *Error {
	old, bad := c.checkLease(m.GetTaskId(), m.GetNode(), m.GetFence())
	if bad != nil {
		return bad
	}
	bundle, bad := parseDigest("bundle_digest", m.GetBundleDigest())
	if bad != nil {
		return bad
	}
	statement, bad := parseDigest("statement_digest", m.GetStatementDigest())
	if bad != nil {
		return bad
	}
	timings, bad := parseTimings(m.GetTimings())
	if bad != nil {
		return bad
	}
	t := *old
	a := &t.Attestation
	if a.Bundle == bundle && a.Statement == statement && a.Lease.Fence == Index(m.GetFence()) {
		c.resp.Task, c.resp.Brain, c.resp.Existing = t.ID, t.Brain, true
		return nil
	}
	if bad := c.checkAwaited(&t, m, bundle); bad != nil {
		return bad
	}
	a.State = AttestProved
	a.Bundle, a.Statement, a.Timings = bundle, statement, timings
	a.Failure = Failure{}
	a.ProvedMS = c.nowMS
	a.Lease.DeadlineMS = c.nowMS + c.policy.VerdictDeadlineMS
	c.putTask(t)
	return nil
}

// checkAwaited refuses a proof that nobody waits for, or that cannot be the right one.
func (c *call) checkAwaited(t *Task, m *raftlogv1.AttestTask, bundle abi.Digest) *Error {
	a := &t.Attestation
	switch {
	case a.State < AttestPending:
		return refuse(CodeProofNotAwaited, "task_id", "the attestation of task %s is %s", t.ID,
			a.State)
	case a.Lease.Fence != Index(m.GetFence()):
		return refuse(CodeStaleFence, "fence", "fence %d, the proof is of %d", m.GetFence(),
			a.Lease.Fence)
	case !a.Open():
		return refuse(CodeAttestationEnded, "task_id", "the attestation of task %s is %s", t.ID,
			a.State)
	case !a.Proving():
		return refuse(CodeProofNotAwaited, "task_id", "task %s has no new result or is proved",
			t.ID)
	case slices.Contains(a.Rejected, bundle):
		return refuse(CodeProofRejected, "bundle_digest", "%s was rejected", bundle)
	}
	setup, bad := parseDigest("setup_digest", m.GetSetupDigest())
	if bad != nil {
		return bad
	}
	if setup != a.Setup.Digest {
		return refuse(CodeSetupMismatch, "setup_digest", "the task's setup is %s", a.Setup.Digest)
	}
	return c.hold("bundle_digest", bundle, BlobBundle)
}

// endAttempt ends an attempt at a proof of a task, a copy: another run follows if that may
// help and the policy allows it. No miner is marked for it.
func (c *call) endAttempt(t Task, failure Failure, retry bool) {
	t.Attestation.Failure = failure
	if retry && t.Attestation.Attempts < c.policy.ProofAttemptsMax {
		c.runAgain(t)
		return
	}
	c.endAttestation(t, AttestFailed)
}

// runAgain lets a task, a copy, wait for another run and its proof.
func (c *call) runAgain(t Task) {
	a := &t.Attestation
	if !a.Bundle.IsZero() {
		a.Rejected = append(slices.Clone(a.Rejected), a.Bundle)
	}
	t.Attestation = Attestation{
		State: AttestPending, Setup: a.Setup, Attempts: a.Attempts, Rejected: a.Rejected,
		Failure: a.Failure,
	}
	c.putTask(t)
}

// endAttestation stores a task, a copy, whose attestation has come to its end.
func (c *call) endAttestation(t Task, state AttestState) {
	t.Attestation.State = state
	t.Attestation.EndedMS = c.nowMS
	switch state {
	case AttestSettled:
		c.totals.Settled++
	case AttestRejected:
		c.totals.Rejected++
	case AttestFailed:
		c.totals.Failed++
	case AttestNone, AttestPending, AttestProved:
	}
	c.putTask(t)
}

// expireProof ends what a task with a result, a copy, has waited for in vain: another run,
// its proof, or verdicts.
func (c *call) expireProof(t Task) {
	a := &t.Attestation
	if a.State == AttestProved {
		a.Failure = Failure{Code: FailureDeadline, Message: "too few verdicts came in time"}
		c.endAttestation(t, AttestFailed)
		return
	}
	failure := Failure{Code: FailureDeadline, Message: "the lease of another run expired"}
	if a.Reported {
		failure.Message = "the proof did not come in time"
		c.totals.ProofsExpired++
		c.conduct(a.Lease.Node, func(k *Conduct) { k.ProofsExpired++ })
	}
	if a.Attempts >= c.policy.ProofAttemptsMax {
		failure.Code = FailureAttempts
	}
	c.endAttempt(t, failure, true)
}

// conduct changes the record of an address.
func (c *call) conduct(who abi.Address, change func(*Conduct)) {
	k := Conduct{Address: who}
	old, known := c.conducts[who]
	switch {
	case known:
		k = *old
	case len(c.conducts) >= ConductsMax:
		return
	}
	change(&k)
	c.conducts[who] = &k
}
