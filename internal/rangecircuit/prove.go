package rangecircuit

import (
	"fmt"

	"github.com/consensys/gnark-crypto/ecc"
	"github.com/consensys/gnark-crypto/ecc/bn254/fr"
	groth16 "github.com/consensys/gnark/backend/groth16/bn254"
	"github.com/consensys/gnark/backend/witness"
	cs "github.com/consensys/gnark/constraint/bn254"
	"github.com/consensys/gnark/frontend"
	"github.com/consensys/gnark/frontend/cs/r1cs"
	"github.com/consensys/gnark/logger"
)

// Circuit is a key switch, compiled: what there is to time are its methods. It is not safe
// for concurrent use.
type Circuit struct {
	system  *cs.R1CS
	full    witness.Witness
	checked int
	keys    *keys
}

// keys are a setup.
type keys struct {
	proving   groth16.ProvingKey
	verifying groth16.VerifyingKey
}

// Compile states a key switch and assigns its values.
func Compile(in *Instance) (*Circuit, error) {
	system, err := compile(in)
	if err != nil {
		return nil, err
	}
	full, err := assigned(in)
	if err != nil {
		return nil, err
	}
	return &Circuit{system: system, full: full, checked: in.checked()}, nil
}

// Constraints is the number of constraints.
func (c *Circuit) Constraints() int { return c.system.GetNbConstraints() }

// Checked is the number of coefficients that are held to a range.
func (c *Circuit) Checked() int { return c.checked }

// Setup makes the keys on all cores. At N = 8192 this takes minutes and some gigabytes, and
// nothing stops it.
func (c *Circuit) Setup() error {
	k := new(keys)
	if err := groth16.Setup(c.system, &k.proving, &k.verifying); err != nil {
		return fmt.Errorf("set up range-check circuit: %w", err)
	}
	c.keys = k
	return nil
}

// Prove solves the constraints and makes a proof, on all cores. It returns [ErrSetup] before
// [Circuit.Setup].
func (c *Circuit) Prove() (*Proof, error) {
	if c.keys == nil {
		return nil, ErrSetup
	}
	// Solving alone is not to be timed: the commitment is computed by the prover.
	proof, err := groth16.Prove(c.system, &c.keys.proving, c.full)
	if err != nil {
		return nil, fmt.Errorf("prove range-check circuit: %w", err)
	}
	return &Proof{proof: proof, circuit: c}, nil
}

// Proof is a proof of a key switch.
type Proof struct {
	proof   *groth16.Proof
	circuit *Circuit
}

// Verify returns nil if the proof holds.
func (p *Proof) Verify() error {
	public, err := p.circuit.full.Public()
	if err != nil {
		return fmt.Errorf("verify range-check circuit: %w", err)
	}
	vector, ok := public.Vector().(fr.Vector)
	if !ok {
		return fmt.Errorf("%w: a witness of another curve", ErrInstance)
	}
	if err := groth16.Verify(p.proof, &p.circuit.keys.verifying, vector); err != nil {
		return fmt.Errorf("verify range-check circuit: %w", err)
	}
	return nil
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
		return nil, fmt.Errorf("compile range-check circuit: %w", err)
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
	full, err := frontend.NewWitness(c, ecc.BN254.ScalarField())
	if err != nil {
		return nil, fmt.Errorf("assign range-check circuit: %w", err)
	}
	return full, nil
}
