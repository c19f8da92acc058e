package hostcall

import (
	"fmt"
	"maps"
	"slices"

	"github.com/cerberus-host/cerberus/abi"
	"github.com/cerberus-host/cerberus/fhe"
)

// Run is the state of one entry point's run. It belongs to one goroutine.
type Run struct {
	phase    abi.Phase
	manifest *abi.Manifest
	args     abi.Args

	calls   int
	meter   Meter
	charged uint64
	refused bool // the meter has refused a charge
	log     runLog
	failure *string
	problem string // what the last refused call was about
	broken  error  // a panic of a host function
	exited  bool
	code    uint32
	wasi    wasiState

	encode encodeState
	infer  inferState
	decode decodeState
}

type encodeState struct {
	request *Request
	inputs  []abi.Input
	vectors map[string][]float64
	// keys are those of the numbers fields that were asked for, to be found in constant time.
	keys map[string]map[string]bool
}

type inferState struct {
	builder *fhe.Builder
	inputs  []abi.Input
	outputs []abi.Output
	tensors map[string]abi.Tensor
	// made are the outputs, taken the inputs that have nodes.
	made, taken map[string]bool

	steps steps
	// recorded is what the recorded nodes' steps cost.
	recorded uint64
	values   []int64 // those of the constant that is being made
}

type decodeState struct {
	results  map[string][]float64
	labels   map[string]bool
	labelled bool
	answer   Answer
}

// NewEncode starts the run of encode for a request that was parsed with the manifest of the
// module. module seeds what the guest takes for randomness, here and below.
func NewEncode(module abi.Digest, m *abi.Manifest, args abi.Args, req *Request) (*Run, error) {
	r, err := newRun(abi.PhaseEncode, module, m, args)
	if err != nil {
		return nil, err
	}
	r.encode = encodeState{
		request: req, inputs: m.InputsFor(args), vectors: map[string][]float64{},
		keys: map[string]map[string]bool{},
	}
	return r, nil
}

// NewInfer starts the run of infer.
func NewInfer(module abi.Digest, m *abi.Manifest, args abi.Args) (*Run, error) {
	r, err := newRun(abi.PhaseInfer, module, m, args)
	if err != nil {
		return nil, err
	}
	params, err := fhe.ParamsByName(m.Params)
	if err != nil {
		return nil, fmt.Errorf("manifest: %w", err)
	}
	r.infer = inferState{
		builder: fhe.NewBuilder(params), inputs: m.InputsFor(args),
		outputs: m.OutputsFor(args), tensors: map[string]abi.Tensor{},
		made: map[string]bool{}, taken: map[string]bool{}, steps: newSteps(params),
	}
	if m.Model != nil {
		for _, t := range m.Model.Tensors {
			r.infer.tensors[t.Name] = t
		}
	}
	return r, nil
}

// NewDecode starts the run of decode for decrypted output vectors: those of the manifest
// for these arguments, each in its length, every number finite; anything else is
// [ErrGuest], for the Program that made them was the guest's.
func NewDecode(
	module abi.Digest, m *abi.Manifest, args abi.Args, results map[string][]float64,
) (*Run, error) {
	r, err := newRun(abi.PhaseDecode, module, m, args)
	if err != nil {
		return nil, err
	}
	outputs := m.OutputsFor(args)
	if len(outputs) != len(results) {
		return nil, fmt.Errorf("%w: %d results, the manifest has %d", ErrGuest, len(results),
			len(outputs))
	}
	for _, o := range outputs {
		v, ok := results[o.Name]
		if !ok || len(v) != o.Length || !allFinite(v) {
			return nil, fmt.Errorf("%w: result %q is not %d finite numbers", ErrGuest, o.Name,
				o.Length)
		}
	}
	r.decode.results, r.decode.labels = maps.Clone(results), setOf(m.LabelsFor(args))
	return r, nil
}

func newRun(phase abi.Phase, module abi.Digest, m *abi.Manifest, args abi.Args) (*Run, error) {
	if !slices.ContainsFunc(m.Combinations(), args.Equal) {
		return nil, fmt.Errorf("%w: %q is no combination of its public fields", ErrArgs,
			args.String())
	}
	// A digest over labelled parts, so that no two runs share a seed by concatenation.
	d := abi.LabelledDigest("cerberus/run-seed/v1", module[:], []byte(args.String()),
		[]byte(phase.String()))
	return &Run{phase: phase, manifest: m, args: args, wasi: newWASI(d)}, nil
}

