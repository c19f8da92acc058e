package meter

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/cerberus-host/cerberus/host/admit/wasm"
)

// module is a module that is being rewritten.
type module struct {
	options Options
	prices  *priceList
	// sections are those that are there, by id.
	sections [wasm.SectionDataCount + 1]*wasm.Reader

	// types begins with the typesBefore that were there.
	types                              []wasm.FuncType
	typesBefore                        int
	importedFunctions, importedGlobals uint32
	ownTypes                           []uint32 // of the module's own functions
	ownGlobals                         []wasm.Global

	// bulk says that a charge for a length has been written.
	bulk    bool
	scratch []byte
	out     []byte
	result  Result
}

// functions is how many functions there are before the rewriting.
func (m *module) functions() uint64 { return uint64(m.importedFunctions) + uint64(len(m.ownTypes)) }

// moved returns the new index of a function: there is one more import, the last.
func (m *module) moved(function uint32) uint32 {
	if function >= m.importedFunctions {
		function++
	}
	return function
}

// lengthRoutine is the index of the function that charges for a number of bytes; the one for
// pages follows.
func (m *module) lengthRoutine() uint32 { return m.importedFunctions + 1 + uint32(len(m.ownTypes)) }

// gasGlobal and depthGlobal are the indices of the globals that are added.
func (m *module) gasGlobal() uint32   { return m.importedGlobals + uint32(len(m.ownGlobals)) }
func (m *module) depthGlobal() uint32 { return m.gasGlobal() + 1 }

// typeIndex returns the index of a function type, which is added if it is not there.
func (m *module) typeIndex(t wasm.FuncType) uint32 {
	k := slices.Index(m.types, t)
	if k < 0 {
		k = len(m.types)
		m.types = append(m.types, t)
	}
	return uint32(k)
}

// appendBlockType appends the type of a block without parameters.
func (m *module) appendBlockType(out []byte, results wasm.Types) []byte {
	switch len(results) {
	case 0:
		return append(out, blockEmpty)
	case 1:
		return append(out, results[0])
	default:
		return appendSigned(out, int64(m.typeIndex(wasm.FuncType{Results: results})))
	}
}

// read finds the sections and reads what the others need of them.
func (m *module) read(code []byte) error {
	sections, err := wasm.Open(code)
	if err != nil {
		return err
	}
	for sections.More() {
		s, err := sections.Next()
		if err != nil {
			return err
		}
		if s.ID != wasm.SectionCustom {
			m.sections[s.ID] = &s.Reader
		}
	}
	for _, step := range []struct {
		id    wasm.SectionID
		what  string
		bytes int
		entry func(r *wasm.Reader) error
	}{
		{wasm.SectionType, "types", 3, m.readType},
		{wasm.SectionImport, "imports", 4, m.readImport},
		{wasm.SectionFunction, "functions", 1, m.readFunction},
		{wasm.SectionGlobal, "globals", 4, m.readGlobal},
		{wasm.SectionExport, "exports", 3, m.readExport},
	} {
		if err := m.each(step.id, step.what, step.bytes, step.entry); err != nil {
			return err
		}
	}
	m.typesBefore = len(m.types)
	return nil
}

// each calls entry for every entry of a section, with a reader of its own.
func (m *module) each(id wasm.SectionID, what string, bytes int,
	entry func(r *wasm.Reader) error,
) error {
	if m.sections[id] == nil {
		return nil
	}
	r := *m.sections[id]
	n, err := r.Count(what, bytes)
	if err != nil {
		return err
	}
	for range n {
		if err := entry(&r); err != nil {
			return err
		}
	}
	return r.Done()
}

func (m *module) readType(r *wasm.Reader) error {
	t, err := r.FuncType()
	m.types = append(m.types, t)
	return err
}

func (m *module) readImport(r *wasm.Reader) error {
	i, err := r.Import()
	if err != nil {
		return err
	}
	if string(i.Module) == ImportModule {
		return fmt.Errorf("%w: it imports from %q", ErrReserved, ImportModule)
	}
	switch i.Kind {
	case wasm.KindFunction:
		m.importedFunctions++
		return m.knows(i.Type)
	case wasm.KindGlobal:
		m.importedGlobals++
	default:
	}
	return nil
}

func (m *module) readFunction(r *wasm.Reader) error {
	t, err := r.U32()
	if err != nil {
		return err
	}
	m.ownTypes = append(m.ownTypes, t)
	return m.knows(t)
}

