package validate

import (
	"math/bits"
	"slices"

	"github.com/cerberus-host/cerberus/host/admit/wasm"
)

// vectorBytes is the width of a vector.
const vectorBytes = 16

// step checks the operator at hand.
func (b *body) step() error {
	info, ok := wasm.Info(b.in.Op)
	if !ok {
		return b.errorf("is no operator")
	}
	if info.Immediates != wasm.ImmNone {
		if err := b.immediates(&info); err != nil {
			return err
		}
	}
	if !info.Is(wasm.Plain) {
		return b.special()
	}
	if err := b.popAll(info.Params); err != nil {
		return err
	}
	return b.pushAll(info.Results)
}

// immediates checks those that mean the same for all operators of their form.
func (b *body) immediates(info *wasm.OpInfo) error {
	in := &b.in
	switch info.Immediates {
	case wasm.ImmFunction:
		if in.Op == wasm.OpRefFunc {
			return b.reference(in.Index)
		}
		return b.within("function", in.Index, len(b.functions))
	case wasm.ImmGlobal:
		return b.within("global", in.Index, len(b.globals))
	case wasm.ImmTable:
		return b.within("table", in.Index, len(b.tables))
	case wasm.ImmTypeTable:
		if err := b.within("type", in.Index, len(b.types)); err != nil {
			return err
		}
		return b.within("table", in.Index2, len(b.tables))
	case wasm.ImmElementTable, wasm.ImmTableTable, wasm.ImmElement:
		return b.tableImmediates(info.Immediates)
	case wasm.ImmData, wasm.ImmDataZero:
		if b.dataCount == noCount {
			return b.errorf("needs a data count section")
		}
		if err := b.within("data segment", in.Index, b.dataCount); err != nil {
			return err
		}
		if info.Immediates == wasm.ImmDataZero {
			return b.needsMemory()
		}
	case wasm.ImmZero, wasm.ImmZeroZero:
		return b.needsMemory()
	case wasm.ImmMemory:
		return b.access(info.Bytes)
	case wasm.ImmMemoryLane:
		if err := b.access(info.Bytes); err != nil {
			return err
		}
		return b.lane(in.Lane, vectorBytes/info.Bytes)
	case wasm.ImmLane:
		return b.lane(in.Lane, vectorBytes/info.Bytes)
	case wasm.ImmShuffle:
		for _, lane := range in.Lanes {
			if err := b.lane(lane, 2*vectorBytes); err != nil {
				return err
			}
		}
	default:
	}
	return nil
}

// tableImmediates checks the operators that copy between tables and segments.
func (b *body) tableImmediates(form wasm.Immediates) error {
	in := &b.in
	if form == wasm.ImmTableTable {
		if err := b.within("table", in.Index, len(b.tables)); err != nil {
			return err
		}
		if err := b.within("table", in.Index2, len(b.tables)); err != nil {
			return err
		}
		return b.same(b.tables[in.Index2].Type, b.tables[in.Index].Type)
	}
	if err := b.within("element segment", in.Index, len(b.elements)); err != nil {
		return err
	}
	if form == wasm.ImmElement {
		return nil
	}
	if err := b.within("table", in.Index2, len(b.tables)); err != nil {
		return err
	}
	return b.same(b.elements[in.Index], b.tables[in.Index2].Type)
}

// same compares the types of entries that are copied.
func (b *body) same(from, to wasm.ValueType) error {
	if from != to {
		return b.errorf("copies %v into a table of %v", from, to)
	}
	return nil
}

// within compares an index with the size of its space.
func (b *body) within(what string, n uint32, space int) error {
	if uint64(n) >= uint64(space) {
		return b.errorf("%s %d of %d", what, n, space)
	}
	return nil
}

func (b *body) needsMemory() error {
	if b.memories == 0 {
		return b.errorf("there is no memory")
	}
	return nil
}

// access checks a memory access of that width.
func (b *body) access(width uint8) error {
	if err := b.needsMemory(); err != nil {
		return err
	}
	if b.in.Align > uint32(bits.TrailingZeros8(width)) {
		return b.errorf("is aligned to 2^%d bytes, at most to %d", b.in.Align, width)
	}
	return nil
}

func (b *body) lane(lane, lanes uint8) error {
	if lane >= lanes {
		return b.errorf("lane %d of %d", lane, lanes)
	}
	return nil
}

