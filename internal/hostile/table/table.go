package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/cerberus-host/cerberus/internal/hostile"
)

// tabler makes the table.
type tabler struct {
	// self and compare are the programs that run modules, scratch a folder for them.
	self, compare, scratch string
}

// The limits whose breach the table shows, besides those of main.go.
const (
	// lateMax is how much later than its deadline a run may end.
	lateMax = 100 * time.Millisecond
	// waitMax is what a heartbeat may have to wait: longer costs a leader its office.
	waitMax = time.Second
	// loadMax is what compiling may take.
	loadMax = 5 * time.Second
)

// meaningful reports whether the cases of a group mean the same to every host: those that
// use functions or rules of cerberus do not.
func meaningful(group int) bool {
	switch group {
	case 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 18, 19, 20, 21, 22, 23, 24, 26, 37:
		return true
	default:
		return false
	}
}

// ourImports are the names of cerberus in a module's imports.
const ourImports = "cerberus1"

// hosts returns the columns, and what the first line of the table calls them.
func (t *tabler) hosts(ctx context.Context) ([]host, error) {
	versions, err := exec.CommandContext(ctx, t.compare, "-version").Output()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", t.compare, err)
	}
	version := func(module string) string {
		for line := range strings.Lines(string(versions)) {
			if name, v, ok := strings.Cut(strings.TrimSpace(line), " "); ok && name == module {
				return v
			}
		}
		return "of unknown version"
	}
	other := func(engine string) []string {
		return []string{
			t.compare, "-engine", engine, "-deadline", deadline.String(),
			"-pages", fmt.Sprint(memoryPages), "-address-space", fmt.Sprint(addressSpace),
		}
	}
	hosts := []host{
		{name: "cerberus", command: []string{t.self, "-child"}},
		{
			name:    "wazero " + version("github.com/tetratelabs/wazero"),
			command: other("wazero"),
		},
		{
			name:    "Extism Go SDK " + version("github.com/extism/go-sdk"),
			command: other("extism"),
		},
	}
	idle := hostile.Case{}
	for _, c := range hostile.Cases() {
		if c.Group == 34 && c.Want == hostile.Failed && c.Phase == 0 {
			idle = c // it makes no output and ends
		}
	}
	for i := range hosts {
		v, err := t.try(ctx, hosts[i], idle)
		if err != nil {
			return nil, err
		}
		if v.died || v.hung {
			return nil, fmt.Errorf("%s cannot even run an empty module", hosts[i].name)
		}
		hosts[i].idleBytes = v.memoryBytes
	}
	return hosts, nil
}

// table runs the cases and returns the table as Markdown.
func (t *tabler) table(ctx context.Context, only int, now time.Time) (string, error) {
	hosts, err := t.hosts(ctx)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	fmt.Fprintf(&b, "Measured on %s, each module in a process of its own with %d GiB of address "+
		"space, a deadline of %d ms and %d MiB of memory for the guest.\n\n| group | modules |",
		now.UTC().Format(time.DateOnly), addressSpace>>30, deadline.Milliseconds(), memoryPages/16)
	for _, h := range hosts {
		b.WriteString(" " + h.name + " |")
	}
	b.WriteString("\n|" + strings.Repeat(" --- |", len(hosts)+2) + "\n")
	for _, g := range hostile.Groups() {
		if !meaningful(g.Number) || only != 0 && only != g.Number {
			continue
		}
		row, err := t.row(ctx, hosts, g)
		if err != nil {
			return "", err
		}
		b.WriteString(row)
	}
	return b.String(), nil
}

// row runs one group in every host.
func (t *tabler) row(ctx context.Context, hosts []host, g hostile.Group) (string, error) {
	cells := make([]cell, len(hosts))
	n := 0
	for _, c := range hostile.Cases() {
		if c.Group != g.Number || c.Sweep != nil && c.Large {
			continue
		}
		if c.Module != nil && strings.Contains(string(c.Module()), ourImports) {
			continue
		}
		n++
		for i, h := range hosts {
			v, err := t.try(ctx, h, c)
			if err != nil {
				return "", err
			}
			cells[i].add(v)
			fmt.Fprintf(os.Stderr, "%2d %-50s %-24s %+v\n", g.Number, c.Name, h.name, v)
		}
	}
	texts := make([]string, len(cells))
	for i, c := range cells {
		texts[i] = c.String()
	}
	return fmt.Sprintf("| %d. %s | %d | %s |\n", g.Number, g.Title, n, strings.Join(texts, " | ")), nil
}

// cell gathers the verdicts of a group in one host.
type cell struct {
	died, hung, lates, waits, loads, large, seen int
	late, wait, load                             time.Duration
	memoryBytes                                  int64
}

func (c *cell) add(v verdict) {
	count := func(n *int, bad bool) {
		if bad {
			*n++
		}
	}
	count(&c.died, v.died)
	count(&c.hung, v.hung)
	count(&c.lates, v.late > lateMax)
	count(&c.waits, v.wait > waitMax && !v.hung)
	count(&c.loads, v.load > loadMax)
	// What a process that died had taken says nothing: it wanted more.
	count(&c.large, v.memoryBytes > memoryPages<<16+memorySpare && !v.died)
	count(&c.seen, v.trapped)
	c.late, c.wait, c.load = max(c.late, v.late), max(c.wait, v.wait), max(c.load, v.load)
	if !v.died {
		c.memoryBytes = max(c.memoryBytes, v.memoryBytes)
	}
}

// String lists what is bad, the worst first; "holds" if nothing is.
func (c *cell) String() string {
	var parts []string
	say := func(n int, format string, args ...any) {
		if n > 0 {
			parts = append(parts, fmt.Sprintf(format, args...)+fmt.Sprintf(" (%d)", n))
		}
	}
	say(c.died, "**process dies**")
	say(c.hung, "**never ends**")
	say(c.waits, "freezes for %.1f s", c.wait.Seconds())
	say(c.lates, "ends %.1f s late", c.late.Seconds())
	say(c.loads, "compiles for %.0f s", c.load.Seconds())
	say(c.large, "takes %.1f GB", float64(c.memoryBytes)/1e9)
	say(c.seen, "shows it")
	if len(parts) == 0 {
		return "holds"
	}
	return strings.Join(parts, ", ")
}

// The lines around the table in a page.
const (
	tableBegin = "<!-- hostile -->\n"
	tableEnd   = "<!-- /hostile -->\n"
)

// replaceTable writes the table into a page, between its two marks.
func replaceTable(path, text string) error {
	page, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	before, rest, ok := strings.Cut(string(page), tableBegin)
	_, after, ok2 := strings.Cut(rest, tableEnd)
	if !ok || !ok2 {
		return errors.New(path + " has no place for the table")
	}
	page = []byte(before + tableBegin + "\n" + text + "\n" + tableEnd + after)
	return os.WriteFile(path, page, 0o644)
}
