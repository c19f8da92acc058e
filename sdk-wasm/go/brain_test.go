package brain

import (
	"errors"
	"math"
	"slices"
	"strings"
	"testing"
)

// fakeHost records calls and answers from its fields; the embedded nil Host makes a call
// that a test did not expect stand out.
type fakeHost struct {
	Host
	texts  map[string]string
	number float64
	fail   Errno
	calls  []string
	values []int64
}

func (f *fakeHost) note(name string) int64 {
	f.calls = append(f.calls, name)
	if f.fail != 0 {
		return -int64(f.fail)
	}
	return int64(len(f.calls))
}

func (f *fakeHost) RequestText(name string, buf []byte) int32 {
	text, ok := f.texts[name]
	if !ok {
		return -int32(ErrnoAbsent)
	}
	copy(buf, text)
	return int32(len(text))
}

func (f *fakeHost) RequestNumber(_, key string, out *float64) int32 {
	switch key {
	case "here":
		*out = f.number
		return 0
	case "gone":
		return -int32(ErrnoAbsent)
	default:
		return -int32(ErrnoName)
	}
}

func (f *fakeHost) EncodePut(string, int32, []float64) int32 { return int32(f.note("encode_put")) }
func (f *fakeHost) Input(string) int64                       { return f.note("input") }
func (f *fakeHost) Mul(_, _ int64) int64                     { return f.note("mul") }
func (f *fakeHost) Rotate(int64, int32) int64                { return f.note("rotate") }
func (f *fakeHost) Output(string, int64) int32               { return int32(f.note("output")) }

func (f *fakeHost) Constant(values []int64, _ int32) int64 {
	f.values = slices.Clone(values)
	return f.note("constant")
}

func (f *fakeHost) Result(_ string, buf []float64) int32 {
	copy(buf, []float64{1, 2, 3})
	return 3
}

type testBrain struct {
	encode func(*Request, *Encoder) error
	infer  func(*Graph) error
	decode func(*Result, *Answer) error
}

func (b testBrain) Encode(r *Request, e *Encoder) error { return b.encode(r, e) }
func (b testBrain) Infer(g *Graph) error                { return b.infer(g) }
func (b testBrain) Decode(r *Result, a *Answer) error   { return b.decode(r, a) }

func TestTextReadsBeyondTheFirstBuffer(t *testing.T) {
	for _, n := range []int{0, 1, readBytesFirst, readBytesFirst + 1, 100_000} {
		want := strings.Repeat("é", n)[:n]
		r := Request{newCall(&fakeHost{texts: map[string]string{"t": want}})}
		if got, ok := r.Text("t"); !ok || got != want {
			t.Errorf("%d bytes: got %d bytes, ok %t", n, len(got), ok)
		}
	}
}

func TestAbsentIsNoError(t *testing.T) {
	r := Request{newCall(&fakeHost{number: 7})}
	if _, ok := r.Text("optional"); ok || r.Err() != nil {
		t.Errorf("text: ok %t, error %v", ok, r.Err())
	}
	if _, ok := r.NumberIn("features", "gone"); ok || r.Err() != nil {
		t.Errorf("number: ok %t, error %v", ok, r.Err())
	}
	if v, ok := r.NumberIn("features", "here"); !ok || v != 7 {
		t.Errorf("got %v, %t", v, ok)
	}
	if _, ok := r.NumberIn("features", "unknown"); ok || !errors.Is(r.Err(), ErrnoName) {
		t.Errorf("unknown key: ok %t, error %v", ok, r.Err())
	}
}

func TestFirstErrorIsKeptAndStopsCalls(t *testing.T) {
	h := &fakeHost{fail: ErrnoDepth}
	err := RunInfer(h, testBrain{infer: func(g *Graph) error {
		x := g.Mul(Vector{}, Vector{})
		h.fail = ErrnoName
		g.Output("y", g.Mul(x, x))
		return nil
	}})
	var host *HostError
	if !errors.As(err, &host) || host.Function != "mul" || host.Code != ErrnoDepth {
		t.Errorf("error %v, want depth from mul", err)
	}
	if len(h.calls) != 1 {
		t.Errorf("host calls after the error: %v", h.calls)
	}
}

func TestAuthorsErrorComesFirst(t *testing.T) {
	mine := errors.New("mine")
	encode := func(_ *Request, e *Encoder) error {
		e.Put("x", 0, []float64{1})
		return mine
	}
	err := RunEncode(&fakeHost{fail: ErrnoRange}, testBrain{encode: encode})
	if !errors.Is(err, mine) {
		t.Errorf("error %v", err)
	}
}

func TestNumbersBeyond32BitsAreRefusedNotCut(t *testing.T) {
	h := &fakeHost{}
	e := Encoder{newCall(h)}
	e.Put("x", 1<<32, []float64{1})
	if !errors.Is(e.Err(), ErrnoRange) || len(h.calls) != 0 {
		t.Errorf("error %v, calls %v", e.Err(), h.calls)
	}
}

func TestFixedRoundsHalvesToEven(t *testing.T) {
	h := &fakeHost{}
	g := Graph{newCall(h)}
	g.Fixed(1, 0.25, 0.75, -0.25, -0.75, 1.5, 0)
	if want := []int64{0, 2, 0, -2, 3, 0}; !slices.Equal(h.values, want) {
		t.Errorf("mantissas %v, want %v", h.values, want)
	}
	for _, v := range []float64{math.NaN(), math.Inf(1), 1 << 62} {
		g := Graph{newCall(h)}
		if g.Fixed(1, v); !errors.Is(g.Err(), ErrnoRange) {
			t.Errorf("%v: error %v", v, g.Err())
		}
	}
}

func TestValues(t *testing.T) {
	r := Result{newCall(&fakeHost{})}
	if got := r.Values("y"); !slices.Equal(got, []float64{1, 2, 3}) {
		t.Errorf("got %v", got)
	}
}

func TestWithoutServe(t *testing.T) {
	if err := RunDecode(&fakeHost{}, nil); !errors.Is(err, ErrNotServed) {
		t.Errorf("error %v", err)
	}
}
