package kit

import (
	"fmt"
	"strings"
	"text/tabwriter"
)

// Text renders the report for a terminal.
func (r *CheckReport) Text() string {
	var b strings.Builder
	line := func(label, format string, args ...any) {
		fmt.Fprintf(&b, "%-10s %s\n", label, fmt.Sprintf(format, args...))
	}
	line("module", "%s", r.Module)
	line("file", "%s, %s", r.File, quantity(r.Bytes))
	if r.Name != "" {
		line("Brain", "%s %s, %s", r.Name, r.Version, r.Params)
	}
	if r.Functions > 0 {
		line("code", "%d functions; calls %s", r.Functions, strings.Join(r.HostCalls, ", "))
	}
	if r.Refused {
		line("verdict", "REFUSED: a registration of this file would be refused with %s",
			r.Reasons[0].Reason)
		r.writeReasons(&b)
	} else {
		line("verdict", "a registration of this file would pass")
	}
	if len(r.Plans) > 0 {
		r.writePlans(&b)
	}
	return b.String()
}

func (r *CheckReport) writeReasons(b *strings.Builder) {
	for i, x := range r.Reasons {
		where := ""
		if x.Args != "" {
			where += "for " + x.Args + ": "
		}
		if x.Section != "" {
			where += x.Section + " section, "
		}
		if x.Offset != nowhere {
			where += fmt.Sprintf("byte %d: ", x.Offset)
		}
		fmt.Fprintf(b, "\n%3d. %s\n     %s%s\n", i+1, x.Reason, where, x.Problem)
		if x.Limit != 0 {
			fmt.Fprintf(b, "     it has %d, at most %d are allowed\n", x.Value, x.Limit)
		}
		fmt.Fprintf(b, "     fix: %s\n", x.Fix)
		if x.Log != "" {
			fmt.Fprintf(b, "     log: %s\n", strings.ReplaceAll(strings.TrimSpace(x.Log), "\n",
				"\n          "))
		}
	}
}

func (r *CheckReport) writePlans(b *strings.Builder) {
	t := &columns{out: b}
	t.head("PLAN", "digest", "nodes", "steps", "levels", "keys", "key set", "sent", "received")
	for _, p := range r.Plans {
		t.row(p.arguments(), p.Plan.Short(), p.Nodes, p.Steps, p.Levels, p.Keys,
			quantity(p.Keys.Bytes), quantity(p.UploadBytes), quantity(p.DownloadBytes))
	}
	t.head("MEMORY", "of the client", "of the node")
	for _, p := range r.Plans {
		t.row(p.arguments(), quantity(p.ClientMemoryBytes), quantity(p.NodeMemoryBytes))
	}
	t.head("GAS", "encode", "infer", "steps", "decode", "of a task", "products of a run")
	for _, p := range r.Plans {
		t.row(p.arguments(), p.Gas.Encode, p.Gas.Infer, p.Gas.Steps, p.Gas.Decode,
			p.Gas.Infer+p.Gas.Steps, p.Work)
	}
	t.head("PRECISION", "output", "bound", "asked", "proven", "honest node")
	for _, p := range r.Plans {
		for _, x := range p.Precision {
			t.row(p.arguments(), x.Output, x.Bound, bitsOf(r.Tolerance), bitsOf(x.ProvenBits),
				bitsOf(x.HonestBits))
		}
	}
	if r.Plans[0].Attested != nil {
		t.head("CHECKING", "advice", "verify", "with committed keys", "run again")
		for _, p := range r.Plans {
			if a := p.Attested; a != nil {
				t.row(p.arguments(), a.Advice, micros(a.VerifyUS), micros(a.VerifyCommittedUS),
					micros(a.RerunUS))
			}
		}
	}
	t.head("SAMPLE", "answer")
	for _, p := range r.Plans {
		t.row(p.arguments(), p.Sample)
	}
	t.flush()
}

// columns writes tables under one another.
type columns struct {
	out *strings.Builder
	// table is the text of the present one, cells separated by tabs.
	table strings.Builder
}

func (c *columns) head(cells ...string) {
	c.flush()
	c.out.WriteByte('\n')
	c.table.WriteString(strings.Join(cells, "\t") + "\n")
}

func (c *columns) row(cells ...any) {
	for i, cell := range cells {
		if i > 0 {
			c.table.WriteByte('\t')
		}
		fmt.Fprint(&c.table, cell)
	}
	c.table.WriteByte('\n')
}

// flush writes the table that there is. Writing into memory does not fail.
func (c *columns) flush() {
	w := tabwriter.NewWriter(c.out, 0, 0, 2, ' ', 0)
	_, _ = w.Write([]byte(c.table.String()))
	_ = w.Flush()
	c.table.Reset()
}

func (p *CheckedPlan) arguments() string {
	if p.Args == "" {
		return "(no arguments)"
	}
	return p.Args
}

// String says which keys these are.
func (k KeyCost) String() string {
	switch {
	case k.Rotations == 0 && !k.Relinearisation:
		return "none"
	case !k.Relinearisation:
		return fmt.Sprintf("%d rotations", k.Rotations)
	default:
		return fmt.Sprintf("relinearisation, %d rotations", k.Rotations)
	}
}

// String says what became of the sample.
func (s Sample) String() string {
	if s.Answer == nil {
		return "none: " + s.Problem
	}
	var text strings.Builder
	text.WriteString(s.Answer.Label)
	for _, n := range s.Answer.Numbers {
		fmt.Fprintf(&text, "  %s %.3f", n.Name, n.Value)
	}
	return text.String()
}

func bitsOf(n int) string { return fmt.Sprintf("2^%d of the bound", -n) }

func micros(us int64) string { return fmt.Sprintf("%.1f ms", float64(us)/1000) }

// quantity shows a number of bytes.
func quantity(n int64) string {
	switch {
	case n == 0:
		return "nothing"
	case n < 1_000_000:
		return fmt.Sprintf("%.1f KB", float64(n)/1_000)
	case n < 1_000_000_000:
		return fmt.Sprintf("%.1f MB", float64(n)/1_000_000)
	default:
		return fmt.Sprintf("%.1f GB", float64(n)/1_000_000_000)
	}
}
