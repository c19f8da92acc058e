// Package rangecircuit states one key switch the usual way, as one Groth16 circuit with a
// range check for every coefficient, so that benchmarks can say what the attestations of
// package prover save instead of claiming it.
//
// [Instance] is one key switch with digits of one prime: digits, both remainders modulo the
// special prime, outputs and quotients are private and held to their ranges by gnark's
// std/rangecheck; the identities are checked at one point that the commitment to all of them
// yields. [Compile] states it; the methods of [Circuit] are what there is to time.
//
// # What it is not
//
// It is no part of the product and secure against nobody: keys and the switched ciphertext
// are constants of the circuit, and outputs are not bound to anything. All of that makes it
// cheaper than a circuit that could be used.
package rangecircuit