// knows refuses the index of a type that is not there.
func (m *module) knows(t uint32) error {
	if uint64(t) >= uint64(len(m.types)) {
		return fmt.Errorf("%w: type %d of %d", ErrInvalid, t, len(m.types))
	}
	return nil
}

func (m *module) readGlobal(r *wasm.Reader) error {
	g, err := r.Global()
	if err != nil {
		return err
	}
	m.ownGlobals = append(m.ownGlobals, g)
	var in wasm.Instruction
	return r.Constant(&in)
}

func (m *module) readExport(r *wasm.Reader) error {
	x, err := r.Export()
	if err != nil {
		return err
	}
	if strings.HasPrefix(string(x.Name), ReservedPrefix) {
		return fmt.Errorf("%w: it exports %.80q", ErrReserved, x.Name)
	}
	return nil
}

// write writes the sections. The code comes first, because it adds types and tells whether
// functions are added.
func (m *module) write() error {
	code, err := m.code()
	if err != nil {
		return err
	}
	refill := m.typeIndex(wasm.FuncType{})
	i32 := wasm.Types([]byte{byte(wasm.I32)})
	routine := m.typeIndex(wasm.FuncType{Params: i32, Results: i32})
	m.section(wasm.SectionType, m.typeSection())
	m.section(wasm.SectionImport, m.importSection(refill))
	m.section(wasm.SectionFunction, m.functionSection(routine))
	tables, err := m.tableSection()
	if err != nil {
		return err
	}
	m.section(wasm.SectionTable, tables)
	memories, err := m.memorySection()
	if err != nil {
		return err
	}
	m.section(wasm.SectionMemory, memories)
	globals, err := m.globalSection()
	if err != nil {
		return err
	}
	m.section(wasm.SectionGlobal, globals)
	exports, err := m.exportSection()
	if err != nil {
		return err
	}
	m.section(wasm.SectionExport, exports)
	start, err := m.startSection()
	if err != nil {
		return err
	}
	m.section(wasm.SectionStart, start)
	elements, err := m.elementSection()
	if err != nil {
		return err
	}
	m.section(wasm.SectionElement, elements)
	m.section(wasm.SectionDataCount, m.rest(wasm.SectionDataCount))
	m.section(wasm.SectionCode, code)
	m.section(wasm.SectionData, m.rest(wasm.SectionData))
	return nil
}

// section appends a section, unless it is nil.
func (m *module) section(id wasm.SectionID, payload []byte) {
	if payload == nil {
		return
	}
	m.out = append(m.out, byte(id))
	m.out = appendCount(m.out, len(payload))
	m.out = append(m.out, payload...)
}

// rest returns a section as it is, nil if it is not there.
func (m *module) rest(id wasm.SectionID) []byte {
	r := m.sections[id]
	if r == nil {
		return nil
	}
	return r.Bytes(r.Pos(), r.End())
}

// more begins a section that has n entries more than before, with those before.
func (m *module) more(id wasm.SectionID, n int) []byte {
	if m.sections[id] == nil {
		return appendCount(nil, n)
	}
	r := *m.sections[id]
	before, err := r.U32()
	if err != nil {
		return nil // it has been read before
	}
	out := appendCount(make([]byte, 0, r.Left()+64), int(before)+n)
	return append(out, r.Bytes(r.Pos(), r.End())...)
}

func (m *module) typeSection() []byte {
	out := appendCount(nil, len(m.types))
	for _, t := range m.types {
		out = append(out, 0x60)
		out = append(appendCount(out, len(t.Params)), t.Params...)
		out = append(appendCount(out, len(t.Results)), t.Results...)
	}
	return out
}

func (m *module) importSection(refill uint32) []byte {
	out := m.more(wasm.SectionImport, 1)
	out = appendName(appendName(out, ImportModule), ImportRefill)
	return appendCount(append(out, byte(wasm.KindFunction)), int(refill))
}

// functionSection adds the two routines if there is code that calls them.
func (m *module) functionSection(routine uint32) []byte {
	if !m.bulk {
		return m.rest(wasm.SectionFunction)
	}
	out := m.more(wasm.SectionFunction, 2)
	return appendCount(appendCount(out, int(routine)), int(routine))
}

