package kit

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/cerberus-host/cerberus/abi"
	"github.com/cerberus-host/cerberus/fhe"
	"github.com/cerberus-host/cerberus/host/hostcall"
	"github.com/cerberus-host/cerberus/host/registry"
	"github.com/cerberus-host/cerberus/host/runtime"
)

// Sample is what the three entry points did with a sample request, without encryption.
type Sample struct {
	// Answer is what decode made of the Program's results, nil if the run ended before.
	Answer *hostcall.Answer `json:"answer,omitempty"`
	// Problem says why it ended: a Brain may refuse a request that was made up.
	Problem string `json:"problem,omitempty"`
}

// wordBytes is the memory of a residue.
const wordBytes = 8

// costs runs the entry points and adds up memory.
func (c *checker) costs(ctx context.Context, module *runtime.Module, p *CheckedPlan) error {
	v := p.variant
	plan := v.Compiled.Plan
	prog, err := module.RunInfer(ctx, v.Args)
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case err == nil && !prog.Digest().Equal(v.ProgramDigest) && c.report.Refused:
		c.add(unstable(v, prog))
	}
	host := c.last
	p.Gas.Infer, p.Gas.Steps = host.Gas, host.Recorded
	client := c.sample(ctx, module, v, p)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	loaded, err := c.engine.LoadPlan(ctx, v.Compiled)
	if err != nil {
		return fmt.Errorf("load Plan: %w", err)
	}
	keys := keyMemory(plan)
	// A loaded key has both polynomials; while it is made, one of them is a seed.
	p.NodeMemoryBytes = host.MemoryBytes + loaded.Bytes() + 2*keys + v.PeakBytes
	p.ClientMemoryBytes = client + plan.Cost().EncodedBytes + keys + inputMemory(plan)
	if c.options.Advise == nil {
		return nil
	}
	a, err := c.options.Advise(plan)
	if err != nil {
		return fmt.Errorf("advise: %w", err)
	}
	p.Attested = &a
	return nil
}

// unstable is the reason for a module whose infer records one Program now and another then.
func unstable(v *registry.Variant, prog *fhe.Program) Reason {
	r, _ := newReason(v.Args.String(), fmt.Errorf("%w: Programs %s and %s", registry.ErrUnstable,
		v.ProgramDigest.Short(), prog.Digest().Short()))
	return r
}

// keyMemory is one polynomial of each key of a Plan, in memory.
func keyMemory(p *fhe.Plan) int64 {
	digits := int64(p.Params.Digits(p.Params.MaxLevel()))
	limbs := int64(p.Params.QCount() + p.Params.PCount())
	return int64(len(p.KeyNeed().Elements())) * digits * limbs * int64(p.Params.N()) * wordBytes
}

// inputMemory is that of a task's ciphertexts.
func inputMemory(p *fhe.Plan) int64 {
	total := int64(0)
	for _, in := range p.Inputs {
		total += 2 * int64(in.Count) * int64(in.Level+1) * int64(p.Params.N()) * wordBytes
	}
	return total
}

// sample runs encode, the Program on plain numbers, and decode, and returns the largest
// memory of the guest on the client's side.
func (c *checker) sample(
	ctx context.Context, module *runtime.Module, v *registry.Variant, p *CheckedPlan,
) (memory int64) {
	fail := func(step string, err error) int64 {
		p.Sample.Problem = step + ": " + err.Error()
		return memory
	}
	requests, err := c.sampleRequests(module.Manifest(), v.Args)
	if err != nil {
		return fail("request", err)
	}
	var inputs map[string][]float64
	for _, request := range requests {
		inputs, err = module.RunEncode(ctx, v.Args, request)
		memory = max(memory, c.last.MemoryBytes)
		p.Gas.Encode = c.last.Gas
		if err == nil {
			break
		}
	}
	if err != nil {
		return fail("encode", err)
	}
	results, err := fhe.EvalClear(v.Program, c.model, inputs)
	if err != nil {
		return fail("clear run", err)
	}
	answer, err := module.RunDecode(ctx, v.Args, results)
	memory, p.Gas.Decode = max(memory, c.last.MemoryBytes), c.last.Gas
	if err != nil {
		return fail("decode", err)
	}
	p.Sample.Answer = &answer
	return memory
}

// sampleText stands in text fields of requests that nobody wrote.
const sampleText = "a sample"

// sampleRequests returns the request that was given, if it is one for these arguments, else
// some that fit the manifest: a Brain may refuse a number that means nothing to it.
func (c *checker) sampleRequests(m *abi.Manifest, args abi.Args) ([]*hostcall.Request, error) {
	if c.options.Request != nil {
		request, err := hostcall.ParseRequest(m, c.options.Request)
		if err != nil {
			return nil, err
		}
		given, err := hostcall.PublicArgs(m, request)
		if err != nil {
			return nil, err
		}
		if given.Equal(args) {
			return []*hostcall.Request{request}, nil
		}
	}
	var out []*hostcall.Request
	for _, form := range []sampleForm{{1, abi.FieldKeysMax}, {0, abi.FieldKeysMax}, {1, 1}, {}} {
		document, err := json.Marshal(form.request(m, args))
		if err != nil {
			return nil, err
		}
		request, err := hostcall.ParseRequest(m, document)
		if err != nil {
			return nil, err
		}
		out = append(out, request)
	}
	return out, nil
}

// sampleForm says what the numbers of a request are: all the same, of a numbers field the
// first keys only. With keys 0, optional number fields are left out, too.
type sampleForm struct{ number, keys int }

func (s sampleForm) request(m *abi.Manifest, args abi.Args) map[string]any {
	request := map[string]any{}
	for _, f := range m.Request {
		switch f.Type {
		case abi.FieldText:
			request[f.Name] = sampleText[:min(len(sampleText), f.MaxBytes)]
		case abi.FieldEnum:
			request[f.Name] = f.Values[0]
			if v, public := args.Get(f.Name); public {
				request[f.Name] = v
			}
		case abi.FieldNumber:
			if s.keys > 0 || !f.Optional {
				request[f.Name] = s.number
			}
		case abi.FieldNumbers:
			by, _ := args.Get(f.KeysBy)
			numbers := map[string]int{}
			for _, key := range f.Keys[by][:min(s.keys, len(f.Keys[by]))] {
				numbers[key] = s.number
			}
			request[f.Name] = numbers
		}
	}
	return request
}
