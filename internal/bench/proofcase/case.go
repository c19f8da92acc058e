package proofcase

import (
	"bytes"
	"context"
	"encoding/gob"
	"fmt"
	"io"

	"github.com/cerberus-host/cerberus/abi"
	"github.com/cerberus-host/cerberus/fhe"
	"github.com/cerberus-host/cerberus/proofs/identity"
	"github.com/cerberus-host/cerberus/proofs/opening"
	"github.com/cerberus-host/cerberus/proofs/verifier"
)

// Case is a proof with everything that a verifier needs. Polynomials of keys are not
// committed.
type Case struct {
	Plan      *fhe.Plan
	Public    *identity.Publics
	Statement abi.Digest
	Setup     *opening.Setup
	Proof     []byte
}

// file is the form of a Case: what has an encoding of its own is in that.
type file struct {
	Plan, Keys, Setup, Proof []byte
	Statement                abi.Digest
	// Inputs and Outputs have an element for each of the Plan's.
	Inputs, Outputs [][]byte
	Constants       []fhe.Poly
}

// Write writes a case.
func (c *Case) Write(w io.Writer) error {
	f := file{
		Plan: c.Plan.Text(), Proof: c.Proof, Statement: c.Statement, Constants: c.Public.Constants,
	}
	rest := c.Public.Inputs
	for _, in := range c.Plan.Inputs {
		data, err := fhe.EncodeCiphertexts(c.Plan.Params, rest[:in.Count])
		if err != nil {
			return err
		}
		f.Inputs, rest = append(f.Inputs, data), rest[in.Count:]
	}
	for i := range c.Public.Outputs {
		data, err := fhe.EncodeCiphertexts(c.Plan.Params, c.Public.Outputs[i:i+1])
		if err != nil {
			return err
		}
		f.Outputs = append(f.Outputs, data)
	}
	var keys, setup bytes.Buffer
	if c.Public.Keys != nil {
		if err := fhe.WriteKeySet(&keys, c.Public.Keys); err != nil {
			return err
		}
	}
	if err := c.Setup.WriteVerifier(&setup); err != nil {
		return err
	}
	f.Keys, f.Setup = keys.Bytes(), setup.Bytes()
	if err := gob.NewEncoder(w).Encode(f); err != nil {
		return fmt.Errorf("write a proof to check: %w", err)
	}
	return nil
}

// Read reads a case as a request to the verifier, and its proof.
func Read(r io.Reader) (*verifier.Request, []byte, error) {
	var f file
	if err := gob.NewDecoder(r).Decode(&f); err != nil {
		return nil, nil, fmt.Errorf("read a proof to check: %w", err)
	}
	plan, err := fhe.ParsePlan(f.Plan)
	if err != nil {
		return nil, nil, err
	}
	public, err := f.public(plan)
	if err != nil {
		return nil, nil, err
	}
	system, err := identity.Build(plan, identity.Options{})
	if err != nil {
		return nil, nil, err
	}
	setup, err := opening.ParseVerifier(f.Setup)
	if err != nil {
		return nil, nil, err
	}
	return &verifier.Request{
		System: system, Statement: f.Statement, Public: public, Setup: setup,
	}, f.Proof, nil
}

// public reads the public polynomials of a Plan.
func (f *file) public(plan *fhe.Plan) (*identity.Publics, error) {
	if len(f.Inputs) != len(plan.Inputs) || len(f.Outputs) != len(plan.Outputs) {
		return nil, fmt.Errorf("read a proof to check: %d inputs and %d outputs of another plan",
			len(f.Inputs), len(f.Outputs))
	}
	p := &identity.Publics{Params: plan.Params, Constants: f.Constants}
	for i, in := range plan.Inputs {
		cts, err := fhe.ParseInput(plan.Params, in, f.Inputs[i])
		if err != nil {
			return nil, err
		}
		p.Inputs = append(p.Inputs, cts...)
	}
	for i, out := range plan.Outputs {
		ct, err := fhe.ParseOutput(plan.Params, out, f.Outputs[i])
		if err != nil {
			return nil, err
		}
		p.Outputs = append(p.Outputs, ct)
	}
	if len(f.Keys) == 0 {
		return p, nil
	}
	var err error
	p.Keys, err = fhe.ReadKeySet(bytes.NewReader(f.Keys), plan.Params)
	return p, err
}

// Check verifies a case that Read returned.
func Check(ctx context.Context, r *verifier.Request, proof []byte) error {
	_, err := verifier.Verify(ctx, *r, proof)
	return err
}
