package admit

import (
	"errors"
	"fmt"

	"github.com/cerberus-host/cerberus/abi"
	"github.com/cerberus-host/cerberus/host/admit/meter"
	"github.com/cerberus-host/cerberus/host/admit/validate"
	"github.com/cerberus-host/cerberus/host/admit/wasm"
)

// Rewriting names the form of [Module.Code]; it belongs into the key of whatever is cached
// for a module, together with [meter.CostDigest]. It changes when the same file would give
// other code.
const Rewriting = meter.Version + " data-2"

// Module is an admitted module. It is read-only and safe for concurrent use.
type Module struct {
	// Digest names the file.
	Digest abi.Digest
	// Manifest is the checked manifest.
	Manifest *abi.Manifest
	// Code is what the runtime compiles instead of the file. It imports
	// [meter.ImportModule] and exports what package meter adds.
	Code []byte
	// Initializes says that the module exports _initialize, which runs first.
	Initializes bool
	// Globals are the module's own mutable globals, in the order of their indices, with the
	// names under which Code exports them.
	Globals []meter.Global
	// Restorable says that an instance can be put back into an earlier state by its memory
	// and Globals alone, see [meter.Result]. Tables never change.
	Restorable bool
	// Facts are for people.
	Facts Facts
}

// Facts are counts of an admitted module.
type Facts struct {
	Bytes, Functions, Imports, Locals, DataSegments, MemoryPagesMin int
	// HostFunctions names the imported host functions, in order of import, without
	// repetitions.
	HostFunctions []string
	// CodeBytes is the size of [Module.Code]. Charges counts the places in it where gas is
	// charged, NaNSites those where a computed float is made canonical.
	CodeBytes, Charges, NaNSites int
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
	// The author's module has to be valid as it is: what is put in could make it so.
	if err := validate.Module(file); err != nil {
		return nil, refusal(err)
	}
	metered, err := rewrite(w.code)
	if err != nil {
		return nil, err
	}
	w.facts.Bytes, w.facts.CodeBytes = len(file), len(metered.Code)
	w.facts.Charges, w.facts.NaNSites = metered.Charges, metered.NaNSites
	return &Module{
		Digest: abi.SumDigest(file), Manifest: manifest, Code: metered.Code,
		Initializes: w.initializes, Globals: metered.Globals, Restorable: metered.Restorable,
		Facts: w.facts,
	}, nil
}

// rewrite has a valid module metered, and validates the result: a mistake in the rewriting
// must not reach the runtime.
func rewrite(code []byte) (meter.Result, error) {
	r, err := meter.Rewrite(code, meter.Options{CodeBytesMax: CodeBytesMax})
	if errors.Is(err, meter.ErrLimit) || len(r.Code) > CodeBytesMax {
		return r, &Error{
			Section: wasm.SectionCode.String(), Offset: len(code),
			Problem: fmt.Sprintf("takes more than %d bytes with what counts gas", CodeBytesMax),
			Fix:     "make the module smaller, or its code simpler",
		}
	}
	if err != nil {
		return r, fmt.Errorf("%w: %w", abi.ErrModule, err)
	}
	if err := validate.Module(r.Code); err != nil {
		return r, fmt.Errorf("%w: after metering: %w", abi.ErrModule, err)
	}
	return r, nil
}

// walk reads a module once and compares everything in it with its limit.
func walk(file []byte) (*walker, error) {
	sections, err := wasm.Open(file)
	if err != nil {
		return nil, err
	}
	w := &walker{}
	w.code = append(make([]byte, 0, len(file)), file[:wasm.HeaderBytes]...)
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
	if s.ID == wasm.SectionData && w.joined != nil {
		payload := appendSegments(nil, w.joined)
		w.code = appendCount(append(w.code, byte(s.ID)), len(payload))
		w.code = append(w.code, payload...)
		return nil
	}
	w.code = append(w.code, file[s.Start:w.End()]...)
	return nil
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
