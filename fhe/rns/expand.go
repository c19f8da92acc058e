package rns

import (
	"crypto/sha3"
	"encoding/binary"
	"fmt"
)

const (
	// SeedBytes is the length of a seed for [ExpandUniform].
	SeedBytes = 32

	expandLabel = "cerberus/rns/uniform/v1"
	// shakeRate is the block length of SHAKE128; reading whole blocks is fastest.
	shakeRate        = 168
	expandReadBlocks = 24
)

// ExpandUniform fills dst with residues modulo q that are uniform and independent for
// anyone who does not know the seed, and the same for everyone who does. They are
// coefficients, not transformed values.
//
// The residues are read from SHAKE128 over the concatenation, each number an unsigned
// 64-bit little-endian integer, of
//
//	23, "cerberus/rns/uniform/v1",
//	the length of domain in bytes, domain,
//	32, seed,
//	the number of indices, the indices in order,
//	q.
//
// Let w = bits.Len64(q-1) and b = ceil(w/8). The output of SHAKE128 is cut into groups
// of b bytes. A group is a little-endian integer of which the low w bits are kept; it
// becomes the next residue if it is below q and is skipped otherwise. A shorter dst gets
// a prefix of what a longer one gets. Since q enters the hash, limbs of different primes
// are independent even with equal indices.
//
// It returns [ErrModulus] for q outside [2, 2^56].
func ExpandUniform(dst []uint64, q uint64, seed [SeedBytes]byte, domain string,
	index ...uint64,
) error {
	width, err := packedWidth(q)
	if err != nil {
		return fmt.Errorf("expand seed: %w", err)
	}
	hash := sha3.NewSHAKE128()
	if _, err := hash.Write(expandInput(q, seed, domain, index)); err != nil {
		return fmt.Errorf("expand seed: %w", err)
	}
	groupBytes := int(width+7) / 8
	mask := uint64(1)<<width - 1
	// What is left of a read that does not end with a group moves to the front; the word
	// that is read at the last group may reach past the data, hence the extra room.
	var buffer [shakeRate*expandReadBlocks + 2*wordBytes]byte
	held := 0
	for filled := 0; filled < len(dst); {
		end := held + shakeRate*expandReadBlocks
		if _, err := hash.Read(buffer[held:end]); err != nil {
			return fmt.Errorf("expand seed: %w", err)
		}
		at := 0
		for ; at+groupBytes <= end && filled < len(dst); at += groupBytes {
			candidate := binary.LittleEndian.Uint64(buffer[at:]) & mask
			if candidate < q {
				dst[filled] = candidate
				filled++
			}
		}
		held = copy(buffer[:], buffer[at:end])
	}
	return nil
}

// expandInput is the preimage that the comment of ExpandUniform describes.
func expandInput(q uint64, seed [SeedBytes]byte, domain string, index []uint64) []byte {
	size := len(expandLabel) + len(domain) + SeedBytes + (5+len(index))*wordBytes
	input := make([]byte, 0, size)
	input = appendPrefixed(input, expandLabel)
	input = appendPrefixed(input, domain)
	input = appendPrefixed(input, string(seed[:]))
	input = binary.LittleEndian.AppendUint64(input, uint64(len(index)))
	for _, i := range index {
		input = binary.LittleEndian.AppendUint64(input, i)
	}
	return binary.LittleEndian.AppendUint64(input, q)
}

func appendPrefixed(dst []byte, text string) []byte {
	dst = binary.LittleEndian.AppendUint64(dst, uint64(len(text)))
	return append(dst, text...)
}
