package squeeze_test

import (
	"math"
	"math/big"
	"math/cmplx"
	"slices"
	"testing"

	"github.com/cerberus-host/cerberus/abi"
	"github.com/cerberus-host/cerberus/fhe"
	"github.com/cerberus-host/cerberus/fhe/encode"
	"github.com/cerberus-host/cerberus/fhe/rns"
)

// shadow runs Plans on the message polynomials themselves: a ciphertext is replaced by what
// it decrypts to, without noise. What is left are the steps' own arithmetic modulo the
// primes and their roundings, so it tells a wrong Plan from an inexact one.
type shadow struct {
	params *fhe.Params
	basis  []*rns.Basis // by level
	tables []*rns.Table
	roots  []complex128 // exp(2 pi i k / 2N)
}

func newShadow(t testing.TB, p *fhe.Params) *shadow {
	t.Helper()
	s := &shadow{params: p}
	for l := range p.QCount() {
		b, err := rns.NewBasis(p.Moduli(l))
		if err != nil {
			t.Fatal(err)
		}
		table, err := rns.NewTable(b.Modulus(l), p.LogN())
		if err != nil {
			t.Fatal(err)
		}
		s.basis, s.tables = append(s.basis, b), append(s.tables, table)
	}
	for k := range 2 * p.N() {
		s.roots = append(s.roots, cmplx.Rect(1, math.Pi*float64(k)/float64(p.N())))
	}
	return s
}

// encrypt encodes one input, whose values are rounded to 40 fractional bits.
func (s *shadow) encrypt(t testing.TB, in fhe.PlanInput, values []float64) []fhe.Poly {
	t.Helper()
	const frac = 40
	mantissas := make([]int64, len(values))
	for i, v := range values {
		mantissas[i] = int64(math.RoundToEven(math.Ldexp(v, frac)))
	}
	e := encode.New()
	var out []fhe.Poly
	for range in.Count {
		var p fhe.Poly
		var err error
		if in.Packing == abi.PackSlots {
			p, err = e.Slots(s.params, in.Level, mantissas, frac, in.Period, in.Scale)
		} else {
			n := min(len(mantissas), s.params.N())
			p, err = e.Coeffs(s.params, in.Level, mantissas[:n], frac, in.Scale)
			mantissas = mantissas[n:]
		}
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, p)
	}
	return out
}

// run executes a Plan and returns the decoded outputs: all slots, or coefficient 0.
func (s *shadow) run(t testing.TB, c *fhe.Compiled, inputs map[string][]float64,
) map[string][]float64 {
	t.Helper()
	regs := make([]fhe.Poly, c.Plan.Registers)
	for _, in := range c.Plan.Inputs {
		for k, p := range s.encrypt(t, in, inputs[in.Name]) {
			regs[int(in.Reg)+k] = p
		}
	}
	for _, step := range c.Plan.Steps {
		regs[step.Out] = s.step(t, c, step, regs)
	}
	out := make(map[string][]float64)
	for _, o := range c.Plan.Outputs {
		coeffs := s.coefficients(t, regs[o.Reg], o.Scale)
		if o.Packing == abi.PackCoeffs {
			out[o.Name] = coeffs[:1]
		} else {
			out[o.Name] = s.slots(coeffs)
		}
	}
	return out
}

