package validate_test

import (
	"encoding/hex"
	"runtime"
	"strings"
	"testing"

	"github.com/cerberus-host/cerberus/host/admit/validate"
	w "github.com/cerberus-host/cerberus/host/wasmtest"
)

// oneFunction is a module with these types, an import of type 1 and a function of type 0.
func oneFunction(types string, body []byte) []byte {
	inside := w.Cat([]byte{0}, body, []byte{0x0b})
	return w.Cat(w.Header(), w.Section(1, code(types)), w.Section(2, code("01 01 61 01 66 00 01")),
		w.Section(3, []byte{1, 0}), w.Section(10, []byte{1}, w.U32(len(inside)), inside))
}

// wide is the type () -> () and one with so many results.
func wide(results int) string {
	return "02 60 00 00 60 00" + hex.EncodeToString(w.U32(results)) + strings.Repeat("7f", results)
}

// TestOperandsAreBounded: calls of two bytes that each leave a thousand operands.
func TestOperandsAreBounded(t *testing.T) {
	calls := validate.OperandsMax / validate.ArityMax
	types := wide(validate.ArityMax)
	unreachable := []byte{0x00}
	wants(t, oneFunction(types, w.Cat(w.Repeat(w.Call(0), calls), unreachable)), "", "")
	many := w.Cat(w.Repeat(w.Call(0), 100*calls), unreachable)
	wants(t, oneFunction(types, many), "code", "operands on the stack")
	ones := w.Cat(w.Repeat([]byte{0x41, 0}, validate.OperandsMax+1), unreachable)
	wants(t, oneFunction(types, ones), "code", "operands on the stack")
}

func TestNestingIsBounded(t *testing.T) {
	nested := func(n int) []byte {
		return w.Cat(w.Repeat([]byte{0x02, 0x40}, n), w.Repeat([]byte{0x0b}, n))
	}
	wants(t, oneFunction(wide(0), nested(validate.NestingMax)), "", "")
	wants(t, oneFunction(wide(0), nested(validate.NestingMax+1)), "code", "nested blocks")
}

// TestClaimsCostNothing: what a module claims and does not hold takes no memory.
func TestClaimsCostNothing(t *testing.T) {
	claim := w.U32(1 << 31)
	for id := range byte(12) {
		if id == 0 || id == 8 {
			continue
		}
		module := w.Cat(w.Header(), w.Section(id, claim))
		if validate.Module(module) == nil {
			t.Errorf("section %d is valid", id)
		}
		if n := testing.AllocsPerRun(10, func() { _ = validate.Module(module) }); n > 40 {
			t.Errorf("section %d: %.0f allocations", id, n)
		}
	}
	// 2^32 - 1 locals in six bytes, in each of many functions.
	body := w.Cat([]byte{1}, w.U32(1<<32-1), []byte{0x7f, 0x0b})
	const functions = 10_000
	module := w.Cat(w.Header(), w.Section(1, code("01 60 00 00")),
		w.Section(3, w.U32(functions), w.Repeat([]byte{0}, functions)),
		w.Section(10, w.U32(functions), w.Repeat(w.Cat(w.U32(len(body)), body), functions)))
	wants(t, module, "", "")
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_ = validate.Module(module)
	runtime.ReadMemStats(&after)
	if n := after.TotalAlloc - before.TotalAlloc; n > uint64(8*len(module)) {
		t.Errorf("%d bytes for a module of %d", n, len(module))
	}
}
