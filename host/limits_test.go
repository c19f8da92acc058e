package host_test

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cerberus-host/cerberus/abi"
	"github.com/cerberus-host/cerberus/fhe"
	"github.com/cerberus-host/cerberus/host/admit"
	"github.com/cerberus-host/cerberus/host/admit/meter"
	"github.com/cerberus-host/cerberus/host/api"
	"github.com/cerberus-host/cerberus/host/blob"
	"github.com/cerberus-host/cerberus/host/config"
	"github.com/cerberus-host/cerberus/host/hostcall"
	"github.com/cerberus-host/cerberus/host/identity"
	"github.com/cerberus-host/cerberus/host/runtime"
	"github.com/cerberus-host/cerberus/raftstore/state"
)

var update = flag.Bool("update", false, "write the pages that are made from tables")

// limit is one row of docs/LIMITS.md.
type limit struct {
	what  string
	value any
}

// bytesOf shows a size in the unit that divides it.
type bytesOf int64

func (b bytesOf) String() string {
	for _, u := range []struct {
		shift int
		name  string
	}{{40, "TiB"}, {30, "GiB"}, {20, "MiB"}, {10, "KiB"}} {
		if unit := bytesOf(1) << u.shift; b >= unit && b%unit == 0 {
			return fmt.Sprintf("%d %s", b/unit, u.name)
		}
	}
	return fmt.Sprintf("%d bytes", int64(b))
}

func requestLimits() []limit {
	return []limit{
		{"one request message", bytesOf(api.MessageBytesMax)},
		{"one chunk of a blob", bytesOf(blob.ChunkBytes)},
		{"unary calls in flight", api.RequestsMaxDefault},
		{"streams in flight", api.WatchesMaxDefault},
		{"expiry of a signature, ahead of the node's clock", identity.ExpiryAheadMax},
		{"one blob", bytesOf(blob.BytesMax)},
		{"open uploads of one owner", blob.UploadsPerOwnerDefault},
		{"open uploads of a node", blob.UploadsMaxDefault},
		{"rest of an upload before it is dropped", blob.UploadAgeDefault},
	}
}

func moduleLimits() []limit {
	return []limit{
		{"module file", bytesOf(abi.ModuleBytesMax)},
		{"manifest", bytesOf(abi.ManifestBytesMax)},
		{"model", bytesOf(abi.ModelBytesMax)},
		{"combinations of public arguments", abi.PublicCombinationsMax},
		{"functions", admit.FunctionsMax},
		{"function types", admit.TypesMax},
		{"parameters of a function", admit.ParamsMax},
		{"results of a function", admit.ResultsMax},
		{"imports", admit.ImportsMax},
		{"exports", admit.ExportsMax},
		{"globals", admit.GlobalsMax},
		{"table entries", admit.TableEntriesMax},
		{"element entries", admit.ElementsMax},
		{"data segments", admit.DataSegmentsMax},
		{"locals of one function", admit.LocalsMax},
		{"locals of all functions", admit.LocalsTotalMax},
		{"body of one function", bytesOf(admit.BodyBytesMax)},
		{"nested blocks", admit.NestingMax},
		{"blocks of one function", admit.BlocksMax},
		{"sum of the squares of all functions' blocks", admit.BlockPairsMax},
		{"targets of one br_table", admit.BranchTargetsMax},
		{"targets of all br_table of one function", admit.FunctionTargetsMax},
		{"targets of all br_table", admit.TargetsTotalMax},
		{"blocks times locals of one function", admit.BlocksByLocalsMax},
		{"blocks times locals, all functions", admit.BlocksByLocalsTotalMax},
		{"guest memory", bytesOf(abi.MemoryPagesMax) << 16},
		{"weight of nested calls", meter.DepthDefault},
		{"host calls of one run", abi.HostCallsMax},
		{"gas of one run of encode", int64(abi.GasEncodeMax)},
		{"gas of one run of infer", int64(abi.GasInferMax)},
		{"gas of one run of decode", int64(abi.GasDecodeMax)},
		{"log of one run", bytesOf(abi.LogBytesMax)},
		{"one run of a guest", runtime.DefaultRunTimeout},
		{"processor time to compile a module", runtime.CompileCPUSeconds * time.Second},
		{"memory to compile a module", bytesOf(runtime.CompileMemoryBytes)},
	}
}

