// Package abi is the vocabulary that every part of cerberus shares: digests and
// identifiers, the manifest of a module, the limits, the error codes and the one
// table of host functions that a Brain's module may import.
//
// It is a leaf: it imports the standard library only and compiles for every target,
// wasip1 included, because guests, host, client and state machine all speak it.
//
// The three things to read first are [Functions] (the host-function table from which
// guest stubs, host registration and docs/ABI.md are made), [Manifest] (what a module
// says about itself) and [Errno] (the closed list of error codes that a guest can see).
//
// # Caveats
//
// Nothing in this package carries a value of a user. A [Handle] names a node of the
// Program under construction; it never gives access to data. Constants whose comment
// says "do not renumber" are part of the wire format or of a digest.
package abi
