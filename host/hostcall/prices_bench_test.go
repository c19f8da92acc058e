package hostcall_test

import (
	"testing"

	"github.com/cerberus-host/cerberus/abi"
	"github.com/cerberus-host/cerberus/host/hostcall"
	w "github.com/cerberus-host/cerberus/host/wasmtest"
)

// BenchmarkPrices reports how long calls take for each unit that they are charged, without
// the crossing of the sandbox: what is far above 1 ns is too cheap. The calls are the
// expensive ones of each kind: those that copy, and those that say what was wrong.
func BenchmarkPrices(b *testing.B) {
	const page, x = 1 << 16, handleOfInput
	for _, c := range []struct {
		what, function string
		phase          abi.Phase
		params         []uint64
	}{
		{"a line", "log", abi.PhaseInfer, []uint64{0, 8}},
		{"there", "arg", abi.PhaseInfer, []uint64{0, 4, 100, 100}},
		{"not there", "arg", abi.PhaseInfer, []uint64{1, 64, 100, 100}},
		{"short", "request_text", abi.PhaseEncode, []uint64{5, 4, 100, 100}},
		{"there", "request_number", abi.PhaseEncode, []uint64{10, 1, 12, 1, 100}},
		{"not there", "request_number", abi.PhaseEncode, []uint64{10, 1, 1, 60, 100}},
		{"numbers", "encode_put", abi.PhaseEncode, []uint64{14, 1, 0, 1024, 4}},
		{"not there", "encode_put", abi.PhaseEncode, []uint64{1, 64, 0, 1024, 0}},
		{"there", "input", abi.PhaseInfer, []uint64{14, 1}},
		{"not there", "input", abi.PhaseInfer, []uint64{1, 64}},
		{"one", "constant", abi.PhaseInfer, []uint64{1024, 1, 0}},
		{"refused", "constant", abi.PhaseInfer, []uint64{1024, 4096, 61}},
		{"recorded", "add", abi.PhaseInfer, []uint64{x, x}},
		{"refused", "rotate", abi.PhaseInfer, []uint64{x, 99}},
		{"refused", "matvec", abi.PhaseInfer, []uint64{x, x, 1 << 30, 1 << 30}},
		{"there", "result", abi.PhaseDecode, []uint64{16, 1, 1024, 1}},
		{"not there", "result", abi.PhaseDecode, []uint64{1, 64, 1024, 0}},
		{"not there", "answer_label", abi.PhaseDecode, []uint64{1, 64}},
		{"refused", "answer_number", abi.PhaseDecode, []uint64{1, 64, 0}},
		{"now", "clock_time_get", abi.PhaseInfer, []uint64{0, 0, 2048}},
		{"32 bytes", "random_get", abi.PhaseInfer, []uint64{page / 2, 32}},
		{"half a page", "random_get", abi.PhaseInfer, []uint64{page / 2, page / 2}},
		{"64 events", "poll_oneoff", abi.PhaseInfer, []uint64{0, 8192, 64, 2048}},
		{"nothing", "fd_write", abi.PhaseInfer, []uint64{1, 8192, 1, 2048}},
		{"nothing", "sched_yield", abi.PhaseInfer, nil},
	} {
		b.Run(c.function+"/"+c.what, func(b *testing.B) {
			benchmarkCall(b, c.phase, c.function, c.params)
		})
	}
}

// handleOfInput is what the first node of every run is called.
const handleOfInput = 1 << 32

// benchmarkCall calls one function, in a new Run whenever the old one may be full.
func benchmarkCall(b *testing.B, phase abi.Phase, function string, params []uint64) {
	b.Helper()
	const callsOfRun = abi.ProgramNodesMax / 2
	byName := bindings(b)
	mem := make(memory, 1<<16)
	copy(mem, "mode note f a x y")
	var run *hostcall.Run
	units, calls := uint64(0), 0
	for b.Loop() {
		if calls%callsOfRun == 0 {
			b.StopTimer()
			if run != nil {
				units += run.Charged()
			}
			run = newRun(b, phase)
			if phase == abi.PhaseInfer {
				stack := []uint64{14, 1}
				byName["input"].Call(run, mem, stack)
				if stack[0] != handleOfInput {
					b.Fatalf("the input's handle is %#x", stack[0])
				}
			}
			b.StartTimer()
		}
		calls++
		stack := [8]uint64{}
		copy(stack[:], params)
		byName[function].Call(run, mem, stack[:])
	}
	units += run.Charged()
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(units), "ns/unit")
}

func bindings(tb testing.TB) map[string]hostcall.Binding {
	tb.Helper()
	list, err := hostcall.Bindings()
	if err != nil {
		tb.Fatal(err)
	}
	byName := map[string]hostcall.Binding{}
	for _, f := range list {
		byName[f.Name] = f
	}
	return byName
}

// newRun starts a run of the test manifest's entry point.
func newRun(tb testing.TB, phase abi.Phase) (run *hostcall.Run) {
	tb.Helper()
	m := w.Manifest()
	a := m.Combinations()[0]
	var err error
	switch phase {
	case abi.PhaseEncode:
		var req *hostcall.Request
		req, err = hostcall.ParseRequest(m, []byte(`{"mode":"plain","note":"hello","f":{"a":1.5}}`))
		if err == nil {
			run, err = hostcall.NewEncode(abi.Digest{1}, m, a, req)
		}
	case abi.PhaseInfer:
		run, err = hostcall.NewInfer(abi.Digest{1}, m, a)
	default:
		run, err = hostcall.NewDecode(abi.Digest{1}, m, a, map[string][]float64{"y": {1}})
	}
	if err != nil {
		tb.Fatal(err)
	}
	return run
}
