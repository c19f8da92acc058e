package hostile

import (
	"fmt"

	"github.com/cerberus-host/cerberus/abi"
	w "github.com/cerberus-host/cerberus/host/wasmtest"
)

// The entry points, short.
const (
	encodePhase = abi.PhaseEncode
	inferPhase  = abi.PhaseInfer
	decodePhase = abi.PhaseDecode
)

// initialize makes the module's first further function its _initialize.
func initialize(m *w.Module) *w.Module {
	m.Exports = append(m.Exports, w.Export{Name: "_initialize", Kind: w.Func, Index: firstOwn})
	return m
}

// stopped returns cases that the host must stop.
func stopped(group int, list []stoppable) []Case {
	out := make([]Case, len(list))
	for i, c := range list {
		out[i] = Case{
			Group: group, Name: c.name, Does: c.does, Phase: c.phase, Want: Stopped,
			Module: func() []byte { return c.module().Bytes() },
		}
	}
	return out
}

type stoppable struct {
	name, does string
	phase      abi.Phase
	module     func() *w.Module
}

// loops is group 19.
func loops() []Case {
	plain := func(body string) func() *w.Module {
		return func() *w.Module { return infer(body) }
	}
	counted := func(kind, body string) func() *w.Module {
		return func() *w.Module {
			m := infer(body)
			m.Functions[inferIndex].Locals = locals(1, kind)
			return m
		}
	}
	return stopped(19, []stoppable{
		{"loop", "loops without a body", inferPhase, plain(forever(""))},
		{"loop in encode", "loops in encode", encodePhase, func() *w.Module {
			return encode(forever(""))
		}},
		{"loop in decode", "loops in decode", decodePhase, func() *w.Module {
			return brain("", "", forever(""))
		}},
		{"loop in _initialize", "loops before its entry point", inferPhase, func() *w.Module {
			return initialize(infer("", forever("")))
		}},
		{
			"loop by br_if", "loops by a condition that always holds", inferPhase,
			plain(loop(num(1) + brIf0)),
		},
		{
			"loop by br_table", "loops by a table", inferPhase,
			plain(loop(num(7) + "\x0e\x02\x00\x00\x00")),
		},
		{"loops in loops", "loops 2^60 times in twelve nested loops of 32", inferPhase, nestedLoops},
		{"loop that calls", "calls an empty function for ever", inferPhase, func() *w.Module {
			return infer(forever(call(firstOwn)), "")
		}},
		{
			"loop that calls indirectly", "calls through a table for ever", inferPhase,
			func() *w.Module {
				m := infer(forever(num(0)+"\x11\x00\x00"), "")
				m.TableSize, m.Elements = 1, []int{firstOwn}
				return m
			},
		},
		{
			"loop that divides", "divides large numbers for ever", inferPhase,
			plain(forever(num64(-1) + num64(3) + "\x7f" + drop)),
		},
		{"loop of floats", "takes square roots for ever", inferPhase, counted(f64,
			forever(get(0)+"\x9f"+set(0)))},
		{
			"loop of vectors", "multiplies vectors for ever", inferPhase,
			plain(forever("\xfd\x0c" + times("\x07", 16) + "\xfd\x0c" + times("\x09", 16) +
				"\xfd\xb5\x01" + drop)),
		},
		{
			"loop of 100,000 operators", "has a long body in an endless loop", inferPhase,
			plain(forever(times(num(1)+drop, 40_000))),
		},
	})
}

func nestedLoops() *w.Module {
	const depth = 12
	m := infer("")
	m.Functions[inferIndex].Locals = locals(depth, i32)
	body := ""
	for i := range depth {
		body = num(0) + set(i) +
			loop(body+get(i)+num(1)+add32+tee(i)+num(32)+less32+brIf0)
	}
	m.Functions[inferIndex].Body = []byte(body)
	return m
}

// trees is group 20: work without a loop.
func trees() []Case {
	tree := func(levels, fan int, next func(int) string) func() *w.Module {
		return func() *w.Module {
			m := infer(call(firstOwn))
			for i := range levels {
				m.Functions = append(m.Functions, w.Function{
					Body: []byte(times(next(firstOwn+i+1), fan)),
				})
			}
			m.Functions = append(m.Functions, w.Function{})
			m.TableSize = firstOwn + levels + 1
			for i := range m.TableSize {
				m.Elements = append(m.Elements, i)
			}
			return m
		}
	}
	return stopped(20, []stoppable{
		{"call tree", "calls 2^60 functions without a loop", inferPhase, tree(60, 2, call)},
		{
			"wide call tree", "calls 1,000^6 functions without a loop", inferPhase,
			tree(6, 1_000, call),
		},
		{
			"indirect call tree", "calls 2^60 functions through a table", inferPhase,
			tree(60, 2, func(i int) string { return num(i) + "\x11\x00\x00" }),
		},
	})
}

