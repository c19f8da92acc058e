package registry

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/cerberus-host/cerberus/abi"
	"github.com/cerberus-host/cerberus/fhe"
	"github.com/cerberus-host/cerberus/fhe/squeeze"
	"github.com/cerberus-host/cerberus/host/runtime"
)

// Blobs is where modules and models come from.
type Blobs interface {
	// ReadAll returns a blob of at most limit bytes, its digest checked.
	ReadAll(d abi.Digest, limit int64) ([]byte, error)
}

// Config is what a [Registry] is made of; all fields but AllowInsecure are required.
type Config struct {
	Sandbox *runtime.Runtime
	Blobs   Blobs
	Encoder fhe.ConstantEncoder
	// Supports is the engine's: nil if it can run the parameter set.
	Supports func(*fhe.Params) error
	// AllowInsecure lets parameter sets pass that do not reach 128-bit security; for tests.
	AllowInsecure bool
	// CompiledBytesMax bounds the compiled Plans that are kept.
	CompiledBytesMax int64
}

// Registry checks modules and compiles their Programs. It is safe for concurrent use.
type Registry struct {
	cfg   Config
	cache *Cache[variantKey, *Variant]
	// checks has one seat: a check occupies a core and much memory.
	checks chan struct{}
}

type variantKey struct {
	module abi.Digest
	args   string
}

// New returns a Registry with nothing in its cache.
func New(cfg Config) *Registry {
	return &Registry{
		cfg: cfg, cache: NewCache[variantKey, *Variant](cfg.CompiledBytesMax),
		checks: make(chan struct{}, 1),
	}
}

// Variant is one combination of public arguments and what was compiled for it.
type Variant struct {
	Args     abi.Args
	Program  *fhe.Program
	Compiled *fhe.Compiled
	// ProgramDigest and PlanDigest are those of Program and Compiled.Plan.
	ProgramDigest, PlanDigest abi.Digest
	// NeedsKeys tells whether a task needs a key set.
	NeedsKeys bool
	// Noise is how far results can be from what the Program computes.
	Noise fhe.Noise
	// PeakBytes is the memory of the ciphertexts that are alive at once in a run.
	PeakBytes int64
	// Gas is what a task costs, in units of gas: what the run of infer was charged, and what
	// the steps cost that it recorded. It is the same number on every machine.
	Gas uint64
}

// Checked is a module that passed every check.
type Checked struct {
	Module      abi.Digest
	ModuleBytes int64
	Manifest    *abi.Manifest
	// Variants has one entry for each combination of the manifest, in its order.
	Variants []*Variant
}

// Check checks the module with that digest, whose blob and whose model's blob are stored.
// Errors wrap one of this package's, abi.ErrModule, abi.ErrManifest, an error of Blobs, or
// the context's.
func (r *Registry) Check(ctx context.Context, module abi.Digest) (*Checked, error) {
	select {
	case r.checks <- struct{}{}:
		defer func() { <-r.checks }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	m, err := r.load(ctx, module)
	if err != nil {
		return nil, err
	}
	c := &Checked{Module: module, ModuleBytes: m.bytes, Manifest: m.guest.Manifest()}
	for _, args := range c.Manifest.Combinations() {
		v, err := r.cached(ctx, m, args)
		if err != nil {
			return nil, fmt.Errorf("public arguments %q: %w", args.String(), err)
		}
		// Only registration asks for it: what was registered goes on running.
		err = v.Noise.Check(c.Manifest.OutputsFor(args), c.Manifest.ToleranceBits)
		if err != nil {
			return nil, fmt.Errorf("public arguments %q: %w: %w", args.String(), ErrNoise, err)
		}
		if err := r.again(ctx, m, v); err != nil {
			return nil, fmt.Errorf("public arguments %q: %w", args.String(), err)
		}
		c.Variants = append(c.Variants, v)
	}
	return c, nil
}

// again runs infer once more, in a fresh instance, and compares.
func (r *Registry) again(ctx context.Context, m *loaded, v *Variant) error {
	prog, _, err := m.infer(ctx, v.Args)
	if err != nil {
		return err
	}
	if d := prog.Digest(); d != v.ProgramDigest {
		return fmt.Errorf("%w: Programs %s and %s", ErrUnstable, v.ProgramDigest.Short(), d.Short())
	}
	return nil
}

// Variant returns one compiled combination of a stored module, from the cache or made now.
// It is shared and must not be changed.
func (r *Registry) Variant(
	ctx context.Context, module abi.Digest, args abi.Args,
) (*Variant, error) {
	return r.cache.Get(ctx, variantKey{module, args.String()},
		func(ctx context.Context) (*Variant, int64, error) {
			m, err := r.load(ctx, module)
			if err != nil {
				return nil, 0, err
			}
			return r.compile(ctx, m, args)
		})
}

// Peek returns a combination if it is in the cache.
func (r *Registry) Peek(module abi.Digest, args abi.Args) (*Variant, bool) {
	return r.cache.Peek(variantKey{module, args.String()})
}

func (r *Registry) cached(ctx context.Context, m *loaded, args abi.Args) (*Variant, error) {
	return r.cache.Get(ctx, variantKey{m.guest.Digest(), args.String()},
		func(ctx context.Context) (*Variant, int64, error) { return r.compile(ctx, m, args) })
}

// loaded is an admitted module with its model and parameter set.
type loaded struct {
	guest  *runtime.Module
	bytes  int64
	params *fhe.Params
	model  fhe.Model
}

func (r *Registry) load(ctx context.Context, module abi.Digest) (*loaded, error) {
	file, err := r.cfg.Blobs.ReadAll(module, abi.ModuleBytesMax)
	if err != nil {
		return nil, fmt.Errorf("read module: %w", err)
	}
	guest, err := r.cfg.Sandbox.Load(ctx, file)
	if errors.Is(err, runtime.ErrCompile) {
		err = fmt.Errorf("%w: %w", abi.ErrModule, err)
	}
	if err != nil {
		return nil, err
	}
	m := &loaded{guest: guest, bytes: int64(len(file))}
	if m.params, err = r.params(guest.Manifest().Params); err != nil {
		return nil, err
	}
	m.model, err = r.model(guest.Manifest().Model)
	return m, err
}

func (r *Registry) params(name string) (*fhe.Params, error) {
	p, err := fhe.ParamsByName(name)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrParams, err)
	}
	if !p.Secure() && !r.cfg.AllowInsecure {
		return nil, fmt.Errorf("%w: %s; secure ones are %s", ErrInsecure, name, secureNames())
	}
	if err := r.cfg.Supports(p); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrEngine, err)
	}
	return p, nil
}

