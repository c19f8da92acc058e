package tidy

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

// Limits of a Go source file. A tab counts as one column.
const (
	funcLinesMax     = 70
	fileLinesMax     = 600
	testFileLinesMax = 800
	columnsMax       = 100
	rowColumnsMax    = 120 // of a row in a test's table
)

// source is a parsed, hand-written Go file.
type source struct {
	file   File
	fset   *token.FileSet
	syntax *ast.File
	lines  []string
	test   bool
}

// CheckSource applies the rules about hand-written Go source: sizes, panics, init
// functions, clocks, randomness and sleeps. Generated files are exempt, because
// their sources are what people read.
func CheckSource(t *Tree) []Finding {
	sources, findings := parseAll(t)
	for _, s := range sources {
		findings = slices.Concat(findings,
			s.checkSizes(), s.checkColumns(), s.checkCalls(), s.checkImports())
	}
	return append(findings, checkPackageDocs(sources)...)
}

func parseAll(t *Tree) ([]source, []Finding) {
	var sources []source
	var findings []Finding
	for _, f := range t.Files {
		if path.Ext(f.Path) != ".go" || strings.Contains("/"+f.Path, "/testdata/") {
			continue
		}
		fset := token.NewFileSet()
		syntax, err := parser.ParseFile(fset, f.Path, f.Data, parser.ParseComments)
		if err != nil {
			findings = append(findings, Finding{Rule: "parse", Path: f.Path, Text: err.Error()})
			continue
		}
		if ast.IsGenerated(syntax) {
			continue
		}
		sources = append(sources, source{
			file:   f,
			fset:   fset,
			syntax: syntax,
			lines:  strings.Split(strings.TrimSuffix(string(f.Data), "\n"), "\n"),
			test:   strings.HasSuffix(f.Path, "_test.go"),
		})
	}
	return sources, findings
}

func (s *source) finding(rule string, at token.Pos, name, text string) Finding {
	return Finding{
		Rule: rule, Path: s.file.Path, Line: s.fset.Position(at).Line, Name: name, Text: text,
	}
}

// program reports whether the file belongs to a program, whose outermost layer may
// read clocks and stop the process.
func (s *source) program() bool { return s.syntax.Name.Name == "main" }

// stopwatch reports whether the file belongs to the benchmarks, whose purpose is to read the
// clock.
func (s *source) stopwatch() bool { return s.syntax.Name.Name == "bench" && !s.program() }

// guest reports whether the file belongs to a Brain. A Wasm reactor has no main that
// runs: its init is where it starts.
func (s *source) guest() bool {
	return s.program() && s.importName(modulePath+"/"+sdkFolder) != ""
}

func (s *source) checkSizes() []Finding {
	var findings []Finding
	limit := fileLinesMax
	if s.test {
		limit = testFileLinesMax
	}
	if len(s.lines) > limit {
		findings = append(findings, Finding{
			Rule: "file-lines", Path: s.file.Path, Line: limit + 1,
			Text: fmt.Sprintf("%d lines, at most %d: one story per file", len(s.lines), limit),
		})
	}
	for _, d := range s.syntax.Decls {
		fn, ok := d.(*ast.FuncDecl)
		if !ok {
			continue
		}
		lines := s.fset.Position(fn.End()).Line - s.fset.Position(fn.Pos()).Line + 1
		if lines > funcLinesMax && !isTable(fn) {
			findings = append(findings, s.finding("func-lines", fn.Pos(), funcName(fn),
				fmt.Sprintf("%s has %d lines, at most %d: keep the control flow, name its steps",
					funcName(fn), lines, funcLinesMax)))
		}
		if fn.Recv == nil && fn.Name.Name == "init" && !s.guest() {
			findings = append(findings, s.finding("init", fn.Pos(), "init",
				"no init functions: wire things where they are used"))
		}
	}
	return findings
}

