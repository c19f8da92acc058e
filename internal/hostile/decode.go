package hostile

import (
	"fmt"
	"iter"
	"slices"

	w "github.com/cerberus-host/cerberus/host/wasmtest"
)

// counts is group 1: numbers that a decoder must not believe.
func counts() []Case {
	const does = "claims 2^31 entries and ends"
	var out []Case
	add := func(name, does, says string, module []byte) {
		out = append(out, Case{
			Group: 1, Name: name, Does: does, Want: Refused, Says: says,
			Module: func() []byte { return slices.Clone(module) },
		})
	}
	for _, s := range []struct {
		id   byte
		name string
	}{
		{sectionType, "type"},
		{sectionImport, "import"},
		{sectionFunction, "function"},
		{sectionTable, "table"},
		{sectionMemory, "memory"},
		{sectionGlobal, "global"},
		{sectionExport, "export"},
		{sectionStart, "start"},
		{sectionElement, "element"},
		{sectionCode, "code"},
		{sectionData, "data"},
		{sectionDataCount, "data count"},
	} {
		add(s.name+" section of 15 bytes", does, s.name, bare(s.id, claim))
	}
	minimal := infer("").Bytes()
	oneBody := func(body string) []byte {
		return put(minimal, sectionCode, "\x04"+times("\x02\x00"+end, 3)+u32(len(body))+body)
	}
	add("custom section's name", "has a name of 2^31 bytes", "name", bare(0, claim))
	add("import's name", "has a name of 2^31 bytes", "import", bare(sectionImport, "\x01"+claim))
	add("export's name", "has a name of 2^32-1 bytes", "export", bare(sectionExport, "\x01"+most))
	add("parameters", "has a function type of 2^31 parameters", "parameters",
		bare(sectionType, "\x01\x60"+claim))
	add("results", "has a function type of 2^31 results", "results",
		bare(sectionType, "\x01\x60\x00"+claim))
	add("groups of locals", "has 2^31 groups of locals", "locals", oneBody(claim+end))
	add("br_table claims", "has a br_table of 2^31 targets", "br_table",
		oneBody("\x00"+num(0)+"\x0e"+claim))
	add("elements", "has an element segment of 2^31 functions", "elements",
		put(minimal, sectionElement, "\x01\x00"+num(0)+end+claim))
	add("data bytes", "has a data segment of 2^32-1 bytes", "data",
		put(minimal, sectionData, "\x01\x00"+num(0)+end+most))
	add("body's size", "has a body of 2^31 bytes", "body",
		put(minimal, sectionCode, "\x04"+claim+times("\x00", 12)))
	add("section's size", "has a section of 2^32-1 bytes", "longer than the file",
		w.Cat(minimal, []byte{sectionData}, []byte(most)))
	return out
}

// sample is a valid module for the sweeps.
type sample struct {
	name   string
	module []byte
}

