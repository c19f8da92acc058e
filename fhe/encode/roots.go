package encode

import "math/big"

// rootGuardBits is the number of fractional bits with which roots are computed before
// they are rounded to rootBits.
const rootGuardBits = 256

// bigComplex is a complex number with rootGuardBits fractional bits.
type bigComplex struct{ re, im *big.Int }

// quarterCosines returns cos(2*pi*k/4p) for k = 0 to p = 2^logPeriod, the first quarter
// of the circle, with rootBits fractional bits.
//
// The angles pi/2, pi/4, ... come from half-angle formulas with integer square roots,
// all others from products of those. An error of the last guard bit grows by a few units
// at each of at most 16 halvings and products, so the results before rounding are good
// to more than 240 bits, and each rounded one is at most 0.5 + 2^-114 units off.
func quarterCosines(logPeriod int) []fixed {
	period := 1 << logPeriod
	cosines := make([]fixed, period+1)
	cosines[0] = fixedOf(1, rootBits) // and cosines[period] is zero
	if period == 1 {
		return cosines
	}
	steps := halvedAngles(logPeriod)
	// roots[k] = exp(2*pi*i*k/4p) up to the middle of the quarter; beyond it sine and
	// cosine swap.
	roots := make([]bigComplex, period/2+1)
	for level := range logPeriod {
		first := 1 << level
		roots[first] = steps[level]
		for k := first + 1; k < min(2*first, len(roots)); k++ {
			roots[k] = roots[first].mul(roots[k-first])
		}
	}
	for k := 1; k < len(roots); k++ {
		cosines[k] = roundRoot(roots[k].re)
		cosines[period-k] = roundRoot(roots[k].im)
	}
	return cosines
}

// halvedAngles returns exp(2*pi*i * 2^level/4p) for level = 0 to logPeriod, where p =
// 2^logPeriod.
func halvedAngles(logPeriod int) []bigComplex {
	one := new(big.Int).Lsh(big.NewInt(1), rootGuardBits)
	steps := make([]bigComplex, logPeriod+1)
	steps[logPeriod] = bigComplex{re: new(big.Int), im: one} // a right angle
	for level := logPeriod - 1; level >= 0; level-- {
		whole := steps[level+1]
		// cos(a/2) = sqrt((1+cos a)/2), sin(a/2) = sin a / (2 cos(a/2)).
		re := new(big.Int).Add(one, whole.re)
		re.Sqrt(re.Lsh(re, rootGuardBits-1))
		im := new(big.Int).Lsh(whole.im, rootGuardBits-1)
		steps[level] = bigComplex{re: re, im: im.Quo(im, re)}
	}
	return steps
}

func (z bigComplex) mul(w bigComplex) bigComplex {
	re := new(big.Int).Mul(z.re, w.re)
	re.Sub(re, new(big.Int).Mul(z.im, w.im))
	im := new(big.Int).Mul(z.re, w.im)
	im.Add(im, new(big.Int).Mul(z.im, w.re))
	return bigComplex{re: re.Rsh(re, rootGuardBits), im: im.Rsh(im, rootGuardBits)}
}

// roundRoot rounds a number in [0, 1] from guard precision to rootBits, to nearest.
func roundRoot(x *big.Int) fixed {
	const drop = rootGuardBits - rootBits
	half := new(big.Int).Lsh(big.NewInt(1), drop-1)
	r := half.Add(half, x)
	r.Rsh(r, drop)
	return fixedOfBig(r)
}

// fixedOfBig returns x, which must lie in [0, 2^127).
func fixedOfBig(x *big.Int) fixed {
	hi := new(big.Int).Rsh(x, 64).Uint64()
	lo := new(big.Int).And(x, new(big.Int).SetUint64(^uint64(0))).Uint64()
	return fixed{hi: hi, lo: lo}
}

// unitRoot returns exp(-2*pi*i*k/4p) for 0 <= k <= 2p from the cosines of the first
// quarter.
func unitRoot(cosines []fixed, k int) complexFixed {
	period := len(cosines) - 1
	if k <= period {
		return complexFixed{re: cosines[k], im: cosines[period-k].neg()}
	}
	return complexFixed{re: cosines[2*period-k].neg(), im: cosines[k-period].neg()}
}
