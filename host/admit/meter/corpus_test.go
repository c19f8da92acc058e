package meter_test

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"

	"github.com/cerberus-host/cerberus/host/admit/meter"
	"github.com/cerberus-host/cerberus/host/admit/validate"
	"github.com/cerberus-host/cerberus/host/admit/wasm"
)

// corpus returns the folder of the specification's tests that ship with the runtime, as a
// module of the module cache. They are read there and never copied.
func corpus(tb testing.TB) string {
	tb.Helper()
	const runtimeModule = "github.com/tetratelabs/wazero"
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", runtimeModule).Output()
	folder := filepath.Join(strings.TrimSpace(string(out)), "internal", "integration_test", "spectest")
	if _, missing := os.Stat(folder); err != nil || missing != nil {
		tb.Skipf("the folder of module %s is not there: %v", runtimeModule, err)
	}
	return folder
}

// script is a file of commands of the specification's tests.
type script struct {
	Commands []struct {
		Type     string `json:"type"`
		Line     int    `json:"line"`
		Name     string `json:"name"`
		Filename string `json:"filename"`
		As       string `json:"as"`
		Action   struct {
			Type   string  `json:"type"`
			Module string  `json:"module"`
			Field  string  `json:"field"`
			Args   []value `json:"args"`
		} `json:"action"`
	} `json:"commands"`
}

// value is an argument: a number, or one for each lane.
type value struct {
	Type  string          `json:"type"`
	Lane  string          `json:"lane_type"`
	Value json.RawMessage `json:"value"`
}

// bits returns the argument as the runtime takes it.
func (v value) bits(tb testing.TB) []uint64 {
	tb.Helper()
	var text string
	if json.Unmarshal(v.Value, &text) == nil {
		n, err := number(text)
		if err != nil && text != "null" {
			tb.Fatal(err)
		}
		if v.Type == "externref" && text != "null" {
			n++ // zero stands for null
		}
		return []uint64{n}
	}
	var lanes []string
	if err := json.Unmarshal(v.Value, &lanes); err != nil {
		tb.Fatal(err)
	}
	var out [2]uint64
	width := 128 / len(lanes)
	for k, lane := range lanes {
		n, err := number(lane)
		if err != nil {
			tb.Fatal(err)
		}
		at := k * width
		out[at/64] |= n & (1<<width - 1) << (at % 64)
	}
	return out[:]
}

func number(text string) (uint64, error) {
	if strings.HasPrefix(text, "-") {
		n, err := strconv.ParseInt(text, 10, 64)
		return uint64(n), err
	}
	return strconv.ParseUint(text, 10, 64)
}

// world runs a script's commands on an engine, on modules in one form.
type world struct {
	*engine
	// form gives a module the form.
	form    func(code []byte) []byte
	modules map[string]api.Module
	last    api.Module
}

// The places of the worlds. Three hold rewritten modules, one of them with exact prices.
const (
	plainWorld = iota
	compiledWorld
	interpretedWorld
	exactWorld
	naiveWorld
	worldCount
)

// outcome is what a command did.
type outcome struct {
	results []uint64
	err     error
}

// reason is the first line of an error, which names the trap.
func (o outcome) reason() string {
	if o.err == nil {
		return ""
	}
	line, _, _ := strings.Cut(o.err.Error(), "\n")
	return strings.TrimSuffix(line, " (recovered by wazero)")
}

// corpusOptions leave a module's memory as it is.
var corpusOptions = meter.Options{MemoryPagesMax: 1 << 16, DepthMax: meter.DepthLimit}

// load makes an instance of a module, rewritten if that can be.
func (w *world) load(code []byte, name string) outcome {
	m, err := w.InstantiateWithConfig(context.Background(), w.form(code),
		wazero.NewModuleConfig().WithName(name).WithStartFunctions())
	if err == nil {
		w.last = m
	}
	return outcome{err: err}
}

// module returns the module that an action names.
func (w *world) module(name string) api.Module {
	if name != "" {
		return w.modules[name]
	}
	return w.last
}

// invoke calls a function.
func (w *world) invoke(m api.Module, field string, args []uint64) outcome {
	f := m.ExportedFunction(field)
	if f == nil {
		return outcome{err: errors.New("no such function")}
	}
	results, err := f.Call(context.Background(), args...)
	at := 0
	for _, t := range f.Definition().ResultTypes() {
		if err != nil {
			break
		}
		switch t {
		case api.ValueTypeI32, api.ValueTypeF32:
			results[at] = uint64(uint32(results[at])) // the rest is not defined
		case api.ValueTypeI64 - 3: // v128, which has two places
			at++
		}
		at++
	}
	return outcome{results: results, err: err}
}

