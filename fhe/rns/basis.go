package rns

import (
	"fmt"
	"math/big"
)

// Basis is a list of distinct primes, seen as one modulus Q that is their product. Its
// methods are exact, work on big integers and are meant as reference. A Basis is
// immutable and safe for concurrent use.
//
// A polynomial modulo Q is given as limbs: limb i holds the coefficients modulo prime i,
// all limbs have the same length.
type Basis struct {
	moduli  []Modulus
	product *big.Int
	half    *big.Int
	// cofactors[i] is the number below Q that is 1 modulo prime i and 0 modulo the others.
	cofactors []*big.Int
}

// NewBasis returns the basis of the primes, in their order. It returns [ErrModulus] if
// one of them is no usable prime and [ErrBasis] if there is none or one is there twice.
func NewBasis(primes []uint64) (*Basis, error) {
	if len(primes) == 0 {
		return nil, fmt.Errorf("%w: no primes", ErrBasis)
	}
	if err := checkDistinct(primes); err != nil {
		return nil, err
	}
	b := &Basis{product: product(primes)}
	b.half = new(big.Int).Rsh(b.product, 1)
	for _, q := range primes {
		m, err := NewModulus(q)
		if err != nil {
			return nil, err
		}
		rest := new(big.Int).Div(b.product, new(big.Int).SetUint64(q))
		inverse, err := m.Inv(modUint(rest, q))
		if err != nil {
			return nil, err
		}
		b.moduli = append(b.moduli, m)
		b.cofactors = append(b.cofactors, rest.Mul(rest, new(big.Int).SetUint64(inverse)))
	}
	return b, nil
}

// Len returns the number of primes.
func (b *Basis) Len() int { return len(b.moduli) }

// Modulus returns the i-th modulus, 0 <= i < Len.
func (b *Basis) Modulus(i int) Modulus { return b.moduli[i] }

// Primes returns the primes in a new slice.
func (b *Basis) Primes() []uint64 {
	primes := make([]uint64, len(b.moduli))
	for i, m := range b.moduli {
		primes[i] = m.q
	}
	return primes
}

// Product returns Q in a new big.Int.
func (b *Basis) Product() *big.Int { return new(big.Int).Set(b.product) }

// Centre returns the number congruent to x modulo Q that lies in [-(Q-1)/2, (Q-1)/2], in
// a new big.Int.
func (b *Basis) Centre(x *big.Int) *big.Int {
	r := new(big.Int).Mod(x, b.product)
	if r.Cmp(b.half) > 0 {
		r.Sub(r, b.product)
	}
	return r
}

// Decompose returns the residues of x, which may be negative and of any size.
func (b *Basis) Decompose(x *big.Int) []uint64 {
	residues := make([]uint64, len(b.moduli))
	for i, m := range b.moduli {
		residues[i] = modUint(x, m.q)
	}
	return residues
}

// Reconstruct returns the number in [-(Q-1)/2, (Q-1)/2] with the given residues, one
// per prime. It returns [ErrLength] if their number is wrong. Residues need not be
// reduced.
func (b *Basis) Reconstruct(residues []uint64) (*big.Int, error) {
	if len(residues) != len(b.moduli) {
		return nil, fmt.Errorf("%w: %d residues for %d primes",
			ErrLength, len(residues), len(b.moduli))
	}
	sum, term := new(big.Int), new(big.Int)
	for i, r := range residues {
		sum.Add(sum, term.Mul(term.SetUint64(r), b.cofactors[i]))
	}
	return b.Centre(sum), nil
}

// DecomposePoly returns the limbs of a polynomial with integer coefficients.
func (b *Basis) DecomposePoly(coeffs []*big.Int) [][]uint64 {
	limbs := make([][]uint64, len(b.moduli))
	for i := range limbs {
		limbs[i] = make([]uint64, len(coeffs))
	}
	for j, c := range coeffs {
		for i, m := range b.moduli {
			limbs[i][j] = modUint(c, m.q)
		}
	}
	return limbs
}

// ReconstructPoly returns the centred coefficients of a polynomial modulo Q. It returns
// [ErrLength] if the number of limbs is not Len or the limbs differ in length.
func (b *Basis) ReconstructPoly(limbs [][]uint64) ([]*big.Int, error) {
	if err := b.checkLimbs(limbs); err != nil {
		return nil, err
	}
	coeffs := make([]*big.Int, len(limbs[0]))
	residues := make([]uint64, len(limbs))
	for j := range coeffs {
		for i := range limbs {
			residues[i] = limbs[i][j]
		}
		c, err := b.Reconstruct(residues)
		if err != nil {
			return nil, err
		}
		coeffs[j] = c
	}
	return coeffs, nil
}

// Extend returns the limbs modulo the primes of to of the polynomial whose centred
// coefficients modulo Q the limbs give: the exact base extension, without the multiple
// of Q that approximate ones leave behind. Errors are those of ReconstructPoly.
func (b *Basis) Extend(limbs [][]uint64, to *Basis) ([][]uint64, error) {
	coeffs, err := b.ReconstructPoly(limbs)
	if err != nil {
		return nil, err
	}
	return to.DecomposePoly(coeffs), nil
}

// DivRoundByLast divides every coefficient by the product D of the last count primes,
// rounds to the nearest integer, and returns the limbs modulo the primes that remain.
// There are no ties, D being odd, and the result does not depend on which representative
// modulo Q is divided. With one prime this is a rescale, with the primes of P at the end
// of the basis it is the division that ends a key switch. It returns [ErrBasis] if no
// prime would remain or count is negative, else the errors of ReconstructPoly.
func (b *Basis) DivRoundByLast(limbs [][]uint64, count int) ([][]uint64, error) {
	remaining := len(b.moduli) - count
	if count < 0 || remaining < 1 {
		return nil, fmt.Errorf("%w: division by %d of %d primes", ErrBasis, count, len(b.moduli))
	}
	coeffs, err := b.ReconstructPoly(limbs)
	if err != nil {
		return nil, err
	}
	primes := b.Primes()
	divisor := product(primes[remaining:])
	for j, c := range coeffs {
		coeffs[j] = DivRound(c, divisor)
	}
	kept := &Basis{moduli: b.moduli[:remaining]}
	return kept.DecomposePoly(coeffs), nil
}

func (b *Basis) checkLimbs(limbs [][]uint64) error {
	if len(limbs) != len(b.moduli) {
		return fmt.Errorf("%w: %d limbs for %d primes", ErrLength, len(limbs), len(b.moduli))
	}
	for i, limb := range limbs {
		if len(limb) != len(limbs[0]) {
			return fmt.Errorf("%w: limb %d has %d coefficients, limb 0 has %d",
				ErrLength, i, len(limb), len(limbs[0]))
		}
	}
	return nil
}

// DivRound returns x/d rounded to the nearest integer, ties to the even one, for d > 0,
// in a new big.Int.
func DivRound(x, d *big.Int) *big.Int {
	quotient, remainder := new(big.Int).DivMod(x, d, new(big.Int))
	switch remainder.Lsh(remainder, 1).Cmp(d) {
	case 1:
		quotient.Add(quotient, big.NewInt(1))
	case 0:
		quotient.Add(quotient, new(big.Int).SetUint64(uint64(quotient.Bit(0))))
	}
	return quotient
}

// modUint returns x mod q in [0, q).
func modUint(x *big.Int, q uint64) uint64 {
	var modulus, remainder big.Int
	return remainder.Mod(x, modulus.SetUint64(q)).Uint64()
}
