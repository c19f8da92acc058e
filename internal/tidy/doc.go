// Package tidy checks the rules of this repository that no linter knows: who may
// import whom, how long a function may be, that a link leads somewhere, that a
// figure in the README is the figure that was measured.
//
// Load reads the tree once; each Check function looks at one family of rules and
// returns Findings. The tests of this package run every check on the repository and
// fail on each Finding that Exceptions does not name, and on each exception that is
// no longer needed, so the list cannot rot. Other tests feed every rule a small tree
// that breaks it, because a check that cannot fail checks nothing.
//
// The import table (imports_table.go) is docs/ARCHITECTURE.md as code. It is tested
// for the native build, for js/wasm and for wasip1 apart, because build tags make
// three different programs of one tree.
//
// Caveats: the checks read source text and ask the go command for imports; they do
// not check types. What needs types is left to golangci-lint (.golangci.yml).
package tidy