// isTable reports whether a function only returns one literal. It is data, which has
// no control flow to keep in view.
func isTable(fn *ast.FuncDecl) bool {
	if fn.Body == nil || len(fn.Body.List) != 1 {
		return false
	}
	statement, ok := fn.Body.List[0].(*ast.ReturnStmt)
	if !ok || len(statement.Results) != 1 {
		return false
	}
	_, ok = statement.Results[0].(*ast.CompositeLit)
	return ok
}

// funcName returns Type.Method or the function's name.
func funcName(fn *ast.FuncDecl) string {
	if fn.Recv == nil || len(fn.Recv.List) == 0 {
		return fn.Name.Name
	}
	receiver := fn.Recv.List[0].Type
	for {
		switch r := receiver.(type) {
		case *ast.StarExpr:
			receiver = r.X
		case *ast.IndexExpr:
			receiver = r.X
		case *ast.IndexListExpr:
			receiver = r.X
		case *ast.Ident:
			return r.Name + "." + fn.Name.Name
		default:
			return fn.Name.Name
		}
	}
}

// checkColumns lets four things be long, because breaking them makes them worse: a
// string that is most of its line, a row of a table in a comment, an address, and, up to
// rowColumnsMax, a row of a table of test cases.
func (s *source) checkColumns() []Finding {
	texts := s.stringColumns()
	var findings []Finding
	for i, line := range s.lines {
		columns := utf8.RuneCountInString(line)
		if columns <= columnsMax || columns-texts[i+1] <= columnsMax/2 {
			continue
		}
		trimmed := strings.TrimSpace(line)
		if s.test && columns <= rowColumnsMax && isRow(trimmed) {
			continue
		}
		if strings.HasPrefix(trimmed, "//") &&
			(strings.HasPrefix(trimmed, "// |") || strings.Contains(trimmed, "://")) {
			continue
		}
		findings = append(findings, Finding{
			Rule: "columns", Path: s.file.Path, Line: i + 1,
			Text: fmt.Sprintf("%d columns, at most %d", columns, columnsMax),
		})
	}
	return findings
}

// isRow reports whether a line is one whole case of a table of test cases: a literal in
// braces or keyed by a string, complete with its comma.
func isRow(line string) bool {
	starts := strings.HasPrefix(line, "{") || strings.HasPrefix(line, `"`)
	return starts && strings.HasSuffix(line, "},")
}

// stringColumns returns, for each line from 1 on, how many columns of it the longest
// string literal takes.
func (s *source) stringColumns() map[int]int {
	columns := map[int]int{}
	ast.Inspect(s.syntax, func(n ast.Node) bool {
		lit, ok := n.(*ast.BasicLit)
		if !ok || lit.Kind != token.STRING {
			return true
		}
		first := s.fset.Position(lit.Pos()).Line
		for i, part := range strings.Split(lit.Value, "\n") {
			columns[first+i] = max(columns[first+i], utf8.RuneCountInString(part))
		}
		return true
	})
	return columns
}

// clock are the functions of package time that read the clock of the machine or wait
// for it.
func clock(name string) bool {
	switch name {
	case "Now", "Since", "Until":
		return true
	default:
		return false
	}
}

func (s *source) checkCalls() []Finding {
	var findings []Finding
	timeName := s.importName("time")
	enclosing := ""
	ast.Inspect(s.syntax, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncDecl:
			enclosing = funcName(n)
		case *ast.CallExpr:
			id, ok := n.Fun.(*ast.Ident)
			if ok && id.Name == "panic" && !s.test && !s.program() {
				findings = append(findings, s.finding("panic", n.Pos(), enclosing,
					"no panic in a library: return an error"))
			}
		case *ast.SelectorExpr:
			id, ok := n.X.(*ast.Ident)
			if !ok || timeName == "" || id.Name != timeName {
				return true
			}
			if clock(n.Sel.Name) && !s.test && !s.program() && !s.stopwatch() {
				findings = append(findings, s.finding("clock", n.Pos(), enclosing,
					"time."+n.Sel.Name+" in a library: take the clock as a parameter"))
			}
			if n.Sel.Name == "Sleep" {
				findings = append(findings, s.finding("sleep", n.Pos(), enclosing,
					"no time.Sleep: wait for the event itself, under a context"))
			}
		}
		return true
	})
	return findings
}

