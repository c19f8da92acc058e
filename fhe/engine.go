package fhe

import (
	"context"
	"math/big"
)

// Engine executes Plans. Every engine returns the same bytes for the same Plan, constants,
// keys and inputs; package fhe/fhetest holds the suite that each must pass. Methods are
// safe for concurrent use. What an engine loaded belongs to that engine: given to another,
// it is refused with [ErrForeign].
type Engine interface {
	// Name is the word that users choose the engine by.
	Name() string
	// Supports returns nil if the engine can run Plans of this parameter set, else an error
	// that wraps [ErrUnsupported].
	Supports(p *Params) error
	// LoadPlan transforms a Plan's constants into the engine's own form.
	LoadPlan(ctx context.Context, c *Compiled) (LoadedPlan, error)
	// LoadKeys transforms a key set into the engine's own form.
	LoadKeys(ctx context.Context, k *KeySet) (LoadedKeys, error)
}

// LoadedPlan is a Plan in an engine's own form. It may be run by many goroutines at once.
type LoadedPlan interface {
	// Plan returns the Plan that was loaded.
	Plan() *Plan
	// Bytes is the memory that the loaded form occupies.
	Bytes() int64
	// Run executes the Plan on the inputs, in the order of the Plan's inputs, and
	// returns one ciphertext per output. keys may be nil if the Plan needs none. It looks at
	// ctx between steps. Inputs are checked against the Plan ([Plan.CheckInputs]) by
	// [Execute], which is what callers use.
	Run(ctx context.Context, keys LoadedKeys, inputs []Ciphertext, opts RunOptions) (
		[]Ciphertext, error)
}

// LoadedKeys is a key set in an engine's own form, safe for concurrent use.
type LoadedKeys interface {
	// Missing returns the keys of need that are not there.
	Missing(need KeyNeed) KeyNeed
	// Bytes is the memory that the loaded form occupies.
	Bytes() int64
}

// RunOptions steer one run. The zero value is a plain run.
type RunOptions struct {
	// Recorder, if not nil, is told every integer that the run rounded or decomposed. An
	// engine calls it from one goroutine at a time, in step order and, within a step, digits
	// before remainders, indices ascending. An error of it ends the run.
	Recorder Recorder
	// Progress, if not nil, is called after each step with the number of steps done.
	Progress func(done int)
}

// WireKind says what a recorded integer polynomial is.
type WireKind uint8

// The wire kinds.
const (
	// WireDigit is digit Index of the polynomial that a key switch decomposed, in centred
	// form: the integers whose residues multiply the evaluation key.
	WireDigit WireKind = 1
	// WireModDown is the centred remainder e of component Index in a key switch's division
	// by P: out = (acc - e) / P.
	WireModDown WireKind = 2
	// WireRescale is the centred remainder e of component Index in a rescale by q:
	// out = (in - e) / q.
	WireRescale WireKind = 3
)

// Wire is one recorded integer polynomial: N coefficients in coefficient domain.
type Wire struct {
	// Step is the index of the Plan step that made it.
	Step int
	Kind WireKind
	// Index is the digit or component.
	Index int
	// Coeffs are owned by the recorder once it was called.
	Coeffs []*big.Int
}

// Recorder receives the integers of a run, the witness of a proof.
type Recorder interface {
	Record(w Wire) error
}