// recursions is group 21.
func recursions() []Case {
	var out []Case
	for _, c := range []struct {
		name, does string
		module     func() *w.Module
	}{
		{"direct recursion", "calls itself", func() *w.Module { return infer(call(inferIndex)) }},
		{"mutual recursion", "calls another function that calls it", func() *w.Module {
			return infer(call(firstOwn), call(firstOwn+1), call(firstOwn))
		}},
		{"indirect recursion", "calls itself through a table", func() *w.Module {
			m := infer(num(0) + "\x11\x00\x00")
			m.TableSize, m.Elements = 1, []int{inferIndex}
			return m
		}},
		{"recursion in _initialize", "calls itself before its entry point", func() *w.Module {
			return initialize(infer("", call(firstOwn)))
		}},
		{"recursion with 1,000 locals", "calls itself with a large frame", func() *w.Module {
			m := infer(call(firstOwn), "")
			use := ""
			for i := range 1_000 {
				use += get(i) + "\x21" + u32(i)
			}
			m.Functions[firstOwn] = w.Function{
				Locals: locals(1_000, i64), Body: []byte(call(firstOwn) + use),
			}
			return m
		}},
	} {
		out = append(out, Case{
			Group: 21, Name: c.name, Does: c.does, Want: Stopped,
			Module: func() []byte { return c.module().Bytes() },
		})
	}
	return out
}

// bulk is group 22: operators whose time grows with a length, in straight lines.
func bulk() []Case {
	const pages, large = 1_024, 1_024<<16 - 1
	// line is a Brain whose infer runs an operator n times in straight lines of 1,000.
	line := func(code string, n int) func() *w.Module {
		return func() *w.Module {
			m := infer(times(call(firstOwn), n/1_000))
			m.Functions = append(m.Functions, w.Function{Body: []byte(times(code, 1_000))})
			m.MemoryPages = pages
			return m
		}
	}
	fill := num(0) + num(1) + num(large) + memoryFill
	out := stopped(22, []stoppable{
		{
			"2,000 fills of 64 MB", "fills 64 MB 2,000 times without a loop", inferPhase,
			line(fill, 2_000),
		},
		{
			"2,000 copies of 64 MB", "copies 64 MB 2,000 times without a loop", inferPhase,
			line(num(1)+num(0)+num(large-1)+memoryCopy, 2_000),
		},
		{"fills in a loop", "fills 64 MB for ever", inferPhase, func() *w.Module {
			m := infer(forever(fill))
			m.MemoryPages = pages
			return m
		}},
	})
	return append(out, Case{
		Group: 22, Name: "fill beyond the memory", Does: "fills 4 GB", Want: Ends,
		Module: func() []byte { return infer(num(0) + num(1) + num(-1) + memoryFill).Bytes() },
	}, Case{
		Group: 22, Name: "init in a loop", Does: "copies a segment of 1 MB for ever", Want: Stopped,
		Module: func() []byte {
			m := infer(forever(num(0) + num(0) + num(1<<20) + "\xfc\x08\x00\x00"))
			m.MemoryPages = 16
			return put(put(m.Bytes(), sectionDataCount, "\x01"), sectionData,
				"\x01\x01"+u32(1<<20)+times("x", 1<<20))
		},
	}, Case{
		Group: 22, Name: "lengths that need a host call to know", Want: Failed, Says: "not made",
		Does:   "copies what a host function said is there",
		Module: lengthFromHost,
	})
}

// lengthFromHost fills as many bytes as a public argument is long.
func lengthFromHost() []byte {
	m := infer("")
	arg := host(m, "arg")
	m.Functions[inferIndex].Body = []byte(num(100) + num(7) +
		num(0) + num(4) + num(200) + num(8) + call(arg) + memoryFill)
	return put(m.Bytes(), sectionData, "\x01\x00"+num(0)+end+"\x04mode")
}

