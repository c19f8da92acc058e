package hostile

import (
	"fmt"
	"slices"

	"github.com/cerberus-host/cerberus/abi"
	w "github.com/cerberus-host/cerberus/host/wasmtest"
)

// asserting is a Brain whose entry point, which may use these functions of the host, traps
// where the host answers otherwise than it must. Locals 0 and 1 are i64, 2 and 3 i32; text
// lies at the start of the memory.
func asserting(
	phase abi.Phase, text string, functions []string, code func(index map[string]int) string,
) func() []byte {
	return func() []byte {
		m := brain("", "", "")
		index := map[string]int{}
		for _, f := range functions {
			index[f] = host(m, f)
		}
		entry := map[abi.Phase]int{
			encodePhase: encodeIndex, inferPhase: inferIndex, decodePhase: decodeIndex,
		}[phase]
		m.Functions[entry].Locals = []byte("\x02\x02" + i64 + "\x02" + i32)
		m.Functions[entry].Body = []byte(code(index))
		return put(m.Bytes(), sectionData, "\x01\x00"+num(0)+end+name(text))
	}
}

// notMade is what the host says of an infer that ended without having made its output.
const notMade = "not made"

// handles is group 31. A handle is index and generation; that of node 0 is 2^32.
func handles() []Case {
	var out []Case
	add := func(
		name, does string, functions []string, code func(index map[string]int) string,
	) {
		out = append(out, Case{
			Group: 31, Name: name, Does: does, Want: Failed, Says: notMade,
			Module: asserting(inferPhase, "x", functions, code),
		})
	}
	const (
		noHandle  = -int64(abi.ErrnoHandle)
		wrongType = -int64(abi.ErrnoType)
		noMore    = -int64(abi.ErrnoLimit)
		first     = int64(1) << 32
	)
	add("forged handles", "guesses handles", []string{"neg"}, func(f map[string]int) string {
		code := ""
		for _, h := range []int64{
			0, 1, 2, -1, first, first + 1, 1 << 62, -1 << 63, 1<<63 - 1, 0xffffffff,
		} {
			code += expect64(num64(h)+call(f["neg"]), noHandle)
		}
		return code
	})
	add("handle before its node", "uses the right handle of a node that is not there yet",
		[]string{"neg", "input"}, func(f map[string]int) string {
			return expect64(num64(first)+call(f["neg"]), noHandle) +
				expect64(num(0)+num(1)+call(f["input"]), first) +
				num64(first) + call(f["neg"]) + set(0) +
				expect64(get(0)+num64(1)+"\x7c"+call(f["neg"]), noHandle) +
				expect64(get(0)+num64(1<<40)+"\x85"+call(f["neg"]), noHandle)
		})
	add("handles of the wrong kind", "multiplies constants, and vectors of other lengths",
		[]string{"constant", "input", "mul", "dot", "matvec", "output"},
		func(f map[string]int) string {
			return num(64) + num(2) + num(0) + call(f["constant"]) + set(0) +
				num(0) + num(1) + call(f["input"]) + set(1) +
				expect64(get(0)+get(0)+call(f["mul"]), wrongType) +
				expect64(get(1)+get(0)+call(f["dot"]), wrongType) +
				expect64(get(1)+get(1)+num(2)+num(4)+call(f["matvec"]), wrongType)
		})
	add("levels without end", "squares a vector until there is no level left",
		[]string{"input", "mul"}, func(f map[string]int) string {
			return num(0) + num(1) + call(f["input"]) + set(0) + loop(get(0)+get(0)+
				call(f["mul"])+tee(1)+num64(0)+"\x53"+"\x04"+empty+ // if it is an error
				get(1)+set(0)+"\x05"+get(1)+set(0)+br(1)+end) +
				expect64(get(0), -int64(abi.ErrnoDepth))
		})
	add("handles without end", "makes nodes until there are no more", []string{"constant"},
		func(f map[string]int) string {
			return loop(num(0)+num(1)+num(0)+call(f["constant"])+tee(0)+num64(0)+"\x59"+brIf0) +
				expect64(get(0), noMore)
		})
	return out
}

