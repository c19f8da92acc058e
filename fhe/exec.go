package fhe

import (
	"context"
	"fmt"
)

// Execute runs a loaded Plan: it checks the inputs, that every key that the Plan needs is
// there, and what the engine returned. inputs are the ciphertexts of all of the Plan's
// inputs, one input after the other. keys may be nil if the Plan needs none. The inputs
// must not change while it runs; the results belong to the caller.
//
// It returns [ErrOperand] for inputs that do not fit, [ErrMissingKey], [ErrForeign] for
// something that another engine loaded, the context's error if that ended the run, the
// recorder's error, and otherwise what the engine failed with.
func Execute(ctx context.Context, plan LoadedPlan, keys LoadedKeys, inputs []Ciphertext,
	opts RunOptions,
) ([]Ciphertext, error) {
	if plan == nil {
		return nil, fmt.Errorf("%w: no plan", ErrPlan)
	}
	p := plan.Plan()
	if err := p.CheckInputs(inputs); err != nil {
		return nil, err
	}
	if need := p.KeyNeed(); !need.IsEmpty() {
		missing := need
		if keys != nil {
			missing = keys.Missing(need)
		}
		if !missing.IsEmpty() {
			return nil, fmt.Errorf("%w: %v; make the keys that the plan lists and upload them",
				ErrMissingKey, missing)
		}
	}
	outputs, err := plan.Run(ctx, keys, inputs, opts)
	if err != nil {
		return nil, fmt.Errorf("run plan: %w", err)
	}
	if err := p.CheckOutputs(outputs); err != nil {
		return nil, err
	}
	return outputs, nil
}

// CheckInputs returns [ErrOperand] unless cts are the ciphertexts of all inputs, one input
// after the other, with the Plan's metadata and canonical polynomials. What a ciphertext
// says about itself is compared and then forgotten: engines use the Plan's metadata.
func (p *Plan) CheckInputs(cts []Ciphertext) error {
	next := 0
	for _, in := range p.Inputs {
		if next+in.Count > len(cts) {
			return fmt.Errorf("%w: %d ciphertexts, too few for input %q", ErrOperand, len(cts),
				in.Name)
		}
		want := ciphertextHeader{
			packing: in.Packing, length: in.Length, period: in.Period, level: in.Level,
			scale: in.Scale, count: in.Count,
		}
		for i, ct := range cts[next : next+in.Count] {
			if err := p.checkOperand(ct, want, "input "+in.Name); err != nil {
				return fmt.Errorf("input %q, ciphertext %d: %w", in.Name, i, err)
			}
		}
		next += in.Count
	}
	if next != len(cts) {
		return fmt.Errorf("%w: %d ciphertexts instead of %d", ErrOperand, len(cts), next)
	}
	return nil
}

// CheckOutputs returns [ErrOperand] unless cts are one ciphertext per output with the Plan's
// metadata and canonical polynomials.
func (p *Plan) CheckOutputs(cts []Ciphertext) error {
	if len(cts) != len(p.Outputs) {
		return fmt.Errorf("%w: the engine returned %d results instead of %d", ErrOperand,
			len(cts), len(p.Outputs))
	}
	for i, out := range p.Outputs {
		want := ciphertextHeader{
			packing: out.Packing, length: out.Length, period: out.Period, level: out.Level,
			scale: out.Scale, count: 1,
		}
		if err := p.checkOperand(cts[i], want, "output "+out.Name); err != nil {
			return fmt.Errorf("the engine's output %q: %w", out.Name, err)
		}
	}
	return nil
}

// checkOperand holds one ciphertext to metadata and form.
func (p *Plan) checkOperand(ct Ciphertext, want ciphertextHeader, what string) error {
	got := ciphertextHeader{
		packing: ct.Packing, length: ct.Length, period: ct.Period, level: ct.Level,
		scale: ct.Scale, count: want.count,
	}
	if err := got.compare(want, what); err != nil {
		return err
	}
	moduli := p.Params.Moduli(want.level)
	for c, poly := range ct.C {
		if err := poly.Check(p.Params.N(), moduli); err != nil {
			return fmt.Errorf("%w: component %d: %w", ErrOperand, c, err)
		}
	}
	return nil
}
