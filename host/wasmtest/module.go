package wasmtest

import (
	"encoding/binary"

	"github.com/cerberus-host/cerberus/abi"
)

// Value types of the binary format.
const (
	I32 = "\x7f"
	I64 = "\x7e"
	F64 = "\x7c"
)

// Kinds of exports.
const (
	Func   = 0
	Table  = 1
	Memory = 2
)

// Import is an imported function; types are strings of value types.
type Import struct{ Module, Name, Params, Results string }

// Function is a function of the module. Body lacks the end operator; Locals are the raw
// groups, nil for none.
type Function struct {
	Params, Results string
	Locals, Body    []byte
}

// Export is an export of the module.
type Export struct {
	Name  string
	Kind  byte
	Index int
}

// Module is a module to be assembled. Function indices count imports first.
type Module struct {
	Imports     []Import
	Functions   []Function
	TableSize   int // 0 for no table
	MemoryPages int // -1 for no memory
	Exports     []Export
	// Elements are function indices put into the table from 0 on.
	Elements []int
	// Extra sections are appended at the end.
	Extra [][]byte
}

// Header is the head of every module.
func Header() []byte { return []byte{0, 'a', 's', 'm', 1, 0, 0, 0} }

// U32 is a number as LEB128.
func U32(n int) []byte { return binary.AppendUvarint(nil, uint64(n)) }

// Cat joins byte strings.
func Cat(parts ...[]byte) []byte {
	var out []byte
	for _, p := range parts {
		out = append(out, p...)
	}
	return out
}

// Section is a section with its right length.
func Section(id byte, payload ...[]byte) []byte {
	body := Cat(payload...)
	return Cat([]byte{id}, U32(len(body)), body)
}

// Name is a name with its length.
func Name(s string) []byte { return append(U32(len(s)), s...) }

// Call is a call of a function.
func Call(index int) []byte { return append([]byte{0x10}, U32(index)...) }

// I32Const is a constant.
func I32Const(n int) []byte { return I32Bits(uint32(n)) }

// I32Bits is a constant with these 32 bits.
func I32Bits(bits uint32) []byte {
	out := []byte{0x41}
	v := int32(bits)
	for {
		b := byte(v & 0x7f)
		v >>= 7
		if v == 0 && b&0x40 == 0 || v == -1 && b&0x40 != 0 {
			return append(out, b)
		}
		out = append(out, b|0x80)
	}
}

// Repeat is n copies of b.
func Repeat(b []byte, n int) []byte {
	out := make([]byte, 0, n*len(b))
	for range n {
		out = append(out, b...)
	}
	return out
}

// Brain returns a module that passes admission: the exports that the ABI asks for, with
// these bodies of the entry points, and one page of memory. Functions 0 to 3 are the
// marker, encode, infer and decode.
func Brain(encode, infer, decode []byte) *Module {
	m := &Module{
		Functions:   []Function{{}, {Body: encode}, {Body: infer}, {Body: decode}},
		MemoryPages: 1,
		Exports:     []Export{{Name: abi.ExportMemory, Kind: Memory}},
	}
	for i, name := range []string{
		abi.ExportMarker, abi.ExportEncode, abi.ExportInfer, abi.ExportDecode,
	} {
		m.Exports = append(m.Exports, Export{Name: name, Kind: Func, Index: i})
	}
	return m
}

// Import adds an import of a host function in front of the module's functions and returns
// its index. Call it before indices are used: exports are moved, bodies are not.
func (m *Module) Import(i Import) int {
	m.Imports = append(m.Imports, i)
	for k := range m.Exports {
		if m.Exports[k].Kind == Func {
			m.Exports[k].Index++
		}
	}
	return len(m.Imports) - 1
}

// Bytes assembles the module.
func (m *Module) Bytes() []byte {
	var types, imports, functions, exports, codes []byte
	kinds := map[[2]string]int{}
	typeOf := func(params, results string) []byte {
		key := [2]string{params, results}
		if _, ok := kinds[key]; !ok {
			kinds[key] = len(kinds)
			types = Cat(types, []byte{0x60}, Name(params), Name(results))
		}
		return U32(kinds[key])
	}
	for _, i := range m.Imports {
		imports = Cat(imports, Name(i.Module), Name(i.Name), []byte{0}, typeOf(i.Params, i.Results))
	}
	for _, f := range m.Functions {
		functions = append(functions, typeOf(f.Params, f.Results)...)
		locals := f.Locals
		if locals == nil {
			locals = []byte{0}
		}
		codes = append(codes, Name(string(Cat(locals, f.Body, []byte{0x0b})))...)
	}
	for _, x := range m.Exports {
		exports = Cat(exports, Name(x.Name), []byte{x.Kind}, U32(x.Index))
	}
	out := Cat(Header(), Section(1, U32(len(kinds)), types))
	if len(m.Imports) > 0 {
		out = append(out, Section(2, U32(len(m.Imports)), imports)...)
	}
	out = append(out, Section(3, U32(len(m.Functions)), functions)...)
	if m.TableSize > 0 {
		out = append(out, Section(4, []byte{1, 0x70, 0}, U32(m.TableSize))...)
	}
	if m.MemoryPages >= 0 {
		out = append(out, Section(5, []byte{1, 0}, U32(m.MemoryPages))...)
	}
	out = append(out, Section(7, U32(len(m.Exports)), exports)...)
	if len(m.Elements) > 0 {
		var items []byte
		for _, e := range m.Elements {
			items = append(items, U32(e)...)
		}
		out = append(out, Section(9, []byte{1, 0, 0x41, 0, 0x0b}, U32(len(m.Elements)), items)...)
	}
	out = append(out, Section(10, U32(len(m.Functions)), codes)...)
	return append(out, Cat(m.Extra...)...)
}
