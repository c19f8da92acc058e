package runtime

import (
	"context"
	"fmt"
	goruntime "runtime"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"

	"github.com/cerberus-host/cerberus/abi"
	"github.com/cerberus-host/cerberus/host/admit"
	"github.com/cerberus-host/cerberus/host/hostcall"
)

// compileWorkersMax bounds the threads of one compilation; more than a few gain nothing.
const compileWorkersMax = 4

// nativeBytesFactor is how much larger native code is than WebAssembly, roughly; it serves
// the in-memory cache's accounts only.
const nativeBytesFactor = 4

// program is one module's compiled code. Each has a runtime of its own, so that dropping
// the module drops all that belongs to it, and so that its files on disk are its own.
type program struct {
	runtime  wazero.Runtime
	compiled wazero.CompiledModule
	cache    wazero.CompilationCache // nil without a directory
	bytes    int64
}

// compile makes a module's program, through the disk cache if there is one. A cache that
// cannot be used costs time, never the module: the second attempt is in memory alone.
func (r *Runtime) compile(ctx context.Context, m *admit.Module) (*program, error) {
	if r.config.CacheDir == "" || r.config.Interpreter {
		return r.compileWith(ctx, m, nil)
	}
	dir := moduleDir(r.config.CacheDir, m)
	if err := dir.prepare(); err != nil {
		return r.compileWith(ctx, m, nil)
	}
	cache, err := wazero.NewCompilationCacheWithDir(string(dir))
	if err != nil {
		return r.compileWith(ctx, m, nil)
	}
	p, err := r.compileWith(ctx, m, cache)
	if err != nil {
		_ = cache.Close(ctx)
		dir.discard()
		return r.compileWith(ctx, m, nil)
	}
	dir.seal()
	return p, nil
}

func (r *Runtime) compileWith(
	ctx context.Context, m *admit.Module, cache wazero.CompilationCache,
) (*program, error) {
	config := r.config.wazeroConfig()
	if cache != nil {
		config = config.WithCompilationCache(cache)
	}
	rt := wazero.NewRuntimeWithConfig(ctx, config)
	p := &program{runtime: rt, cache: cache, bytes: nativeBytesFactor * int64(len(m.Code))}
	if err := bind(ctx, rt, r.bindings); err != nil {
		_ = rt.Close(ctx)
		return nil, err
	}
	workers := min(goruntime.GOMAXPROCS(0), compileWorkersMax)
	compiled, err := rt.CompileModule(experimental.WithCompilationWorkers(ctx, workers), m.Code)
	if err != nil {
		_ = rt.Close(ctx)
		return nil, fmt.Errorf("%w: %s: %w", ErrCompile, m.Digest.Short(), err)
	}
	p.compiled = compiled
	return p, nil
}

func (p *program) close(ctx context.Context) error {
	err := p.runtime.Close(ctx)
	if p.cache != nil {
		if e := p.cache.Close(ctx); err == nil {
			err = e
		}
	}
	return err
}

// runKey is where a call's context carries its *hostcall.Run: host functions belong to the
// runtime, not to an instance.
type runKey struct{}

// bind offers the host functions to a runtime, in the raw form that costs no reflection.
func bind(ctx context.Context, rt wazero.Runtime, bindings []hostcall.Binding) error {
	builders := map[string]wazero.HostModuleBuilder{}
	var order []string
	for _, b := range bindings {
		builder, ok := builders[b.Module]
		if !ok {
			builder = rt.NewHostModuleBuilder(b.Module)
			order = append(order, b.Module)
		}
		builders[b.Module] = builder.NewFunctionBuilder().
			WithGoModuleFunction(hostFunction(b.Call), valueTypes(b), resultTypes(b)).
			Export(b.Name)
	}
	for _, module := range order {
		if _, err := builders[module].Instantiate(ctx); err != nil {
			return fmt.Errorf("bind host functions of %s: %w", module, err)
		}
	}
	return nil
}

func hostFunction(call func(*hostcall.Run, hostcall.Memory, []uint64)) api.GoModuleFunc {
	return func(ctx context.Context, mod api.Module, stack []uint64) {
		run, ok := ctx.Value(runKey{}).(*hostcall.Run)
		if !ok {
			return // no guest can cause this: it is only called with our context
		}
		call(run, mod.Memory(), stack)
		if run.Exited() || run.Calls() > abi.HostCallsMax {
			_ = mod.CloseWithExitCode(ctx, 1) // ends the guest at its next look
		}
	}
}

func valueTypes(b hostcall.Binding) []api.ValueType {
	out := make([]api.ValueType, len(b.Params))
	for i, p := range b.Params {
		out[i] = valueType(p.Type)
	}
	return out
}

func resultTypes(b hostcall.Binding) []api.ValueType {
	if b.NoResult {
		return nil
	}
	return []api.ValueType{valueType(b.Result)}
}

func valueType(t abi.ValueType) api.ValueType {
	return [...]api.ValueType{
		abi.I32: api.ValueTypeI32, abi.I64: api.ValueTypeI64, abi.F64: api.ValueTypeF64,
	}[t]
}
