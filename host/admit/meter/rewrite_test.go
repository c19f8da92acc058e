package meter_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/cerberus-host/cerberus/host/admit/meter"
	"github.com/cerberus-host/cerberus/host/admit/validate"
	"github.com/cerberus-host/cerberus/host/admit/wasm"
	w "github.com/cerberus-host/cerberus/host/wasmtest"
)

// TestSectionsThatAreMissing: what is added needs sections that a module may lack.
func TestSectionsThatAreMissing(t *testing.T) {
	types := w.Section(1, []byte{1, 0x60, 0, 0})
	functions := w.Section(3, []byte{1, 0})
	code := w.Section(10, []byte{1, 2, 0, 0x0b})
	table, memory := w.Section(4, []byte{1, 0x70, 0, 3}), w.Section(5, []byte{1, 0, 1})
	imports := w.Section(2, []byte{1}, w.Name("env"), w.Name("g"), []byte{0, 0})
	for name, sections := range map[string][][]byte{
		"nothing":          {},
		"custom section":   {w.Section(0, w.Name("name"), []byte{1, 2, 3})},
		"types":            {types},
		"imports":          {types, imports},
		"memory":           {memory},
		"memory and data":  {memory, w.Section(11, []byte{1, 0, 0x41, 0, 0x0b, 1, 7})},
		"data count alone": {memory, w.Section(12, []byte{0})},
		"table":            {table},
		"global":           {w.Section(6, []byte{1, 0x7f, 1, 0x41, 7, 0x0b})},
		"no functions":     {types, w.Section(3, []byte{0}), w.Section(10, []byte{0})},
		"start":            {types, functions, w.Section(8, []byte{0}), code},
		"references": {
			types, functions, w.Section(6, []byte{1, 0x70, 0, 0xd2, 0, 0x0b}), code,
		},
		"elements": {
			types, functions, table, w.Section(9, []byte{
				3, 0, 0x41, 0, 0x0b, 1, 0, 5, 0x70, 1, 0xd2, 0, 0x0b, 3, 0, 1, 0,
			}), code,
		},
	} {
		module := w.Cat(append([][]byte{w.Header()}, sections...)...)
		if err := validate.Module(module); err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		r := rewrite(t, module)
		if err := validate.Module(r.Code); err != nil {
			t.Errorf("%s: rewritten: %v", name, err)
		}
		for _, e := range engines(t, 1_000) {
			if name == "imports" {
				continue // nobody gives them
			}
			if used := e.used(e.instance(t, r.Code)); used != 0 {
				t.Errorf("%s: %s: %d units for nothing", name, e.name, used)
			}
		}
	}
}

// TestForcedMaxima: a table does not grow, a memory to what the options say at most.
func TestForcedMaxima(t *testing.T) {
	module := func(memory ...byte) []byte {
		return w.Cat(w.Header(), w.Section(4, []byte{2, 0x70, 0, 3, 0x6f, 1, 4, 9}), w.Section(5, memory))
	}
	for _, c := range []struct {
		memory []byte
		want   wasm.Limits
		err    error
	}{
		{[]byte{1, 0, 1}, wasm.Limits{Min: 1, Max: 5, HasMax: true}, nil},
		{[]byte{1, 1, 1, 3}, wasm.Limits{Min: 1, Max: 3, HasMax: true}, nil},
		{[]byte{1, 1, 1, 9}, wasm.Limits{Min: 1, Max: 5, HasMax: true}, nil},
		{[]byte{1, 0, 5}, wasm.Limits{Min: 5, Max: 5, HasMax: true}, nil},
		{[]byte{1, 0, 6}, wasm.Limits{}, meter.ErrLimit},
		{[]byte{1, 1, 3, 2}, wasm.Limits{}, meter.ErrInvalid},
	} {
		r, err := meter.Rewrite(module(c.memory...), meter.Options{MemoryPagesMax: 5})
		if !errors.Is(err, c.err) || c.err == nil && err != nil {
			t.Errorf("memory %v: %v", c.memory, err)
		}
		if err != nil {
			continue
		}
		each(t, r.Code, func(id wasm.SectionID, s *wasm.Reader) {
			_, _ = s.U32()
			switch id {
			case wasm.SectionMemory:
				if got, _ := s.Memory(); got != c.want {
					t.Errorf("memory %v: %v, want %v", c.memory, got, c.want)
				}
			case wasm.SectionTable:
				for _, size := range []uint32{3, 4} {
					if got, _ := s.Table(); got.Min != size || got.Max != size || !got.HasMax {
						t.Errorf("table %v, want %d entries", got, size)
					}
				}
			default:
			}
		})
	}
}

