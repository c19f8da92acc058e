package meter_test

import (
	"fmt"

	"github.com/cerberus-host/cerberus/host/admit/wasm"
	w "github.com/cerberus-host/cerberus/host/wasmtest"
)

// generator makes a valid module of any bytes: each byte is a choice. When they are used up,
// it chooses what is shortest.
type generator struct {
	data  []byte
	floor int // nodes that may still be made
	types []wasm.FuncType
	out   []byte
	// labels are the types of the open blocks' ends, the innermost last; a loop's head takes
	// nothing.
	labels []wasm.Types
	// locals gives the types of the function's parameters and locals.
	locals wasm.Types
	result wasm.Types
	// plain lists the operators without indices by what they leave.
	plain map[wasm.Types][]wasm.Op
}

const (
	numbers = wasm.Types("\x7f\x7e\x7d\x7c")
	vectors = numbers + "\x7b"
	// dataBytes is the length of the passive data segment.
	dataBytes = 24
)

// imported is the type of the function that every generated module imports.
var imported = wasm.FuncType{Params: numbers[:1], Results: numbers[:1]}

// generate returns the module of these bytes. It exports f0, f1 …, memory and global.
func generate(data []byte) []byte {
	g := &generator{data: data, floor: 300, plain: map[wasm.Types][]wasm.Op{}}
	g.list()
	g.types = []wasm.FuncType{imported}
	count := 2 + g.choose(4)
	for range count {
		g.types = append(g.types, wasm.FuncType{
			Params: g.some(numbers, 3), Results: g.some(numbers, 3),
		})
	}
	var types, functions, exports, codes, elements []byte
	for k, t := range g.types {
		types = w.Cat(types, []byte{0x60}, w.Name(string(t.Params)), w.Name(string(t.Results)))
		elements = append(elements, byte(k))
		if k > 0 {
			functions = append(functions, byte(k))
			exports = w.Cat(exports, w.Name(fmt.Sprintf("f%d", k-1)), []byte{0, byte(k)})
			codes = append(codes, w.Name(string(g.function(t)))...)
		}
	}
	exports = w.Cat(exports, w.Name("memory"), []byte{2, 0})
	var globals []byte
	for k := range vectors {
		globals = append(globals, vectors[k], 1)
		globals = append(g.zero(globals, vectors[k:k+1]), 0x0b)
		exports = w.Cat(exports, w.Name(fmt.Sprintf("g%d", k)), []byte{3, byte(k)})
	}
	n := len(g.types)
	return w.Cat(w.Header(),
		w.Section(1, w.U32(n), types),
		w.Section(2, []byte{1}, w.Name("env"), w.Name("f"), []byte{0, 0}),
		w.Section(3, w.U32(n-1), functions),
		w.Section(4, []byte{1, 0x70, 0, 16}),
		w.Section(5, []byte{1, 1, 1, 3}),
		w.Section(6, w.U32(len(vectors)), globals),
		w.Section(7, w.U32(n+len(vectors)), exports),
		w.Section(9, []byte{1, 0, 0x41, 1, 0x0b}, w.U32(n), elements),
		w.Section(12, []byte{1}),
		w.Section(10, w.U32(n-1), codes),
		w.Section(11, []byte{1, 1}, w.Name(string(w.Repeat([]byte{0x5a}, dataBytes)))))
}

// list lists the plain operators.
func (g *generator) list() {
	for _, from := range []wasm.Op{0, wasm.PrefixBulk << 8, wasm.PrefixVector << 16} {
		for n := range wasm.Op(0x100) {
			info, ok := wasm.Info(from | n)
			if !ok || !info.Is(wasm.Plain) || info.Is(wasm.Bulk) || from|n == wasm.OpNop {
				continue
			}
			switch info.Immediates {
			case wasm.ImmNone, wasm.ImmMemory, wasm.ImmMemoryLane, wasm.ImmLane, wasm.ImmShuffle,
				wasm.ImmZero:
				g.plain[info.Results] = append(g.plain[info.Results], from|n)
			default:
			}
		}
	}
}

// choose returns a number below n: 0 when the bytes are used up.
func (g *generator) choose(n int) int {
	if len(g.data) == 0 {
		return 0
	}
	b := int(g.data[0])
	g.data = g.data[1:]
	return b % n
}

// some returns up to n-1 types.
func (g *generator) some(from wasm.Types, n int) wasm.Types {
	var out wasm.Types
	for range g.choose(n) {
		k := g.choose(len(from))
		out += from[k : k+1]
	}
	return out
}

func (g *generator) emit(b ...byte) { g.out = append(g.out, b...) }

// op writes an operator.
func (g *generator) op(op wasm.Op) {
	switch {
	case op < 0x100:
		g.emit(byte(op))
	case op>>8 == wasm.PrefixBulk:
		g.emit(wasm.PrefixBulk, byte(op))
	default:
		g.emit(wasm.PrefixVector)
		g.emit(w.U32(int(op & 0xff))...)
	}
}

