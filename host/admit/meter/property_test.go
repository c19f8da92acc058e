package meter_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"

	"github.com/cerberus-host/cerberus/host/admit/meter"
	"github.com/cerberus-host/cerberus/host/admit/validate"
)

// Limits of runs of generated modules. What is charged ahead is well below the slack.
const (
	runUnits    = 10_000
	runSlack    = 150_000
	runPagesMax = 3
)

// run is what a call of a generated module did.
type run struct {
	results []uint64
	// trap is the reason it ended for, "" for none.
	trap string
	used int64
	// state is a digest of memory and globals.
	state [32]byte
}

// bindImport gives generated modules what they import.
func bindImport(tb testing.TB, e *engine) {
	tb.Helper()
	f := api.GoFunc(func(_ context.Context, stack []uint64) {
		stack[0] = uint64(uint32(stack[0])*3 + 1)
	})
	i32 := []api.ValueType{api.ValueTypeI32}
	_, err := e.NewHostModuleBuilder("env").NewFunctionBuilder().WithGoFunction(f, i32, i32).
		Export("f").Instantiate(context.Background())
	if err != nil {
		tb.Fatal(err)
	}
}

// runs calls every function of a generated module, each in an instance of its own. left
// tells what remains of which allowance.
func runs(tb testing.TB, e *engine, code []byte, left func(m api.Module) int64) []run {
	tb.Helper()
	ctx := context.Background()
	compiled, err := e.CompileModule(ctx, code)
	if err != nil {
		tb.Fatalf("%s: %v", e.name, err)
	}
	defer func() { _ = compiled.Close(ctx) }()
	var out []run
	for k := 0; ; k++ {
		m, err := e.InstantiateModule(ctx, compiled, wazero.NewModuleConfig().WithName(""))
		if err != nil {
			tb.Fatalf("%s: %v", e.name, err)
		}
		f := m.ExportedFunction(fmt.Sprintf("f%d", k))
		if f == nil {
			return out
		}
		args := make([]uint64, len(f.Definition().ParamTypes()))
		for n := range args {
			args[n] = uint64(n + 2*k)
		}
		var r run
		r.results, err = f.Call(ctx, args...)
		for n, t := range f.Definition().ResultTypes() {
			if err == nil && (t == api.ValueTypeI32 || t == api.ValueTypeF32) {
				r.results[n] = uint64(uint32(r.results[n]))
			}
		}
		r.used = left(m)
		r.trap = trap(m, err, r.used)
		r.state = state(m)
		out = append(out, r)
		delete(e.granted, m)
		_ = m.Close(ctx)
	}
}

// trap names the reason of an error.
func trap(m api.Module, err error, used int64) string {
	if err == nil {
		return ""
	}
	reason := outcome{err: err}.reason()
	switch d := m.ExportedGlobal(meter.ExportDepth); {
	case errors.Is(err, errNoGas), d == nil && used > runUnits:
		return "gas"
	case d != nil && d.Get() > meter.DepthLimit, strings.Contains(reason, "stack overflow"):
		return "depth"
	}
	return reason
}

func state(m api.Module) [32]byte {
	h := sha256.New()
	memory, _ := m.Memory().Read(0, m.Memory().Size())
	_, _ = h.Write(memory)
	for k := range vectors {
		g := m.ExportedGlobal(fmt.Sprintf("g%d", k))
		value := g.Get()
		if g.Type() == api.ValueTypeI32 || g.Type() == api.ValueTypeF32 {
			value = uint64(uint32(value))
		}
		_, _ = fmt.Fprintln(h, g.Type(), value)
	}
	return [32]byte(h.Sum(nil))
}

// laboratory holds the engines that generated modules are compared on.
type laboratory struct {
	compiler, interpreter, exact, naive *engine
}

func newLaboratory(tb testing.TB) *laboratory {
	tb.Helper()
	both := engines(tb, runUnits+runSlack)
	l := &laboratory{
		compiler: both[0], interpreter: both[1],
		exact: newEngine(tb, "exact", wazero.NewRuntimeConfigInterpreter(), runUnits+runSlack),
		naive: newEngine(tb, "naive", wazero.NewRuntimeConfigInterpreter(), 0),
	}
	for _, e := range []*engine{l.compiler, l.interpreter, l.exact, l.naive} {
		bindImport(tb, e)
	}
	return l
}

