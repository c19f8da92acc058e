package runtime

import (
	"github.com/tetratelabs/wazero/experimental"
)

// The room that a guest's memory is given. The runtime would make room for each step apart,
// and leave what it copied from behind: a guest that grows its memory page by page would take
// several times of what it may have.
const (
	// grownRoomBytes is what a memory is given when it first grows: enough for most that do.
	grownRoomBytes = 32 << 20
	// startRoomBytes is from what size on a memory is given all that it may have at once.
	startRoomBytes = 16 << 20
)

// linearMemory is the memory of one instance. It grows twice at most, and what it leaves
// behind is never more than grownRoomBytes. Memory that is given and not used is address
// space, not memory of the machine.
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
	case m.bytes == nil && size < startRoomBytes:
		return size
	case m.bytes != nil && size <= grownRoomBytes:
		return min(grownRoomBytes, m.maximum)
	default:
		return max(size, m.maximum)
	}
}

// Free implements [experimental.LinearMemory]. It leaves the bytes to the garbage collector,
// since a guest may still run while its runtime is closed.
func (m *linearMemory) Free() {}
