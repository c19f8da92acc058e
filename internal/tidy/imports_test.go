package tidy_test

import (
	"testing"

	"github.com/cerberus-host/cerberus/internal/tidy"
)

const module = "github.com/cerberus-host/cerberus/"

func TestImports(t *testing.T) {
	rows := []tidy.Row{
		{Path: "low"},
		{
			Path: "high", Ours: []string{"low", "deep/..."}, Third: []string{"example.com/lib/..."},
			Tests: []string{"example.com/check"}, Never: []string{"os"},
		},
		{Path: "many/*", Ours: []string{"low"}},
		{Path: "many/*/low", Ours: []string{"many/*/lower"}},
	}
	tests := []struct {
		name  string
		pkg   tidy.Package
		rules []string
	}{
		{"allowed", tidy.Package{
			ImportPath: module + "high",
			Imports: []string{
				"fmt", "net/http", module + "low", module + "deep/er", "example.com/lib/v2",
			},
			TestImports:  []string{"os", "example.com/check", module + "low/lowtest"},
			XTestImports: []string{module + "high", "testing"},
		}, nil},
		{"upwards", tidy.Package{
			ImportPath: module + "low", Imports: []string{module + "high"},
		}, []string{"imports"}},
		{"third party", tidy.Package{
			ImportPath: module + "high", Imports: []string{"example.com/library"},
		}, []string{"imports"}},
		{"standard library", tidy.Package{
			ImportPath: module + "high", Imports: []string{"os", "fmt"},
		}, []string{"imports"}},
		{"test only", tidy.Package{
			ImportPath: module + "high", Imports: []string{"example.com/check"},
		}, []string{"imports"}},
		{"in a test", tidy.Package{
			ImportPath: module + "low", TestImports: []string{module + "high"},
		}, []string{"imports"}},
		{"star", tidy.Package{
			ImportPath: module + "many/x", Imports: []string{module + "low"},
		}, nil},
		{"star inside", tidy.Package{
			ImportPath: module + "many/x/low", Imports: []string{module + "many/x/lower"},
		}, nil},
		{"below a star", tidy.Package{ImportPath: module + "many/x/y"}, []string{"imports"}},
		{"no row", tidy.Package{ImportPath: module + "other"}, []string{"imports"}},
		{"not ours", tidy.Package{ImportPath: "example.com/lib", Imports: []string{"os"}}, nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			expect(t, tidy.CheckImports([]tidy.Package{test.pkg}, rows), test.rules...)
		})
	}
}

func TestRows(t *testing.T) {
	tree := tidy.FromFiles(map[string]string{"here/x.go": "package here\n"})
	packages := []tidy.Package{{ImportPath: module + "used"}}
	rows := []tidy.Row{{Path: "used"}, {Path: "planned"}, {Path: "here"}}
	expect(t, tidy.CheckRows(tree, packages, rows), "imports")
}

func TestWalls(t *testing.T) {
	packages := []tidy.Package{
		{ImportPath: module + "client", Imports: []string{module + "middle"}},
		{ImportPath: module + "middle", Imports: []string{"example.com/lib/sub"}},
		{ImportPath: module + "apart", Imports: []string{"fmt"}},
	}
	expect(t, tidy.CheckWalls(packages, []tidy.Wall{
		{From: "client", To: "example.com/lib/...", Why: "clients stay small"},
		{From: "apart", To: "example.com/lib/...", Why: "it stays apart"},
		{From: "client", To: "apart", Why: "they do not meet"},
	}), "wall")
}

// TestTable checks that the table has no row twice, which would hide the second.
func TestTable(t *testing.T) {
	seen := map[string]bool{}
	for _, r := range tidy.ImportTable() {
		if seen[r.Path] {
			t.Errorf("the import table has two rows for %s", r.Path)
		}
		seen[r.Path] = true
	}
}
