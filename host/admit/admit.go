package admit

import (
	"github.com/cerberus-host/cerberus/abi"
	"github.com/cerberus-host/cerberus/host/admit/validate"
	"github.com/cerberus-host/cerberus/host/admit/wasm"
)

// Rewriting names the form of [Module.Code]; it belongs into the key of whatever is cached
// for a module. It changes when the same file would give other code.
const Rewriting = "points-1 data-2"

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

// Admit checks a module file and returns the form in which the runtime may have it. The
// error is an [*Error], or one of package abi about the manifest; both wrap a sentinel of
// that package.
func Admit(file []byte) (*Module, error) {
	manifest, err := abi.ModuleManifest(file) // checks size, header and section bounds, too
	if err != nil {
		return nil, err
	}
	w, err := walk(file)
	if err != nil {
		return nil, refusal(err)
	}
	// The author's module has to be valid as it is: rewriting could make it so.
	if err := validate.Module(file); err != nil {
		return nil, refusal(err)
	}
	w.facts.Bytes = len(file)
	return &Module{
		Digest: abi.SumDigest(file), Manifest: manifest, Code: w.code,
		Initializes: w.initializes, Facts: w.facts,
	}, nil
}

// walk reads a module once and compares everything in it with its limit.
func walk(file []byte) (*walker, error) {
	sections, err := wasm.Open(file)
	if err != nil {
		return nil, err
	}
	w := &walker{}
	w.code = append(make([]byte, 0, len(file)+len(file)/16), file[:wasm.HeaderBytes]...)
	for sections.More() {
		s, err := sections.Next()
		if err != nil {
			return nil, err
		}
		if s.ID == wasm.SectionCustom {
			continue // the runtime needs none of them
		}
		if err := w.section(s, file); err != nil {
			return nil, err
		}
	}
	return w, w.finish(file)
}

// section reads one section and appends its new form.
func (w *walker) section(s wasm.Section, file []byte) error {
	w.Reader, w.id = s.Reader, s.ID
	if err := w.entries(); err != nil {
		return err
	}
	if err := w.Done(); err != nil {
		return err
	}
	switch {
	case s.ID == wasm.SectionCode:
		w.appendSection(w.bodies)
	case s.ID == wasm.SectionData && w.joined != nil:
		w.appendSection(appendSegments(nil, w.joined))
	default:
		w.code = append(w.code, file[s.Start:w.End()]...)
	}
	return nil
}

// appendSection appends the section at hand with another payload.
func (w *walker) appendSection(payload []byte) {
	w.code = append(w.code, byte(w.id))
	w.code = appendCount(w.code, len(payload))
	w.code = append(w.code, payload...)
}

// entries reads the content of the section at hand.
func (w *walker) entries() error {
	switch w.id {
	case wasm.SectionType:
		return w.types()
	case wasm.SectionImport:
		return w.imports()
	case wasm.SectionFunction:
		return w.functions()
	case wasm.SectionTable:
		return w.tables()
	case wasm.SectionMemory:
		return w.memories()
	case wasm.SectionGlobal:
		return w.globals()
	case wasm.SectionExport:
		return w.exports()
	case wasm.SectionStart:
		e := w.errorf("a start function is not allowed")
		e.Fix = "export _initialize instead"
		return e
	case wasm.SectionElement:
		return w.elements()
	case wasm.SectionDataCount:
		w.haveDataCount = true
		return w.dataCount()
	case wasm.SectionCode:
		return w.codes()
	default:
		return w.dataSegments()
	}
}
