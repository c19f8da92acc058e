package kit

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	"github.com/cerberus-host/cerberus/abi"
	"github.com/cerberus-host/cerberus/host/admit"
	"github.com/cerberus-host/cerberus/host/admit/validate"
	"github.com/cerberus-host/cerberus/host/admit/wasm"
	"github.com/cerberus-host/cerberus/host/api"
)

// survey looks for more that is wrong with a module that admission has refused: admission
// stops at the first problem, and an author wants to hear of all imports that are not there.
// It decides nothing.
func (c *checker) survey() error {
	if _, err := abi.ModuleManifest(c.file); err != nil {
		if err := c.refuse("", err); err != nil {
			return err
		}
		// What the code does wrong does not depend on the manifest.
		if _, err := admit.Admit(withoutManifest(c.file)); err != nil {
			if err := c.refuse("", err); err != nil {
				return err
			}
		}
	}
	s := surveyor{known: importable(), exports: map[string]wasm.Export{}}
	if err := s.read(c.file); err != nil {
		return nil //nolint:nilerr // it is malformed, as admission has said
	}
	for _, r := range s.reasons() {
		c.add(r)
	}
	var invalid *validate.Error
	if err := validate.Module(c.file); errors.As(err, &invalid) {
		return c.refuse("", fmt.Errorf("%w: %w", abi.ErrModule, err))
	}
	return nil
}

// withoutManifest returns the file with a manifest that is in order, at its end, so that
// offsets stay; the file's own gets another name.
func withoutManifest(file []byte) []byte {
	other := strings.ToUpper(abi.ManifestSection)
	file = bytes.ReplaceAll(file, []byte(abi.ManifestSection), []byte(other))
	m := &abi.Manifest{
		Manifest: abi.ManifestVersion, ABI: abi.Version, Name: "x", Version: "1",
		Task: "classify", Params: "ckks-13", ToleranceBits: 1, IntendedUse: "x",
		Request: []abi.Field{{Name: "x", Type: abi.FieldNumber}},
		Inputs:  []abi.Input{{Name: "x", Packing: abi.PackSlots, Length: 1, Bound: 1}},
		Outputs: []abi.Output{{Name: "x", Length: 1, Bound: 1}},
		Answer:  abi.Answer{Labels: []string{"x"}},
	}
	out, err := abi.AttachManifest(file, m)
	if err != nil {
		return file
	}
	return out
}

// importable returns the types of the functions that a module may import, by "module.name".
func importable() map[string]wasm.FuncType {
	known := map[string]wasm.FuncType{}
	for module, functions := range map[string][]abi.Function{
		abi.ImportModule: abi.Functions(), admit.WASIModule: admit.WASIFunctions(),
	} {
		for _, f := range functions {
			var t wasm.FuncType
			for _, p := range f.Params {
				t.Params += wasm.Types(valueType(p.Type))
			}
			if f.Name != "proc_exit" {
				t.Results = wasm.Types(valueType(f.Result))
			}
			known[module+"."+f.Name] = t
		}
	}
	return known
}

// valueType spells a type as the binary format does.
func valueType(t abi.ValueType) string {
	return map[abi.ValueType]string{abi.I32: "\x7f", abi.I64: "\x7e", abi.F64: "\x7c"}[t]
}

// surveyor reads what a module imports and exports.
type surveyor struct {
	known     map[string]wasm.FuncType
	types     []wasm.FuncType
	functions []uint32 // types of imported functions, then of the module's own
	imported  int
	exports   map[string]wasm.Export
	exportsAt int
	memory    bool
	found     []Reason
}

func (s *surveyor) read(file []byte) error {
	sections, err := wasm.Open(file)
	if err != nil {
		return err
	}
	for sections.More() {
		section, err := sections.Next()
		if err != nil {
			return err
		}
		if err := s.section(&section); err != nil {
			return err
		}
	}
	return nil
}

