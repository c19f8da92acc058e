package kit_test

import (
	"encoding/binary"
	"fmt"
	"slices"
	"testing"

	"github.com/cerberus-host/cerberus/abi"
	"github.com/cerberus-host/cerberus/fhe"
	"github.com/cerberus-host/cerberus/fhe/encode"
	"github.com/cerberus-host/cerberus/fhe/squeeze"
	"github.com/cerberus-host/cerberus/host/hostcall"
	w "github.com/cerberus-host/cerberus/host/wasmtest"
)

// pages is a guest's memory: names x and y, and from 8 on the numbers 1, 2, 3 and so on.
type pages []byte

func newPages() pages {
	m := make(pages, 1<<20)
	copy(m, "xy")
	for i := 8; i+8 <= len(m); i += 8 {
		binary.LittleEndian.PutUint64(m[i:], uint64(i/8))
	}
	return m
}

func (m pages) Read(offset, n uint32) ([]byte, bool) {
	if uint64(offset)+uint64(n) > uint64(len(m)) {
		return nil, false
	}
	return m[offset : offset+n], true
}

func (m pages) Write(offset uint32, p []byte) bool {
	b, ok := m.Read(offset, uint32(len(p)))
	copy(b, p)
	return ok
}

// recording plays infer: calls of host functions by name.
type recording struct {
	t      *testing.T
	run    *hostcall.Run
	calls  map[string]hostcall.Binding
	memory pages
}

func newRecording(t *testing.T, params string, in abi.Input, outputs int) *recording {
	t.Helper()
	m := w.Manifest()
	m.Params, m.Inputs = params, []abi.Input{in}
	m.Outputs = []abi.Output{{Name: "y", Length: outputs, Bound: 1}}
	run, err := hostcall.NewInfer(abi.Digest{1}, m, m.Combinations()[0])
	if err != nil {
		t.Fatal(err)
	}
	bindings, err := hostcall.Bindings()
	if err != nil {
		t.Fatal(err)
	}
	r := &recording{t, run, map[string]hostcall.Binding{}, newPages()}
	for _, b := range bindings {
		r.calls[b.Name] = b
	}
	return r
}

func (r *recording) call(name string, params ...uint64) uint64 {
	r.t.Helper()
	stack := append(slices.Clone(params), 0)
	r.calls[name].Call(r.run, r.memory, stack)
	if int64(stack[0]) < 0 || r.calls[name].Result == abi.I32 && int32(uint32(stack[0])) < 0 {
		r.t.Fatalf("%s%v = %d", name, params, int64(stack[0]))
	}
	return stack[0]
}

// recordedProgram is a Program of one input x and one output y.
type recordedProgram struct {
	name            string
	params          string
	packing         abi.Packing
	length, results int
	// build records what makes y of x.
	build func(r *recording, x uint64) uint64
}

func (r *recording) constant(count int) uint64 {
	return r.call("constant", 8, uint64(count), 20)
}

func recordedPrograms() []recordedProgram {
	const slots = abi.PackSlots
	out := []recordedProgram{
		{"sum of 1000", "ckks-13", slots, 1000, 1, func(r *recording, x uint64) uint64 {
			return r.call("sum", x)
		}},
		{"dot of slots", "ckks-13", slots, 33, 1, func(r *recording, x uint64) uint64 {
			return r.call("dot", x, r.constant(33))
		}},
		{"dot of coefficients", "ckks-13", abi.PackCoeffs, 9_000, 1, func(r *recording, x uint64) uint64 {
			return r.call("dot", x, r.constant(9_000))
		}},
		{"powers", "ckks-13", slots, 8, 8, func(r *recording, x uint64) uint64 {
			x = r.call("mul", x, x)
			return r.call("add", r.call("mul", x, x), r.call("neg", r.call("mul_plain", x, r.constant(8))))
		}},
		{"rotations", "ckks-13", slots, 8, 8, func(r *recording, x uint64) uint64 {
			for by := range uint64(8) {
				x = r.call("add", x, r.call("rotate", x, by))
			}
			return x
		}},
	}
	for _, shape := range [][2]int{{1, 1}, {1, 64}, {64, 1}, {7, 9}, {30, 31}, {64, 64}, {5, 200}} {
		rows, cols := shape[0], shape[1]
		name := fmt.Sprintf("matrix of %d x %d", rows, cols)
		out = append(out, recordedProgram{
			name, "ckks-13", slots, cols, rows, func(r *recording, x uint64) uint64 {
				return r.call("matvec", r.constant(rows*cols), x, uint64(rows), uint64(cols))
			},
		})
	}
	for _, degree := range []int{1, 2, 3, 4, 5, 7, 8, 11, 15, 16, 23, 31, 40, 63} {
		name := fmt.Sprintf("degree %d", degree)
		out = append(out, recordedProgram{
			"powers of " + name, "ckks-14", slots, 4, 4, func(r *recording, x uint64) uint64 {
				return r.call("poly", x, r.constant(degree+1))
			},
		}, recordedProgram{
			"series of " + name, "ckks-14", slots, 4, 4, func(r *recording, x uint64) uint64 {
				return r.call("chebyshev", x, r.constant(degree+1), 1, 9, 2)
			},
		})
	}
	return out
}

// TestRecordedGasBoundsWork: what recording says that a Program's steps cost is never less
// than what its Plan costs, counted step by step by package squeeze, and not wildly more.
func TestRecordedGasBoundsWork(t *testing.T) {
	for _, p := range recordedPrograms() {
		in := abi.Input{Name: "x", Packing: p.packing, Length: p.length, Bound: 1}
		if p.packing == abi.PackCoeffs {
			in.ScaleBits = 20
		}
		r := newRecording(t, p.params, in, p.results)
		r.call("output", 1, 1, p.build(r, r.call("input", 0, 1)))
		prog, err := r.run.Program()
		if err != nil {
			t.Fatalf("%s: %v", p.name, err)
		}
		c, err := squeeze.CompileWith(prog, fhe.Model{}, encode.New(), squeeze.Options{})
		if err != nil {
			t.Fatalf("%s: %v", p.name, err)
		}
		// The Plan works at lower levels, and squeeze does not count transforms of inputs.
		work, gas := squeeze.Work(c.Plan), int64(r.run.Recorded())
		if gas < work || gas > 64*work {
			t.Errorf("%s: the Plan takes %d products, recording it said %d", p.name, work, gas)
		}
	}
}