func (s *shadow) step(t testing.TB, c *fhe.Compiled, step fhe.Step, regs []fhe.Poly) fhe.Poly {
	t.Helper()
	a := regs[step.A]
	b := a
	if step.Op == fhe.StepAddConst || step.Op == fhe.StepMulConst {
		b = c.Encoded[step.Const]
	} else if step.B != fhe.NoReg {
		b = regs[step.B]
	}
	each := func(f func(l int, m rns.Modulus, x, y []uint64) []uint64) fhe.Poly {
		var out fhe.Poly
		for l := range step.Level + 1 {
			out.Limbs = append(out.Limbs, f(l, s.tables[l].Modulus(), a.Limbs[l], b.Limbs[l]))
		}
		return out
	}
	byElement := func(f func(m rns.Modulus, x, y uint64) uint64) fhe.Poly {
		return each(func(_ int, m rns.Modulus, x, y []uint64) []uint64 {
			out := make([]uint64, len(x))
			for i := range out {
				out[i] = f(m, x[i], y[i])
			}
			return out
		})
	}
	switch step.Op {
	case fhe.StepAdd, fhe.StepAddConst:
		return byElement(func(m rns.Modulus, x, y uint64) uint64 { return m.Add(x, y) })
	case fhe.StepSub:
		return byElement(func(m rns.Modulus, x, y uint64) uint64 { return m.Sub(x, y) })
	case fhe.StepNeg:
		return byElement(func(m rns.Modulus, x, _ uint64) uint64 { return m.Neg(x) })
	case fhe.StepMulInt:
		return byElement(func(m rns.Modulus, x, _ uint64) uint64 {
			return m.Mul(x, m.Reduce(uint64(step.Int))) // compilers emit positive ones
		})
	case fhe.StepMulConst, fhe.StepTensor:
		return each(s.product(t))
	case fhe.StepRescale:
		limbs, err := s.basis[step.Level+1].DivRoundByLast(a.Limbs, 1)
		if err != nil {
			t.Fatal(err)
		}
		return fhe.Poly{Limbs: limbs}
	case fhe.StepRotate:
		return each(func(_ int, m rns.Modulus, x, _ []uint64) []uint64 {
			out, err := m.Automorphism(x, step.Galois)
			if err != nil {
				t.Fatal(err)
			}
			return out
		})
	default: // relin, drop, decompose
		return fhe.Poly{Limbs: a.Limbs[:step.Level+1]}
	}
}

func (s *shadow) product(t testing.TB) func(int, rns.Modulus, []uint64, []uint64) []uint64 {
	t.Helper()
	return func(l int, m rns.Modulus, x, y []uint64) []uint64 {
		x, y = slices.Clone(x), slices.Clone(y)
		for _, f := range []func() error{
			func() error { return s.tables[l].Forward(x) },
			func() error { return s.tables[l].Forward(y) },
		} {
			if err := f(); err != nil {
				t.Fatal(err)
			}
		}
		for i := range x {
			x[i] = m.Mul(x[i], y[i])
		}
		if err := s.tables[l].Inverse(x); err != nil {
			t.Fatal(err)
		}
		return x
	}
}

// coefficients returns the centred coefficients divided by the scale.
func (s *shadow) coefficients(t testing.TB, p fhe.Poly, scale fhe.Scale) []float64 {
	t.Helper()
	b := s.basis[len(p.Limbs)-1]
	ints, err := b.ReconstructPoly(p.Limbs)
	if err != nil {
		t.Fatal(err)
	}
	out := make([]float64, len(ints))
	for i, x := range ints {
		f := new(big.Float).SetPrec(128).SetInt(b.Centre(x))
		out[i], _ = f.Quo(f, scale.Float()).Float64()
	}
	return out
}

// slots evaluates at exp(2 pi i 5^j / 2N).
func (s *shadow) slots(coeffs []float64) []float64 {
	n := len(coeffs)
	out := make([]float64, n/2)
	at := 1
	for j := range out {
		sum := complex(0, 0)
		for k, c := range coeffs {
			sum += complex(c, 0) * s.roots[at*k%(2*n)]
		}
		out[j] = real(sum)
		at = at * 5 % (2 * n)
	}
	return out
}

// checkOutputs compares a run with the clear twin: slot vectors must repeat with their
// period and be zero beyond their length.
func checkOutputs(t testing.TB, plan *fhe.Plan, got, want map[string][]float64, tolerance float64) {
	t.Helper()
	for _, o := range plan.Outputs {
		for i, x := range got[o.Name] {
			expect := 0.0
			if o.Packing == abi.PackCoeffs {
				expect = want[o.Name][i]
			} else if e := i % o.Period; e < o.Length {
				expect = want[o.Name][e]
			}
			if !(math.Abs(x-expect) <= tolerance) {
				t.Errorf("output %q, position %d: %g instead of %g", o.Name, i, x, expect)
				return
			}
		}
	}
}