// reentries are groups 32 and 33.
func reentries() []Case {
	enter := func(index int) func() []byte {
		return func() []byte {
			m := infer(call(index))
			m.Functions[encodeIndex].Body = []byte(num(1) + drop)
			text := host(m, "request_text")
			phase := fails(num(0)+num(4)+num(8)+num(8)+call(text), abi.ErrnoPhase)
			m.Functions[inferIndex].Body = []byte(call(index+1) + phase)
			m.Functions[encodeIndex].Body = []byte(phase)
			return withText(m, "mode")
		}
	}
	out := []Case{{
		Group: 32, Name: "infer calls encode", Want: Failed, Says: notMade,
		Does:   "calls its own encode, and there asks for the request",
		Module: enter(encodeIndex),
	}, {
		Group: 32, Name: "infer calls _initialize", Want: Failed, Says: notMade,
		Does: "initialises itself a second time",
		Module: func() []byte {
			return initialize(infer(call(firstOwn)+call(firstOwn), "")).Bytes()
		},
	}}
	return append(out, Case{
		Group: 33, Name: "memory grows between two reads", Phase: encodePhase, Want: Harmless,
		Does: "logs beyond its memory, grows it, and logs the same again",
		Module: asserting(encodePhase, "x", []string{"log"}, func(f map[string]int) string {
			at := num(page) + num(page) + call(f["log"])
			return fails(at, abi.ErrnoFault) + num(1) + memoryGrow + drop + expect(at, 0) +
				expect(num(0)+num(2*page)+call(f["log"]), 0)
		}),
	}, Case{
		Group: 33, Name: "result over its own arguments", Phase: encodePhase, Want: Harmless,
		Does: "has the host write where it still reads vectors and subscriptions",
		Module: func() []byte {
			m := encode("")
			four := i32 + i32 + i32 + i32
			write, poll := system(m, "fd_write", four), system(m, "poll_oneoff", four)
			m.Functions[encodeIndex].Body = []byte(
				expect(num(1)+num(0)+num(1)+num(0)+call(write), 0) +
					expect(num(64)+num(64)+num(2)+num(64)+call(poll), 0) +
					expect(num(64)+num(65)+num(64)+num(66)+call(poll), 0))
			return put(m.Bytes(), sectionData, "\x01\x00"+num(0)+end+name(
				string([]byte{0, 0, 0, 0, 16, 0, 0, 0})))
		},
	})
}

// outputs is group 34.
func outputs() []Case {
	out := []Case{{
		Group: 34, Name: "no output", Does: "makes no output", Want: Failed, Says: notMade,
		Module: func() []byte { return infer("").Bytes() },
	}, {
		Group: 34, Name: "no answer", Phase: decodePhase, Does: "answers nothing", Want: Failed,
		Says:   "no label",
		Module: func() []byte { return infer("").Bytes() },
	}, {
		Group: 34, Name: "output made twice", Want: Harmless, Does: "makes its output twice",
		Module: func() []byte {
			return recording([]string{"sum"}, func(index map[string]int) string {
				output := num(1) + num(1) + get(1) + call(index["output"])
				return get(0) + call(index["sum"]) + set(1) + expect(output, 0) +
					fails(output, abi.ErrnoState)
			})
		},
	}, {
		Group: 34, Name: "output of another length", Want: Harmless,
		Does: "makes four numbers its output where the manifest says one",
		Module: func() []byte {
			return recording([]string{"sum"}, func(index map[string]int) string {
				return fails(num(1)+num(1)+get(0)+call(index["output"]), abi.ErrnoType) +
					get(0) + call(index["sum"]) + set(1)
			})
		},
	}}
	beyond := func(offset, count uint32) func(map[string]int) string {
		return func(f map[string]int) string {
			return fails(num(0)+num(1)+bits(offset)+num(16)+bits(count)+call(f["encode_put"]),
				abi.ErrnoRange)
		}
	}
	for _, c := range []struct {
		name          string
		offset, count uint32
	}{
		{"5 of 4 elements", 0, 5},
		{"elements from 4 on", 4, 1},
		{"elements from 2^32-1 on", 1<<32 - 1, 1},
		{"10^6 elements", 1, 1_000_000},
	} {
		out = append(out, Case{
			Group: 34, Name: c.name, Phase: encodePhase, Does: "writes beyond an input", Want: Harmless,
			Module: asserting(encodePhase, "x", []string{"encode_put"}, beyond(c.offset, c.count)),
		})
	}
	return append(out, answers()...)
}

