package opening

import (
	"fmt"
	"math/big"
	"strings"

	"github.com/consensys/gnark-crypto/ecc"
	"github.com/consensys/gnark/constraint"
	cs "github.com/consensys/gnark/constraint/bn254"
	"github.com/consensys/gnark/constraint/solver"
	"github.com/consensys/gnark/frontend"
	"github.com/consensys/gnark/frontend/cs/r1cs"
)

const (
	// SizeMin is the least number of elements of a committed vector. All are powers of two.
	SizeMin = 1 << 4
	// SizeMax is the greatest.
	SizeMax = 1 << 16
)

// CheckSize returns [ErrSetup] if no setup has vectors of that size.
func CheckSize(size int) error {
	if size < SizeMin || size > SizeMax || size&(size-1) != 0 {
		return fmt.Errorf("%w: vectors of %d elements; a power of two from %d to %d", ErrSetup, size,
			SizeMin, SizeMax)
	}
	return nil
}

// circuit says that the private vector W, to which the proof commits, has the inner product S
// with the public vector Y. It is the proof system's only circuit.
type circuit struct {
	Y []frontend.Variable `gnark:",public"`
	S frontend.Variable   `gnark:",public"`
	W []frontend.Variable
}

// Define implements frontend.Circuit.
func (c *circuit) Define(api frontend.API) error {
	committer, ok := api.(frontend.Committer)
	if !ok {
		return fmt.Errorf("%w: the compiler does not commit", ErrSetup)
	}
	if _, err := committer.Commit(c.W...); err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	products := make([]frontend.Variable, len(c.W))
	for i := range products {
		// A product of its own for each element: a basis point of its own.
		products[i] = api.Mul(c.Y[i], c.W[i])
	}
	api.AssertIsEqual(api.Add(products[0], products[1], products[2:]...), c.S)
	return nil
}

// Compile returns the constraints of the opening circuit, the same for everybody.
func Compile(size int) (*cs.R1CS, error) {
	if err := CheckSize(size); err != nil {
		return nil, err
	}
	quiet()
	c := &circuit{Y: make([]frontend.Variable, size), W: make([]frontend.Variable, size)}
	compiled, err := frontend.Compile(ecc.BN254.ScalarField(), r1cs.NewBuilder, c)
	if err != nil {
		return nil, fmt.Errorf("compile the opening circuit: %w", err)
	}
	system, ok := compiled.(*cs.R1CS)
	if !ok {
		return nil, fmt.Errorf("%w: constraints of another curve", ErrSetup)
	}
	info, ok := system.CommitmentInfo.(constraint.Groth16Commitments)
	if !ok || len(info) != 1 || len(info[0].PrivateCommitted) != size+1 {
		return nil, fmt.Errorf("%w: the circuit does not commit to its vector alone", ErrSetup)
	}
	return system, nil
}

// maskHint returns the number of the hint that draws the mask which the proof system adds
// to a commitment. With the mask 0 a proof's commitment is the one that was made before.
func maskHint() (solver.HintID, error) {
	for _, h := range solver.GetRegisteredHints() {
		if strings.HasSuffix(solver.GetHintName(h), "internal/hints.Randomize") {
			return solver.GetHintID(h), nil
		}
	}
	return 0, fmt.Errorf("%w: the proof system has no hint for masks", ErrSetup)
}

// noMask is the hint in its place.
func noMask(_ *big.Int, _, out []*big.Int) error {
	for _, o := range out {
		o.SetUint64(0)
	}
	return nil
}
