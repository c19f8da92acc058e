// Package verifier checks the proof of an attestation: that the output ciphertexts are what
// a Plan computes from the inputs under the evaluation keys, up to the Plan's proven noise.
//
// [Verify] takes everything public from its caller, who has derived the Plan and compared
// digests; of the proof it believes nothing. Package bundle is what does both.
//
// # Caveats
//
// Memory is bounded by a few times the length of the proof, the public vectors (a field
// element for each coefficient, view and core) and the public polynomials of the caller.
// What is proven, and under which assumptions, is in proofs/DESIGN.md.
//
// # What it is not
//
// It has no engine and no prover: a client in a browser runs it.
package verifier
