package meter_test

import (
	"encoding/binary"
	"testing"

	"github.com/cerberus-host/cerberus/host/admit/meter"
	"github.com/cerberus-host/cerberus/host/admit/wasm"
	w "github.com/cerberus-host/cerberus/host/wasmtest"
)

// naiveExport is the global of a naive module that holds what is left.
const naiveExport = "naive.left"

// naive is an independent reading of what meter does, as simple as it can be: before every
// operator its price is taken from a global, and behind every operator that computes a float
// the float is made canonical. When less than nothing is left, it traps.
type naive struct {
	tb      testing.TB
	counter int // index of the global
	locals  int // index of the first local that is added: i32, f32, f64, v128
	pages   int
}

// naiveModule returns the naive form of a module; nil if its operators cannot be read.
func naiveModule(tb testing.TB, code []byte, limit int64, pages int) []byte {
	tb.Helper()
	n := &naive{tb: tb, pages: pages}
	var types []wasm.FuncType
	var own []uint32
	sections := map[wasm.SectionID][]byte{}
	each(tb, code, func(id wasm.SectionID, r *wasm.Reader) {
		sections[id] = r.Bytes(r.Pos(), r.End())
		count, _ := r.U32()
		if id == wasm.SectionGlobal {
			n.counter += int(count)
			return
		}
		for range count {
			switch id {
			case wasm.SectionType:
				t, _ := r.FuncType()
				types = append(types, t)
			case wasm.SectionImport:
				if i, _ := r.Import(); i.Kind == wasm.KindGlobal {
					n.counter++
				}
			case wasm.SectionFunction:
				t, _ := r.U32()
				own = append(own, t)
			default:
			}
		}
	})
	left := signed([]byte{byte(wasm.I64), 1, byte(wasm.OpI64Const)}, limit)
	sections[wasm.SectionGlobal] = longer(sections[wasm.SectionGlobal], append(left, 0x0b))
	sections[wasm.SectionExport] = longer(sections[wasm.SectionExport],
		w.Cat(w.Name(naiveExport), []byte{byte(wasm.KindGlobal)}, w.U32(n.counter)))
	each(tb, code, func(id wasm.SectionID, r *wasm.Reader) {
		if id != wasm.SectionCode {
			return
		}
		out := w.U32(len(own))
		_, _ = r.U32()
		for k := range own {
			body, err := r.Body()
			if err != nil {
				tb.Fatal(err)
			}
			out = append(out, w.Name(string(n.body(&body, len(types[own[k]].Params))))...)
		}
		sections[id] = out
	})
	out := w.Header()
	for _, id := range []wasm.SectionID{1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 10, 11} {
		if s, ok := sections[id]; ok {
			out = append(out, w.Section(byte(id), s)...)
		}
	}
	return out
}

// each calls f for each section that is not a custom one.
func each(tb testing.TB, code []byte, f func(id wasm.SectionID, r *wasm.Reader)) {
	tb.Helper()
	sections, err := wasm.Open(code)
	for err == nil && sections.More() {
		var s wasm.Section
		if s, err = sections.Next(); err == nil && s.ID != wasm.SectionCustom {
			f(s.ID, &s.Reader)
		}
	}
	if err != nil {
		tb.Fatal(err)
	}
}

// longer returns a section with an entry more.
func longer(section, entry []byte) []byte {
	count, n := binary.Uvarint(section)
	return w.Cat(w.U32(int(count)+1), section[max(n, 0):], entry)
}

func signed(out []byte, n int64) []byte {
	for n < -64 || n > 63 {
		out = append(out, byte(n&0x7f)|0x80)
		n >>= 7
	}
	return append(out, byte(n&0x7f))
}

func (n *naive) body(r *wasm.Reader, params int) []byte {
	start := r.Pos()
	groups, _ := r.LocalGroups()
	_, skip := binary.Uvarint(r.Bytes(start, r.End()))
	n.locals = params
	for range groups {
		count, _, _ := r.Locals()
		n.locals += int(count)
	}
	out := w.Cat(w.U32(groups+4), r.Bytes(start+skip, r.Pos()),
		[]byte{1, byte(wasm.I32), 1, byte(wasm.F32), 1, byte(wasm.F64), 1, byte(wasm.V128)})
	var in wasm.Instruction
	for r.Left() > 0 {
		if err := r.Instruction(&in); err != nil {
			n.tb.Fatal(err)
		}
		if in.Op == wasm.OpMemoryGrow || in.Op>>8 == wasm.PrefixBulk && in.Op != wasm.OpDataDrop &&
			in.Op >= wasm.OpMemoryInit && in.Op <= wasm.OpMemoryFill {
			out = n.length(out, in.Op == wasm.OpMemoryGrow)
		}
		if p := meter.Price(in.Op); p > 0 {
			out = n.get(out)
			out = append(signed(append(out, byte(wasm.OpI64Const)), p), 0x7d)
			out = n.set(out)
		}
		out = append(out, r.Bytes(in.Start, in.End)...)
		if info, _ := wasm.Info(in.Op); info.Float != wasm.NoFloat {
			out = n.canonical(out, info.Float)
		}
	}
	return out
}

func (n *naive) get(out []byte) []byte { return w.Cat(out, []byte{0x23}, w.U32(n.counter)) }

// set stores what is left and traps if it is less than nothing.
func (n *naive) set(out []byte) []byte {
	out = w.Cat(out, []byte{0x24}, w.U32(n.counter))
	return append(n.get(out), 0x42, 0, 0x53, 0x04, 0x40, 0x00, 0x0b)
}

// length charges for the length on the stack.
func (n *naive) length(out []byte, grow bool) []byte {
	local := w.U32(n.locals)
	out = n.get(w.Cat(out, []byte{0x21}, local))
	if grow {
		most := w.I32Const(n.pages)
		out = w.Cat(out, []byte{0x20}, local, most, []byte{0x20}, local, most,
			[]byte{0x49, 0x1b, 0xad, 0x42, 15, 0x86})
	} else {
		out = w.Cat(out, []byte{0x20}, local, []byte{0xad, 0x42, 1, 0x88})
	}
	return w.Cat(n.set(append(out, 0x7d)), []byte{0x20}, local)
}

// canonical makes the float on the stack canonical.
func (n *naive) canonical(out []byte, form wasm.Float) []byte {
	nan64 := []byte{0, 0, 0, 0, 0, 0, 0xf8, 0x7f}
	nan32 := []byte{0, 0, 0xc0, 0x7f}
	var local int
	var constant, choose []byte
	switch form {
	case wasm.F32s:
		local, constant, choose = 1, w.Cat([]byte{0x43}, nan32), []byte{0x5b, 0x1b}
	case wasm.F64s:
		local, constant, choose = 2, w.Cat([]byte{0x44}, nan64), []byte{0x61, 0x1b}
	case wasm.F32x4s:
		constant = w.Cat([]byte{0xfd, 12}, w.Repeat(nan32, 4))
		local, choose = 3, []byte{0xfd, 0x41, 0xfd, 0x52}
	default:
		constant = w.Cat([]byte{0xfd, 12}, w.Repeat(nan64, 2))
		local, choose = 3, []byte{0xfd, 0x47, 0xfd, 0x52}
	}
	value := w.U32(n.locals + local)
	return w.Cat(out, []byte{0x22}, value, constant, []byte{0x20}, value, []byte{0x20}, value, choose)
}
