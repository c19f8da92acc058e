package tidy_test

import (
	"maps"
	"strings"
	"testing"

	"github.com/cerberus-host/cerberus/internal/tidy"
)

func TestMarkdown(t *testing.T) {
	const other = "# Other\n\n## A `typed` graph, twice\n\n## Twice\n\n## Twice\n"
	tests := []struct {
		name  string
		text  string
		rules []string
	}{
		{"clean", "# A\n\n[x](docs/o.md), [y](docs/), [z](https://example.com/none)\n", nil},
		{"no heading", "A\n", []string{"one-h1"}},
		{"two headings", "# A\n\n# B\n", []string{"one-h1"}},
		{"a comment in a script is no heading", "# A\n\n```sh\n# B\n```\n", nil},
		{"dead link", "# A\n\n[x](docs/none.md)\n", []string{"link"}},
		{"dead image", "# A\n\n![x](none.svg \"t\")\n", []string{"link"}},
		{"dead reference", "# A\n\n[x]: none.md\n", []string{"link"}},
		{"link in code", "# A\n\n`[x](none.md)`\n", nil},
		{"absolute link", "# A\n\n[x](/docs/o.md)\n", []string{"link"}},
		{"link out of the tree", "# A\n\n[x](../o.md)\n", []string{"link"}},
		{"heading", "# A\n\n[x](docs/o.md#a-typed-graph-twice) [y](#a)\n", nil},
		{"second heading of a name", "# A\n\n[x](docs/o.md#twice-1)\n", nil},
		{"no such heading", "# A\n\n[x](docs/o.md#thrice)\n", []string{"link"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			tree := tidy.FromFiles(map[string]string{"a.md": test.text, "docs/o.md": other})
			expect(t, tidy.CheckMarkdown(tree), test.rules...)
		})
	}
}

func TestDependencies(t *testing.T) {
	const mod = "module m\n\nrequire a.org/x v1.0.0\n\nrequire (\n\tb.org/y v1.0.0\n" +
		"\tc.org/z v1.0.0 // indirect\n\tgithub.com/cerberus-host/cerberus/sdk-wasm/go v0.0.0\n)\n"
	tree := tidy.FromFiles(map[string]string{
		"go.mod":            mod,
		"docs/RATIONALE.md": "# R\n\n- `a.org/x`: it is small.\n- `d.org/w`: it was needed once.\n",
	})
	findings := tidy.CheckDependencies(tree)
	expect(t, findings, "dependency", "dependency")
	if findings[0].Name != "b.org/y" || findings[1].Name != "d.org/w" {
		t.Errorf("findings are about the wrong modules: %v", findings)
	}
}

func TestFigures(t *testing.T) {
	const bench = `{"area":"sentiment","machine":"m","date":"2026-01-02","rows":[
		{"figure":"a: p50","value":4.2499,"unit":"ms","asked":"<= 5 ms","reference":""}]}`
	table := func(rows ...string) string {
		return "# R\n\n<!-- figures -->\n\n| figure | measured |\n| --- | --- |\n" +
			strings.Join(rows, "\n") + "\n\n<!-- /figures -->\n"
	}
	tests := []struct {
		name   string
		readme string
		bench  string
		rules  []string
	}{
		{"equal", table("| p50 | 4.2499 ms <!-- sentiment/a: p50 --> | |"), bench, nil},
		{"rounded", table("| p50 | 4.2 ms <!-- sentiment/a: p50 --> |"), bench, nil},
		{"no decimals", table("| p50 | 4 ms <!-- sentiment/a: p50 --> |"), bench, nil},
		{"other", table("| p50 | 4.24 ms <!-- sentiment/a: p50 --> |"), bench, []string{"figures"}},
		{"unit", table("| p50 | 4.2 s <!-- sentiment/a: p50 --> |"), bench, []string{"figures"}},
		{"no number", table("| p50 | fast <!-- sentiment/a: p50 --> |"), bench, []string{"figures"}},
		{"unknown", table("| p50 | 4.2 ms <!-- medical/a: p50 --> |"), bench, []string{"figures"}},
		{"no key", table("| p50 | 4.2 ms |"), bench, []string{"figures"}},
		{"no table", "# R\n", bench, []string{"figures"}},
		{"unknown field", table(), `{"area":"a","speed":1}`, []string{"benchmark"}},
		{"no machine", table(), strings.Replace(bench, `"m"`, `""`, 1), []string{"benchmark"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			tree := tidy.FromFiles(map[string]string{
				"README.md": test.readme, "docs/benchmarks/sentiment.json": test.bench,
			})
			expect(t, tidy.CheckFigures(tree), test.rules...)
		})
	}
}

func TestGenerated(t *testing.T) {
	files := map[string]string{
		".ci/tools.txt":          "# tools\nprotoc-gen-x example.com/x v1\nbuf example.com/buf v1\n",
		"buf.gen.yaml":           "version: v2\n",
		"proto/a/v1/a.proto":     "syntax = \"proto3\";\n",
		"proto/gen/a/v1/a.pb.go": "package av1\n",
	}
	expect(t, tidy.CheckGenerated(tidy.FromFiles(files)), "generated")
	files["proto/gen/SOURCES.sha256"] = tidy.GeneratedSums(tidy.FromFiles(files))
	expect(t, tidy.CheckGenerated(tidy.FromFiles(files)))

	for name, text := range map[string]string{
		".ci/tools.txt":          "protoc-gen-x example.com/x v2\n",
		"proto/a/v1/a.proto":     "syntax = \"proto2\";\n",
		"proto/gen/a/v1/a.pb.go": "package edited\n",
		"proto/b/v1/b.proto":     "syntax = \"proto3\";\n",
	} {
		t.Run(name, func(t *testing.T) {
			changed := maps.Clone(files)
			changed[name] = text
			expect(t, tidy.CheckGenerated(tidy.FromFiles(changed)), "generated")
		})
	}

	delete(files, "proto/a/v1/a.proto")
	expect(t, tidy.CheckGenerated(tidy.FromFiles(files)), "generated")
}