// code rewrites the bodies and adds the routines.
func (m *module) code() ([]byte, error) {
	if m.sections[wasm.SectionCode] == nil {
		if len(m.ownTypes) != 0 {
			return nil, fmt.Errorf("%w: %d functions have no code", ErrInvalid, len(m.ownTypes))
		}
		return nil, nil
	}
	r := *m.sections[wasm.SectionCode]
	n, err := r.Count("function bodies", 3)
	if err != nil {
		return nil, err
	}
	if n != len(m.ownTypes) {
		return nil, fmt.Errorf("%w: %d bodies for %d functions", ErrInvalid, n, len(m.ownTypes))
	}
	// The routines are known to be needed when the bodies have been written.
	written := make([]byte, 0, r.Left()+r.Left()/2)
	b := &bodies{module: m, flow: flow{foldMax: m.prices.fold}}
	for k := range n {
		body, err := r.Body()
		if err != nil {
			return nil, err
		}
		if written, err = b.rewrite(written, body, m.types[m.ownTypes[k]]); err != nil {
			return nil, fmt.Errorf("function %d: %w", int(m.importedFunctions)+k, err)
		}
		if len(written) > m.options.CodeBytesMax {
			return nil, fmt.Errorf("%w: more than %d bytes of code", ErrLimit, m.options.CodeBytesMax)
		}
	}
	if err := r.Done(); err != nil {
		return nil, err
	}
	if m.bulk {
		written = m.appendRoutine(written, m.lengthPrice())
		written = m.appendRoutine(written, m.pagesPrice())
		n += 2
	}
	return slices.Concat(appendCount(nil, n), written), nil
}

// lengthPrice is the code that leaves the price of the bytes that parameter 0 counts.
func (m *module) lengthPrice() []byte {
	return append(appendIndex(nil, wasm.OpLocalGet, 0), opI64ExtendI32,
		byte(wasm.OpI64Const), bytesShift, opI64ShrU)
}

// pagesPrice is the same for pages. More pages than a memory can have are not given, so they
// are not charged.
func (m *module) pagesPrice() []byte {
	var out []byte
	for range 2 {
		out = appendIndex(out, wasm.OpLocalGet, 0)
		out = appendConstant(out, wasm.OpI32Const, int64(m.options.MemoryPagesMax))
	}
	return append(out, opI32LtU, byte(wasm.OpSelect), opI64ExtendI32,
		byte(wasm.OpI64Const), pageShift, opI64Shl)
}

// appendRoutine appends the body of a function that charges a price and returns its
// parameter.
func (m *module) appendRoutine(out, price []byte) []byte {
	b := []byte{1, 1, byte(wasm.I64)}
	b = appendIndex(b, wasm.OpGlobalGet, m.gasGlobal())
	b = append(append(b, price...), opI64Sub)
	b = m.appendLook(b, 1)
	b = append(appendIndex(b, wasm.OpLocalGet, 0), byte(wasm.OpEnd))
	return append(appendCount(out, len(b)), b...)
}

// tableSection gives every table its first size as the largest: no operator that is let
// through makes it grow.
func (m *module) tableSection() ([]byte, error) {
	if m.sections[wasm.SectionTable] == nil {
		return nil, nil
	}
	out := m.more(wasm.SectionTable, 0)[:0]
	n := 0
	err := m.each(wasm.SectionTable, "tables", 3, func(r *wasm.Reader) error {
		t, err := r.Table()
		if err != nil {
			return err
		}
		if t.HasMax && t.Max < t.Min {
			return fmt.Errorf("%w: at least %d table entries, at most %d", ErrInvalid, t.Min, t.Max)
		}
		n++
		out = append(out, byte(t.Type), 1)
		out = appendCount(appendCount(out, int(t.Min)), int(t.Min))
		return nil
	})
	return slices.Concat(appendCount(nil, n), out), err
}

// memorySection gives every memory a largest size.
func (m *module) memorySection() ([]byte, error) {
	if m.sections[wasm.SectionMemory] == nil {
		return nil, nil
	}
	var out []byte
	n := 0
	err := m.each(wasm.SectionMemory, "memories", 2, func(r *wasm.Reader) error {
		l, err := r.Memory()
		if err != nil {
			return err
		}
		n++
		most := m.options.MemoryPagesMax
		if l.HasMax {
			most = min(most, l.Max)
		}
		if l.HasMax && (l.Max < l.Min || l.Max > memoryPagesLimit) {
			return fmt.Errorf("%w: at least %d pages of memory, at most %d", ErrInvalid, l.Min, l.Max)
		}
		if l.Min > most {
			return fmt.Errorf("%w: %d pages of memory at the start, at most %d", ErrLimit, l.Min,
				most)
		}
		out = appendCount(appendCount(append(out, 1), int(l.Min)), int(most))
		return nil
	})
	return slices.Concat(appendCount(nil, n), out), err
}

