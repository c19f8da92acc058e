// Package client is the whole client side of cerberus: it fetches and checks a Brain's
// module, runs its encode in the sandbox, encrypts, uploads, submits a task, waits for the
// result and its attestation, verifies it, decrypts and runs decode. The secret key never
// leaves it.
//
// A client trusts nobody for privacy: everything that a node or a module learns follows
// from what this package sends. For correctness it trusts the setup that attestations are
// made under, which it pins by digest ([Client.TrustSetup]); where a cluster does not prove
// its results, or the caller wants no proof, it trusts the node, and [Result.Attestation] says
// so. A proof is verified against the Plan, the inputs and the keys that the client made
// itself, and only outputs that it vouches for are decrypted.
//
// [Client.Export] and [Client.Verify] carry attestations elsewhere, in a [Pack].
//
// The types to start from are [Client], made by [New] from a [Config]; [Brain.Ask], which
// takes one request all the way; and [Store], where keys, pins and caches live: [DirStore]
// on disk, [MemStore] in memory (and in a browser: the package builds for js/wasm).
//
// What is pinned: a cluster's id at first contact with a node's address, a Brain's module
// digest at first use, and whether and under which setup a cluster proves ([Lock]). A later
// difference is an error until the caller accepts it.
//
// # Caveats
//
// The guest is hostile on the client too. Its encode sees the request, so its only ways
// out are closed: the vectors it makes are encrypted, their number, shape and level follow
// from the manifest and the public arguments, and the public arguments are copied by this
// package from the fields that the manifest marks public, never made by guest code.
//
// A decrypted result is for the key holder only: sending it to anybody who sees
// ciphertexts helps to recover the key (IND-CPA-D).
package client