// reference checks that a function is there and that something outside bodies names it.
func (b *body) reference(f uint32) error {
	if err := b.within("function", f, len(b.functions)); err != nil {
		return err
	}
	if !b.declared[f] {
		return b.errorf("function %d is named in no export, element segment or global", f)
	}
	return nil
}

// special checks operators whose types depend on the module or the place. Indices are
// checked already, except for locals and labels.
func (b *body) special() error {
	in := &b.in
	switch in.Op {
	case wasm.OpLocalGet, wasm.OpLocalSet, wasm.OpLocalTee:
		return b.localAccess()
	case wasm.OpGlobalGet:
		return b.pushOne(b.globals[in.Index].Type)
	case wasm.OpGlobalSet:
		if !b.globals[in.Index].Mutable {
			return b.errorf("global %d cannot change", in.Index)
		}
		return b.popType(b.globals[in.Index].Type)
	case wasm.OpCall:
		return b.call(b.types[b.functions[in.Index]])
	case wasm.OpCallIndirect:
		if t := b.tables[in.Index2].Type; t != wasm.FuncRef {
			return b.errorf("table %d holds %v", in.Index2, t)
		}
		if err := b.popType(wasm.I32); err != nil {
			return err
		}
		return b.call(b.types[in.Index])
	case wasm.OpDrop:
		_, err := b.pop()
		return err
	case wasm.OpSelect:
		return b.choose()
	case wasm.OpSelectTyped:
		if err := b.takes(in.Type, in.Type, wasm.I32); err != nil {
			return err
		}
		return b.pushOne(in.Type)
	case wasm.OpRefNull:
		return b.pushOne(in.Type)
	case wasm.OpRefIsNull:
		t, err := b.pop()
		if err != nil {
			return err
		}
		if t != unknown && !t.Reference() {
			return b.errorf("needs a reference and finds %v", t)
		}
		return b.pushOne(wasm.I32)
	case wasm.OpTableGet, wasm.OpTableSet, wasm.OpTableGrow, wasm.OpTableFill:
		return b.tableAccess(b.tables[in.Index].Type)
	default:
		return b.control()
	}
}

// pushOne puts an operand on the stack.
func (b *body) pushOne(t wasm.ValueType) error {
	if len(b.stack) >= OperandsMax {
		return b.errorf("more than %d operands on the stack", OperandsMax)
	}
	b.stack = append(b.stack, t)
	return nil
}

func (b *body) localAccess() error {
	t, err := b.local(b.in.Index)
	if err != nil {
		return err
	}
	if b.in.Op != wasm.OpLocalGet {
		if err := b.popType(t); err != nil {
			return err
		}
	}
	if b.in.Op != wasm.OpLocalSet {
		return b.pushOne(t)
	}
	return nil
}

// takes pops operands of these types from the stack, the last one first.
func (b *body) takes(types ...wasm.ValueType) error {
	for _, t := range slices.Backward(types) {
		if err := b.popType(t); err != nil {
			return err
		}
	}
	return nil
}

// tableAccess checks operators on entries, of type t, of one table.
func (b *body) tableAccess(t wasm.ValueType) error {
	switch b.in.Op {
	case wasm.OpTableGet:
		if err := b.takes(wasm.I32); err != nil {
			return err
		}
		return b.pushOne(t)
	case wasm.OpTableSet:
		return b.takes(wasm.I32, t)
	case wasm.OpTableGrow:
		if err := b.takes(t, wasm.I32); err != nil {
			return err
		}
		return b.pushOne(wasm.I32)
	default: // fill
		return b.takes(wasm.I32, t, wasm.I32)
	}
}

// choose checks select without a type, which is for numbers and vectors only.
func (b *body) choose() error {
	if err := b.popType(wasm.I32); err != nil {
		return err
	}
	second, err := b.pop()
	if err != nil {
		return err
	}
	first, err := b.pop()
	if err != nil {
		return err
	}
	if first.Reference() || second.Reference() {
		return b.errorf("chooses between references without naming their type")
	}
	if first != second && first != unknown && second != unknown {
		return b.errorf("chooses between %v and %v", first, second)
	}
	if first == unknown {
		first = second
	}
	return b.pushOne(first)
}

// call checks a call of a function of type t.
func (b *body) call(t wasm.FuncType) error {
	if err := b.popAll(t.Params); err != nil {
		return err
	}
	return b.pushAll(t.Results)
}
