package identity

import (
	"fmt"

	"github.com/cerberus-host/cerberus/fhe"
)

// The words of an [Advice].
const (
	// AdviceVerify: checking a proof takes less than executing the Plan again.
	AdviceVerify = "verify"
	// AdviceVerifyCommitted: so it does once the key set is committed.
	AdviceVerifyCommitted = "verify with committed keys"
	// AdviceRerun: executing again is cheaper. A checker needs an engine for that, and a proof
	// still convinces those who have none.
	AdviceRerun = "re-run"
)

// Advice compares, for one Plan, the ways in which somebody with the inputs can check a
// result. The figures are microseconds of one core of the machine that docs/benchmarks
// describes, from counts and fixed prices: equal everywhere, and right within a factor of
// two. Verify is checking a proof, VerifyCommitted checking one on a committed key set, and
// Rerun executing the Plan on the reference engine.
type Advice struct {
	Verify, VerifyCommitted, Rerun int64
}

// Word returns [AdviceVerify], [AdviceVerifyCommitted] or [AdviceRerun].
func (a Advice) Word() string {
	switch {
	case a.Verify <= a.Rerun:
		return AdviceVerify
	case a.VerifyCommitted <= a.Rerun:
		return AdviceVerifyCommitted
	default:
		return AdviceRerun
	}
}

// The prices, fitted to the table of `cerberus bench proofs`.
const (
	// butterflyPs is a butterfly of the reference engine's transform, in picoseconds, and
	// wordPs any other operation on a residue.
	butterflyPs, wordPs = 1_420, 2_650
	// evalPs is a coefficient of a public polynomial at a point: reading, lifting, adding up.
	evalPs = 2_600
	// projectionPs is an entry of the combined rows of the projection matrix, viewPs one of a
	// view of the powers.
	projectionPs, viewPs = 250_000, 40_000
	// wireNs is a commitment with its projections, pointNs a point that is added up alone.
	wireNs, pointNs = 25_000, 10_000
	// openingNs is the opening's fixed part, openingPs its share of each element.
	openingNs, openingPs = 6_000_000, 5_900_000
)

// Advise returns the advice for a Plan under openings of that many elements. Errors are
// those of [Build].
func Advise(plan *fhe.Plan, openingSize int) (Advice, error) {
	a := Advice{Rerun: rerunPs(plan) / 1_000_000}
	for _, way := range []struct {
		committed bool
		micros    *int64
	}{{false, &a.Verify}, {true, &a.VerifyCommitted}} {
		s, err := Build(plan, Options{CommittedKeys: way.committed})
		if err != nil {
			return Advice{}, fmt.Errorf("advice: %w", err)
		}
		*way.micros = s.verifyNs(openingSize) / 1_000
	}
	return a, nil
}

// verifyNs is what a verifier of the System takes.
func (s *System) verifyNs(openingSize int) int64 {
	n := int64(s.Plan.Params.N())
	blocks := max(1, n/int64(openingSize))
	keys := int64(0)
	for _, p := range s.Polys[:s.Wires] {
		if p.Committed {
			keys++
		}
	}
	wires := int64(len(s.Polys)-s.Wires) * blocks
	ps := int64(len(s.publicFactors()))*n*evalPs + n*projectionPs +
		int64(len(s.Views))*n*viewPs + int64(openingSize)*openingPs
	return ps/1_000 + wires*wireNs + keys*blocks*pointNs + openingNs
}

// factorAt is a public factor as a verifier evaluates it: once for each scale modulo a prime.
type factorAt struct {
	prime  int
	factor Factor
}

// publicFactors returns the factors that are not committed, each once.
func (s *System) publicFactors() map[factorAt]bool {
	seen := make(map[factorAt]bool)
	for _, id := range s.Identities {
		for _, t := range id.Terms {
			for _, f := range t.Factors {
				at := factorAt{id.Prime, f}
				if f.Scale == 1 {
					at.prime = 0
				}
				if !s.Polys[f.Poly].Committed {
					seen[at] = true
				}
			}
		}
	}
	return seen
}

// rerunPs is what the reference engine takes for a valid Plan.
func rerunPs(p *fhe.Plan) int64 {
	total := int64(0)
	degree2 := make([]bool, p.Registers)
	for _, s := range p.Steps {
		switch s.Op {
		case fhe.StepTensor:
			degree2[s.Out] = true
		case fhe.StepRelin, fhe.StepDecompose, fhe.StepRotate:
		default:
			degree2[s.Out] = degree2[s.A]
		}
		total += stepPs(p, s, degree2[s.Out])
	}
	return total
}

// stepPs is what one step takes: transforms, and passes over the limbs of a polynomial.
func stepPs(p *fhe.Plan, s fhe.Step, degree2 bool) int64 {
	limbs, special := int64(s.Level+1), int64(p.Params.PCount())
	digits := int64(p.Params.Digits(s.Level))
	components := int64(2)
	if degree2 {
		components = 3
	}
	var transforms, passes int64
	decompose := func() {
		transforms += limbs + digits*(limbs+special)
		passes += digits * (limbs + special)
	}
	switchKeys := func() {
		transforms += 2 * (limbs + special)
		passes += 2*digits*(limbs+special) + 4*limbs
	}
	switch s.Op {
	case fhe.StepTensor:
		passes = 5 * limbs
	case fhe.StepRelin:
		decompose()
		switchKeys()
	case fhe.StepDecompose:
		decompose()
	case fhe.StepRotate:
		if s.B == fhe.NoReg {
			decompose()
		}
		switchKeys()
	case fhe.StepRescale:
		transforms, passes = components*(limbs+1), components*limbs
	case fhe.StepDrop:
	default:
		passes = components * limbs
	}
	n := int64(p.Params.N())
	return transforms*n/2*int64(p.Params.LogN())*butterflyPs + passes*n*wordPs
}
