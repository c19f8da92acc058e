package fhe

import (
	"fmt"

	"github.com/cerberus-host/cerberus/abi"
)

// SeedBytes is the length of a seed that uniform polynomials are expanded from.
const SeedBytes = 32

// ciphertextDomain separates the polynomials of ciphertexts from those of keys.
const ciphertextDomain = "cerberus/ciphertext/v1"

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
	// C[1], which is there nevertheless wherever a Ciphertext is. Index is the position in
	// the vector and tells apart the ciphertexts of one seed.
	Seeded bool
	Seed   [SeedBytes]byte
	Index  int
}

// ExpandCiphertext returns the polynomial C[1] of the ciphertext with that seed, position
// and level. A seed belongs to one vector: using it for a second encryption breaks both.
func ExpandCiphertext(p *Params, seed [SeedBytes]byte, index, level int) (Poly, error) {
	if level < 0 || level > p.MaxLevel() || index < 0 {
		return Poly{}, fmt.Errorf("%w: level %d, index %d", ErrRange, level, index)
	}
	return expandPoly(p.N(), p.Moduli(level), seed, ciphertextDomain, uint64(index))
}

// CiphertextCount returns the number of ciphertexts that a vector takes: one with slot
// packing, ceil(length/N) with coefficient packing.
func CiphertextCount(p *Params, packing abi.Packing, length int) int {
	if packing == abi.PackCoeffs {
		return (length + p.N() - 1) / p.N()
	}
	return 1
}

// checkShape holds packing, length and period of a vector to their rules.
func checkShape(p *Params, packing abi.Packing, length, period int) *FormatError {
	if length < 1 || length > abi.VectorLengthMax {
		return formatError("length", "%d is outside [1, %d]", length, abi.VectorLengthMax)
	}
	switch packing {
	case abi.PackCoeffs:
		if period != 0 {
			return formatError("period", "%d, must be 0 with coefficient packing", period)
		}
	case abi.PackSlots:
		if period < length || period > p.Slots() || period&(period-1) != 0 {
			return formatError("period", "%d is no power of two in [%d, %d]", period, length,
				p.Slots())
		}
	default:
		return formatError("packing", "%.20q is neither slots nor coeffs", packing)
	}
	return nil
}
