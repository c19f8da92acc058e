package bundle

import (
	"fmt"
	"strings"
	"time"

	"github.com/cerberus-host/cerberus/abi"
	"github.com/cerberus-host/cerberus/fhe"
	"github.com/cerberus-host/cerberus/proofs/attest"
	"github.com/cerberus-host/cerberus/proofs/identity"
	"github.com/cerberus-host/cerberus/proofs/opening"
	"github.com/cerberus-host/cerberus/proofs/verifier"
)

// Report tells what a bundle that passed has shown.
type Report struct {
	Statement *attest.Statement
	Setup     opening.SetupKind
	// Proof has the counts of the proof and the ways in which a false one could have passed.
	Proof *verifier.Report
	// Noise is how far the results may be from those of the Program.
	Noise fhe.Noise
	// OutputBytes is the length of the output blobs together.
	OutputBytes int
	// Derive is the time that signature, digests and identities took, Check that of the proof;
	// 0 without a clock.
	Derive, Check time.Duration

	plan *fhe.Plan
	size int
}

// Advice compares what checking this proof costs with executing its Plan again.
func (r *Report) Advice() (identity.Advice, error) { return identity.Advise(r.plan, r.size) }

// Explain returns the report as lines of text for people: what was proven, what was only
// said, under which setup, how precisely and how surely.
func (r *Report) Explain() []string {
	s := r.Statement
	out := []string{
		"proven (the outputs are what the Plan computes from the inputs under the keys):",
	}
	bound, signed, _ := strings.Cut(strings.TrimSuffix(string(s.Bytes()), "\n"), "\nsigned\n")
	_, bound, _ = strings.Cut(bound, "\n") // the header
	out = append(out, indented(bound)...)
	out = append(out, "said by the node "+s.Node.String()+" and not proven:")
	out = append(out, indented(signed)...)
	out = append(out, "precision:")
	for _, o := range r.Noise.Outputs {
		out = append(out, fmt.Sprintf("  %s: every value within 2^%d of the Program's, 2^%d rms on "+
			"an honest node", o.Name, -o.ProvenBits, -o.HonestBits))
	}
	if r.Noise.FreshOnly {
		out = append(out, "  the Plan rounds nothing and switches no keys: all of it is the "+
			"client's own encryption noise")
	}
	out = append(out, fmt.Sprintf("setup: %s (%s)", r.Setup, setupNote(r.Setup)))
	p := r.Proof
	out = append(out, "proof:",
		fmt.Sprintf("  %d bytes, %d wires, %d quotients, %d identities in %d combinations, %d "+
			"committed bits", p.ProofBytes, p.Wires, p.Quotients, p.Identities, p.Combinations,
			p.CommittedBits),
		fmt.Sprintf("  outputs: %d bytes", r.OutputBytes))
	if r.Check > 0 {
		out = append(out, fmt.Sprintf("  checked in %v, after %v of deriving",
			r.Check.Round(time.Microsecond), r.Derive.Round(time.Microsecond)))
	}
	if a, err := r.Advice(); err == nil {
		out = append(out, fmt.Sprintf("  advice: %s (estimates for one core: verify %s, on a committed "+
			"key set %s, execute again %s)", a.Word(), estimate(a.Verify), estimate(a.VerifyCommitted),
			estimate(a.Rerun)))
	}
	out = append(out, "a false proof passes with probability at most, for each hash computed:")
	for _, line := range p.Soundness {
		out = append(out, fmt.Sprintf("  2^-%d  %s", line.Bits, line.What))
	}
	return out
}

// estimate prints microseconds with the little precision that they have.
func estimate(micros int64) string {
	return (time.Duration(micros) * time.Microsecond).Round(100 * time.Microsecond).String()
}

func indented(text string) []string {
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		lines[i] = "  " + line
	}
	return lines
}

func setupNote(kind opening.SetupKind) string {
	switch kind {
	case opening.SetupDevelopment:
		return "made by one machine, whose owner can forge every attestation"
	case opening.SetupCeremony:
		return "sound if one of its contributors was honest"
	case opening.SetupTransparent:
		return "nobody holds a secret"
	default:
		return "unknown"
	}
}

// Digest returns the digest of the bound part of the statement.
func (r *Report) Digest() abi.Digest { return r.Statement.Digest() }
