package hostile

import (
	"encoding/binary"
	"strings"

	"github.com/cerberus-host/cerberus/abi"
	w "github.com/cerberus-host/cerberus/host/wasmtest"
)

// Operators, complete with the immediates that every use here has.
const (
	trap       = "\x00"
	nop        = "\x01"
	end        = "\x0b"
	ret        = "\x0f"
	drop       = "\x1a"
	ne32       = "\x47"
	less32     = "\x48"
	add32      = "\x6a"
	ne64       = "\x52"
	memorySize = "\x3f\x00"
	brIf0      = "\x0d\x00" // br_if of the innermost block or loop
	memoryGrow = "\x40\x00"
	memoryCopy = "\xfc\x0a\x00\x00"
	memoryFill = "\xfc\x0b\x00"
	load32     = "\x28\x02\x00"
	store32    = "\x36\x02\x00"
)

// Pieces of the binary format.
const (
	empty = "\x40" // the type of a block without results
	i32   = w.I32
	i64   = w.I64
	f64   = w.F64
	// claim is 2^31, most as LEB128 2^32-1: counts that nothing stands behind.
	claim = "\x80\x80\x80\x80\x08"
	most  = "\xff\xff\xff\xff\x0f"
)

// Sections of the binary format.
const (
	sectionType      = 1
	sectionImport    = 2
	sectionFunction  = 3
	sectionTable     = 4
	sectionMemory    = 5
	sectionGlobal    = 6
	sectionExport    = 7
	sectionStart     = 8
	sectionElement   = 9
	sectionCode      = 10
	sectionData      = 11
	sectionDataCount = 12
)

func u32(n int) string         { return string(w.U32(n)) }
func num(n int) string         { return string(w.I32Const(n)) }
func bits(n uint32) string     { return string(w.I32Bits(n)) }
func call(index int) string    { return string(w.Call(index)) }
func block(body string) string { return "\x02" + empty + body + end }
func loop(body string) string  { return "\x03" + empty + body + end }
func when(body string) string  { return "\x04" + empty + body + end } // if the top is not 0
func br(label int) string      { return "\x0c" + u32(label) }
func get(local int) string     { return "\x20" + u32(local) }
func set(local int) string     { return "\x21" + u32(local) }
func tee(local int) string     { return "\x22" + u32(local) }
func globalGet(i int) string   { return "\x23" + u32(i) }
func globalSet(i int) string   { return "\x24" + u32(i) }

func times(s string, n int) string { return strings.Repeat(s, n) }

// forever repeats a body without end.
func forever(body string) string { return loop(body + br(0)) }

// num64 is an i64 constant.
func num64(v int64) string {
	out := []byte{0x42}
	for {
		b := byte(v & 0x7f)
		v >>= 7
		if v == 0 && b&0x40 == 0 || v == -1 && b&0x40 != 0 {
			return string(append(out, b))
		}
		out = append(out, b|0x80)
	}
}

// expect traps unless code leaves this i32.
func expect(code string, want int) string { return code + num(want) + ne32 + when(trap) }

// expect64 traps unless code leaves this i64.
func expect64(code string, want int64) string { return code + num64(want) + ne64 + when(trap) }

// fails traps unless a host function's result in i32 is that error.
func fails(code string, e abi.Errno) string { return expect(code, -int(e)) }

// locals declares n locals of a type.
func locals(n int, kind string) []byte { return []byte("\x01" + u32(n) + kind) }

// infer returns a Brain with this body of infer, encode one with this body of encode. The
// functions are the marker 0, encode 1, infer 2 and decode 3; further ones follow.
func infer(body string, more ...string) *w.Module { return brain("", body, "", more...) }

func encode(body string, more ...string) *w.Module { return brain(body, "", "", more...) }

func brain(encode, infer, decode string, more ...string) *w.Module {
	m := w.Brain([]byte(encode), []byte(infer), []byte(decode))
	for _, body := range more {
		m.Functions = append(m.Functions, w.Function{Body: []byte(body)})
	}
	return m
}

// Entry points as indices of functions, before imports.
const (
	encodeIndex = 1
	inferIndex  = 2
	decodeIndex = 3
	firstOwn    = 4
)

// host imports a function of the ABI and returns its index; everything else moves by one.
func host(m *w.Module, function string) int {
	wire := map[abi.ValueType]string{abi.I32: i32, abi.I64: i64, abi.F64: f64}
	i := w.Import{Module: abi.ImportModule, Name: function}
	for _, f := range abi.Functions() {
		if f.Name != function {
			continue
		}
		for _, p := range f.Params {
			i.Params += wire[p.Type]
		}
		i.Results = wire[f.Result]
	}
	return m.Import(i)
}

// system imports a function of the system interface, which returns an i32.
func system(m *w.Module, function, params string) int {
	return m.Import(w.Import{
		Module: systemModule, Name: function, Params: params, Results: i32,
	})
}

// systemModule is the import module of the system interface.
const systemModule = "wasi_snapshot_preview1"

// section is one section of a module.
type section struct {
	id      byte
	payload []byte
}

// sectionsOf splits a well-formed module.
func sectionsOf(module []byte) []section {
	var out []section
	for rest := module[len(w.Header()):]; len(rest) > 0; {
		size, n := binary.Uvarint(rest[1:])
		head := 1 + n
		out = append(out, section{rest[0], rest[head : head+int(size)]})
		rest = rest[head+int(size):]
	}
	return out
}

// rank is the place of a section in a file: the data count stands before the code.
func rank(id byte) int {
	if id == sectionDataCount {
		return 2*sectionCode - 1
	}
	return 2 * int(id)
}

// put returns a module with this section, at its place, instead of one of its kind.
func put(module []byte, id byte, payload string) []byte {
	out := w.Header()
	placed := false
	place := func() {
		if !placed {
			out = append(out, w.Section(id, []byte(payload))...)
		}
		placed = true
	}
	for _, s := range sectionsOf(module) {
		if rank(s.id) >= rank(id) {
			place()
		}
		if s.id != id {
			out = append(out, w.Section(s.id, s.payload)...)
		}
	}
	place()
	return out
}

// bare is a module of this one section.
func bare(id byte, payload string) []byte {
	return w.Cat(w.Header(), w.Section(id, []byte(payload)))
}

// name is a name with its length.
func name(s string) string { return string(w.Name(s)) }

// custom is a custom section.
func custom(title, content string) []byte { return w.Section(0, w.Name(title), []byte(content)) }

// manifestFirst attaches the manifest in front, so that what follows can be cut.
func manifestFirst(module []byte) []byte {
	whole := file(module)
	head := len(w.Header())
	manifest := whole[len(module):]
	return w.Cat(module[:head], manifest, module[head:])
}
