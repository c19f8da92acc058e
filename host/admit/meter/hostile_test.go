package meter_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/tetratelabs/wazero/api"

	"github.com/cerberus-host/cerberus/abi"
	"github.com/cerberus-host/cerberus/host/admit"
	"github.com/cerberus-host/cerberus/host/admit/meter"
	"github.com/cerberus-host/cerberus/host/admit/validate"
	w "github.com/cerberus-host/cerberus/host/wasmtest"
)

// hostile assembles functions of type () -> (), the first exported, with a memory and a table
// that holds them all.
func hostile(bodies ...string) []byte {
	m := w.Module{
		MemoryPages: 1, TableSize: len(bodies), Exports: []w.Export{{Name: "run"}},
	}
	for k, body := range bodies {
		m.Functions = append(m.Functions, w.Function{Body: []byte(body)})
		m.Elements = append(m.Elements, k)
	}
	return m.Bytes()
}

// TestRunawaysStop: whatever would go on, or nest, without end stops, after the same gas in
// both engines.
func TestRunawaysStop(t *testing.T) {
	var tree []string
	for k := 1; k < 60; k++ {
		tree = append(tree, strings.Repeat(string(w.Call(k)), 2))
	}
	call := func(k int) string { return string(w.Call(k)) }
	megabyte := string(w.I32Const(1 << 20))
	page := zero + zero + string(w.I32Const(1<<16))
	results := strings.Repeat(call(1), 30_000)
	for _, c := range []struct {
		name  string
		code  []byte
		depth bool // stops because of the depth, not the gas
	}{
		{"loop", hostile(loop + again + end), false},
		{"loop without anything to pay", hostile(loop + block + again + end + again + end), false},
		{"two loops that share a body", hostile(loop + loop + "\x0c\x01" + end + end), false},
		{"call tree without a loop", hostile(append(tree, "")...), false},
		{"recursion", hostile(call(0)), true},
		{"mutual recursion", hostile(call(1), call(2), call(0)), true},
		{"recursion by a table", hostile(zero + "\x11\x00\x00"), true},
		{"recursion that never comes back early", hostile(block + call(0) + again + end), true},
		{"fills in a row", hostile(strings.Repeat(page+fill, 2000)), false},
		{"copies in a loop", hostile(loop + page + duplicate + again + end), false},
		{"fills out of bounds", hostile(loop + zero + zero + megabyte + fill + again + end), false},
		{"growing to the end", hostile(loop + one + grow + drop + again + end), false},
		{"growing by everything", hostile(loop + "\x41\x7f" + grow + drop + again + end), false},
		{"large frames", hostile(call(1)+strings.Repeat(call(1)+call(0), 500), ""), true},
		{"frames of many values", withValue(results + call(0) + strings.Repeat(drop, 30_000)), true},
	} {
		t.Run(c.name, func(t *testing.T) {
			if err := validate.Module(c.code); err != nil {
				t.Fatal(err)
			}
			allowance := int64(3_000_000)
			if c.depth {
				allowance = 50_000_000
			}
			r := rewrite(t, c.code)
			var used [2]int64
			for k, e := range engines(t, allowance) {
				m := e.instance(t, r.Code)
				_, err := m.ExportedFunction("run").Call(context.Background())
				used[k] = e.used(m)
				deep := depth(m) > meter.DepthDefault
				switch {
				case err == nil:
					t.Errorf("%s: it came to its end", e.name)
				case c.depth && (!deep || errors.Is(err, errNoGas)):
					t.Errorf("%s: depth %d, %v", e.name, depth(m), err)
				case !c.depth && c.name != "fills out of bounds" && !errors.Is(err, errNoGas):
					t.Errorf("%s: %v", e.name, err)
				}
			}
			if used[0] != used[1] {
				t.Errorf("%d units compiled, %d interpreted", used[0], used[1])
			}
		})
	}
}

// withValue assembles a function () -> () and one that leaves a number.
func withValue(body string) []byte {
	m := w.Module{
		MemoryPages: -1, Exports: []w.Export{{Name: "run"}},
		Functions: []w.Function{{Body: []byte(body)}, {Results: w.I32, Body: []byte(ten)}},
	}
	return m.Bytes()
}

// invalidAlone are modules that only what is added would make valid: they name the global of
// the gas, the import, a routine, an added type, an added local. Admission refuses them, and
// so does Rewrite.
func invalidAlone() map[string]*w.Module {
	brain := func(body string) *w.Module { return w.Brain(nil, []byte(body), nil) }
	memory := brain(zero + zero + zero + fill + "\x41\x00\x10\x04\x1a") // its own routine
	return map[string]*w.Module{
		"writes the gas":    brain("\x42\x7f\x24\x00"),
		"reads the depth":   brain("\x23\x01\x1a"),
		"calls the refill":  brain("\x10\x04"),
		"calls a routine":   memory,
		"takes a reference": brain("\xd2\x05\x1a"),
		"calls by a type":   brain("\x41\x00\x11\x01\x00"),
		"block of a type":   brain("\x02\x01\x0b"),
		"reads a local":     brain("\x20\x00\x1a"),
		"branches too far":  brain("\x0c\x01"),
	}
}

