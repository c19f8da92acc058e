// Package keyset commits to the polynomials of an evaluation key set once, so that proofs
// about its owner's tasks can be verified without touching them again.
//
// A key set of megabytes enters every proof by its values at a random point. Whoever verifies
// many proofs under one key set checks its [Commitments] once ([Commitments.Check]) and from
// then on only adds their points up, as it does with the wires of a run.
//
// # What is checked
//
// The polynomials of a key set, cut into blocks of the opening's size, are committed one by
// one under the setup's basis, in the order of [Order]. After the commitments are made, a
// transcript draws tau and a point gamma, and the file holds one opening: that the vector
// behind the commitments' combination by powers of tau has the inner product S with the
// powers of gamma. A checker computes S from the keys. For wrong commitments the claim is a
// polynomial of degree below the number of blocks in tau and below the block's length in
// gamma that is not zero; it vanishes with probability at most (blocks + length) / r for each
// hash computed. So a checker needs the setup's verifying key alone, not its basis.
//
// # Caveats
//
// Commitments hide nothing: evaluation keys are public. They are no statement about the
// quality of the keys; only their owner is harmed by bad ones. [Restore] trusts its bytes.
package keyset
