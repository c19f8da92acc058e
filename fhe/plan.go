package fhe

import (
	"github.com/cerberus-host/cerberus/abi"
)

// PlanVersion is the version of the Plan's form; do not renumber.
const PlanVersion = 1

// Limits of a Plan; a decoder refuses what exceeds them before it allocates.
const (
	PlanStepsMax     = 1 << 20
	PlanRegistersMax = 1 << 20
	PlanConstantsMax = 1 << 16
	PlanBytesMax     = 64 << 20
)

// Reg names a register of a Plan. Registers are assigned once; each holds a ciphertext of
// degree 1 or 2 or, after [StepDecompose], the digits of one polynomial.
type Reg int32

// NoReg is the absent register operand.
const NoReg Reg = -1

// Plan is the executable form of a Program: the exact list of RLWE-level steps, with the
// level and scale of every register, the constants to encode and the keys it needs. It is
// a function of Program, model and parameter set alone, so a client, a miner and a
// validator derive the same one; Digest names it. A Plan from [ParsePlan] or a compiler is
// valid (see [Plan.Check]) and must not be changed.
type Plan struct {
	Params  *Params
	Program abi.Digest
	// Inputs are the ciphertexts that the run starts with; input i's ciphertexts fill the
	// registers from Inputs[i].Reg on.
	Inputs []PlanInput
	// Constants are the plaintexts to encode, referred to by index.
	Constants []PlanConstant
	Steps     []Step
	Outputs   []PlanOutput
	// Relin tells that the relinearisation key is needed; Galois lists the Galois elements
	// of the rotation keys that are needed, ascending.
	Relin  bool
	Galois []uint64
	// Registers is the number of registers.
	Registers int
}

// PlanInput is a named encrypted vector at the level and scale it must be encrypted at.
type PlanInput struct {
	Name    string
	Packing abi.Packing
	// Length is the number of elements; Period the power of two that slots repeat with
	// (0 with coefficient packing).
	Length, Period int
	// Bound is the largest absolute value of an element.
	Bound int
	Level int
	Scale Scale
	// Reg is the first register, Count the number of ciphertexts: 1 with slot packing,
	// ceil(Length / N) with coefficient packing.
	Reg   Reg
	Count int
}

// PlanOutput is a named result. With coefficient packing a result has length 1 and is
// coefficient 0.
type PlanOutput struct {
	Name           string
	Packing        abi.Packing
	Length, Period int
	Level          int
	Scale          Scale
	Reg            Reg
}

// Arrangement says how the values of a constant are laid out before they are encoded.
type Arrangement string

// The arrangements.
const (
	// ArrangeSlots puts value i into slot i, repeated with the constant's period; values
	// has exactly Period entries.
	ArrangeSlots Arrangement = "slots"
	// ArrangeCoeffs puts value i into coefficient i.
	ArrangeCoeffs Arrangement = "coeffs"
	// ArrangeDot makes the polynomial v_0 - sum over i >= 1 of v_i X^(N-i), so that
	// coefficient 0 of its product with sum of x_i X^i is sum of x_i v_i.
	ArrangeDot Arrangement = "dot"
)

// PlanConstant is a plaintext of a Plan. Its values are fixed-point integers (value =
// mantissa * 2^-Frac) that compilation derives from Program and model; Values is the
// digest of the mantissas ([ConstantDigest]). Encoded is the digest of the canonical bytes
// of the encoded polynomial at Level and Scale: anyone can make them again.
type PlanConstant struct {
	Arrangement Arrangement
	Period      int
	Frac        int
	Level       int
	Scale       Scale
	Values      abi.Digest
	Encoded     abi.Digest
}

// StepOp is the kind of a step.
type StepOp uint8

// The step kinds; do not renumber. Unless said otherwise operands and result have the same
// level and degree 1.
const (
	// StepAdd adds A and B, of equal level, scale and degree (1 or 2).
	StepAdd StepOp = 1
	// StepSub subtracts B from A, of equal level, scale and degree (1 or 2).
	StepSub StepOp = 2
	// StepNeg negates A (degree 1 or 2).
	StepNeg StepOp = 3
	// StepAddConst adds constant Const, of A's level and scale, to A.
	StepAddConst StepOp = 4
	// StepMulConst multiplies A by constant Const of A's level; scales multiply.
	StepMulConst StepOp = 5
	// StepMulInt multiplies A by the integer Int, of absolute value below 2^62; the result
	// has the step's Scale, which the compiler chose (A's scale times Int for an adjustment,
	// A's scale for a multiplication of the value).
	StepMulInt StepOp = 6
	// StepTensor multiplies A and B without relinearisation; the result has degree 2 and
	// the product of the scales.
	StepTensor StepOp = 7
	// StepRelin brings A from degree 2 to degree 1 with the relinearisation key.
	StepRelin StepOp = 8
	// StepRescale divides A (degree 1 or 2) by the last prime of its level and rounds to
	// nearest; the result is one level lower, its scale is divided by that prime.
	StepRescale StepOp = 9
	// StepDrop leaves out the limbs of A above the step's Level; the scale stays.
	StepDrop StepOp = 10
	// StepDecompose splits component 1 of A into its gadget digits, once for many
	// rotations; the result register holds digits and can only be B of StepRotate.
	StepDecompose StepOp = 11
	// StepRotate applies the automorphism X -> X^Galois to A and switches back to the key;
	// B holds A's digits if they were made by StepDecompose, else it is NoReg.
	StepRotate StepOp = 12
)

// Step is one RLWE-level step. Operands that a kind does not use are NoReg or zero.
type Step struct {
	Op   StepOp
	Out  Reg
	A, B Reg
	// Const is an index into Plan.Constants.
	Const  int
	Int    int64
	Galois uint64
	// Level and Scale are those of the result.
	Level int
	Scale Scale
}

// PlanCost counts the steps of a Plan by kind, for prices and reports.
type PlanCost struct {
	Adds, MulConsts, MulInts, Tensors       int
	Relins, Rotations, Decompositions       int
	Rescales, Depth                         int
	InputBytes, OutputBytes, KeyBytes, Peak int64
	EncodedBytes                            int64
}

// Compiled is what a compiler returns: a Plan and its encoded constants, whose values
// Program and model fix and of which the Plan itself holds digests only.
type Compiled struct {
	Plan *Plan
	// Encoded are the encoded constants, one polynomial per Plan constant, Level+1 limbs in
	// coefficient domain. They are shared and must not be changed.
	Encoded []Poly
}

// ConstantEncoder encodes the values of one constant, deterministically and identically on
// every machine: len(values) mantissas with frac fractional bits, laid out as arrangement
// says. Package fhe/encode implements it; a compiler takes it as an argument.
type ConstantEncoder interface {
	EncodeConstant(p *Params, c PlanConstant, values []int64) (Poly, error)
}