// Phase returns the entry point that runs; 0 for _initialize.
func (r *Run) Phase() abi.Phase { return r.phase }

// Calls returns the number of host calls so far, those of the system interface included.
func (r *Run) Calls() int { return r.calls }

// Recorded returns the units of the FHE steps that the nodes recorded so far stand for, those
// of nodes that no output needs included: what an engine will do, not what the run has cost.
// It is at most [abi.RecordedGasMax].
func (r *Run) Recorded() uint64 { return r.infer.recorded }

// Exited reports whether the guest has asked to be ended.
func (r *Run) Exited() bool { return r.exited }

// Log returns what the run has logged, made safe for a terminal, and the number of bytes
// that did not fit.
func (r *Run) Log() (string, int) { return printable(r.log.text), r.log.dropped }

// Err returns why the run has failed so far, nil if it has not. An error of the guest wraps
// [ErrGuest]; on the client its text may quote the request, so it must not leave it.
func (r *Run) Err() error {
	switch {
	case r.broken != nil:
		return r.broken
	case r.refused:
		return fmt.Errorf("%w: %s", ErrStopped, r.where())
	case r.tooManyCalls():
		return fmt.Errorf("%w: %s made more than %d", ErrHostCalls, r.where(), abi.HostCallsMax)
	case r.failure != nil && r.problem != "":
		return fmt.Errorf("%w: %s: %s (last refused call: %s)", ErrGuest, r.where(), *r.failure,
			r.problem)
	case r.failure != nil:
		return fmt.Errorf("%w: %s: %s", ErrGuest, r.where(), *r.failure)
	case r.exited:
		return fmt.Errorf("%w: %s: the module ended itself with code %d: a panic, or a call of "+
			"exit; see the run's log", ErrGuest, r.where(), r.code)
	default:
		return nil
	}
}

// Inputs returns the input vectors that encode made: every input of the manifest for the
// run's arguments, in its length; what was never set is zero. The caller owns them.
func (r *Run) Inputs() (map[string][]float64, error) {
	if err := r.Err(); err != nil {
		return nil, err
	}
	out := make(map[string][]float64, len(r.encode.inputs))
	for _, in := range r.encode.inputs {
		v, ok := r.encode.vectors[in.Name]
		if !ok {
			v = make([]float64, in.Length)
		}
		out[in.Name] = v
	}
	return out, nil
}

// Program returns the Program that infer recorded. It uses every input and makes every
// output of the manifest for the run's arguments, or the error wraps [ErrGuest].
func (r *Run) Program() (*fhe.Program, error) {
	if err := r.Err(); err != nil {
		return nil, err
	}
	for _, o := range r.infer.outputs {
		if !r.infer.made[o.Name] {
			return nil, fmt.Errorf("%w: infer: output %q of the manifest was not made", ErrGuest,
				o.Name)
		}
	}
	p, err := r.infer.builder.Finish()
	if err != nil {
		return nil, fmt.Errorf("%w: infer: %w", ErrGuest, err)
	}
	for _, in := range r.infer.inputs {
		if !slices.ContainsFunc(p.Nodes, func(n fhe.Node) bool {
			return n.Op == fhe.NodeInput && n.Name == in.Name
		}) {
			return nil, fmt.Errorf("%w: infer: no output depends on input %q; a client would "+
				"encrypt it in vain: take it out of the manifest", ErrGuest, in.Name)
		}
	}
	return p, nil
}

// Answer returns what decode answered.
func (r *Run) Answer() (Answer, error) {
	if err := r.Err(); err != nil {
		return Answer{}, err
	}
	if !r.decode.labelled {
		return Answer{}, fmt.Errorf("%w: decode: it set no label", ErrGuest)
	}
	return r.decode.answer, nil
}

func setOf(names []string) map[string]bool {
	set := make(map[string]bool, len(names))
	for _, name := range names {
		set[name] = true
	}
	return set
}

func allFinite(v []float64) bool {
	return !slices.ContainsFunc(v, func(x float64) bool { return !finite(x) })
}
