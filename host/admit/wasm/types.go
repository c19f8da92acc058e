package wasm

import "strings"

// ValueType is a type of values, as the binary format spells it.
type ValueType byte

// The value types of Core 2.0.
const (
	I32       ValueType = 0x7f
	I64       ValueType = 0x7e
	F32       ValueType = 0x7d
	F64       ValueType = 0x7c
	V128      ValueType = 0x7b
	FuncRef   ValueType = 0x70
	ExternRef ValueType = 0x6f
)

// String returns the type's name in the text format.
func (t ValueType) String() string {
	switch t {
	case I32:
		return "i32"
	case I64:
		return "i64"
	case F32:
		return "f32"
	case F64:
		return "f64"
	case V128:
		return "v128"
	case FuncRef:
		return "funcref"
	case ExternRef:
		return "externref"
	default:
		return "unknown"
	}
}

// Known reports whether t is a value type of Core 2.0.
func (t ValueType) Known() bool { return t >= V128 && t <= I32 || t.Reference() }

// Reference reports whether t is a reference type.
func (t ValueType) Reference() bool { return t == FuncRef || t == ExternRef }

// Types are value types in order, a byte each, as the binary format spells them. Two lists
// are equal if the strings are.
type Types string

// At returns the type at index k, which must be below len(t).
func (t Types) At(k int) ValueType { return ValueType(t[k]) }

// String returns the types as the text format has them, in parentheses.
func (t Types) String() string {
	names := make([]string, len(t))
	for k := range names {
		names[k] = t.At(k).String()
	}
	return "(" + strings.Join(names, " ") + ")"
}

// FuncType is a function type. It is comparable: equal types are equal values.
type FuncType struct{ Params, Results Types }

// String returns the type as params -> results.
func (t FuncType) String() string { return t.Params.String() + " -> " + t.Results.String() }

// Limits are those of a table, in entries, or of a memory, in pages of 64 KiB.
type Limits struct {
	Min uint32
	// Max is meaningful if HasMax is set.
	Max    uint32
	HasMax bool
}

// Table is the type of a table.
type Table struct {
	// Type is a reference type.
	Type ValueType
	Limits
}

// Global is the type of a global.
type Global struct {
	Type    ValueType
	Mutable bool
}

// BlockType is the type of a block as the binary format spells it: an index of a type if it
// is not negative, else no value or one.
type BlockType int64

// BlockEmpty is the block type () -> ().
const BlockEmpty BlockType = -64

// Index returns the index of the block's function type; false if it has none.
func (b BlockType) Index() (uint32, bool) { return uint32(b), b >= 0 }

// Results returns the types of a block without a function type: none or one.
func (b BlockType) Results() Types {
	if b >= 0 || b == BlockEmpty {
		return none
	}
	return Types([]byte{byte(b & 0x7f)})
}

// ValueType reads a value type.
func (r *Reader) ValueType() (ValueType, error) {
	b, err := r.Byte()
	if err != nil {
		return 0, err
	}
	if t := ValueType(b); t.Known() {
		return t, nil
	}
	return 0, r.unknown(r.pos-1, "value type %#x", b)
}

// ReferenceType reads a reference type.
func (r *Reader) ReferenceType() (ValueType, error) {
	b, err := r.Byte()
	if err != nil {
		return 0, err
	}
	if t := ValueType(b); t.Reference() {
		return t, nil
	}
	return 0, r.unknown(r.pos-1, "reference type %#x", b)
}

// Types reads a count and that many value types. what names them in the error.
func (r *Reader) Types(what string) (Types, error) {
	n, err := r.Count(what, 1)
	if err != nil {
		return none, err
	}
	start := r.pos
	for range n {
		if _, err := r.ValueType(); err != nil {
			return none, err
		}
	}
	return Types(r.data[start:r.pos]), nil
}

// FuncType reads an entry of the type section.
func (r *Reader) FuncType() (FuncType, error) {
	form, err := r.Byte()
	if err != nil {
		return FuncType{}, err
	}
	if form != 0x60 {
		return FuncType{}, r.unknown(r.pos-1, "form %#x of a type", form)
	}
	params, err := r.Types("parameters")
	if err != nil {
		return FuncType{}, err
	}
	results, err := r.Types("results")
	return FuncType{Params: params, Results: results}, err
}

// limits reads limits without judging them.
func (r *Reader) limits(what string) (Limits, error) {
	flags, err := r.Byte()
	if err != nil {
		return Limits{}, err
	}
	if flags > 1 { // shared, or with 64-bit addresses
		return Limits{}, r.unknown(r.pos-1, "form %d of %s", flags, what)
	}
	var l Limits
	if l.Min, err = r.U32(); err != nil || flags == 0 {
		return l, err
	}
	l.HasMax = true
	l.Max, err = r.U32()
	return l, err
}

// Table reads a table type.
func (r *Reader) Table() (Table, error) {
	kind, err := r.ReferenceType()
	if err != nil {
		return Table{}, err
	}
	limits, err := r.limits("a table")
	return Table{Type: kind, Limits: limits}, err
}

// Memory reads a memory type.
func (r *Reader) Memory() (Limits, error) { return r.limits("a memory") }

// Global reads a global type; its first value, a [Constant], follows in the global section.
func (r *Reader) Global() (Global, error) {
	t, err := r.ValueType()
	if err != nil {
		return Global{}, err
	}
	mutable, err := r.Byte()
	if err != nil {
		return Global{}, err
	}
	if mutable > 1 {
		r.pos--
		return Global{}, r.errorf("mutability %d is neither 0 nor 1", mutable)
	}
	return Global{Type: t, Mutable: mutable == 1}, nil
}

// BlockType reads the type of a block.
func (r *Reader) BlockType() (BlockType, error) {
	start := r.pos
	n, err := r.S33()
	if err != nil {
		return 0, err
	}
	b := BlockType(n)
	if b >= 0 {
		return b, nil
	}
	// The short forms are single bytes, not numbers that have longer encodings.
	if r.pos-start == 1 && (b == BlockEmpty || ValueType(n&0x7f).Known()) {
		return b, nil
	}
	return 0, r.unknown(start, "block type %d", n)
}