// TestOptions: limits that no engine could keep are refused.
func TestOptions(t *testing.T) {
	for _, o := range []meter.Options{
		{MemoryPagesMax: 1<<16 + 1}, {DepthMax: meter.DepthLimit + 1}, {CodeBytesMax: -1},
	} {
		if _, err := meter.Rewrite(w.Header(), o); !errors.Is(err, meter.ErrOptions) {
			t.Errorf("%+v: %v", o, err)
		}
	}
	_, err := meter.Rewrite(hostile(strings.Repeat("\x01", 20)), meter.Options{CodeBytesMax: 8})
	if !errors.Is(err, meter.ErrLimit) {
		t.Errorf("code without room: %v", err)
	}
}

// TestDepthMax: calls nest as deep as the options say and no deeper, and what was entered is
// left on every way out.
func TestDepthMax(t *testing.T) {
	// run(x) calls itself x times, and returns by falling through, a branch or a return.
	const recursion = x + eqz + iff + ret + end + x + one + sub + "\x10\x00" +
		x + one + "\x71" + iff + ret + end + x + two + "\x71" + outOfBody
	m := w.Module{
		Functions: []w.Function{{Params: w.I32, Body: []byte(recursion)}}, MemoryPages: 1,
		Exports: []w.Export{{Name: "run"}},
	}
	r, err := meter.Rewrite(m.Bytes(), meter.Options{DepthMax: 7})
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range engines(t, 1_000_000) {
		for calls := range uint64(10) {
			in := e.instance(t, r.Code)
			_, err := in.ExportedFunction("run").Call(context.Background(), calls)
			if fits := calls < 7; fits != (err == nil) || fits != (depth(in) == 0) {
				t.Errorf("%s: %d calls: %v, depth %d", e.name, calls, err, depth(in))
			}
		}
	}
}

// outOfBody branches to the end of the body if the number on the stack is not zero.
const outOfBody = "\x0d\x00"