// tally counts what the corpus had.
type tally struct {
	modules, rewritten, calls, traps, canonical int
	// refused counts the reasons why modules were not rewritten.
	refused map[string]int
}

// TestCorpus: modules of the specification's tests compute the same and trap the same way
// after rewriting, and use the same gas in compiler and interpreter. What is not the same is
// the sign and payload of NaNs, which must be the canonical ones.
func TestCorpus(t *testing.T) {
	n := tally{refused: map[string]int{}}
	for _, version := range []string{"v1", "v2"} {
		folder := filepath.Join(corpus(t), version, "testdata")
		files, err := filepath.Glob(filepath.Join(folder, "*.json"))
		if err != nil || len(files) == 0 {
			t.Fatalf("no scripts in %s: %v", folder, err)
		}
		for _, file := range files {
			t.Run(version+"/"+filepath.Base(file), func(t *testing.T) { n.script(t, file) })
		}
	}
	t.Logf("%d modules, %d rewritten; %d calls, %d traps, %d results with a NaN made canonical",
		n.modules, n.rewritten, n.calls, n.traps, n.canonical)
	t.Logf("not rewritten, for their operators: %v", n.refused)
	if n.rewritten < 2_000 || n.calls < 50_000 {
		t.Error("that is less than there was")
	}
}

// script runs a script in all worlds.
func (n *tally) script(t *testing.T, file string) {
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var s script
	if err := json.Unmarshal(text, &s); err != nil {
		t.Fatal(err)
	}
	worlds := newWorlds(t, filepath.Join(filepath.Dir(file), "../../testdata/spectest.wasm"))
	for k, c := range s.Commands {
		switch c.Type {
		case "module", "assert_uninstantiable", "assert_unlinkable":
			name := ""
			if next := k + 1; next < len(s.Commands) && s.Commands[next].Type == "register" {
				name = s.Commands[next].As
			}
			code, err := os.ReadFile(filepath.Join(filepath.Dir(file), c.Filename))
			if err != nil {
				t.Fatal(err)
			}
			n.load(t, worlds, code, name, c.Line)
			for _, w := range worlds {
				w.modules[c.Name] = w.last
			}
		case "action", "assert_return", "assert_trap", "assert_exhaustion":
			var args []uint64
			for _, a := range c.Action.Args {
				args = append(args, a.bits(t)...)
			}
			n.act(t, worlds, c.Type, c.Action.Type, c.Action.Module, c.Action.Field, args, c.Line)
		}
	}
}

func newWorlds(t *testing.T, spectest string) []*world {
	t.Helper()
	code, err := os.ReadFile(spectest)
	if err != nil {
		t.Fatal(err)
	}
	rewrite := func(f func([]byte, meter.Options) (meter.Result, error)) func([]byte) []byte {
		return func(code []byte) []byte {
			if r, err := f(code, corpusOptions); err == nil {
				return r.Code
			}
			return code
		}
	}
	both := engines(t, 1<<50)
	compiler, interpreter := wazero.NewRuntimeConfigCompiler(), wazero.NewRuntimeConfigInterpreter()
	worlds := []*world{
		{engine: newEngine(t, "plain", compiler, 0), form: func(code []byte) []byte { return code }},
		{engine: both[0], form: rewrite(meter.Rewrite)},
		{engine: both[1], form: rewrite(meter.Rewrite)},
		{engine: newEngine(t, "exact", interpreter, 1<<50), form: rewrite(meter.RewriteExact)},
		{engine: newEngine(t, "naive", interpreter, 0), form: func(code []byte) []byte {
			if _, err := meter.Rewrite(code, corpusOptions); err != nil {
				return code
			}
			return naiveModule(t, code, 1<<50, 1<<16)
		}},
	}
	for _, w := range worlds {
		w.modules = map[string]api.Module{}
		if o := w.load(code, "spectest"); o.err != nil {
			t.Fatal(o.err)
		}
	}
	return worlds
}

// load loads a module into all worlds.
func (n *tally) load(t *testing.T, worlds []*world, code []byte, name string, line int) {
	t.Helper()
	n.modules++
	r, err := meter.Rewrite(code, corpusOptions)
	switch {
	case err == nil:
		n.rewritten++
		if err := validate.Module(r.Code); err != nil && validate.Module(code) == nil {
			t.Errorf("line %d: rewriting broke the module: %v", line, err)
		}
	case errors.Is(err, meter.ErrOperator), errors.Is(err, wasm.ErrMalformed):
		reason := err.Error()
		n.refused[reason[strings.LastIndex(reason, ": ")+2:]]++
	default:
		t.Errorf("line %d: %v", line, err)
	}
	want := worlds[plainWorld].load(code, name)
	for _, w := range worlds[1:] {
		got := w.load(code, name)
		// A module that asks for a table with a small maximum finds one now.
		forced := want.err != nil && strings.Contains(want.err.Error(), "maximum size mismatch")
		if (got.err == nil) != (want.err == nil) && !forced {
			t.Errorf("line %d: %s: instance: %v, before rewriting: %v", line, w.name, got.err, want.err)
		}
	}
}

