package encode_test

import (
	"math/big"
	"testing"

	"github.com/cerberus-host/cerberus/fhe"
	"github.com/cerberus-host/cerberus/fhe/rns"
)

// oraclePrec is far beyond the precision of the encoder.
const oraclePrec = 384

func float() *big.Float { return new(big.Float).SetPrec(oraclePrec) }

// oracle knows nothing of the encoder's roots: pi from Machin's formula, cosines from
// the Taylor series, sums written out.
type oracle struct {
	pi      *big.Float
	cosines map[[2]int]*big.Float
}

func newOracle() oracle {
	pi := float().Mul(float().SetInt64(16), arctanInverse(5))
	pi.Sub(pi, float().Mul(float().SetInt64(4), arctanInverse(239)))
	return oracle{pi: pi, cosines: map[[2]int]*big.Float{}}
}

// arctanInverse returns arctan(1/n) by its series.
func arctanInverse(n int64) *big.Float {
	sum := float()
	power := float().Quo(float().SetInt64(1), float().SetInt64(n))
	square := float().SetInt64(n * n)
	for k := int64(1); k < oraclePrec; k += 2 {
		term := float().Quo(power, float().SetInt64(k))
		if k%4 == 3 {
			term.Neg(term)
		}
		sum.Add(sum, term)
		power.Quo(power, square)
	}
	return sum
}

// cos returns the cosine of 2*pi*k/n.
func (o oracle) cos(k, n int) *big.Float {
	key := [2]int{k % n, n}
	if known := o.cosines[key]; known != nil {
		return known
	}
	k %= n
	x := float().Quo(float().Mul(o.pi, float().SetInt64(2*int64(k))), float().SetInt64(int64(n)))
	x.Mul(x, x)
	sum, term := float().SetInt64(1), float().SetInt64(1)
	for i := int64(1); i < 150; i += 2 {
		term.Quo(term.Mul(term, x), float().SetInt64(i*(i+1)))
		term.Neg(term)
		sum.Add(sum, term)
	}
	o.cosines[key] = sum
	return sum
}

// slotCoefficient returns the coefficient of Y^k before scaling, by the sum in the package
// comment, for values in units of 2^-frac.
func (o oracle) slotCoefficient(values []int64, frac, period, k int) *big.Float {
	sum, exponent := float(), 1
	for _, v := range values {
		sum.Add(sum, float().Mul(float().SetInt64(v), o.cos(exponent*k%(4*period), 4*period)))
		exponent = exponent * 5 % (4 * period)
	}
	sum.Quo(sum, float().SetInt64(int64(period)))
	return sum.SetMantExp(sum, -frac)
}

func params(tb testing.TB, name string) *fhe.Params {
	tb.Helper()
	p, err := fhe.ParamsByName(name)
	if err != nil {
		tb.Fatal(err)
	}
	return p
}

// integers returns the centred coefficients of an encoded polynomial.
func integers(tb testing.TB, p *fhe.Params, level int, poly fhe.Poly) []*big.Int {
	tb.Helper()
	basis, err := rns.NewBasis(p.Moduli(level))
	if err != nil {
		tb.Fatal(err)
	}
	coeffs, err := basis.ReconstructPoly(poly.Limbs)
	if err != nil {
		tb.Fatal(err)
	}
	return coeffs
}
