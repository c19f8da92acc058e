package runtime

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/tetratelabs/wazero"

	"github.com/cerberus-host/cerberus/abi"
	"github.com/cerberus-host/cerberus/host/admit"
	"github.com/cerberus-host/cerberus/host/hostcall"
)

// Defaults of [Config].
const (
	// DefaultRunTimeout is long for a guest that only records or encodes: both take
	// milliseconds.
	DefaultRunTimeout = 10 * time.Second
	// DefaultCompiledBytesMax holds about thirty modules that were built with Go.
	DefaultCompiledBytesMax = 256 << 20
	// DefaultPoolBytesMax holds about forty instances of modules that were built with Go.
	DefaultPoolBytesMax = 128 << 20
)

// Config configures a [Runtime]; the zero value is usable.
type Config struct {
	// CacheDir keeps compiled code; it is made with mode 0700 if it is missing. Empty means
	// in memory only.
	CacheDir string
	// GasMax is how many units of gas one run may use, _initialize and host calls included, at
	// most 2^53; 0 means what [abi.GasMax] says of its phase, and it is for tests to be
	// something else: nodes with different bounds do not agree on what a module does.
	GasMax int64
	// MemoryPages bounds a guest's memory in pages of 64 KiB, 1 to [abi.MemoryPagesMax]; 0
	// means the latter.
	MemoryPages uint32
	// RunTimeout bounds one run, instantiation included; 0 means [DefaultRunTimeout].
	RunTimeout time.Duration
	// CompiledBytesMax bounds the compiled code kept in memory for modules that are not
	// running; 0 means [DefaultCompiledBytesMax].
	CompiledBytesMax int64
	// Compiler is the command line of a process that compiles one module and ends; the first
	// element is the program's absolute path. The program calls [CompileChild]. What kills
	// the compiler then costs the module, not this process. Nil means that modules are
	// compiled in this process; so they are where there is nothing to compile, with the
	// Interpreter, and on systems other than Linux.
	Compiler []string
	// CompileTimeout bounds the process of Compiler; 0 means [DefaultCompileTimeout].
	CompileTimeout time.Duration
	// PoolBytesMax bounds the memory of instances that wait for another run of their module;
	// 0 means [DefaultPoolBytesMax], below 0 that every run has a new instance.
	PoolBytesMax int64
	// Interpreter does without native code: a run takes three times as long if it mostly
	// sets up, a hundred times in a tight loop. Where the compiler has no support for the
	// processor, this is so anyway.
	Interpreter bool
	// Observe, if set, is called after every run, from the goroutine that ran it.
	Observe func(Report)
}

// Report is what is known about one run. It holds no value of a user but what the guest
// logged.
type Report struct {
	Module abi.Digest
	Phase  abi.Phase
	// Gas is what the run was charged, host calls and _initialize included: the same number on
	// every machine, unless the run was stopped for another reason than its gas.
	Gas uint64
	// Recorded is what the steps cost that infer recorded, which an engine does later; see
	// [hostcall.Run.Recorded]. It is no part of Gas.
	Recorded uint64
	// HostCalls counts host calls, those of the system interface included.
	HostCalls int
	// MemoryBytes is the size of the guest's memory at the end.
	MemoryBytes int64
	// Restored says that the run began in an instance that had served another one, put back
	// into the state after _initialize. The guest cannot tell.
	Restored bool
	// Log is the run's log, safe for a terminal; LogDropped counts what did not fit.
	Log        string
	LogDropped int
	// Err is the run's error, nil if it succeeded so far as the sandbox can tell.
	Err error
}

// Runtime compiles and runs modules. It is safe for concurrent use.
type Runtime struct {
	config   Config
	bindings []hostcall.Binding
	cache    *compiledCache
	pool     *pool
	closed   chan struct{} // closed by Close
	close    func()
}

