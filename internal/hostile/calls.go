package hostile

import (
	"fmt"
	"strings"

	"github.com/cerberus-host/cerberus/abi"
	w "github.com/cerberus-host/cerberus/host/wasmtest"
)

const page = 1 << 16

// systemCall is a call of the system interface: its parameters' types, and for each p for a
// pointer or n for a number.
type systemCall struct{ name, params, roles string }

// systemCalls lists what a module may import of the system interface and goes on after.
func systemCalls() []systemCall {
	return []systemCall{
		// First, since what the others write would be read as lengths by it.
		{"fd_write", i32 + i32 + i32 + i32, "npnp"},
		{"args_get", i32 + i32, "pp"},
		{"args_sizes_get", i32 + i32, "pp"},
		{"environ_get", i32 + i32, "pp"},
		{"environ_sizes_get", i32 + i32, "pp"},
		{"clock_time_get", i32 + i64 + i32, "nnp"},
		{"sched_yield", "", ""},
		{"poll_oneoff", i32 + i32 + i32 + i32, "ppnp"},
		{"fd_read", i32 + i32 + i32 + i32, "npnp"},
		{"fd_seek", i32 + i64 + i32 + i32, "nnnp"},
		{"fd_close", i32, "n"},
		{"fd_fdstat_get", i32 + i32, "np"},
		{"fd_fdstat_set_flags", i32 + i32, "nn"},
		{"fd_prestat_get", i32 + i32, "np"},
		{"fd_prestat_dir_name", i32 + i32 + i32, "npn"},
		{"random_get", i32 + i32, "pn"},
	}
}

// flood returns a module that calls a function of the host for ever, with a memory of that
// many pages.
func flood(pages int, add func(m *w.Module) int, arguments string) func() *w.Module {
	return func() *w.Module {
		m := infer("")
		m.MemoryPages = pages
		i := add(m)
		m.Functions[inferIndex].Body = []byte(forever(arguments + call(i) + drop))
		return m
	}
}

// ours and theirs import a function of the ABI and one of the system interface.
func ours(function string) func(*w.Module) int {
	return func(m *w.Module) int { return host(m, function) }
}

func theirs(function, params string) func(*w.Module) int {
	return func(m *w.Module) int { return system(m, function, params) }
}

// floods is group 24.
func floods() []Case {
	const large = 1_024 // pages: 64 MB
	four, two := i32+i32+i32+i32, i32+i32
	out := stopped(24, []stoppable{
		{
			"flood of host calls", "asks for the negative of no handle, for ever", inferPhase,
			flood(1, ours("neg"), num64(0)),
		},
		{
			"flood of failures", "reports an error for ever", inferPhase,
			flood(1, ours("fail"), num(0)+num(16)),
		},
		{
			"flood of logs", "logs 64 MB for ever", inferPhase,
			flood(large, ours("log"), num(0)+num(large<<16-1)),
		},
		{
			"flood of random bytes", "asks for 64 MB of random bytes for ever", inferPhase,
			flood(large, theirs("random_get", two), num(0)+num(large<<16-1)),
		},
		{
			"flood of small random bytes", "asks for 64 KB of random bytes for ever", inferPhase,
			flood(1, theirs("random_get", two), num(0)+num(page)),
		},
		{
			"flood of waits", "waits for 64 clocks for ever", inferPhase,
			flood(1, theirs("poll_oneoff", four), num(0)+num(8192)+num(64)+num(16384)),
		},
		{
			"flood of clock readings", "reads the clock for ever", inferPhase,
			flood(1, theirs("clock_time_get", i32+i64+i32), num(0)+num64(0)+num(8)),
		},
		{"flood of yields", "yields for ever", inferPhase, flood(1, theirs("sched_yield", ""), "")},
	})
	return append(out, Case{
		Group: 24, Name: "flood of vectors", Want: Stopped,
		Does: "writes 1,024 times 64 MB in one call, for ever",
		Module: func() []byte {
			m := flood(large, theirs("fd_write", four),
				num(1)+num(0)+num(1024)+num(16384))()
			vectors := times(string([]byte{0, 0, 0, 0, 0xff, 0xff, 0xff, 0x03}), 1024)
			return put(m.Bytes(), sectionData, "\x01\x00"+num(0)+end+u32(len(vectors))+vectors)
		},
	})
}

