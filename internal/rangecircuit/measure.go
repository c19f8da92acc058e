package rangecircuit

import (
	"context"
	"fmt"
	"time"

	"github.com/consensys/gnark-crypto/ecc"
	groth16 "github.com/consensys/gnark/backend/groth16/bn254"
	"github.com/consensys/gnark/backend/witness"
	cs "github.com/consensys/gnark/constraint/bn254"
	"github.com/consensys/gnark/frontend"
	"github.com/consensys/gnark/frontend/cs/r1cs"
	"github.com/consensys/gnark/logger"
)

// Cost is what one key switch takes as a range-check circuit.
type Cost struct {
	// Constraints and Checked are the numbers of constraints and of checked coefficients.
	Constraints, Checked int
	// Compile, Setup, Solve and Prove are durations on all cores; Prove includes Solve.
	Compile, Setup, Solve, Prove time.Duration
}

// Measure compiles the circuit of a key switch, makes a setup and a proof. At N = 8192 this
// takes minutes and some gigabytes. It looks at the context between two steps.
func Measure(ctx context.Context, in *Instance, now func() time.Time) (*Cost, error) {
	c := &Cost{Checked: in.checked()}
	var system *cs.R1CS
	var full witness.Witness
	var pk groth16.ProvingKey
	var vk groth16.VerifyingKey
	for _, step := range []struct {
		took *time.Duration
		run  func() error
	}{
		{&c.Compile, func() (err error) {
			system, err = compile(in)
			return err
		}},
		{new(time.Duration), func() (err error) {
			full, err = assigned(in)
			return err
		}},
		{&c.Setup, func() error { return groth16.Setup(system, &pk, &vk) }},
		{&c.Solve, func() error { return system.IsSolved(full) }},
		{&c.Prove, func() error {
			_, err := groth16.Prove(system, &pk, full)
			return err
		}},
	} {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		started := now()
		if err := step.run(); err != nil {
			return nil, fmt.Errorf("range-check circuit: %w", err)
		}
		*step.took = now().Sub(started)
	}
	c.Constraints = system.GetNbConstraints()
	return c, nil
}

// checked is the number of coefficients that are held to a range.
func (in *Instance) checked() int {
	limbs := len(in.primes) - 1
	return in.n * (limbs + 2 + 2*limbs + 2*(limbs+1))
}

func compile(in *Instance) (*cs.R1CS, error) {
	logger.Disable() // it writes to standard output
	compiled, err := frontend.Compile(ecc.BN254.ScalarField(), r1cs.NewBuilder, newCircuit(in))
	if err != nil {
		return nil, err
	}
	system, ok := compiled.(*cs.R1CS)
	if !ok {
		return nil, fmt.Errorf("%w: constraints of another curve", ErrInstance)
	}
	return system, nil
}

func assigned(in *Instance) (witness.Witness, error) {
	c := newCircuit(in)
	if err := c.assign(); err != nil {
		return nil, err
	}
	return frontend.NewWitness(c, ecc.BN254.ScalarField())
}
