// Package features turns the measurements of a medical exam into the numbers that the
// medical Brain encrypts.
//
// It runs on the client, inside the Brain's module, and again in the program that trains
// the weights. [ParseTable] reads the public table that says, for each column of an exam,
// what stands in for a missing value and how a number is scaled; [Exam.Vector] applies it.
//
// # Caveats
//
// A value that is left out is replaced by the median of the training rows, or by the most
// frequent value of a category. An answer to a request with few values therefore says
// more about the average patient than about this one.
//
// The package is compiled into a WebAssembly guest: it must not import fmt,
// encoding/json, reflect, regexp or os, which would double the module.
//
// # What it is not
//
// It holds no weights and makes no judgement: the score is computed on ciphertexts by
// the host.
package features
