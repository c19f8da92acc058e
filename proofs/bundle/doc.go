// Package bundle makes and checks attestations: the statement of the node that ran a task,
// its signature, the output ciphertexts, and the proof that they are what the Brain computes
// from the inputs.
//
// A [Bundle] is those four in one binary form ([Bundle.Encode], [Parse]). The node makes a
// statement with [NewStatement], proves it, and signs with [Make]. Whoever checks derives
// everything that a statement speaks of from its own sources ([Materials]): the Plan from the
// module, the digests from the blobs, the setup from its own store. [Verify] compares field
// by field and checks the proof last; a [Report] tells what was shown and how surely.
//
// The bytes are in docs/FORMATS.md under "Attestation bundles".
//
// # Caveats
//
// What is proven holds up to the Plan's proven noise (fhe.Noise), so two bundles with
// different outputs can be valid for one task. It says nothing about the keys, the inputs, or
// whether the model is a good one. It convinces the key holder; towards others a key holder
// and a node could have acted together. A client decrypts only after Verify returned nil.
//
// The part of a statement under Signed is the node's word.
//
// # What it is not
//
// It fetches and stores nothing, runs no module and makes no proof.
package bundle
