package tidy

import (
	"encoding/json"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"
)

// rationalePath is the page that explains each direct dependency.
const rationalePath = "docs/RATIONALE.md"

// CheckDependencies wants one line "- `module`: why" in docs/RATIONALE.md for each
// direct dependency of go.mod, and no such line for a module that is none.
func CheckDependencies(t *Tree) []Finding {
	mod, page := t.File("go.mod"), t.File(rationalePath)
	if mod == nil || page == nil {
		return []Finding{{
			Rule: "dependency", Path: rationalePath, Text: "go.mod or this page is missing",
		}}
	}
	direct := directDependencies(string(mod.Data))
	explained := map[string]int{}
	entry := regexp.MustCompile("^- `([a-z0-9.]+\\.[a-z]+/[^`]+)`: \\S")
	for i, line := range strings.Split(string(page.Data), "\n") {
		if m := entry.FindStringSubmatch(line); m != nil {
			explained[m[1]] = i + 1
		}
	}
	var findings []Finding
	for _, module := range direct {
		if explained[module] == 0 {
			findings = append(findings, Finding{
				Rule: "dependency", Path: rationalePath, Name: module,
				Text: "say in one line \"- `" + module + "`: …\" why we depend on it",
			})
		}
	}
	for module, line := range explained {
		if !slices.Contains(direct, module) {
			findings = append(findings, Finding{
				Rule: "dependency", Path: rationalePath, Line: line, Name: module,
				Text: module + " is no direct dependency: delete its line",
			})
		}
	}
	slices.SortFunc(findings, func(a, b Finding) int { return strings.Compare(a.Name, b.Name) })
	return findings
}

// directDependencies returns the modules of others that go.mod requires without the
// mark of an indirect one.
func directDependencies(mod string) []string {
	var modules []string
	inBlock := false
	for line := range strings.SplitSeq(mod, "\n") {
		line = strings.TrimSpace(line)
		switch {
		case line == "require (":
			inBlock = true
			continue
		case line == ")":
			inBlock = false
		case strings.HasPrefix(line, "require "):
			line = strings.TrimPrefix(line, "require ")
		case !inBlock:
			continue
		}
		fields := strings.Fields(line)
		ours := strings.HasPrefix(line, modulePath)
		if len(fields) >= 2 && !ours && !strings.HasSuffix(line, "// indirect") {
			modules = append(modules, fields[0])
		}
	}
	return modules
}

// benchmark is one file of docs/benchmarks: what one area measured, where and when.
type benchmark struct {
	Area    string   `json:"area"`
	Machine string   `json:"machine"`
	Date    string   `json:"date"`
	Rows    []figure `json:"rows"`
}

// figure is one measured number. Value stays text, so that what the README shows and
// what was measured are compared digit by digit.
type figure struct {
	Figure    string      `json:"figure"`
	Value     json.Number `json:"value"`
	Unit      string      `json:"unit"`
	Asked     string      `json:"asked"`
	Reference string      `json:"reference"`
}

// CheckFigures compares the README's table of figures with docs/benchmarks, both
// ways of reading: each cell of the table is a measured value, and the table names
// machine and date of the file that it quotes.
//
// The table stands between the lines <!-- figures --> and <!-- /figures -->. In it a
// cell that ends in a comment, as in
//
//	| execute, p50 | 4.2 ms <!-- sentiment/execute_p50 --> | <= 5 ms |
//
// shows the row "execute_p50" of the file with "area": "sentiment", as value, space,
// unit. A row of the table without a key is its heading, or an error.
func CheckFigures(t *Tree) []Finding {
	const readme = "README.md"
	values, findings := measured(t)
	f := t.File(readme)
	if f == nil {
		return append(findings, Finding{Rule: "figures", Path: readme, Text: "there is no README"})
	}
	text := string(f.Data)
	if strings.Count(text, "<!-- figures -->") != 1 || strings.Count(text, "<!-- /figures -->") != 1 {
		return append(findings, Finding{
			Rule: "figures", Path: readme,
			Text: "one table of figures stands between <!-- figures --> and <!-- /figures -->",
		})
	}
	cell := regexp.MustCompile(`\|([^|]*?)<!-- ([a-z0-9_./-]+) -->\s*\|`)
	inside, row := false, 0
	for i, line := range strings.Split(text, "\n") {
		switch strings.TrimSpace(line) {
		case "<!-- figures -->":
			inside = true
			continue
		case "<!-- /figures -->":
			inside = false
		}
		if !inside || !strings.HasPrefix(strings.TrimSpace(line), "|") {
			continue
		}
		row++
		cells := cell.FindAllStringSubmatch(line, -1)
		if len(cells) == 0 && row > 2 {
			findings = append(findings, Finding{
				Rule: "figures", Path: readme, Line: i + 1,
				Text: "no cell of this row says which measurement it shows",
			})
		}
		for _, m := range cells {
			shown, key := strings.TrimSpace(m[1]), m[2]
			if want, ok := values[key]; !ok || want != shown {
				findings = append(findings, Finding{
					Rule: "figures", Path: readme, Line: i + 1, Name: key,
					Text: fmt.Sprintf("shows %q, measured was %q", shown, want),
				})
			}
		}
	}
	return findings
}

// measured returns "value unit" by "area/figure".
func measured(t *Tree) (map[string]string, []Finding) {
	values := map[string]string{}
	var findings []Finding
	for _, f := range t.Under("docs/benchmarks") {
		if path.Ext(f.Path) != ".json" {
			continue
		}
		problem := func(text string) {
			findings = append(findings, Finding{Rule: "benchmark", Path: f.Path, Text: text})
		}
		var b benchmark
		decoder := json.NewDecoder(strings.NewReader(string(f.Data)))
		decoder.DisallowUnknownFields()
		if err := decoder.Decode(&b); err != nil {
			problem("not a benchmark file: " + err.Error())
			continue
		}
		if b.Area == "" || b.Machine == "" || b.Date == "" || len(b.Rows) == 0 {
			problem("area, machine, date and rows must be there")
		}
		for _, r := range b.Rows {
			key := b.Area + "/" + r.Figure
			if _, twice := values[key]; twice {
				problem("the figure " + key + " is there twice")
			}
			values[key] = strings.TrimSpace(r.Value.String() + " " + r.Unit)
		}
	}
	return values, findings
}
