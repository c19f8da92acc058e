package fhe

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/cerberus-host/cerberus/fhe/rns"
)

// Scheme names a homomorphic encryption scheme.
type Scheme string

// SchemeCKKS is approximate arithmetic on real numbers, the only scheme in this version.
const SchemeCKKS Scheme = "ckks"

// insecurePrefix begins the name of every set that is below 128-bit security, and of no
// other.
const insecurePrefix = "insecure-"

// minParamsLogN bounds the ring degree from below: every engine works on runs of eight
// coefficients, and smaller rings serve no test.
const minParamsLogN = 4

// Params is a named set of parameters: ring degree, primes and default scale. It is
// checked when it is made, immutable, and safe for concurrent use. Sets are compared with
// [Params.Equal]; a name stands for the same primes for ever.
type Params struct {
	set    rns.PrimeSet
	logQP  int
	secure bool
}

// ParamsByName returns the set of that name: "ckks-13" to "ckks-16" reach 128-bit security
// at ring degree 2^13 to 2^16, names that begin with "insecure-" do not and serve tests. It
// returns [ErrParams] for any other name.
func ParamsByName(name string) (*Params, error) {
	set, err := rns.NamedPrimes(name)
	if err != nil {
		return nil, fmt.Errorf("%w: %.40q is none of %s", ErrParams, name,
			strings.Join(rns.PrimeSetNames(), ", "))
	}
	return NewParams(set)
}

// ParamsNames lists the names that [ParamsByName] knows, secure ones first.
func ParamsNames() []string { return rns.PrimeSetNames() }

// NewParams checks a set of primes and returns its parameters. Programs name a set
// ([ParamsByName]); this constructor is for tests that need a shape that the table lacks.
// It returns [ErrParams] if a prime is unusable or repeated, if a digit of a key switch is
// not below P, if the modulus is too large for 128-bit security and the name does not begin
// with "insecure-", or if the name belongs to other primes.
func NewParams(set rns.PrimeSet) (*Params, error) {
	set.Q, set.P = slices.Clone(set.Q), slices.Clone(set.P)
	p := &Params{set: set}
	if err := p.check(); err != nil {
		return nil, fmt.Errorf("%w: %.40q: %w", ErrParams, set.Name, err)
	}
	p.logQP = set.LogQP()
	return p, nil
}

func (p *Params) check() error {
	s := p.set
	if s.LogN < minParamsLogN || s.LogN > rns.MaxLogDegree {
		return fmt.Errorf("log2 N = %d is outside [%d, %d]", s.LogN, minParamsLogN,
			rns.MaxLogDegree)
	}
	if len(s.Q) == 0 || len(s.P) == 0 || len(s.Q)+len(s.P) > paramsPrimesMax {
		return fmt.Errorf("%d primes of Q and %d of P; at least one of each and at most %d",
			len(s.Q), len(s.P), paramsPrimesMax)
	}
	for _, q := range s.QP() {
		if !rns.IsNTTPrime(q, s.LogN) {
			return fmt.Errorf("%d is no prime below 2^%d that is 1 modulo 2N", q,
				rns.MaxPrimeBits)
		}
	}
	if s.ScaleBits < 1 || s.ScaleBits > rns.MaxPrimeBits {
		return fmt.Errorf("scale of %d bits is outside [1, %d]", s.ScaleBits, rns.MaxPrimeBits)
	}
	// The basis constructor refuses repeated primes.
	if _, err := rns.NewBasis(s.QP()); err != nil {
		return err
	}
	if err := p.checkDigits(); err != nil {
		return err
	}
	return p.checkName()
}

// checkDigits asserts that P exceeds every digit, the condition that keeps the noise of a
// key switch small.
func (p *Params) checkDigits() error {
	special, err := rns.NewBasis(p.set.P)
	if err != nil {
		return err
	}
	for d := range p.Digits(p.MaxLevel()) {
		lo, hi := p.DigitRange(d, p.MaxLevel())
		digit, err := rns.NewBasis(p.set.Q[lo:hi])
		if err != nil {
			return err
		}
		if digit.Product().Cmp(special.Product()) >= 0 {
			return fmt.Errorf("digit %d is not below the product of the special primes", d)
		}
	}
	return nil
}