// check compares a generated module with its rewritten forms and counts what happened.
func (l *laboratory) check(t *testing.T, data []byte, seen map[string]int) {
	t.Helper()
	code := generate(data)
	if err := validate.Module(code); err != nil {
		t.Fatalf("generated: %v", err)
	}
	o := meter.Options{MemoryPagesMax: runPagesMax, DepthMax: meter.DepthLimit}
	r, err := meter.Rewrite(code, o)
	if err != nil {
		t.Fatal(err)
	}
	if err := validate.Module(r.Code); err != nil {
		t.Fatalf("rewritten: %v", err)
	}
	x, err := meter.RewriteExact(code, o)
	if err != nil {
		t.Fatal(err)
	}
	compiled := runs(t, l.compiler, r.Code, l.compiler.used)
	interpreted := runs(t, l.interpreter, r.Code, l.interpreter.used)
	exact := runs(t, l.exact, x.Code, l.exact.used)
	naive := runs(t, l.naive, naiveModule(t, code, runUnits, runPagesMax), func(m api.Module) int64 {
		return runUnits - int64(m.ExportedGlobal(naiveExport).Get())
	})
	for k := range naive {
		c, i, x, n := compiled[k], interpreted[k], exact[k], naive[k]
		if c.trap != i.trap || c.used != i.used || !same(c.results, i.results) || c.state != i.state {
			t.Errorf("f%d: %q, %d units, %x compiled; %q, %d units, %x interpreted", k, c.trap, c.used,
				c.results, i.trap, i.used, i.results)
		}
		seen[kindOf(n.trap)]++
		if n.trap == "gas" || n.trap == "depth" || x.trap == "depth" {
			if n.trap == "gas" && x.trap == "" && x.used <= runUnits {
				t.Errorf("f%d: ran to its end for %d units, simply for more", k, x.used)
			}
			continue
		}
		if x.trap != n.trap || !same(x.results, n.results) {
			t.Errorf("f%d: %q, %x, simply %q, %x", k, x.trap, x.results, n.trap, n.results)
		}
		if x.state != n.state {
			t.Errorf("f%d: memory or globals differ", k)
		}
		if n.trap == "" && x.used != n.used {
			t.Errorf("f%d: %d units, simply %d", k, x.used, n.used)
		}
		// A call pays 8 units of its 12 for what may be cheaper, an if of 2 units pays 8.
		if n.trap == "" && (c.trap != "" || c.used < x.used/3-8 || c.used > 5*x.used) {
			t.Errorf("f%d: %q for %d units with all prices, exactly %d", k, c.trap, c.used, x.used)
		}
	}
}

func kindOf(trap string) string {
	switch trap {
	case "", "gas", "depth":
		return trap
	default:
		return "trap"
	}
}

// choices returns bytes to generate a module of.
func choices(seed int) []byte {
	var data []byte
	for k := range 24 {
		sum := sha256.Sum256(fmt.Appendf(nil, "%d %d", seed, k))
		data = append(data, sum[:]...)
	}
	return data
}

// TestGenerated: of generated modules, the rewritten form computes what the simplest
// injector lets compute, for the same gas where prices are exact, in both engines.
func TestGenerated(t *testing.T) {
	l := newLaboratory(t)
	seen := map[string]int{}
	for seed := range 250 {
		l.check(t, choices(seed), seen)
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
	t.Log(seen)
	for _, kind := range []string{"", "gas", "trap"} {
		if seen[kind] < 20 {
			t.Errorf("%d runs ended with %q, too few to say anything", seen[kind], kind)
		}
	}
}

// FuzzPrograms looks for a module that is rewritten into something else.
func FuzzPrograms(f *testing.F) {
	for seed := range 4 {
		f.Add(choices(seed))
	}
	l := newLaboratory(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > 4<<10 {
			return
		}
		l.check(t, data, map[string]int{})
	})
}
