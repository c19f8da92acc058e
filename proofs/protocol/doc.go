// Package protocol is what prover and verifier of an attestation share: the transcript that
// yields the challenges, the layout of a proof's bytes, the projection matrix, and the linear
// claims that everything is reduced to. proofs/DESIGN.md has the argument.
//
// [Session] holds the order of messages: both sides put what was sent into it and take the
// challenges out of it, so that they cannot differ. [Shape] fixes every count from the
// System, [Proof] is a proof in memory.
//
// # What it is not
//
// It makes no proof and checks none: packages prover and verifier do.
package protocol
