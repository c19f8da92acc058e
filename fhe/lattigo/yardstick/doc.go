// Package yardstick runs Lattigo's own ckks evaluator, for benchmarks that compare an engine
// with it under the same parameters.
//
// [New] makes a [Yardstick] with keys and operands of its own; each of its methods runs one
// operation, into memory that is there already.
//
// # What it is not
//
// It is no oracle: the operands are not anybody's, and the results are thrown away. The tests
// of package fhe/lattigo compare bytes. Nothing but benchmarks imports it.
package yardstick
