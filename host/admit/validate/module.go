package validate

import (
	"fmt"

	"github.com/cerberus-host/cerberus/host/admit/wasm"
)

// noCount marks a module without a data count section.
const noCount = -1

// checker holds the index spaces of a module, in the order in which its sections fill them.
type checker struct {
	reader wasm.Reader // of the section at hand
	id     wasm.SectionID

	types     []wasm.FuncType
	functions []uint32 // types of all functions, imported ones first
	tables    []wasm.Table
	memories  int
	globals   []wasm.Global
	elements  []wasm.ValueType // types of element segments
	dataCount int

	imported        int // functions
	importedGlobals int
	// declared tells which functions are named outside bodies, so that references to them
	// may be taken inside.
	declared []bool
	exported map[string]struct{}

	bodies, segments int // seen in the code and the data section

	constant wasm.Instruction
	body     body
}

// Module reports why a module is not valid, nil if it is. The error is an [*Error]. The
// module is not changed and not kept. It is safe for concurrent use.
func Module(module []byte) error {
	c := &checker{dataCount: noCount, exported: map[string]struct{}{}}
	sections, err := wasm.Open(module)
	if err != nil {
		return inFunction(err, outside)
	}
	for sections.More() {
		s, err := sections.Next()
		if err != nil {
			return inFunction(err, outside)
		}
		if s.ID == wasm.SectionCustom {
			continue
		}
		c.reader, c.id = s.Reader, s.ID
		err = c.section()
		if err == nil {
			err = c.reader.Done()
		}
		if err != nil {
			return inFunction(err, outside)
		}
	}
	return c.finish(len(module))
}

// errorf returns an error at the current position, outside bodies.
func (c *checker) errorf(format string, args ...any) error {
	return &Error{
		Section: c.id.String(), Function: outside, Offset: c.reader.Pos(),
		Problem: fmt.Sprintf(format, args...),
	}
}

// section reads the section at hand.
func (c *checker) section() error {
	switch c.id {
	case wasm.SectionStart:
		return c.start()
	case wasm.SectionDataCount:
		n, err := c.reader.U32()
		c.dataCount = int(n)
		return err
	case wasm.SectionCode:
		return c.code()
	default:
	}
	entry, what, sizeMin := c.entries()
	n, err := c.reader.Count(what, sizeMin)
	if err != nil {
		return err
	}
	if c.id == wasm.SectionData {
		c.segments = n
		if c.dataCount != noCount && c.dataCount != n {
			return c.errorf("%d data segments, the data count says %d", n, c.dataCount)
		}
	}
	for range n {
		if err := entry(); err != nil {
			return err
		}
	}
	return nil
}

// entries returns what the section at hand is a list of: how to read one, their name, and
// the least bytes that one takes.
func (c *checker) entries() (read func() error, what string, sizeMin int) {
	switch c.id {
	case wasm.SectionType:
		return c.funcType, "types", 3
	case wasm.SectionImport:
		return c.oneImport, "imports", 4
	case wasm.SectionFunction:
		return c.function, "functions", 1
	case wasm.SectionTable:
		return c.table, "tables", 3
	case wasm.SectionMemory:
		return c.memory, "memories", 2
	case wasm.SectionGlobal:
		return c.global, "globals", 4
	case wasm.SectionExport:
		return c.export, "exports", 3
	case wasm.SectionElement:
		return c.element, "element segments", 2
	default:
		return c.data, "data segments", 2
	}
}

func (c *checker) funcType() error {
	t, err := c.reader.FuncType()
	if err != nil {
		return err
	}
	if n := max(len(t.Params), len(t.Results)); n > ArityMax {
		return c.errorf("a type has %d parameters or results, at most %d", n, ArityMax)
	}
	c.types = append(c.types, t)
	return nil
}

