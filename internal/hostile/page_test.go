package hostile_test

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/cerberus-host/cerberus/abi"
	"github.com/cerberus-host/cerberus/host/admit"
	"github.com/cerberus-host/cerberus/host/admit/meter"
	"github.com/cerberus-host/cerberus/host/runtime"
	"github.com/cerberus-host/cerberus/internal/hostile"
)

var update = flag.Bool("update", false, "write the tables of docs/SANDBOX.md that are made from code")

const page = "../../docs/SANDBOX.md"

// caps are the rows of the page's table: what, at most, and what a module with more does to a
// host that has no such cap.
func caps() [][3]string {
	n := func(v int) string { return fmt.Sprint(v) }
	kib := func(v int) string { return fmt.Sprintf("%d KiB", v>>10) }
	mib := func(v int) string { return fmt.Sprintf("%d MiB", v>>20) }
	const compile = "compile time grows with their square"
	return [][3]string{
		{"module file", mib(abi.ModuleBytesMax), "everything below grows with it"},
		{"code after rewriting", mib(admit.CodeBytesMax), "two bytes can become more than twenty"},
		{"functions", n(admit.FunctionsMax), "300,000 empty ones compile for a second"},
		{"function types", n(admit.TypesMax), "the runtime keeps them as long as it lives"},
		{"parameters of a function", n(admit.ParamsMax), compile + ": a million for over a minute"},
		{"results of a function", n(admit.ResultsMax), "as parameters"},
		{"imports", n(admit.ImportsMax), "each is resolved by name"},
		{"exports", n(admit.ExportsMax), "each is a string and an entry of a map"},
		{"globals", n(admit.GlobalsMax), "each is an allocation in every instance"},
		{"table entries", n(admit.TableEntriesMax), "2^27 take a gigabyte in every instance"},
		{"element entries", n(admit.ElementsMax), "copied in every instance"},
		{"data segments", n(admit.DataSegmentsMax), "evaluated in every instance"},
		{"locals of one function", n(admit.LocalsMax), "10^8 take gigabytes, 2^32-1 the process"},
		{"locals of all functions", n(admit.LocalsTotalMax), "100 times 10^6 take a gigabyte"},
		{"body of one function", kib(admit.BodyBytesMax), "the compiler holds a whole body at once"},
		{"nested blocks", n(admit.NestingMax), compile},
		{"targets of one br_table", n(admit.BranchTargetsMax), compile},
		{
			"targets of all br_table of one function", n(admit.FunctionTargetsMax),
			"thirty tables in one body compile for a second",
		},
		{"targets of all br_table", n(admit.TargetsTotalMax), "the sum of these"},
		{"blocks of one function", n(admit.BlocksMax), "25,000 empty ifs compile for half a minute"},
		{"sum of the squares of all functions' blocks", n(admit.BlockPairsMax), "the sum of these"},
		{
			"blocks times locals of one function", n(admit.BlocksByLocalsMax),
			"4,000 times 4,000 compile for a minute and take a gigabyte",
		},
		{"blocks times locals, all functions", n(admit.BlocksByLocalsTotalMax), "the sum of these"},
		{"memory", mib(abi.MemoryPagesMax << 16), "4 GiB in every instance"},
		{"weight of nested calls", n(meter.DepthDefault), "hundreds of megabytes of stack"},
		{
			"gas of encode, infer, decode", fmt.Sprintf("%d, %d, %d", int64(abi.GasEncodeMax),
				int64(abi.GasInferMax), int64(abi.GasDecodeMax)), "a run that never ends",
		},
		{"host calls of one run", n(abi.HostCallsMax), "a run that keeps the host at work"},
		{"log of one run", kib(abi.LogBytesMax), "a log that fills memory or disk"},
		{"one run", runtime.DefaultRunTimeout.String(), "what gas allows on a slow machine"},
		{
			"processor time to compile", fmt.Sprintf("%d s", runtime.CompileCPUSeconds),
			"a module that is dear in a way that no cap above knows",
		},
		{"memory to compile", mib(runtime.CompileMemoryBytes), "the same"},
	}
}

// capsTable and groupsTable are the page's tables.
func capsTable() string {
	text := "| cap | at most | without it |\n| --- | --- | --- |\n"
	for _, c := range caps() {
		text += fmt.Sprintf("| %s | %s | %s |\n", c[0], c[1], c[2])
	}
	return text
}

func groupsTable() string {
	text := "| group | modules | how they end |\n| --- | --- | --- |\n"
	for _, g := range hostile.Groups() {
		count, ends := 0, map[hostile.Want]int{}
		for _, c := range hostile.Cases() {
			if c.Group == g.Number {
				count++
				ends[c.Want]++
			}
		}
		how := "played by " + g.Test
		if count > 0 {
			var parts []string
			for w := hostile.Refused; w <= hostile.Ends; w++ {
				if ends[w] > 0 {
					parts = append(parts, fmt.Sprintf("%d %s", ends[w], endWord(w)))
				}
			}
			how = strings.Join(parts, ", ")
		}
		text += fmt.Sprintf("| %d. %s | %d | %s |\n", g.Number, g.Title, count, how)
	}
	return text
}

func endWord(w hostile.Want) string {
	if w == hostile.Ends {
		return "in any of these ways"
	}
	return w.String()
}

// TestSandboxPage compares the tables of the page with the code; with -update it writes them.
func TestSandboxPage(t *testing.T) {
	content, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	made := string(content)
	for name, table := range map[string]string{"caps": capsTable(), "groups": groupsTable()} {
		begin, end := "<!-- "+name+" -->\n", "<!-- /"+name+" -->\n"
		before, rest, ok := strings.Cut(made, begin)
		_, after, ok2 := strings.Cut(rest, end)
		if !ok || !ok2 {
			t.Fatalf("the page lacks %q or %q", begin, end)
		}
		made = before + begin + "\n" + table + "\n" + end + after
	}
	if *update {
		if err := os.WriteFile(page, []byte(made), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if made != string(content) {
		t.Error("the page does not show what the code has: go test ./internal/hostile -update")
	}
	if !strings.Contains(made, "| 22. ") || !strings.Contains(made, "Extism Go SDK v") {
		t.Error("the page has no table of other hosts: make sandbox-compare")
	}
}
