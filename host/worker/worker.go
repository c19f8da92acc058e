package worker

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/cerberus-host/cerberus/abi"
	"github.com/cerberus-host/cerberus/fhe"
	"github.com/cerberus-host/cerberus/host/registry"
)

// Blobs is the store that inputs come from and outputs go to.
type Blobs interface {
	ReadAll(d abi.Digest, limit int64) ([]byte, error)
	// Open returns a verified blob to read from, and its size; the caller closes it.
	Open(d abi.Digest) (io.ReadCloser, int64, error)
	Put(data []byte) (abi.Digest, error)
}

// Variants gives the compiled Plan of a module and public arguments.
type Variants interface {
	Variant(ctx context.Context, module abi.Digest, args abi.Args) (*registry.Variant, error)
}

// Config is what a [Worker] is made of; all fields are required.
type Config struct {
	Blobs    Blobs
	Variants Variants
	Engine   fhe.Engine
	// Now is the clock for timings.
	Now func() time.Time
	// PlanBytesMax and KeyBytesMax bound the loaded Plans and key sets that are kept. A key
	// set whose blob alone is larger than KeyBytesMax is refused.
	PlanBytesMax, KeyBytesMax int64
}

// Worker runs tasks. It is safe for concurrent use.
type Worker struct {
	cfg   Config
	plans *registry.Cache[abi.Digest, fhe.LoadedPlan]
	keys  *registry.Cache[keyID, fhe.LoadedKeys]
}

// keyID names a loaded key set: the same bytes under other parameters are something else.
type keyID struct {
	digest abi.Digest
	params string
}

// New returns a Worker with empty caches.
func New(cfg Config) *Worker {
	return &Worker{
		cfg: cfg, plans: registry.NewCache[abi.Digest, fhe.LoadedPlan](cfg.PlanBytesMax),
		keys: registry.NewCache[keyID, fhe.LoadedKeys](cfg.KeyBytesMax),
	}
}

// NamedBlob is a blob under the name of an input or output.
type NamedBlob struct {
	Name   string
	Digest abi.Digest
}

// Task is what a worker has to know about a task.
type Task struct {
	Module abi.Digest
	Args   abi.Args
	// Program and Plan are the registered digests.
	Program, Plan abi.Digest
	// Inputs are in any order.
	Inputs []NamedBlob
	// KeySet is zero if the task names none.
	KeySet abi.Digest
}

// Output is a stored result.
type Output struct {
	Name   string
	Digest abi.Digest
	Bytes  int64
}

// Timings are the times of a run's phases.
type Timings struct {
	Infer, Load, Fetch, Execute, Store time.Duration
}

// Result is what a run made.
type Result struct {
	// Outputs are in the Plan's order.
	Outputs []Output
	Engine  string
	Timings Timings
	// Steps is the number of steps of the Plan.
	Steps int
	// Gas is what the task costs, see [registry.Variant].
	Gas uint64
}

// Run executes a task. An error is a [*Error].
func (w *Worker) Run(ctx context.Context, t Task) (Result, error) {
	r, err := w.run(ctx, t)
	if err != nil {
		return Result{}, classify(ctx, err)
	}
	return r, nil
}

func (w *Worker) run(ctx context.Context, t Task) (Result, error) {
	r := Result{Engine: w.cfg.Engine.Name()}
	watch := stopwatch{now: w.cfg.Now, last: w.cfg.Now()}
	v, err := w.variant(ctx, t)
	if err != nil {
		return Result{}, err
	}
	watch.lap(&r.Timings.Infer)
	plan, err := w.loadPlan(ctx, v)
	if err != nil {
		return Result{}, err
	}
	keys, err := w.loadKeys(ctx, v, t.KeySet)
	if err != nil {
		return Result{}, err
	}
	watch.lap(&r.Timings.Load)
	inputs, err := w.inputs(v.Compiled.Plan, t.Inputs)
	if err != nil {
		return Result{}, err
	}
	watch.lap(&r.Timings.Fetch)
	outputs, err := fhe.Execute(ctx, plan, keys, inputs, fhe.RunOptions{})
	if err != nil {
		return Result{}, engineFailure(ctx, "execute", err)
	}
	watch.lap(&r.Timings.Execute)
	r.Outputs, err = w.store(v.Compiled.Plan, outputs)
	watch.lap(&r.Timings.Store)
	r.Steps, r.Gas = len(v.Compiled.Plan.Steps), v.Gas
	return r, err
}

// Prepare makes the checks that need no run: the registered digests, the inputs' names,
// sizes and metadata, and that the key set has every key. It leaves Plan and keys loaded.
// An error is a [*Error].
func (w *Worker) Prepare(ctx context.Context, t Task) error {
	v, err := w.variant(ctx, t)
	if err != nil {
		return classify(ctx, err)
	}
	if _, err := w.inputs(v.Compiled.Plan, t.Inputs); err != nil {
		return classify(ctx, err)
	}
	if _, err := w.loadKeys(ctx, v, t.KeySet); err != nil {
		return classify(ctx, err)
	}
	return nil
}

// variant returns the compiled Plan, after its digests were compared with the registered
// ones: the module was registered by another version of this program, or something is
// damaged, if they differ.
func (w *Worker) variant(ctx context.Context, t Task) (*registry.Variant, error) {
	v, err := w.cfg.Variants.Variant(ctx, t.Module, t.Args)
	if err != nil {
		return nil, err
	}
	if v.ProgramDigest != t.Program || v.PlanDigest != t.Plan {
		return nil, &Error{Cause: CauseProgram, Err: fmt.Errorf(
			"the module records Program %s with Plan %s, registered are %s and %s",
			v.ProgramDigest.Short(), v.PlanDigest.Short(), t.Program.Short(), t.Plan.Short())}
	}
	return v, nil
}

