package admit

import (
	"slices"

	"github.com/cerberus-host/cerberus/abi"
)

// walker holds what later sections need of earlier ones.
type walker struct {
	reader

	signatures  []signature
	imported    int
	ownTypes    []uint32 // types of the module's own functions
	memoryCount int
	exported    map[string]export
	haveCode    bool
	// haveDataCount tells that operators may name data segments.
	haveDataCount bool

	localsTotal, productTotal, elementsTotal, targetsTotal, pairsTotal uint64

	bodies      []byte        // the code section's new payload
	joined      []dataSegment // the data section's, nil to leave it as it is
	code        []byte        // the new module
	initializes bool
	facts       Facts
}

// export is an export's kind and index.
type export struct {
	kind  byte
	index uint32
}

const (
	kindFunction = 0
	kindTable    = 1
	kindMemory   = 2
	kindGlobal   = 3
)

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
		form, err := w.byte()
		if err != nil {
			return err
		}
		if form != 0x60 {
			return w.errorf("type form %#x is not a function", form)
		}
		var s signature
		if s.params, err = w.valueTypes("parameters", ParamsMax); err != nil {
			return err
		}
		if s.results, err = w.valueTypes("results", ResultsMax); err != nil {
			return err
		}
		w.signatures = append(w.signatures, s)
	}
	return nil
}

func (w *walker) valueTypes(what string, limit uint64) (string, error) {
	n, err := w.count(what, 1, limit)
	if err != nil {
		return "", err
	}
	start := w.pos
	for range n {
		if err := w.valueType(); err != nil {
			return "", err
		}
	}
	return string(w.data[start:w.pos]), nil
}

func (w *walker) valueType() error {
	b, err := w.byte()
	if err != nil {
		return err
	}
	if b >= 0x7b && b <= 0x7f || b == refFunc || b == refExtern {
		return nil
	}
	return w.errorf("unknown value type %#x", b)
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

func (w *walker) oneImport(known map[[2]string]signature) error {
	module, err := w.name()
	if err != nil {
		return err
	}
	name, err := w.name()
	if err != nil {
		return err
	}
	kind, err := w.byte()
	if err != nil {
		return err
	}
	want, ok := known[[2]string{module, name}]
	if kind != kindFunction || !ok {
		e := w.errorf("import %.80q.%.80q is not there", module, name)
		e.Fix = "a module may import the functions of " + abi.ImportModule +
			" (docs/ABI.md) and a few of " + WASIModule
		return e
	}
	index, err := w.typeIndex()
	if err != nil {
		return err
	}
	if w.signatures[index] != want {
		e := w.errorf("import %q.%q has another type than the host's function", module, name)
		e.Fix = "build with the SDK for " + abi.Version
		return e
	}
	if module == abi.ImportModule && !slices.Contains(w.facts.HostFunctions, name) {
		w.facts.HostFunctions = append(w.facts.HostFunctions, name)
	}
	return nil
}

func (w *walker) typeIndex() (uint32, error) {
	i, err := w.u32()
	if err != nil {
		return 0, err
	}
	if uint64(i) >= uint64(len(w.signatures)) {
		return 0, w.errorf("type %d of %d", i, len(w.signatures))
	}
	return i, nil
}

func (w *walker) functions() error {
	n, err := w.count("functions", 1, FunctionsMax)
	if err != nil {
		return err
	}
	w.ownTypes = make([]uint32, n)
	for i := range w.ownTypes {
		if w.ownTypes[i], err = w.typeIndex(); err != nil {
			return err
		}
	}
	w.facts.Functions = n
	return nil
}

// limits reads the limits of a table or memory and returns the minimum.
func (w *walker) limits(what string, minimumMax uint64) (uint32, error) {
	flags, err := w.byte()
	if err != nil {
		return 0, err
	}
	if flags > 1 {
		return 0, w.errorf("%s is shared or has 64-bit addresses", what)
	}
	minimum, err := w.u32()
	if err != nil {
		return 0, err
	}
	if uint64(minimum) > minimumMax {
		return 0, w.limited(what+" at the start", uint64(minimum), minimumMax)
	}
	if flags == 1 {
		_, err = w.u32()
	}
	return minimum, err
}

func (w *walker) tables() error {
	n, err := w.count("tables", 3, 1)
	if err != nil {
		return err
	}
	for range n {
		kind, err := w.byte()
		if err != nil {
			return err
		}
		if kind != refFunc && kind != refExtern {
			return w.errorf("unknown element type %#x", kind)
		}
		if _, err := w.limits("table entries", TableEntriesMax); err != nil {
			return err
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
		pages, err := w.limits("memory pages", abi.MemoryPagesMax)
		if err != nil {
			return err
		}
		w.facts.MemoryPagesMin = int(pages)
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
		if err := w.valueType(); err != nil {
			return err
		}
		mutable, err := w.byte()
		if err != nil {
			return err
		}
		if mutable > 1 {
			return w.errorf("mutability %d is neither 0 nor 1", mutable)
		}
		if err := w.constant(); err != nil {
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
		name, err := w.name()
		if err != nil {
			return err
		}
		kind, err := w.byte()
		if err != nil {
			return err
		}
		if kind > kindGlobal {
			return w.errorf("unknown kind %d of export", kind)
		}
		index, err := w.u32()
		if err != nil {
			return err
		}
		if _, twice := w.exported[name]; twice {
			return w.errorf("export %.80q is there twice", name)
		}
		w.exported[name] = export{kind, index}
	}
	return nil
}

// finish checks what can only be seen at the end: the exports that the ABI asks for.
func (w *walker) finish() error {
	w.section = "export"
	if len(w.ownTypes) != 0 && !w.haveCode {
		return w.errorf("functions are declared but there is no code section")
	}
	if _, command := w.exported[exportCommand]; command {
		e := w.errorf("the module is a command: it exports %q", exportCommand)
		e.Fix = "build a library: -buildmode=c-shared in Go, -mexec-model=reactor in C"
		return e
	}
	if m, ok := w.exported[abi.ExportMemory]; w.memoryCount != 1 || !ok || m.kind != kindMemory {
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
	return x.kind == kindFunction && own >= 0 && own < int64(len(w.ownTypes)) &&
		w.signatures[w.ownTypes[own]] == (signature{})
}
