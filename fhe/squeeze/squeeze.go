package squeeze

import (
	"fmt"
	"slices"

	"github.com/cerberus-host/cerberus/abi"
	"github.com/cerberus-host/cerberus/fhe"
)

// EncodedBytesMax bounds the memory of a Plan's encoded constants.
const EncodedBytesMax int64 = 4 << 30

// Pass names a rewriting that makes a Plan cheaper and can be left out.
type Pass string

// PassHoist decomposes a ciphertext once for all its rotations.
const PassHoist Pass = "hoist"

// Passes returns every pass, in the order in which they run.
func Passes() []Pass { return []Pass{PassHoist} }

// Options steer a compilation. The zero value runs all passes and takes every output to be
// bounded by 1.
type Options struct {
	// Outputs, if not nil, are the results that the manifest declares for the Program's
	// public arguments. The Program must make exactly these, in any order, and the scale of
	// each must leave room for its bound. They decide whether a Program is refused and never
	// what its Plan is.
	Outputs []abi.Output
	// Without lists passes to leave out; all of [Passes] gives the baseline that savings are
	// measured against.
	Without []Pass
}

// Compile compiles a Program with the zero [Options].
func Compile(prog *fhe.Program, model fhe.Model, enc fhe.ConstantEncoder) (*fhe.Compiled,
	error,
) {
	return CompileWith(prog, model, enc, Options{})
}

// CompileWith compiles a Program for its parameter set and encodes the constants with enc.
//
// Errors wrap [fhe.ErrDepth] if the Program needs more levels than the set has,
// [fhe.ErrRange] if a scale does not leave room for an output or a constant, or if inputs
// declare scales that do not go together, [fhe.ErrName] or [fhe.ErrType] if the Program does
// not make the declared outputs or a pass is unknown, [fhe.ErrLimit] if the Plan would
// exceed a limit, and are those of [fhe.Model.Values] if the model does not fit.
func CompileWith(prog *fhe.Program, model fhe.Model, enc fhe.ConstantEncoder, opts Options) (
	*fhe.Compiled, error,
) {
	c, err := compile(prog, model, enc, opts)
	if err != nil {
		return nil, fmt.Errorf("compile Program: %w", err)
	}
	return c, nil
}

func compile(prog *fhe.Program, model fhe.Model, enc fhe.ConstantEncoder, opts Options) (
	*fhe.Compiled, error,
) {
	for _, p := range opts.Without {
		if !slices.Contains(Passes(), p) {
			return nil, fmt.Errorf("%w: pass %.40q is unknown", fhe.ErrName, p)
		}
	}
	bounds, err := outputBounds(prog, opts.Outputs)
	if err != nil {
		return nil, err
	}
	low, err := lower(prog, model)
	if err != nil {
		return nil, err
	}
	lev, err := assignLevels(prog, low)
	if err != nil {
		return nil, err
	}
	if err := lev.checkOutputs(prog, low, bounds); err != nil {
		return nil, err
	}
	hoisted := rotationCounts{}
	if !slices.Contains(opts.Without, PassHoist) {
		hoisted = countRotations(low.graph, lev)
	}
	return emit(prog, low, lev, hoisted, enc)
}

// outputBounds returns the bound of each of the Program's outputs.
func outputBounds(prog *fhe.Program, declared []abi.Output) ([]int, error) {
	bounds := make([]int, len(prog.Outputs))
	for i, o := range prog.Outputs {
		bounds[i] = 1
		if declared == nil {
			continue
		}
		at := slices.IndexFunc(declared, func(d abi.Output) bool { return d.Name == o.Name })
		if at < 0 {
			return nil, fmt.Errorf("%w: output %q is not in the manifest", fhe.ErrName, o.Name)
		}
		d := declared[at]
		if have := prog.Nodes[o.Node].Type.Length; have != d.Length {
			return nil, fmt.Errorf("%w: output %q has length %d, the manifest declares %d",
				fhe.ErrType, o.Name, have, d.Length)
		}
		if d.Bound < 1 {
			return nil, fmt.Errorf("%w: output %q has bound %d", fhe.ErrRange, o.Name, d.Bound)
		}
		bounds[i] = d.Bound
	}
	for _, d := range declared {
		if !slices.ContainsFunc(prog.Outputs, func(o fhe.ProgramOutput) bool {
			return o.Name == d.Name
		}) {
			return nil, fmt.Errorf("%w: output %q of the manifest is not made", fhe.ErrName, d.Name)
		}
	}
	return bounds, nil
}
