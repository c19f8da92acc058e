package verifier_test

import (
	"testing"
	"time"

	"github.com/cerberus-host/cerberus/proofs/identity"
	"github.com/cerberus-host/cerberus/proofs/prooftest"
	"github.com/cerberus-host/cerberus/proofs/verifier"
)

// BenchmarkVerify checks the proof of a Plan with a step of each kind on a ring of degree
// 8192, opened in the clear, and reports where the time goes.
func BenchmarkVerify(b *testing.B) {
	setup := prooftest.Clear(b, 8192)
	s := stage(b, everyStep(b, prooftest.Params(b, 13, 4, 1)), setup, identity.Options{}, 1)
	proof := s.proveFast(b)
	r := s.request()
	r.Now = time.Now
	var sum verifier.Durations
	for b.Loop() {
		report, err := verifier.Verify(b.Context(), r, proof)
		if err != nil {
			b.Fatal(err)
		}
		d := report.Durations
		sum.Decode += d.Decode
		sum.Transcript += d.Transcript
		sum.Public += d.Public
		sum.Fold += d.Fold
		sum.Opening += d.Opening
	}
	for name, took := range map[string]time.Duration{
		"decode-ms": sum.Decode, "transcript-ms": sum.Transcript, "public-ms": sum.Public,
		"fold-ms": sum.Fold, "opening-ms": sum.Opening,
	} {
		b.ReportMetric(took.Seconds()*1000/float64(b.N), name)
	}
	b.ReportMetric(float64(len(proof)), "proof-bytes")
}
