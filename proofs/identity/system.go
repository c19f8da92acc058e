package identity

import (
	"math/big"
	"math/bits"

	"github.com/cerberus-host/cerberus/fhe"
)

// Kind says what a polynomial of a System is. Do not renumber: kinds enter digests.
type Kind uint8

// The kinds. Input to Key are public: their coefficients are the residues of a canonical
// polynomial modulo one prime, lifted by [Lift]. The others are wires: the prover knows
// them and commits to them.
const (
	// KindInput is component Component of input ciphertext Index, limb Limb.
	KindInput Kind = 1
	// KindOutput is component Component of output ciphertext Index, limb Limb.
	KindOutput Kind = 2
	// KindConstant is encoded constant Index, limb Limb.
	KindConstant Kind = 3
	// KindKey is digit Index of the key of Galois, component Component (0 is B, 1 is A), limb
	// Limb in the order of Params.ModuliQP.
	KindKey Kind = 4
	// KindDigit is part Limb, in base 2^48, of digit Index that step Step made.
	KindDigit Kind = 5
	// KindModDown is part Limb of the remainder of component Component in step Step.
	KindModDown Kind = 6
	// KindRescale is the remainder of component Component in step Step.
	KindRescale Kind = 7
	// KindValue is limb Limb of component Component of register Index, committed because an
	// expression had become too large.
	KindValue Kind = 8
	// KindQuotient is part Limb of quotient Index of group Step.
	KindQuotient Kind = 9
)

// Public reports whether everybody who checks knows the polynomial.
func (k Kind) Public() bool { return k >= KindInput && k <= KindKey }

// Poly is a polynomial of N integer coefficients that a System speaks of. Fields that its
// kind does not use are zero.
type Poly struct {
	Kind                         Kind
	Step, Index, Component, Limb int
	Galois                       uint64
	// Bound is the largest absolute value that a coefficient can have in an honest run,
	// whatever the inputs: below 2^60.
	Bound int64
	// Committed polynomials are known to the verifier by a commitment only: all wires, and
	// keys where the System was built so.
	Committed bool
}

// Factor is a polynomial under an automorphism: X -> X^Galois (1 leaves it alone), reduced
// modulo X^N+1. Scale, if not 1, multiplies by that number and reduces modulo the
// identity's prime ([Lift]); only public uncommitted polynomials are scaled.
type Factor struct {
	Poly   int
	Galois uint64
	Scale  uint64
}

// Term is a product. Coef is reduced modulo the identity's prime by [Lift].
type Term struct {
	Coef    int64
	Factors []Factor
}

// Identity says that the sum of the terms is 0 modulo prime Prime (an index into
// Params.ModuliQP) and X^N+1.
type Identity struct {
	Prime int
	Terms []Term
}

// Group is how the identities of one prime are checked. With Rounds = 0 there is one
// identity and its quotient. Otherwise Rounds random combinations with coefficients in
// [0, 2^Bits) take the place of the identities, a quotient each: Rounds*Bits >= 135.
type Group struct {
	Prime        int
	Identities   []int
	Rounds, Bits int
	// Quotients are, for each combination, the parts in base 2^48 of its quotient: indices
	// of Polys. The quotient K is such that combination = prime * K modulo X^N+1.
	Quotients [][]int
}

// Combinations returns the number of identities that remain of the group.
func (g Group) Combinations() int { return max(1, g.Rounds) }

// System is what an attestation of a Plan proves: identities between public polynomials
// and wires. It is a function of the Plan and the options alone, immutable, and safe for
// concurrent use.
type System struct {
	Plan    *fhe.Plan
	Options Options
	// Polys are the publics, then the wires of the run, then the quotients.
	Polys []Poly
	// Wires is the index of the first wire, Quotients that of the first quotient.
	Wires, Quotients int
	Identities       []Identity
	// Groups cover every identity once.
	Groups []Group
	// Views are the Galois elements under which committed polynomials occur, ascending; 1 is
	// always among them.
	Views []uint64
	// Claims are the committed factors whose value at the evaluation point the prover
	// states: all but one of the committed factors of every term.
	Claims []Factor
	// HBlocks is the number of blocks of N coefficients of the quotient by X^N+1: the
	// largest number of factors in a term, less one, and at least 1.
	HBlocks int

	// defined maps the wire of a value to the identity that defines it.
	defined map[int]int
}

// Options steer [Build].
type Options struct {
	// CommittedKeys makes the evaluation keys committed polynomials, for verifiers that hold
	// a checked commitment of the key set.
	CommittedKeys bool
}

// PartBits is the base of the parts that integers above 60 bits are committed in: balanced,
// every part but the last in [-2^47, 2^47).
const PartBits = 48

// Lift returns the integer that stands for a residue: c below floor(q/2), else c - q. It is
// the representative that the engines' single-prime digits have.
func Lift(c, q uint64) int64 {
	if c < q>>1 {
		return int64(c)
	}
	return int64(c) - int64(q)
}

// ProvenBound returns what the projections prove of a wire of honest bound b: no
// coefficient exceeds ceil(sqrt(4*337*N)) * b in absolute value (36.7 sqrt(N) b).
func ProvenBound(n int, b *big.Int) *big.Int {
	out := new(big.Int).SetUint64(sqrt(4*337*uint64(n)) + 1)
	return out.Mul(out, b)
}

// sqrt returns the largest integer whose square is at most x, from 1 to 2^62.
func sqrt(x uint64) uint64 {
	root := uint64(1) << ((bits.Len64(x) + 1) / 2)
	for { // Newton's steps go down until they are there
		next := (root + x/root) / 2
		if next >= root {
			return root
		}
		root = next
	}
}