// recording is a Brain whose infer takes input x, whose handle stands in local 0, runs code
// with these functions of the host, and makes output y of local 1.
func recording(functions []string, code func(index map[string]int) string) []byte {
	m := infer("")
	functions = append([]string{"input", "output"}, functions...)
	index := map[string]int{}
	for _, f := range functions {
		index[f] = host(m, f)
	}
	m.Functions[inferIndex].Locals = []byte("\x02\x02" + i64 + "\x02" + i32)
	m.Functions[inferIndex].Body = []byte(
		num(0) + num(1) + call(index["input"]) + set(0) + code(index) +
			num(1) + num(1) + get(1) + call(index["output"]) + drop)
	return put(m.Bytes(), sectionData, "\x01\x00"+num(0)+end+"\x02xy")
}

// kernels is group 25: little guest code, much work for the host.
func kernels() []Case {
	const million = 1 << 20
	// repeat runs a piece of code n times with local 2 as the counter.
	repeat := func(n int, code string) string {
		return loop(code + get(2) + num(1) + add32 + tee(2) + num(n) + less32 + brIf0)
	}
	out := []Case{{
		Group: 25, Name: "constants of 8 MB", Does: "makes a constant of 2^20 values, for ever",
		Want: Stopped, Module: func() []byte {
			return flood(130, ours("constant"), num(0)+num(million)+num(0))().Bytes()
		},
	}, {
		Group: 25, Name: "small constants without end", Does: "makes a constant, for ever",
		Want: Stopped, Module: func() []byte {
			return flood(1, ours("constant"), num(0)+num(1)+num(0))().Bytes()
		},
	}, {
		Group: 25, Name: "rotations without end", Does: "rotates a vector, for ever", Want: Stopped,
		Module: func() []byte {
			return recording([]string{"rotate"}, func(index map[string]int) string {
				return forever(get(0) + num(1) + call(index["rotate"]) + drop)
			})
		},
	}}
	// A chain of rotations, so that no two are alike, and sums over all slots of each.
	return append(out, Case{
		Group: 25, Name: "Program far dearer than its recording", Want: Harmless,
		Does: "records a Program of 32,000 key switches in milliseconds",
		Module: func() []byte {
			functions := []string{"rotate", "sum", "add"}
			return recording(functions, func(index map[string]int) string {
				sum := get(0) + call(index["sum"])
				return sum + set(1) + repeat(16_000, get(0)+num(1)+call(index["rotate"])+set(0)+
					sum+get(1)+call(index["add"])+set(1))
			})
		},
	})
}

