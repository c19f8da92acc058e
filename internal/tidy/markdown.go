package tidy

import (
	"fmt"
	"path"
	"regexp"
	"strings"
	"unicode"
)

// page is a markdown file with its fenced code taken out.
type page struct {
	file  File
	lines []string // code lines are empty, so that numbers stay true
	slugs map[string]bool
}

// CheckMarkdown wants one first-level heading per page, and for each relative link a
// target in the tree, down to the heading that it names.
func CheckMarkdown(t *Tree) []Finding {
	pages := map[string]page{}
	for _, f := range t.Files {
		if path.Ext(f.Path) == ".md" {
			pages[f.Path] = parsePage(f)
		}
	}
	var findings []Finding
	for _, f := range t.Files {
		if p, ok := pages[f.Path]; ok {
			findings = append(findings, p.checkHeadings()...)
			findings = append(findings, p.checkLinks(t, pages)...)
		}
	}
	return findings
}

func parsePage(f File) page {
	p := page{file: f, slugs: map[string]bool{}}
	seen := map[string]int{}
	fence := ""
	for line := range strings.SplitSeq(string(f.Data), "\n") {
		trimmed := strings.TrimSpace(line)
		switch {
		case fence == "" && (strings.HasPrefix(trimmed, "```") || strings.HasPrefix(trimmed, "~~~")):
			fence, line = trimmed[:3], ""
		case fence != "":
			if strings.HasPrefix(trimmed, fence) {
				fence = ""
			}
			line = ""
		}
		p.lines = append(p.lines, line)
		if level := headingLevel(line); level > 0 {
			slug := slugOf(line[level:])
			if n := seen[slug]; n > 0 {
				p.slugs[fmt.Sprintf("%s-%d", slug, n)] = true
			} else {
				p.slugs[slug] = true
			}
			seen[slug]++
		}
	}
	return p
}

// headingLevel returns the number of # of an ATX heading, or 0.
func headingLevel(line string) int {
	level := len(line) - len(strings.TrimLeft(line, "#"))
	if level == 0 || level > 6 || !strings.HasPrefix(line[level:], " ") {
		return 0
	}
	return level
}

// slugOf returns the anchor that code hosts give a heading: lower case, letters,
// digits, hyphens and underscores only, spaces as hyphens.
func slugOf(heading string) string {
	var b strings.Builder
	for _, r := range strings.ToLower(strings.TrimSpace(heading)) {
		switch {
		case r == ' ':
			b.WriteByte('-')
		case unicode.IsLetter(r), unicode.IsDigit(r), r == '-', r == '_':
			b.WriteRune(r)
		}
	}
	return b.String()
}

func (p page) checkHeadings() []Finding {
	var first, findings []Finding
	for i, line := range p.lines {
		if headingLevel(line) == 1 {
			first = append(first, Finding{
				Rule: "one-h1", Path: p.file.Path, Line: i + 1,
				Text: "a page has one first-level heading: lower this one",
			})
		}
	}
	if len(first) == 0 {
		findings = append(findings, Finding{
			Rule: "one-h1", Path: p.file.Path, Text: "a page begins with a first-level heading",
		})
	}
	return append(findings, first[min(1, len(first)):]...)
}

// checkLinks looks at inline links, images and reference definitions. Addresses of
// other sites are not followed: a check must not depend on the network.
func (p page) checkLinks(t *Tree, pages map[string]page) []Finding {
	inline := regexp.MustCompile(`\]\(\s*<?([^)>\s]+)>?(?:\s+"[^"]*")?\s*\)`)
	reference := regexp.MustCompile(`^\s*\[[^\]]+\]:\s+<?([^>\s]+)>?`)
	code := regexp.MustCompile("`[^`]*`")
	var findings []Finding
	for i, line := range p.lines {
		line = code.ReplaceAllString(line, "")
		targets := inline.FindAllStringSubmatch(line, -1)
		targets = append(targets, reference.FindAllStringSubmatch(line, -1)...)
		for _, m := range targets {
			if problem := p.resolve(m[1], t, pages); problem != "" {
				findings = append(findings, Finding{
					Rule: "link", Path: p.file.Path, Line: i + 1, Name: m[1], Text: problem,
				})
			}
		}
	}
	return findings
}

// resolve returns what is wrong with a link, or "".
func (p page) resolve(target string, t *Tree, pages map[string]page) string {
	if strings.Contains(target, "://") || strings.HasPrefix(target, "mailto:") {
		return ""
	}
	name, anchor, _ := strings.Cut(target, "#")
	if strings.HasPrefix(name, "/") {
		return "a link inside the repository is relative: " + target
	}
	full := p.file.Path
	if name != "" {
		full = path.Join(path.Dir(p.file.Path), name)
	}
	if strings.HasPrefix(full, "..") || !t.Has(full) {
		return "the link leads to no file: " + target
	}
	if anchor == "" {
		return ""
	}
	if to, ok := pages[full]; ok && !to.slugs[anchor] {
		return "the page has no such heading: " + target
	}
	return ""
}
