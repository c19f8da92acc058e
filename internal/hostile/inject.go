package hostile

import (
	"fmt"
	"slices"

	w "github.com/cerberus-host/cerberus/host/wasmtest"
)

// The names that the rewriting adds to a module.
const (
	meterModule   = "cerberus.meter"
	meterFunction = "refill"
	meterPrefix   = "cerberus."
)

// indices is group 13: one beyond the last of a kind, where the rewriting puts its own. Such
// a module is invalid alone and must be refused before anything is added to it.
func indices() []Case {
	code := func(body string) []byte { return encode(body).Bytes() }
	twoGlobals := func(body string) []byte {
		return put(code(body), sectionGlobal, "\x02"+times(i64+"\x01"+num64(0)+end, 2))
	}
	var out []Case
	for _, c := range invalids(code(""), code, twoGlobals) {
		out = append(out, Case{
			Group: 13, Name: c.name, Does: c.does, Phase: encodePhase, Want: Refused,
			Module: func() []byte { return slices.Clone(c.module) },
		})
	}
	return out
}

// invalid is a module that is not valid.
type invalid struct {
	name, does string
	module     []byte
}

// invalids lists the modules of group 13. The plain one has 4 functions, 1 type, no globals,
// no table and no segments; code gives its encode a body, twoGlobals adds two globals.
func invalids(plain []byte, code, twoGlobals func(string) []byte) []invalid {
	return []invalid{
		{"global 0 of 0 is read", "reads a global that is not there", code(globalGet(0) + drop)},
		{
			"global 0 of 0 is written", "writes the gas where there is no global",
			code(num64(1<<62) + globalSet(0)),
		},
		{
			"global 1 of 0 is written", "writes the depth where there is no global",
			code(num(-1<<30) + globalSet(1)),
		},
		{
			"global 2 of 2 is written", "writes the gas behind its own globals",
			twoGlobals(num64(1<<62) + globalSet(2)),
		},
		{
			"global 3 of 2 is written", "writes the depth behind its own globals",
			twoGlobals(num(-1<<30) + globalSet(3)),
		},
		{
			"loop that writes global 0 of 0", "refills its gas in a loop for ever",
			code(forever(num64(1<<62) + globalSet(0))),
		},
		{
			"global 0 of 0 is exported", "exports the gas",
			put(plain, sectionExport, exportsAnd(plain, name("x")+"\x03\x00")),
		},
		{
			"global 0 of 0 in an initialiser", "begins a global with the gas",
			put(plain, sectionGlobal, "\x01"+i64+"\x00"+globalGet(0)+end),
		},
		{"function 4 of 4 is called", "calls one function beyond the last", code(call(4))},
		{"function 5 of 4 is called", "calls two functions beyond the last", code(call(5))},
		{
			"function 4 of 4 is exported", "exports one function beyond the last",
			put(plain, sectionExport, exportsAnd(plain, name("x")+"\x00\x04")),
		},
		{
			"function 4 of 4 in a table", "puts one function beyond the last into a table",
			put(put(plain, sectionTable, "\x01\x70\x00\x01"), sectionElement,
				"\x01\x00"+num(0)+end+"\x01\x04"),
		},
		{
			"function 4 of 4 as a reference", "takes a reference to one function beyond the last",
			code("\xd2\x04" + drop),
		},
		{"type 1 of 1 in a block", "uses one type beyond the last", code("\x02\x01" + end)},
		{"type 2 of 1 in a block", "uses two types beyond the last", code("\x02\x02" + end)},
		{
			"type 1 of 1 in call_indirect", "calls by one type beyond the last",
			put(code(num(0)+"\x11\x01\x00"), sectionTable, "\x01\x70\x00\x01"),
		},
		{
			"type 1 of 1 of a function", "declares a function of one type beyond the last",
			put(plain, sectionFunction, "\x04\x00\x00\x00\x01"),
		},
		{"table 0 of 0", "calls through a table that is not there", code(num(0) + "\x11\x00\x00")},
		{
			"data segment 0 of 0", "copies from a segment that is not there",
			put(code(times(num(0), 3)+"\xfc\x08\x00\x00"), sectionDataCount, "\x00"),
		},
		{
			"data segments without a count", "names a segment without a data count section",
			put(code(times(num(0), 3)+"\xfc\x08\x00\x00"), sectionData, "\x01\x01\x01x"),
		},
		{"label 1 of 1", "branches one block too far", code(block(br(2)))},
		{"local 0 of 0", "reads a local that is not there", code(get(0) + drop)},
		{"stack of nothing", "drops what is not there", code(drop)},
		{"stack of another type", "adds an i64 to an i32", code(num(1) + num64(1) + add32 + drop)},
		{"value left on the stack", "leaves a value behind", code(num(1))},
		{
			"result that is missing", "ends a block without its result",
			code("\x02" + i32 + end + drop),
		},
		{
			"immutable global is written", "writes a constant global",
			put(code(num64(1)+globalSet(0)), sectionGlobal, "\x01"+i64+"\x00"+num64(0)+end),
		},
	}
}

// exportsAnd returns a module's export section with one more entry.
func exportsAnd(module []byte, entry string) string {
	for _, s := range sectionsOf(module) {
		if s.id == sectionExport {
			return u32(int(s.payload[0])+1) + string(s.payload[1:]) + entry
		}
	}
	return "\x01" + entry
}

