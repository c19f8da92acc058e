package verifier_test

import (
	"errors"
	"testing"

	"github.com/cerberus-host/cerberus/abi"
	"github.com/cerberus-host/cerberus/fhe"
	"github.com/cerberus-host/cerberus/fhe/fhetest"
	"github.com/cerberus-host/cerberus/proofs/identity"
	"github.com/cerberus-host/cerberus/proofs/prooftest"
	"github.com/cerberus-host/cerberus/proofs/verifier"
)

// TestSums: a proof holds whose identities have sums of rotated inputs, which a verifier
// evaluates as one polynomial. It does not hold for other inputs or outputs.
func TestSums(t *testing.T) {
	params := prooftest.Params(t, 5, 4, 2)
	b := fhetest.NewPlanBuilder(params, abi.PackSlots)
	x := b.Input(params.MaxLevel(), fhetest.HalfBits(params))
	y := b.Input(params.MaxLevel(), fhetest.HalfBits(params))
	sum := b.Unary(fhe.StepNeg, y)
	for steps := 1; steps < 4; steps++ {
		sum = b.Binary(fhe.StepAdd, sum, b.Rotate(x, fhe.NoReg, params.GaloisElement(steps)))
		sum = b.Binary(fhe.StepSub, sum, b.Rotate(y, fhe.NoReg, params.GaloisElement(steps)))
	}
	b.Output(sum)
	s := stage(t, b.Compiled(), prooftest.Clear(t, 16), identity.Options{}, 1)
	most := 0
	for _, id := range s.System.Identities {
		most = max(most, len(s.System.Summed(id)))
	}
	if most < 7 {
		t.Errorf("sums of %d terms", most)
	}
	proof := s.proveFast(t)
	if err := s.verify(proof); err != nil {
		t.Error(err)
	}
	for name, ct := range map[string]fhe.Ciphertext{
		"input": s.Public.Inputs[1], "output": s.Public.Outputs[0],
	} {
		for i, limb := range ct.C[0].Limbs {
			// Images of an odd power differ: nothing cancels.
			at := &limb[len(limb)-1-2*i]
			kept := *at
			*at >>= 1
			if err := s.verify(proof); !errors.Is(err, verifier.ErrOpening) {
				t.Errorf("%s, limb %d: error %v", name, i, err)
			}
			*at = kept
		}
	}
	if err := s.verify(proof); err != nil {
		t.Errorf("after all was changed back: %v", err)
	}
}
