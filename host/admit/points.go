package admit

import "encoding/binary"

// The runtime looks at a run's deadline where a loop begins, and nowhere else. A tree of
// calls without a loop, or a row of memory.fill, would run on for as long as it likes, and
// since native code is never preempted, Go's garbage collector and with it the whole
// process would wait. So a loop without a body is put where such code must pass:
//
//   - at the entry of a function, unless a loop of its own is the first thing that it comes
//     to, or it is a small leaf;
//   - before every operator whose time grows with a length (memory.fill, copy, init, grow).
//
// What lies between two points is at most one such operator over the guest's memory, or one
// body's worth of operators and the small leaves that it calls.
//
// Inserting it is sound anywhere between operators: its type is [] -> [], so it needs and
// leaves nothing on the stack; it is closed at once, so no branch can reach it and no label
// index changes; it names no type, function, local or global. A module that was invalid
// stays invalid, and one that was valid computes the same.

// point is `loop end`.
const point = "\x03\x40\x0b"

// patch appends a body of the module, which begins at offset start, with points inserted at
// the given offsets, which ascend.
func patch(out, body []byte, start int, at []int) []byte {
	out = appendCount(out, len(body)+len(point)*len(at))
	from := 0
	for _, offset := range at {
		out = append(out, body[from:offset-start]...)
		out = append(out, point...)
		from = offset - start
	}
	return append(out, body[from:]...)
}

// appendCount appends a count or length, which is never negative, as LEB128.
func appendCount(out []byte, n int) []byte { return binary.AppendUvarint(out, uint64(n)) }
