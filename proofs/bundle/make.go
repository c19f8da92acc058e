package bundle

import (
	"fmt"

	"github.com/cerberus-host/cerberus/abi"
	"github.com/cerberus-host/cerberus/fhe"
	"github.com/cerberus-host/cerberus/proofs/attest"
)

// Run is what a node makes a statement from. All fields are required but KeySet, which is
// zero if the Plan needs no keys, and KeyCommitments, which is zero if the proof does without.
type Run struct {
	Plan   *fhe.Plan
	Module abi.Digest
	Args   abi.Args
	// Setup, KeySet and Inputs are the digests of the blobs that were used; Inputs in the
	// Plan's order.
	Setup, KeySet, KeyCommitments abi.Digest
	Inputs                        []attest.NamedDigest
	// Outputs are what the engine returned, one per output of the Plan.
	Outputs      []fhe.Ciphertext
	Task         [32]byte
	Client, Node abi.Address
	Signed       attest.SignedOnly
}

// NewStatement returns the statement of a run and the canonical blobs of its outputs. The
// statement's Digest is what the proof has to be about; the fields under Signed may be
// completed until [Make] signs. The error wraps [ErrMaterials] if a field is missing or does
// not fit the Plan.
func NewStatement(r Run) (*attest.Statement, [][]byte, error) {
	if r.Plan == nil {
		return nil, nil, fmt.Errorf("%w: no plan", ErrMaterials)
	}
	if err := r.Plan.CheckOutputs(r.Outputs); err != nil {
		return nil, nil, fmt.Errorf("%w: %w", ErrMaterials, err)
	}
	s := derive(r.Plan, r.Module, r.Args)
	s.Setup = r.Setup
	s.Task, s.Client, s.Node, s.Signed = r.Task, r.Client, r.Node, r.Signed
	if !r.Plan.KeyNeed().IsEmpty() {
		s.KeySet, s.KeyCommitments = r.KeySet, r.KeyCommitments
		if s.KeySet.IsZero() {
			return nil, nil, fmt.Errorf("%w: no key set", ErrMaterials)
		}
	}
	if err := checkNames(r.Plan, r.Inputs); err != nil {
		return nil, nil, err
	}
	s.Inputs = r.Inputs
	var blobs [][]byte
	for i, o := range r.Plan.Outputs {
		blob, err := fhe.EncodeCiphertexts(r.Plan.Params, r.Outputs[i:i+1])
		if err != nil {
			return nil, nil, fmt.Errorf("%w: output %q: %w", ErrMaterials, o.Name, err)
		}
		blobs = append(blobs, blob)
		s.Outputs = append(s.Outputs, attest.NamedDigest{Name: o.Name, Digest: abi.SumDigest(blob)})
	}
	if err := s.Check(); err != nil {
		return nil, nil, fmt.Errorf("%w: %w", ErrMaterials, err)
	}
	return s, blobs, nil
}

// derive fills in what follows from module, arguments and Plan.
func derive(plan *fhe.Plan, module abi.Digest, args abi.Args) *attest.Statement {
	return &attest.Statement{
		Protocol: attest.ProtocolVersion, Gnark: attest.GnarkVersion, ABI: abi.Version,
		Squeezer: attest.SqueezerVersion, Params: plan.Params.Name(), Module: module,
		Export: abi.ExportInfer, Args: args, Program: plan.Program, Plan: plan.Digest(),
	}
}

// checkNames holds a list of input digests to the Plan's inputs.
func checkNames(plan *fhe.Plan, inputs []attest.NamedDigest) error {
	if len(inputs) != len(plan.Inputs) {
		return fmt.Errorf("%w: %d input digests, the plan has %d inputs", ErrMaterials,
			len(inputs), len(plan.Inputs))
	}
	for i, in := range plan.Inputs {
		if inputs[i].Name != in.Name {
			return fmt.Errorf("%w: input digest %d is of %.80q, not of %q", ErrMaterials, i,
				inputs[i].Name, in.Name)
		}
	}
	return nil
}

// Make signs a statement and joins the parts. sign is the node's key: it must sign digests
// as the account that the statement names. The error wraps [ErrSignature] if it does not,
// and [ErrFormat] if a part is missing or too large.
func Make(s *attest.Statement, outputs [][]byte, proof []byte,
	sign func(abi.Digest) attest.Signature,
) (*Bundle, error) {
	if err := s.Check(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrFormat, err)
	}
	b := &Bundle{
		Statement: s, Signature: sign(s.SigningDigest()), Outputs: outputs, Proof: proof,
	}
	if err := b.checkSignature(); err != nil {
		return nil, err
	}
	return b, nil
}

// checkSignature asks that the node that the statement names has signed it.
func (b *Bundle) checkSignature() error {
	signer, err := attest.Recover(b.Statement.SigningDigest(), b.Signature)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrSignature, err)
	}
	if signer != b.Statement.Node {
		return fmt.Errorf("%w: %s signed, the statement names %s", ErrSignature, signer,
			b.Statement.Node)
	}
	return nil
}
