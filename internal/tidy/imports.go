package tidy

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path"
	"slices"
	"strings"
)

// modulePath is the path of the root module; sdkFolder holds the guest SDK, which is a
// module of its own.
const (
	modulePath = "github.com/cerberus-host/cerberus"
	sdkFolder  = "sdk-wasm/go"
)

// ErrList is returned when the go command cannot list the packages of a build.
var ErrList = errors.New("tidy: go list failed")

// Package is what the go command says about one package of one build.
type Package struct {
	// ImportPath is the full path.
	ImportPath string `json:"ImportPath"`
	// Imports are the imports of the package itself.
	Imports []string `json:"Imports"`
	// TestImports and XTestImports are those of its internal and external tests.
	TestImports  []string `json:"TestImports"`
	XTestImports []string `json:"XTestImports"`
}

// Build is one of the programs that build constraints make of the tree.
type Build struct {
	// Name is for messages.
	Name string
	// Folder is where the go command runs, relative to the root: the module's folder.
	Folder string
	// OS and Arch are GOOS and GOARCH.
	OS, Arch string
	// Patterns name the packages to list.
	Patterns []string
}

// Builds returns the builds that the import table is checked for.
func Builds() []Build {
	return []Build{
		{Name: "native", Folder: ".", OS: "linux", Arch: "amd64", Patterns: []string{"./..."}},
		{Name: "windows", Folder: ".", OS: "windows", Arch: "amd64", Patterns: []string{"./..."}},
		{Name: "browser", Folder: ".", OS: "js", Arch: "wasm", Patterns: []string{"./client"}},
		{
			Name: "guest", Folder: ".", OS: "wasip1", Arch: "wasm",
			Patterns: []string{"./abi", "./plugins/..."},
		},
		{Name: "sdk", Folder: sdkFolder, OS: "wasip1", Arch: "wasm", Patterns: []string{"./..."}},
		{Name: "sdk native", Folder: sdkFolder, OS: "linux", Arch: "amd64", Patterns: []string{"./..."}},
	}
}

// List returns the packages of a build with everything that they import. Packages
// that do not build are listed as far as they can be read; the compiler reports them.
func List(ctx context.Context, root string, b Build) ([]Package, error) {
	args := append([]string{
		"list", "-e", "-deps", "-tags=slow",
		"-json=ImportPath,Imports,TestImports,XTestImports",
	}, b.Patterns...)
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = root + "/" + b.Folder
	cmd.Env = append(os.Environ(), "GOOS="+b.OS, "GOARCH="+b.Arch, "CGO_ENABLED=0", "GOWORK=off")
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("%w: %s: %w: %s", ErrList, b.Name, err, stderr.String())
	}
	var packages []Package
	for decoder := json.NewDecoder(&stdout); ; {
		var p Package
		err := decoder.Decode(&p)
		if errors.Is(err, io.EOF) {
			return packages, nil
		}
		if err != nil {
			return nil, fmt.Errorf("%w: %s: %w", ErrList, b.Name, err)
		}
		packages = append(packages, p)
	}
}

// Row is one line of the import table.
type Row struct {
	// Path is relative to the module, "." for its root; an element * stands for any
	// one element.
	Path string
	// Ours lists packages of this repository that it may import, relative to the
	// module; one that ends in /... stands for all at and below it.
	Ours []string
	// Third lists packages of others, by the same rule with full paths.
	Third []string
	// Tests lists what its tests may import besides Ours, Third, itself, and packages
	// whose name ends in test; our packages relative, others by full path.
	Tests []string
	// Never lists packages of the standard library that it must not import.
	Never []string
}

// CheckImports compares the packages of a build with the table. A package of ours
// that no row describes is a finding.
func CheckImports(packages []Package, rows []Row) []Finding {
	var findings []Finding
	for _, p := range packages {
		rel, ours := relative(p.ImportPath)
		if !ours {
			continue
		}
		i := slices.IndexFunc(rows, func(r Row) bool { return matches(r.Path, rel) })
		if i < 0 {
			findings = append(findings, Finding{
				Rule: "imports", Path: rel, Text: "not in the import table: give it a row in " +
					"internal/tidy/imports_table.go and in docs/ARCHITECTURE.md",
			})
			continue
		}
		findings = append(findings, rows[i].check(p, rel)...)
	}
	return findings
}

