package fhe

import (
	"slices"
)

// EvalKey is a gadget ciphertext, the key-switching key from some s' to s: for digit d,
// B[d] = -A[d]*s + e + P*g_d*s' over all primes of Q and P, where g_d is 1 modulo the
// primes of digit d and 0 modulo the other primes of Q. A[d] is not stored: it is expanded
// from the key set's seed.
type EvalKey struct {
	// Galois is the element of the automorphism whose image of s is s'; 0 stands for the
	// relinearisation key, where s' = s^2.
	Galois uint64
	// B has one polynomial per digit, limbs ordered q_0..q_L, p_0..p_k.
	B []Poly
}

// KeySet is a client's public evaluation keys for one parameter set: content-addressed,
// never containing a secret. Keys are sorted by Galois element, the relinearisation key
// (element 0) first if present.
type KeySet struct {
	Params *Params
	Seed   [SeedBytes]byte
	Keys   []EvalKey
}

// Key returns the key of that Galois element (0: relinearisation).
func (k *KeySet) Key(galois uint64) (EvalKey, bool) {
	i, ok := slices.BinarySearchFunc(k.Keys, galois, func(e EvalKey, g uint64) int {
		switch {
		case e.Galois < g:
			return -1
		case e.Galois > g:
			return 1
		default:
			return 0
		}
	})
	if !ok {
		return EvalKey{}, false
	}
	return k.Keys[i], true
}
