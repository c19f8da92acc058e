package state

import (
	"fmt"
	"slices"

	"github.com/cerberus-host/cerberus/abi"
)

// SetupKind says how far a setup can be trusted. The numbers are those of
// raftlog.v1.SetupKind; 0 stands for "no setup".
type SetupKind uint8

// The kinds. Do not renumber.
const (
	// SetupDevelopment: made by one party, who could forge every proof.
	SetupDevelopment SetupKind = 1
	// SetupCeremony: made by several parties, all of whom it takes to forge a proof.
	SetupCeremony SetupKind = 2
)

// String returns the kind's word.
func (k SetupKind) String() string {
	switch k {
	case SetupDevelopment:
		return "development"
	case SetupCeremony:
		return "ceremony"
	}
	return fmt.Sprintf("setup_kind_%d", uint8(k))
}

// Valid reports whether k is one of the listed kinds.
func (k SetupKind) Valid() bool { return k == SetupDevelopment || k == SetupCeremony }

// Setup names what proofs are made and verified under. The zero value is "none".
type Setup struct {
	// Digest is what clients pin.
	Digest abi.Digest
	Kind   SetupKind
	// Key is the digest of the blob that holds the verifying part.
	Key abi.Digest
}

// IsZero reports whether there is no setup.
func (s Setup) IsZero() bool { return s == Setup{} }

// valid reports whether s is a setup.
func (s Setup) valid() bool { return !s.Digest.IsZero() && s.Kind.Valid() && !s.Key.IsZero() }

// AttestState is the life of an attestation. The numbers are those of
// cerberus.v1.AttestationState; 0 stands for "no proof was asked for".
type AttestState uint8

// The states. Do not renumber.
const (
	// AttestNone: the task has no result yet, or ended without one.
	AttestNone AttestState = 1
	// AttestPending: the task has a result and waits for its proof, or for a node that runs
	// it again; see [Attestation.Waiting], [Attestation.Rerunning], [Attestation.Proving].
	AttestPending AttestState = 2
	// AttestProved: the proof is there and waits for verdicts.
	AttestProved AttestState = 3
	// AttestSettled: a quorum accepted the proof.
	AttestSettled AttestState = 4
	// AttestRejected: a quorum rejected the last proof that was allowed.
	AttestRejected AttestState = 5
	// AttestFailed: no proof was made, or too few verdicts came in time.
	AttestFailed AttestState = 6
)

// String returns the state's word.
func (s AttestState) String() string {
	switch s {
	case 0:
		return "not asked for"
	case AttestNone:
		return "none"
	case AttestPending:
		return "pending"
	case AttestProved:
		return "proved"
	case AttestSettled:
		return "settled"
	case AttestRejected:
		return "rejected"
	case AttestFailed:
		return "failed"
	}
	return fmt.Sprintf("attest_state_%d", uint8(s))
}

// Verdict is what one validator found out about one proof.
type Verdict struct {
	Validator abi.Address
	Accepted  bool
	// Reason is a stable word, 1 to [ReasonBytesMax] of a-z, 0-9 and "_", that says why the
	// proof was rejected; "" if it was accepted.
	Reason string
	// AtMS is the log time of its arrival.
	AtMS int64
	// Signature is the validator's, over the canonical verdict. It was checked before the
	// verdict was proposed.
	Signature [SignatureBytes]byte
}

// Attestation is what became of the proof of a task's result. The zero value is the one of
// a task whose client asked for no proof.
type Attestation struct {
	State AttestState
	// Setup is the one to prove under: the cluster's when the task was submitted.
	Setup Setup
	// Attempts counts the proofs that were tried, this one included.
	Attempts uint32
	// Lease says who proves, or proved, and by which fence; its deadline is that of the
	// present step: the run, the proof, or the verdicts. It is zero while the task waits for
	// a node.
	Lease Lease
	// Reported is set when the holder of the lease has reported outputs.
	Reported bool
	// Rerun is what a later run reported, if its outputs are not the task's. It becomes the
	// task's result when its proof is settled.
	Rerun Result
	// Bundle and Statement are the digests of the proof under judgement, or judged; zero
	// until there is one.
	Bundle    abi.Digest
	Statement abi.Digest
	// Timings are what the proof took.
	Timings []Timing
	// Verdicts are about Bundle, one per validator, in the order of their arrival.
	Verdicts []Verdict
	// Quorum is how many verdicts decided; 0 until then.
	Quorum uint32
	// Rejected are the bundles that a quorum rejected before this one.
	Rejected []abi.Digest
	// Failure is why the latest attempt at a proof failed.
	Failure Failure
	// ProvedMS and EndedMS are log times; 0 where it has not happened.
	ProvedMS int64
	EndedMS  int64
}

