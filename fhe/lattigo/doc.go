// Package lattigo is the reference engine of cerberus and the client's side of encryption,
// both written on the rlwe and ring layers of Lattigo v5. It is the only package that knows
// Lattigo; its types do not leave it.
//
// [New] makes the engine. It is composed from Lattigo's public pieces (digit
// decomposition, hoisted gadget product, division by P, automorphism by index, rescale) and
// returns the bytes that Lattigo's own ckks evaluator returns, but can also hand out the
// integers that a run decomposed and rounded ([fhe.Recorder]). Other engines are compared
// with it (package fhe/fhetest).
//
// A client uses [GenerateSecret], [GenerateKeys], [EncryptVector] and [DecryptVector].
//
// # Caveats
//
// Lattigo is pinned: its base extension estimates a quotient with float64 divisions, and the
// rare coefficient where that estimate is off by one is part of the reference's bytes. The
// divisions cannot be contracted, so the bytes are the same on every machine.
//
// The engine works on one core per run; it is written to be compared with, not to be fast.
// Nothing on the client's side runs in constant time. What [DecryptVector] returns is for
// the holder of the key: whoever sees ciphertexts must not see it (IND-CPA-D).
package lattigo
