package admit

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"slices"

	"github.com/cerberus-host/cerberus/host/admit/wasm"
)

// A module built with Go has tens of thousands of data segments, because its linker leaves
// runs of zeros out, and the runtime evaluates the offset of each for every new instance:
// more than half of what an instance costs. So neighbours are joined, with zeros between
// them.
//
// That writes the same memory: it is the module's own and all zeros before, and segments
// that do not overlap can be written in any order. A segment out of bounds stays so, since
// what is joined begins and ends where its parts do. It is only done where nothing can name
// a segment (the operators that do need a data count section), and where every segment is
// written at a constant offset.

// joinGapMax is the longest run of zeros that joins two segments. The zeros of a module are
// at most this times [DataSegmentsMax], 2 MiB.
const joinGapMax = 32

// dataSegment is an active segment with a constant offset.
type dataSegment struct {
	offset  uint32
	content []byte
}

// end is the offset of the byte behind the segment.
func (s dataSegment) end() uint64 { return uint64(s.offset) + uint64(len(s.content)) }

// appendCount appends a count or length, which is never negative, as LEB128.
func appendCount(out []byte, n int) []byte { return binary.AppendUvarint(out, uint64(n)) }

// appendSigned appends a number as signed LEB128 in its shortest encoding.
func appendSigned(out []byte, v int32) []byte {
	for {
		b := byte(v & 0x7f)
		v >>= 7
		if v == 0 && b&0x40 == 0 || v == -1 && b&0x40 != 0 {
			return append(out, b)
		}
		out = append(out, b|0x80)
	}
}

// joinSegments returns fewer segments that write the same memory, in ascending order; nil
// if two overlap, or if none can be joined.
func joinSegments(segments []dataSegment) []dataSegment {
	sorted := slices.Clone(segments)
	slices.SortStableFunc(sorted, func(a, b dataSegment) int {
		return cmp.Compare(a.offset, b.offset)
	})
	var joined []dataSegment
	for _, s := range sorted {
		if len(joined) == 0 {
			joined = append(joined, dataSegment{s.offset, bytes.Clone(s.content)})
			continue
		}
		last := &joined[len(joined)-1]
		switch start := uint64(s.offset); {
		case start < last.end():
			return nil
		case start-last.end() > joinGapMax:
			joined = append(joined, dataSegment{s.offset, bytes.Clone(s.content)})
		default:
			last.content = append(last.content, make([]byte, start-last.end())...)
			last.content = append(last.content, s.content...)
		}
	}
	if len(joined) == len(segments) {
		return nil
	}
	return joined
}

// appendSegments appends the payload of a data section.
func appendSegments(out []byte, segments []dataSegment) []byte {
	out = appendCount(out, len(segments))
	for _, s := range segments {
		out = append(out, 0, byte(wasm.OpI32Const))
		out = appendSigned(out, int32(s.offset))
		out = append(out, byte(wasm.OpEnd))
		out = binary.AppendUvarint(out, uint64(len(s.content)))
		out = append(out, s.content...)
	}
	return out
}
