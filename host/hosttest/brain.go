package hosttest

import (
	"testing"

	"github.com/cerberus-host/cerberus/abi"
	w "github.com/cerberus-host/cerberus/host/wasmtest"
)

// Params is the parameter set of the harness's Brains.
const Params = "insecure-10-4"

// SquareLength is the length of the Brain's input and output.
const SquareLength = 4

// SquareManifest returns the manifest of [Square]: input x and output y, slot vectors of
// four numbers. Callers may change it before they attach it.
func SquareManifest(name string) *abi.Manifest {
	return &abi.Manifest{
		Manifest: abi.ManifestVersion, ABI: abi.Version,
		Name: name, Version: "1", Task: "classify", Params: Params,
		Request:       []abi.Field{{Name: "text", Type: abi.FieldText, MaxBytes: 64}},
		Inputs:        []abi.Input{{Name: "x", Packing: abi.PackSlots, Length: SquareLength, Bound: 4}},
		Outputs:       []abi.Output{{Name: "y", Length: SquareLength, Bound: 16}},
		Answer:        abi.Answer{Labels: []string{"yes", "no"}},
		ToleranceBits: 8, IntendedUse: "tests",
	}
}

// Square returns a module whose infer squares its input element by element, which needs
// the relinearisation key. Modules of different names have different digests.
func Square(tb testing.TB, name string) []byte {
	tb.Helper()
	return Attach(tb, SquareCode(), SquareManifest(name))
}

// Attach puts a manifest into a module.
func Attach(tb testing.TB, code []byte, m *abi.Manifest) []byte {
	tb.Helper()
	file, err := abi.AttachManifest(code, m)
	if err != nil {
		tb.Fatal(err)
	}
	return file
}

// Names of the guest's imports, in the order of their indices.
const (
	importInput = iota
	importMul
	importOutput
)

// SquareCode returns the code of [Square] without a manifest.
func SquareCode() []byte {
	const x, y = 0, 1 // where the names lie in memory
	infer := w.Cat(
		w.I32Const(x), w.I32Const(1), w.Call(importInput), localSet(0),
		localGet(0), localGet(0), w.Call(importMul), localSet(0),
		w.I32Const(y), w.I32Const(1), localGet(0), w.Call(importOutput), []byte{drop},
	)
	return module(infer)
}

// LoopCode returns the code of a Brain whose infer never ends.
func LoopCode() []byte {
	const loop, void, br, end = 0x03, 0x40, 0x0c, 0x0b
	return module([]byte{loop, void, br, 0, end})
}

// EmptyCode returns the code of a Brain whose infer does nothing.
func EmptyCode() []byte { return module(nil) }

const drop = 0x1a

func localGet(i byte) []byte { return []byte{0x20, i} }

func localSet(i byte) []byte { return []byte{0x21, i} }

// module assembles a Brain with that body of infer, one local i64, and "xy" in memory.
func module(infer []byte) []byte {
	m := w.Brain(nil, infer, nil)
	m.Functions[2].Locals = w.Cat([]byte{1, 1}, []byte(w.I64))
	m.Import(w.Import{
		Module: abi.ImportModule, Name: "input", Params: w.I32 + w.I32, Results: w.I64,
	})
	m.Import(w.Import{
		Module: abi.ImportModule, Name: "mul", Params: w.I64 + w.I64, Results: w.I64,
	})
	m.Import(w.Import{
		Module: abi.ImportModule, Name: "output", Params: w.I32 + w.I32 + w.I64, Results: w.I32,
	})
	const active, end = 0, 0x0b
	data := w.Cat([]byte{1, active}, w.I32Const(0), []byte{end}, w.Name("xy"))
	m.Extra = append(m.Extra, w.Section(11, data))
	return m.Bytes()
}
