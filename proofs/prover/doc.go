// Package prover makes the proof of an attestation: that the recorded integers of a run
// satisfy the identities of the Plan's System.
//
// [New] takes a setup and limits, [Prover.Prove] one task. It commits to the wires, combines
// and divides the identities, projects, and opens everything at once; proofs/DESIGN.md has
// the protocol. All work is on all cores, and several tasks may be proved at the same time.
//
// # Memory
//
// Beside the witness (8 bytes a coefficient) a proof needs one field element for each
// coefficient of every public vector, and transforms up to Config.MemoryMax.
//
// # What it is not
//
// It runs no Plan: an engine has recorded the witness. It believes the witness no more than
// it must: what does not satisfy the identities is refused with identity.ErrWitness.
package prover