func programLimits() []limit {
	return []limit{
		{"inputs, and outputs, of a task", abi.InputsMax},
		{"length of a vector", abi.VectorLengthMax},
		{"nodes of a Program", abi.ProgramNodesMax},
		{"inline constants of a Program", abi.InlineValuesMax},
		{"gas of a Program's steps", uint64(abi.RecordedGasMax)},
		{"degree of a polynomial", abi.PolyDegreeMax},
		{"steps of a Plan", fhe.PlanStepsMax},
		{"constants of a Plan", fhe.PlanConstantsMax},
		{"text of a Plan", bytesOf(fhe.PlanBytesMax)},
		{"parameter sets", "`" + strings.Join(secureSets(), "`, `") + "`"},
	}
}

func secureSets() []string {
	var names []string
	for _, name := range fhe.ParamsNames() {
		if p, err := fhe.ParamsByName(name); err == nil && p.Secure() {
			names = append(names, name)
		}
	}
	return names
}

// callPrices has a row for the functions that cost the same.
func callPrices() []limit {
	var rows []limit
	for _, p := range hostcall.Prices() {
		price := fmt.Sprintf("%d, and %d a byte", p.Base, p.PerByte)
		if len(p.Lengths) == 0 {
			price = fmt.Sprint(p.Base)
		}
		i := slices.IndexFunc(rows, func(l limit) bool { return l.value == price })
		if i < 0 {
			rows = append(rows, limit{"`" + p.Name + "`", price})
			continue
		}
		rows[i].what += ", `" + p.Name + "`"
	}
	return rows
}

func stateLimits() []limit {
	return []limit{
		{"Brains", abi.BrainsMax},
		{"versions of one Brain", state.VersionsMax},
		{"tasks of one client that wait or run", state.LiveTasksPerClientDefault},
		{"tasks that wait or run", state.LiveTasksDefault},
		{"attempts at one task", state.AttemptsDefault},
		{"bytes of one owner's blobs", bytesOf(state.BlobBytesPerOwnerDefault)},
		{"tasks kept, ended ones included", state.TasksMax},
		{"blobs", state.BlobsMax},
		{"addresses that hold a role", state.AccountsMax},
		{"requests remembered", state.RequestsMax},
		{"one log entry", bytesOf(state.EntryBytesMax)},
	}
}

func settings() []limit {
	var rows []limit
	for _, s := range config.Settings() {
		value := s.Default
		if value == "" {
			value = "none"
		}
		rows = append(rows, limit{"`" + s.Key + "`: " + s.Help, value})
	}
	return rows
}

func TestLimitsPage(t *testing.T) {
	const path = "../docs/LIMITS.md"
	page, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	const begin, end = "<!-- limits -->\n", "<!-- /limits -->\n"
	head, rest, ok := strings.Cut(string(page), begin)
	shown, tail, ok2 := strings.Cut(rest, end)
	if !ok || !ok2 {
		t.Fatalf("the page lacks %q or %q", begin, end)
	}
	var tables strings.Builder
	for _, table := range []struct {
		title, column string
		rows          []limit
	}{
		{"Requests and blobs", "at most", requestLimits()},
		{"Modules", "at most", moduleLimits()},
		{"Programs and Plans", "at most", programLimits()},
		{"The replicated state", "at most", stateLimits()},
		{"Prices of host calls", "units of gas", callPrices()},
		{"Settings of a node", "default", settings()},
	} {
		fmt.Fprintf(&tables, "\n## %s\n\n| what | %s |\n| --- | --- |\n", table.title, table.column)
		for _, r := range table.rows {
			fmt.Fprintf(&tables, "| %s | %v |\n", r.what, r.value)
		}
	}
	tables.WriteString("\n")
	if shown == tables.String() {
		return
	}
	if !*update {
		t.Fatalf("%s is out of date: go test ./host -run LimitsPage -update", path)
	}
	page = []byte(head + begin + tables.String() + end + tail)
	if err := os.WriteFile(path, page, 0o644); err != nil {
		t.Fatal(err)
	}
}
