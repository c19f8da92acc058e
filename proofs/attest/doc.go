// Package attest holds what the parties of an attestation sign: the [Statement] of the node
// that ran a task and the [Verdict] of a validator that checked it.
//
// Both have one canonical text form; a parser accepts what the printer prints and nothing
// else. A Statement has two parts. The bound part is what the proof is about: module,
// Program, Plan, keys, inputs and outputs by digest, the setup, the versions that they
// depend on, the task and its parties. [Statement.Digest] is over this part, and the
// proof's transcript begins with it. The signed part ([SignedOnly]) says how the node worked;
// nothing proves it. [Statement.SigningDigest] is over both, under a label of its own.
//
// Keys are made and used by host/identity; [Recover] returns who signed. The texts are in
// docs/FORMATS.md under "Statements and verdicts".
//
// # Caveats
//
// A valid signature says who made a statement, not that it is true: package bundle checks
// the proof and compares every field with what the checker derived.
//
// # What it is not
//
// It knows no ciphertexts, no proofs and no stored state.
package attest
