package brain

import "math"

// Vector names a node of the Program that Infer records. It has no value, only a type: a
// packing and a length, encrypted or constant. The zero Vector is what an operation returns
// after an error of the run; it is refused by the host.
type Vector struct{ handle int64 }

// Graph records a Program. Each method appends one node; docs/ABI.md gives the rules on
// packing, length and depth that the host checks.
type Graph struct{ *Call }

// node turns a host function's result into a Vector; f is not called after an error.
func (g *Graph) node(function, name string, f func() int64) Vector {
	if g.err != nil {
		return Vector{}
	}
	h := f()
	if !g.check(function, name, h) {
		return Vector{}
	}
	return Vector{handle: h}
}

// Input returns the encrypted input vector of that name.
func (g *Graph) Input(name string) Vector {
	return g.node("input", name, func() int64 { return g.host.Input(name) })
}

// Constant makes a public constant vector: element i is values[i] * 2^-frac, with frac in
// [0, 60].
func (g *Graph) Constant(frac int, values ...int64) Vector {
	if !g.fits("constant", "", frac) {
		return Vector{}
	}
	return g.node("constant", "", func() int64 { return g.host.Constant(values, int32(frac)) })
}

// Fixed is [Graph.Constant] of numbers rounded to frac fractional bits, halves to even. The
// rounding is exact arithmetic, so it is the same on every machine. A number whose mantissa
// leaves 63 bits, or that is not finite, is an error of the run.
func (g *Graph) Fixed(frac int, values ...float64) Vector {
	mantissas := make([]int64, len(values))
	for i, v := range values {
		m := math.RoundToEven(math.Ldexp(v, frac))
		if !(math.Abs(m) < 1<<63) {
			g.check("constant", "", -int64(ErrnoRange))
			return Vector{}
		}
		mantissas[i] = int64(m)
	}
	return g.Constant(frac, mantissas...)
}

// Model names count numbers of the model's tensor of that name, from element offset on.
func (g *Graph) Model(name string, offset, count int) Vector {
	if !g.fits("model", name, offset, count) {
		return Vector{}
	}
	return g.node("model", name, func() int64 {
		return g.host.Model(name, int32(offset), int32(count))
	})
}

// Add returns the element-wise sum; either operand may be a constant.
func (g *Graph) Add(a, b Vector) Vector {
	return g.node("add", "", func() int64 { return g.host.Add(a.handle, b.handle) })
}

// Sub returns the element-wise difference a - b; either operand may be a constant.
func (g *Graph) Sub(a, b Vector) Vector {
	return g.node("sub", "", func() int64 { return g.host.Sub(a.handle, b.handle) })
}

// Mul returns the element-wise product of two encrypted slot vectors.
func (g *Graph) Mul(a, b Vector) Vector {
	return g.node("mul", "", func() int64 { return g.host.Mul(a.handle, b.handle) })
}

// MulPlain returns the element-wise product of the encrypted slot vector a and the constant
// c.
func (g *Graph) MulPlain(a, c Vector) Vector {
	return g.node("mul_plain", "", func() int64 { return g.host.MulPlain(a.handle, c.handle) })
}

// Neg returns -a.
func (g *Graph) Neg(a Vector) Vector {
	return g.node("neg", "", func() int64 { return g.host.Neg(a.handle) })
}

// Rotate turns the slot vector a left by that many places, cyclically within its period
// (the power of two at or above its length); by lies in [-period, period].
func (g *Graph) Rotate(a Vector, by int) Vector {
	if !g.fits("rotate", "", by) {
		return Vector{}
	}
	return g.node("rotate", "", func() int64 { return g.host.Rotate(a.handle, int32(by)) })
}

// Sum returns the sum of all elements of the slot vector a, a vector of length 1.
func (g *Graph) Sum(a Vector) Vector {
	return g.node("sum", "", func() int64 { return g.host.Sum(a.handle) })
}

// Dot returns the inner product of the encrypted vector a and the constant c of the same
// length, a vector of length 1.
func (g *Graph) Dot(a, c Vector) Vector {
	return g.node("dot", "", func() int64 { return g.host.Dot(a.handle, c.handle) })
}

// MatVec returns the product of the rows x cols matrix m, a constant given row after row,
// and the slot vector a of length cols: a vector of length rows.
func (g *Graph) MatVec(m, a Vector, rows, cols int) Vector {
	if !g.fits("matvec", "", rows, cols) {
		return Vector{}
	}
	return g.node("matvec", "", func() int64 {
		return g.host.Matvec(m.handle, a.handle, int32(rows), int32(cols))
	})
}

// Poly evaluates, at every element of the slot vector a, the polynomial with the
// coefficients c, lowest degree first; the degree is at most 63.
func (g *Graph) Poly(a, c Vector) Vector {
	return g.node("poly", "", func() int64 { return g.host.Poly(a.handle, c.handle) })
}

// Chebyshev evaluates the Chebyshev series with coefficients c on the interval
// [lo * 2^-frac, hi * 2^-frac] at every element of the slot vector a.
func (g *Graph) Chebyshev(a, c Vector, lo, hi int64, frac int) Vector {
	if !g.fits("chebyshev", "", frac) {
		return Vector{}
	}
	return g.node("chebyshev", "", func() int64 {
		return g.host.Chebyshev(a.handle, c.handle, lo, hi, int32(frac))
	})
}

// Output makes a the output vector of that name; its length must be the manifest's. Every
// output that the manifest lists for the run's public arguments must be made once.
func (g *Graph) Output(name string, a Vector) {
	if g.err == nil {
		g.check("output", name, int64(g.host.Output(name, a.handle)))
	}
}