// TestInvalidStaysInvalid: no module becomes valid by what is added.
func TestInvalidStaysInvalid(t *testing.T) {
	for name, m := range invalidAlone() {
		code := m.Bytes()
		if validate.Module(code) == nil {
			t.Errorf("%s: it is valid", name)
		}
		if _, err := meter.Rewrite(code, meter.Options{}); !errors.Is(err, meter.ErrInvalid) {
			t.Errorf("%s: Rewrite: %v", name, err)
		}
		if _, err := admit.Admit(w.Attach(t, code)); !errors.Is(err, abi.ErrModule) {
			t.Errorf("%s: Admit: %v", name, err)
		}
	}
}

// TestSelfRefillIsRefused: a module of 56 bytes that is invalid alone, since it has no global,
// and that an injector which does not look makes valid. It would give itself gas for ever.
func TestSelfRefillIsRefused(t *testing.T) {
	const refills = loop + "\x42\xff\xff\xff\xff\xff\xff\xff\xff\xff\x00\x24\x00" + again + end
	m := w.Module{
		Functions: []w.Function{{Body: []byte(refills)}}, MemoryPages: 1,
		Exports: []w.Export{{Name: "run"}},
	}
	code := m.Bytes()
	if len(code) != 56 {
		t.Errorf("it has %d bytes", len(code))
	}
	if _, err := meter.Rewrite(code, meter.Options{}); !errors.Is(err, meter.ErrInvalid) {
		t.Errorf("Rewrite: %v", err)
	}
	if err := validate.Module(code); !errors.Is(err, validate.ErrInvalid) {
		t.Errorf("validation: %v", err)
	}
}

// TestReservedNames: a guest can neither import the refill nor export names of ours.
func TestReservedNames(t *testing.T) {
	imports := w.Brain(nil, nil, nil)
	imports.Import(w.Import{Module: meter.ImportModule, Name: meter.ImportRefill})
	exports := w.Brain(nil, nil, nil)
	exports.Exports = append(exports.Exports, w.Export{Name: meter.ExportGas, Kind: w.Memory})
	others := w.Brain(nil, nil, nil)
	others.Exports = append(others.Exports, w.Export{Name: meter.ReservedPrefix + "x"})
	for name, m := range map[string]*w.Module{
		"import": imports, "export of gas": exports, "export of a function": others,
	} {
		code := m.Bytes()
		if _, err := meter.Rewrite(code, meter.Options{}); !errors.Is(err, meter.ErrReserved) {
			t.Errorf("%s: Rewrite: %v", name, err)
		}
		if _, err := admit.Admit(w.Attach(t, code)); !errors.Is(err, abi.ErrModule) {
			t.Errorf("%s: Admit: %v", name, err)
		}
	}
}

// TestTableChangesAreRefused: an instance could not be restored, nor would the gas bound the
// table.
func TestTableChangesAreRefused(t *testing.T) {
	for name, body := range map[string]string{
		"table.set":  zero + "\xd0\x70\x26\x00",
		"table.init": zero + zero + zero + "\xfc\x0c\x00\x00",
		"table.copy": zero + zero + zero + "\xfc\x0e\x00\x00",
		"table.grow": "\xd0\x70" + one + "\xfc\x0f\x00\x1a",
		"table.fill": zero + "\xd0\x70" + zero + "\xfc\x11\x00",
	} {
		if _, err := meter.Rewrite(hostile(body), meter.Options{}); !errors.Is(err, meter.ErrOperator) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestTrapsKeepTheCharge: gas that was taken before a trap stays taken, and a later call of
// the same instance begins from there.
func TestTrapsKeepTheCharge(t *testing.T) {
	code := hostile(strings.Repeat("\x01", 100) + trapNow)
	for _, e := range engines(t, 1_000) {
		m := e.instance(t, rewrite(t, code).Code)
		for calls := int64(1); calls < 4; calls++ {
			if _, err := m.ExportedFunction("run").Call(context.Background()); err == nil {
				t.Errorf("%s: no trap", e.name)
			}
			if used := e.used(m); used != 92*calls {
				t.Errorf("%s: %d units after %d calls", e.name, used, calls)
			}
		}
	}
}

// TestSnapshot: memory and the exported globals are all of an instance's state.
func TestSnapshot(t *testing.T) {
	m := w.Module{
		MemoryPages: 1,
		Functions:   []w.Function{{Results: w.I64, Body: []byte("\x23\x01\x42\x01\x7c\x24\x01\x23\x01")}},
		Exports:     []w.Export{{Name: "run"}},
	}
	code := m.Bytes()
	globals := w.Section(6, []byte{3, 0x7f, 0, 0x41, 5, 0x0b, 0x7e, 1, 0x42, 7, 0x0b, 0x7c, 1, 0x44},
		make([]byte, 8), []byte{0x0b})
	at := strings.Index(string(code), "\x07\x07\x01\x03run")
	r := rewrite(t, w.Cat(code[:at], globals, code[at:]))
	want := []string{meter.ExportGlobalPrefix + "1", meter.ExportGlobalPrefix + "2"}
	if len(r.Globals) != 2 || r.Globals[0].Export != want[0] || r.Globals[1].Export != want[1] {
		t.Fatalf("globals %v, want %v", r.Globals, want)
	}
	for _, e := range engines(t, 1_000) {
		in := e.instance(t, r.Code)
		counter := in.ExportedGlobal(want[0]).(api.MutableGlobal)
		for range 2 {
			for n := uint64(8); n < 11; n++ {
				got, err := in.ExportedFunction("run").Call(context.Background())
				if err != nil || got[0] != n {
					t.Errorf("%s: %v, %v, want %d", e.name, got, err, n)
				}
			}
			counter.Set(7)
		}
	}
}
