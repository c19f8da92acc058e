package lattigo

import (
	"context"
	"fmt"
	"sync"

	"github.com/tuneinsight/lattigo/v5/core/rlwe"
	"github.com/tuneinsight/lattigo/v5/ring"
	"github.com/tuneinsight/lattigo/v5/ring/ringqp"
	"github.com/tuneinsight/lattigo/v5/utils/structs"

	"github.com/cerberus-host/cerberus/fhe"
)

// Name is the word that users choose this engine by.
const Name = "lattigo"

// wordBytes is the memory of one residue.
const wordBytes = 8

// Engine is the reference engine, an [fhe.Engine]. It keeps the tables of every parameter set
// it was used with. It is safe for concurrent use.
type Engine struct {
	mu   sync.Mutex
	sets []*paramSet
}

// paramSet is a parameter set with the scratch memory of its runs.
type paramSet struct {
	rings *rings
	// tables is an evaluator without buffers.
	tables *rlwe.Evaluator
	arenas sync.Pool
}

// New returns an engine that has loaded nothing.
func New() *Engine { return &Engine{} }

// Name implements [fhe.Engine].
func (e *Engine) Name() string { return Name }

// Supports implements [fhe.Engine].
func (e *Engine) Supports(p *fhe.Params) error { return supports(p) }

