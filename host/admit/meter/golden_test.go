package meter_test

import (
	"context"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/cerberus-host/cerberus/host/admit/meter"
	"github.com/cerberus-host/cerberus/host/admit/validate"
	"github.com/cerberus-host/cerberus/host/admit/wasm"
	w "github.com/cerberus-host/cerberus/host/wasmtest"
)

var update = flag.Bool("update", false, "write the golden files")

const gasGolden = "testdata/gas.golden"

// Operators in the bodies below.
const (
	block, loop, iff, els, end = "\x02\x40", "\x03\x40", "\x04\x40", "\x05", "\x0b"
	x, y, setX, setY, teeX     = "\x20\x00", "\x20\x01", "\x21\x00", "\x21\x01", "\x22\x00"
	add, sub, mul, eqz, ltU    = "\x6a", "\x6b", "\x6c", "\x45", "\x49"
	zero, one, two, ten        = "\x41\x00", "\x41\x01", "\x41\x02", "\x41\x0a"
	out, again, outIf, againIf = "\x0c\x01", "\x0c\x00", "\x0d\x01", "\x0d\x00"
	ret, drop, trapNow         = "\x0f", "\x1a", "\x00"
	fill, duplicate, grow      = "\xfc\x0b\x00", "\xfc\x0a\x00\x00", "\x40\x00"
	less                       = x + one + sub + setX // x = x - 1
	grows                      = y + two + add + setY // y = y + 2
)

// costly are operators for more than an arm of an if may cost to be paid with it.
var costly = strings.Repeat(grows, 4)

// goldenCase is a module whose function 0, of type (i32) -> i32 with a second local i32, has
// this body; others follow.
type goldenCase struct {
	name   string
	body   string
	others []w.Function
	args   []uint64
}

// goldenCases are modules by the rule that they show.
func goldenCases() []goldenCase {
	self := "\x10\x00"
	leaf := w.Function{Params: w.I32, Results: w.I32, Body: []byte(x + one + add)}
	large := w.Function{
		Params: w.I32, Results: w.I32, Body: []byte(strings.Repeat(less, 50) + x),
	}
	return []goldenCase{
		{"straight line", strings.Repeat(grows, 10) + y, nil, []uint64{0}},
		{"entry that the call has paid", x + one + add, nil, []uint64{0}},
		{
			"block that is always left at its end", block + x + againIf + end + costly + y, nil,
			[]uint64{0, 1},
		},
		{
			"loop that ends by a condition", loop + grows + less + x + againIf + end + y, nil,
			[]uint64{1, 10},
		},
		{
			"loop that is left from within", block + loop + x + eqz + outIf + grows + less + again + end +
				end + y, nil, []uint64{0, 1, 10},
		},
		{"loop that is never left", loop + again + end + trapNow, nil, []uint64{0}},
		{
			"loops in loops", loop + ten + setY + loop + y + one + sub + setY + y + againIf + end + less +
				x + againIf + end + x, nil, []uint64{1, 10},
		},
		{"cheap arms", x + iff + grows + els + less + end + y, nil, []uint64{0, 1}},
		{"dear arms", x + iff + costly + grows + els + costly + end + y, nil, []uint64{0, 1}},
		{"arm that leaves early", x + iff + grows + y + ret + end + costly + y, nil, []uint64{0, 1}},
		{
			"arm that leaves early and meets the rest again", block + x + iff + grows + out + end + costly +
				end + costly + y, nil, []uint64{0, 1},
		},
		{
			"second arm that leaves early", x + iff + costly + els + grows + y + ret + end + costly + y, nil,
			[]uint64{0, 1},
		},
		{"arm that traps", x + iff + grows + trapNow + end + costly + y, nil, []uint64{0, 1}},
		{
			"table of branches", block + block + block + x + "\x0e\x02\x00\x01\x02" + end + costly + ret2 +
				end + grows + end + y, nil, []uint64{0, 1, 2, 9},
		},
		{"blocks behind a table in a loop", dispatcher, nil, []uint64{1, 10}},
		{"small leaf", x + "\x10\x01", []w.Function{leaf}, []uint64{5}},
		{"large leaf", x + "\x10\x01", []w.Function{large}, []uint64{5}},
		{"recursion", x + eqz + iff + y + ret + end + x + one + sub + self, nil, []uint64{0, 1, 100}},
		{"call by a table", x + zero + "\x11\x00\x00", []w.Function{leaf}, []uint64{5}},
		{"fill", zero + zero + x + fill + x, nil, []uint64{0, 1, 1000, 1 << 20}},
		{"copy", zero + ten + x + duplicate + x, nil, []uint64{1000}},
		{"grow", x + grow, nil, []uint64{0, 1, 1000}},
		{"division", ten + x + "\x6e", nil, []uint64{5, 0}},
		{
			"floats", x + "\xb7" + x + "\xb7\xa3" + "\x44\x00\x00\x00\x00\x00\x00\x00\x40\xa0\xaa", nil,
			[]uint64{3},
		},
	}
}

