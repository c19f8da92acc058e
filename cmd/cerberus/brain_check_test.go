package main

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/cerberus-host/cerberus/abi"
	"github.com/cerberus-host/cerberus/host/api"
	"github.com/cerberus-host/cerberus/host/runtime"
	w "github.com/cerberus-host/cerberus/host/wasmtest"
	"github.com/cerberus-host/cerberus/internal/hostile"
	"github.com/cerberus-host/cerberus/internal/kit"
)

// crafts are the ways in which a script spoils a built module: what is done to its code, or
// to its manifest.
func crafts() map[string]func(code []byte, m *abi.Manifest) ([]byte, *abi.Manifest) {
	type result = func(code []byte, m *abi.Manifest) ([]byte, *abi.Manifest)
	rename := func(from, to string) result {
		return func(code []byte, m *abi.Manifest) ([]byte, *abi.Manifest) {
			return bytes.ReplaceAll(code, []byte(from), []byte(to)), m
		}
	}
	foreign := func(entry string) []byte {
		b := w.Brain(nil, []byte(entry), nil)
		b.Import(w.Import{Module: "env", Name: "emscripten_resize_heap", Params: w.I32, Results: w.I32})
		return b.Bytes()
	}
	return map[string]result{
		"no-manifest": func(code []byte, _ *abi.Manifest) ([]byte, *abi.Manifest) { return code, nil },
		"no-entry":    rename("\x06decode\x00", "\x06decide\x00"),
		"imprecise": func(code []byte, m *abi.Manifest) ([]byte, *abi.Manifest) {
			m.ToleranceBits = 40
			return code, m
		},
		"model": func(code []byte, m *abi.Manifest) ([]byte, *abi.Manifest) {
			const weights = "weights\n"
			m.Model = &abi.Model{
				Digest: abi.SumDigest([]byte(weights)), Bytes: int64(len(weights)),
				Tensors: []abi.Tensor{{Name: "w", Type: abi.Int8, Shape: []int{len(weights)}}},
			}
			return code, m
		},
		"unknown-import": func(_ []byte, m *abi.Manifest) ([]byte, *abi.Manifest) {
			return foreign(""), m
		},
		"trap": func(_ []byte, m *abi.Manifest) ([]byte, *abi.Manifest) {
			return w.Brain(nil, []byte{0}, nil).Bytes(), m
		},
		"locals": func(_ []byte, m *abi.Manifest) ([]byte, *abi.Manifest) {
			b := w.Brain(nil, nil, nil)
			b.Functions[2].Locals = w.Cat([]byte{1}, w.U32(100_000_000), []byte(w.I64))
			return b.Bytes(), m
		},
	}
}

// cmdCraft writes a spoiled copy of a module.
func cmdCraft(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 || crafts()[args[0]] == nil {
		ts.Fatalf("usage: craft %v FROM TO", slices.Sorted(maps.Keys(crafts())))
	}
	file, err := craft(args[0], []byte(ts.ReadFile(args[1])))
	if err == nil {
		err = os.WriteFile(ts.MkAbs(args[2]), file, 0o600)
	}
	ts.Check(err)
}

func craft(how string, file []byte) ([]byte, error) {
	m, err := abi.ModuleManifest(file)
	if err != nil {
		return nil, err
	}
	canonical, err := m.Canonical()
	if err != nil {
		return nil, err
	}
	// The manifest is the last section: its number, length, name and text.
	section := w.Section(0, w.Name(abi.ManifestSection), canonical)
	code, ok := bytes.CutSuffix(file, section)
	if !ok {
		return nil, fmt.Errorf("the manifest is not the last section")
	}
	code, m = crafts()[how](code, m)
	if m == nil {
		return code, nil
	}
	return abi.AttachManifest(code, m)
}

// TestCheckOfHostileModules: check refuses exactly those of the collection that the sandbox
// does not load, and says so in words.
func TestCheckOfHostileModules(t *testing.T) {
	sandbox, err := runtime.New(t.Context(), runtime.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer sandbox.Close(t.Context())
	for _, c := range hostile.Cases() {
		if c.Sweep != nil || c.Large || c.Want != hostile.Refused {
			continue
		}
		_, refused := sandbox.Load(t.Context(), c.File())
		path := filepath.Join(t.TempDir(), "hostile.wasm")
		if err := os.WriteFile(path, c.File(), 0o600); err != nil {
			t.Fatal(err)
		}
		r, err := kit.Check(t.Context(), kit.CheckOptions{Module: path})
		if err != nil || !r.Refused {
			t.Errorf("%s: refused %t, error %v", c.Name, r != nil && r.Refused, err)
			continue
		}
		ofModule := slices.Contains([]api.Reason{api.ModuleRefused, api.ManifestInvalid},
			r.Reasons[0].Reason)
		if ofModule != (refused != nil) {
			t.Errorf("%s: the sandbox says %v, the reasons are %+v", c.Name, refused, r.Reasons)
		}
		for _, x := range r.Reasons {
			if x.Problem == "" || x.Fix == "" || strings.Contains(x.Problem, "%!") {
				t.Errorf("%s: reason %+v", c.Name, x)
			}
		}
	}
}
