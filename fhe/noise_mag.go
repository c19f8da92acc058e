package fhe

import (
	"math/big"
	"math/bits"
)

const (
	// magBits is the precision of a mag.
	magBits = 32
	// precisionMax stands for no error at all.
	precisionMax = 1 << 10
)

// mag is a magnitude m * 2^e that is at least what it stands for: every operation rounds
// up, on integers, so that a bound stays a bound and is the same on every machine. m has
// exactly magBits bits, or is 0.
type mag struct {
	m uint64
	e int
}

// magOf returns m * 2^e rounded up.
func magOf(m uint64, e int) mag {
	if m == 0 {
		return mag{}
	}
	excess := bits.Len64(m) - magBits
	if excess <= 0 {
		return mag{m << -excess, e + excess}
	}
	rounded := m >> excess
	if rounded<<excess != m {
		rounded++
	}
	if rounded>>magBits != 0 {
		return mag{rounded >> 1, e + excess + 1} // a power of two
	}
	return mag{rounded, e + excess}
}

// magRatio returns num / den rounded up; den is positive and both are below 2^32.
func magRatio(num, den uint64) mag { return magOf(num, 0).div(den) }

// magBig returns |x| rounded up.
func magBig(x *big.Int) mag {
	excess := x.BitLen() - 63
	if excess <= 0 {
		return magOf(new(big.Int).Abs(x).Uint64(), 0)
	}
	top := new(big.Int).Abs(x)
	return magOf(top.Rsh(top, uint(excess)).Uint64()+1, excess)
}

// mag returns s rounded up.
func (s Scale) mag() mag {
	// hi + 1 may not fit.
	return magOf(s.hi>>1+1, int(s.exp)+scaleMantissaBits/2+1)
}

// inverse returns 1/s rounded up.
func (s Scale) inverse() mag {
	below := s.hi >> (64 - magBits)
	return magOf(^uint64(0)/below+1, -64-(int(s.exp)+scaleMantissaBits-magBits))
}

func (a mag) mul(b mag) mag { return magOf(a.m*b.m, a.e+b.e) }

func (a mag) square() mag { return a.mul(a) }

// shift returns a * 2^by, exactly.
func (a mag) shift(by int) mag {
	if a.m == 0 {
		return a
	}
	return mag{a.m, a.e + by}
}

func (a mag) add(b mag) mag {
	if a.m == 0 || b.m != 0 && a.e < b.e {
		a, b = b, a
	}
	if b.m == 0 {
		return a
	}
	apart := a.e - b.e
	if apart >= magBits {
		return magOf(a.m+1, a.e)
	}
	return magOf(a.m<<(magBits-1)+roundedUp(b.m<<(magBits-1), apart), a.e-(magBits-1))
}

func roundedUp(m uint64, by int) uint64 { return (m + 1<<by - 1) >> by }

// div returns a / d for an integer d of at most 32 bits, at least 1.
func (a mag) div(d uint64) mag {
	wide := a.m << (64 - magBits)
	quo := wide / d
	if quo*d != wide {
		quo++
	}
	return magOf(quo, a.e-(64-magBits))
}

// sqrt returns the square root.
func (a mag) sqrt() mag {
	if a.m == 0 {
		return a
	}
	m, e := a.m<<(62-magBits), a.e-(62-magBits)
	if e&1 != 0 {
		m, e = m<<1, e-1
	}
	root := new(big.Int).Sqrt(new(big.Int).SetUint64(m))
	return magOf(root.Uint64()+1, e/2)
}

func (a mag) less(b mag) bool {
	switch {
	case a.m == 0 || b.m == 0:
		return a.m == 0 && b.m != 0
	case a.e != b.e:
		return a.e < b.e
	default:
		return a.m < b.m
	}
}

// precision returns the largest k up to precisionMax with a <= 2^-k.
func (a mag) precision() int {
	if a.m == 0 {
		return precisionMax
	}
	if a.m == 1<<(magBits-1) {
		return -(a.e + magBits - 1)
	}
	return -(a.e + magBits)
}

// profile is a magnitude for each slot: slot i has profile[i mod len]. The length is a power
// of two.
type profile []mag

func (p profile) at(i int) mag { return p[i&(len(p)-1)] }

// combine returns f of both, slot by slot.
func combine(a, b profile, f func(a, b mag) mag) profile {
	out := make(profile, max(len(a), len(b)))
	for i := range out {
		out[i] = f(a.at(i), b.at(i))
	}
	return out
}

func (p profile) each(f func(mag) mag) profile {
	out := make(profile, len(p))
	for i, a := range p {
		out[i] = f(a)
	}
	return out
}

// turned returns the profile after a rotation to the left.
func (p profile) turned(by int) profile {
	out := make(profile, len(p))
	for i := range out {
		out[i] = p.at(i + by)
	}
	return out
}

// most returns the largest of the first n slots.
func (p profile) most(n int) mag {
	out := mag{}
	for _, a := range p[:min(n, len(p))] {
		if out.less(a) {
			out = a
		}
	}
	return out
}
