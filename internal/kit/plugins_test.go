package kit_test

import (
	"os"
	"path/filepath"
	"testing"
)

// TestShippedBrainsAreReproducible builds every Brain of this repository where it lies and
// in a copy of the sources elsewhere, and compares the digests.
func TestShippedBrainsAreReproducible(t *testing.T) {
	const root = "../.."
	manifests, err := filepath.Glob(filepath.Join(root, "plugins", "*", "manifest.json"))
	if err != nil {
		t.Fatal(err)
	}
	elsewhere := t.TempDir()
	for _, name := range []string{"abi", "sdk-wasm", "plugins"} {
		err := os.CopyFS(filepath.Join(elsewhere, name), os.DirFS(filepath.Join(root, name)))
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"go.mod", "go.sum"} {
		content, err := os.ReadFile(filepath.Join(root, name))
		if err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join(elsewhere, name), string(content))
	}
	for _, path := range manifests {
		dir, err := filepath.Rel(root, filepath.Dir(path))
		if err != nil {
			t.Fatal(err)
		}
		t.Run(filepath.Base(dir), func(t *testing.T) {
			a, b := build(t, filepath.Join(root, dir)), build(t, filepath.Join(elsewhere, dir))
			if a.Module != b.Module || a.Model != b.Model {
				t.Errorf("built %s and %s", a.Module, b.Module)
			}
		})
	}
}
