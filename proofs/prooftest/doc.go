// Package prooftest is what tests of proofs have in common: small insecure parameter sets, a
// few Plans, and [Execute], which runs a Plan on the reference engine and returns the [Run]
// with all that a prover and a verifier are asked about.
//
// # Caveats
//
// Everything here fails the test instead of returning errors. Inputs and keys are uniform
// polynomials unless a test brings its own; a proof cannot tell them from noise. The package
// makes no proofs and checks none, so that tests of either side can use it.
package prooftest
