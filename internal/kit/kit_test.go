package kit_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cerberus-host/cerberus/abi"
	"github.com/cerberus-host/cerberus/fhe"
	"github.com/cerberus-host/cerberus/host/hostcall"
	"github.com/cerberus-host/cerberus/host/runtime"
	"github.com/cerberus-host/cerberus/internal/kit"
)

const scorer = "../../sdk-wasm/go/example/scorer"

// author copies the example into a folder of its own, as an author has it: its own go.mod,
// which does not say where the SDK is.
func author(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "brain")
	if err := os.CopyFS(dir, os.DirFS(scorer)); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "go.mod"), "module example.com/scorer\n\ngo 1.26.0\n\n"+
		"require github.com/cerberus-host/cerberus/sdk-wasm/go v0.0.0\n")
	return dir
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func build(t *testing.T, dir string) *kit.Built {
	t.Helper()
	b, err := kit.Build(context.Background(), kit.BuildOptions{Dir: dir, Out: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestBuildIsReproducible: two folders, one digest, and no trace of either path.
func TestBuildIsReproducible(t *testing.T) {
	first, second := author(t), author(t)
	a, b := build(t, first), build(t, second)
	if a.Module != b.Module || a.Model != b.Model {
		t.Errorf("modules %s and %s", a.Module, b.Module)
	}
	file, err := os.ReadFile(a.ModulePath)
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{first, os.TempDir()} {
		if bytes.Contains(file, []byte(path)) {
			t.Errorf("the module holds the path %s", path)
		}
	}
}

// TestBuildWithoutModuleCache: nothing but the toolchain and this program is needed.
func TestBuildWithoutModuleCache(t *testing.T) {
	t.Setenv("GOMODCACHE", filepath.Join(t.TempDir(), "empty"))
	t.Setenv("GOFLAGS", "-mod=vendor") // a user's setting that must not matter
	build(t, author(t))
}

// TestBuiltModuleRuns: from a folder to an answer, model and all.
func TestBuiltModuleRuns(t *testing.T) {
	ctx := context.Background()
	b := build(t, scorer)
	file, err := os.ReadFile(b.ModulePath)
	if err != nil {
		t.Fatal(err)
	}
	model, err := os.ReadFile(b.ModelPath)
	if err != nil {
		t.Fatal(err)
	}
	if abi.SumDigest(file) != b.Module || abi.SumDigest(model) != b.Model || len(b.Programs) != 1 {
		t.Errorf("built %+v", b)
	}
	sandbox, err := runtime.New(ctx, runtime.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer sandbox.Close(ctx)
	m, err := sandbox.Load(ctx, file)
	if err != nil {
		t.Fatal(err)
	}
	req, err := hostcall.ParseRequest(m.Manifest(), []byte(`{"features":{"age":60,"pressure":120}}`))
	if err != nil {
		t.Fatal(err)
	}
	inputs, err := m.RunEncode(ctx, nil, req)
	if err != nil {
		t.Fatal(err)
	}
	prog, err := m.RunInfer(ctx, nil)
	if err != nil {
		t.Fatal(err)
	}
	if prog.Digest() != b.Programs[0].Program {
		t.Errorf("program %s, built %s", prog.Digest(), b.Programs[0].Program)
	}
	out, err := fhe.EvalClear(prog, fhe.ReadModel(model), inputs)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := m.RunDecode(ctx, nil, out)
	// 0.6*0.5 + 1.2*0.75 - 0.375
	if score, _ := answer.Get("score"); err != nil || answer.Label != "high" ||
		score < 0.824 || score > 0.826 {
		t.Errorf("answer %+v, error %v", answer, err)
	}
}

func TestBuildErrors(t *testing.T) {
	remove := func(name string) func(string) {
		return func(dir string) {
			if err := os.Remove(filepath.Join(dir, name)); err != nil {
				t.Fatal(err)
			}
		}
	}
	put := func(name, text string) func(string) {
		return func(dir string) { write(t, filepath.Join(dir, name), text) }
	}
	loud := func(dir string) {
		manifest := filepath.Join(dir, "manifest.json")
		b, err := os.ReadFile(manifest)
		if err != nil {
			t.Fatal(err)
		}
		write(t, manifest, strings.Replace(string(b), `"bound": 64`, `"bound": 1073741824`, 1))
	}
	exact := func(dir string) {
		manifest := filepath.Join(dir, "manifest.json")
		b, err := os.ReadFile(manifest)
		if err != nil {
			t.Fatal(err)
		}
		const asked = `"tolerance_bits": `
		write(t, manifest, strings.Replace(string(b), asked+"8", asked+"40", 1))
	}
	const neverServed = "package main\n\n" +
		"import _ \"github.com/cerberus-host/cerberus/sdk-wasm/go\"\n\nfunc main() {}\n"
	for _, c := range []struct {
		name   string
		change func(dir string)
		want   error
		text   string
	}{
		{"no manifest", remove("manifest.json"), kit.ErrSource, "missing"},
		{"bad manifest", put("manifest.json", "{}"), abi.ErrManifest, ""},
		{"no model", remove("scorer.model"), os.ErrNotExist, "model"},
		{"short model", put("scorer.model", "1234"), abi.ErrManifest, "tensors"},
		{"no go.mod", remove("go.mod"), kit.ErrSource, "go mod init"},
		{"syntax", put("x.go", "package main\nfunc"), kit.ErrToolchain, "x.go"},
		{"never served", put("main.go", neverServed), hostcall.ErrGuest, "brain.Serve"},
		{"output beyond the modulus", loud, fhe.ErrRange, "score"},
		{"more bits than are proven", exact, fhe.ErrNoise, "tolerance_bits is 40"},
		{"no SDK", put("main.go", "package main\n\nfunc main() {}\n"), abi.ErrModule, "SDK"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir, out := author(t), t.TempDir()
			c.change(dir)
			_, err := kit.Build(context.Background(), kit.BuildOptions{Dir: dir, Out: out})
			if !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.text) {
				t.Errorf("error %v, want %v and %q", err, c.want, c.text)
			}
			if left, err := os.ReadDir(out); err != nil || len(left) != 0 {
				t.Errorf("files were written: %v, %v", left, err)
			}
		})
	}
	_, err := kit.Build(context.Background(), kit.BuildOptions{
		Dir: author(t), Out: t.TempDir(), Go: "no-such-go",
	})
	if !errors.Is(err, kit.ErrToolchain) {
		t.Errorf("error %v", err)
	}
}

func TestInspect(t *testing.T) {
	b := build(t, scorer)
	facts, err := kit.Inspect(b.ModulePath)
	if err != nil {
		t.Fatal(err)
	}
	if facts.Module != b.Module || facts.Counts.Functions == 0 {
		t.Errorf("facts %+v", facts)
	}
	for _, want := range []string{
		"scorer 1.0.0", "features: numbers", "x: 3 coeffs", b.Module.String(),
	} {
		if !strings.Contains(facts.Text(), want) {
			t.Errorf("%q is missing in\n%s", want, facts.Text())
		}
	}
	if _, err := kit.Inspect(b.ModelPath); !errors.Is(err, abi.ErrModule) {
		t.Errorf("a model passes for a module: %v", err)
	}
}