// growth is group 23.
func growth() []Case {
	const grown = abi.MemoryPagesMax
	harmless := func(name, does, body string) Case {
		return Case{
			Group: 23, Name: name, Does: does, Phase: encodePhase, Want: Harmless,
			Module: func() []byte { return encode(body).Bytes() },
		}
	}
	out := []Case{
		harmless("grow by 1 MB", "grows its memory until it is told no",
			loop(num(16)+memoryGrow+num(-1)+ne32+brIf0)+expect(memorySize, grown-15)),
		harmless("grow at once", "asks for all pages at once",
			expect(num(grown-1)+memoryGrow, 1)+expect(num(1)+memoryGrow, -1)),
		harmless("grow by 4 GB", "asks for more than there can be",
			expect(num(65_536)+memoryGrow, -1)+expect(num(-1)+memoryGrow, -1)+expect(memorySize, 1)),
		harmless("grow and touch", "grows to the end and writes into every page",
			num(grown-1)+memoryGrow+drop+num(0)+num(1)+num(grown<<16-1)+memoryFill),
	}
	out = append(out, Case{
		Group: 23, Name: "grow page by page", Does: "grows its memory by the smallest steps",
		Phase: encodePhase, Want: Ends, Module: func() []byte {
			return encode(loop(num(1) + memoryGrow + num(-1) + ne32 + brIf0)).Bytes()
		},
	}, Case{
		Group: 23, Name: "grow in a loop", Does: "asks for memory for ever", Want: Stopped,
		Module: func() []byte { return infer(forever(num(1) + memoryGrow + drop)).Bytes() },
	}, Case{
		Group: 23, Name: "memory of 4 GB", Does: "begins with 65,536 pages", Want: Refused,
		Says: "memory pages", Module: func() []byte {
			m := infer("")
			m.MemoryPages = 65_536
			return m.Bytes()
		},
	}, Case{
		Group: 23, Name: "maximum of 4 GB", Does: "says that it may grow to 65,536 pages",
		Phase: encodePhase, Want: Harmless, Module: func() []byte {
			body := loop(num(64)+memoryGrow+num(-1)+ne32+brIf0) +
				num(grown) + memorySize + less32 + when(trap)
			return put(encode(body).Bytes(), sectionMemory, "\x01\x01\x01"+u32(65_536))
		},
	})
	for _, c := range []struct{ name, code string }{
		{"table.grow", "\xd0\x70" + num(1) + "\xfc\x0f\x00" + drop},
		{"table.fill", num(0) + "\xd0\x70" + num(1) + "\xfc\x11\x00"},
		{"table.set", num(0) + "\xd0\x70" + "\x26\x00"},
		{"table.copy", times(num(0), 3) + "\xfc\x0e\x00\x00"},
		{"table.init", times(num(0), 3) + "\xfc\x0c\x00\x00"},
	} {
		out = append(out, Case{
			Group: 23, Name: c.name + " in a loop", Does: "changes its table for ever",
			Want: Refused, Says: "changes a table", Module: func() []byte {
				m := infer(forever(c.code))
				m.TableSize, m.Elements = 1, []int{0}
				return m.Bytes()
			},
		})
	}
	return out
}

// ends is group 26: every way to end, in every entry point and in _initialize.
func ends() []Case {
	var out []Case
	ways := []struct {
		name, code, says string
		want             Want
	}{
		{"unreachable", trap, "unreachable", Trapped},
		{"division by zero", num(1) + num(0) + "\x6d" + drop, "divide by zero", Trapped},
		{"overflow of a division", bits(1<<31) + num(-1) + "\x6d" + drop, "overflow", Trapped},
		{"read outside", bits(1<<31) + load32 + drop, "out of bounds", Trapped},
		{"write outside", num(-1) + num(0) + store32, "out of bounds", Trapped},
		{
			"conversion of a NaN", "\x44" + times("\x00", 6) + "\xf8\x7f" + "\xaa" + drop,
			"conversion", Trapped,
		},
		{"call of an empty entry", num(1) + "\x11\x00\x00", "", Trapped},
		{"call beyond the table", num(9) + "\x11\x00\x00", "", Trapped},
		{"call of another type", times(num(0), 2) + "\x11\x01\x00", "", Trapped},
	}
	places := []struct {
		name  string
		phase abi.Phase
		index int
	}{
		{"encode", encodePhase, encodeIndex},
		{"infer", inferPhase, inferIndex},
		{"decode", decodePhase, decodeIndex},
		{"_initialize", inferPhase, firstOwn},
	}
	for _, place := range places {
		for _, way := range ways {
			out = append(out, Case{
				Group: 26, Name: way.name + " in " + place.name, Does: "ends by a trap", Again: true,
				Phase: place.phase, Want: way.want, Says: way.says, Module: func() []byte {
					m := initialize(brain("", "", "", ""))
					// A function of another type, so that there is a second type.
					m.Functions = append(m.Functions, w.Function{Params: i32})
					m.Functions[place.index].Body = []byte(way.code)
					m.TableSize, m.Elements = 2, []int{0}
					return m.Bytes()
				},
			})
		}
		for _, code := range []int{0, 1, -1} {
			out = append(out, Case{
				Group: 26, Name: fmt.Sprintf("exit %d in %s", code, place.name), Phase: place.phase,
				Does: "ends itself in the middle", Again: true, Want: Failed, Says: "ended itself",
				Module: func() []byte {
					m := initialize(brain("", "", "", ""))
					exit := m.Import(w.Import{
						Module: systemModule, Name: "proc_exit", Params: i32,
					})
					m.Functions[place.index].Body = []byte(num(code) + call(exit) + forever(""))
					return m.Bytes()
				},
			})
		}
	}
	return out
}
