// Package fhetest holds what every engine is measured by: the conformance suite [Run], which
// compares an engine with the reference byte for byte, and [KnownAnswers], a quick check
// against committed digests that a node makes before it uses an engine.
//
// The suite's operands are uniform polynomials with edge residues, expanded from fixed
// seeds; so are its keys, because an engine cannot tell a key from noise. Plans are written
// by hand with a [PlanBuilder] or made at random by [RandomPlan], on small insecure rings.
// Engine authors may use both for tests of their own.
//
// # Caveats
//
// Passing says that an engine computes what the reference computes. Whether that is right is
// the business of the reference's own tests in package fhe/lattigo. Plans of this package
// have no Program and mean nothing.
package fhetest