// TestNaN: a computed NaN is canonical wherever its bits can be seen, and only there is it
// made so.
func TestNaN(t *testing.T) {
	const (
		f64zero   = "\x44\x00\x00\x00\x00\x00\x00\x00\x00"
		f64nan    = "\x44\x01\x00\x00\x00\x00\x00\xf4\xff"
		bits      = "\xbd"
		canonical = 0x7ff8000000000000
	)
	for _, c := range []struct {
		name, body string
		sites      int
		want       uint64
	}{
		{"division", f64zero + f64zero + "\xa3" + bits, 1, canonical},
		{"chain", f64nan + f64zero + "\xa0" + f64zero + "\xa2\x9f" + bits, 1, canonical},
		{"two operands", f64nan + f64zero + "\xa0" + f64nan + f64zero + "\xa2\xa4" + bits, 1, canonical},
		{"negation sees the sign", f64nan + f64zero + "\xa0\x9a" + bits, 1, 1<<63 | canonical},
		{"copysign takes one", f64zero + f64nan + f64zero + "\xa0\xa6" + bits, 1, 0},
		{
			"more than are watched", strings.Repeat(f64zero+f64zero+"\xa3", 20) +
				strings.Repeat("\xa0", 19) + bits, 5, canonical,
		},
		{"kept in a local", f64nan + f64zero + "\xa0\x22\x00" + bits, 1, canonical},
		{"compared", f64nan + f64zero + "\xa0" + f64zero + "\x61\xad", 0, 0},
		{"dropped", f64nan + f64zero + "\xa0" + drop + "\x42\x05", 0, 5},
		{
			"end of a block", "\x02\x7c" + f64nan + f64zero + "\xa0" + end + f64zero + "\xa0" + bits, 2,
			canonical,
		},
		{"not computed", f64nan + "\x9a" + bits, 0, 0x7ff4000000000001},
		{"demoted", f64nan + "\xb6\xbc\xad", 1, 0x7fc00000},
		{"promoted", f64nan + "\xb6\xbb" + bits, 1, canonical},
	} {
		m := w.Module{
			Functions: []w.Function{{
				Results: w.I64, Locals: []byte{1, 1, 0x7c}, Body: []byte(c.body),
			}}, MemoryPages: -1, Exports: []w.Export{{Name: "run"}},
		}
		code := m.Bytes()
		if err := validate.Module(code); err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		r := rewrite(t, code)
		if r.NaNSites != c.sites {
			t.Errorf("%s: %d sites, want %d", c.name, r.NaNSites, c.sites)
		}
		for _, e := range engines(t, 1_000) {
			got, err := e.instance(t, r.Code).ExportedFunction("run").Call(context.Background())
			if err != nil || got[0] != c.want {
				t.Errorf("%s: %s: %x, %v, want %x", c.name, e.name, got, err, c.want)
			}
		}
	}
}

// TestFacts: what a result says of the module.
func TestFacts(t *testing.T) {
	code := hostile(strings.Repeat("\x01", 20), loop+again+end+"\xfc\x0d\x00")
	r := rewrite(t, code)
	if r.Restorable {
		t.Error("elem.drop is not told")
	}
	if r.BytesBefore != len(code) || r.BytesAfter != len(r.Code) || r.Charges == 0 || r.Looks == 0 {
		t.Errorf("%+v", r)
	}
	if !rewrite(t, hostile("")).Restorable {
		t.Error("nothing keeps the module from being restored")
	}
	vector := w.Section(6, []byte{1, 0x7b, 1, 0xfd, 12}, make([]byte, 16), []byte{0x0b})
	if rewrite(t, w.Cat(w.Header(), vector)).Restorable {
		t.Error("a vector that can change is not told")
	}
}

// TestRewriteIsDeterministic: the same module gives the same bytes, and is not written to.
func TestRewriteIsDeterministic(t *testing.T) {
	code := goModule(t)
	before := string(code)
	a, b := rewrite(t, code), rewrite(t, code)
	if string(a.Code) != string(b.Code) {
		t.Error("two results")
	}
	if string(code) != before {
		t.Error("the module has been changed")
	}
}

// FuzzRewrite: of any bytes, a valid module stays valid and an invalid one does not become
// valid; nothing panics.
func FuzzRewrite(f *testing.F) {
	f.Add(w.Header())
	for _, c := range goldenCases() {
		f.Add(c.module())
	}
	for _, m := range invalidAlone() {
		f.Add(m.Bytes())
	}
	f.Add(generate([]byte("a module is made of any bytes")))
	f.Fuzz(func(t *testing.T, code []byte) {
		valid := validate.Module(code)
		r, err := meter.Rewrite(code, meter.Options{})
		if err != nil {
			for _, known := range []error{
				meter.ErrInvalid, meter.ErrOperator, meter.ErrReserved, meter.ErrLimit, wasm.ErrMalformed,
			} {
				if errors.Is(err, known) {
					return
				}
			}
			t.Fatal(err)
		}
		if after := validate.Module(r.Code); (after == nil) != (valid == nil) {
			t.Errorf("before: %v; after: %v", valid, after)
		}
	})
}
