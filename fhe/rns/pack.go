package rns

import "math/bits"

// ResidueBits returns the width in which a residue modulo q is packed: the number of
// bits of q-1, the largest residue.
func ResidueBits(q uint64) int { return bits.Len64(q - 1) }
