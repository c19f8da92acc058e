package verifier

import (
	"math/bits"
	"time"

	"github.com/cerberus-host/cerberus/proofs/identity"
	"github.com/cerberus-host/cerberus/proofs/opening"
	"github.com/cerberus-host/cerberus/proofs/protocol"
)

// Report says what was checked and how sure a verifier can be.
type Report struct {
	// Wires and Quotients are committed polynomials, Identities what was shown about them,
	// Combinations what remained after identities were combined.
	Wires, Quotients, Identities, Combinations, Views, Claims int
	// CommittedBits is the sum of the widths of the committed coefficients.
	CommittedBits int
	// ProofBytes is the length of the proof.
	ProofBytes int
	// Setup is the kind of the setup.
	Setup opening.SetupKind
	// Soundness lists the ways in which a false proof could pass by chance.
	Soundness []SoundnessLine
	// StatisticalBits is what remains of all of them together: for every hash that a forger
	// computes, chance helps with probability at most 2^-StatisticalBits.
	StatisticalBits int
	// Assumptions lists what is not chance but belief.
	Assumptions []string
	Durations   Durations
}

// Durations tells what a verification took; all are 0 without a clock.
type Durations struct {
	// Decode includes the checks of what the caller gave, Public the evaluation of inputs,
	// outputs, constants and keys, Fold that of everything that the opening is checked with.
	Decode, Transcript, Public, Fold, Opening time.Duration
}

// SoundnessLine is one way in which a false statement could pass: with probability at most
// 2^-Bits for every hash that a forger computes.
type SoundnessLine struct {
	What string `json:"what"`
	Bits int    `json:"bits"`
}

// fieldBits is the width of the field's modulus, rounded down.
const fieldBits = 253

func newReport(sh *protocol.Shape, setup opening.Verifier, proofBytes int) *Report {
	s := sh.System
	r := &Report{
		Wires: len(sh.Wires), Quotients: len(sh.Quotients), Identities: len(s.Identities),
		Combinations: len(sh.Combinations()), Views: len(s.Views), Claims: len(s.Claims),
		ProofBytes: proofBytes, Setup: setup.Kind(),
	}
	for _, poly := range sh.Projected() {
		r.CommittedBits += bits.Len64(uint64(s.Polys[poly].Bound)) + 1
	}
	r.Soundness = soundness(sh)
	r.StatisticalBits = r.Soundness[0].Bits
	for _, line := range r.Soundness {
		r.StatisticalBits = min(r.StatisticalBits, line.Bits)
	}
	// As many summands as lines, none of them larger than the largest.
	r.StatisticalBits -= bits.Len(uint(len(r.Soundness) - 1))
	r.Assumptions = assumptions(setup.Kind())
	return r
}

// assumptions names what soundness rests on beside chance.
func assumptions(kind opening.SetupKind) []string {
	out := []string{
		"SHA-256 and SHAKE128 as random oracles",
		"discrete logarithms in BN254 G1, about 100 bits",
	}
	switch kind {
	case opening.SetupTransparent:
		return out
	case opening.SetupCeremony:
		out = append(out, "one honest contributor to the setup")
	case opening.SetupDevelopment:
		out = append(out, "the maker of the development setup forgot its secrets")
	}
	return append(out, "Groth16 in the algebraic group model, about 100 bits")
}

// soundness computes the error of every step from the counts of the shape; proofs/DESIGN.md
// has the arguments.
func soundness(sh *protocol.Shape) []SoundnessLine {
	s := sh.System
	// log2Up is the width of a count, so that a probability count/r has fieldBits - log2Up.
	log2Up := func(count int) int { return bits.Len(uint(count)) }
	lines := []SoundnessLine{
		{
			"identities at one point (gamma)",
			fieldBits - log2Up((s.HBlocks+2)*sh.Degree),
		},
		{"combinations of identities (delta)", fieldBits - log2Up(len(sh.Combinations()))},
		{"rows of the projections (rho)", fieldBits - log2Up(protocol.Rows)},
		{
			"claims (tau)",
			fieldBits - log2Up(1+len(s.Claims)+len(sh.Wires)+len(sh.Quotients)),
		},
		{"sum-check", fieldBits - log2Up(2*sh.Rounds+1)},
		{"wires are small, no coefficient wraps around", protocol.Rows},
		{"wires are short, the bound of the noise", smallnessBits},
	}
	for _, g := range s.Groups {
		if g.Rounds > 0 {
			lines = append(lines, SoundnessLine{
				"combinations modulo a prime", leastCombination(s),
			})
			break
		}
	}
	return lines
}

// smallnessBits is the error of the norm bound of the projections: a vector of norm above
// 3.6 sqrt(N) B passes with at most 2^-128 (Gentry, Halevi, Lyubashevsky 2021, Corollary 3.2).
const smallnessBits = 128

func leastCombination(s *identity.System) int {
	least := fieldBits
	for _, g := range s.Groups {
		if g.Rounds > 0 {
			least = min(least, g.Rounds*g.Bits)
		}
	}
	return least
}
