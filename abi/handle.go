package abi

import "fmt"

// Handle is what a guest holds of a node of the Program. It packs an index (bits 0-31)
// and a generation (bits 32-62); the sign bit is clear, so that a negative i64 is an
// [Errno]. The generation is a fixed function of the run's entry point and the index, so
// a handle tells a guest nothing that module and public arguments did not fix.
type Handle int64

// handleGenerationMask keeps a generation within 31 bits.
const handleGenerationMask = 1<<31 - 1

// NewHandle packs an index and a generation; the generation is cut to 31 bits.
func NewHandle(index, generation uint32) Handle {
	return Handle(int64(generation&handleGenerationMask)<<32 | int64(index))
}

// Index returns the index part.
func (h Handle) Index() uint32 { return uint32(uint64(h) & 0xffffffff) }

// Generation returns the generation part.
func (h Handle) Generation() uint32 { return uint32(uint64(h)>>32) & handleGenerationMask }

// Valid reports whether h can be a handle at all.
func (h Handle) Valid() bool { return h >= 0 }

// String prints index and generation.
func (h Handle) String() string { return fmt.Sprintf("%d.%d", h.Index(), h.Generation()) }
