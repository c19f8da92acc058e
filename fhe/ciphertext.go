package fhe

import (
	"github.com/cerberus-host/cerberus/abi"
)

// SeedBytes is the length of a seed that uniform polynomials are expanded from.
const SeedBytes = 32

// Poly is a polynomial of the ring in RNS form: Limbs[i][j] is coefficient j modulo prime
// i, in coefficient domain, reduced to [0, q_i). A Poly that is shared must not be changed.
type Poly struct {
	Limbs [][]uint64
}

// Ciphertext is one RLWE ciphertext of degree 1: C[0] + C[1]*s decrypts. It carries the
// metadata that its blob's header carries; a node compares them with the Plan's and uses
// the Plan's.
type Ciphertext struct {
	Packing        abi.Packing
	Length, Period int
	Level          int
	Scale          Scale
	C              [2]Poly
	// Seed, if Seeded, is what C[1] was expanded from; such a ciphertext travels without
	// C[1]. Index tells apart the ciphertexts of one vector.
	Seeded bool
	Seed   [SeedBytes]byte
	Index  int
}