func secureNames() string {
	var names []string
	for _, name := range fhe.ParamsNames() {
		if p, err := fhe.ParamsByName(name); err == nil && p.Secure() {
			names = append(names, name)
		}
	}
	return strings.Join(names, ", ")
}

func (r *Registry) model(m *abi.Model) (fhe.Model, error) {
	if m == nil {
		return fhe.Model{}, nil
	}
	data, err := r.cfg.Blobs.ReadAll(m.Digest, abi.ModelBytesMax)
	if err != nil {
		return fhe.Model{}, fmt.Errorf("%w: %w", ErrModel, err)
	}
	if int64(len(data)) != m.Bytes {
		return fhe.Model{}, fmt.Errorf("%w: it has %d bytes, the manifest says %d", ErrModel,
			len(data), m.Bytes)
	}
	return fhe.ReadModel(data), nil
}

// infer returns the Program and what a task of it costs.
func (m *loaded) infer(ctx context.Context, args abi.Args) (*fhe.Program, uint64, error) {
	gas := uint64(0)
	guest := m.guest.Observed(func(r runtime.Report) { gas = r.Gas + r.Recorded })
	prog, err := guest.RunInfer(ctx, args)
	if err != nil {
		return nil, 0, fmt.Errorf("%w: %w", ErrInfer, err)
	}
	return prog, gas, nil
}

// compile runs infer once, holds the Program to the manifest and compiles it.
func (r *Registry) compile(
	ctx context.Context, m *loaded, args abi.Args,
) (*Variant, int64, error) {
	if !allowed(m.guest.Manifest(), args) {
		return nil, 0, fmt.Errorf("%w: %q", ErrArgs, args.String())
	}
	prog, gas, err := m.infer(ctx, args)
	if err != nil {
		return nil, 0, err
	}
	if err := checkProgram(prog, m, args); err != nil {
		return nil, 0, err
	}
	compiled, err := squeeze.CompileWith(prog, m.model, r.cfg.Encoder, squeeze.Options{
		Outputs: m.guest.Manifest().OutputsFor(args),
	})
	if err != nil {
		return nil, 0, fmt.Errorf("%w: %w", ErrPlan, err)
	}
	v := &Variant{
		Args: args, Program: prog, Compiled: compiled, ProgramDigest: prog.Digest(),
		PlanDigest: compiled.Plan.Digest(), NeedsKeys: !compiled.Plan.KeyNeed().IsEmpty(),
		Gas: gas,
	}
	if v.Noise, err = compiled.Noise(); err != nil {
		return nil, 0, fmt.Errorf("%w: %w", ErrPlan, err)
	}
	cost := compiled.Plan.Cost()
	v.PeakBytes = cost.Peak
	// The structures take about as much memory as their texts.
	size := cost.EncodedBytes + int64(len(compiled.Plan.Text())) + int64(len(prog.Text()))
	return v, size, nil
}

func allowed(m *abi.Manifest, args abi.Args) bool {
	for _, c := range m.Combinations() {
		if c.Equal(args) {
			return true
		}
	}
	return false
}

// checkProgram holds parameter set and inputs to the manifest; the outputs are held to it
// when the Program is compiled. A declared input that infer does not use is refused: the
// client would send it for nothing.
func checkProgram(prog *fhe.Program, m *loaded, args abi.Args) error {
	if !prog.Params.Equal(m.params) {
		return fmt.Errorf("%w: parameter set %s, declared is %s", ErrProgram, prog.Params, m.params)
	}
	used := make(map[string]fhe.Node)
	for _, n := range prog.Nodes {
		if n.Op == fhe.NodeInput {
			used[n.Name] = n
		}
	}
	declared := m.guest.Manifest().InputsFor(args)
	for _, in := range declared {
		n, ok := used[in.Name]
		if !ok {
			return fmt.Errorf("%w: input %q is declared and not used", ErrProgram, in.Name)
		}
		if n.Type.Packing != in.Packing || n.Type.Length != in.Length || n.Bound != in.Bound ||
			n.ScaleBits != in.ScaleBits {
			return fmt.Errorf("%w: input %q has another shape than declared", ErrProgram, in.Name)
		}
	}
	if len(used) != len(declared) {
		return fmt.Errorf("%w: %d inputs are used, %d declared", ErrProgram, len(used),
			len(declared))
	}
	return nil
}
