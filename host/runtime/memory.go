package runtime

import (
	"github.com/tetratelabs/wazero/experimental"
)

// doubledBytesMax is up to what size a memory that grows is given twice what it asks for;
// beyond, it is given all that it may have. The runtime would make room for each step apart,
// and leave what it copied from behind: a guest that grows its memory page by page would take
// several times of what it may have. Room that is not used has to be cleared nevertheless, so
// a small memory is not given everything at once.
const doubledBytesMax = 8 << 20

// linearMemory is the memory of one instance. What it leaves behind when it grows is, all
// together, less than four times doubledBytesMax.
type linearMemory struct {
	bytes   []byte
	maximum uint64
}

// newLinearMemory implements [experimental.MemoryAllocatorFunc].
func newLinearMemory(_, maximum uint64) experimental.LinearMemory {
	return &linearMemory{maximum: maximum}
}

// Reallocate implements [experimental.LinearMemory]. Bytes that are new are zero, since a
// memory never shrinks.
func (m *linearMemory) Reallocate(size uint64) []byte {
	if size > uint64(cap(m.bytes)) {
		grown := make([]byte, size, m.room(size))
		copy(grown, m.bytes)
		m.bytes = grown
	}
	m.bytes = m.bytes[:size]
	return m.bytes
}

// room is the capacity of a memory of that size.
func (m *linearMemory) room(size uint64) uint64 {
	switch {
	case size > doubledBytesMax:
		return max(size, m.maximum)
	case m.bytes == nil: // most do not grow much
		return size
	default:
		return min(2*size, m.maximum)
	}
}

// Free implements [experimental.LinearMemory]. It leaves the bytes to the garbage collector,
// since a guest may still run while its runtime is closed.
func (m *linearMemory) Free() {}
