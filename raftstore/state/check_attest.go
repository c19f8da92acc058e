package state

import (
	"slices"

	"github.com/cerberus-host/cerberus/abi"
)

// checkAttestation returns ErrSnapshot if a task's attestation breaks an invariant.
func (s *State) checkAttestation(t *Task) error {
	a := &t.Attestation
	if !a.Asked() {
		return nil // a snapshot holds nothing else about it
	}
	leased := a.Lease != Lease{}
	judged := a.State == AttestProved || a.State == AttestSettled || a.State == AttestRejected
	switch {
	case a.State > AttestFailed || !a.Setup.valid() ||
		(t.State == TaskDone) != (a.State >= AttestPending) ||
		(t.State == TaskDone) != (a.Attempts > 0),
		a.Lease.Fence > t.ChangeIndex || leased != !a.Lease.Node.IsZero() ||
			leased != (a.Lease.Fence > 0) || (a.Reported && !leased),
		a.State == AttestNone && (leased || len(a.Rejected) > 0 || a.Failure != Failure{}),
		uint32(len(a.Rejected)) > a.Attempts || slices.Contains(a.Rejected, abi.Digest{}),
		(a.EndedMS != 0) != (a.State > AttestProved):
		return broken("the attestation of task %s is %s with impossible fields", t.ID, a.State)
	case a.Bundle.IsZero() != a.Statement.IsZero() || a.Bundle.IsZero() != (a.ProvedMS == 0) ||
		(judged && a.Bundle.IsZero()) || (a.State == AttestPending && !a.Bundle.IsZero()) ||
		(!a.Bundle.IsZero() && !a.Reported) || slices.Contains(a.Rejected, a.Bundle) ||
		(a.Bundle.IsZero() && len(a.Verdicts)+len(a.Timings) > 0):
		return broken("the attestation of task %s is %s with an impossible proof", t.ID, a.State)
	case a.Failure.Code > FailureAttempts || (judged && a.Failure != Failure{}) ||
		(a.State == AttestFailed && a.Failure.Code == 0):
		return broken("the attestation of task %s is %s with an impossible failure", t.ID, a.State)
	}
	if err := checkRerun(t); err != nil {
		return err
	}
	return checkVerdicts(t)
}

// checkRerun looks at what a later run reported.
func checkRerun(t *Task) error {
	a, r := &t.Attestation, &t.Attestation.Rerun
	if !validNamed(r.Outputs) || !r.wellFormed() || !sortedNames(a.Timings, timingName) {
		return broken("the attestation of task %s has unsorted or malformed names", t.ID)
	}
	if len(r.Outputs) == 0 && len(r.Timings)+len(r.Counters)+len(r.Engine) == 0 {
		return nil
	}
	if len(r.Outputs) == 0 || slices.Equal(r.Outputs, t.Outputs) || !a.Reported ||
		a.State == AttestSettled {
		return broken("task %s has an impossible second result", t.ID)
	}
	return nil
}

// checkVerdicts holds the decision to the verdicts: a settled attestation has a quorum of
// distinct validators that accepted, a rejected one a quorum of those that rejected.
func checkVerdicts(t *Task) error {
	a := &t.Attestation
	for i := range a.Verdicts {
		if v := &a.Verdicts[i]; !v.valid() || a.verdict(v.Validator) != i {
			return broken("the attestation of task %s has impossible verdicts", t.ID)
		}
	}
	accepting, rejecting := a.tally()
	decided := a.State == AttestSettled || a.State == AttestRejected
	if decided != (a.Quorum > 0) || a.Quorum > VerdictQuorumCeiling ||
		(a.State == AttestSettled && accepting < a.Quorum) ||
		(a.State == AttestRejected && rejecting < a.Quorum) {
		return broken("the attestation of task %s is %s with %d verdicts for and %d against it",
			t.ID, a.State, accepting, rejecting)
	}
	return nil
}

// valid reports whether v is a verdict that could be recorded.
func (v *Verdict) valid() bool {
	return !v.Validator.IsZero() && v.Accepted == (v.Reason == "") &&
		(v.Accepted || validReason(v.Reason)) && v.Signature != [SignatureBytes]byte{}
}

// checkConduct looks at the record of a miner or validator: there is no mark without
// rejecting verdicts of distinct validators.
func (s *State) checkConduct(k *Conduct) error {
	none := Conduct{Address: k.Address}
	if k.Address.IsZero() || uint64(len(k.Marks)) != min(k.ProofsRejected, MarksKept) ||
		(len(k.Marks) == 0 && k.counts() == none.counts()) {
		return broken("the record of %s has impossible fields", k.Address)
	}
	for i := range k.Marks {
		m := &k.Marks[i]
		if m.Task == (abi.TaskID{}) || m.Bundle.IsZero() || m.Statement.IsZero() ||
			m.Index == 0 || m.Index > s.index || len(m.Verdicts) == 0 ||
			m.Reason != m.Verdicts[0].Reason || (i > 0 && k.Marks[i-1].Index >= m.Index) {
			return broken("%s has an impossible slash mark", k.Address)
		}
		seen := Attestation{Verdicts: m.Verdicts}
		for j := range m.Verdicts {
			if v := &m.Verdicts[j]; !v.valid() || v.Accepted || seen.verdict(v.Validator) != j {
				return broken("a slash mark of %s has impossible verdicts", k.Address)
			}
		}
	}
	return nil
}

// counts are the numbers of a record, to be compared.
func (k *Conduct) counts() [6]uint64 {
	return [6]uint64{
		k.ProofsSettled, k.ProofsRejected, k.ProofsExpired, k.VerdictsAccepting,
		k.VerdictsRejecting, k.VerdictsRefused,
	}
}
