package braintest

import (
	"encoding/binary"
	"math"

	"github.com/cerberus-host/cerberus/abi"
	"github.com/cerberus-host/cerberus/host/hostcall"
	brain "github.com/cerberus-host/cerberus/sdk-wasm/go"
)

// host is a brain.Host over the real host functions: it lays the arguments of each call
// into a memory of its own, as a module would have them in its own.
type host struct {
	run       *hostcall.Run
	functions map[string]hostcall.Binding
	memory    memory
}

var _ brain.Host = (*host)(nil)

func newHost(run *hostcall.Run) (*host, error) {
	bindings, err := hostcall.Bindings()
	if err != nil {
		return nil, err
	}
	h := &host{run: run, functions: map[string]hostcall.Binding{}}
	for _, b := range bindings {
		if b.Module == abi.ImportModule {
			h.functions[b.Name] = b
		}
	}
	return h, nil
}

// memory is what one call's arguments lie in.
type memory []byte

// Read implements hostcall.Memory.
func (m memory) Read(offset, n uint32) ([]byte, bool) {
	if uint64(offset)+uint64(n) > uint64(len(m)) {
		return nil, false
	}
	return m[offset : offset+n], true
}

// Write implements hostcall.Memory.
func (m memory) Write(offset uint32, p []byte) bool {
	b, ok := m.Read(offset, uint32(len(p)))
	copy(b, p)
	return ok
}

// text lays a string into memory and returns pointer and length.
func (h *host) text(s string) (ptr, n uint64) { return h.room(len(s), []byte(s)), uint64(len(s)) }

// room makes room for n bytes that begin with p.
func (h *host) room(n int, p []byte) uint64 {
	at := len(h.memory)
	h.memory = append(h.memory, make([]byte, n)...)
	copy(h.memory[at:], p)
	return uint64(at)
}

// numbers lays eight-byte numbers into memory.
func (h *host) numbers(n int, bits func(i int) uint64) uint64 {
	at := h.room(8*n, nil)
	for i := range n {
		binary.LittleEndian.PutUint64(h.memory[at+8*uint64(i):], bits(i))
	}
	return at
}

// call runs a function and forgets its arguments when the caller begins the next one.
func (h *host) call(name string, params ...uint64) int64 {
	f := h.functions[name]
	f.Call(h.run, h.memory, params)
	if f.Result == abi.I32 {
		return int64(int32(uint32(params[0])))
	}
	return int64(params[0])
}

func (h *host) begin() { h.memory = h.memory[:0] }

// read runs a function that fills a buffer of bytes behind a name.
func (h *host) read(function, name string, buf []byte) int32 {
	h.begin()
	p, n := h.text(name)
	at := h.room(len(buf), nil)
	result := h.call(function, p, n, at, uint64(len(buf)))
	copy(buf, h.memory[at:])
	return int32(result)
}

// told runs a function whose only argument is a text.
func (h *host) told(function, text string) int64 {
	h.begin()
	p, n := h.text(text)
	return h.call(function, p, n)
}

func i32(v int32) uint64 { return uint64(uint32(v)) }

func (h *host) Log(text string) int32  { return int32(h.told("log", text)) }
func (h *host) Fail(text string) int32 { return int32(h.told("fail", text)) }

func (h *host) Arg(name string, buf []byte) int32 { return h.read("arg", name, buf) }

func (h *host) RequestText(name string, buf []byte) int32 {
	return h.read("request_text", name, buf)
}

func (h *host) RequestNumber(name, key string, out *float64) int32 {
	h.begin()
	p, n := h.text(name)
	kp, kn := h.text(key)
	at := h.room(8, nil)
	result := h.call("request_number", p, n, kp, kn, at)
	*out = math.Float64frombits(binary.LittleEndian.Uint64(h.memory[at:]))
	return int32(result)
}

func (h *host) EncodePut(name string, offset int32, values []float64) int32 {
	h.begin()
	p, n := h.text(name)
	at := h.numbers(len(values), func(i int) uint64 { return math.Float64bits(values[i]) })
	return int32(h.call("encode_put", p, n, i32(offset), at, uint64(len(values))))
}

func (h *host) Input(name string) int64 { return h.told("input", name) }

func (h *host) Constant(values []int64, frac int32) int64 {
	h.begin()
	at := h.numbers(len(values), func(i int) uint64 { return uint64(values[i]) })
	return h.call("constant", at, uint64(len(values)), i32(frac))
}

func (h *host) Model(name string, offset, count int32) int64 {
	h.begin()
	p, n := h.text(name)
	return h.call("model", p, n, i32(offset), i32(count))
}

func (h *host) Add(a, b int64) int64      { return h.call("add", uint64(a), uint64(b)) }
func (h *host) Sub(a, b int64) int64      { return h.call("sub", uint64(a), uint64(b)) }
func (h *host) Mul(a, b int64) int64      { return h.call("mul", uint64(a), uint64(b)) }
func (h *host) MulPlain(a, c int64) int64 { return h.call("mul_plain", uint64(a), uint64(c)) }
func (h *host) Neg(a int64) int64         { return h.call("neg", uint64(a)) }
func (h *host) Sum(a int64) int64         { return h.call("sum", uint64(a)) }
func (h *host) Dot(a, c int64) int64      { return h.call("dot", uint64(a), uint64(c)) }
func (h *host) Poly(a, c int64) int64     { return h.call("poly", uint64(a), uint64(c)) }

func (h *host) Rotate(a int64, by int32) int64 { return h.call("rotate", uint64(a), i32(by)) }

func (h *host) Matvec(m, a int64, rows, cols int32) int64 {
	return h.call("matvec", uint64(m), uint64(a), i32(rows), i32(cols))
}

func (h *host) Chebyshev(a, c, lo, hi int64, frac int32) int64 {
	return h.call("chebyshev", uint64(a), uint64(c), uint64(lo), uint64(hi), i32(frac))
}

func (h *host) Output(name string, a int64) int32 {
	h.begin()
	p, n := h.text(name)
	return int32(h.call("output", p, n, uint64(a)))
}

func (h *host) Result(name string, buf []float64) int32 {
	h.begin()
	p, n := h.text(name)
	at := h.room(8*len(buf), nil)
	result := h.call("result", p, n, at, uint64(len(buf)))
	for i := range buf {
		buf[i] = math.Float64frombits(binary.LittleEndian.Uint64(h.memory[at+8*uint64(i):]))
	}
	return int32(result)
}

func (h *host) AnswerLabel(label string) int32 { return int32(h.told("answer_label", label)) }

func (h *host) AnswerNumber(name string, value float64) int32 {
	h.begin()
	p, n := h.text(name)
	return int32(h.call("answer_number", p, n, math.Float64bits(value)))
}