// collisions are groups 14 and 15: the host's own names, and its gas.
func collisions() []Case {
	const notThere = "is not there"
	plain := encode("").Bytes()
	var out []Case
	add := func(group int, name, does string, want Want, says string, module func() []byte) {
		out = append(out, Case{
			Group: group, Name: name, Does: does, Phase: encodePhase, Want: want, Says: says,
			Module: module,
		})
	}
	refill := w.Import{Module: meterModule, Name: meterFunction}
	add(14, "import of the meter", "imports the host's refill", Refused, notThere,
		func() []byte {
			m := encode("")
			m.Import(refill)
			return m.Bytes()
		})
	add(14, "import of another meter function", "imports a function of the meter's module",
		Refused, notThere, func() []byte {
			m := encode("")
			m.Import(w.Import{Module: meterModule, Name: "gas", Results: i64})
			return m.Bytes()
		})
	add(14, "import of a global", "imports the gas as a global", Refused, "", func() []byte {
		return put(plain, sectionImport, "\x01"+name(meterModule)+name("gas")+"\x03"+i64+"\x01")
	})
	add(14, "import of a memory", "imports a memory", Refused, "", func() []byte {
		return put(plain, sectionImport, "\x01"+name("env")+name("memory")+"\x02\x00\x01")
	})
	add(14, "import of a table", "imports a table", Refused, "", func() []byte {
		return put(plain, sectionImport, "\x01"+name("env")+name("table")+"\x01\x70\x00\x01")
	})
	for _, title := range []string{"gas", "depth", "global.0", ""} {
		title = meterPrefix + title
		add(14, "export of "+fmt.Sprintf("%q", title), "exports a name of the host's", Refused,
			meterPrefix, func() []byte {
				m := encode("")
				m.Exports = append(m.Exports, w.Export{Name: title})
				return m.Bytes()
			})
	}
	add(15, "refill in a loop", "calls the host's refill in an endless loop", Refused, notThere,
		func() []byte {
			m := encode("")
			i := m.Import(refill)
			m.Functions[1].Body = []byte(forever(call(i)))
			return m.Bytes()
		})
	const globals = 1_024
	stores := ""
	for i := range globals {
		stores += num64(1<<62) + globalSet(i)
	}
	add(15, "every global of its own", "writes a large number into all globals, for ever",
		Stopped, "", func() []byte {
			return put(encode(forever(stores)).Bytes(), sectionGlobal,
				u32(globals)+times(i64+"\x01"+num64(0)+end, globals))
		})
	add(15, "all of its memory", "writes into every word of its memory, for ever", Stopped, "",
		func() []byte {
			m := encode("")
			m.Functions[1].Locals = locals(1, i32)
			m.Functions[1].Body = []byte(forever(get(0) + num(-1) + store32 +
				get(0) + num(4) + add32 + bits(0xfffc) + "\x71" + set(0)))
			return m.Bytes()
		})
	return out
}

// segments is group 18: what runs or is copied before the entry point.
func segments() []Case {
	plain := encode("").Bytes()
	withTable := put(plain, sectionTable, "\x01\x70\x00"+u32(16_384))
	var out []Case
	add := func(name, does string, want Want, says string, module func() []byte) {
		out = append(out, Case{
			Group: 18, Name: name, Does: does, Phase: encodePhase, Want: want, Says: says,
			Module: module,
		})
	}
	add("start section", "loops in a start function", Refused, "start", func() []byte {
		return put(encode("", forever("")).Bytes(), sectionStart, "\x04")
	})
	add("65,536 data segments", "has as many data segments as are allowed", Harmless, "",
		func() []byte {
			return put(plain, sectionData, u32(65_536)+times("\x00"+num(1)+end+"\x01x", 65_536))
		})
	add("7 MB of active data", "fills its memory by data segments", Harmless, "", func() []byte {
		large := put(plain, sectionMemory, "\x01\x00\x70")
		return put(large, sectionData, "\x01\x00"+num(0)+end+u32(7<<20)+times("x", 7<<20))
	})
	add("data outside the memory", "writes a segment beyond its memory", Trapped, "",
		func() []byte {
			return put(plain, sectionData, "\x01\x00"+num(65_535)+end+"\x02xy")
		})
	add("data at the end of 32 bits", "writes a segment that wraps around", Trapped, "",
		func() []byte {
			return put(plain, sectionData, "\x01\x00"+num(-1)+end+"\x02xy")
		})
	add("elements outside the table", "writes elements beyond its table", Ends, "",
		func() []byte {
			return put(withTable, sectionElement, "\x01\x00"+num(16_384)+end+"\x01\x00")
		})
	add("65,536 elements", "writes as many elements as are allowed, in overlapping segments",
		Harmless, "", func() []byte {
			one := "\x00" + num(0) + end + u32(16_384) + times("\x00", 16_384)
			return put(withTable, sectionElement, "\x04"+times(one, 4))
		})
	add("65,537 elements", "writes one element more than is allowed", Refused, "elements",
		func() []byte {
			one := "\x00" + num(0) + end + u32(16_384) + times("\x00", 16_384)
			return put(withTable, sectionElement, "\x05"+times(one, 4)+
				"\x00"+num(0)+end+"\x01\x00")
		})
	return out
}