// CheckRows wants each row of the table to describe a package of some build, except
// where its folder has no Go files yet. Rows with a star may describe none.
func CheckRows(t *Tree, packages []Package, rows []Row) []Finding {
	var findings []Finding
	for _, r := range rows {
		used := slices.ContainsFunc(packages, func(p Package) bool {
			rel, ours := relative(p.ImportPath)
			return ours && matches(r.Path, rel)
		})
		exists := slices.ContainsFunc(t.Files, func(f File) bool {
			return path.Dir(f.Path) == r.Path && path.Ext(f.Path) == ".go"
		})
		if exists && !used {
			findings = append(findings, Finding{
				Rule: "imports", Path: r.Path, Text: "a row of the import table describes no package",
			})
		}
	}
	return findings
}

func (r Row) check(p Package, rel string) []Finding {
	standard := func(name string) bool { return !strings.Contains(firstElement(name), ".") }
	var findings []Finding
	report := func(name, why string) {
		findings = append(findings, Finding{
			Rule: "imports", Path: rel, Name: name, Text: why + " " + name,
		})
	}
	for _, name := range p.Imports {
		dep, ours := relative(name)
		switch {
		case ours && !allows(r.Ours, dep):
			report(dep, "must not import")
		case !ours && standard(name) && slices.Contains(r.Never, name):
			report(name, "must not import")
		case !ours && !standard(name) && !allows(r.Third, name):
			report(name, "must not import")
		}
	}
	for _, name := range slices.Concat(p.TestImports, p.XTestImports) {
		dep, ours := relative(name)
		if dep == rel || strings.HasSuffix(dep, "test") || (!ours && standard(name)) {
			continue
		}
		if !allows(r.Ours, dep) && !allows(r.Third, dep) && !allows(r.Tests, dep) {
			report(dep, "its tests must not import")
		}
	}
	return findings
}

// Wall says that no build of one package may contain another, however indirectly.
type Wall struct {
	// From is a package of ours, relative; To is a full path or a relative one, each
	// with an optional /... .
	From, To string
	// Why is printed when the wall is broken.
	Why string
}

// CheckWalls follows the imports of one build.
func CheckWalls(packages []Package, walls []Wall) []Finding {
	imports := map[string][]string{}
	for _, p := range packages {
		imports[p.ImportPath] = p.Imports
	}
	var findings []Finding
	for _, w := range walls {
		for _, p := range packages {
			rel, ours := relative(p.ImportPath)
			if !ours || !allows([]string{w.From}, rel) {
				continue
			}
			if chain := reach(imports, p.ImportPath, w.To); chain != nil {
				findings = append(findings, Finding{
					Rule: "wall", Path: rel, Name: w.To,
					Text: w.Why + ": " + strings.Join(chain, " -> "),
				})
			}
		}
	}
	return findings
}

// reach returns the shortest chain of imports from a package to one that the pattern
// allows, or nil.
func reach(imports map[string][]string, from, to string) []string {
	cameFrom := map[string]string{from: ""}
	for queue := []string{from}; len(queue) > 0; queue = queue[1:] {
		name := queue[0]
		if dep, _ := relative(name); name != from && allows([]string{to}, dep) {
			var chain []string
			for ; name != ""; name = cameFrom[name] {
				dep, _ := relative(name)
				chain = append(chain, dep)
			}
			slices.Reverse(chain)
			return chain
		}
		for _, next := range imports[name] {
			if _, seen := cameFrom[next]; !seen {
				cameFrom[next] = name
				queue = append(queue, next)
			}
		}
	}
	return nil
}

// relative returns the path of one of our packages relative to the root module, and
// whether it is one; the paths of others come back as they are.
func relative(importPath string) (string, bool) {
	if importPath == modulePath {
		return ".", true
	}
	rel, ours := strings.CutPrefix(importPath, modulePath+"/")
	return rel, ours
}

func firstElement(importPath string) string {
	first, _, _ := strings.Cut(importPath, "/")
	return first
}

// matches reports whether a row's path describes the package.
func matches(pattern, rel string) bool {
	ok, err := path.Match(pattern, rel)
	return err == nil && ok
}

// allows reports whether one of the patterns covers the package.
func allows(patterns []string, name string) bool {
	return slices.ContainsFunc(patterns, func(pattern string) bool {
		folder, deep := strings.CutSuffix(pattern, "/...")
		return matches(folder, name) || (deep && strings.HasPrefix(name, folder+"/"))
	})
}
