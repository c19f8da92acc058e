package hostile

import (
	"fmt"
	"strings"

	w "github.com/cerberus-host/cerberus/host/wasmtest"
)

// bombs are groups 4 to 8: small files that are dear to compile.
func bombs() []Case {
	var out []Case
	add := func(group int, name, does string, want Want, says string, module func() []byte) {
		out = append(out, Case{
			Group: group, Name: name, Does: does, Phase: 1, Want: want, Says: says, Module: module,
		})
	}
	// many is a Brain with further functions, all the same.
	many := func(n int, f w.Function) func() []byte {
		return func() []byte {
			m := encode("")
			for range n {
				m.Functions = append(m.Functions, f)
			}
			return m.Bytes()
		}
	}
	body := func(code string) w.Function { return w.Function{Body: []byte(code)} }

	const tooMany = "locals in one function"
	add(4, "2^32-1 locals", "declares 2^32-1 locals in one function", Refused, tooMany,
		many(1, w.Function{Locals: []byte("\x01" + most + i32)}))
	add(4, "10^8 locals", "declares 10^8 locals in one function", Refused, tooMany,
		many(1, w.Function{Locals: locals(100_000_000, i32)}))
	add(4, "100 times 10^6 locals", "declares 10^6 locals in each of 100 functions", Refused,
		tooMany, many(100, w.Function{Locals: locals(1_000_000, i64)}))
	add(4, "groups that overflow", "declares 2^32 locals in two groups", Refused, tooMany,
		many(1, w.Function{Locals: []byte("\x02" + most + i32 + "\x01" + i32)}))
	add(4, "60 times 1,000 locals", "declares 1,000 locals in each of 60 functions", Refused,
		"locals", many(60, w.Function{Locals: locals(1_000, i64)}))

	for _, n := range []int{1_000, 3_000, 10_000, 200_000, 1_000_000} {
		want, says := Refused, "nested blocks"
		switch {
		case n <= 1_000:
			want, says = Harmless, ""
		case n > 40_000:
			says = "one function's body"
		}
		add(5, fmt.Sprintf("%d nested blocks", n), "nests blocks", want, says,
			many(1, body(times("\x02"+empty, n)+times(end, n))))
	}
	add(5, "3000 nested loops", "nests loops", Refused, "nested blocks",
		many(1, body(times("\x03"+empty, 3_000)+times(end, 3_000))))
	add(5, "3000 nested ifs", "nests ifs", Refused, "nested blocks",
		many(1, body(times(num(0)+"\x04"+empty, 3_000)+times(end, 3_000))))

	for _, n := range []int{1_000, 10_000, 50_000, 100_000, 1_000_000} {
		want, says := Refused, "br_table"
		switch {
		case n <= 1_000:
			want, says = Harmless, ""
		case n > 130_000:
			says = "one function's body"
		}
		add(6, fmt.Sprintf("br_table of %d", n), "jumps by a huge table", want, says,
			many(1, body(num(0)+"\x0e"+u32(n)+times("\x00", n+1))))
	}
	add(6, "200 tables of 4,000", "has 200 functions with a br_table of 4,000 each", Refused,
		"branch targets", many(200, body(num(0)+"\x0e"+u32(4_000)+times("\x00", 4_001))))

	out = append(out, products()...)
	out = append(out, signatures()...)
	return out
}

// products is group 7: blocks times locals, which is what compile time grows with.
func products() []Case {
	var out []Case
	for _, c := range []struct {
		locals, ifs int
		says        string
	}{
		{1_000, 300, ""},
		{1_000, 1_000, "blocks times locals"},
		{500, 2_100, "blocks times locals"},
		{2_000, 2_000, "locals in one function"},
		{4_000, 4_000, "locals in one function"},
		{50, 50_000, "one function's body"},
		{50, 20_000, "blocks in one function"},
	} {
		want := Refused
		if c.says == "" {
			want = Harmless
		}
		out = append(out, Case{
			Group: 7, Name: fmt.Sprintf("%d locals, %d ifs", c.locals, c.ifs),
			Does: "has a function of few bytes that compiles for long", Phase: 1,
			Want: want, Says: c.says,
			Module: func() []byte {
				m := encode("")
				m.Functions = append(m.Functions, w.Function{
					Locals: locals(c.locals, i32), Body: []byte(times(num(0)+when(""), c.ifs)),
				})
				return m.Bytes()
			},
		})
	}
	return out
}

// signatures is group 8.
func signatures() []Case {
	wide := func(params string, functions int) func() []byte {
		return func() []byte {
			m := encode("")
			for range functions {
				m.Functions = append(m.Functions, w.Function{Params: params})
			}
			return m.Bytes()
		}
	}
	var out []Case
	for _, n := range []int{1_000, 10_000, 100_000, 1_000_000} {
		out = append(out, Case{
			Group: 8, Name: fmt.Sprintf("%d parameters", n), Does: "has a very wide function",
			Want: Refused, Says: "parameters", Module: wide(times(i64, n), 1),
		})
	}
	return append(out, Case{
		Group: 8, Name: "1,000 parameters in 20,000 functions",
		Does: "repeats a wide signature in many functions",
		Want: Refused, Says: "parameters", Module: wide(times(i64, 1_000), 19_000),
	}, Case{
		Group: 8, Name: "32 parameters in 19,000 functions",
		Does:  "repeats the widest signature that is allowed in almost all functions that are",
		Phase: 1, Want: Harmless, Module: wide(times(i64, 32), 19_000), Large: true,
	}, Case{
		Group: 8, Name: "1,000 results", Does: "has a function of very many results",
		Want: Refused, Says: "results", Module: func() []byte {
			return bare(sectionType, "\x01\x60\x00"+u32(1_000)+times(i64, 1_000))
		},
	})
}