// samples are five valid modules that together use every kind of section and most kinds of
// operators.
func samples() []sample {
	tables := infer(num(1)+"\x11\x00\x00", "", call(4))
	tables.TableSize, tables.Elements = 4, []int{4, 5, 0}

	calls := encode("")
	log := host(calls, "log")
	yield := calls.Import(w.Import{Module: systemModule, Name: "sched_yield", Results: i32})
	calls.Functions[1].Body = []byte(num(8) + num(4) + call(log) + drop + call(yield) + drop)
	calls.Functions = append(calls.Functions, w.Function{Body: []byte(nop)})
	calls.Exports = append(calls.Exports, w.Export{Name: "_initialize", Index: 6})

	branches := encode("")
	branches.Functions[1].Locals = locals(2, i32)
	branches.Functions[1].Body = []byte(
		loop(get(0)+num(1)+add32+tee(0)+num(9)+less32+brIf0) +
			block(block(get(0)+"\x0e\x02\x00\x01\x00")+nop) +
			get(0) + "\x04" + i32 + num(1) + "\x05" + num(2) + end + set(1))

	vectors := encode(num(16) + "\xfd\x0c" + times("\x01", 16) + // i32, v128.const
		num(16) + "\xfd\x00\x04\x00" + "\xfd\xae\x01" + // v128.load, i32x4.add
		"\xfd\x0b\x04\x00") // v128.store
	numbers := w.Cat(put(put(put(encode(
		"\x44"+times("\x00", 6)+"\xf0\x3f"+"\x44"+times("\x00", 8)+"\xa3\xb6"+drop+ // 1/0, as f32
			globalGet(0)+num64(1)+"\x7c"+globalSet(0)+
			num(0)+num(0)+num(4)+"\xfc\x08\x00\x00"+"\xfc\x09\x00"). // memory.init, data.drop
		Bytes(), sectionGlobal, "\x02"+i64+"\x01"+num64(7)+end+"\x7f\x00"+num(3)+end),
		sectionDataCount, "\x02"), sectionData, "\x02\x01\x04abcd\x00"+num(64)+end+"\x02xy"))

	return []sample{
		{"tables", tables.Bytes()},
		{"host calls", calls.Bytes()},
		{"branches", branches.Bytes()},
		{"vectors", vectors.Bytes()},
		{"numbers and data", numbers},
	}
}

// sweeps is group 2. The manifest stands in front, so that the damage is in the module.
func sweeps() []Case {
	var out []Case
	for _, s := range samples() {
		whole := manifestFirst(s.module)
		from := len(whole) - len(s.module) + len(w.Header())
		out = append(out, Case{
			Group: 2, Name: "intact: " + s.name, Does: "is valid, to show that the damage is the cause",
			Module: func() []byte { return slices.Clone(s.module) }, Phase: 1, Want: Harmless,
		}, Case{
			Group: 2, Name: "every prefix: " + s.name, Does: "is cut after each byte",
			Sweep: func(yield func([]byte) bool) {
				for n := range whole {
					if !yield(slices.Clone(whole[:n])) {
						return
					}
				}
			},
			Phase: 1, Want: Ends,
		}, Case{
			Group: 2, Name: "every byte: " + s.name, Does: "has each byte inverted",
			Sweep: flips(whole, from, 0xff), Phase: 1, Want: Ends,
		}, Case{
			Group: 2, Name: "every bit: " + s.name, Does: "has each bit inverted",
			Sweep: flips(whole, from, 1, 2, 4, 8, 16, 32, 64, 128), Phase: 1, Want: Ends, Large: true,
		})
	}
	return out
}

// flips changes one byte at a time, from an offset on, by each mask.
func flips(whole []byte, from int, masks ...byte) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		for at := from; at < len(whole); at++ {
			for _, mask := range masks {
				damaged := slices.Clone(whole)
				damaged[at] ^= mask
				if !yield(damaged) {
					return
				}
			}
		}
	}
}

