package learn

import "math"

// Random is the splitmix64 generator: a few lines whose stream is fixed for ever, which
// is all that shuffles and starting weights need. The zero value is seed 0. It is not
// for cryptography and not for concurrent use.
type Random struct{ state uint64 }

// NewRandom returns the generator of a seed.
func NewRandom(seed uint64) *Random { return &Random{state: seed} }

// Uint64 returns the next number of the stream.
func (r *Random) Uint64() uint64 {
	r.state += 0x9e3779b97f4a7c15
	z := r.state
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// Float64 returns a number in [0, 1) with 53 random bits.
func (r *Random) Float64() float64 { return float64(r.Uint64()>>11) / (1 << 53) }

// Normal returns a number of the standard normal distribution (Box and Muller).
func (r *Random) Normal() float64 {
	radius := math.Sqrt(-2 * math.Log(1-r.Float64()))
	return radius * math.Cos(2*math.Pi*r.Float64())
}

// Shuffle permutes n things through swap (Fisher and Yates). The remainder that picks
// the places is biased by less than n * 2^-64.
func (r *Random) Shuffle(n int, swap func(i, j int)) {
	for i := n - 1; i > 0; i-- {
		swap(i, int(r.Uint64()%uint64(i+1)))
	}
}
