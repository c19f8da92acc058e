package state

import (
	"slices"

	"github.com/cerberus-host/cerberus/abi"
	raftlogv1 "github.com/cerberus-host/cerberus/proto/gen/cerberus/raftlog/v1"
)

// judgeTask records a verdict. One that comes too late is refused; one about nothing that
// was ever to be judged is refused and counted.
func (c *call) judgeTask(m *raftlogv1.JudgeTask) *Error {
	validator, bad := parseAddress("validator", m.GetValidator())
	if bad != nil {
		return bad
	}
	if bad := c.need(RoleValidator); bad != nil {
		return bad
	}
	if c.signer != validator {
		return refuse(CodePermissionDenied, "validator", "%s may not judge for %s", c.signer,
			validator)
	}
	bad = c.judge(m, validator)
	if bad != nil && bad.Code != CodeAttestationEnded {
		c.totals.VerdictsRefused++
		c.conduct(validator, func(k *Conduct) { k.VerdictsRefused++ })
	}
	return bad
}

func (c *call) judge(m *raftlogv1.JudgeTask, validator abi.Address) *Error {
	old, bad := c.findTask(m.GetTaskId())
	if bad != nil {
		return bad
	}
	verdict, bad := parseVerdict(m)
	if bad != nil {
		return bad
	}
	verdict.Validator, verdict.AtMS = validator, c.nowMS
	t := *old
	a := &t.Attestation
	if bad := checkSubject(&t, m); bad != nil {
		return bad
	}
	if i := a.verdict(validator); i >= 0 {
		if first := a.Verdicts[i]; first.Accepted != verdict.Accepted {
			return refuse(CodeVerdictConflict, "accepted", "%s judged this bundle otherwise before",
				validator)
		}
		c.resp.Task, c.resp.Brain, c.resp.Existing = t.ID, t.Brain, true
		return nil
	}
	switch {
	case a.State != AttestProved:
		return refuse(CodeAttestationEnded, "task_id", "the attestation of task %s is %s", t.ID,
			a.State)
	case a.Lease.Node == validator && c.holders(RoleValidator) > 1:
		return refuse(CodeOwnProof, "validator", "%s made the proof itself", validator)
	}
	a.Verdicts = append(slices.Clone(a.Verdicts), verdict)
	c.conduct(validator, func(k *Conduct) {
		if verdict.Accepted {
			k.VerdictsAccepting++
		} else {
			k.VerdictsRejecting++
		}
	})
	c.decide(t)
	return nil
}

// parseVerdict reads what a verdict says.
func parseVerdict(m *raftlogv1.JudgeTask) (Verdict, *Error) {
	v := Verdict{Accepted: m.GetAccepted(), Reason: m.GetReason()}
	if v.Accepted && v.Reason != "" {
		return Verdict{}, refuse(CodeInvalidArgument, "reason", "an accepting verdict has none")
	}
	if !v.Accepted && !validReason(v.Reason) {
		return Verdict{}, refuse(CodeInvalidArgument, "reason",
			"%.60q is not a word of a-z, 0-9 and _", v.Reason)
	}
	if len(m.GetSignature()) != SignatureBytes || isZero(m.GetSignature()) {
		return Verdict{}, refuse(CodeInvalidArgument, "signature", "%d bytes are no signature",
			len(m.GetSignature()))
	}
	v.Signature = [SignatureBytes]byte(m.GetSignature())
	return v, nil
}

// validReason reports whether s is a word that a verdict may give as its reason.
func validReason(s string) bool {
	if s == "" || len(s) > ReasonBytesMax {
		return false
	}
	for _, b := range []byte(s) {
		if (b < 'a' || b > 'z') && (b < '0' || b > '9') && b != '_' {
			return false
		}
	}
	return true
}

// checkSubject refuses a verdict that is not about the task's proof.
func checkSubject(t *Task, m *raftlogv1.JudgeTask) *Error {
	bundle, bad := parseDigest("bundle_digest", m.GetBundleDigest())
	if bad != nil {
		return bad
	}
	statement, bad := parseDigest("statement_digest", m.GetStatementDigest())
	if bad != nil {
		return bad
	}
	a := &t.Attestation
	switch {
	case slices.Contains(a.Rejected, bundle):
		return refuse(CodeAttestationEnded, "bundle_digest", "%s was rejected already", bundle)
	case a.Bundle != bundle:
		return refuse(CodeNoProof, "bundle_digest", "task %s has no proof in bundle %s", t.ID,
			bundle)
	case a.Statement != statement:
		return refuse(CodeNoProof, "statement_digest", "the statement in bundle %s is %s", bundle,
			a.Statement)
	}
	return nil
}

// decide stores a task, a copy, that has a new verdict, and ends the judgement when a
// quorum agrees.
func (c *call) decide(t Task) {
	a := &t.Attestation
	accepting, rejecting := a.tally()
	switch quorum := c.policy.VerdictQuorum; {
	case accepting >= quorum:
		a.Quorum = quorum
		c.settle(t)
	case rejecting >= quorum:
		a.Quorum = quorum
		c.reject(t)
	default:
		c.putTask(t)
	}
}

// settle makes what was proved the result of a task, a copy.
func (c *call) settle(t Task) {
	a := &t.Attestation
	if len(a.Rerun.Outputs) > 0 {
		t.Result, t.Lease = a.Rerun, a.Lease
		a.Rerun = Result{}
	}
	c.conduct(a.Lease.Node, func(k *Conduct) { k.ProofsSettled++ })
	c.endAttestation(t, AttestSettled)
}

// reject marks the miner of a task, a copy, and has the task run again if the policy allows
// it.
func (c *call) reject(t Task) {
	a := &t.Attestation
	mark := Mark{
		Task: t.ID, Bundle: a.Bundle, Statement: a.Statement, AtMS: c.nowMS, Index: c.index,
	}
	for _, v := range a.Verdicts {
		if !v.Accepted {
			mark.Verdicts = append(mark.Verdicts, v)
		}
	}
	mark.Reason = mark.Verdicts[0].Reason
	c.totals.SlashMarks++
	c.conduct(a.Lease.Node, func(k *Conduct) {
		k.ProofsRejected++
		old := k.Marks[max(0, len(k.Marks)+1-MarksKept):]
		k.Marks = append(slices.Clone(old), mark)
	})
	c.emit(Event{
		Kind: EventMark, Task: t.ID, Brain: t.Brain, Node: a.Lease.Node, Blob: a.Bundle,
	})
	if a.Attempts < c.policy.ProofAttemptsMax {
		c.runAgain(t)
		return
	}
	c.endAttestation(t, AttestRejected)
}
