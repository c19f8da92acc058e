package hostcall_test

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/cerberus-host/cerberus/abi"
	"github.com/cerberus-host/cerberus/host/admit"
	"github.com/cerberus-host/cerberus/host/hostcall"
	w "github.com/cerberus-host/cerberus/host/wasmtest"
)

// guest plays a guest: a page of memory and calls by name.
type guest struct {
	t        *testing.T
	run      *hostcall.Run
	memory   memory
	bindings map[string]hostcall.Binding
}

type memory []byte

func (m memory) Read(offset, n uint32) ([]byte, bool) {
	if uint64(offset)+uint64(n) > uint64(len(m)) {
		return nil, false
	}
	return m[offset : offset+n], true
}

func (m memory) Write(offset uint32, p []byte) bool {
	b, ok := m.Read(offset, uint32(len(p)))
	copy(b, p)
	return ok
}

func newGuest(t *testing.T, run *hostcall.Run) *guest {
	t.Helper()
	bindings, err := hostcall.Bindings()
	if err != nil {
		t.Fatal(err)
	}
	g := &guest{t, run, make(memory, 1<<16), map[string]hostcall.Binding{}}
	for _, b := range bindings {
		g.bindings[b.Name] = b
	}
	return g
}

func (g *guest) put(at int, text string) { copy(g.memory[at:], text) }

func (g *guest) floats(at int, values ...float64) {
	for i, v := range values {
		binary.LittleEndian.PutUint64(g.memory[at+8*i:], math.Float64bits(v))
	}
}

// call calls a function; an i32 result is sign-extended, as a guest reads it.
func (g *guest) call(name string, params ...uint64) int64 {
	g.t.Helper()
	b, ok := g.bindings[name]
	if !ok || len(params) != len(b.Params) {
		g.t.Fatalf("%s has %d parameters, %d given", name, len(b.Params), len(params))
	}
	stack := append(slices.Clone(params), 0)
	b.Call(g.run, g.memory, stack)
	if b.Result == abi.I32 {
		return int64(int32(uint32(stack[0])))
	}
	return int64(stack[0])
}

func (g *guest) want(code abi.Errno, name string, params ...uint64) {
	g.t.Helper()
	got := g.call(name, params...)
	if code == abi.ErrnoNone && got < 0 || code != abi.ErrnoNone && got != -int64(code) {
		g.t.Errorf("%s%v = %d, want %s", name, params, got, code)
	}
}