// importName returns the name under which the file uses a package, or "" where it does
// not import it. A package without another name goes by the last element of its path.
func (s *source) importName(importPath string) string {
	for _, spec := range s.syntax.Imports {
		if strings.Trim(spec.Path.Value, `"`) != importPath {
			continue
		}
		if spec.Name != nil {
			return spec.Name.Name
		}
		return path.Base(importPath)
	}
	return ""
}

// checkImports bans the generators of package math/rand, which are not secure, and
// in tests their global source, which is not repeatable.
func (s *source) checkImports() []Finding {
	var findings []Finding
	for _, spec := range s.syntax.Imports {
		importPath := strings.Trim(spec.Path.Value, `"`)
		if importPath != "math/rand" && importPath != "math/rand/v2" {
			continue
		}
		if !s.test {
			findings = append(findings, s.finding("math-rand", spec.Pos(), importPath,
				"no "+importPath+" outside tests: crypto/rand, or a source as a parameter"))
			continue
		}
		name := "rand"
		if spec.Name != nil {
			name = spec.Name.Name
		}
		findings = append(findings, s.checkSeeded(name)...)
	}
	return findings
}

func (s *source) checkSeeded(name string) []Finding {
	var findings []Finding
	ast.Inspect(s.syntax, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok {
			return true
		}
		selector, ok := call.Fun.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		id, ok := selector.X.(*ast.Ident)
		if ok && id.Name == name && !strings.HasPrefix(selector.Sel.Name, "New") {
			findings = append(findings, s.finding("math-rand", call.Pos(), selector.Sel.Name,
				"the global source cannot be repeated: rand.New with a fixed seed"))
		}
		return true
	})
	return findings
}

// checkPackageDocs wants the comment of each library package in its doc.go, and of
// each program in some file. Packages of generated code or tests only are exempt.
func checkPackageDocs(sources []source) []Finding {
	documented := map[string]bool{}
	library := map[string]bool{}
	for _, s := range sources {
		if s.test {
			continue
		}
		folder := path.Dir(s.file.Path)
		library[folder] = !s.program()
		inPlace := s.program() || path.Base(s.file.Path) == "doc.go"
		if inPlace && s.syntax.Doc != nil {
			documented[folder] = true
		}
	}
	var findings []Finding
	for folder, isLibrary := range library {
		if documented[folder] {
			continue
		}
		text := "a program needs a package comment: what it is, how to call it"
		if isLibrary {
			text = "a package needs doc.go: what it is, main types, caveats, what it is not"
		}
		findings = append(findings, Finding{Rule: "package-doc", Path: folder, Text: text})
	}
	slices.SortFunc(findings, func(a, b Finding) int { return strings.Compare(a.Path, b.Path) })
	return findings
}

// CheckWords bans words that mark unfinished work, and paths of somebody's machine.
func CheckWords(t *Tree) []Finding {
	unfinished := regexp.MustCompile(`\b(TO` + `DO|FIX` + `ME|XX` + `X|HA` + `CK)\b`)
	machine := regexp.MustCompile("(^|[\\s\"'`(=:])/(work|root|tmp|home|Users)/")
	var findings []Finding
	for _, f := range t.Files {
		if strings.HasPrefix(f.Path, "proto/buf/") || strings.Contains("/"+f.Path, "/testdata/") {
			continue
		}
		for i, line := range strings.Split(string(f.Data), "\n") {
			if word := unfinished.FindString(line); word != "" {
				findings = append(findings, Finding{
					Rule: "unfinished", Path: f.Path, Line: i + 1, Name: word,
					Text: "finish it, or take the feature out of help and docs: " + word,
				})
			}
			if machine.MatchString(line) {
				findings = append(findings, Finding{
					Rule: "machine-path", Path: f.Path, Line: i + 1,
					Text: "a path of one machine means nothing to a reader",
				})
			}
		}
	}
	return findings
}
