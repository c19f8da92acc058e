package tidy

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"path"
	"strings"
)

// generatedSums is the file that says what the generated protobuf code was made from.
const generatedSums = "proto/gen/SOURCES.sha256"

// GeneratedSums returns what proto/gen/SOURCES.sha256 must hold: the plugins with
// their versions as comments, then the digests of the schemas and settings that went
// in and of the Go files that came out, in the format of sha256sum.
//
// It covers the outputs too, so that an edit by hand is found like a schema that was
// changed without generating. No tool has to be installed to check it.
func GeneratedSums(t *Tree) string {
	var b strings.Builder
	if tools := t.File(".ci/tools.txt"); tools != nil {
		for line := range strings.SplitSeq(string(tools.Data), "\n") {
			fields := strings.Fields(line)
			if len(fields) == 3 && strings.HasPrefix(fields[0], "protoc-gen-") {
				fmt.Fprintf(&b, "# %s %s\n", fields[0], fields[2])
			}
		}
	}
	for _, f := range t.Files {
		if !generatedInput(f.Path) && !generatedOutput(f.Path) {
			continue
		}
		sum := sha256.Sum256(f.Data)
		fmt.Fprintf(&b, "%s  %s\n", hex.EncodeToString(sum[:]), f.Path)
	}
	return b.String()
}

// CheckGenerated compares the committed sums with the tree.
func CheckGenerated(t *Tree) []Finding {
	want := GeneratedSums(t)
	f := t.File(generatedSums)
	if f == nil {
		return []Finding{{Rule: "generated", Path: generatedSums, Text: "missing: run make generate"}}
	}
	have := map[string]bool{}
	for line := range strings.SplitSeq(string(f.Data), "\n") {
		have[line] = true
	}
	var findings []Finding
	for line := range strings.SplitSeq(want, "\n") {
		if !have[line] {
			name := strings.TrimSpace(line[strings.LastIndexByte(line, ' ')+1:])
			findings = append(findings, Finding{
				Rule: "generated", Path: generatedSums, Name: name,
				Text: name + " changed since the code was generated: run make generate",
			})
		}
	}
	if len(findings) == 0 && string(f.Data) != want {
		findings = append(findings, Finding{
			Rule: "generated", Path: generatedSums, Text: "lists files that are gone: run make generate",
		})
	}
	return findings
}

func generatedInput(name string) bool {
	return name == "buf.gen.yaml" || (strings.HasPrefix(name, "proto/") && path.Ext(name) == ".proto")
}

func generatedOutput(name string) bool {
	return strings.HasPrefix(name, "proto/gen/") && path.Ext(name) == ".go"
}
