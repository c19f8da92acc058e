package tidy_test

import (
	"context"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"github.com/cerberus-host/cerberus/internal/tidy"
)

var update = flag.Bool("update", false, "write proto/gen/SOURCES.sha256 instead of comparing it")

const root = "../.."

// TestRepository runs every check on the repository itself.
func TestRepository(t *testing.T) {
	tree := load(t)
	packages, findings := importFindings(t)
	findings = slices.Concat(
		findings,
		tidy.CheckRows(tree, packages, tidy.ImportTable()),
		tidy.CheckSource(tree),
		tidy.CheckWords(tree),
		tidy.CheckMarkdown(tree),
		tidy.CheckDependencies(tree),
		tidy.CheckFigures(tree),
	)
	for _, f := range tidy.Filter(findings, tidy.Exceptions()) {
		t.Error(f)
	}
}

// TestGeneratedCode compares the generated protobuf code with the digests of what it
// was made from. With -update it records them; make generate does so.
func TestGeneratedCode(t *testing.T) {
	tree := load(t)
	if *update {
		sums := tidy.GeneratedSums(tree)
		name := filepath.Join(root, "proto", "gen", "SOURCES.sha256")
		if err := os.WriteFile(name, []byte(sums), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	for _, f := range tidy.CheckGenerated(tree) {
		t.Error(f)
	}
}

func load(t *testing.T) *tidy.Tree {
	t.Helper()
	tree, err := tidy.Load(root)
	if err != nil {
		t.Fatal(err)
	}
	return tree
}

// importFindings lists all builds at once, because the go command spends its time in
// waiting for files.
func importFindings(t *testing.T) ([]tidy.Package, []tidy.Finding) {
	t.Helper()
	builds := tidy.Builds()
	lists := make([][]tidy.Package, len(builds))
	errs := make([]error, len(builds))
	var group sync.WaitGroup
	for i, b := range builds {
		group.Go(func() { lists[i], errs[i] = tidy.List(context.Background(), root, b) })
	}
	group.Wait()
	var findings []tidy.Finding
	for i := range builds {
		if errs[i] != nil {
			t.Error(errs[i])
		}
		findings = slices.Concat(findings,
			tidy.CheckImports(lists[i], tidy.ImportTable()),
			tidy.CheckWalls(lists[i], tidy.Walls()))
	}
	return slices.Concat(lists...), dedupe(findings)
}

// dedupe keeps one finding of those that several builds share.
func dedupe(findings []tidy.Finding) []tidy.Finding {
	var unique []tidy.Finding
	for _, f := range findings {
		if !slices.Contains(unique, f) {
			unique = append(unique, f)
		}
	}
	return unique
}
