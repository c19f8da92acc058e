package meter

import (
	"encoding/binary"
	"slices"

	"github.com/cerberus-host/cerberus/host/admit/wasm"
)

// emitter writes the new form of a body that has been read to its end.
type emitter struct {
	*bodies
	source      *wasm.Reader
	start, code int
}

// body appends the new body with its size in front.
func (e *emitter) body(out []byte, t wasm.FuncType, groups int) ([]byte, error) {
	e.temporaries = [len(temporaryTypes)]uint32{}
	var added []byte // groups of locals
	need := func(k int) {
		if e.temporaries[k] == 0 {
			added = append(added, 1, byte(temporaryTypes[k]))
			e.temporaries[k] = e.local + uint32(len(added)/2)
		}
	}
	e.drop()
	for _, x := range e.edits {
		switch x.kind {
		case editCharge:
			if e.stretches[x.arg].looks {
				need(temporaryGas)
			}
		case editCanonical:
			need(temporaryOf(wasm.Float(x.arg)))
		default:
		}
	}
	if e.nests {
		need(temporaryDepth)
	}
	b := e.scratch[:0]
	_, n := binary.Uvarint(e.source.Bytes(e.start, e.code))
	b = appendCount(b, groups+len(added)/2)
	b = append(b, e.source.Bytes(e.start+n, e.code)...)
	b = append(b, added...)
	b = e.enter(b, t)
	from := e.code
	for _, x := range e.edits {
		if x.kind == editNone || x.kind == editReturn && !e.nests {
			continue
		}
		b = append(b, e.source.Bytes(from, x.at)...)
		b = e.edit(b, x)
		from = x.until
	}
	b = append(b, e.source.Bytes(from, e.source.End())...)
	b = e.exit(b)
	e.scratch = b
	out = slices.Grow(out, len(b)+binary.MaxVarintLen32)
	return append(appendCount(out, len(b)), b...), nil
}

// drop leaves out charges of nothing.
func (e *emitter) drop() {
	for k := range e.edits {
		x := &e.edits[k]
		if x.kind != editCharge {
			continue
		}
		s := &e.stretches[x.arg]
		if e.price(x.arg) == 0 && (!s.looks || s.prepaid) {
			x.kind = editNone
		}
	}
}

// price returns the charge of a stretch as it is written. The call has paid the first units
// of the entry, but for those that are given back on some way.
func (e *emitter) price(n uint32) int64 {
	units := e.charge(int32(n))
	if n == 0 {
		units -= min(units, e.surely, e.prices.entry)
	}
	return units
}

// edit appends one change.
func (e *emitter) edit(out []byte, x edit) []byte {
	switch x.kind {
	case editCharge:
		e.result.Charges++
		if e.stretches[x.arg].looks {
			e.result.Looks++
		}
		return e.appendCharge(out, x.arg)
	case editCanonical:
		e.result.NaNSites++
		form := wasm.Float(x.arg)
		return canonical(out, form, e.temporaries[temporaryOf(form)]-1)
	case editLength:
		return appendIndex(out, wasm.OpCall, e.lengthRoutine())
	case editPages:
		return appendIndex(out, wasm.OpCall, e.lengthRoutine()+1)
	case editReturn:
		return appendIndex(out, wasm.OpBr, x.arg)
	case editCall:
		return appendIndex(out, wasm.OpCall, x.arg)
	default:
		return appendIndex(out, wasm.OpRefFunc, x.arg)
	}
}

// appendCharge appends the charge of a stretch.
func (e *emitter) appendCharge(out []byte, n uint32) []byte {
	out = appendIndex(out, wasm.OpGlobalGet, e.gasGlobal())
	units := e.price(n)
	if units == 0 {
		return e.appendRefill(out)
	}
	out = appendConstant(out, wasm.OpI64Const, units)
	out = append(out, opI64Sub)
	if e.stretches[n].looks {
		return e.appendLook(out, e.temporaries[temporaryGas]-1)
	}
	return appendIndex(out, wasm.OpGlobalSet, e.gasGlobal())
}

