package runtime

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	goruntime "runtime"
	"sync/atomic"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/experimental"

	"github.com/cerberus-host/cerberus/host/admit"
	"github.com/cerberus-host/cerberus/host/admit/wasm"
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

	// globals are the exports of the module's own mutable globals.
	globals []string
	// pooled says that instances can serve more than one run. The first one's state after
	// _initialize is then kept in snapshot.
	pooled   bool
	snapshot atomic.Pointer[snapshot]
}

// compile makes a module's program: from the directory of compiled code, if it is there,
// else in a child process, if there is one, else in this process.
func (r *Runtime) compile(ctx context.Context, m *admit.Module) (*program, error) {
	if r.config.Interpreter {
		return r.compileHere(ctx, m, r.config)
	}
	var place cacheDir
	if r.config.CacheDir != "" {
		place = moduleDir(r.config.CacheDir, m)
		if place.intact() {
			if p, err := r.compileIn(loadOnly(ctx), m, place); err == nil {
				return p, nil
			}
		}
		place.discard()
	}
	if r.config.Compiler != nil {
		return r.compileApart(ctx, m, place)
	}
	if place == "" {
		return r.compileHere(ctx, m, r.config)
	}
	// A directory that cannot be used costs time, never the module.
	stage, err := newStage(r.config.CacheDir)
	if err != nil {
		return r.compileHere(ctx, m, r.config)
	}
	defer stage.discard()
	p, err := r.compileIn(ctx, m, stage)
	if err != nil {
		return r.compileHere(ctx, m, r.config)
	}
	stage.moveTo(place)
	return p, nil
}

// compileApart has a child process compile, checks what it left, loads it, and moves it to
// its place, if it has one.
func (r *Runtime) compileApart(
	ctx context.Context, m *admit.Module, place cacheDir,
) (*program, error) {
	stage, err := newStage(r.config.CacheDir)
	if err != nil && r.config.CacheDir != "" {
		stage, err = newStage("") // its disk is full, perhaps
	}
	if err != nil {
		return nil, err
	}
	defer stage.discard()
	work, err := stage.sub("work")
	if err != nil {
		return nil, err
	}
	code, err := r.compileChild(ctx, m, string(work))
	if errors.Is(err, errNoCompiler) {
		slow := r.config
		slow.Interpreter = true
		return r.compileHere(ctx, m, slow)
	}
	if err != nil {
		return nil, err
	}
	// The child could write where it worked. What was checked is written anew and elsewhere.
	checked, err := newStage(filepath.Dir(string(stage)))
	if err != nil {
		return nil, err
	}
	defer checked.discard()
	if err := checked.put(code); err != nil {
		return nil, err
	}
	p, err := r.compileIn(loadOnly(ctx), m, checked)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrCompileCrash, err)
	}
	p.bytes = int64(len(code.content) + len(m.Code))
	if place != "" {
		checked.moveTo(place)
	}
	return p, nil
}

// compileIn compiles with a directory that the runtime looks into first, and writes to
// afterwards.
func (r *Runtime) compileIn(
	ctx context.Context, m *admit.Module, dir cacheDir,
) (*program, error) {
	cache, err := wazero.NewCompilationCacheWithDir(string(dir))
	if err != nil {
		return nil, fmt.Errorf("open directory of compiled code: %w", err)
	}
	p, err := r.compileWith(ctx, m, r.config.wazeroConfig().WithCompilationCache(cache))
	if err != nil {
		_ = cache.Close(context.WithoutCancel(ctx))
		return nil, err
	}
	p.cache = cache
	return p, nil
}

// compileHere compiles in this process and in memory alone.
func (r *Runtime) compileHere(
	ctx context.Context, m *admit.Module, c Config,
) (*program, error) {
	return r.compileWith(ctx, m, c.wazeroConfig())
}

func (r *Runtime) compileWith(
	ctx context.Context, m *admit.Module, config wazero.RuntimeConfig,
) (*program, error) {
	free := context.WithoutCancel(ctx)
	rt := wazero.NewRuntimeWithConfig(free, config)
	p := &program{
		runtime: rt, bytes: nativeBytesFactor * int64(len(m.Code)),
		pooled: m.Initializes && m.Restorable,
	}
	for _, g := range m.Globals {
		p.globals = append(p.globals, g.Export)
		p.pooled = p.pooled && restorable(g.Type)
	}
	if err := bind(free, rt, r.bindings); err != nil {
		_ = rt.Close(free)
		return nil, err
	}
	compiled, err := rt.CompileModule(withWorkers(ctx), m.Code)
	if err != nil {
		_ = rt.Close(free)
		return nil, fmt.Errorf("%w: %s: %w", ErrCompile, m.Digest.Short(), err)
	}
	p.compiled = compiled
	return p, nil
}

// restorable tells whether a global of that type can be read and written as a number: vectors
// have too many bits, and references belong to an instance.
func restorable(t wasm.ValueType) bool {
	switch t {
	case wasm.I32, wasm.I64, wasm.F32, wasm.F64:
		return true
	default:
		return false
	}
}

// withWorkers asks for more than one thread, two at least: a single one would not look at
// the context, which loadOnly relies on.
func withWorkers(ctx context.Context) context.Context {
	workers := max(2, min(goruntime.GOMAXPROCS(0), compileWorkersMax))
	return experimental.WithCompilationWorkers(ctx, workers)
}

// loadOnly returns a context under which a module can be loaded but not compiled: compiling
// looks at its context before every function, loading never.
func loadOnly(ctx context.Context) context.Context {
	ctx, stop := context.WithCancel(ctx)
	stop()
	return ctx
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