func (s *surveyor) section(section *wasm.Section) error {
	r := &section.Reader
	entry := map[wasm.SectionID]func(*wasm.Reader) error{
		wasm.SectionType: s.readType, wasm.SectionImport: s.readImport,
		wasm.SectionFunction: s.readFunction, wasm.SectionMemory: s.readMemory,
		wasm.SectionExport: s.readExport,
	}[section.ID]
	if section.ID == wasm.SectionStart {
		s.reportf("start", section.Start, "export _initialize instead",
			"a start function is not allowed")
	}
	if entry == nil {
		return nil
	}
	n, err := r.Count("entries", 1)
	for range n {
		if err == nil {
			err = entry(r)
		}
	}
	return err
}

func (s *surveyor) readType(r *wasm.Reader) error {
	t, err := r.FuncType()
	s.types = append(s.types, t)
	return err
}

func (s *surveyor) readFunction(r *wasm.Reader) error {
	t, err := r.U32()
	s.functions = append(s.functions, t)
	return err
}

func (s *surveyor) readMemory(r *wasm.Reader) error {
	_, err := r.Memory()
	s.memory = true
	return err
}

func (s *surveyor) readImport(r *wasm.Reader) error {
	at := r.Pos()
	i, err := r.Import()
	if err != nil {
		return err
	}
	if i.Kind == wasm.KindFunction {
		s.functions = append(s.functions, i.Type)
		s.imported++
	}
	want, ok := s.known[string(i.Module)+"."+string(i.Name)]
	switch {
	case !ok || i.Kind != wasm.KindFunction:
		s.reportf("import", at, "a module may import the functions of "+abi.ImportModule+
			" (docs/ABI.md) and a few of "+admit.WASIModule,
			"import %.80q.%.80q is not there", i.Module, i.Name)
	case uint64(i.Type) >= uint64(len(s.types)) || s.types[i.Type] != want:
		s.reportf("import", at, "build with the SDK for "+abi.Version,
			"import %q.%q has another type than the host's function", i.Module, i.Name)
	}
	return nil
}

func (s *surveyor) readExport(r *wasm.Reader) error {
	s.exportsAt = r.Pos()
	x, err := r.Export()
	if err == nil {
		s.exports[string(x.Name)] = x
	}
	return err
}

// reasons returns what was found, that of missing exports included.
func (s *surveyor) reasons() []Reason {
	if _, command := s.exports["_start"]; command {
		s.reportf("export", s.exportsAt,
			"build a library: -buildmode=c-shared in Go, -mexec-model=reactor in C",
			"the module is a command: it exports %q", "_start")
	}
	if m, ok := s.exports[abi.ExportMemory]; !s.memory || !ok || m.Kind != wasm.KindMemory {
		s.reportf("export", s.exportsAt, "define one memory and export it",
			"the module defines and exports no memory as %q", abi.ExportMemory)
	}
	for _, name := range []string{
		abi.ExportMarker, abi.ExportEncode, abi.ExportInfer, abi.ExportDecode,
	} {
		x, ok := s.exports[name]
		switch {
		case !ok:
			s.reportf("export", s.exportsAt, "build with an SDK for "+abi.Version,
				"export %q is missing", name)
		case !s.isEntryPoint(x):
			s.reportf("export", s.exportsAt, "build with an SDK for "+abi.Version,
				"export %q is not a function of type () -> ()", name)
		}
	}
	return s.found
}

// isEntryPoint reports whether x is one of the module's own functions, without parameters
// and results.
func (s *surveyor) isEntryPoint(x wasm.Export) bool {
	if x.Kind != wasm.KindFunction || uint64(x.Index) < uint64(s.imported) ||
		uint64(x.Index) >= uint64(len(s.functions)) {
		return false
	}
	t := s.functions[x.Index]
	return uint64(t) < uint64(len(s.types)) && s.types[t] == wasm.FuncType{}
}

func (s *surveyor) reportf(section string, at int, fix, format string, args ...any) {
	s.found = append(s.found, Reason{
		Reason: api.ModuleRefused, Section: section, Offset: at,
		Problem: fmt.Sprintf(format, args...), Fix: fix,
	})
}