func args(t *testing.T) abi.Args {
	t.Helper()
	a, err := abi.NewArgs([]abi.Arg{{Name: "mode", Value: "plain"}})
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func newInfer(t *testing.T) *guest {
	t.Helper()
	run, err := hostcall.NewInfer(abi.Digest{1}, w.Manifest(), args(t))
	if err != nil {
		t.Fatal(err)
	}
	return newGuest(t, run)
}

func newEncode(t *testing.T) *guest {
	t.Helper()
	m := w.Manifest()
	req, err := hostcall.ParseRequest(m, []byte(
		`{"mode":"plain","note":"hello","f":{"a":1.5}}`))
	if err != nil {
		t.Fatal(err)
	}
	run, err := hostcall.NewEncode(abi.Digest{1}, m, args(t), req)
	if err != nil {
		t.Fatal(err)
	}
	return newGuest(t, run)
}

func newDecode(t *testing.T, y ...float64) *guest {
	t.Helper()
	run, err := hostcall.NewDecode(abi.Digest{1}, w.Manifest(), args(t),
		map[string][]float64{"y": y})
	if err != nil {
		t.Fatal(err)
	}
	return newGuest(t, run)
}

func TestEveryFunctionOfTheTableIsThere(t *testing.T) {
	bindings, err := hostcall.Bindings()
	if err != nil {
		t.Fatal(err)
	}
	var got, want []string
	for _, b := range bindings {
		got = append(got, b.Module+"."+b.Name)
	}
	for _, f := range abi.Functions() {
		want = append(want, abi.ImportModule+"."+f.Name)
	}
	for _, f := range admit.WASIFunctions() {
		want = append(want, admit.WASIModule+"."+f.Name)
	}
	if !slices.Equal(got, want) {
		t.Errorf("bindings\n%v\nwant\n%v", got, want)
	}
}

func TestPhases(t *testing.T) {
	guests := map[abi.Phase]*guest{
		abi.PhaseEncode: newEncode(t), abi.PhaseInfer: newInfer(t), abi.PhaseDecode: newDecode(t, 1),
	}
	for _, f := range abi.Functions() {
		for phase, g := range guests {
			got := g.call(f.Name, make([]uint64, len(f.Params))...)
			if refused := got == -int64(abi.ErrnoPhase); refused != (f.Phases&phase == 0) {
				t.Errorf("%s in %s = %d", f.Name, phase, got)
			}
		}
	}
}

func TestEncodeCalls(t *testing.T) {
	g := newEncode(t)
	g.put(0, "note mode f a b c x n zz")
	name := func(s string) (ptr, n uint64) {
		return uint64(strings.Index("note mode f a b c x n zz", s)), uint64(len(s))
	}
	text := func(s string, buf, capacity uint64) []uint64 {
		p, n := name(s)
		return []uint64{p, n, buf, capacity}
	}
	if n := g.call("request_text", text("note", 100, 3)...); n != 5 ||
		string(g.memory[100:104]) != "hel\x00" {
		t.Errorf("request_text = %d, memory %q", n, g.memory[100:104])
	}
	g.want(abi.ErrnoName, "request_text", text("zz", 100, 3)...)
	g.want(abi.ErrnoType, "request_text", text("f", 100, 3)...)
	g.want(abi.ErrnoFault, "request_text", text("note", 1<<16, 1)...)
	g.want(abi.ErrnoName, "request_text", 0, 65, 0, 0)
	g.want(abi.ErrnoFault, "request_text", 1<<16-1, 4, 0, 0)

	number := func(field, key string, out uint64) []uint64 {
		fp, fn := name(field)
		kp, kn := name(key)
		if key == "" {
			kp, kn = 0, 0
		}
		return []uint64{fp, fn, kp, kn, out}
	}
	g.want(abi.ErrnoNone, "request_number", number("f", "a", 200)...)
	if v := math.Float64frombits(binary.LittleEndian.Uint64(g.memory[200:])); v != 1.5 {
		t.Errorf("f.a = %v", v)
	}
	g.want(abi.ErrnoAbsent, "request_number", number("f", "b", 200)...)
	g.want(abi.ErrnoName, "request_number", number("f", "c", 200)...)
	g.want(abi.ErrnoName, "request_number", number("f", "", 200)...)
	g.want(abi.ErrnoAbsent, "request_number", number("n", "", 200)...)
	g.want(abi.ErrnoName, "request_number", number("n", "a", 200)...)
	g.want(abi.ErrnoType, "request_number", number("note", "", 200)...)
	g.want(abi.ErrnoFault, "request_number", number("f", "a", 1<<16-7)...)

	x, xn := name("x")
	g.floats(300, 1, -8, 8, 0.5)
	g.want(abi.ErrnoNone, "encode_put", x, xn, 1, 300, 3)
	g.want(abi.ErrnoNone, "encode_put", x, xn, 4, 300, 0)
	g.want(abi.ErrnoRange, "encode_put", x, xn, 2, 300, 3)
	g.want(abi.ErrnoRange, "encode_put", x, xn, math.MaxUint32, 300, math.MaxUint32)
	g.want(abi.ErrnoFault, "encode_put", x, xn, 0, 1<<16-8, 2)
	g.want(abi.ErrnoName, "encode_put", 0, 4, 0, 300, 1)
	inputs, err := g.run.Inputs()
	if err != nil || len(inputs) != 1 || !slices.Equal(inputs["x"], []float64{0, 1, -8, 8}) {
		t.Errorf("inputs %v, error %v", inputs, err)
	}
	for _, bad := range []float64{math.NaN(), math.Inf(1), math.Inf(-1), 8.000001} {
		g.floats(300, bad)
		g.want(abi.ErrnoRange, "encode_put", x, xn, 0, 300, 1)
	}
}

func TestInferRefusesForgedHandles(t *testing.T) {
	g := newInfer(t)
	g.put(0, "xy")
	x := g.call("input", 0, 1)
	if x <= 0 {
		t.Fatalf("input = %d", x)
	}
	if again := g.call("input", 0, 1); again != x {
		t.Errorf("the same input is %d, then %d", x, again)
	}
	for _, forged := range []int64{
		0, -1, x + 1, x + 1<<32, x ^ 1<<62, x | math.MinInt64, math.MaxInt64,
	} {
		g.want(abi.ErrnoHandle, "neg", uint64(forged))
		g.want(abi.ErrnoHandle, "add", uint64(x), uint64(forged))
		g.want(abi.ErrnoHandle, "output", 1, 1, uint64(forged))
	}
	// A node that will be given out later is not there yet.
	y := g.call("neg", uint64(x))
	other := newInfer(t)
	other.put(0, "x")
	other.call("input", 0, 1)
	other.want(abi.ErrnoHandle, "neg", uint64(y))
}

func TestInferCalls(t *testing.T) {
	g := newInfer(t)
	g.put(0, "xywz")
	x := uint64(g.call("input", 0, 1))
	g.want(abi.ErrnoName, "input", 2, 1)
	g.want(abi.ErrnoName, "model", 2, 1, 0, 1)
	g.want(abi.ErrnoRange, "constant", 0, math.MaxUint32, 0)
	g.want(abi.ErrnoFault, "constant", 1<<16-8, 2, 0)
	g.want(abi.ErrnoRange, "constant", 0, 1, 61)
	g.want(abi.ErrnoType, "output", 1, 1, x) // length 4, the manifest says 1
	g.want(abi.ErrnoRange, "rotate", x, 5)
	g.want(abi.ErrnoNone, "rotate", x, uint64(uint32(0xfffffffc))) // -4
	if _, err := g.run.Program(); !errors.Is(err, hostcall.ErrGuest) {
		t.Errorf("without output: %v", err)
	}
	sum := uint64(g.call("sum", x))
	g.want(abi.ErrnoName, "output", 3, 1, sum)
	g.want(abi.ErrnoNone, "output", 1, 1, sum)
	g.want(abi.ErrnoState, "output", 1, 1, sum)
	if p, err := g.run.Program(); err != nil || len(p.Outputs) != 1 {
		t.Errorf("program %v, error %v", p, err)
	}
}

func TestInferMustUseEveryInput(t *testing.T) {
	m := w.Manifest()
	m.Inputs = append(m.Inputs, abi.Input{Name: "u", Packing: abi.PackSlots, Length: 4, Bound: 1})
	run, err := hostcall.NewInfer(abi.Digest{}, m, args(t))
	if err != nil {
		t.Fatal(err)
	}
	g := newGuest(t, run)
	g.put(0, "xyu")
	g.call("input", 2, 1) // named, but no output needs it
	g.want(abi.ErrnoNone, "output", 1, 1, uint64(g.call("sum", uint64(g.call("input", 0, 1)))))
	if _, err := run.Program(); !errors.Is(err, hostcall.ErrGuest) ||
		!strings.Contains(err.Error(), `"u"`) {
		t.Errorf("error %v", err)
	}
}

func TestDecodeCalls(t *testing.T) {
	g := newDecode(t, 2.5)
	g.put(0, "y yes no maybe confidence label Bad")
	g.want(abi.ErrnoName, "result", 2, 3, 100, 1)
	g.want(abi.ErrnoFault, "result", 0, 1, 1<<16-4, 1)
	if n := g.call("result", 0, 1, 1<<16, 0); n != 1 {
		t.Errorf("result into nothing = %d", n)
	}
	if n := g.call("result", 0, 1, 100, 3); n != 1 ||
		math.Float64frombits(binary.LittleEndian.Uint64(g.memory[100:])) != 2.5 {
		t.Errorf("result = %d, %x", n, g.memory[100:108])
	}
	if _, err := g.run.Answer(); !errors.Is(err, hostcall.ErrGuest) {
		t.Errorf("without label: %v", err)
	}
	g.want(abi.ErrnoName, "answer_label", 9, 5)
	g.want(abi.ErrnoNone, "answer_label", 2, 3)
	g.want(abi.ErrnoState, "answer_label", 6, 2)
	half := math.Float64bits(0.5)
	g.want(abi.ErrnoNone, "answer_number", 15, 10, half)
	g.want(abi.ErrnoName, "answer_number", 15, 10, half)
	g.want(abi.ErrnoName, "answer_number", 26, 5, half) // "label"
	g.want(abi.ErrnoName, "answer_number", 32, 3, half)
	g.want(abi.ErrnoRange, "answer_number", 0, 1, math.Float64bits(math.NaN()))
	for i := range hostcall.AnswerNumbersMax - 1 {
		g.put(500, "n"+string(rune('a'+i/26))+string(rune('a'+i%26)))
		g.want(abi.ErrnoNone, "answer_number", 500, 3, half)
	}
	g.put(500, "more")
	g.want(abi.ErrnoLimit, "answer_number", 500, 4, half)
	answer, err := g.run.Answer()
	if err != nil || answer.Label != "yes" {
		t.Fatalf("answer %+v, error %v", answer, err)
	}
	answer.Numbers = answer.Numbers[:1]
	if text, err := json.Marshal(answer); err != nil ||
		string(text) != `{"label":"yes","confidence":0.5}` {
		t.Errorf("JSON %s, error %v", text, err)
	}
}

func TestDecodeRefusesForeignResults(t *testing.T) {
	for _, results := range []map[string][]float64{
		nil, {"z": {1}}, {"y": {1, 2}}, {"y": {math.NaN()}}, {"y": {1}, "z": {1}},
	} {
		_, err := hostcall.NewDecode(abi.Digest{}, w.Manifest(), args(t), results)
		if !errors.Is(err, hostcall.ErrGuest) {
			t.Errorf("%v: error %v", results, err)
		}
	}
}

func TestFailLogAndArg(t *testing.T) {
	g := newInfer(t)
	g.put(0, "mode other \x1b[2Jbad\xff")
	if n := g.call("arg", 0, 4, 100, 100); n != 5 || string(g.memory[100:105]) != "plain" {
		t.Errorf("arg = %d, %q", n, g.memory[100:105])
	}
	g.want(abi.ErrnoName, "arg", 5, 5, 100, 100)
	g.want(abi.ErrnoFault, "fail", 1<<16, 1)
	g.want(abi.ErrnoNone, "fail", 11, 8)
	g.want(abi.ErrnoState, "fail", 11, 8)
	err := g.run.Err()
	if !errors.Is(err, hostcall.ErrGuest) || strings.Contains(err.Error(), "\x1b") ||
		!utf8.ValidString(err.Error()) {
		t.Errorf("error %q", err)
	}
	for range 3 {
		g.want(abi.ErrnoNone, "log", 0, 1<<16)
	}
	if text, dropped := g.run.Log(); len(text) < abi.LogBytesMax || dropped != 2*(1<<16)+3 {
		t.Errorf("log of %d bytes, %d dropped", len(text), dropped)
	}
}

func TestHostCallLimit(t *testing.T) {
	g := newInfer(t)
	for range abi.HostCallsMax {
		g.call("log", 0, 0)
	}
	if err := g.run.Err(); err != nil {
		t.Fatal(err)
	}
	g.want(abi.ErrnoLimit, "log", 0, 0)
	if err := g.run.Err(); !errors.Is(err, hostcall.ErrHostCalls) {
		t.Errorf("error %v", err)
	}
}

func TestWithoutMemory(t *testing.T) {
	g := newInfer(t)
	for _, b := range g.bindings {
		stack := make([]uint64, len(b.Params)+1)
		b.Call(g.run, nil, stack)
	}
	if err := g.run.Err(); err != nil {
		t.Errorf("error %v", err)
	}
}
