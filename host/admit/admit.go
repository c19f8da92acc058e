package admit

import (
	"github.com/cerberus-host/cerberus/abi"
)

// Rewriting names the form of [Module.Code]; it belongs into the key of whatever is cached
// for a module. It changes when the same file would give other code.
const Rewriting = "points-1 data-1"

// Module is an admitted module. It is read-only and safe for concurrent use.
type Module struct {
	// Digest names the file.
	Digest abi.Digest
	// Manifest is the checked manifest.
	Manifest *abi.Manifest
	// Code is what the runtime compiles instead of the file.
	Code []byte
	// Initializes says that the module exports _initialize, which runs first.
	Initializes bool
	// Facts are for people.
	Facts Facts
}

// Facts are counts of an admitted module.
type Facts struct {
	Bytes, Functions, Imports, Locals, DataSegments, MemoryPagesMin int
	// HostFunctions names the imported host functions, in order of import, without
	// repetitions.
	HostFunctions []string
	// Points is the number of interruption points that were added.
	Points int
}

// section ids of the binary format.
const (
	sectionCustom = iota
	sectionType
	sectionImport
	sectionFunction
	sectionTable
	sectionMemory
	sectionGlobal
	sectionExport
	sectionStart
	sectionElement
	sectionCode
	sectionData
	sectionDataCount
)

// sectionName returns the name of a section, false for an unknown one.
func sectionName(id byte) (string, bool) {
	names := [...]string{
		"custom", "type", "import", "function", "table", "memory", "global", "export", "start",
		"element", "code", "data", "data count",
	}
	if int(id) >= len(names) {
		return "", false
	}
	return names[id], true
}

// sectionRank is the place of a section in the file: the data count stands before the code.
func sectionRank(id byte) int {
	switch id {
	case sectionDataCount:
		return 2*sectionCode - 1
	default:
		return 2 * int(id)
	}
}

const headerBytes = 8

// Admit checks a module file and returns the form in which the runtime may have it. The
// error is an [*Error], or one of package abi about the manifest; both wrap a sentinel of
// that package.
func Admit(file []byte) (*Module, error) {
	manifest, err := abi.ModuleManifest(file) // checks size, header and section bounds, too
	if err != nil {
		return nil, err
	}
	w := &walker{reader: reader{data: file, pos: headerBytes, end: len(file)}}
	w.code = append(make([]byte, 0, len(file)+len(file)/16), file[:headerBytes]...)
	rank := 0
	for w.left() > 0 {
		if rank, err = w.nextSection(rank); err != nil {
			return nil, err
		}
	}
	if err := w.finish(); err != nil {
		return nil, err
	}
	w.facts.Bytes = len(file)
	return &Module{
		Digest: abi.SumDigest(file), Manifest: manifest, Code: w.code,
		Initializes: w.initializes, Facts: w.facts,
	}, nil
}

// nextSection reads one section, appends its rewritten form and returns its rank.
func (w *walker) nextSection(rank int) (int, error) {
	w.section = "header"
	start := w.pos
	id, err := w.byte()
	if err != nil {
		return 0, err
	}
	name, ok := sectionName(id)
	if !ok {
		return 0, w.errorf("unknown section %d", id)
	}
	w.section = name
	size, err := w.u32()
	if err != nil {
		return 0, err
	}
	if uint64(size) > uint64(w.left()) {
		return 0, w.errorf("claims %d bytes, %d are left", size, w.left())
	}
	if id == sectionCustom {
		return rank, w.skip(int(size)) // the runtime needs none of them
	}
	if sectionRank(id) <= rank {
		return 0, w.errorf("is repeated or out of order")
	}
	whole := w.end
	w.end = w.pos + int(size)
	if err := w.readSection(id); err != nil {
		return 0, err
	}
	if w.left() != 0 {
		return 0, w.errorf("%d bytes too many", w.left())
	}
	w.end = whole
	switch {
	case id == sectionCode:
		w.appendSection(id, w.bodies)
	case id == sectionData && w.joined != nil:
		w.appendSection(id, appendSegments(nil, w.joined))
	default:
		w.code = append(w.code, w.data[start:w.pos]...)
	}
	return sectionRank(id), nil
}

// appendSection appends a section of the new module.
func (w *walker) appendSection(id byte, payload []byte) {
	w.code = append(w.code, id)
	w.code = appendCount(w.code, len(payload))
	w.code = append(w.code, payload...)
}

func (w *walker) readSection(id byte) error {
	switch id {
	case sectionType:
		return w.types()
	case sectionImport:
		return w.imports()
	case sectionFunction:
		return w.functions()
	case sectionTable:
		return w.tables()
	case sectionMemory:
		return w.memories()
	case sectionGlobal:
		return w.globals()
	case sectionExport:
		return w.exports()
	case sectionStart:
		e := w.errorf("a start function is not allowed")
		e.Fix = "export _initialize instead"
		return e
	case sectionElement:
		return w.elements()
	case sectionDataCount:
		w.haveDataCount = true
		_, err := w.countBeforeCode()
		return err
	case sectionCode:
		return w.codes()
	default:
		return w.dataSegments()
	}
}
