package protocol_test

import (
	"testing"

	"github.com/consensys/gnark-crypto/ecc/bn254/fr"

	"github.com/cerberus-host/cerberus/proofs/protocol"
)

// BenchmarkEval evaluates a polynomial at one point.
func BenchmarkEval(b *testing.B) {
	const n = 8192
	var x fr.Element
	x.MustSetRandom()
	e := protocol.NewEvaluator(protocol.Powers(x, n))
	w := randomCoeffs(n, 1<<50)
	for b.Loop() {
		_ = e.Eval(w)
	}
}

// BenchmarkCombine makes the public vector of the projections.
func BenchmarkCombine(b *testing.B) {
	p := protocol.NewProjection([32]byte{1}, 8192)
	var x fr.Element
	x.MustSetRandom()
	weights := [protocol.Rows]fr.Element(protocol.Powers(x, protocol.Rows))
	for b.Loop() {
		_ = p.Combine(&weights)
	}
}

// BenchmarkProject projects a polynomial.
func BenchmarkProject(b *testing.B) {
	const n = 8192
	q := protocol.NewProjection([32]byte{1}, n).Projectors(1)[0]
	w := randomCoeffs(n, 1<<50)
	for b.Loop() {
		_ = q.Project(w)
	}
}

// BenchmarkAccept adds up the squares of a projection.
func BenchmarkAccept(b *testing.B) {
	const n = 8192
	w := randomCoeffs(n, 1<<50)
	rows := protocol.NewProjection([32]byte{1}, n).Projectors(1)[0].Project(w)
	for b.Loop() {
		_ = protocol.Accept(&rows, n, 1<<50)
	}
}

// randomCoeffs returns coefficients of absolute value at most bound.
func randomCoeffs(n int, bound int64) []int64 {
	out := make([]int64, n)
	state := uint64(n)
	for i := range out {
		state = state*6364136223846793005 + 1442695040888963407
		out[i] = int64(state>>1)%(2*bound+1) - bound
	}
	return out
}
