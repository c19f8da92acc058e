package meter_test

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"

	"github.com/cerberus-host/cerberus/host/admit/meter"
)

// errNoGas is what a guest without gas is stopped with.
var errNoGas = errors.New("no gas")

// slice is what the tests' host grants at a time.
const slice = 100_000

// engine is a wazero runtime with the meter's import bound.
type engine struct {
	wazero.Runtime
	name string
	// allowance bounds what each module is granted.
	allowance int64
	granted   map[api.Module]int64
}

// engines returns the compiler and the interpreter.
func engines(tb testing.TB, allowance int64) []*engine {
	tb.Helper()
	return []*engine{
		newEngine(tb, "compiler", wazero.NewRuntimeConfigCompiler(), allowance),
		newEngine(tb, "interpreter", wazero.NewRuntimeConfigInterpreter(), allowance),
	}
}

func newEngine(tb testing.TB, name string, c wazero.RuntimeConfig, allowance int64) *engine {
	tb.Helper()
	ctx := context.Background()
	e := &engine{
		Runtime: wazero.NewRuntimeWithConfig(ctx, c.WithDebugInfoEnabled(false)),
		name:    name, allowance: allowance, granted: map[api.Module]int64{},
	}
	_, err := e.NewHostModuleBuilder(meter.ImportModule).NewFunctionBuilder().
		WithGoModuleFunction(api.GoModuleFunc(e.refill), nil, nil).Export(meter.ImportRefill).
		Instantiate(ctx)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = e.Close(ctx) })
	return e
}

// refill grants slices until the gas is not below zero, or stops the guest.
func (e *engine) refill(_ context.Context, m api.Module, _ []uint64) {
	gas := gasOf(m)
	for left := int64(gas.Get()); left < 0; left = int64(gas.Get()) {
		n := min(slice, e.allowance-e.granted[m])
		if n <= 0 {
			panic(errNoGas)
		}
		e.granted[m] += n
		gas.Set(uint64(left + n))
	}
}

func gasOf(m api.Module) api.MutableGlobal {
	return m.ExportedGlobal(meter.ExportGas).(api.MutableGlobal)
}

// used is what a module has been charged so far.
func (e *engine) used(m api.Module) int64 { return e.granted[m] - int64(gasOf(m).Get()) }

// depth is the weight of the calls that a module is in.
func depth(m api.Module) uint64 { return m.ExportedGlobal(meter.ExportDepth).Get() }

// rewrite rewrites a module that must be one that can be.
func rewrite(tb testing.TB, code []byte) meter.Result {
	tb.Helper()
	r, err := meter.Rewrite(code, meter.Options{})
	if err != nil {
		tb.Fatal(err)
	}
	return r
}

// instance makes an instance that has nothing but the meter's import.
func (e *engine) instance(tb testing.TB, code []byte) api.Module {
	tb.Helper()
	m, err := e.InstantiateWithConfig(context.Background(), code,
		wazero.NewModuleConfig().WithName("").WithStartFunctions())
	if err != nil {
		tb.Fatalf("%s: %v", e.name, err)
	}
	return m
}

// goGuest is testdata/guest, built once.
var goGuest = sync.OnceValues(func() ([]byte, error) {
	dir, err := os.MkdirTemp("", "guest")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	out := filepath.Join(dir, "guest.wasm")
	cmd := exec.Command("go", "build", "-buildmode=c-shared", "-trimpath", "-buildvcs=false",
		"-ldflags=-buildid=", "-o", out, "./testdata/guest")
	cmd.Env = append(os.Environ(), "GOOS=wasip1", "GOARCH=wasm", "CGO_ENABLED=0", "GOFLAGS=")
	cmd.Stderr = os.Stderr
	if err := cmd.Run(); err != nil {
		return nil, err
	}
	return os.ReadFile(out)
})

func goModule(tb testing.TB) []byte {
	tb.Helper()
	code, err := goGuest()
	if err != nil {
		tb.Fatal(err)
	}
	return code
}