// gas is what a module in a world has used, whichever way that is told.
func (w *world) gas(m api.Module) int64 {
	if g := m.ExportedGlobal(naiveExport); g != nil {
		return -int64(g.Get())
	}
	if m.ExportedGlobal(meter.ExportGas) != nil {
		return w.used(m)
	}
	return 0
}

// act does the same in all worlds and compares.
func (n *tally) act(t *testing.T, worlds []*world, command, action, module, field string,
	args []uint64, line int,
) {
	t.Helper()
	var o [worldCount]outcome
	var gas [worldCount]int64
	for k, w := range worlds {
		m := w.module(module)
		if action == "get" {
			o[k] = outcome{results: []uint64{m.ExportedGlobal(field).Get()}}
			continue
		}
		before := w.gas(m)
		o[k] = w.invoke(m, field, args)
		gas[k] = w.gas(m) - before
		if d := m.ExportedGlobal(meter.ExportDepth); d != nil && o[k].err != nil {
			d.(api.MutableGlobal).Set(0) // only here an instance goes on after a trap
		}
	}
	n.calls++
	if o[plainWorld].err != nil {
		n.traps++
	}
	for k, w := range worlds[1:] {
		got, want := o[k+1].reason(), o[plainWorld].reason()
		if got != want && (command != "assert_exhaustion" || got == "") {
			t.Errorf("line %d: %s: %q in %s, before %q", line, field, got, w.name, want)
		}
	}
	if gas[compiledWorld] != gas[interpretedWorld] {
		t.Errorf("line %d: %s: %d units compiled, %d interpreted", line, field, gas[compiledWorld],
			gas[interpretedWorld])
	}
	if gas[exactWorld] != gas[naiveWorld] && o[plainWorld].err == nil {
		t.Errorf("line %d: %s: %d units, simply %d", line, field, gas[exactWorld], gas[naiveWorld])
	}
	compiled := o[compiledWorld].results
	for k, w := range worlds[interpretedWorld:] {
		if got := o[interpretedWorld+k].results; !same(compiled, got) {
			t.Errorf("line %d: %s: %x compiled, %x in %s", line, field, compiled, got, w.name)
		}
	}
	plain := o[plainWorld].results
	if same(plain, compiled) {
		return
	}
	n.canonical++
	for k := range min(len(plain), len(compiled)) {
		if !canonicalised(plain[k], compiled[k]) {
			t.Errorf("line %d: %s: %x, before %x", line, field, compiled, plain)
		}
	}
}

func same(a, b []uint64) bool {
	if len(a) != len(b) {
		return false
	}
	for k := range a {
		if a[k] != b[k] {
			return false
		}
	}
	return true
}

// canonicalised reports whether b is a, but for NaNs that have become canonical. It looks at
// bits only: results may be vectors, or bits of floats in integers.
func canonicalised(a, b uint64) bool {
	const exponent, payload, canonical = 0x7ff << 52, 1<<52 - 1, 0x7ff8 << 48
	if a == b || a&exponent == exponent && a&payload != 0 && b == canonical {
		return true
	}
	for shift := 0; shift < 64; shift += 32 {
		x, y := uint32(a>>shift), uint32(b>>shift)
		if x != y && (x&0x7f800000 != 0x7f800000 || x&0x7fffff == 0 || y != 0x7fc00000) {
			return false
		}
	}
	return true
}

// TestCorpusValidity: of all modules in the corpus, those of the runtime's fuzzers included,
// the valid ones stay valid, and no invalid one becomes valid.
func TestCorpusValidity(t *testing.T) {
	reasons := map[string]int{}
	root := filepath.Dir(corpus(t))
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(path) != ".wasm" {
			return err
		}
		code, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		valid := validate.Module(code)
		r, err := meter.Rewrite(code, corpusOptions)
		switch {
		case err != nil && valid == nil:
			reasons["valid, refused"]++
			if !errors.Is(err, meter.ErrOperator) {
				t.Errorf("%s: %v", path, err)
			}
		case err != nil:
			reasons["invalid, refused"]++
		case valid == nil:
			reasons["valid, rewritten"]++
			if err := validate.Module(r.Code); err != nil {
				t.Errorf("%s: rewriting broke it: %v", path, err)
			}
		default:
			reasons["invalid, rewritten"]++
			if validate.Module(r.Code) == nil {
				t.Errorf("%s: was invalid and is valid: %v", path, valid)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Log(reasons)
}