// answers is group 34 of decode.
func answers() []Case {
	const nameError, stateError = abi.ErrnoName, abi.ErrnoState
	label := func(f map[string]int) string { return num(0) + num(3) + call(f["answer_label"]) }
	number := func(f map[string]int, bits string) string {
		return num(4) + num(1) + "\x44" + bits + call(f["answer_number"])
	}
	functions := []string{"answer_label", "answer_number"}
	zero, infinity := times("\x00", 8), times("\x00", 6)+"\xf0\x7f"
	return []Case{{
		Group: 34, Name: "label set twice", Phase: decodePhase, Does: "sets the label twice",
		Want: Harmless,
		Module: asserting(decodePhase, "yes n", functions, func(f map[string]int) string {
			return expect(label(f), 0) + fails(label(f), stateError)
		}),
	}, {
		Group: 34, Name: "bad numbers in an answer", Phase: decodePhase, Want: Harmless,
		Does: "answers infinity, NaN and one number twice",
		Module: asserting(decodePhase, "yes n", functions, func(f map[string]int) string {
			return expect(label(f), 0) + fails(number(f, infinity), abi.ErrnoRange) +
				fails(number(f, times("\x00", 6)+"\xf8\x7f"), abi.ErrnoRange) +
				expect(number(f, zero), 0) + fails(number(f, zero), nameError)
		}),
	}, {
		Group: 34, Name: "65 numbers in an answer", Phase: decodePhase, Want: Harmless,
		Does: "answers more numbers than an answer holds",
		Module: asserting(decodePhase, "yes n", functions, func(f map[string]int) string {
			one := num(5) + num(1) + "\x44" + zero + call(f["answer_number"])
			two := num(5) + num(2) + "\x44" + zero + call(f["answer_number"])
			code := expect(label(f), 0)
			for i := range 64 { // names of one or two letters, written at 5
				code += num(5) + num('a'+i%26) + "\x3a\x00\x00" + num(6) + num('a'+i/26) + "\x3a\x00\x00"
				code += expect(two, 0)
			}
			return code + num(5) + num('z') + "\x3a\x00\x00" + fails(one, abi.ErrnoLimit)
		}),
	}}
}