// New makes a Runtime. It touches nothing but the cache directory.
func New(_ context.Context, c Config) (*Runtime, error) {
	if c.MemoryPages == 0 {
		c.MemoryPages = abi.MemoryPagesMax
	}
	if c.MemoryPages > abi.MemoryPagesMax {
		return nil, fmt.Errorf("memory pages %d: at most %d", c.MemoryPages, abi.MemoryPagesMax)
	}
	if c.RunTimeout == 0 {
		c.RunTimeout = DefaultRunTimeout
	}
	if c.GasMax < 0 || c.GasMax > gasMaxMax {
		return nil, fmt.Errorf("gas %d: from 0 to %d", c.GasMax, int64(gasMaxMax))
	}
	if c.PoolBytesMax == 0 {
		c.PoolBytesMax = DefaultPoolBytesMax
	}
	if c.CompiledBytesMax == 0 {
		c.CompiledBytesMax = DefaultCompiledBytesMax
	}
	if c.CompileTimeout == 0 {
		c.CompileTimeout = DefaultCompileTimeout * slowdown
	}
	if !childSupported || len(c.Compiler) == 0 {
		c.Compiler = nil
	}
	c.Compiler = slices.Clone(c.Compiler)
	if c.CacheDir != "" {
		if err := secureDir(c.CacheDir); err != nil {
			return nil, err
		}
	}
	bindings, err := hostcall.Bindings()
	if err != nil {
		return nil, err
	}
	r := &Runtime{
		config: c, bindings: bindings, pool: &pool{bytesMax: c.PoolBytesMax},
		closed: make(chan struct{}),
	}
	r.close = sync.OnceFunc(func() { close(r.closed) })
	r.cache = newCompiledCache(c.CompiledBytesMax, r.compile, r.drop)
	return r, nil
}

// Module is a loaded module. It is safe for concurrent use and needs no closing: the code
// it stands for is dropped and made again as memory allows.
type Module struct {
	runtime  *Runtime
	admitted *admit.Module
	observe  func(Report)
}

// Load checks a module file, compiles it or takes it from a cache, and returns it. The
// error is one of package admit or abi, or wraps [ErrCompile]; ctx bounds the waiting for
// other compilations, not compiling itself, which has bounds of its own.
func (r *Runtime) Load(ctx context.Context, file []byte) (*Module, error) {
	admitted, err := admit.Admit(file)
	if err != nil {
		return nil, err
	}
	m := &Module{runtime: r, admitted: admitted}
	e, err := r.cache.acquire(ctx, admitted)
	if err != nil {
		return nil, err
	}
	r.cache.release(e)
	return m, nil
}

// Digest returns the digest of the module's file.
func (m *Module) Digest() abi.Digest { return m.admitted.Digest }

// Manifest returns the module's manifest, which must not be changed.
func (m *Module) Manifest() *abi.Manifest { return m.admitted.Manifest }

// Facts returns counts of the module, for people.
func (m *Module) Facts() admit.Facts { return m.admitted.Facts }

// Observed returns the module with a function that is called after every run of what is
// returned, from the goroutine that ran it, and after the one of [Config].
func (m *Module) Observed(f func(Report)) *Module {
	return &Module{runtime: m.runtime, admitted: m.admitted, observe: f}
}

// Close drops all compiled code and ends the runs that are under way, each where it next
// looks at its gas.
func (r *Runtime) Close(ctx context.Context) error {
	r.close()
	r.pool.close()
	return r.cache.close(ctx)
}

// drop closes a program that is out of the cache.
func (r *Runtime) drop(ctx context.Context, p *program) error {
	r.pool.drop(p)
	return p.close(ctx)
}

// gasMaxMax keeps sums of gas far from the end of 64 bits.
const gasMaxMax = 1 << 53

// gasMax returns what a run of that phase may use.
func (c Config) gasMax(p abi.Phase) int64 {
	if c.GasMax != 0 {
		return c.GasMax
	}
	return abi.GasMax(p)
}

// wazeroConfig is how every module is compiled: without debug information and custom sections.
// Nothing here stops a guest: the code that package meter has put in does.
func (c Config) wazeroConfig() wazero.RuntimeConfig {
	base := wazero.NewRuntimeConfig()
	if c.Interpreter {
		base = wazero.NewRuntimeConfigInterpreter()
	}
	return base.WithMemoryLimitPages(c.MemoryPages).WithDebugInfoEnabled(false).
		WithCustomSections(false)
}
