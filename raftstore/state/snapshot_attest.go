package state

import "github.com/cerberus-host/cerberus/abi"

func codeProofPolicy(c *coder, p *Policy) {
	c.u32(&p.VerdictQuorum)
	c.time(&p.ProofDeadlineMS)
	c.time(&p.VerdictDeadlineMS)
	c.u32(&p.ProofAttemptsMax)
}

func codeSetup(c *coder, s *Setup) {
	c.fixed(s.Digest[:])
	c.u8((*uint8)(&s.Kind))
	c.fixed(s.Key[:])
}

func codeTotals(c *coder, t *Totals) {
	c.u64(&t.Settled)
	c.u64(&t.Rejected)
	c.u64(&t.Failed)
	c.u64(&t.SlashMarks)
	c.u64(&t.Mismatches)
	c.u64(&t.ProofsExpired)
	c.u64(&t.VerdictsRefused)
}

// codeAttestation codes one byte for a task without a proof.
func codeAttestation(c *coder, a *Attestation) {
	c.u8((*uint8)(&a.State))
	if !a.Asked() {
		return
	}
	codeSetup(c, &a.Setup)
	c.u32(&a.Attempts)
	codeLease(c, &a.Lease)
	c.boolean(&a.Reported)
	codeResult(c, &a.Rerun)
	c.fixed(a.Bundle[:])
	c.fixed(a.Statement[:])
	list(c, &a.Timings, TimingsMax, codeTiming)
	list(c, &a.Verdicts, VerdictsMax, codeVerdict)
	c.u32(&a.Quorum)
	list(c, &a.Rejected, ProofAttemptsCeiling, func(c *coder, d *abi.Digest) { c.fixed(d[:]) })
	codeFailure(c, &a.Failure)
	c.time(&a.ProvedMS)
	c.time(&a.EndedMS)
}

func codeVerdict(c *coder, v *Verdict) {
	c.fixed(v.Validator[:])
	c.boolean(&v.Accepted)
	c.str(&v.Reason, ReasonBytesMax)
	c.time(&v.AtMS)
	c.fixed(v.Signature[:])
}

func codeConduct(c *coder, k *Conduct) {
	c.fixed(k.Address[:])
	c.u64(&k.ProofsSettled)
	c.u64(&k.ProofsRejected)
	c.u64(&k.ProofsExpired)
	c.u64(&k.VerdictsAccepting)
	c.u64(&k.VerdictsRejecting)
	c.u64(&k.VerdictsRefused)
	list(c, &k.Marks, MarksKept, codeMark)
}

func codeMark(c *coder, m *Mark) {
	c.fixed(m.Task[:])
	c.fixed(m.Bundle[:])
	c.fixed(m.Statement[:])
	c.str(&m.Reason, ReasonBytesMax)
	c.time(&m.AtMS)
	c.index(&m.Index)
	list(c, &m.Verdicts, VerdictsMax, codeVerdict)
}
