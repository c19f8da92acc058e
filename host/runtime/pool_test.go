package runtime_test

import (
	"context"
	"encoding/binary"
	"errors"
	"math"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cerberus-host/cerberus/abi"
	"github.com/cerberus-host/cerberus/host/hostcall"
	"github.com/cerberus-host/cerberus/host/runtime"
	w "github.com/cerberus-host/cerberus/host/wasmtest"
)

// wasm operators of these tests.
var (
	unless = []byte{0x04, 0x40, 0x00, 0x0b} // traps if the number on the stack is not 0
	drop   = []byte{0x1a}
)

func i64Const(n byte) []byte { return []byte{0x42, n} }

func f64Const(v float64) []byte {
	return binary.LittleEndian.AppendUint64([]byte{0x44}, math.Float64bits(v))
}

func globalSet(i byte) []byte { return []byte{0x24, i} }

// wantByte traps if the byte at an address is another one.
func wantByte(at, value int) []byte {
	return w.Cat(w.I32Const(at), []byte{0x2d, 0, 0}, w.I32Const(value), []byte{0x47}, unless)
}

// initialized returns a Brain whose entry points all have that body, with an _initialize,
// and with sections put where the format wants them.
func initialized(init, entry []byte, sections ...[]byte) []byte {
	return withInitialize(w.Brain(entry, entry, entry), init, sections...)
}

// withInitialize adds an _initialize and sections to a module.
func withInitialize(m *w.Module, init []byte, sections ...[]byte) []byte {
	m.Functions = append(m.Functions, w.Function{Body: init})
	m.Exports = append(m.Exports, w.Export{
		Name: "_initialize", Kind: w.Func, Index: len(m.Imports) + len(m.Functions) - 1,
	})
	code := m.Bytes()
	// The data count (12) stands between elements (9) and code (10).
	rank := func(id byte) int { return 2*int(id) - 5*(int(id)/12) }
	for _, s := range sections {
		at := len(w.Header())
		for at < len(code) && rank(code[at]) < rank(s[0]) {
			size, n := binary.Uvarint(code[at+1:])
			at += 1 + n + int(size)
		}
		code = w.Cat(code[:at], s, code[at:])
	}
	return code
}

// spoiling checks that its memory and globals are as _initialize has left them, and spoils
// all of them.
func spoiling() []byte {
	const pages = 2
	globals := w.Section(6, []byte{2}, []byte{0x7e, 1, 0x42, 3, 0x0b},
		[]byte{0x7c, 1}, f64Const(0), []byte{0x0b})
	data := w.Section(11, []byte{1, 0}, w.I32Const(2000), []byte{0x0b}, w.Name("data"))
	log := w.Import{Module: abi.ImportModule, Name: "log", Params: w.I32 + w.I32, Results: w.I32}
	check := w.Cat(wantByte(64, 42), wantByte(0, 0), wantByte(2000, 'd'), wantByte(pages<<16-1, 0),
		[]byte{0x23, 0}, i64Const(5), []byte{0x52}, unless,
		[]byte{0x23, 1}, f64Const(1.5), []byte{0x62}, unless)
	spoil := w.Cat(w.I32Const(0), w.I32Const('x'), w.I32Const(pages<<16), []byte{0xfc, 11, 0},
		i64Const(9), globalSet(0), f64Const(-1), globalSet(1),
		w.I32Const(0), w.I32Const(2), w.Call(0), drop)
	entry := w.Cat(check, spoil)
	m := w.Brain(entry, entry, entry)
	m.MemoryPages = pages
	m.Import(log)
	init := w.Cat(w.I32Const(64), w.I32Const(42), []byte{0x3a, 0, 0}, i64Const(5), globalSet(0),
		f64Const(1.5), globalSet(1), w.I32Const(2000), w.I32Const(4), w.Call(0), drop)
	return withInitialize(m, init, globals, data)
}