func (g *generator) function(t wasm.FuncType) []byte {
	g.out, g.labels = nil, nil
	g.locals, g.result = t.Params+vectors+vectors, t.Results
	g.emit(byte(2 * len(vectors)))
	for k := range 2 * len(vectors) {
		g.emit(1, vectors[k%len(vectors)])
	}
	g.labels = append(g.labels, t.Results)
	g.statements(6)
	for k := range t.Results {
		g.value(t.Results[k:k+1], 5)
	}
	g.emit(0x0b)
	return g.out
}

// zero appends the constant zero.
func (g *generator) zero(out []byte, t wasm.Types) []byte {
	switch t.At(0) {
	case wasm.I32:
		return append(out, 0x41, 0)
	case wasm.I64:
		return append(out, 0x42, 0)
	case wasm.F32:
		return append(out, 0x43, 0, 0, 0, 0)
	case wasm.F64:
		return append(out, 0x44, 0, 0, 0, 0, 0, 0, 0, 0)
	default:
		return append(append(out, 0xfd, 12), make([]byte, 16)...)
	}
}

// constant writes a constant; a third of the floats are NaN.
func (g *generator) constant(t wasm.Types) {
	start := len(g.out)
	g.out = g.zero(g.out, t)
	switch t.At(0) {
	case wasm.I32, wasm.I64:
		g.out[start+1] = byte(g.choose(0x80))
	case wasm.F32, wasm.F64, wasm.V128:
		bits := g.out[len(g.out)-4:]
		bits[0], bits[2], bits[3] = byte(g.choose(256)), byte(g.choose(256)), byte(g.choose(256))
		if g.choose(3) == 0 {
			set := byte(0xf1) // both quiet and signalling NaNs
			if t.At(0) == wasm.F32 {
				set = 0x81
			}
			bits[2], bits[3] = bits[2]|set, bits[3]|0x7f
		}
	default:
	}
}

// local returns a local of a type, the first or the second.
func (g *generator) local(t wasm.Types) []byte {
	var fit []int
	for k := range g.locals {
		if g.locals[k:k+1] == t {
			fit = append(fit, k)
		}
	}
	return w.U32(fit[g.choose(len(fit))])
}

// address writes an address, which is in the memory most of the time.
func (g *generator) address(depth int) {
	g.value(numbers[:1], depth-1)
	if g.choose(8) != 7 {
		g.emit(0x41, 0xff, 0x3f, 0x71) // and 8191
	}
}

// value writes code that leaves a value of type t.
func (g *generator) value(t wasm.Types, depth int) {
	g.floor--
	choice := g.choose(20)
	if depth <= 0 || g.floor <= 0 {
		choice %= 3
	}
	switch choice {
	case 0:
		g.emit(0x20)
		g.emit(g.local(t)...)
	case 1:
		g.constant(t)
	case 2:
		k := 0
		for vectors[k] != t[0] {
			k++
		}
		g.emit(0x23, byte(k))
	case 3:
		g.value(t, depth-1)
		g.emit(0x22)
		g.emit(g.local(t)...)
	case 4:
		g.value(t, depth-1)
		g.value(t, depth-1)
		g.value(numbers[:1], depth-1)
		g.emit(0x1c, 1, t[0])
	case 5, 6:
		g.block(t, depth)
	case 7:
		g.call(t, depth)
	case 8:
		g.branchWithValue(t, depth)
	default:
		g.operator(t, depth)
	}
}

// operator writes a plain operator and what it takes.
func (g *generator) operator(t wasm.Types, depth int) {
	ops := g.plain[t]
	op := ops[(g.choose(256)<<8|g.choose(256))%len(ops)]
	g.plainOp(op, depth)
}

func (g *generator) plainOp(op wasm.Op, depth int) {
	info, _ := wasm.Info(op)
	memory := info.Immediates == wasm.ImmMemory || info.Immediates == wasm.ImmMemoryLane
	for k := range info.Params {
		if memory && k == 0 {
			g.address(depth)
			continue
		}
		g.value(info.Params[k:k+1], depth-1)
	}
	g.immediates(op, &info)
}

// immediates writes an operator with what follows it.
func (g *generator) immediates(op wasm.Op, info *wasm.OpInfo) {
	g.op(op)
	switch info.Immediates {
	case wasm.ImmMemory:
		g.emit(0, byte(g.choose(64)))
	case wasm.ImmLane:
		g.emit(byte(g.choose(16 / int(info.Bytes))))
	case wasm.ImmMemoryLane:
		g.emit(0, byte(g.choose(64)), byte(g.choose(16/int(info.Bytes))))
	case wasm.ImmShuffle:
		for range 16 {
			g.emit(byte(g.choose(32)))
		}
	case wasm.ImmZero:
		g.emit(0)
	default:
	}
}

