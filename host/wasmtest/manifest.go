package wasmtest

import (
	"testing"

	"github.com/cerberus-host/cerberus/abi"
)

// Manifest returns a checked manifest of a small Brain without a model: a public field
// "mode" (plain, other), a text "note", an optional number "n" and numbers "f" with keys a
// and b; input x and output y, slot vectors of length 4 and 1; labels yes and no.
func Manifest() *abi.Manifest {
	return &abi.Manifest{
		Manifest: abi.ManifestVersion, ABI: abi.Version,
		Name: "guest", Version: "1", Task: "classify", Params: "ckks-13",
		Request: []abi.Field{
			{Name: "mode", Type: abi.FieldEnum, Public: true, Values: []string{"plain", "other"}},
			{Name: "note", Type: abi.FieldText, MaxBytes: 64},
			{Name: "n", Type: abi.FieldNumber, Optional: true},
			{
				Name: "f", Type: abi.FieldNumbers, Optional: true,
				Keys: map[string][]string{"": {"a", "b"}},
			},
		},
		Inputs:        []abi.Input{{Name: "x", Packing: abi.PackSlots, Length: 4, Bound: 8}},
		Outputs:       []abi.Output{{Name: "y", Length: 1, Bound: 64}},
		Answer:        abi.Answer{Labels: []string{"yes", "no"}},
		ToleranceBits: 8, IntendedUse: "tests",
	}
}

// Attach returns a module file with [Manifest] in it.
func Attach(tb testing.TB, module []byte) []byte {
	tb.Helper()
	out, err := abi.AttachManifest(module, Manifest())
	if err != nil {
		tb.Fatal(err)
	}
	return out
}
