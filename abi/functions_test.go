package abi

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the golden files")

// tableText is one line a function: all that a module built against the table relies on.
func tableText() string {
	var b strings.Builder
	fmt.Fprintf(&b, "version %s\nimport %s\nexports %s %s %s %s %s\n", Version, ImportModule,
		ExportMarker, ExportEncode, ExportInfer, ExportDecode, ExportMemory)
	for _, f := range Functions() {
		fmt.Fprintf(&b, "%s(", f.Name)
		for i, p := range f.Params {
			if i > 0 {
				b.WriteString(", ")
			}
			fmt.Fprintf(&b, "%s %s", p.Name, p.Type)
		}
		fmt.Fprintf(&b, ") %s; %s; %s; since %s\n", f.Result, f.Phases, f.Cost, f.Since)
	}
	for _, e := range Errnos() {
		fmt.Fprintf(&b, "errno %d %s\n", int32(e), e)
	}
	return b.String()
}

func TestFunctionsGolden(t *testing.T) {
	path := filepath.Join("testdata", "functions.golden")
	got := tableText()
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("the host-function table is not that of %s.\nA module in the field may rely on "+
			"any line. If a line changed or went, raise Version; if one was added, set its Since "+
			"to the version that adds it. Then run this test with -update.\ngot:\n%s", path, got)
	}
}

func TestFunctionsWellFormed(t *testing.T) {
	seen := map[string]bool{}
	for _, f := range Functions() {
		if seen[f.Name] || !ValidName(f.Name) {
			t.Errorf("%q is repeated or no name", f.Name)
		}
		seen[f.Name] = true
		if f.Phases == 0 || f.Phases&^PhaseAny != 0 || f.Doc == "" || f.Since == "" {
			t.Errorf("%s lacks phases, doc or version", f.Name)
		}
		if f.Result == F64 {
			t.Errorf("%s: an f64 result cannot carry an error code", f.Name)
		}
		for i, p := range f.Params {
			if strings.HasSuffix(p.Name, "_ptr") && p.Name != "out_ptr" &&
				(p.Type != I32 || i+1 == len(f.Params) || f.Params[i+1].Type != I32) {
				t.Errorf("%s.%s has no i32 length beside it", f.Name, p.Name)
			}
		}
	}
}

func TestHandleKeepsPartsAndSign(t *testing.T) {
	for _, c := range []struct{ index, generation uint32 }{
		{0, 0}, {1, 2}, {1<<32 - 1, 1<<31 - 1}, {7, 1<<32 - 1},
	} {
		h := NewHandle(c.index, c.generation)
		if !h.Valid() || h.Index() != c.index || h.Generation() != c.generation&(1<<31-1) {
			t.Errorf("NewHandle(%d, %d) = %s, valid %t", c.index, c.generation, h, h.Valid())
		}
	}
	if Handle(-int64(ErrnoDepth)).Valid() {
		t.Error("an error code passes for a handle")
	}
}