func (c *checker) oneImport() error {
	i, err := c.reader.Import()
	if err != nil {
		return err
	}
	switch i.Kind {
	case wasm.KindFunction:
		c.imported++
		return c.addFunction(i.Type)
	case wasm.KindTable:
		return c.addTable(i.Table)
	case wasm.KindMemory:
		return c.addMemory(i.Memory)
	default:
		c.importedGlobals++
		c.globals = append(c.globals, i.Global)
		return nil
	}
}

func (c *checker) function() error {
	t, err := c.reader.U32()
	if err != nil {
		return err
	}
	return c.addFunction(t)
}

func (c *checker) table() error {
	t, err := c.reader.Table()
	if err != nil {
		return err
	}
	return c.addTable(t)
}

func (c *checker) memory() error {
	l, err := c.reader.Memory()
	if err != nil {
		return err
	}
	return c.addMemory(l)
}

func (c *checker) addFunction(typeIndex uint32) error {
	if err := c.index("type", typeIndex, len(c.types)); err != nil {
		return err
	}
	c.functions = append(c.functions, typeIndex)
	c.declared = append(c.declared, false)
	return nil
}

func (c *checker) addTable(t wasm.Table) error {
	if t.HasMax && t.Min > t.Max {
		return c.errorf("a table of at least %d and at most %d entries", t.Min, t.Max)
	}
	c.tables = append(c.tables, t)
	return nil
}

func (c *checker) addMemory(l wasm.Limits) error {
	if l.HasMax && l.Min > l.Max {
		return c.errorf("a memory of at least %d and at most %d pages", l.Min, l.Max)
	}
	if l.Min > PagesMax || l.HasMax && l.Max > PagesMax {
		return c.errorf("a memory of more than %d pages", PagesMax)
	}
	c.memories++
	if c.memories > 1 {
		return c.errorf("more than one memory")
	}
	return nil
}

func (c *checker) global() error {
	g, err := c.reader.Global()
	if err != nil {
		return err
	}
	if err := c.expression(g.Type); err != nil {
		return err
	}
	c.globals = append(c.globals, g)
	return nil
}

func (c *checker) export() error {
	x, err := c.reader.Export()
	if err != nil {
		return err
	}
	var space int
	switch x.Kind {
	case wasm.KindFunction:
		space = len(c.functions)
	case wasm.KindTable:
		space = len(c.tables)
	case wasm.KindMemory:
		space = c.memories
	default:
		space = len(c.globals)
	}
	if err := c.index(x.Kind.String(), x.Index, space); err != nil {
		return err
	}
	if x.Kind == wasm.KindFunction {
		c.declared[x.Index] = true
	}
	name := string(x.Name)
	if _, twice := c.exported[name]; twice {
		return c.errorf("export %.80q is there twice", name)
	}
	c.exported[name] = struct{}{}
	return nil
}

func (c *checker) start() error {
	f, err := c.reader.U32()
	if err != nil {
		return err
	}
	if err := c.index("function", f, len(c.functions)); err != nil {
		return err
	}
	if t := c.types[c.functions[f]]; t != (wasm.FuncType{}) {
		return c.errorf("the start function has the type %v instead of () -> ()", t)
	}
	return nil
}

// finish checks what only the end of the module can tell.
func (c *checker) finish(end int) error {
	problem, id := "", wasm.SectionCode
	if own := len(c.functions) - c.imported; c.bodies != own {
		problem = fmt.Sprintf("%d bodies for %d functions", c.bodies, own)
	} else if c.dataCount != noCount && c.segments != c.dataCount {
		id = wasm.SectionData
		problem = fmt.Sprintf("%d data segments, the data count says %d", c.segments, c.dataCount)
	}
	if problem == "" {
		return nil
	}
	return &Error{Section: id.String(), Function: outside, Offset: end, Problem: problem}
}

// index compares an index with the size of its space.
func (c *checker) index(what string, n uint32, space int) error {
	if uint64(n) >= uint64(space) {
		return c.errorf("%s %d of %d", what, n, space)
	}
	return nil
}
