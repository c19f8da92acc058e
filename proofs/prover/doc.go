// Package prover makes the proof of an attestation: that the recorded integers of a run
// satisfy the identities of the Plan's System.
//
// [New] takes a setup and limits, [Prover.Prove] one task. It commits to the wires, combines
// and divides the identities, projects, and opens everything at once; proofs/DESIGN.md has
// the protocol. All cores work on one proof, and several tasks may be proved at the same
// time. The bytes depend on the request, the setup and the opening's randomness only.
//
// # How it computes
//
// Quotients are integers of two hundred bits: they are computed modulo four primes of 61
// bits, with transforms of words. The quotient by X^N+1 has coefficients in the field and is
// evaluated on cosets other than X^N = -1. Of products that have all but one factor in
// common the other one is added up first, so that few polynomials are transformed there.
//
// # Memory
//
// The caller's witness takes 8 bytes a coefficient of a wire, as much of it as Collector.Spool
// of package identity lets stay in memory; what is in its file is read some six times. A
// proof holds its quotients (8 bytes a coefficient; their number depends on the primes of the
// parameters, not on the Plan's length), 64 bytes a coefficient of a combination while it
// divides, 4 KiB a wire and quotient of projections, and transforms, public vectors and what
// it makes from the file up to Config.MemoryMax; each worker has 64 polynomials and a
// few vectors of field elements more. Several proofs at a time take that several times.
//
// # Caveats
//
// It believes the witness no more than it must: what does not satisfy the identities, or is
// larger than an honest run's, is refused with identity.ErrWitness, and System.Check comes
// first. Proofs do not hide the witness; package opening says what an opening shows.
//
// # What it is not
//
// It runs no Plan: an engine has recorded the witness.
package prover
