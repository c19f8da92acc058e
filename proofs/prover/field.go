package prover

import (
	"fmt"
	"math/big"
	"slices"

	"github.com/consensys/gnark-crypto/ecc/bn254/fr"
	"github.com/consensys/gnark-crypto/ecc/bn254/fr/fft"

	"github.com/cerberus-host/cerberus/proofs/identity"
)

// cosetsMax is the number of cosets beside the negacyclic one: the powers of an eighth root
// of unity but -1.
const cosetsMax = 7

// field holds the transforms modulo X^N - zeta, for as many zeta other than -1 as the
// quotient by X^N+1 has blocks. It is immutable and safe for concurrent use.
type field struct {
	cosets []*fft.Domain
	// zetas are X^N on each coset, solve the inverse of their Vandermonde matrix.
	zetas []fr.Element
	solve [][]fr.Element
}

func newField(n, blocks int) (*field, error) {
	if blocks > cosetsMax {
		return nil, fmt.Errorf("%w: products of %d polynomials", identity.ErrBound, blocks+1)
	}
	root, err := fft.Generator(uint64(8 * n))
	if err != nil {
		return nil, fmt.Errorf("%w: degree %d: %w", identity.ErrBound, n, err)
	}
	shift := func(power int64) fr.Element {
		var s fr.Element
		s.Exp(root, big.NewInt(power))
		return s
	}
	f := &field{}
	for power := int64(0); len(f.cosets) < blocks; power++ {
		if power == 4 { // X^N = -1
			continue
		}
		s := shift(power)
		f.cosets = append(f.cosets, fft.NewDomain(uint64(n), fft.WithShift(s)))
		var zeta fr.Element
		f.zetas = append(f.zetas, *zeta.Exp(s, big.NewInt(int64(n))))
	}
	f.solve = invert(vandermonde(f.zetas))
	return f, nil
}

func vandermonde(x []fr.Element) [][]fr.Element {
	out := make([][]fr.Element, len(x))
	for i := range out {
		out[i] = make([]fr.Element, len(x))
		power := fr.One()
		for k := range out[i] {
			out[i][k] = power
			power.Mul(&power, &x[i])
		}
	}
	return out
}

// invert inverts a small matrix of distinct points, which has an inverse.
func invert(m [][]fr.Element) [][]fr.Element {
	n := len(m)
	out := make([][]fr.Element, n)
	for i := range out {
		out[i] = make([]fr.Element, n)
		out[i][i].SetOne()
	}
	for col := range n {
		pivot := col
		for pivot < n-1 && m[pivot][col].IsZero() {
			pivot++
		}
		m[col], m[pivot] = m[pivot], m[col]
		out[col], out[pivot] = out[pivot], out[col]
		var inv fr.Element
		inv.Inverse(&m[col][col])
		for k := range n {
			m[col][k].Mul(&m[col][k], &inv)
			out[col][k].Mul(&out[col][k], &inv)
		}
		for row := range n {
			if row == col {
				continue
			}
			f := m[row][col]
			for k := range n {
				var x fr.Element
				m[row][k].Sub(&m[row][k], x.Mul(&f, &m[col][k]))
				out[row][k].Sub(&out[row][k], x.Mul(&f, &out[col][k]))
			}
		}
	}
	return out
}

// transforms returns the values of coefficients on every coset. The coefficients are gone.
func (f *field) transforms(coeffs fr.Vector) []fr.Vector {
	out := make([]fr.Vector, len(f.cosets))
	for k := range out {
		out[k] = coeffs
		if k < len(out)-1 {
			out[k] = slices.Clone(coeffs)
		}
		f.transform(k, out[k])
	}
	return out
}

// transform replaces coefficients by their values on a coset, in the transform's order.
func (f *field) transform(coset int, a []fr.Element) {
	if coset == 0 { // the powers of the root themselves
		f.cosets[0].FFT(a, fft.DIF, fft.WithNbTasks(1))
		return
	}
	f.cosets[coset].FFT(a, fft.DIF, fft.OnCoset(), fft.WithNbTasks(1))
}

// restore undoes transform.
func (f *field) restore(coset int, a []fr.Element) {
	if coset == 0 {
		f.cosets[0].FFTInverse(a, fft.DIT, fft.WithNbTasks(1))
		return
	}
	f.cosets[coset].FFTInverse(a, fft.DIT, fft.OnCoset(), fft.WithNbTasks(1))
}