// block writes a block, loop or if that leaves a value, or nothing.
func (g *generator) block(t wasm.Types, depth int) {
	spelled := byte(0x40)
	if len(t) == 1 {
		spelled = t[0]
	}
	kind := g.choose(4)
	label := t
	switch kind {
	case 0:
		g.emit(0x02, spelled)
	case 1:
		g.emit(0x03, spelled)
		label = ""
	default:
		g.value(numbers[:1], depth-1)
		g.emit(0x04, spelled)
	}
	g.labels = append(g.labels, label)
	arm := func() {
		g.statements(depth - 1)
		if len(t) == 1 {
			g.value(t, depth-1)
		}
	}
	arm()
	if kind == 2 || kind == 3 && len(t) == 1 {
		g.emit(0x05)
		arm()
	}
	g.labels = g.labels[:len(g.labels)-1]
	g.emit(0x0b)
}

// call writes a call of a function that leaves what is asked for, or of any if that is
// nothing.
func (g *generator) call(t wasm.Types, depth int) {
	k := g.choose(len(g.types))
	if t != "" && g.types[k].Results != t {
		g.value(t, depth-1)
		return
	}
	for n := range g.types[k].Params {
		g.value(g.types[k].Params[n:n+1], depth-1)
	}
	if g.choose(3) != 0 {
		g.emit(0x10, byte(k))
	} else {
		g.value(numbers[:1], depth-1)
		g.emit(0x41, 7, 0x71, 0x11, byte(k), 0) // an index below 8
	}
	if t == "" {
		g.emit(w.Repeat([]byte{0x1a}, len(g.types[k].Results))...)
	}
}

// branchWithValue writes a conditional branch that carries a value, where a label takes it.
func (g *generator) branchWithValue(t wasm.Types, depth int) {
	label := g.choose(len(g.labels))
	g.value(t, depth-1)
	if g.labels[len(g.labels)-1-label] == t {
		g.value(numbers[:1], depth-1)
		g.emit(0x0d, byte(label))
	}
}

// statements writes code that leaves nothing. Behind a branch it writes no more.
func (g *generator) statements(depth int) {
	for range g.choose(5) {
		if g.floor <= 0 || !g.statement(depth) {
			return
		}
	}
}

// statement reports whether the code behind it can be reached.
func (g *generator) statement(depth int) bool {
	g.floor--
	k := g.choose(len(vectors))
	t := vectors[k : k+1]
	switch g.choose(16) {
	case 0, 1:
		g.value(t, depth-1)
		g.emit(0x21)
		g.emit(g.local(t)...)
	case 2:
		g.value(t, depth-1)
		g.emit(0x24, byte(k))
	case 3, 4:
		stores := g.plain[""]
		g.plainOp(stores[g.choose(len(stores))], depth)
	case 5:
		g.call("", depth)
	case 6, 7, 8:
		g.block("", depth)
	case 9:
		g.bulk(depth)
	case 10, 11, 12, 13:
		return g.branch(depth)
	case 14:
		g.value(t, depth-1)
		g.emit(0x1a)
	default:
		if g.choose(8) == 0 {
			g.emit(0x00)
			return false
		}
		g.emit(0x01)
	}
	return true
}

// bulk writes an operator whose time grows with a length.
func (g *generator) bulk(depth int) {
	switch g.choose(5) {
	case 0:
		g.value(numbers[:1], depth-1)
		g.emit(0x41, 3, 0x71, 0x40, 0, 0x1a) // grow by up to three pages
	case 1:
		g.emit(0xfc, 9, 0) // data.drop
	default:
		g.address(depth)
		g.address(depth)
		if g.choose(2) == 0 {
			g.emit(0x41, dataBytes/2)
		} else {
			g.address(depth)
		}
		g.out = append(g.out, []string{
			"\xfc\x0a\x00\x00", "\xfc\x0b\x00", "\xfc\x08\x00\x00",
		}[g.choose(3)]...)
	}
}

// branch writes a branch, table or return; it reports whether what follows can be reached.
func (g *generator) branch(depth int) bool {
	label := g.choose(len(g.labels))
	takes := g.labels[len(g.labels)-1-label]
	values := func() {
		for k := range takes {
			g.value(takes[k:k+1], depth-1)
		}
	}
	switch g.choose(5) {
	case 0:
		values()
		g.emit(0x0c, byte(label))
		return false
	case 1:
		takes = g.result
		values()
		g.emit(0x0f)
		return false
	case 2:
		other := g.choose(len(g.labels))
		if g.labels[len(g.labels)-1-other] != takes {
			other = label
		}
		values()
		g.value(numbers[:1], depth-1)
		g.emit(0x41, 3, 0x71, 0x0e, 2, byte(label), byte(other), byte(label))
		return false
	default:
		if takes == "" {
			g.value(numbers[:1], depth-1)
			g.emit(0x0d, byte(label))
		}
		return true
	}
}
