package fhe

import (
	"fmt"
	"math/big"
	"strconv"
	"strings"
)

// scaleMantissaBits is the precision of a Scale.
const scaleMantissaBits = 128

// scaleExpMax bounds the exponent, far beyond any modulus chain.
const scaleExpMax = 1 << 16

// Scale is the factor between an encoded number and the integer that represents it. It is
// a positive binary float with a 128-bit mantissa, mantissa * 2^exp, normalised (top bit
// set) and rounded to nearest, ties to even, after every operation; all arithmetic is on
// integers, so a scale is the same on every machine. Scales are comparable with ==. The
// zero value is no scale.
type Scale struct {
	hi, lo uint64
	exp    int32
}

// ScaleOfBits returns 2^bits.
func ScaleOfBits(bits int) Scale {
	return Scale{hi: 1 << 63, exp: int32(bits - scaleMantissaBits + 1)}
}

// IsZero reports whether s is the zero value, which is no scale.
func (s Scale) IsZero() bool { return s == Scale{} }

// Mul returns s * t.
func (s Scale) Mul(t Scale) Scale {
	return roundScale(new(big.Int).Mul(s.mantissa(), t.mantissa()), int64(s.exp)+int64(t.exp),
		false)
}

// Div returns s / t; t must not be zero.
func (s Scale) Div(t Scale) Scale {
	const guard = scaleMantissaBits + 2
	num := new(big.Int).Lsh(s.mantissa(), guard)
	quo, rem := num.QuoRem(num, t.mantissa(), new(big.Int))
	return roundScale(quo, int64(s.exp)-int64(t.exp)-guard, rem.Sign() != 0)
}

// MulInt returns s * q for a positive integer q.
func (s Scale) MulInt(q uint64) Scale { return s.Mul(ScaleOfInt(q)) }

// DivInt returns s / q for a positive integer q.
func (s Scale) DivInt(q uint64) Scale { return s.Div(ScaleOfInt(q)) }

// ScaleOfInt returns q as a Scale, exactly; q must be positive.
func ScaleOfInt(q uint64) Scale { return roundScale(new(big.Int).SetUint64(q), 0, false) }

// Cmp compares s and t and returns -1, 0 or +1.
func (s Scale) Cmp(t Scale) int { return s.Float().Cmp(t.Float()) }

// Near reports whether s and t differ by less than 2^-bits of s. Two scales that were
// reached by different orders of rounding are near with bits = 100.
func (s Scale) Near(t Scale, bits int) bool {
	if s.IsZero() || t.IsZero() {
		return s == t
	}
	d := new(big.Float).SetPrec(2*scaleMantissaBits).Sub(s.Float(), t.Float())
	limit := new(big.Float).SetMantExp(s.Float(), -bits)
	return d.Abs(d).Cmp(limit) < 0
}

// Float returns s as a big.Float of 128 bits precision, exactly. The caller owns it.
func (s Scale) Float() *big.Float {
	f := new(big.Float).SetPrec(scaleMantissaBits).SetInt(s.mantissa())
	return f.SetMantExp(f, int(s.exp))
}

// Log2Floor returns the largest k with 2^k <= s.
func (s Scale) Log2Floor() int { return int(s.exp) + scaleMantissaBits - 1 }

// RoundInt returns s rounded to the nearest integer, ties to even.
func (s Scale) RoundInt() *big.Int {
	m := s.mantissa()
	if s.exp >= 0 {
		return m.Lsh(m, uint(s.exp))
	}
	return shiftRoundEven(m, uint(-s.exp), false)
}

// String returns the canonical text: 0x, 32 hex digits of the mantissa, p, the exponent.
func (s Scale) String() string { return fmt.Sprintf("0x%016x%016xp%d", s.hi, s.lo, s.exp) }

// ParseScale reads what String returns, and nothing else.
func ParseScale(text string) (Scale, error) {
	mant, exp, ok := strings.Cut(strings.TrimPrefix(text, "0x"), "p")
	bad := fmt.Errorf("%w: scale %.60q is not 0x<32 hex digits>p<exponent>", ErrFormat, text)
	if !ok || len(mant) != 32 {
		return Scale{}, bad
	}
	hi, err1 := strconv.ParseUint(mant[:16], 16, 64)
	lo, err2 := strconv.ParseUint(mant[16:], 16, 64)
	e, err3 := strconv.ParseInt(exp, 10, 32)
	if err1 != nil || err2 != nil || err3 != nil || hi>>63 == 0 ||
		e > scaleExpMax || e < -scaleExpMax {
		return Scale{}, bad
	}
	s := Scale{hi: hi, lo: lo, exp: int32(e)}
	if s.String() != text {
		return Scale{}, bad
	}
	return s, nil
}

func (s Scale) mantissa() *big.Int {
	m := new(big.Int).SetUint64(s.hi)
	m.Lsh(m, 64)
	return m.Or(m, new(big.Int).SetUint64(s.lo))
}

// roundScale normalises m * 2^exp to 128 bits; sticky says that a positive remainder below
// the last bit of m was cut off.
func roundScale(m *big.Int, exp int64, sticky bool) Scale {
	excess := m.BitLen() - scaleMantissaBits
	if excess > 0 {
		m = shiftRoundEven(m, uint(excess), sticky)
	} else {
		m = new(big.Int).Lsh(m, uint(-excess))
	}
	exp += int64(excess)
	if m.BitLen() > scaleMantissaBits { // rounding carried into a new bit
		m.Rsh(m, 1)
		exp++
	}
	lo := new(big.Int).And(m, new(big.Int).SetUint64(^uint64(0)))
	return Scale{hi: new(big.Int).Rsh(m, 64).Uint64(), lo: lo.Uint64(), exp: int32(exp)}
}

// shiftRoundEven returns m / 2^n rounded to nearest, ties to even.
func shiftRoundEven(m *big.Int, n uint, sticky bool) *big.Int {
	if n == 0 {
		return new(big.Int).Set(m)
	}
	q := new(big.Int).Rsh(m, n)
	rest := new(big.Int).Sub(m, new(big.Int).Lsh(q, n))
	half := new(big.Int).Lsh(big.NewInt(1), n-1)
	c := rest.Cmp(half)
	if c > 0 || (c == 0 && (sticky || q.Bit(0) == 1)) {
		q.Add(q, big.NewInt(1))
	}
	return q
}