// encodings is group 3.
func encodings() []Case {
	var out []Case
	add := func(name, does string, want Want, says string, module []byte) {
		out = append(out, Case{
			Group: 3, Name: name, Does: does, Phase: 1, Want: want, Says: says,
			Module: func() []byte { return slices.Clone(module) },
		})
	}
	body := func(code string) []byte { return encode(code).Bytes() }
	add("count of six bytes", "writes a count in six bytes", Refused, "five bytes",
		bare(sectionType, "\x80\x80\x80\x80\x80\x00"))
	add("count of 35 bits", "writes a count that leaves 32 bits", Refused, "32 bits",
		bare(sectionType, "\xff\xff\xff\xff\x7f"))
	add("count of five bytes", "writes a small count in five bytes, as linkers do", Harmless, "",
		put(encode("").Bytes(), sectionType, "\x81\x80\x80\x80\x00\x60\x00\x00"))
	add("i32.const of six bytes", "writes an i32 in six bytes", Refused, "",
		body("\x41\x80\x80\x80\x80\x80\x00"+drop))
	add("i32.const with stray bits", "sets unused bits of an i32's last byte", Refused, "",
		body("\x41\xff\xff\xff\xff\x4f"+drop))
	add("i64.const of eleven bytes", "writes an i64 in eleven bytes", Refused, "",
		body("\x42"+times("\x80", 10)+"\x00"+drop))
	add("i64.const with stray bits", "sets unused bits of an i64's last byte", Refused, "",
		body("\x42"+times("\xff", 9)+"\x02"+drop))
	add("alignment", "claims an alignment beyond the operand's", Refused, "",
		body(num(0)+"\x28\x03\x00"+drop))
	add("end in the middle", "goes on after a function's end", Refused, "",
		body(end+nop))
	add("no end", "leaves a block open", Refused, "", body("\x02"+empty))
	add("else without if", "has an else without an if", Refused, "", body("\x05"))
	add("bytes behind the module", "has a stray byte at the end", Refused, "",
		w.Cat(encode("").Bytes(), []byte{0x0e}))
	sections := sectionsOf(samples()[0].module)
	for i, s := range sections {
		if i > 0 {
			swapped := slices.Clone(sections)
			swapped[i-1], swapped[i] = swapped[i], swapped[i-1]
			add(fmt.Sprintf("sections %d and %d swapped", sections[i-1].id, s.id),
				"has two sections out of order", Refused, "section", join(swapped))
		}
		add(fmt.Sprintf("section %d twice", s.id), "has a section twice", Refused, "repeated",
			join(slices.Insert(slices.Clone(sections), i, s)))
		longer := slices.Clone(sections)
		longer[i].payload = append(slices.Clone(s.payload), 0)
		add(fmt.Sprintf("section %d with a byte more", s.id), "has a stray byte in a section",
			Refused, "too many", join(longer))
	}
	return out
}

// join makes a module of sections.
func join(sections []section) []byte {
	out := w.Header()
	for _, s := range sections {
		out = append(out, w.Section(s.id, s.payload)...)
	}
	return out
}

// headers is group 12.
func headers() []Case {
	plain := infer("").Bytes()
	head := func(version string) []byte {
		return w.Cat([]byte("\x00asm"+version), plain[len(w.Header()):])
	}
	var out []Case
	for _, c := range []struct {
		name, does, says string
		module           []byte
	}{
		{"component", "is a component, not a module", "header", head("\x0d\x00\x01\x00")},
		{"version 2", "has version 2", "header", head("\x02\x00\x00\x00")},
		{"no header", "has no header", "header", plain[8:]},
		{"empty file", "has no bytes", "header", nil},
		{
			"64-bit memory", "has a memory of 64-bit addresses", "memory",
			put(plain, sectionMemory, "\x01\x04\x01"),
		},
		{
			"shared memory", "has a shared memory", "memory",
			put(plain, sectionMemory, "\x01\x03\x01\x01"),
		},
		{
			"two memories", "has two memories", "memories",
			put(plain, sectionMemory, "\x02\x00\x01\x00\x01"),
		},
		{
			"tag section", "has a section of the exception proposal", "section 13",
			w.Cat(plain, w.Section(13, []byte{0})),
		},
		{
			"struct type", "has a type of the garbage collection proposal", "0x5f",
			bare(sectionType, "\x01\x5f\x00\x00"),
		},
		{
			"atomic operator", "uses an operator of the threads proposal", "operator",
			infer("\xfe\x03\x00").Bytes(),
		},
		{"tail call", "uses a tail call", "operator", infer("\x12\x00").Bytes()},
		{
			"exception", "uses an operator of the exception proposal", "operator",
			infer("\x06\x40\x0b").Bytes(),
		},
		{
			"relaxed vector", "uses a vector operator whose result depends on the machine", "operator",
			infer("\xfd\x80\x02").Bytes(),
		},
	} {
		out = append(out, Case{
			Group: 12, Name: c.name, Does: c.does, Want: Refused, Says: c.says,
			Module: func() []byte { return slices.Clone(c.module) },
		})
	}
	return out
}
