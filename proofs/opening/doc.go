// Package opening commits to vectors of field elements and shows what the inner product of a
// committed vector with a public one is. It is the one place where an attestation rests on a
// proof system: everything else is linear algebra on commitments.
//
// A [Prover] commits and opens, its [Verifier] checks. There are two schemes:
//
//   - [Setup], the default: gnark's Groth16 over BN254. Its only circuit has the private
//     vector W, to which it commits, and the public Y and S with <Y, W> = S. The commitments
//     that [Setup.Commit] makes lie on the same basis, so the verifier puts the commitment
//     that it computed itself into the proof: an opening holds Ar, Bs, Krs and the proof of
//     knowledge, and nothing to believe.
//   - [Clear]: the vector itself, over a basis hashed to the curve. No setup and no secret,
//     32 bytes an element. It is the oracle for the other and the transparent alternative.
//
// A setup is two files: the verifying file, whose digest names the setup and which is all that
// a verifier needs, and the proving file, which says which verifying file it belongs to. Both
// have a fixed layout that the size alone determines (file.go).
//
//	setup, err := opening.LoadDevelopment(ctx, folder, 8192, nil)
//	...
//	c, err := setup.Commit(w)
//	proof, err := setup.Open(ctx, elements, y, s)
//	err = setup.Verifier().Verify(c, y, s, proof)
//
// # Trust
//
// Whoever knows the secrets behind a setup opens any commitment to anything. A development
// setup was made by one machine; a ceremony (package ceremony) needs one honest party of
// several. A verifier must be told by its user which setup to trust: a digest that comes with
// a proof is no reason.
//
// # What it is not
//
// It hides nothing: gnark's mask on commitments is set to zero, so that a commitment can be
// made before the proof and equal vectors have equal commitments. It does not show that a
// vector is small. Openings can be re-randomised by anybody: never name one by its digest.
package opening
