package hostile

import (
	"encoding/binary"

	w "github.com/cerberus-host/cerberus/host/wasmtest"
)

// Generate assembles a valid Brain out of bytes, which decide what its encode computes: any
// bytes give a module, the same bytes the same one. Every loop has a counter, and functions
// call only later ones, so a generated guest ends. What it has computed, its globals and its
// memory, it logs in the end as letters, so that two runs can be compared.
func Generate(choices []byte) []byte {
	g := &generator{choices: choices}
	m := encode("")
	log := host(m, "log")
	first := log + 1 + firstOwn // the first function of its own, behind the entry points
	dump := first + generated
	for i := range generated {
		g.later = nil
		for k := i + 1; k < generated; k++ {
			g.later = append(g.later, first+k)
		}
		m.Functions = append(m.Functions, w.Function{
			Params: i32 + f64, Results: i64, Locals: []byte(generatedLocals),
			Body: []byte(g.statements(2) + g.expression(i64, 3)),
		})
	}
	m.Functions = append(m.Functions, w.Function{Params: i64, Body: []byte(dumpBody(log))})
	m.Functions[encodeIndex].Locals = []byte("\x02\x01" + i32 + "\x01" + i64)
	m.Functions[encodeIndex].Body = []byte(num(7) + float64Const(0x4009<<48) + call(first) +
		call(dump) + globalGet(0) + call(dump) + globalGet(1) + "\xad" + call(dump) +
		globalGet(2) + "\xbd" + call(dump) + checksum() + call(dump) + memorySize + "\xad" +
		call(dump))
	return put(m.Bytes(), sectionGlobal, "\x03"+i64+"\x01"+num64(1)+end+i32+"\x01"+num(2)+end+
		f64+"\x01"+float64Const(0x3ff8<<48)+end)
}

const (
	// generated is how many functions a generated module has of its own.
	generated = 3
	// generatedLocals are, behind the parameters 0 and 1: 2 to 4 are i32, 5 and 6 i64, 7 f32,
	// 8 f64. Locals 3 and 4 are counters.
	generatedLocals = "\x04\x03" + i32 + "\x02" + i64 + "\x01" + f32 + "\x01" + f64
	f32             = "\x7d"
	// dumpAt is where a number becomes text.
	dumpAt = page - 32
)

// dumpBody logs its parameter as sixteen letters.
func dumpBody(log int) string {
	code := ""
	for i := range 16 {
		code += num(dumpAt+i) + get(0) + num64(int64(4*i)) + "\x88\xa7" + num(15) + "\x71" +
			num('a') + add32 + "\x3a\x00\x00"
	}
	return code + num(dumpAt) + num(16) + call(log) + drop
}

// checksum leaves a number that depends on every word of the first page before dumpAt, with
// local 0 as the pointer and local 1 as the sum.
func checksum() string {
	return num(0) + set(0) + loop(get(1)+num64(0x100000001b3)+"\x7e"+
		get(0)+"\x29\x03\x00"+"\x85"+set(1)+
		get(0)+num(8)+add32+tee(0)+num(dumpAt)+less32+brIf0) + get(1)
}

// generator turns choices into code.
type generator struct {
	choices []byte
	at      int
	// later are the functions that may be called, of type (i32, f64) -> i64.
	later []int
	// loops counts the loops around the place; each has a counter in a local.
	loops int
}

// pick returns a number below n; when the choices are used up, always 0.
func (g *generator) pick(n int) int {
	if g.at >= len(g.choices) {
		return 0
	}
	g.at++
	return int(g.choices[g.at-1]) % n
}

// word returns eight choices.
func (g *generator) word() uint64 {
	var b [8]byte
	if g.at < len(g.choices) {
		g.at += copy(b[:], g.choices[g.at:])
	}
	return binary.LittleEndian.Uint64(b[:])
}

// local returns a local of a type that may be written.
func (g *generator) local(kind string) int {
	return map[string]int{i32: 2, i64: 5 + g.pick(2), f32: 7, f64: 8}[kind]
}

// kind returns a type.
func (g *generator) kind() string { return []string{i32, i64, f32, f64}[g.pick(4)] }

// statements leaves nothing on the stack.
func (g *generator) statements(depth int) string {
	code := ""
	for range g.pick(4) + 1 {
		code += g.statement(depth)
	}
	return code
}

func (g *generator) statement(depth int) string {
	kind := g.kind()
	if depth == 0 {
		return g.expression(kind, 1) + set(g.local(kind))
	}
	switch g.pick(11) {
	case 0:
		return g.expression(i32, 2) + when(g.statements(depth-1))
	case 1:
		return block(g.statements(depth-1) + g.expression(i32, 2) + brIf0 + g.statements(depth-1))
	case 2:
		return g.loop(depth)
	case 3:
		return g.address() + g.expression(kind, 2) + stores(kind)
	case 4:
		return g.expression(i64, 2) + globalSet(0)
	case 5:
		return g.expression(f64, 2) + globalSet(2)
	case 6: // a table of branches over three blocks
		return block(block(block(g.expression(i32, 2)+"\x0e\x02\x00\x01\x02")+
			g.statements(depth-1)) + g.statements(depth-1))
	case 7:
		return g.address() + num(g.pick(256)) + num(g.pick(128)) + memoryFill
	case 8:
		return g.address() + g.address() + num(g.pick(128)) + memoryCopy
	case 9:
		return num(g.pick(2)) + memoryGrow + globalSet(1)
	default:
		return g.expression(kind, 3) + set(g.local(kind))
	}
}

