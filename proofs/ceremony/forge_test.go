package ceremony_test

import (
	"bytes"
	"crypto/sha256"
	"math/big"
	"testing"

	"github.com/consensys/gnark-crypto/ecc/bn254"
	"github.com/consensys/gnark-crypto/ecc/bn254/fr"
	"github.com/consensys/gnark-crypto/ecc/bn254/fr/hash_to_field"
	group "github.com/consensys/gnark-crypto/ecc/bn254/mpcsetup"
	groth16 "github.com/consensys/gnark/backend/groth16/bn254"
	"github.com/consensys/gnark/backend/groth16/bn254/mpcsetup"
	"github.com/consensys/gnark/constraint"

	"github.com/cerberus-host/cerberus/abi"
	"github.com/cerberus-host/cerberus/proofs/opening"
)

// TestForgeWithEmptyCeremony is why contributions are counted: from a ceremony without any,
// anybody computes delta and shows that the vector of zeros has the inner product 424242.
func TestForgeWithEmptyCeremony(t *testing.T) {
	system, err := opening.Compile(size)
	if err != nil {
		t.Fatal(err)
	}
	powers, err := mpcsetup.VerifyPhase1(2*size, beacon1)
	if err != nil {
		t.Fatal(err)
	}
	// What everybody knows: the state before the beacon, and the beacon.
	start := new(mpcsetup.Phase2)
	evaluations := start.Initialize(system, &powers)
	var state bytes.Buffer
	if _, err := start.WriteTo(&state); err != nil {
		t.Fatal(err)
	}
	hash := sha256.Sum256(state.Bytes())
	delta := group.BeaconContributions(hash[:], []byte("Groth16 MPC Setup - Phase2"), beacon2, 2)[0]
	proving, verifying := start.Seal(&powers, &evaluations, beacon2)
	pk, ok1 := proving.(*groth16.ProvingKey)
	vk, ok2 := verifying.(*groth16.VerifyingKey)
	if !ok1 || !ok2 {
		t.Fatal("keys of another curve")
	}
	setup, err := opening.NewSetup(size, opening.SetupCeremony, abi.Digest{1}, system, pk, vk)
	if err != nil {
		t.Fatal(err)
	}
	var commitment, knowledge bn254.G1Affine // those of zeros: infinity
	y := make([]fr.Element, size)
	for i := range y {
		y[i].SetUint64(uint64(i + 1))
	}
	var claim fr.Element
	claim.SetUint64(424242)
	public := append(append([]fr.Element{}, y...), claim, challenge(t, commitment))
	sum := vk.G1.K[0]
	for i := range public {
		var p bn254.G1Affine
		p.ScalarMultiplication(&vk.G1.K[i+1], public[i].BigInt(new(big.Int)))
		sum.Add(&sum, &p)
	}
	// e(Ar, Bs) = e(alpha, beta), and Krs takes the rest away.
	delta.Inverse(&delta)
	krs := *new(bn254.G1Affine).Neg(&sum)
	krs.ScalarMultiplication(&krs, delta.BigInt(new(big.Int)))
	ar, bs, krsRaw, pok := vk.G1.Alpha.RawBytes(), vk.G2.Beta.RawBytes(), krs.RawBytes(),
		knowledge.RawBytes()
	forged := bytes.Join([][]byte{ar[:], bs[:], krsRaw[:], pok[:]}, nil)
	if err := setup.Verifier().Verify(commitment, y, claim, forged); err != nil {
		t.Errorf("the forgery fails, error %v: is the count of contributions still needed?", err)
	}
	// Under keys of an honest ceremony delta is not known.
	_, honest := whole(t)
	if err := honest.Verifier().Verify(commitment, y, claim, forged); err == nil {
		t.Error("it verifies under an honest ceremony's keys too")
	}
}

// challenge is the public value that gnark derives from a commitment.
func challenge(t *testing.T, commitment bn254.G1Affine) (out fr.Element) {
	t.Helper()
	h := hash_to_field.New([]byte(constraint.CommitmentDst))
	if _, err := h.Write(commitment.Marshal()); err != nil {
		t.Fatal(err)
	}
	out.SetBytes(h.Sum(nil)[:fr.Bytes])
	return out
}