// pointers is group 30.
func pointers() []Case {
	edges := func(phase abi.Phase, want Want, says string) Case {
		return Case{
			Group: 30, Name: "edges of memory in " + phase.String(), Phase: phase, Want: want,
			Says: says, Does: "calls every function of the host with pointers and lengths at all edges",
			Module: func() []byte { return edgeCalls(phase) },
		}
	}
	out := []Case{
		edges(encodePhase, Failed, "encode"),
		edges(inferPhase, Failed, "infer"),
		edges(decodePhase, Failed, "decode"),
	}
	logAt := func(name string, pointer, length uint32, want abi.Errno) Case {
		return Case{
			Group: 30, Name: "log of " + name, Phase: encodePhase, Want: Harmless,
			Does: fmt.Sprintf("logs %d bytes at %d", length, pointer),
			Module: func() []byte {
				m := encode("")
				i := host(m, "log")
				m.Functions[encodeIndex].Body = []byte(
					fails(bits(pointer)+bits(length)+call(i), want))
				return m.Bytes()
			},
		}
	}
	return append(
		out,
		logAt("nothing at 0", 0, 0, abi.ErrnoNone),
		logAt("nothing at the end", page, 0, abi.ErrnoNone),
		logAt("nothing beyond the end", page+1, 0, abi.ErrnoFault),
		logAt("the last byte", page-1, 1, abi.ErrnoNone),
		logAt("one byte beyond the end", page-1, 2, abi.ErrnoFault),
		logAt("the byte at 2^32-1", 1<<32-1, 1, abi.ErrnoFault),
		logAt("a sum that wraps to 0", 1<<32-1<<20, 1<<20, abi.ErrnoFault),
		Case{
			Group: 30, Name: "log of 2^32-1 bytes", Want: Stopped,
			Does: "logs more bytes than it has, which is charged before anyone looks",
			Module: func() []byte {
				return flood(1, ours("log"), num(1)+num(-1))().Bytes()
			},
		},
		Case{
			Group: 30, Name: "numbers whose bytes wrap", Phase: encodePhase, Want: Ends,
			Does: "gives 2^29 numbers of 8 bytes, which is 0 in 32 bits",
			Module: func() []byte {
				m := encode("")
				put := host(m, "encode_put")
				m.Functions[encodeIndex].Body = []byte(fails(
					num(0)+num(1)+num(0)+num(0)+num(1<<29)+call(put), abi.ErrnoRange))
				return withText(m, "x")
			},
		},
		Case{
			Group: 30, Name: "buffer over its own name", Phase: encodePhase, Want: Harmless,
			Does: "lets the host write an argument over the argument's name",
			Module: func() []byte {
				m := encode("")
				arg := host(m, "arg")
				overlap := num(0) + num(4) + num(0) + num(8) + call(arg)
				m.Functions[encodeIndex].Body = []byte(
					expect(overlap, len("plain")) + fails(overlap, abi.ErrnoName))
				return withText(m, "mode")
			},
		},
	)
}

// withText puts text at the start of the memory.
func withText(m *w.Module, text string) []byte {
	return put(m.Bytes(), sectionData, "\x01\x00"+num(0)+end+name(text))
}

// edgeCalls calls every function of the host with pointers and numbers at the edges. The
// numbers stay small, because what is asked for is charged before anyone looks.
func edgeCalls(phase abi.Phase) []byte {
	m := brain("", "", "")
	var calls []systemCall
	wire := map[abi.ValueType]string{abi.I32: i32, abi.I64: i64, abi.F64: f64}
	for _, f := range abi.Functions() {
		c := systemCall{name: f.Name}
		for _, p := range f.Params {
			c.params += wire[p.Type]
			if strings.HasSuffix(p.Name, "_ptr") {
				c.roles += "p"
			} else {
				c.roles += "n"
			}
		}
		calls = append(calls, c)
		host(m, f.Name)
	}
	for _, c := range systemCalls() {
		calls = append(calls, c)
		system(m, c.name, c.params)
	}
	body := ""
	for i, c := range calls {
		m.Functions = append(m.Functions, w.Function{Body: []byte(edgesOf(i, c))})
		body += call(len(calls) + firstOwn + i)
	}
	entry := map[abi.Phase]int{
		encodePhase: encodeIndex, inferPhase: inferIndex, decodePhase: decodeIndex,
	}[phase]
	m.Functions[entry].Body = []byte(body)
	return m.Bytes()
}

// edgesOf calls function i with every pair of a pointer and a number.
func edgesOf(i int, c systemCall) string {
	code := ""
	for _, pointer := range []uint32{0, 1, page - 1, page, page + 1, 1 << 31, 1<<32 - 1} {
		for _, number := range []uint32{0, 1, 2, page - 1, page, page + 1} {
			for k := range len(c.params) {
				v := number
				switch {
				case c.roles[k] == 'p':
					v = pointer
				case k == 0 || c.roles[k-1] != 'p': // no length, but a count that multiplies
					v = number % 3
				}
				switch c.params[k : k+1] {
				case i32:
					code += bits(v)
				case i64:
					code += num64(int64(v))
				default:
					code += float64Const(0x7ff8 << 48)
				}
			}
			code += call(i) + drop
		}
	}
	return code
}
