package opening

import (
	"context"
	"testing"

	"github.com/consensys/gnark-crypto/ecc"
	"github.com/consensys/gnark-crypto/ecc/bn254"
	"github.com/consensys/gnark-crypto/ecc/bn254/fr"
	"github.com/consensys/gnark/backend"
	groth16 "github.com/consensys/gnark/backend/groth16/bn254"
	"github.com/consensys/gnark/backend/witness"
	"github.com/consensys/gnark/constraint/solver"
)

// Basis returns the points that commitments are made of, to tests.
func (s *Setup) Basis() []bn254.G1Affine { return s.basis.points[0] }

// TestLink: gnark's own commitment inside a proof is the one that Commit makes beforehand;
// and it is not when gnark draws its mask.
func TestLink(t *testing.T) {
	const size = 16
	s, err := NewDevelopment(context.Background(), size, nil)
	if err != nil {
		t.Fatal(err)
	}
	small := make([]int64, size)
	w, y := make(fr.Vector, size), make(fr.Vector, size)
	for i := range small {
		small[i] = int64(i*i*i) - 500
		w[i].SetInt64(small[i])
		y[i].SetUint64(uint64(3*i + 1))
	}
	want, err := s.Commit(small)
	if err != nil {
		t.Fatal(err)
	}
	values := make(chan any, 2*size+1)
	for i := range y {
		values <- y[i]
	}
	values <- y.InnerProduct(w)
	for i := range w {
		values <- w[i]
	}
	close(values)
	full, err := witness.New(ecc.BN254.ScalarField())
	if err != nil {
		t.Fatal(err)
	}
	if err := full.Fill(size+1, size, values); err != nil {
		t.Fatal(err)
	}
	for _, masked := range []bool{false, true} {
		var options []backend.ProverOption
		if !masked {
			options = append(options, backend.WithSolverOptions(solver.OverrideHint(s.mask, noMask)))
		}
		proof, err := groth16.Prove(s.system, &s.key, full, options...)
		if err != nil {
			t.Fatal(err)
		}
		if len(proof.Commitments) != 1 || proof.Commitments[0].Equal(&want) == masked {
			t.Errorf("masked %v: %d commitments, equal %v", masked, len(proof.Commitments),
				proof.Commitments[0].Equal(&want))
		}
	}
}
