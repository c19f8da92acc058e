package squeeze_test

import (
	"testing"

	"github.com/cerberus-host/cerberus/abi"
	"github.com/cerberus-host/cerberus/fhe"
)

// recorder is a Builder that fails the test instead of returning errors.
type recorder struct {
	t testing.TB
	b *fhe.Builder
}

func record(t testing.TB, params string) recorder {
	t.Helper()
	p, err := fhe.ParamsByName(params)
	if err != nil {
		t.Fatal(err)
	}
	return recorder{t, fhe.NewBuilder(p)}
}

func (r recorder) id(id fhe.NodeID, err error) fhe.NodeID {
	r.t.Helper()
	if err != nil {
		r.t.Fatal(err)
	}
	return id
}

func (r recorder) input(in abi.Input) fhe.NodeID {
	r.t.Helper()
	return r.id(r.b.Input(in))
}

func (r recorder) slots(name string, length int) fhe.NodeID {
	r.t.Helper()
	return r.input(abi.Input{Name: name, Packing: abi.PackSlots, Length: length, Bound: 4})
}

func (r recorder) coeffs(name string, length, scaleBits int) fhe.NodeID {
	r.t.Helper()
	return r.input(abi.Input{
		Name: name, Packing: abi.PackCoeffs, Length: length, Bound: 4, ScaleBits: scaleBits,
	})
}

func (r recorder) constant(frac int, values ...int64) fhe.NodeID {
	r.t.Helper()
	return r.id(r.b.Constant(values, frac))
}

func (r recorder) output(name string, a fhe.NodeID) {
	r.t.Helper()
	if err := r.b.Output(name, a); err != nil {
		r.t.Fatal(err)
	}
}

func (r recorder) finish() *fhe.Program {
	r.t.Helper()
	p, err := r.b.Finish()
	if err != nil {
		r.t.Fatal(err)
	}
	return p
}

// pattern returns count small numbers that look irregular and are the same every time.
func pattern(count, seed int) []int64 {
	out := make([]int64, count)
	x := uint32(seed)*2654435761 + 12345
	for i := range out {
		x = x*1664525 + 1013904223
		out[i] = int64(x>>24) - 128
	}
	return out
}

// programs are the goldens: name and what records it.
func programs() []struct {
	name   string
	record func(t testing.TB) *fhe.Program
} {
	return []struct {
		name   string
		record func(t testing.TB) *fhe.Program
	}{
		{"linear", func(t testing.TB) *fhe.Program {
			t.Helper()
			r := record(t, "insecure-10-4")
			x, y := r.slots("x", 5), r.slots("second input", 5)
			c := r.constant(4, 1, -2, 3, -4, 5)
			sum := r.id(r.b.Add(x, y))
			r.output("a", r.id(r.b.Sub(c, sum)))
			r.output("b", r.id(r.b.Neg(r.id(r.b.Rotate(sum, -3)))))
			r.output("c", r.id(r.b.Sum(r.id(r.b.MulPlain(x, c)))))
			return r.finish()
		}},
		{"coeffs", func(t testing.TB) *fhe.Program {
			t.Helper()
			r := record(t, "insecure-10-4")
			x := r.coeffs("features", 1500, 20)
			score := r.id(r.b.Dot(x, r.constant(12, pattern(1500, 1)...)))
			r.output("score", r.id(r.b.Add(score, r.constant(3, 5))))
			return r.finish()
		}},
		{"coeffs-rescaled", func(t testing.TB) *fhe.Program {
			t.Helper()
			r := record(t, "insecure-10-4")
			x := r.coeffs("features", 40, 20)
			c := pattern(40, 2)
			for i := range c {
				c[i] <<= 40
			}
			score := r.id(r.b.Dot(x, r.constant(48, c...)))
			plain := r.id(r.b.Dot(x, r.constant(4, pattern(40, 3)...)))
			r.output("score", r.id(r.b.Sub(score, plain)))
			return r.finish()
		}},
		{"hidden-layer", func(t testing.TB) *fhe.Program {
			t.Helper()
			r := record(t, "ckks-13")
			x := r.slots("features", 30)
			h := r.id(r.b.MatVec(r.constant(11, pattern(16*30, 4)...), x, 16, 30))
			h = r.id(r.b.Add(h, r.constant(8, pattern(16, 5)...)))
			h = r.id(r.b.Poly(h, r.constant(2, 3, -2, 4)))
			r.output("score", r.id(r.b.Dot(h, r.constant(12, pattern(16, 6)...))))
			return r.finish()
		}},
		{"matrices", func(t testing.TB) *fhe.Program {
			t.Helper()
			r := record(t, "insecure-10-8")
			x := r.slots("x", 12)
			tall := r.id(r.b.MatVec(r.constant(12, pattern(40*12, 7)...), x, 40, 12))
			wide := r.id(r.b.MatVec(r.constant(13, pattern(3*40, 8)...), tall, 3, 40))
			r.output("tall", tall)
			r.output("wide", wide)
			return r.finish()
		}},
		{"polynomials", func(t testing.TB) *fhe.Program {
			t.Helper()
			r := record(t, "insecure-10-8")
			x := r.slots("x", 3)
			c := r.constant(9, pattern(12, 9)...)
			r.output("power", r.id(r.b.Poly(x, c)))
			r.output("chebyshev", r.id(r.b.Chebyshev(x, c, -5, 5, 0)))
			return r.finish()
		}},
		{"levels-meet", func(t testing.TB) *fhe.Program {
			t.Helper()
			r := record(t, "insecure-10-8")
			x, y := r.slots("x", 4), r.slots("y", 4)
			square := r.id(r.b.Mul(x, x))
			fourth := r.id(r.b.Mul(square, square))
			eighth := r.id(r.b.Mul(fourth, fourth))
			all := r.id(r.b.Add(r.id(r.b.Add(x, square)), r.id(r.b.Add(fourth, eighth))))
			r.output("all", r.id(r.b.Add(all, y)))
			r.output("x times y", r.id(r.b.Mul(x, y)))
			return r.finish()
		}},
	}
}