// leftovers is group 35: each looks for traces of an earlier run, then leaves them.
func leftovers() []Case {
	var out []Case
	add := func(name, does string, module func() []byte) {
		out = append(out, Case{
			Group: 35, Name: name, Does: does, Phase: encodePhase, Again: true, Want: Harmless,
			Module: module,
		})
	}
	leave := expect(num(32)+load32, 0) + num(32) + num(7) + store32
	add("memory", "writes into its memory", func() []byte { return encode(leave).Bytes() })
	add("data", "overwrites its data", func() []byte {
		m := encode(expect(num(0)+load32, 0x04030201) + num(0) + num(9) + store32)
		return put(m.Bytes(), sectionData, "\x01\x00"+num(0)+end+"\x04\x01\x02\x03\x04")
	})
	add("grown memory", "grows its memory and writes at its end", func() []byte {
		return encode(expect(memorySize, 1) + expect(num(3)+memoryGrow, 1) +
			expect(num(3*page)+load32, 0) + num(3*page) + num(7) + store32).Bytes()
	})
	global := func(kind, zero, code, exports string) func() []byte {
		return func() []byte {
			module := put(encode(code).Bytes(), sectionGlobal, "\x01"+kind+"\x01"+zero+end)
			if exports != "" {
				module = put(module, sectionExport, exportsAnd(module, exports))
			}
			return module
		}
	}
	count := expect(globalGet(0), 0) + num(1) + globalSet(0)
	add("global", "counts in a global", global(i32, num(0), count, ""))
	add("exported global", "counts in an exported global",
		global(i32, num(0), count, name("g")+"\x03\x00"))
	add("wide global", "counts in an i64", global(i64, num64(-5),
		expect64(globalGet(0), -5)+num64(1)+globalSet(0), ""))
	add("global of a vector", "counts in a vector", global("\x7b", "\xfd\x0c"+times("\x00", 16),
		expect(globalGet(0)+"\xfd\x1b\x00", 0)+"\xfd\x0c"+times("\x01", 16)+globalSet(0), ""))
	add("dropped segment", "drops a passive segment", func() []byte {
		m := encode(num(0) + num(0) + num(4) + "\xfc\x08\x00\x00" + "\xfc\x09\x00")
		return put(put(m.Bytes(), sectionDataCount, "\x01"), sectionData, "\x01\x01\x04abcd")
	})
	add("_initialize runs once", "counts the calls of its _initialize", func() []byte {
		m := initialize(encode(expect(globalGet(0), 1), globalGet(0)+num(1)+add32+globalSet(0)))
		return put(m.Bytes(), sectionGlobal, "\x01"+i32+"\x01"+num(0)+end)
	})
	add("clock", "wants the first reading of the clock to be the same", func() []byte {
		m := encode("")
		clock := system(m, "clock_time_get", i32+i64+i32)
		read := num(0) + num64(0) + num(8) + call(clock)
		m.Functions[encodeIndex].Body = []byte(expect(read, 0) +
			expect64(num(8)+"\x29\x03\x00", 1_640_995_200_000_000_000) + expect(read, 0))
		return m.Bytes()
	})
	add("memory after a trap", "leaves its memory as it traps", func() []byte {
		return encode(leave + num(1) + num(0) + "\x6d" + drop).Bytes()
	})
	out[len(out)-1].Want, out[len(out)-1].Says = Trapped, "divide by zero"
	add("log", "logs, and wants the log to be its own", func() []byte {
		m := encode("")
		i := host(m, "log")
		m.Functions[encodeIndex].Body = []byte(expect(num(0)+num(4)+call(i), 0))
		return withText(m, "mode")
	})
	return out
}

// interfaces is group 36: exports that the host needs and that are not what they must be.
func interfaces() []Case {
	var out []Case
	add := func(name, does, says string, module func() []byte) {
		out = append(out, Case{
			Group: 36, Name: name, Does: does, Want: Refused, Says: says, Module: module,
		})
	}
	change := func(f func(m *w.Module)) func() []byte {
		return func() []byte {
			m := infer("")
			f(m)
			return m.Bytes()
		}
	}
	const notFunction = "type () -> ()"
	add("no memory", "has no memory", "no memory", change(func(m *w.Module) {
		m.MemoryPages, m.Exports = -1, m.Exports[1:]
	}))
	add("memory not exported", "keeps its memory for itself", "no memory",
		change(func(m *w.Module) { m.Exports = m.Exports[1:] }))
	add("memory is a function", "exports a function as memory", "no memory",
		change(func(m *w.Module) { m.Exports[0] = w.Export{Name: abi.ExportMemory} }))
	add("no infer", "lacks an entry point", "is missing", change(func(m *w.Module) {
		m.Exports = slices.Delete(m.Exports, 3, 4)
	}))
	add("infer with a result", "has an entry point of another type", notFunction,
		change(func(m *w.Module) {
			m.Functions[inferIndex] = w.Function{Results: i32, Body: []byte(num(0))}
		}))
	add("infer is the memory", "exports its memory as an entry point", notFunction,
		change(func(m *w.Module) { m.Exports[3].Kind, m.Exports[3].Index = w.Memory, 0 }))
	add("infer is imported", "exports a host function as an entry point", notFunction,
		change(func(m *w.Module) { m.Exports[3].Index = host(m, "neg") }))
	add("command", "is a program, not a library", "is a command", change(func(m *w.Module) {
		m.Exports = append(m.Exports, w.Export{Name: "_start"})
	}))
	out = append(out, Case{
		Group: 36, Name: "no manifest", Does: "has no manifest", Want: Refused,
		Says: "cerberus.manifest", Sweep: func(yield func([]byte) bool) { yield(infer("").Bytes()) },
	})
	return out
}