// TestNothingSurvivesInAnInstance: a guest that spoils all that it can reach finds it in
// order in the next run, whatever the phase, and is told the same.
func TestNothingSurvivesInAnInstance(t *testing.T) {
	ctx := context.Background()
	file := w.Attach(t, spoiling())
	for _, interpreter := range []bool{false, true} {
		config, last := observed(runtime.Config{Interpreter: interpreter})
		m := load(t, newRuntime(t, config), file)
		args, req := mode(t, "plain"), request(t, m, "plain")
		seen := map[string]runtime.Report{}
		for round := range 20 {
			if _, err := m.RunEncode(ctx, args, req); err != nil {
				t.Fatal(err)
			}
			compare(t, seen, "encode", "encode", *last)
			if last.Restored != (round > 0) || last.Log != "data\nxx\n" {
				t.Errorf("round %d: restored: %t, log %q", round, last.Restored, last.Log)
			}
			// Neither makes what its manifest promises, and that is all that is wrong.
			_, err := m.RunInfer(ctx, args)
			if !errors.Is(err, hostcall.ErrGuest) || !last.Restored {
				t.Errorf("round %d: restored: %t, error %v", round, last.Restored, err)
			}
			compare(t, seen, "infer", "infer", *last)
			_, err = m.RunDecode(ctx, args, map[string][]float64{"y": {1}})
			if !errors.Is(err, hostcall.ErrGuest) || !last.Restored {
				t.Errorf("round %d: restored: %t, error %v", round, last.Restored, err)
			}
			compare(t, seen, "decode", "decode", *last)
		}
	}
}

// TestRunsAtOnce: runs of one module at once have instances of their own.
func TestRunsAtOnce(t *testing.T) {
	m := load(t, newRuntime(t, runtime.Config{}), w.Attach(t, spoiling()))
	args, req := mode(t, "plain"), request(t, m, "plain")
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for range 50 {
				if _, err := m.RunEncode(context.Background(), args, req); err != nil {
					t.Error(err)
				}
			}
		})
	}
	group.Wait()
}

// TestInstancesThatAreNotKept: after an end of these kinds the next run has a new instance.
func TestInstancesThatAreNotKept(t *testing.T) {
	ctx := context.Background()
	exit := w.Brain(nil, nil, nil)
	exit.Import(w.Import{Module: "wasi_snapshot_preview1", Name: "proc_exit", Params: w.I32})
	exit.Functions[1].Body = w.Cat(w.I32Const(0), w.Call(0))
	count, passive := w.Section(12, []byte{1}), w.Section(11, []byte{1, 1}, w.Name("data"))
	for name, c := range map[string]struct {
		module []byte
		kept   bool
	}{
		"returned": {initialized(nil, nil), true},
		"unused":   {initialized(nil, nil, count, passive), true},
		"trap":     {initialized(nil, []byte{0}), false},
		"gas":      {initialized(nil, endless), false},
		"depth":    {initialized(nil, w.Call(1)), false},
		"grown":    {initialized(nil, w.Cat(w.I32Const(1), []byte{0x40, 0}, drop)), false},
		"exit":     {withInitialize(exit, nil), false},
		"dropped":  {initialized(nil, []byte{0xfc, 9, 0}, count, passive), false},
		"reference": {
			initialized(nil, nil, w.Section(6, []byte{1, 0x70, 1, 0xd0, 0x70, 0x0b})), false,
		},
	} {
		config, last := observed(runtime.Config{GasMax: 1 << 20})
		m := load(t, newRuntime(t, config), w.Attach(t, c.module))
		var first error
		for round := range 2 {
			_, err := m.RunEncode(ctx, mode(t, "plain"), request(t, m, "plain"))
			if round == 0 {
				first = err
			} else if (err == nil) != (first == nil) || last.Restored != c.kept {
				t.Errorf("%s: restored: %t, error %v, at first %v", name, last.Restored, err, first)
			}
		}
	}
}

func TestInstanceIsNotKeptAfterItsDeadline(t *testing.T) {
	config, last := observed(runtime.Config{RunTimeout: 20 * time.Millisecond, GasMax: plenty})
	m := load(t, newRuntime(t, config), w.Attach(t, initialized(nil, endless)))
	for range 2 {
		_, err := m.RunInfer(context.Background(), mode(t, "plain"))
		if !errors.Is(err, runtime.ErrDeadline) || last.Restored {
			t.Errorf("restored: %t, error %v", last.Restored, err)
		}
	}
}