// appendLook appends the code that stores the gas on the stack and calls for a refill if it
// is below zero. temporary is a local of type i64.
func (m *module) appendLook(out []byte, temporary uint32) []byte {
	out = appendIndex(out, wasm.OpLocalTee, temporary)
	out = appendIndex(out, wasm.OpGlobalSet, m.gasGlobal())
	return m.appendRefill(appendIndex(out, wasm.OpLocalGet, temporary))
}

// appendRefill appends the code that calls for a refill if the number on the stack is below
// zero.
func (m *module) appendRefill(out []byte) []byte {
	out = append(out, byte(wasm.OpI64Const), 0, opI64LtS, byte(wasm.OpIf), blockEmpty)
	out = appendIndex(out, wasm.OpCall, m.importedFunctions)
	return append(out, byte(wasm.OpEnd))
}

// enter appends what a body that calls begins with: the depth grows and is looked at, and a
// block begins that every way out of the function leads to the end of.
func (e *emitter) enter(out []byte, t wasm.FuncType) []byte {
	if !e.nests {
		return out
	}
	temporary := e.temporaries[temporaryDepth] - 1
	out = appendIndex(out, wasm.OpGlobalGet, e.depthGlobal())
	out = appendConstant(out, wasm.OpI32Const, e.weight())
	out = append(out, opI32Add)
	out = appendIndex(out, wasm.OpLocalTee, temporary)
	out = appendIndex(out, wasm.OpGlobalSet, e.depthGlobal())
	out = appendIndex(out, wasm.OpLocalGet, temporary)
	out = appendConstant(out, wasm.OpI32Const, int64(e.options.DepthMax))
	out = append(out, opI32GtU, byte(wasm.OpIf), blockEmpty, byte(wasm.OpUnreachable),
		byte(wasm.OpEnd))
	out = append(out, byte(wasm.OpBlock))
	return e.appendBlockType(out, t.Results)
}

// exit appends what such a body ends with; its own end has closed the block.
func (e *emitter) exit(out []byte) []byte {
	if !e.nests {
		return out
	}
	out = appendIndex(out, wasm.OpGlobalGet, e.depthGlobal())
	out = appendConstant(out, wasm.OpI32Const, e.weight())
	out = append(out, opI32Sub)
	out = appendIndex(out, wasm.OpGlobalSet, e.depthGlobal())
	return append(out, byte(wasm.OpEnd))
}

// weight is what a call of the function adds to the depth.
func (e *emitter) weight() int64 {
	size := int64(e.source.End() - e.start)
	w := 1 + size/bodyBytesWeight + int64(e.blocks)*int64(e.local)/blockLocalsWeight
	return min(w, weightMax)
}

// temporaryOf returns which local a float of that form needs.
func temporaryOf(form wasm.Float) int {
	switch form {
	case wasm.F32s:
		return temporaryF32
	case wasm.F64s:
		return temporaryF64
	default:
		return temporaryVector
	}
}

// Operators that are written and have no name in package wasm.
const (
	opI32LtU       = 0x49
	opI32GtU       = 0x4b
	opI64LtS       = 0x53
	opI32Add       = 0x6a
	opI32Sub       = 0x6b
	opI64Sub       = 0x7d
	opI64Shl       = 0x86
	opI64ShrU      = 0x88
	opI64ExtendI32 = 0xad
	blockEmpty     = 0x40
)

// appendCount appends a count or length, which is never negative, as LEB128.
func appendCount(out []byte, n int) []byte { return binary.AppendUvarint(out, uint64(n)) }

// appendIndex appends an operator of one byte with an index.
func appendIndex(out []byte, op wasm.Op, index uint32) []byte {
	return binary.AppendUvarint(append(out, byte(op)), uint64(index))
}

// appendConstant appends i32.const or i64.const.
func appendConstant(out []byte, op wasm.Op, n int64) []byte {
	return appendSigned(append(out, byte(op)), n)
}

// appendSigned appends a number as signed LEB128.
func appendSigned(out []byte, n int64) []byte {
	for n < -64 || n > 63 {
		out = append(out, byte(n&0x7f)|0x80)
		n >>= 7
	}
	return append(out, byte(n&0x7f))
}