// imports is group 38: what is not offered.
func imports() []Case {
	var out []Case
	for _, i := range []w.Import{
		{Module: "env", Name: "system", Params: i32, Results: i32},
		{Module: abi.ImportModule, Name: "decrypt", Params: i64, Results: i64},
		{Module: abi.ImportModule, Name: "neg", Params: i32, Results: i64},
		{Module: "cerberus2", Name: "neg", Params: i64, Results: i64},
		{
			Module: systemModule, Name: "path_open", Params: times(i32, 5) + i64 + i64 + i32 + i32,
			Results: i32,
		},
		{Module: systemModule, Name: "sock_send", Params: times(i32, 5), Results: i32},
		{Module: systemModule, Name: "fd_readdir", Params: i32 + i32 + i32 + i64 + i32, Results: i32},
		{Module: "wasi_unstable", Name: "fd_write", Params: times(i32, 4), Results: i32},
		{Module: "extism:host/env", Name: "http_request", Params: i64 + i64, Results: i64},
		{Module: "", Name: ""},
	} {
		out = append(out, Case{
			Group: 38, Does: "imports what the host does not offer", Want: Refused, Says: "import",
			Name: fmt.Sprintf("import of %q %q with %d parameters", i.Module, i.Name, len(i.Params)),
			Module: func() []byte {
				m := infer("")
				m.Import(i)
				return m.Bytes()
			},
		})
	}
	for _, phase := range []abi.Phase{encodePhase, inferPhase, decodePhase} {
		c := Case{
			Group: 38, Name: "functions of other entry points in " + phase.String(), Phase: phase,
			Does: "calls every function that this entry point may not call", Want: Harmless,
			Module: func() []byte { return foreignCalls(phase) },
		}
		if phase == inferPhase {
			c.Want, c.Says = Failed, notMade
		}
		if phase == decodePhase {
			c.Want, c.Says = Failed, "no label"
		}
		out = append(out, c)
	}
	return out
}

// foreignCalls calls every function that an entry point may not call.
func foreignCalls(phase abi.Phase) []byte {
	m := brain("", "", "")
	code := ""
	for i, f := range abi.Functions() {
		host(m, f.Name)
		if f.Phases&phase != 0 {
			continue
		}
		for _, p := range f.Params {
			switch p.Type {
			case abi.I32:
				code += num(0)
			case abi.I64:
				code += num64(0)
			default:
				code += "\x44" + times("\x00", 8)
			}
		}
		if f.Result == abi.I32 {
			code += fails(call(i), abi.ErrnoPhase)
		} else {
			code += expect64(call(i), -int64(abi.ErrnoPhase))
		}
	}
	m.Functions[map[abi.Phase]int{
		encodePhase: encodeIndex, inferPhase: inferIndex, decodePhase: decodeIndex,
	}[phase]].Body = []byte(code)
	return m.Bytes()
}
