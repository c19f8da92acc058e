package fhe

// interval is where a real number lies: within radius of centre, which is negative if neg.
// The centre is any number nearby; what rounding moves it by goes into the radius. Centres
// make even functions narrow: if x is within 1 of 0, then x^2 is within 1/2 of 1/2.
type interval struct {
	centre mag
	neg    bool
	radius mag
}

// looseBits is the relative precision of a centre after one operation.
const looseBits = magBits - 3

// around returns an interval whose centre was rounded once.
func around(centre mag, neg bool, radius mag) interval {
	return interval{centre, neg && centre.m != 0, radius.add(centre.shift(-looseBits))}
}

// within returns the interval of the numbers of at most that absolute value.
func within(size mag) interval { return interval{radius: size} }

// size bounds the absolute value.
func (a interval) size() mag { return a.centre.add(a.radius) }

func (a interval) negated() interval {
	a.neg = !a.neg && a.centre.m != 0
	return a
}

func (a interval) plus(b interval) interval {
	radius := a.radius.add(b.radius)
	if a.neg == b.neg || a.centre.m == 0 || b.centre.m == 0 {
		return around(a.centre.add(b.centre), a.neg || b.neg, radius)
	}
	if a.centre.less(b.centre) {
		a, b = b, a
	}
	apart := a.centre.e - b.centre.e
	if apart >= magBits {
		return around(a.centre, a.neg, radius.add(b.centre))
	}
	return around(magOf(a.centre.m<<apart-b.centre.m, b.centre.e), a.neg, radius)
}

func (a interval) times(b interval) interval {
	radius := a.centre.mul(b.radius).add(b.centre.mul(a.radius)).add(a.radius.mul(b.radius))
	return around(a.centre.mul(b.centre), a.neg != b.neg, radius)
}

// squared is narrower than the product of two independent numbers from a.
func (a interval) squared() interval {
	half := a.radius.square().shift(-1)
	radius := a.centre.mul(a.radius).shift(1).add(half)
	return around(a.centre.square(), false, radius).plus(interval{centre: half})
}

// scaled multiplies by a positive number that is known up to one rounding.
func (a interval) scaled(by mag) interval {
	return around(a.centre.mul(by), a.neg, a.radius.mul(by))
}

// intervals has one for each slot: slot i has a[i mod len]. The length is a power of two.
type intervals []interval

func (a intervals) at(i int) interval { return a[i&(len(a)-1)] }

func (a intervals) each(f func(interval) interval) intervals {
	out := make(intervals, len(a))
	for i, x := range a {
		out[i] = f(x)
	}
	return out
}

func (a intervals) with(b intervals, f func(a, b interval) interval) intervals {
	out := make(intervals, max(len(a), len(b)))
	for i := range out {
		out[i] = f(a.at(i), b.at(i))
	}
	return out
}

func (a intervals) sizes() profile {
	out := make(profile, len(a))
	for i, x := range a {
		out[i] = x.size()
	}
	return out
}

// turned returns the intervals after a rotation to the left.
func (a intervals) turned(by int) intervals {
	out := make(intervals, len(a))
	for i := range out {
		out[i] = a.at(i + by)
	}
	return out
}
