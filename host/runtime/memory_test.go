package runtime

import (
	"testing"
)

// TestLinearMemory: growing keeps what was written, adds zeros, and leaves little behind.
func TestLinearMemory(t *testing.T) {
	const page, maximum = 1 << 16, 128 << 20
	for _, start := range []uint64{page, 3 << 20, doubledBytesMax, 64 << 20, maximum} {
		m := newLinearMemory(start, maximum)
		b := m.Reallocate(start)
		if uint64(len(b)) != start {
			t.Fatalf("%d bytes are %d", start, len(b))
		}
		copies, left, room := 0, 0, cap(b)
		for size := start + page; size <= maximum; size += page {
			if len(b) > 0 {
				b[len(b)-1] = 0xa5
			}
			old := len(b)
			b = m.Reallocate(size)
			if uint64(len(b)) != size || old > 0 && b[old-1] != 0xa5 || b[len(b)-1] != 0 {
				t.Fatalf("from %d to %d bytes: wrong bytes", old, size)
			}
			if cap(b) != room {
				copies, left, room = copies+1, left+room, cap(b)
			}
		}
		if copies > 9 || left >= 4*doubledBytesMax || uint64(cap(b)) > maximum {
			t.Errorf("from %d bytes on: %d copies, %d bytes left behind, room for %d", start, copies,
				left, cap(b))
		}
	}
}
