// Package rns is the number theory below the homomorphic encryption of cerberus: the
// primes of the named parameter sets, arithmetic modulo one prime, the negacyclic
// number-theoretic transform, big-integer reference arithmetic over a basis of primes,
// the canonical packing of residues into bytes, and the expansion of a seed into
// uniform residues.
//
// The main types are [Modulus], one prime with its constants, [Table], the transform
// of one prime and ring degree, [Basis], several primes seen as one big modulus, and
// [PrimeSet], the primes of a named parameter set.
//
// # Notation
//
// N is the ring degree, a power of two. A polynomial of Z[X]/(X^N+1) modulo a prime q
// is a slice of N residues in [0, q), coefficient of X^0 first. Such a slice is also
// called a limb. A polynomial modulo Q = q_0*q_1*...*q_L is a list of limbs.
//
// # Caveats
//
// Nothing here runs in constant time: the arithmetic is for public values (ciphertexts,
// keys that are published, encoded constants) and for tests. The big-integer functions
// are exact and slow; they are the oracle that faster code is compared with. Values are
// safe for concurrent use once constructed, because nothing changes them afterwards.
//
// The package is no lattice library: it draws no randomness, knows no keys and no
// ciphertexts, and its transform is written to be read. Engines bring their own.
package rns