// checkName judges security by the numbers and holds the name to the verdict.
func (p *Params) checkName() error {
	known, err := rns.NamedPrimes(p.set.Name)
	inTable := err == nil
	if inTable && (known.LogN != p.set.LogN || known.ScaleBits != p.set.ScaleBits ||
		!slices.Equal(known.Q, p.set.Q) || !slices.Equal(known.P, p.set.P)) {
		return errors.New("the name belongs to another set of primes")
	}
	insecure := strings.HasPrefix(p.set.Name, insecurePrefix)
	err = p.set.CheckSecurity()
	if err != nil && !insecure {
		return err
	}
	if !inTable && !insecure {
		return fmt.Errorf("a set outside the table must be named %s…", insecurePrefix)
	}
	p.secure = err == nil && !insecure
	return nil
}

// paramsPrimesMax bounds the primes of a set.
const paramsPrimesMax = 64

// Name returns the name of the set.
func (p *Params) Name() string { return p.set.Name }

// Scheme returns the scheme that the set is for.
func (p *Params) Scheme() Scheme { return SchemeCKKS }

// LogN returns log2 of the ring degree.
func (p *Params) LogN() int { return p.set.LogN }

// N returns the ring degree: the number of coefficients of a polynomial.
func (p *Params) N() int { return 1 << p.set.LogN }

// Slots returns the number of slots of a ciphertext with slot packing, N/2.
func (p *Params) Slots() int { return p.N() / 2 }

// MaxLevel returns the level of a fresh ciphertext; a ciphertext at level l has l+1 limbs.
func (p *Params) MaxLevel() int { return len(p.set.Q) - 1 }

// Q returns prime i of the modulus chain, 0 <= i < QCount.
func (p *Params) Q(i int) uint64 { return p.set.Q[i] }

// P returns special prime i, 0 <= i < PCount.
func (p *Params) P(i int) uint64 { return p.set.P[i] }

// QCount returns the number of primes of the modulus chain.
func (p *Params) QCount() int { return len(p.set.Q) }

// PCount returns the number of special primes of key switching.
func (p *Params) PCount() int { return len(p.set.P) }

// Moduli returns the primes q_0 to q_level in a new slice, 0 <= level <= MaxLevel.
func (p *Params) Moduli(level int) []uint64 { return slices.Clone(p.set.Q[:level+1]) }

// ModuliQP returns all primes, those of Q before those of P, in a new slice: the order of
// the limbs of an evaluation key.
func (p *Params) ModuliQP() []uint64 { return p.set.QP() }

// Alpha returns the number of primes in a digit of a key switch; the last digit of a level
// may have fewer. It equals PCount.
func (p *Params) Alpha() int { return len(p.set.P) }

// Digits returns the number of digits of a polynomial of that level, 0 <= level <= MaxLevel.
func (p *Params) Digits(level int) int { return (level + p.Alpha()) / p.Alpha() }

// DigitRange returns the primes [lo, hi) of Q that digit d of a polynomial of that level
// consists of, 0 <= d < Digits(level).
func (p *Params) DigitRange(d, level int) (lo, hi int) {
	lo = d * p.Alpha()
	return lo, min(lo+p.Alpha(), level+1)
}

// LogQP returns the width in bits of the product of all primes, which security depends on.
func (p *Params) LogQP() int { return p.logQP }

// Secure reports whether the set reaches 128-bit security by [rns.MaxLogQP].
func (p *Params) Secure() bool { return p.secure }

// ScaleBits returns log2 of the default scale.
func (p *Params) ScaleBits() int { return p.set.ScaleBits }

// DefaultScale returns the scale that inputs have unless their Program says otherwise. Every
// prime of Q but the first is close to it.
func (p *Params) DefaultScale() Scale { return ScaleOfBits(p.set.ScaleBits) }

// GaloisElement returns the element of the automorphism that rotates slots to the left by
// the given number of steps: 5^rotation modulo 2N. Negative numbers rotate to the right.
func (p *Params) GaloisElement(rotation int) uint64 {
	return rns.GaloisElement(p.set.LogN, rotation)
}

// CheckGalois returns [ErrRange] if g is no Galois element of a rotation key: odd, above 1
// and below 2N.
func (p *Params) CheckGalois(g uint64) error {
	if g&1 == 0 || g <= 1 || g >= 2*uint64(p.N()) {
		return fmt.Errorf("%w: Galois element %d is not odd in [3, %d]", ErrRange, g, 2*p.N()-1)
	}
	return nil
}

// Equal reports whether both are the same set. Nil equals only nil.
func (p *Params) Equal(o *Params) bool {
	if p == nil || o == nil {
		return p == o
	}
	return p == o || (p.set.Name == o.set.Name && slices.Equal(p.set.Q, o.set.Q) &&
		slices.Equal(p.set.P, o.set.P))
}

// String returns the name, or "none" for nil.
func (p *Params) String() string {
	if p == nil {
		return "none"
	}
	return p.set.Name
}
