// Package fhe holds the vocabulary of encrypted computing in cerberus: parameter sets,
// ciphertexts and keys in their canonical form, the Program that a Brain records, the Plan
// that it is compiled to, and the Engine interface that executes Plans. No type of an FHE
// library appears here.
//
// The way through the package:
//
//   - [Params] is a named, checked parameter set (params.go);
//   - [Program] is the typed graph that infer records through a [Builder] (program.go);
//   - [EvalClear] runs a Program on plain numbers: the clear twin (clear.go);
//   - [Plan] is the exact list of RLWE-level steps that squeeze makes of it (plan.go);
//   - [Ciphertext] and [KeySet] are what travels between client and node (ciphertext.go,
//     keyset.go), always in coefficient domain with canonical residues;
//   - [Engine] executes Plans; all engines return identical bytes (engine.go).
//
// # Caveats
//
// A Program depends on the module and the public arguments alone, a Plan on the Program,
// the model and the parameter set alone; both have a digest over a canonical text. No
// floating-point number of the machine reaches either: constants are integers with a
// binary exponent, scales are 128-bit binary floats computed with integer arithmetic.
//
// CKKS results are approximate and are for the key holder only: a decrypted value must
// never be sent back to anybody who may see ciphertexts (IND-CPA-D).
package fhe