// shapes are groups 9 and 11: too many things of one kind.
func shapes() []Case {
	plain := infer("").Bytes()
	var out []Case
	add := func(group int, name, does, says string, module func() []byte) {
		out = append(out, Case{
			Group: group, Name: name, Does: does, Want: Refused, Says: says, Module: module,
		})
	}
	add(9, "300,000 functions", "has 300,000 empty functions", "functions", func() []byte {
		m := infer("")
		for range 300_000 {
			m.Functions = append(m.Functions, w.Function{})
		}
		return m.Bytes()
	})
	add(9, "10^6 globals", "has 10^6 globals", "globals", func() []byte {
		return put(plain, sectionGlobal, u32(1_000_000)+times(i32+"\x01"+num(0)+end, 1_000_000))
	})
	add(9, "10^5 exports", "has 10^5 exports", "exports", func() []byte {
		var b strings.Builder
		for n := range 100_000 {
			b.WriteString(name(fmt.Sprint(n)) + "\x00\x00")
		}
		return put(plain, sectionExport, u32(100_000)+b.String())
	})
	add(9, "10^5 types", "has 10^5 types", "types", func() []byte {
		return put(plain, sectionType, u32(100_000)+times("\x60\x00\x00", 100_000))
	})
	add(9, "10^5 imports", "imports one function 10^5 times", "imports", func() []byte {
		one := name("cerberus1") + name("neg") + "\x00\x00"
		return put(put(plain, sectionType, "\x01\x60\x01"+i64+"\x01"+i64), sectionImport,
			u32(100_000)+times(one, 100_000))
	})
	add(9, "300,000 data segments", "has 300,000 empty data segments", "data segments",
		func() []byte {
			return put(plain, sectionData, u32(300_000)+times("\x00"+num(0)+end+"\x00", 300_000))
		})
	add(9, "300,000 element segments", "has 300,000 empty element segments", "element segments",
		func() []byte {
			return put(put(plain, sectionTable, "\x01\x70\x00\x01"), sectionElement,
				u32(300_000)+times("\x00"+num(0)+end+"\x00", 300_000))
		})
	table := func(limits string, n int) func() []byte {
		return func() []byte {
			return put(plain, sectionTable, u32(n)+times("\x70"+limits, n))
		}
	}
	add(11, "table of 2^27", "has a table of 2^27 entries", "table entries",
		table("\x00"+u32(1<<27), 1))
	add(11, "16 tables of 2^27", "has 16 tables of 2^27 entries", "tables",
		table("\x00"+u32(1<<27), 16))
	add(11, "table of 2^32-1", "has a table of 2^32-1 entries", "table entries",
		table("\x01"+most+most, 1))
	return append(out, Case{
		Group: 11, Name: "table with a maximum of 2^32-1", Phase: 1, Want: Harmless,
		Does:   "has a small table that may grow to 2^32-1 entries",
		Module: func() []byte { return table("\x01\x01"+most, 1)() },
	})
}

// ManyTypes returns a module with as many types as are allowed, few of which another number
// gives, too: a runtime that keeps types for ever grows with each upload.
func ManyTypes(number int) []byte {
	const types, width = 1_000, 12
	kinds := []string{i32, i64, f64}
	section := u32(types) + "\x60\x00\x00"
	for k := range types - 1 {
		params := ""
		for v, n := number*types+k, 0; n < width; v, n = v/len(kinds), n+1 {
			params += kinds[v%len(kinds)]
		}
		section += "\x60" + name(params) + "\x00"
	}
	return put(encode("").Bytes(), sectionType, section)
}

// customs is group 10: what debuggers and demanglers would read.
func customs() []Case {
	const large = 4 << 20
	var out []Case
	add := func(name, does string, sections func() []byte) {
		out = append(out, Case{
			Group: 10, Name: name, Does: does, Phase: 1, Want: Harmless,
			Module: func() []byte { return w.Cat(encode("").Bytes(), sections()) },
		})
	}
	add("name section of 2^32-1", "claims 2^32-1 names of functions", func() []byte {
		return custom("name", "\x01\x05"+most)
	})
	add("names of 4 MB", "has one function's name of 4 MB", func() []byte {
		text := name(times("a", large))
		return custom("name", "\x01"+u32(len(text)+2)+"\x01\x00"+text)
	})
	add("nested names", "has a name section full of name sections", func() []byte {
		return custom("name", times("\x01\x00\x02\x00", large/8))
	})
	add("DWARF of zeros", "has 4 MB of zeros as debug information", func() []byte {
		return w.Cat(custom(".debug_info", times("\x00", large/2)),
			custom(".debug_line", times("\x00", large/2)))
	})
	add("DWARF of huge units", "has debug information that claims 2^32-1 bytes", func() []byte {
		unit := "\xfe\xff\xff\xff\x04\x00\x00\x00\x00\x00\x08"
		return w.Cat(custom(".debug_info", times(unit, 1000)), custom(".debug_abbrev", most),
			custom(".debug_line", times(unit, 1000)), custom(".debug_str", most),
			custom(".debug_ranges", times("\xff", 1000)))
	})
	add("100,000 custom sections", "has 100,000 empty custom sections", func() []byte {
		return []byte(times("\x00\x01\x00", 100_000))
	})
	return out
}
