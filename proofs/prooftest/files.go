package prooftest

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// FilesIn returns the files of a folder and, where the system tells, those that this process
// has open there, with a name or without.
func FilesIn(t testing.TB, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, e := range entries {
		out = append(out, filepath.Join(dir, e.Name()))
	}
	const open = "/proc/self/fd"
	entries, err = os.ReadDir(open)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	for _, e := range entries {
		// One that was closed since it was listed is none.
		file, err := os.Readlink(filepath.Join(open, e.Name()))
		if err == nil && strings.HasPrefix(file, dir+string(filepath.Separator)) {
			out = append(out, file)
		}
	}
	return out
}
