package tidy

import (
	"encoding/json"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strconv"
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

// figure is one measured number.
type figure struct {
	Figure    string  `json:"figure"`
	Value     float64 `json:"value"`
	Unit      string  `json:"unit"`
	Asked     string  `json:"asked"`
	Reference string  `json:"reference"`
}

// shows reports whether a text is the figure, rounded to the decimals that it has.
func (f figure) shows(text string) bool {
	number, unit, _ := strings.Cut(text, " ")
	_, fraction, _ := strings.Cut(number, ".")
	return unit == f.Unit && number == strconv.FormatFloat(f.Value, 'f', len(fraction), 64)
}

// CheckFigures compares the README's table of figures with docs/benchmarks.
//
// The table stands between the lines <!-- figures --> and <!-- /figures -->. In it a
// cell that ends in a comment, as in
//
//	| execute, p50 | 4.2 ms <!-- eval/sentiment: execute p50 --> | <= 5 ms |
//
// shows the row whose "figure" is "sentiment: execute p50", of the file whose "area"
// is "eval": value, space, unit, the value rounded to the decimals shown. A row of the
// table without such a cell is its heading, or an error.
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
	cell := regexp.MustCompile(`\|([^|]*?)<!-- ([^|]+?) -->\s*\|`)
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
			if want, ok := values[key]; !ok || !want.shows(shown) {
				findings = append(findings, Finding{
					Rule: "figures", Path: readme, Line: i + 1, Name: key,
					Text: fmt.Sprintf("shows %q, measured was %v %s", shown, want.Value, want.Unit),
				})
			}
		}
	}
	return findings
}

// measured returns the figures by "area/figure".
func measured(t *Tree) (map[string]figure, []Finding) {
	values := map[string]figure{}
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
			values[key] = r
		}
	}
	return values, findings
}
