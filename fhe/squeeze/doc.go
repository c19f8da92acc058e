// Package squeeze compiles a Program into a Plan: the exact list of RLWE-level steps with
// levels, scales, keys and encoded constants.
//
// [Compile] is the way in; [Options] hold it to a manifest's outputs and switch passes off.
// A Plan is a function of Program, model, parameter set and passes alone: no map is
// iterated, no floating-point number of the machine and no clock is looked at, so every
// node and client derives the same bytes.
//
// # The way of a Program
//
//  1. equal nodes are shared (share.go);
//  2. nodes become primitive operations on single ciphertexts (lower.go, matvec.go,
//     polynomial.go), a graph without levels (graph.go);
//  3. every operation gets the lowest level at which all results end at level 0, and every
//     level a scale (levels.go);
//  4. rotations of one ciphertext share its decomposition (hoist.go, [PassHoist]);
//  5. steps are emitted, scales brought together where levels meet, constants encoded
//     (emit.go).
//
// # Caveats
//
// Only what a Program declares is checked against the modulus: the bounds of its outputs.
// A value that is computed at level 0 and is no output must stay within the same room by
// the author's care.
package squeeze
