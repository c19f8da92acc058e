package opening

import (
	"context"
	"fmt"
	"slices"

	"github.com/consensys/gnark-crypto/ecc"
	"github.com/consensys/gnark-crypto/ecc/bn254"
	"github.com/consensys/gnark-crypto/ecc/bn254/fr"
	"github.com/consensys/gnark-crypto/ecc/bn254/fr/pedersen"
	"github.com/consensys/gnark/backend"
	groth16 "github.com/consensys/gnark/backend/groth16/bn254"
	"github.com/consensys/gnark/backend/witness"
	cs "github.com/consensys/gnark/constraint/bn254"
	"github.com/consensys/gnark/constraint/solver"

	"github.com/cerberus-host/cerberus/abi"
)

// openingBytes is the length of a Groth16 opening: Ar, Bs, Krs and the proof of knowledge of
// the commitment, uncompressed.
const openingBytes = 3*g1Bytes + g2Bytes

// verifier is the verifying part of a Groth16 setup.
type verifier struct {
	size   int
	kind   SetupKind
	origin abi.Digest
	digest abi.Digest
	key    groth16.VerifyingKey
}

// Setup is a Groth16 setup, both parts: it commits and opens, and its verifier checks. It is
// immutable and safe for concurrent use.
type Setup struct {
	verifier *verifier
	key      groth16.ProvingKey
	system   *cs.R1CS
	basis    *basis
	mask     solver.HintID
}

var _ Prover = (*Setup)(nil)

// Progress is told how far a long computation is.
type Progress func(done, total int, what string)

// NewDevelopment makes a setup on this machine, from secrets that it draws from crypto/rand and
// forgets: a few seconds for 8192 elements. Whoever made a setup might know its secrets, so
// verifiers refuse a development setup unless told not to. Cancelling takes effect between two
// steps.
func NewDevelopment(ctx context.Context, size int, onProgress Progress) (*Setup, error) {
	tell := func(done int, what string) {
		if onProgress != nil {
			onProgress(done, developmentSteps, what)
		}
	}
	tell(0, "compile the opening circuit")
	system, err := Compile(size)
	if err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	tell(1, "draw the secrets and compute the keys")
	var pk groth16.ProvingKey
	var vk groth16.VerifyingKey
	if err := groth16.Setup(system, &pk, &vk); err != nil {
		return nil, fmt.Errorf("make setup: %w", err)
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	tell(2, "check the keys and compute the tables")
	s, err := NewSetup(size, SetupDevelopment, abi.Digest{}, system, &pk, &vk)
	if err != nil {
		return nil, err
	}
	tell(developmentSteps, "done")
	return s, nil
}

// developmentSteps is the number of steps that [NewDevelopment] tells of.
const developmentSteps = 3

// NewSetup puts a setup together from keys for the circuit of [Compile]. origin is the digest
// of the ceremony's transcript, zero for a development setup: kind and origin are what the
// caller says, and what a file says is what its maker said. The keys must not change
// afterwards. It returns [ErrSetup] if they cannot be those of the circuit.
func NewSetup(size int, kind SetupKind, origin abi.Digest, system *cs.R1CS,
	pk *groth16.ProvingKey, vk *groth16.VerifyingKey,
) (*Setup, error) {
	v := &verifier{size: size, kind: kind, origin: origin, key: *vk}
	if err := v.checkHeader(); err != nil {
		return nil, err
	}
	if err := v.finish(); err != nil {
		return nil, err
	}
	s := &Setup{verifier: v, system: system}
	s.emptyKey()
	if err := sameShape(pk, &s.key); err != nil {
		return nil, err
	}
	s.key = *pk
	return s, s.finish()
}

// sameShape returns [ErrSetup] if a key has not the vectors that the circuit asks for.
func sameShape(got, want *groth16.ProvingKey) error {
	if len(got.CommitmentKeys) != 1 {
		return fmt.Errorf("%w: %d commitment keys", ErrSetup, len(got.CommitmentKeys))
	}
	g1, g2 := provingPoints(got)
	want1, want2 := provingPoints(want)
	same := len(g2) == len(want2) && got.Domain.Cardinality == want.Domain.Cardinality &&
		slices.Equal(got.InfinityA, want.InfinityA) && slices.Equal(got.InfinityB, want.InfinityB)
	for i := range g1 {
		same = same && len(g1[i]) == len(want1[i])
	}
	if !same {
		return fmt.Errorf("%w: a proving key of another circuit", ErrSetup)
	}
	return nil
}

// finish checks the basis and computes what follows from the proving part.
func (s *Setup) finish() error {
	size := s.verifier.size
	points := s.key.CommitmentKeys[0].Basis
	seen := make(map[bn254.G1Affine]bool, len(points))
	for i, p := range points {
		if p.IsInfinity() || seen[p] || !p.IsOnCurve() {
			return fmt.Errorf("%w: basis point %d is infinite, repeated or not on the curve",
				ErrSetup, i)
		}
		seen[p] = true
	}
	var err error
	if s.mask, err = maskHint(); err != nil {
		return err
	}
	s.basis = newBasis(points[:size])
	return nil
}

// Verifier returns the verifying part.
func (s *Setup) Verifier() Verifier { return s.verifier }

// Commit implements [Prover].
func (s *Setup) Commit(w []int64) (bn254.G1Affine, error) { return s.basis.commit(w) }

// CommitScalars implements [Prover].
func (s *Setup) CommitScalars(w []fr.Element) (bn254.G1Affine, error) {
	return s.basis.commitScalars(w)
}

// Open implements [Prover]. The proof system draws its own randomness, from crypto/rand:
// openings of the same vector differ.
func (s *Setup) Open(
	ctx context.Context, w, y []fr.Element, claim fr.Element,
) ([]byte, error) {
	size := s.verifier.size
	if len(w) != size || len(y) != size {
		return nil, fmt.Errorf("%w: %d and %d elements instead of %d", ErrVector, len(w), len(y),
			size)
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	values := make(chan any, 2*size+1)
	for i := range y {
		values <- y[i]
	}
	values <- claim
	for i := range w {
		values <- w[i]
	}
	close(values)
	full, err := witness.New(ecc.BN254.ScalarField())
	if err != nil {
		return nil, fmt.Errorf("open: %w", err)
	}
	if err := full.Fill(size+1, size, values); err != nil {
		return nil, fmt.Errorf("open: %w", err)
	}
	proof, err := groth16.Prove(s.system, &s.key, full,
		backend.WithSolverOptions(solver.OverrideHint(s.mask, noMask)))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrOpening, err)
	}
	return encodeOpening(proof), nil
}

