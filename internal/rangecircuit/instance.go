package rangecircuit

import (
	"errors"
	"fmt"
	"math/big"
	"math/bits"

	"github.com/consensys/gnark-crypto/ecc/bn254/fr"
	"github.com/consensys/gnark-crypto/ecc/bn254/fr/fft"

	"github.com/cerberus-host/cerberus/fhe"
	"github.com/cerberus-host/cerberus/fhe/rns"
)

// Instance is a key switch of uniform polynomials: what it costs does not depend on values.
type Instance struct {
	n int
	// primes are those of the level, then the special one.
	primes []uint64
	// keys[component][digit][prime], switched[component][prime] and digits[prime] have
	// coefficients in [0, prime).
	keys     [2][][][]uint64
	switched [2][][]uint64
	digits   [][]uint64
	// quotientBits is the width of a quotient's range.
	quotientBits int
}

// NewInstance returns a key switch at a level of parameters with digits of one prime, drawn
// from a seed. It returns [ErrInstance] for other parameters.
func NewInstance(p *fhe.Params, level int, seed uint64) (*Instance, error) {
	if p.PCount() != 1 || p.Alpha() != 1 || level < 0 || level > p.MaxLevel() {
		return nil, fmt.Errorf("%w: %s, level %d: digits of one prime are asked for", ErrInstance,
			p.Name(), level)
	}
	in := &Instance{n: p.N()}
	for i := range level + 1 {
		in.primes = append(in.primes, p.Q(i))
	}
	in.primes = append(in.primes, p.P(0))
	var failure error
	drawn := uint64(0)
	uniform := func(q uint64) []uint64 {
		out := make([]uint64, in.n)
		err := rns.ExpandUniform(out, q, [rns.SeedBytes]byte{}, "range circuit", seed, drawn)
		failure = errors.Join(failure, err)
		drawn++
		return out
	}
	largest := 0
	for i, q := range in.primes {
		largest = max(largest, width(q))
		if i <= level {
			in.digits = append(in.digits, uniform(q))
		}
	}
	for k := range 2 {
		for range level + 1 {
			var key [][]uint64
			for _, q := range in.primes {
				key = append(key, uniform(q))
			}
			in.keys[k] = append(in.keys[k], key)
		}
		for _, q := range in.primes[:level+1] {
			in.switched[k] = append(in.switched[k], uniform(q))
		}
	}
	// A digit times N coefficients of a key, once for each digit, over the prime; or the
	// special prime; a bit for the sum of both and one for the sign.
	in.quotientBits = largest + p.LogN() + bits.Len(uint(level+1)) + 2
	return in, failure
}

func width(q uint64) int { return bits.Len64(q) }

func (in *Instance) special() uint64 { return in.primes[len(in.primes)-1] }

// sums returns, for each prime, the sum of digits times keys modulo X^N+1 and its quotient
// by X^N+1, over the integers.
func (in *Instance) sums(component int) (reduced, cyclic [][]*big.Int) {
	d := fft.NewDomain(uint64(2 * in.n))
	values := func(poly []uint64) fr.Vector {
		out := make(fr.Vector, 2*in.n)
		for i, x := range poly {
			out[i].SetUint64(x)
		}
		d.FFT(out, fft.DIF)
		return out
	}
	digits := make([]fr.Vector, len(in.digits))
	for j := range digits {
		digits[j] = values(in.digits[j])
	}
	for i := range in.primes {
		sum := make(fr.Vector, 2*in.n)
		for j := range digits {
			product := values(in.keys[component][j][i])
			product.Mul(product, digits[j])
			sum.Add(sum, product)
		}
		d.FFTInverse(sum, fft.DIT)
		low, high := make([]*big.Int, in.n), make([]*big.Int, in.n)
		for at := range low {
			low[at], high[at] = sum[at].BigInt(new(big.Int)), sum[in.n+at].BigInt(new(big.Int))
			low[at].Sub(low[at], high[at])
		}
		reduced, cyclic = append(reduced, low), append(cyclic, high)
	}
	return reduced, cyclic
}
