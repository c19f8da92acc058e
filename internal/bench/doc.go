// Package bench measures cerberus by area: what the sandbox costs, what computing on
// ciphertexts costs, how fast the log takes commands, and what a question costs from end to
// end against a node on this machine. `cerberus bench` is its command.
//
// [Run] prints a table, or JSON, and writes the files of docs/benchmarks that the README's
// figures come from. Where it can, it measures a reference in the same run. It needs built
// Brains (`make build`).
//
// # Caveats
//
// Durations are wall-clock times; on a busy machine read the minima and the processor times.
// Client and node share one process here, so that a profile shows both.
package bench