// globalSection adds the gas and the depth, both zero.
func (m *module) globalSection() ([]byte, error) {
	if uint64(m.importedGlobals)+uint64(len(m.ownGlobals))+2 > math.MaxUint32 {
		return nil, fmt.Errorf("%w: %d globals", ErrLimit, len(m.ownGlobals))
	}
	out := appendCount(nil, len(m.ownGlobals)+2)
	err := m.each(wasm.SectionGlobal, "globals", 4, func(r *wasm.Reader) error {
		start := r.Pos()
		if _, err := r.Global(); err != nil {
			return err
		}
		out = append(out, r.Bytes(start, r.Pos())...)
		return m.constant(&out, r)
	})
	out = append(out, byte(wasm.I64), 1, byte(wasm.OpI64Const), 0, byte(wasm.OpEnd))
	out = append(out, byte(wasm.I32), 1, byte(wasm.OpI32Const), 0, byte(wasm.OpEnd))
	return out, err
}

// constant appends a constant expression, in which functions may be named.
func (m *module) constant(out *[]byte, r *wasm.Reader) error {
	start := r.Pos()
	var in wasm.Instruction
	if err := r.Constant(&in); err != nil {
		return err
	}
	if in.Op != wasm.OpRefFunc {
		*out = append(*out, r.Bytes(start, r.Pos())...)
		return nil
	}
	if uint64(in.Index) >= m.functions() {
		return fmt.Errorf("%w: function %d of %d", ErrInvalid, in.Index, m.functions())
	}
	*out = append(appendIndex(*out, wasm.OpRefFunc, m.moved(in.Index)), byte(wasm.OpEnd))
	return nil
}

// exportSection moves the functions and adds the gas, the depth and the mutable globals.
func (m *module) exportSection() ([]byte, error) {
	var out []byte
	n := 0
	add := func(name string, kind wasm.Kind, index uint32) {
		n++
		out = appendCount(append(appendName(out, name), byte(kind)), int(index))
	}
	err := m.each(wasm.SectionExport, "exports", 3, func(r *wasm.Reader) error {
		x, err := r.Export()
		if err != nil {
			return err
		}
		if x.Kind == wasm.KindFunction {
			if uint64(x.Index) >= m.functions() {
				return fmt.Errorf("%w: function %d of %d", ErrInvalid, x.Index, m.functions())
			}
			x.Index = m.moved(x.Index)
		}
		if x.Kind == wasm.KindGlobal && x.Index >= m.gasGlobal() {
			return fmt.Errorf("%w: global %d of %d", ErrInvalid, x.Index, m.gasGlobal())
		}
		add(string(x.Name), x.Kind, x.Index)
		return nil
	})
	if err != nil {
		return nil, err
	}
	add(ExportGas, wasm.KindGlobal, m.gasGlobal())
	add(ExportDepth, wasm.KindGlobal, m.depthGlobal())
	for k, g := range m.ownGlobals {
		if !g.Mutable {
			continue
		}
		index := m.importedGlobals + uint32(k)
		name := ExportGlobalPrefix + strconv.FormatUint(uint64(index), 10)
		add(name, wasm.KindGlobal, index)
		m.result.Globals = append(m.result.Globals, Global{Export: name, Type: g.Type})
		m.result.Restorable = m.result.Restorable && g.Type != wasm.V128
	}
	return slices.Concat(appendCount(nil, n), out), nil
}

// startSection moves the start function. Admission refuses modules that have one.
func (m *module) startSection() ([]byte, error) {
	if m.sections[wasm.SectionStart] == nil {
		return nil, nil
	}
	r := *m.sections[wasm.SectionStart]
	index, err := r.U32()
	if err != nil {
		return nil, err
	}
	if uint64(index) >= m.functions() {
		return nil, fmt.Errorf("%w: function %d of %d", ErrInvalid, index, m.functions())
	}
	return appendCount(nil, int(m.moved(index))), r.Done()
}

// appendName appends a name with its length.
func appendName(out []byte, name string) []byte {
	return append(appendCount(out, len(name)), name...)
}
