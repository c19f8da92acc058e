package meter_test

import (
	"context"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/tetratelabs/wazero"

	"github.com/cerberus-host/cerberus/host/admit/meter"
	"github.com/cerberus-host/cerberus/host/admit/wasm"
	w "github.com/cerberus-host/cerberus/host/wasmtest"
)

// TestEverythingHasAPrice: what runs is never free, but for what only marks a place.
func TestEverythingHasAPrice(t *testing.T) {
	free := map[wasm.Op]bool{
		wasm.OpUnreachable: true, wasm.OpBlock: true, wasm.OpElse: true, wasm.OpEnd: true,
	}
	for _, from := range []wasm.Op{0, wasm.PrefixBulk << 8, wasm.PrefixVector << 16} {
		for n := range wasm.Op(0x100) {
			if _, ok := wasm.Info(from | n); ok && (meter.Price(from|n) == 0) != free[from|n] {
				t.Errorf("%s costs %d", from|n, meter.Price(from|n))
			}
		}
	}
}

// priceUnits are pieces of code beside the plain operators whose prices are measured; the
// functions 1 and 2 return their parameter, 2 has a call that it does not come to.
var priceUnits = map[string]string{
	"call":             ten + "\x10\x01" + drop,
	"call of a caller": zero + "\x10\x02" + drop,
	"call_indirect":    ten + one + "\x11\x01\x00" + drop,
	"ref.func":         "\xd2\x01" + drop,
	"table.get":        one + "\x25\x00" + drop,
	"br_table":         block + block + one + "\x0e\x01\x00\x01" + end + end,
	"memory.fill 64":   zero + zero + "\x41\xc0\x00" + fill,
	"memory.copy 64":   zero + zero + "\x41\xc0\x00" + duplicate,
	"memory.grow":      zero + grow + drop,
}

// BenchmarkPrices measures what a unit of gas takes in compiled code, operator by operator.
// Prices are to keep it below half a nanosecond where memory is near; ordinary code, much of
// which compiles to nothing, takes a tenth.
func BenchmarkPrices(b *testing.B) {
	units := map[string]string{}
	maps.Copy(units, priceUnits)
	g := &generator{plain: map[wasm.Types][]wasm.Op{}}
	g.list()
	for result, ops := range g.plain {
		for _, op := range ops {
			if !strings.Contains(op.String(), "rem_") { // the remainder becomes the divisor: 0
				units[op.String()] = g.priced(op, result)
			}
		}
	}
	e := newEngine(b, "compiler", wazero.NewRuntimeConfigCompiler(), 1<<60)
	worst, name := 0.0, ""
	for range b.N {
		for what, code := range units {
			if ns := e.unitTime(b, code); ns > worst {
				worst, name = ns, what
			}
		}
	}
	b.ReportMetric(worst, "worst-ns/gas")
	b.Logf("dearest for its price: %s, %.3f ns a unit", name, worst)
}

// pricedLocals are the locals 1 to 6 of the measured function.
const pricedLocals = "\x7f\x7e\x7d\x7c\x7b\x70"

// priced is an operator on locals, whose result goes into a local.
func (g *generator) priced(op wasm.Op, result wasm.Types) string {
	info, _ := wasm.Info(op)
	g.data, g.out = nil, nil
	local := func(t wasm.Types) byte { return byte(1 + strings.Index(pricedLocals, string(t))) }
	for k := range info.Params {
		g.emit(0x20, local(info.Params[k:k+1]))
		if k == 0 && info.Bytes > 0 && info.Params[0] == 0x7f {
			g.emit(0x41, 0xff, 0x00, 0x71) // an address below 128
		}
	}
	g.immediates(op, &info)
	if len(result) == 1 {
		g.emit(0x21, local(result))
	}
	return string(g.out)
}

// unitTime returns the best time of a unit, in nanoseconds, of a loop of that code.
func (e *engine) unitTime(tb testing.TB, code string) float64 {
	tb.Helper()
	const turns, copies = 5_000, 50
	locals := []byte{byte(len(pricedLocals))}
	for _, t := range []byte(pricedLocals) {
		locals = append(locals, 1, t)
	}
	start := ten + "\x21\x01\x42\x07\x21\x02\x43\x00\x00\x20\x40\x21\x03" +
		"\x44\x00\x00\x00\x00\x00\x00\x04\x40\x21\x04"
	m := w.Module{
		Functions: []w.Function{
			{Params: w.I32, Locals: locals, Body: []byte(start + loop + strings.Repeat(code, copies) +
				less + x + againIf + end)},
			{Params: w.I32, Results: w.I32, Body: []byte(x)},
			{Params: w.I32, Results: w.I32, Body: []byte(x + iff + zero + "\x10\x02" + drop + end + x)},
		},
		MemoryPages: 1, TableSize: 2, Elements: []int{0, 1}, Exports: []w.Export{{Name: "run"}},
	}
	in := e.instance(tb, rewrite(tb, m.Bytes()).Code)
	best := time.Hour
	var used int64
	for range 3 {
		used = e.used(in)
		began := time.Now()
		if _, err := in.ExportedFunction("run").Call(context.Background(), turns); err != nil {
			tb.Fatal(err)
		}
		best = min(best, time.Since(began))
		used = e.used(in) - used
	}
	_ = in.Close(context.Background())
	return float64(best.Nanoseconds()) / float64(used)
}
