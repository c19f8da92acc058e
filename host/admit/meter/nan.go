package meter

import "github.com/cerberus-host/cerberus/host/admit/wasm"

// Where a computed float is NaN, its sign and payload differ between engines and machines.
// Behind each operator that computes one, the value is therefore replaced by the positive
// canonical NaN if it differs from itself. Most need not be: if what takes the value from
// the stack is blind to the bits that differ, as arithmetic and comparisons are, nothing can
// have seen them. That is known where the taker stands in the same straight line.

// openMax bounds how many values on the stack are watched at a time.
const openMax = 16

// openFloat is a computed float on the stack that nothing has taken yet.
type openFloat struct {
	// edit is what would make it canonical, form the form of the value.
	edit int32
	form wasm.Float
	// above counts the values that lie on it.
	above int
}

// floats watches computed floats on the stack.
type floats struct{ watched []openFloat }

// forget leaves the open ones as they are: they are made canonical.
func (s *floats) forget() { s.watched = s.watched[:0] }

// pass follows an operator: what it takes need not be canonical if it is blind to it.
func (s *floats) pass(in *wasm.Instruction, info *wasm.OpInfo, edits []edit) {
	if len(s.watched) == 0 {
		return
	}
	switch in.Op {
	case wasm.OpLocalGet, wasm.OpGlobalGet, wasm.OpRefFunc:
		s.move(0, 1, wasm.NoFloat, edits)
	case wasm.OpLocalSet, wasm.OpGlobalSet, wasm.OpDrop:
		s.move(1, 0, info.Blind, edits)
	case wasm.OpLocalTee:
		s.move(1, 1, wasm.NoFloat, edits)
	case wasm.OpSelect, wasm.OpSelectTyped:
		s.move(3, 1, wasm.NoFloat, edits)
	default:
		if !info.Is(wasm.Plain) {
			s.forget()
			return
		}
		s.move(len(info.Params), len(info.Results), info.Blind, edits)
	}
}

// move takes values from the stack and puts others there.
func (s *floats) move(takes, leaves int, blind wasm.Float, edits []edit) {
	n := len(s.watched)
	for ; n > 0 && s.watched[n-1].above < takes; n-- {
		o := s.watched[n-1]
		if blind == wasm.AnyFloat || blind == o.form {
			edits[o.edit].kind = editNone
		}
	}
	s.watched = s.watched[:n]
	for k := range s.watched {
		s.watched[k].above += leaves - takes
	}
}

// watch adds a value that has just been computed, with the edit that makes it canonical.
func (s *floats) watch(edit int32, form wasm.Float) {
	if len(s.watched) == openMax {
		s.watched = append(s.watched[:0], s.watched[1:]...)
	}
	s.watched = append(s.watched, openFloat{edit: edit, form: form})
}

// canonical appends the code that replaces the float on the top of the stack by the
// canonical NaN if it is NaN. temporary is a local of its type.
func canonical(out []byte, form wasm.Float, temporary uint32) []byte {
	out = appendIndex(out, wasm.OpLocalTee, temporary)
	switch form {
	case wasm.F32s:
		out = append(out, byte(wasm.OpF32Const), 0, 0, 0xc0, 0x7f)
	case wasm.F64s:
		out = append(out, byte(wasm.OpF64Const), 0, 0, 0, 0, 0, 0, 0xf8, 0x7f)
	case wasm.F32x4s:
		out = append(out, wasm.PrefixVector, 0x0c, 0, 0, 0xc0, 0x7f, 0, 0, 0xc0, 0x7f,
			0, 0, 0xc0, 0x7f, 0, 0, 0xc0, 0x7f)
	default:
		out = append(out, wasm.PrefixVector, 0x0c, 0, 0, 0, 0, 0, 0, 0xf8, 0x7f,
			0, 0, 0, 0, 0, 0, 0xf8, 0x7f)
	}
	out = appendIndex(out, wasm.OpLocalGet, temporary)
	out = appendIndex(out, wasm.OpLocalGet, temporary)
	switch form {
	case wasm.F32s:
		return append(out, 0x5b, byte(wasm.OpSelect)) // f32.eq
	case wasm.F64s:
		return append(out, 0x61, byte(wasm.OpSelect)) // f64.eq
	case wasm.F32x4s:
		return append(out, wasm.PrefixVector, 0x41, wasm.PrefixVector, 0x52) // bitselect
	default:
		return append(out, wasm.PrefixVector, 0x47, wasm.PrefixVector, 0x52)
	}
}
