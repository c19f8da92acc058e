package admit

import (
	"fmt"
	"slices"
	"strings"

	"github.com/cerberus-host/cerberus/abi"
	"github.com/cerberus-host/cerberus/host/admit/meter"
	"github.com/cerberus-host/cerberus/host/admit/wasm"
)

// walker reads a module from the first byte to the last. It holds what later sections need
// of earlier ones.
type walker struct {
	wasm.Reader // of the section at hand
	id          wasm.SectionID

	signatures  []wasm.FuncType
	imported    int
	ownTypes    []uint32 // types of the module's own functions
	memoryCount int
	exported    map[string]export
	haveCode    bool
	// haveDataCount tells that operators may name data segments.
	haveDataCount bool

	localsTotal, productTotal, elementsTotal, targetsTotal, pairsTotal uint64

	joined      []dataSegment // the data section, nil to leave it as it is
	code        []byte        // the module without custom sections
	initializes bool
	facts       Facts
}

// errorf returns an error at the current position.
func (w *walker) errorf(format string, args ...any) *Error {
	return &Error{
		Section: w.id.String(), Offset: w.Pos(), Problem: fmt.Sprintf(format, args...),
	}
}

// limited returns the error of a count beyond its limit.
func (w *walker) limited(what string, value, limit uint64) *Error {
	e := w.errorf("too many %s", what)
	e.Value, e.Limit = value, limit
	return e
}

// count reads a count of things that take at least sizeMin bytes each, and refuses one that
// passes its limit or that the bytes left cannot hold.
func (w *walker) count(what string, sizeMin int, limit uint64) (int, error) {
	ahead := w.Reader
	if n, err := ahead.U32(); err == nil && uint64(n) > limit {
		return 0, w.limited(what, uint64(n), limit)
	}
	return w.Count(what, sizeMin)
}

// export is an export's kind and index.
type export struct {
	kind  wasm.Kind
	index uint32
}

const (
	exportInitialize = "_initialize"
	exportCommand    = "_start"
)

func (w *walker) types() error {
	n, err := w.count("types", 3, TypesMax)
	if err != nil {
		return err
	}
	for range n {
		t, err := w.FuncType()
		if err != nil {
			return err
		}
		if n := len(t.Params); n > ParamsMax {
			return w.limited("parameters", uint64(n), ParamsMax)
		}
		if n := len(t.Results); n > ResultsMax {
			return w.limited("results", uint64(n), ResultsMax)
		}
		w.signatures = append(w.signatures, t)
	}
	return nil
}

func (w *walker) imports() error {
	n, err := w.count("imports", 4, ImportsMax)
	if err != nil {
		return err
	}
	known := importable()
	for range n {
		if err := w.oneImport(known); err != nil {
			return err
		}
	}
	w.imported = n
	w.facts.Imports = n
	return nil
}

func (w *walker) oneImport(known map[[2]string]wasm.FuncType) error {
	i, err := w.Import()
	if err != nil {
		return err
	}
	module, name := string(i.Module), string(i.Name)
	want, ok := known[[2]string{module, name}]
	if i.Kind != wasm.KindFunction || !ok {
		e := w.errorf("import %.80q.%.80q is not there", module, name)
		e.Fix = "a module may import the functions of " + abi.ImportModule +
			" (docs/ABI.md) and a few of " + WASIModule
		return e
	}
	if err := w.isType(i.Type); err != nil {
		return err
	}
	if w.signatures[i.Type] != want {
		e := w.errorf("import %q.%q has another type than the host's function", module, name)
		e.Fix = "build with the SDK for " + abi.Version
		return e
	}
	if module == abi.ImportModule && !slices.Contains(w.facts.HostFunctions, name) {
		w.facts.HostFunctions = append(w.facts.HostFunctions, name)
	}
	return nil
}

// isType checks the index of a type.
func (w *walker) isType(n uint32) error {
	if uint64(n) >= uint64(len(w.signatures)) {
		return w.errorf("type %d of %d", n, len(w.signatures))
	}
	return nil
}