// set returns the tables of a parameter set, which takes up to seconds the first time.
func (e *Engine) set(p *fhe.Params) (*paramSet, error) {
	if err := supports(p); err != nil {
		return nil, err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, s := range e.sets {
		if s.rings.params.Equal(p) {
			return s, nil
		}
	}
	r, err := newRings(p)
	if err != nil {
		return nil, err
	}
	s := &paramSet{rings: r, tables: rlwe.NewEvaluator(r.ckks.Parameters, nil)}
	s.tables.EvaluatorBuffers = nil
	e.sets = append(e.sets, s)
	return s, nil
}

// arena takes scratch memory from the pool.
func (s *paramSet) arena() *arena {
	if a, ok := s.arenas.Get().(*arena); ok {
		return a
	}
	return newArena(s.rings, s.tables)
}

// loadedKeys is a key set in transformed and Montgomery form.
type loadedKeys struct {
	engine *Engine
	set    *paramSet
	keys   map[uint64]*rlwe.GadgetCiphertext
	bytes  int64
}

// Missing implements [fhe.LoadedKeys].
func (k *loadedKeys) Missing(need fhe.KeyNeed) fhe.KeyNeed {
	missing := fhe.KeyNeed{}
	if _, ok := k.keys[fhe.RelinElement]; need.Relin && !ok {
		missing.Relin = true
	}
	for _, g := range need.Galois {
		if _, ok := k.keys[g]; !ok {
			missing.Galois = append(missing.Galois, g)
		}
	}
	return missing
}

// Bytes implements [fhe.LoadedKeys].
func (k *loadedKeys) Bytes() int64 { return k.bytes }

// LoadKeys implements [fhe.Engine]. It uses all cores and looks at ctx after each key.
func (e *Engine) LoadKeys(ctx context.Context, k *fhe.KeySet) (out fhe.LoadedKeys, err error) {
	defer guard(&err)
	if err := k.Check(); err != nil {
		return nil, fmt.Errorf("load keys: %w", err)
	}
	set, err := e.set(k.Params)
	if err != nil {
		return nil, err
	}
	gadgets := make([]*rlwe.GadgetCiphertext, len(k.Keys))
	err = forEach(ctx, len(k.Keys), func(i int) error {
		key, gadget := k.Keys[i], &rlwe.GadgetCiphertext{}
		for d, b := range key.B {
			a, err := k.ExpandA(key.Galois, d)
			if err != nil {
				return fmt.Errorf("load key %d: %w", key.Galois, err)
			}
			row := rlwe.VectorQP{set.rings.transformKey(b.Clone()), set.rings.transformKey(a)}
			gadget.Value = append(gadget.Value, []rlwe.VectorQP{row})
		}
		gadgets[i] = gadget
		return nil
	})
	if err != nil {
		return nil, err
	}
	loaded := &loadedKeys{engine: e, set: set, keys: map[uint64]*rlwe.GadgetCiphertext{}}
	limbs := k.Params.QCount() + k.Params.PCount()
	for i, key := range k.Keys {
		loaded.keys[key.Galois] = gadgets[i]
		loaded.bytes += 2 * wordBytes * int64(len(key.B)) * int64(limbs*k.Params.N())
	}
	return loaded, nil
}

// transformKey brings a polynomial of a key into the form of Lattigo's gadget products, in
// place.
func (r *rings) transformKey(p fhe.Poly) ringqp.Poly {
	count := r.params.QCount()
	qp := ringqp.Poly{
		Q: ring.Poly{Coeffs: structs.Matrix[uint64](p.Limbs[:count])},
		P: ring.Poly{Coeffs: structs.Matrix[uint64](p.Limbs[count:])},
	}
	full := ringqp.Ring{RingQ: r.q, RingP: r.p}
	full.NTT(qp, qp)
	full.MForm(qp, qp)
	return qp
}

// loadedPlan is a Plan with its schedule and transformed constants.
type loadedPlan struct {
	engine   *Engine
	set      *paramSet
	plan     *fhe.Plan
	schedule *schedule
	// factors holds the constants that are multiplied by, transformed and in Montgomery form;
	// terms those that are added, transformed; encoded those that are added, as they came.
	factors, terms, encoded []ring.Poly
	// permutations holds the index of each automorphism.
	permutations map[uint64][]uint64
	bytes        int64
}

// Plan implements [fhe.LoadedPlan].
func (l *loadedPlan) Plan() *fhe.Plan { return l.plan }

// Bytes implements [fhe.LoadedPlan].
func (l *loadedPlan) Bytes() int64 { return l.bytes }

// LoadPlan implements [fhe.Engine]. Beside the constants it checks everything that a run
// relies on, so that no Plan can make a run read what is not there; it returns [fhe.ErrPlan]
// for one that it could not run.
func (e *Engine) LoadPlan(ctx context.Context, c *fhe.Compiled) (out fhe.LoadedPlan, err error) {
	defer guard(&err)
	if c == nil || c.Plan == nil {
		return nil, fmt.Errorf("%w: none given", fhe.ErrPlan)
	}
	set, err := e.set(c.Plan.Params)
	if err != nil {
		return nil, err
	}
	s, err := newSchedule(c.Plan)
	if err != nil {
		return nil, err
	}
	l := &loadedPlan{
		engine: e, set: set, plan: c.Plan, schedule: s, permutations: map[uint64][]uint64{},
	}
	if err := l.loadConstants(ctx, c.Encoded); err != nil {
		return nil, err
	}
	n := c.Plan.Params.N()
	for _, g := range s.rotations {
		if l.permutations[g], err = ring.AutomorphismNTTIndex(n, 2*uint64(n), g); err != nil {
			return nil, fmt.Errorf("%w: Galois element %d: %w", fhe.ErrPlan, g, err)
		}
		l.bytes += wordBytes * int64(n)
	}
	return l, nil
}

func (l *loadedPlan) loadConstants(ctx context.Context, encoded []fhe.Poly) error {
	constants := l.plan.Constants
	if len(encoded) != len(constants) {
		return fmt.Errorf("%w: %d encoded constants instead of %d", fhe.ErrOperand, len(encoded),
			len(constants))
	}
	l.factors = make([]ring.Poly, len(constants))
	l.terms = make([]ring.Poly, len(constants))
	l.encoded = make([]ring.Poly, len(constants))
	for i, c := range constants {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := encoded[i].Check(l.plan.Params.N(), l.plan.Params.Moduli(c.Level)); err != nil {
			return fmt.Errorf("%w: constant %d: %w", fhe.ErrOperand, i, err)
		}
		at := l.set.rings.q.AtLevel(c.Level)
		if l.schedule.factor[i] {
			l.factors[i] = at.NewPoly()
			at.NTT(poly(encoded[i]), l.factors[i])
			at.MForm(l.factors[i], l.factors[i])
			l.bytes += wordBytes * int64((c.Level+1)*at.N())
		}
		if l.schedule.term[i] {
			l.encoded[i], l.terms[i] = poly(encoded[i]), at.NewPoly()
			at.NTT(l.encoded[i], l.terms[i])
			l.bytes += 2 * wordBytes * int64((c.Level+1)*at.N())
		}
	}
	return nil
}

// keysFor returns the keys of a run, or why they cannot be used.
func (l *loadedPlan) keysFor(keys fhe.LoadedKeys) (*loadedKeys, error) {
	if !l.plan.Relin && len(l.plan.Galois) == 0 {
		return &loadedKeys{}, nil
	}
	if keys == nil {
		return nil, fmt.Errorf("%w: no keys given", fhe.ErrMissingKey)
	}
	k, ok := keys.(*loadedKeys)
	if !ok || k.engine != l.engine {
		return nil, fmt.Errorf("%w: load the key set with this engine", fhe.ErrForeign)
	}
	if k.set != l.set {
		return nil, fmt.Errorf("%w: keys are for %s, the plan is for %s", fhe.ErrParams,
			k.set.rings.params, l.plan.Params)
	}
	if missing := k.Missing(l.plan.KeyNeed()); !missing.IsEmpty() {
		return nil, fmt.Errorf("%w: %v", fhe.ErrMissingKey, missing)
	}
	return k, nil
}

// Run implements [fhe.LoadedPlan].
func (l *loadedPlan) Run(ctx context.Context, keys fhe.LoadedKeys, inputs []fhe.Ciphertext,
	opts fhe.RunOptions,
) (out []fhe.Ciphertext, err error) {
	defer guard(&err)
	k, err := l.keysFor(keys)
	if err != nil {
		return nil, err
	}
	if len(inputs) != l.schedule.inputs {
		return nil, fmt.Errorf("%w: %d ciphertexts instead of %d", fhe.ErrOperand, len(inputs),
			l.schedule.inputs)
	}
	mem := l.set.arena()
	r := &run{
		plan: l, keys: k, arena: mem, opts: opts, regs: make([]value, l.plan.Registers),
	}
	if err := r.loadInputs(inputs); err != nil {
		return nil, err
	}
	for i := range l.plan.Steps {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if err := r.step(i); err != nil {
			return nil, fmt.Errorf("step %d: %w", i, err)
		}
		if opts.Progress != nil {
			opts.Progress(i + 1)
		}
	}
	out = r.outputs()
	// Only a run that ended well gives its memory back: after an error or a panic nobody
	// knows which buffers are in use.
	r.releaseAll()
	l.set.arenas.Put(mem)
	return out, nil
}