// ret2 returns the second local.
const ret2 = y + ret

// dispatcher is a loop as Go's compiler writes it: every jump sets the number of a block and
// goes to a table at the head.
const dispatcher = loop + block + block + block + y + "\x0e\x02\x00\x01\x02" + end +
	one + setY + "\x0c\x02" + // block 0: to 1
	end + x + eqz + iff + two + setY + "\x0c\x02" + end + less + one + setY + out + // block 1
	end + ten + ret + end + trapNow // block 2: the end

// module assembles the case.
func (c goldenCase) module() []byte {
	m := w.Module{
		Functions: append([]w.Function{{
			Params: w.I32, Results: w.I32, Locals: []byte{1, 1, 0x7f}, Body: []byte(c.body),
		}}, c.others...),
		MemoryPages: 1, TableSize: 2, Elements: []int{0},
		Exports: []w.Export{{Name: "run"}},
	}
	if len(c.others) > 0 {
		m.Elements = []int{1}
	}
	return m.Bytes()
}

// TestGasGolden: what named modules are charged, exactly, in both engines. A change of these
// numbers is a change of [meter.Version] or of the prices.
func TestGasGolden(t *testing.T) {
	var b strings.Builder
	_, _ = fmt.Fprintf(&b, "rules %s\nprices %s\n", meter.Version, meter.CostDigest())
	both := engines(t, 1_000_000)
	for _, c := range goldenCases() {
		code := c.module()
		if err := validate.Module(code); err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		r := rewrite(t, code)
		_, _ = fmt.Fprintf(&b, "\n%s\n", c.name)
		for _, argument := range c.args {
			var lines [2]string
			for k, e := range both {
				m := e.instance(t, r.Code)
				results, err := m.ExportedFunction("run").Call(context.Background(), argument)
				o := outcome{results: results, err: err}
				lines[k] = fmt.Sprintf("%8d  run(%d) = %v %s", e.used(m), argument, o.results, o.reason())
			}
			if lines[0] != lines[1] {
				t.Errorf("%s: %q compiled, %q interpreted", c.name, lines[0], lines[1])
			}
			_, _ = fmt.Fprintln(&b, strings.TrimRight(lines[0], " "))
		}
	}
	if *update {
		if err := os.WriteFile(gasGolden, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(gasGolden)
	if err != nil {
		t.Fatal(err)
	}
	if b.String() != string(want) {
		t.Errorf("other gas than in %s; with -update it is written anew:\n%s", gasGolden, b.String())
	}
}

// TestGoldenCasesAreExact: with exact prices the same modules are charged what the simplest
// injector counts.
func TestGoldenCasesAreExact(t *testing.T) {
	l := newLaboratory(t)
	for _, c := range goldenCases() {
		code := c.module()
		x, err := meter.RewriteExact(code, meter.Options{})
		if err != nil {
			t.Fatal(err)
		}
		simple := naiveModule(t, code, 1_000_000, 2048)
		for _, argument := range c.args {
			m, n := l.exact.instance(t, x.Code), l.naive.instance(t, simple)
			_, err := m.ExportedFunction("run").Call(context.Background(), argument)
			_, naiveErr := n.ExportedFunction("run").Call(context.Background(), argument)
			if (err == nil) != (naiveErr == nil) {
				t.Errorf("%s: %v, simply %v", c.name, err, naiveErr)
			}
			simply := 1_000_000 - int64(n.ExportedGlobal(naiveExport).Get())
			if got := l.exact.used(m); err == nil && got != simply {
				t.Errorf("%s: run(%d): %d units, simply %d", c.name, argument, got, simply)
			}
		}
	}
}

var _ = wasm.OpNop