// TestInstancesRetire: an instance serves a number of runs, then another takes its place.
func TestInstancesRetire(t *testing.T) {
	fresh := 0
	m := load(t, newRuntime(t, runtime.Config{Observe: func(r runtime.Report) {
		if !r.Restored {
			fresh++
		}
	}}), w.Attach(t, initialized(nil, nil)))
	req := request(t, m, "plain")
	for range 2_500 {
		if _, err := m.RunEncode(context.Background(), mode(t, "plain"), req); err != nil {
			t.Fatal(err)
		}
	}
	if fresh != 3 {
		t.Errorf("%d instances for 2,500 runs", fresh)
	}
}

// TestPoolIsBounded: there is room for two instances of one page.
func TestPoolIsBounded(t *testing.T) {
	config, last := observed(runtime.Config{PoolBytesMax: 2 << 16})
	r := newRuntime(t, config)
	modules := map[string]*runtime.Module{}
	for i, name := range []string{"a", "b", "c"} {
		body := w.Repeat([]byte{0x01}, i) // so that they differ
		modules[name] = load(t, r, w.Attach(t, initialized(nil, body)))
	}
	large := w.Brain(nil, nil, nil)
	large.MemoryPages = 3
	modules["large"] = load(t, r, w.Attach(t, withInitialize(large, nil)))
	var got []string
	for name := range strings.SplitSeq("a,a,b,a,c,b,a,large,large,a", ",") {
		m := modules[name]
		_, err := m.RunEncode(context.Background(), mode(t, "plain"), request(t, m, "plain"))
		if err != nil {
			t.Fatal(err)
		}
		if last.Restored {
			name += "+"
		}
		got = append(got, name)
	}
	// b waits the longest when c comes, then a when b comes.
	if want := "a,a+,b,a+,c,b,a,large,large,a+"; strings.Join(got, ",") != want {
		t.Errorf("runs %q, want %q", strings.Join(got, ","), want)
	}
}

// TestInitialize: what goes wrong in _initialize is the run's error, and what it does is part
// of every run.
func TestInitialize(t *testing.T) {
	text := w.Section(11, []byte{1, 0}, w.I32Const(0), []byte{0x0b}, w.Name("hello"))
	with := func(function, params, results string, init []byte) []byte {
		m := w.Brain(nil, nil, nil)
		module := abi.ImportModule
		if function == "proc_exit" {
			module = "wasi_snapshot_preview1"
		}
		m.Import(w.Import{Module: module, Name: function, Params: params, Results: results})
		return withInitialize(m, init, text)
	}
	const two, four = w.I32 + w.I32, w.I32 + w.I32 + w.I32 + w.I32
	hello := w.Cat(w.I32Const(0), w.I32Const(5), w.Call(0), drop)
	refused := int32(abi.ErrnoPhase)
	arg := w.Cat(w.I32Const(0), w.I32Const(5), w.I32Const(9), w.I32Const(5), w.Call(0),
		w.I32Bits(uint32(-refused)), []byte{0x47}, unless)
	for name, c := range map[string]struct {
		module []byte
		want   error
		text   string
	}{
		"trap": {initialized([]byte{0}, nil), runtime.ErrTrap, "unreachable"},
		"gas":  {initialized(endless, nil), runtime.ErrGas, "1048576 units"},
		"exit": {
			with("proc_exit", w.I32, "", w.Cat(w.I32Const(3), w.Call(0))), hostcall.ErrGuest, "code 3",
		},
		"fail": {with("fail", two, w.I32, hello), hostcall.ErrGuest, "_initialize: hello"},
		"log":  {with("log", two, w.I32, hello), nil, "hello\n"},
		"arg":  {with("arg", four, w.I32, arg), nil, ""},
	} {
		config, last := observed(runtime.Config{GasMax: 1 << 20})
		m := load(t, newRuntime(t, config), w.Attach(t, c.module))
		for range 2 {
			_, err := m.RunEncode(context.Background(), mode(t, "plain"), request(t, m, "plain"))
			if !errors.Is(err, c.want) {
				t.Errorf("%s: error %v", name, err)
			}
			said := last.Log
			if err != nil {
				said = err.Error()
			}
			if !strings.Contains(said, c.text) {
				t.Errorf("%s: %q lacks %q", name, said, c.text)
			}
		}
	}
}
