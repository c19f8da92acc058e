package wasm

// Op is an operator: its byte, or for one behind a prefix the prefix and the number behind
// it, 0xfc00|n and 0xfd0000|n.
type Op uint32

// The operators that are more than their entry in the table, and those that rewriters write.
const (
	OpUnreachable  Op = 0x00
	OpNop          Op = 0x01
	OpBlock        Op = 0x02
	OpLoop         Op = 0x03
	OpIf           Op = 0x04
	OpElse         Op = 0x05
	OpEnd          Op = 0x0b
	OpBr           Op = 0x0c
	OpBrIf         Op = 0x0d
	OpBrTable      Op = 0x0e
	OpReturn       Op = 0x0f
	OpCall         Op = 0x10
	OpCallIndirect Op = 0x11
	OpDrop         Op = 0x1a
	OpSelect       Op = 0x1b
	OpSelectTyped  Op = 0x1c
	OpLocalGet     Op = 0x20
	OpLocalSet     Op = 0x21
	OpLocalTee     Op = 0x22
	OpGlobalGet    Op = 0x23
	OpGlobalSet    Op = 0x24
	OpTableGet     Op = 0x25
	OpTableSet     Op = 0x26
	OpMemorySize   Op = 0x3f
	OpMemoryGrow   Op = 0x40
	OpI32Const     Op = 0x41
	OpI64Const     Op = 0x42
	OpF32Const     Op = 0x43
	OpF64Const     Op = 0x44
	OpRefNull      Op = 0xd0
	OpRefIsNull    Op = 0xd1
	OpRefFunc      Op = 0xd2
	OpMemoryInit   Op = 0xfc08
	OpDataDrop     Op = 0xfc09
	OpMemoryCopy   Op = 0xfc0a
	OpMemoryFill   Op = 0xfc0b
	OpTableInit    Op = 0xfc0c
	OpElemDrop     Op = 0xfc0d
	OpTableCopy    Op = 0xfc0e
	OpTableGrow    Op = 0xfc0f
	OpTableSize    Op = 0xfc10
	OpTableFill    Op = 0xfc11
	OpV128Const    Op = 0xfd000c
)

// Bytes that stand before the number of an operator.
const (
	PrefixBulk   = 0xfc
	PrefixVector = 0xfd
)

// Immediates is the form of what follows an operator in the code, and so which fields of an
// [Instruction] it sets.
type Immediates uint8

// The forms of immediates.
const (
	// ImmNone is nothing.
	ImmNone Immediates = iota
	// ImmBlock sets Block.
	ImmBlock
	// ImmLabel sets Index to the depth of a label.
	ImmLabel
	// ImmLabels sets Targets to depths of labels, the default last.
	ImmLabels
	// ImmFunction, ImmLocal, ImmGlobal, ImmTable, ImmElement and ImmData set Index.
	ImmFunction
	ImmLocal
	ImmGlobal
	ImmTable
	ImmElement
	ImmData
	// ImmTypeTable sets Index to a type and Index2 to a table.
	ImmTypeTable
	// ImmElementTable sets Index to an element segment and Index2 to a table.
	ImmElementTable
	// ImmTableTable sets Index to the table that is written and Index2 to the one that is
	// read.
	ImmTableTable
	// ImmSelect and ImmReference set Type.
	ImmSelect
	ImmReference
	// ImmMemory sets Align and Offset.
	ImmMemory
	// ImmMemoryLane sets Align, Offset and Lane.
	ImmMemoryLane
	// ImmLane sets Lane.
	ImmLane
	// ImmShuffle sets Lanes to sixteen numbers of lanes.
	ImmShuffle
	// ImmZero and ImmZeroZero are reserved bytes, where memories may be named one day.
	ImmZero
	ImmZeroZero
	// ImmDataZero sets Index to a data segment; a reserved byte follows.
	ImmDataZero
	// ImmI32, ImmI64, ImmF32 and ImmF64 set Value to the bits of the constant; a constant
	// of 32 bits leaves the upper half zero.
	ImmI32
	ImmI64
	ImmF32
	ImmF64
	// ImmV128 sets Lanes to the bytes of the constant.
	ImmV128
)

// Float is a form of floating-point values: a type, or the lanes of a vector.
type Float uint8

// The forms of floating-point values.
const (
	// NoFloat is none.
	NoFloat Float = iota
	F32s
	F64s
	F32x4s
	F64x2s
	// AnyFloat is each of them.
	AnyFloat
)

// Class is a set of properties of an operator.
type Class uint8

const (
	// Plain says that the operator takes Params from the stack and leaves Results, in every
	// module; for others the types depend on the module or the place.
	Plain Class = 1 << iota
	// Bulk says that the operator's time grows with a number on the stack, the topmost.
	Bulk
	// TableChange says that the operator changes entries or the size of a table.
	TableChange
)

// OpInfo is what is known of an operator without its module.
type OpInfo struct {
	// Name is the operator's name in the text format.
	Name string
	// Immediates is the form of its immediates.
	Immediates Immediates
	// Params and Results are the types that it takes, the topmost last, and leaves. They
	// are set if Class has Plain.
	Params, Results Types
	// Bytes is the width of a memory access, which is the largest alignment allowed, and of
	// the lane for operators with a lane: it must be below 16 / Bytes. Else 0.
	Bytes uint8
	// Float is set if the operator computes floats of that form: where one is NaN, the
	// specification leaves its sign and payload open.
	Float Float
	// Blind is set if the operator takes floats of that form, and no sign or payload of a
	// NaN among them can change what it does, except for such bits as Float leaves open.
	Blind Float
	// Class holds further properties.
	Class Class
}

// Is reports whether the operator has all the properties of c.
func (o *OpInfo) Is(c Class) bool { return o.Class&c == c }

// Info returns what is known of an operator; false if Core 2.0 has no such operator.
func Info(op Op) (OpInfo, bool) {
	info := lookup(op)
	if info == nil {
		return OpInfo{}, false
	}
	return *info, true
}

// String returns the operator's name, or its number if there is none.
func (op Op) String() string {
	if info := lookup(op); info != nil {
		return info.Name
	}
	return "unknown"
}

// lookup returns the row of an operator, nil if there is none.
func lookup(op Op) *OpInfo {
	var info *OpInfo
	switch {
	case op < Op(len(coreTable)):
		info = &coreTable[op]
	case op>>8 == PrefixBulk && op&0xff < Op(len(bulkTable)):
		info = &bulkTable[op&0xff]
	case op>>8 == PrefixVector<<8:
		info = &vectorTable[op&0xff]
	}
	if info == nil || info.Name == "" {
		return nil
	}
	return info
}