func (w *walker) functions() error {
	n, err := w.count("functions", 1, FunctionsMax)
	if err != nil {
		return err
	}
	w.ownTypes = make([]uint32, n)
	for i := range w.ownTypes {
		if w.ownTypes[i], err = w.U32(); err != nil {
			return err
		}
		if err := w.isType(w.ownTypes[i]); err != nil {
			return err
		}
	}
	w.facts.Functions = n
	return nil
}

func (w *walker) tables() error {
	n, err := w.count("tables", 3, 1)
	if err != nil {
		return err
	}
	for range n {
		t, err := w.Table()
		if err != nil {
			return err
		}
		if t.Min > TableEntriesMax {
			return w.limited("table entries", uint64(t.Min), TableEntriesMax)
		}
	}
	return nil
}

func (w *walker) memories() error {
	n, err := w.count("memories", 2, 1)
	if err != nil {
		return err
	}
	for range n {
		m, err := w.Memory()
		if err != nil {
			return err
		}
		if m.Min > abi.MemoryPagesMax {
			return w.limited("memory pages at the start", uint64(m.Min), abi.MemoryPagesMax)
		}
		w.facts.MemoryPagesMin = int(m.Min)
	}
	w.memoryCount = n
	return nil
}

func (w *walker) globals() error {
	n, err := w.count("globals", 4, GlobalsMax)
	if err != nil {
		return err
	}
	for range n {
		if _, err := w.Global(); err != nil {
			return err
		}
		var in wasm.Instruction
		if err := w.Constant(&in); err != nil {
			return err
		}
	}
	return nil
}

func (w *walker) exports() error {
	n, err := w.count("exports", 3, ExportsMax)
	if err != nil {
		return err
	}
	w.exported = make(map[string]export, n)
	for range n {
		x, err := w.Export()
		if err != nil {
			return err
		}
		name := string(x.Name)
		if strings.HasPrefix(name, meter.ReservedPrefix) {
			e := w.errorf("export %.80q begins with %q", name, meter.ReservedPrefix)
			e.Fix = "rename it: such names are the host's"
			return e
		}
		if _, twice := w.exported[name]; twice {
			return w.errorf("export %.80q is there twice", name)
		}
		w.exported[name] = export{x.Kind, x.Index}
	}
	return nil
}

// finish checks what can only be seen at the end: the exports that the ABI asks for.
func (w *walker) finish(file []byte) error {
	w.id = wasm.SectionExport
	w.Reader = wasm.NewReader(file, len(file), len(file), w.id.String())
	if len(w.ownTypes) != 0 && !w.haveCode {
		return w.errorf("functions are declared but there is no code section")
	}
	if _, command := w.exported[exportCommand]; command {
		e := w.errorf("the module is a command: it exports %q", exportCommand)
		e.Fix = "build a library: -buildmode=c-shared in Go, -mexec-model=reactor in C"
		return e
	}
	if m, ok := w.exported[abi.ExportMemory]; w.memoryCount != 1 || !ok || m.kind != wasm.KindMemory {
		return w.errorf("the module defines and exports no memory as %q", abi.ExportMemory)
	}
	for _, name := range []string{
		abi.ExportMarker, abi.ExportEncode, abi.ExportInfer, abi.ExportDecode,
	} {
		x, ok := w.exported[name]
		if !ok {
			e := w.errorf("export %q is missing", name)
			e.Fix = "build with an SDK for " + abi.Version
			return e
		}
		if !w.isEmptyFunction(x) {
			return w.errorf("export %q is not a function of type () -> ()", name)
		}
	}
	x, ok := w.exported[exportInitialize]
	if ok && !w.isEmptyFunction(x) {
		return w.errorf("export %q is not a function of type () -> ()", exportInitialize)
	}
	w.initializes = ok
	return nil
}

// isEmptyFunction reports whether x is one of the module's own functions, without
// parameters and results.
func (w *walker) isEmptyFunction(x export) bool {
	own := int64(x.index) - int64(w.imported)
	return x.kind == wasm.KindFunction && own >= 0 && own < int64(len(w.ownTypes)) &&
		w.signatures[w.ownTypes[own]] == (wasm.FuncType{})
}
