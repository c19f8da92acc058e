package verifier_test

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/cerberus-host/cerberus/abi"
	"github.com/cerberus-host/cerberus/proofs/identity"
	"github.com/cerberus-host/cerberus/proofs/opening"
	"github.com/cerberus-host/cerberus/proofs/prooftest"
	"github.com/cerberus-host/cerberus/proofs/verifier"
)

// TestReference: the fast prover and the one with big integers make the same proof, to the
// last byte, and it verifies: on small rings with digits of one prime and of several, with
// polynomials of one block, of several, and shorter than one.
func TestReference(t *testing.T) {
	for name, each := range map[string]struct {
		logN, q, p, size int
		random           bool
		keys             bool
	}{
		"one block":           {logN: 4, q: 3, p: 1, size: 16},
		"two blocks":          {logN: 5, q: 4, p: 1, size: 16, keys: true},
		"four blocks":         {logN: 6, q: 3, p: 1, size: 16},
		"half a block":        {logN: 4, q: 5, p: 2, size: 32, keys: true},
		"random, half":        {logN: 4, q: 5, p: 2, size: 32, random: true},
		"digits of four":      {logN: 4, q: 9, p: 4, size: 16, keys: true},
		"random, one by one":  {logN: 4, q: 4, p: 1, size: 16, random: true},
		"random, keys before": {logN: 4, q: 4, p: 1, size: 16, random: true, keys: true},
	} {
		t.Run(name, func(t *testing.T) {
			params := prooftest.Params(t, each.logN, each.q, each.p)
			setup := prooftest.Clear(t, each.size)
			compiled := everyStep(t, params)
			if each.random {
				compiled = prooftest.Random(t, params, 3)
			}
			s := stage(t, compiled, setup, identity.Options{CommittedKeys: each.keys}, 1)
			proof := s.proveFast(t)
			if err := s.verify(proof); err != nil {
				t.Error(err)
			}
			if !bytes.Equal(s.prove(t, forgery{}), proof) {
				t.Error("the reference proof differs")
			}
		})
	}
}

// TestGroth16: the same with the opening that is the default. A setup counts for itself only.
func TestGroth16(t *testing.T) {
	setups := make([]*opening.Setup, 2)
	for i := range setups {
		var err error
		if setups[i], err = opening.NewDevelopment(t.Context(), 16, nil); err != nil {
			t.Fatal(err)
		}
	}
	s := stage(t, everyStep(t, prooftest.Params(t, 5, 4, 1)), setups[0], identity.Options{}, 1)
	proof := s.proveFast(t)
	if err := s.verify(proof); err != nil {
		t.Error(err)
	}
	opened := len(proof) - s.Setup.Verifier().OpeningBytes()
	for at := range proof[opened:] {
		changed := bytes.Clone(proof)
		changed[opened+at] ^= 1 << (at % 8)
		if err := s.verify(changed); !errors.Is(err, verifier.ErrOpening) {
			t.Errorf("byte %d of the opening: error %v", at, err)
		}
	}
	s.Setup = setups[1]
	if err := s.verify(proof); !errors.Is(err, verifier.ErrOpening) {
		t.Errorf("another setup: error %v", err)
	}
}

// TestRequests: what a verifier needs is not optional, and it stops when told to.
func TestRequests(t *testing.T) {
	s := rescaledScene(t)
	proof := s.prove(t, forgery{})
	for name, change := range map[string]func(r *verifier.Request){
		"system":    func(r *verifier.Request) { r.System = nil },
		"public":    func(r *verifier.Request) { r.Public = nil },
		"setup":     func(r *verifier.Request) { r.Setup = nil },
		"statement": func(r *verifier.Request) { r.Statement = abi.Digest{} },
		"keys":      func(r *verifier.Request) { r.Keys = append(r.Keys, nil) },
	} {
		r := s.request()
		change(&r)
		if _, err := verifier.Verify(t.Context(), r, proof); !errors.Is(err, verifier.ErrRequest) {
			t.Errorf("%s: error %v", name, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := verifier.Verify(ctx, s.request(), proof); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: error %v", err)
	}
}

// TestReport: the counts are those of the System and the bits those of the arithmetic in
// proofs/DESIGN.md.
func TestReport(t *testing.T) {
	s := smallScene(t, identity.Options{})
	r := s.request()
	now := time.Unix(0, 0)
	r.Now = func() time.Time {
		now = now.Add(time.Second)
		return now
	}
	report, err := verifier.Verify(t.Context(), r, s.prove(t, forgery{}))
	if err != nil {
		t.Fatal(err)
	}
	if report.Wires != s.System.Quotients-s.System.Wires ||
		report.Quotients != len(s.System.Polys)-s.System.Quotients ||
		report.Identities != len(s.System.Identities) || report.CommittedBits == 0 {
		t.Errorf("counts: %+v", report)
	}
	// A step that fails for count of the field's elements has the bits of 2^253/count, of
	// which the last one may be lost.
	counts := map[string]int{
		"identities at one point (gamma)":    (s.System.HBlocks + 2) * 16,
		"combinations of identities (delta)": report.Combinations,
		"rows of the projections (rho)":      256,
		"claims (tau)":                       1 + report.Claims + report.Wires + report.Quotients,
		"sum-check":                          2*s.Shape(t).Rounds + 1,
	}
	others := map[string]int{
		"wires are short, the bound of the noise":      128,
		"wires are small, no coefficient wraps around": 256,
		"combinations modulo a prime":                  135, // 3 * 45
	}
	for _, line := range report.Soundness {
		count, ok := counts[line.What]
		if ok && (count >= 1<<(253-line.Bits) || count < 1<<(252-line.Bits)) {
			t.Errorf("%s: %d bits for %d", line.What, line.Bits, count)
		}
		if bits, other := others[line.What]; !ok && (!other || bits != line.Bits) {
			t.Errorf("%s: %d bits", line.What, line.Bits)
		}
	}
	if len(report.Soundness) != len(counts)+len(others) {
		t.Errorf("%d lines", len(report.Soundness))
	}
	if report.StatisticalBits != 128-3 {
		t.Errorf("%d bits in all", report.StatisticalBits)
	}
	if !slices.Contains(report.Assumptions, "discrete logarithms in BN254 G1, about 100 bits") {
		t.Errorf("assumptions: %q", report.Assumptions)
	}
	each := time.Second // the clock ticks once a look
	if report.Durations != (verifier.Durations{
		Decode: each, Transcript: each, Public: each, Fold: each, Opening: each,
	}) {
		t.Errorf("durations: %+v", report.Durations)
	}
}
