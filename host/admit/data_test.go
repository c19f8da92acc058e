package admit

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/cerberus-host/cerberus/host/admit/wasm"
	w "github.com/cerberus-host/cerberus/host/wasmtest"
)

// image is the memory that segments write, for at most the given number of bytes.
func image(t *testing.T, segments []dataSegment, bytes int) []byte {
	t.Helper()
	memory := make([]byte, bytes)
	for _, s := range segments {
		if s.end() > uint64(bytes) {
			t.Fatalf("a segment at %d of %d bytes is out of bounds", s.offset, len(s.content))
		}
		copy(memory[s.offset:], s.content)
	}
	return memory
}

// reach is where the last segment ends: what decides whether an instance can be made.
func reach(segments []dataSegment) (end uint64) {
	for _, s := range segments {
		end = max(end, s.end())
	}
	return end
}

// TestJoinedSegmentsWriteTheSame: random segments in random order, some of them touching or
// overlapping, some empty.
func TestJoinedSegmentsWriteTheSame(t *testing.T) {
	const memory = 4096
	rng := rand.New(rand.NewPCG(1, 2))
	joins, overlaps := 0, 0
	for range 2000 {
		var segments []dataSegment
		at := rng.IntN(100)
		for range rng.IntN(30) {
			content := make([]byte, rng.IntN(20))
			for i := range content {
				content[i] = byte(1 + rng.IntN(255))
			}
			segments = append(segments, dataSegment{uint32(at), content})
			at += len(content) + rng.IntN(2*joinGapMax)
			if rng.IntN(100) == 0 {
				at -= min(at, 3)
			}
		}
		rng.Shuffle(len(segments), func(i, j int) {
			segments[i], segments[j] = segments[j], segments[i]
		})
		joined := joinSegments(segments)
		if joined == nil {
			overlaps++
			continue
		}
		joins++
		if len(joined) >= len(segments) {
			t.Fatalf("%d segments became %d", len(segments), len(joined))
		}
		if !bytes.Equal(image(t, joined, memory), image(t, segments, memory)) {
			t.Fatalf("%v was joined to %v", segments, joined)
		}
		if reach(joined) != reach(segments) {
			t.Fatalf("the reach %d became %d", reach(segments), reach(joined))
		}
	}
	if joins < 500 || overlaps < 100 {
		t.Errorf("%d joins and %d refusals prove little", joins, overlaps)
	}
}

func TestJoinSegments(t *testing.T) {
	seg := func(offset uint32, content string) dataSegment {
		return dataSegment{offset, []byte(content)}
	}
	const top = 1<<32 - 2
	for _, c := range []struct {
		name     string
		in, want []dataSegment
	}{
		{"none", nil, nil},
		{"one", []dataSegment{seg(5, "a")}, nil},
		{"touching", []dataSegment{seg(5, "a"), seg(6, "b")}, []dataSegment{seg(5, "ab")}},
		{"gap", []dataSegment{seg(5, "a"), seg(8, "b")}, []dataSegment{seg(5, "a\x00\x00b")}},
		{"far", []dataSegment{seg(0, "a"), seg(2+joinGapMax, "b")}, nil},
		{"backwards", []dataSegment{seg(6, "b"), seg(5, "a")}, []dataSegment{seg(5, "ab")}},
		{"overlap", []dataSegment{seg(5, "ab"), seg(6, "c"), seg(7, "d")}, nil},
		{"twice the same", []dataSegment{seg(5, "a"), seg(5, "b")}, nil},
		{"empty at the end", []dataSegment{seg(5, "a"), seg(6, "")}, []dataSegment{seg(5, "a")}},
		{"empty inside", []dataSegment{seg(5, "abc"), seg(6, "")}, nil},
		{"past the end", []dataSegment{seg(top, "abc"), seg(top-1, "d")}, []dataSegment{seg(top-1, "dabc")}},
	} {
		same := func(a, b dataSegment) bool {
			return a.offset == b.offset && bytes.Equal(a.content, b.content)
		}
		if got := joinSegments(c.in); !slices.EqualFunc(got, c.want, same) {
			t.Errorf("%s: got %v, want %v", c.name, got, c.want)
		}
	}
}

func TestOffsetsAreWrittenAsTheyAreRead(t *testing.T) {
	for _, v := range []int32{0, 1, 63, 64, 8191, 8192, 1 << 20, 1<<31 - 1, -1, -64, -65, -1 << 31} {
		number := appendSigned(nil, v)
		r := wasm.NewReader(number, 0, len(number), "test")
		if got, err := r.S32(); got != v || err != nil || r.Left() != 0 {
			t.Errorf("%d: got %d, %v", v, got, err)
		}
	}
}

// TestWalkJoins: what the walk does with whole data sections, and what it leaves alone.
func TestWalkJoins(t *testing.T) {
	segment := func(head []byte, content string) []byte { return w.Cat(head, w.Name(content)) }
	at := func(offset int) []byte { return w.Cat([]byte{0}, w.I32Const(offset), []byte{0x0b}) }
	explicit := func(offset int) []byte { return append([]byte{2}, at(offset)...) }
	far := segment(at(1000), "c")
	two := w.Cat(segment(at(8), "a"), segment(at(10), "b"))
	for _, c := range []struct {
		name      string
		dataCount bool
		in, want  []byte
	}{
		{"joined", false, w.Cat(w.U32(3), two, far), w.Cat(w.U32(2), segment(at(8), "a\x00b"), far)},
		{"data count", true, w.Cat(w.U32(2), two), nil},
		{"passive", false, w.Cat(w.U32(3), two, segment([]byte{1}, "c")), nil},
		{
			"explicit memory", false, w.Cat(w.U32(3), two, segment(explicit(1000), "c")),
			w.Cat(w.U32(2), segment(at(8), "a\x00b"), far),
		},
		{"nothing to join", false, w.Cat(w.U32(2), segment(at(8), "a"), far), nil},
	} {
		module := func(data []byte) []byte {
			whole := w.Brain(nil, nil, nil).Bytes()
			bodies := w.Repeat([]byte{2, 0, 0x0b}, 4)
			code := bytes.LastIndex(whole, w.Section(10, w.U32(4), bodies))
			var count []byte
			if c.dataCount {
				count = w.Section(12, data[:1])
			}
			return w.Cat(whole[:code], count, whole[code:], w.Section(11, data))
		}
		read, err := walk(w.Attach(t, module(c.in)))
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		want := module(c.in)
		if c.want != nil {
			want = module(c.want)
		}
		if !bytes.Equal(read.code, want) {
			t.Errorf("%s: code\n%x\nwant\n%x", c.name, read.code, want)
		}
		if read.facts.DataSegments != int(c.in[0]) {
			t.Errorf("%s: %d segments are told", c.name, read.facts.DataSegments)
		}
	}
}
