// Package validator checks attestations for the cluster: it derives the Plan itself,
// verifies a miner's bundle against it, and signs a verdict.
//
// [Validator.Judge] takes a [Subject], what the log says of a task and its proof, and returns
// a verdict, or an error if there is none to give: a blob that cannot be read is no lie of a
// miner's.
//
// # Caveats
//
// A verdict counts in the cluster's books. A client verifies for itself and needs no
// validator.
//
// # What it is not
//
// It has no engine and runs no Plan: whoever validates needs to believe no kernel.
package validator
