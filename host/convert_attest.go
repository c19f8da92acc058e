package host

import (
	cerberusv1 "github.com/cerberus-host/cerberus/proto/gen/cerberus/v1"
	"github.com/cerberus-host/cerberus/raftstore/state"
)

// protoAttestation shows what became of a task's proof; nil if none was asked for. The
// numbers of the public states and kinds are those of the log.
func protoAttestation(v *state.View, t *state.Task) *cerberusv1.Attestation {
	a := &t.Attestation
	if !a.Asked() {
		return nil
	}
	out := &cerberusv1.Attestation{
		State: cerberusv1.AttestationState(a.State), Setup: protoSetup(a.Setup),
		Attempts: a.Attempts, ProvedMs: a.ProvedMS, EndedMs: a.EndedMS,
	}
	if !a.Bundle.IsZero() {
		out.BundleDigest, out.StatementDigest = a.Bundle[:], a.Statement[:]
		out.BundleBytes = blobBytes(v, a.Bundle)
	}
	if !a.Lease.Node.IsZero() {
		out.Miner = a.Lease.Node[:]
	}
	for _, x := range a.Timings {
		if x.Name == phaseProve {
			out.ProveUs = int64(x.Micros)
		}
	}
	for i := range a.Verdicts {
		x := &a.Verdicts[i]
		out.Verdicts = append(out.Verdicts, &cerberusv1.Verdict{
			Validator: x.Validator[:], Accepted: x.Accepted, Reason: x.Reason, TimeMs: x.AtMS,
			Signature: x.Signature[:],
		})
	}
	if a.Failure.Code != 0 {
		out.Failure, out.FailureMessage = protoFailure(a.Failure)
	}
	if len(a.Rerun.Outputs) > 0 {
		out.Outputs = protoBlobs(v, a.Rerun.Outputs)
	}
	return out
}

// protoSetup shows a setup; nil for none.
func protoSetup(s state.Setup) *cerberusv1.Setup {
	if s.IsZero() {
		return nil
	}
	return &cerberusv1.Setup{
		Digest: s.Digest[:], Kind: cerberusv1.SetupKind(s.Kind), KeyBlob: s.Key[:],
	}
}

// protoAttestationCounts shows what became of all attestations.
func protoAttestationCounts(t state.Totals, pending, proved int) *cerberusv1.AttestationCounts {
	return &cerberusv1.AttestationCounts{
		Pending: uint64(pending), Proved: uint64(proved), Settled: t.Settled,
		SlashMarks: t.SlashMarks, Rejected: t.Rejected, Failed: t.Failed,
		DigestMismatches: t.Mismatches, ProofsExpired: t.ProofsExpired,
		VerdictsRefused: t.VerdictsRefused,
	}
}
