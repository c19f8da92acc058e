package admit

// The operators that the walk has to know by name.
const (
	opBlock        = 0x02
	opLoop         = 0x03
	opIf           = 0x04
	opEnd          = 0x0b
	opBr           = 0x0c
	opBrIf         = 0x0d
	opBrTable      = 0x0e
	opReturn       = 0x0f
	opCall         = 0x10
	opCallIndirect = 0x11
	opSelectTyped  = 0x1c
	opGlobalGet    = 0x24
	opTableGet     = 0x25
	opTableSet     = 0x26
	opMemoryGrow   = 0x40
	opI32Const     = 0x41
	opI64Const     = 0x42
	opF32Const     = 0x43
	opF64Const     = 0x44
	opRefNull      = 0xd0
	opRefFunc      = 0xd2
	opPrefixed     = 0xfc
	opVector       = 0xfd
	blockEmpty     = 0x40
	vectorConst    = 0x0c
)

// Operators behind [opPrefixed].
const (
	subMemoryInit = 8
	subDataDrop   = 9
	subMemoryCopy = 10
	subMemoryFill = 11
	subElemDrop   = 13
	subTableSize  = 16
)

// plain skips the immediates of an operator without a prefix that neither opens nor closes
// a block. An operator that Core 2.0 does not have, or that changes a table, is refused.
func (w *walker) plain(op byte) error {
	switch {
	case op <= 0x01, op == opReturn, op == 0x1a, op == 0x1b, op >= 0x45 && op <= 0xc4, op == 0xd1:
		return nil
	case op == opBr, op == opBrIf, op == opCall, op >= 0x20 && op <= opTableGet, op == opRefFunc:
		_, err := w.u32()
		return err
	case op == opCallIndirect:
		return w.pair()
	case op >= 0x28 && op <= 0x3e:
		return w.pair() // alignment and offset
	case op == opSelectTyped:
		if _, err := w.count("types of select", 1, 1); err != nil {
			return err
		}
		return w.valueType()
	case op == 0x3f, op == opMemoryGrow, op == opRefNull:
		return w.skip(1)
	case op == opI32Const:
		return w.signed(5)
	case op == opI64Const:
		return w.signed(10)
	case op == opF32Const:
		return w.skip(4)
	case op == opF64Const:
		return w.skip(8)
	case op == opTableSet:
		return w.tableChange()
	default:
		return w.unknown("operator", uint32(op))
	}
}

// pair skips two numbers.
func (w *walker) pair() error {
	if _, err := w.u32(); err != nil {
		return err
	}
	_, err := w.u32()
	return err
}

func (w *walker) unknown(what string, op uint32) error {
	e := w.errorf("unknown %s %#x", what, op)
	e.Fix = "compile for WebAssembly 2.0 without threads, exceptions, tail calls and GC"
	return e
}

// tableChange refuses an operator that changes a table: an instance could not be restored
// from a copy of its memory any more.
func (w *walker) tableChange() error {
	e := w.errorf("operator changes a table")
	e.Fix = "tables are filled by element segments and then stay as they are"
	return e
}

// prefixed skips the operator behind [opPrefixed] and reports whether its time grows with a
// number on the stack.
func (w *walker) prefixed() (bulk bool, err error) {
	sub, err := w.u32()
	if err != nil {
		return false, err
	}
	switch {
	case sub < subMemoryInit: // saturating conversions
		return false, nil
	case sub == subDataDrop, sub == subElemDrop, sub == subTableSize:
		_, err = w.u32()
		return false, err
	case sub == subMemoryInit:
		return true, w.pair()
	case sub == subMemoryCopy:
		return true, w.skip(2)
	case sub == subMemoryFill:
		return true, w.skip(1)
	case sub == 12, sub == 14, sub == 15, sub == 17:
		return false, w.tableChange()
	default:
		return false, w.unknown("operator 0xfc", sub)
	}
}

// vectorHoles are the numbers below 0x100 that Core 2.0 gives to no vector operator.
const vectorHoles = "\x9a\xa2\xa5\xa6\xaf\xb0\xb2\xb3\xb4\xbb\xc2\xc5\xc6\xcf\xd0\xd2\xd3\xd4\xe2\xee"

// vector skips the immediates of the operator behind [opVector].
func (w *walker) vector() error {
	sub, err := w.u32()
	if err != nil {
		return err
	}
	switch {
	case sub <= 0x0b, sub == 0x5c, sub == 0x5d: // loads and stores
		return w.pair()
	case sub == vectorConst, sub == 0x0d: // constant, shuffle
		return w.skip(16)
	case sub >= 0x15 && sub <= 0x22: // one lane
		return w.skip(1)
	case sub >= 0x54 && sub <= 0x5b: // loads and stores of one lane
		if err := w.pair(); err != nil {
			return err
		}
		return w.skip(1)
	case sub > 0xff:
		return w.unknown("vector operator", sub)
	}
	for i := range len(vectorHoles) {
		if uint32(vectorHoles[i]) == sub {
			return w.unknown("vector operator", sub)
		}
	}
	return nil
}