func (w *Worker) loadPlan(ctx context.Context, v *registry.Variant) (fhe.LoadedPlan, error) {
	return w.plans.Get(ctx, v.PlanDigest, func(ctx context.Context) (fhe.LoadedPlan, int64, error) {
		plan, err := w.cfg.Engine.LoadPlan(ctx, v.Compiled)
		if err != nil {
			return nil, 0, engineFailure(ctx, "load plan", err)
		}
		return plan, plan.Bytes(), nil
	})
}

// loadKeys returns the task's keys, all that the Plan needs among them; nil if the Plan
// needs none.
func (w *Worker) loadKeys(
	ctx context.Context, v *registry.Variant, digest abi.Digest,
) (fhe.LoadedKeys, error) {
	need := v.Compiled.Plan.KeyNeed()
	if need.IsEmpty() {
		return nil, nil //nolint:nilnil // fhe.Execute takes nil for a Plan without keys
	}
	if digest.IsZero() {
		return nil, badInput("key_set", fmt.Errorf("%w: the Plan needs %v", fhe.ErrMissingKey, need))
	}
	params := v.Compiled.Plan.Params
	id := keyID{digest, params.Name()}
	keys, err := w.keys.Get(ctx, id, func(ctx context.Context) (fhe.LoadedKeys, int64, error) {
		return w.readKeys(ctx, params, digest)
	})
	if err != nil {
		return nil, err
	}
	if missing := keys.Missing(need); !missing.IsEmpty() {
		return nil, badInput("key_set", fmt.Errorf("%w: %v", fhe.ErrMissingKey, missing))
	}
	return keys, nil
}

func (w *Worker) readKeys(
	ctx context.Context, params *fhe.Params, digest abi.Digest,
) (fhe.LoadedKeys, int64, error) {
	r, size, err := w.cfg.Blobs.Open(digest)
	if err != nil {
		return nil, 0, fmt.Errorf("read key set: %w", err)
	}
	if size > w.cfg.KeyBytesMax {
		return nil, 0, errors.Join(&Error{
			Cause: CauseResource, Field: "key_set",
			Err: fmt.Errorf("it has %d bytes, the node has room for %d", size, w.cfg.KeyBytesMax),
		}, r.Close())
	}
	set, err := fhe.ReadKeySet(r, params)
	if err := errors.Join(err, r.Close()); err != nil {
		return nil, 0, badInput("key_set", err)
	}
	keys, err := w.cfg.Engine.LoadKeys(ctx, set)
	if err != nil {
		return nil, 0, engineFailure(ctx, "load keys", err)
	}
	return keys, keys.Bytes(), nil
}

// inputs reads the ciphertexts of all of the Plan's inputs, in the Plan's order.
func (w *Worker) inputs(plan *fhe.Plan, blobs []NamedBlob) ([]fhe.Ciphertext, error) {
	for _, b := range blobs {
		if !slices.ContainsFunc(plan.Inputs, func(in fhe.PlanInput) bool { return in.Name == b.Name }) {
			return nil, badInput("inputs."+b.Name, fmt.Errorf("%w: the Plan has no such input",
				fhe.ErrOperand))
		}
	}
	var all []fhe.Ciphertext
	for _, in := range plan.Inputs {
		i := slices.IndexFunc(blobs, func(b NamedBlob) bool { return b.Name == in.Name })
		if i < 0 {
			return nil, badInput("inputs."+in.Name, fmt.Errorf("%w: the input is missing",
				fhe.ErrOperand))
		}
		cts, err := w.input(plan.Params, in, blobs[i].Digest)
		if err != nil {
			return nil, err
		}
		all = append(all, cts...)
	}
	return all, nil
}

func (w *Worker) input(
	params *fhe.Params, in fhe.PlanInput, digest abi.Digest,
) ([]fhe.Ciphertext, error) {
	limit := fhe.CiphertextBytes(params, in.Packing, in.Length, in.Level, false)
	data, err := w.cfg.Blobs.ReadAll(digest, limit)
	if err != nil {
		return nil, w.inputError(in.Name, err)
	}
	cts, err := fhe.ParseInput(params, in, data)
	if err != nil {
		return nil, badInput("inputs."+in.Name, err)
	}
	return cts, nil
}

// store encodes the outputs and makes them durable.
func (w *Worker) store(plan *fhe.Plan, cts []fhe.Ciphertext) ([]Output, error) {
	out := make([]Output, len(cts))
	for i, ct := range cts {
		data, err := fhe.EncodeCiphertexts(plan.Params, []fhe.Ciphertext{ct})
		if err != nil {
			return nil, &Error{Cause: CauseEngine, Err: fmt.Errorf("encode output: %w", err)}
		}
		d, err := w.cfg.Blobs.Put(data)
		if err != nil {
			return nil, fmt.Errorf("store output: %w", err)
		}
		out[i] = Output{Name: plan.Outputs[i].Name, Digest: d, Bytes: int64(len(data))}
	}
	return out, nil
}

// stopwatch measures consecutive phases.
type stopwatch struct {
	now  func() time.Time
	last time.Time
}

func (s *stopwatch) lap(phase *time.Duration) {
	t := s.now()
	*phase += t.Sub(s.last)
	s.last = t
}