// Asked reports whether the client wants a proof.
func (a *Attestation) Asked() bool { return a.State != 0 }

// Open reports whether something is still to come: a proof or verdicts.
func (a *Attestation) Open() bool {
	return a.State == AttestPending || a.State == AttestProved
}

// Waiting reports whether the task is to be leased for another run and its proof.
func (a *Attestation) Waiting() bool {
	return a.State == AttestPending && a.Lease == Lease{}
}

// Rerunning reports whether a node runs the task again.
func (a *Attestation) Rerunning() bool {
	return a.State == AttestPending && a.Lease != Lease{} && !a.Reported
}

// Proving reports whether a node has reported outputs and owes their proof.
func (a *Attestation) Proving() bool { return a.State == AttestPending && a.Reported }

// tally counts the verdicts on either side.
func (a *Attestation) tally() (accepting, rejecting uint32) {
	for i := range a.Verdicts {
		if a.Verdicts[i].Accepted {
			accepting++
		} else {
			rejecting++
		}
	}
	return accepting, rejecting
}

// verdict returns the position of a validator's verdict, or -1.
func (a *Attestation) verdict(validator abi.Address) int {
	return slices.IndexFunc(a.Verdicts, func(v Verdict) bool { return v.Validator == validator })
}

func (a *Attestation) clone() Attestation {
	c := *a
	c.Rerun = a.Rerun.clone()
	c.Timings = slices.Clone(a.Timings)
	c.Verdicts = slices.Clone(a.Verdicts)
	c.Rejected = slices.Clone(a.Rejected)
	return c
}

// blobs lists the blobs that the attestation refers to. Rejected bundles are evidence and
// stay as long as the task does.
func (a *Attestation) blobs() []abi.Digest {
	if !a.Asked() {
		return nil
	}
	list := append([]abi.Digest{a.Setup.Key}, a.Rejected...)
	for _, b := range a.Rerun.Outputs {
		list = append(list, b.Digest)
	}
	if !a.Bundle.IsZero() {
		list = append(list, a.Bundle)
	}
	return list
}

// Mark is a slash mark: a proof of a miner that a quorum rejected.
type Mark struct {
	Task      abi.TaskID
	Bundle    abi.Digest
	Statement abi.Digest
	// Reason is that of the first rejecting verdict.
	Reason string
	// AtMS and Index are the log time and the index of the entry that completed the quorum.
	AtMS  int64
	Index Index
	// Verdicts are the rejecting ones, with their signatures.
	Verdicts []Verdict
}

// Conduct is the record of one address as miner and as validator.
type Conduct struct {
	Address abi.Address
	// ProofsSettled, ProofsRejected and ProofsExpired count its proofs as a miner: accepted
	// and rejected by a quorum, and not delivered in time. ProofsRejected is the number of
	// its slash marks; the other two are no offence.
	ProofsSettled  uint64
	ProofsRejected uint64
	ProofsExpired  uint64
	// VerdictsAccepting and VerdictsRejecting count what it judged as a validator;
	// VerdictsRefused counts its verdicts about nothing that was to be judged.
	VerdictsAccepting uint64
	VerdictsRejecting uint64
	VerdictsRefused   uint64
	// Marks are the latest slash marks, the oldest first.
	Marks []Mark
}

func (k *Conduct) clone() Conduct {
	c := *k
	c.Marks = slices.Clone(k.Marks)
	for i := range c.Marks {
		c.Marks[i].Verdicts = slices.Clone(c.Marks[i].Verdicts)
	}
	return c
}

// Totals count what became of the cluster's attestations since it began; they outlive the
// tasks.
type Totals struct {
	// Settled, Rejected and Failed count the attestations that ended so.
	Settled  uint64
	Rejected uint64
	Failed   uint64
	// SlashMarks counts the proofs that a quorum rejected.
	SlashMarks uint64
	// Mismatches counts the later runs whose outputs were not those of the first.
	Mismatches uint64
	// ProofsExpired counts the proofs that did not come in time.
	ProofsExpired uint64
	// VerdictsRefused counts the verdicts about nothing that was to be judged.
	VerdictsRefused uint64
}