// Size implements [Verifier].
func (v *verifier) Size() int { return v.size }

// Kind implements [Verifier].
func (v *verifier) Kind() SetupKind { return v.kind }

// Digest implements [Verifier].
func (v *verifier) Digest() abi.Digest { return v.digest }

// OpeningBytes implements [Verifier].
func (v *verifier) OpeningBytes() int { return openingBytes }

// Verify implements [Verifier]. The commitment is the caller's: the bytes hold none.
func (v *verifier) Verify(c bn254.G1Affine, y []fr.Element, s fr.Element, opening []byte) error {
	if len(y) != v.size {
		return fmt.Errorf("%w: %d public elements instead of %d", ErrVector, len(y), v.size)
	}
	proof, err := decodeOpening(opening)
	if err != nil {
		return err
	}
	proof.Commitments = []bn254.G1Affine{c}
	public := make(fr.Vector, 0, v.size+2)
	public = append(append(public, y...), s)
	if err := groth16.Verify(proof, &v.key, public); err != nil {
		return fmt.Errorf("%w: %w", ErrOpening, err)
	}
	return nil
}

// finish checks the shape of the verifying key and computes what follows from it.
func (v *verifier) finish() error {
	quiet()
	k := &v.key
	// The constant, the public vector, the claim and the commitment's challenge.
	if len(k.G1.K) != v.size+3 || len(k.CommitmentKeys) != 1 ||
		len(k.PublicAndCommitmentCommitted) != 1 || len(k.PublicAndCommitmentCommitted[0]) != 0 {
		return fmt.Errorf("%w: a verifying key for %d public values, %d commitments", ErrSetup,
			len(k.G1.K), len(k.CommitmentKeys))
	}
	if k.G2.Delta.Equal(&k.G2.Gamma) {
		return fmt.Errorf("%w: delta equals gamma: nobody contributed", ErrSetup)
	}
	if err := k.Precompute(); err != nil {
		return fmt.Errorf("%w: %w", ErrSetup, err)
	}
	v.digest = abi.SumDigest(v.bytes())
	return nil
}

// points are those of the verifying key in the order of the file.
func (v *verifier) points() (g1 []*bn254.G1Affine, g2 []*bn254.G2Affine) {
	k := &v.key
	g1 = append(g1, &k.G1.Alpha, &k.G1.Beta, &k.G1.Delta)
	for i := range k.G1.K {
		g1 = append(g1, &k.G1.K[i])
	}
	return g1, []*bn254.G2Affine{
		&k.G2.Beta, &k.G2.Delta, &k.G2.Gamma, &k.CommitmentKeys[0].G,
		&k.CommitmentKeys[0].GSigmaNeg,
	}
}

// empty makes room for the points of a key of that size.
func (v *verifier) empty() {
	v.key.G1.K = make([]bn254.G1Affine, v.size+3)
	v.key.CommitmentKeys = make([]pedersen.VerifyingKey, 1)
	v.key.PublicAndCommitmentCommitted = [][]int{{}}
}
