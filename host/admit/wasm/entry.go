package wasm

// Kind is a kind of imports and exports.
type Kind byte

// The kinds of imports and exports.
const (
	KindFunction Kind = iota
	KindTable
	KindMemory
	KindGlobal
)

// String returns the kind in words.
func (k Kind) String() string {
	names := [...]string{"function", "table", "memory", "global"}
	if int(k) < len(names) {
		return names[k]
	}
	return "unknown"
}

// kind reads a kind.
func (r *Reader) kind() (Kind, error) {
	b, err := r.Byte()
	if err != nil {
		return 0, err
	}
	if Kind(b) > KindGlobal {
		return 0, r.unknown(r.pos-1, "kind %d of import or export", b)
	}
	return Kind(b), nil
}

// Import is an entry of the import section. Of Type, Table, Memory and Global, the one that
// Kind names is set.
type Import struct {
	// Module and Name alias the module and must not be written.
	Module, Name []byte
	Kind         Kind
	// Type is the index of the function's type.
	Type   uint32
	Table  Table
	Memory Limits
	Global Global
}

// Import reads an entry of the import section.
func (r *Reader) Import() (Import, error) {
	var i Import
	var err error
	if i.Module, err = r.Name(); err != nil {
		return i, err
	}
	if i.Name, err = r.Name(); err != nil {
		return i, err
	}
	if i.Kind, err = r.kind(); err != nil {
		return i, err
	}
	switch i.Kind {
	case KindFunction:
		i.Type, err = r.U32()
	case KindTable:
		i.Table, err = r.Table()
	case KindMemory:
		i.Memory, err = r.Memory()
	default:
		i.Global, err = r.Global()
	}
	return i, err
}

// Export is an entry of the export section.
type Export struct {
	// Name aliases the module and must not be written.
	Name  []byte
	Kind  Kind
	Index uint32
}

// Export reads an entry of the export section.
func (r *Reader) Export() (Export, error) {
	var x Export
	var err error
	if x.Name, err = r.Name(); err != nil {
		return x, err
	}
	if x.Kind, err = r.kind(); err != nil {
		return x, err
	}
	x.Index, err = r.U32()
	return x, err
}

// Constant reads a constant expression: one operator and end. Longer ones are malformed,
// because Core 2.0 has no operator that takes operands in them. Whether the operator may
// stand there is not judged.
func (r *Reader) Constant(in *Instruction) error {
	if err := r.Instruction(in); err != nil {
		return err
	}
	if in.Op == OpEnd {
		r.pos = in.Start
		return r.errorf("a constant expression is empty")
	}
	end, err := r.Byte()
	if err != nil {
		return err
	}
	if Op(end) != OpEnd {
		r.pos--
		return r.errorf("a constant expression has more than one operator")
	}
	return nil
}

// Mode says what a segment is for.
type Mode byte

// The modes of segments.
const (
	// Active segments are written when an instance is made.
	Active Mode = iota
	// Passive segments are written by operators.
	Passive
	// Declared element segments only tell that references to their functions are taken.
	Declared
)

// Element is the head of an element segment; Count items follow, each an index of a
// function, or a [Constant] if Expressions is set.
type Element struct {
	Mode Mode
	// Table and Offset, the operator of the expression, belong to active segments.
	Table  uint32
	Offset Instruction
	// Type is the reference type of the items.
	Type        ValueType
	Expressions bool
	Count       int
}

// Element reads the head of an element segment into e, which it overwrites.
func (r *Reader) Element(e *Element) error {
	flags, err := r.U32()
	if err != nil {
		return err
	}
	// Bit 0 says passive or declared, bit 1 explicit table or declared, bit 2 expressions
	// instead of indices.
	if flags > 7 {
		return r.unknown(r.pos-1, "form %d of element segment", flags)
	}
	e.Mode, e.Table, e.Type, e.Expressions = Active, 0, FuncRef, flags&4 != 0
	switch flags & 3 {
	case 1:
		e.Mode = Passive
	case 2:
		if e.Table, err = r.U32(); err != nil {
			return err
		}
	case 3:
		e.Mode = Declared
	}
	if e.Mode == Active {
		if err := r.Constant(&e.Offset); err != nil {
			return err
		}
	}
	if flags&3 != 0 { // the short form has no kind
		if err := r.elementKind(e); err != nil {
			return err
		}
	}
	e.Count, err = r.Count("elements", 1)
	return err
}

// elementKind reads the type of a segment's items, which segments of indices spell as 0.
func (r *Reader) elementKind(e *Element) error {
	if !e.Expressions {
		return r.zero()
	}
	var err error
	e.Type, err = r.ReferenceType()
	return err
}

// Data is a data segment.
type Data struct {
	Mode Mode
	// Memory and Offset, the operator of the expression, belong to active segments.
	Memory uint32
	Offset Instruction
	// Start and End are the offsets of the content.
	Start, End int
}

// Data reads a data segment into s, which it overwrites.
func (r *Reader) Data(s *Data) error {
	flags, err := r.U32()
	if err != nil {
		return err
	}
	if flags > 2 {
		return r.unknown(r.pos-1, "form %d of data segment", flags)
	}
	s.Mode, s.Memory = Active, 0
	switch flags {
	case 1:
		s.Mode = Passive
	case 2:
		if s.Memory, err = r.U32(); err != nil {
			return err
		}
	}
	if s.Mode == Active {
		if err := r.Constant(&s.Offset); err != nil {
			return err
		}
	}
	size, err := r.Count("bytes", 1)
	if err != nil {
		return err
	}
	s.Start, s.End = r.pos, r.pos+size
	return r.Skip(size)
}

// Body reads the size of a function's body and returns a reader of it; r steps over it.
func (r *Reader) Body() (Reader, error) {
	size, err := r.Count("bytes of a body", 1)
	if err != nil {
		return Reader{}, err
	}
	body := NewReader(r.data, r.pos, r.pos+size, r.section)
	return body, r.Skip(size)
}

// LocalGroups reads how many groups of locals a body declares; read each with [Reader.Locals].
func (r *Reader) LocalGroups() (int, error) { return r.Count("groups of locals", 2) }

// Locals reads a group of locals: how many, up to 2^32 - 1, of which type.
func (r *Reader) Locals() (uint32, ValueType, error) {
	n, err := r.U32()
	if err != nil {
		return 0, 0, err
	}
	t, err := r.ValueType()
	return n, t, err
}