// loop runs statements a few times.
func (g *generator) loop(depth int) string {
	if g.loops == 2 {
		return ""
	}
	counter := 3 + g.loops
	g.loops++
	body := g.statements(depth - 1)
	g.loops--
	return num(0) + set(counter) + loop(body+
		get(counter)+num(1)+add32+tee(counter)+num(2+g.pick(6))+less32+brIf0)
}

// address leaves an address in the first half of the page.
func (g *generator) address() string {
	return g.expression(i32, 1) + num(page/2-8) + "\x71"
}

func stores(kind string) string {
	return map[string]string{
		i32: store32, i64: "\x37\x03\x00", f32: "\x38\x02\x00", f64: "\x39\x03\x00",
	}[kind]
}

func loads(kind string) string {
	return map[string]string{
		i32: load32, i64: "\x29\x03\x00", f32: "\x2a\x02\x00", f64: "\x2b\x03\x00",
	}[kind]
}

// expression leaves one value of a type.
func (g *generator) expression(kind string, depth int) string {
	if depth == 0 {
		return g.leaf(kind)
	}
	sub := func(kind string) string { return g.expression(kind, depth-1) }
	switch g.pick(8) {
	case 0:
		return g.leaf(kind)
	case 1:
		return sub(kind) + g.operator(unaryOperators(kind))
	case 2, 3:
		return sub(kind) + sub(kind) + g.operator(binaryOperators(kind))
	case 4:
		return g.converted(kind, depth)
	case 5:
		return g.address() + loads(kind)
	case 6:
		return sub(kind) + sub(kind) + sub(i32) + "\x1b" // select
	default:
		return sub(i32) + "\x04" + kind + sub(kind) + "\x05" + sub(kind) + end
	}
}

func (g *generator) leaf(kind string) string {
	if g.pick(2) == 0 {
		return get(g.local(kind))
	}
	switch kind {
	case i32:
		return bits(uint32(g.word()))
	case i64:
		return num64(int64(g.word()))
	case f32:
		return float32Const(uint32(g.word()))
	default:
		return float64Const(g.word())
	}
}

// operator chooses one byte.
func (g *generator) operator(of string) string {
	i := g.pick(len(of))
	return of[i : i+1]
}

// unaryOperators and binaryOperators are those of a type on values of that type.
func unaryOperators(kind string) string {
	return map[string]string{
		i32: "\x67\x68\x69\xc0\xc1", i64: "\x79\x7a\x7b\xc2\xc3\xc4",
		f32: "\x8b\x8c\x8d\x8e\x8f\x90\x91", f64: "\x99\x9a\x9b\x9c\x9d\x9e\x9f",
	}[kind]
}

func binaryOperators(kind string) string {
	return map[string]string{
		i32: "\x6a\x6b\x6c\x6d\x6e\x6f\x70\x71\x72\x73\x74\x75\x76\x77\x78",
		i64: "\x7c\x7d\x7e\x7f\x80\x81\x82\x83\x84\x85\x86\x87\x88\x89\x8a",
		f32: "\x92\x93\x94\x95\x96\x97\x98", f64: "\xa0\xa1\xa2\xa3\xa4\xa5\xa6",
	}[kind]
}

// converted leaves a value of a type made from one of another.
func (g *generator) converted(kind string, depth int) string {
	sub := func(kind string) string { return g.expression(kind, depth-1) }
	switch kind {
	case i32:
		switch g.pick(6) {
		case 0:
			return sub(i64) + "\xa7"
		case 1:
			return sub(f64) + "\xaa" // may trap
		case 2:
			return sub(f32) + "\xbc"
		case 3:
			return sub(f64) + sub(f64) + g.operator("\x61\x62\x63\x64\x65\x66")
		case 4:
			return sub(i64) + sub(i64) + g.operator("\x51\x52\x53\x54\x55\x56\x57\x58\x59\x5a")
		default:
			return sub(f32) + "\xfc" + g.operator("\x00\x01")
		}
	case i64:
		if len(g.later) > 0 && g.loops == 0 && g.pick(3) == 0 {
			return sub(i32) + sub(f64) + call(g.later[g.pick(len(g.later))])
		}
		return sub(i32) + sub(i32) + g.operator("\x46\x47\x48\x49\x4a") + g.operator("\xac\xad")
	case f32:
		return sub(f64) + "\xb6"
	default:
		if g.pick(2) == 0 {
			return sub(f32) + "\xbb"
		}
		return sub(i64) + g.operator("\xb9\xba\xbf")
	}
}
