package lattigo_test

import (
	"context"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"testing"

	"github.com/cerberus-host/cerberus/fhe"
	"github.com/cerberus-host/cerberus/fhe/fhetest"
	"github.com/cerberus-host/cerberus/fhe/rns"
)

// modulus returns arithmetic modulo prime i of Q, or of P for i >= QCount.
func (b *bench) modulus(t *testing.T, i int) rns.Modulus {
	t.Helper()
	m, err := rns.NewModulus(b.params.ModuliQP()[i])
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// reduced returns integers modulo a prime.
func reduced(coeffs []*big.Int, q uint64) []uint64 {
	out := make([]uint64, len(coeffs))
	modulus := new(big.Int).SetUint64(q)
	for i, c := range coeffs {
		out[i] = new(big.Int).Mod(c, modulus).Uint64()
	}
	return out
}

func product(primes []uint64) *big.Int {
	out := big.NewInt(1)
	for _, q := range primes {
		out.Mul(out, new(big.Int).SetUint64(q))
	}
	return out
}

// largest returns the largest absolute value.
func largest(coeffs []*big.Int) *big.Int {
	out := new(big.Int)
	for _, c := range coeffs {
		if c.CmpAbs(out) > 0 {
			out.Abs(c)
		}
	}
	return out
}

func mulPoly(t *testing.T, m rns.Modulus, a, b []uint64) []uint64 {
	t.Helper()
	out, err := m.MulNegacyclic(a, b)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func addTo(m rns.Modulus, sum, a []uint64) {
	for i := range sum {
		sum[i] = m.Add(sum[i], a[i])
	}
}

// recordShapes are rings small enough for schoolbook products.
func recordShapes(t *testing.T) []*fhe.Params {
	t.Helper()
	return []*fhe.Params{
		shaped(t, 5, 4, 1), shaped(t, 5, 5, 2), shaped(t, 5, 7, 3), shaped(t, 5, 4, 4),
		shaped(t, 5, 1, 1),
	}
}

// checkSwitch asserts the integer identities of one key switch of e (limbs of the level)
// under the key of an element: what the recorder got for digits (of step digitStep) and
// remainders (of step) must lead from e to what is returned, the two components modulo the
// primes of the level.
func (b *bench) checkSwitch(t *testing.T, r *fhetest.Tape, digitStep, step int, galois uint64,
	e fhe.Poly,
) [2]fhe.Poly {
	t.Helper()
	p, level := b.params, len(e.Limbs)-1
	special := product(p.ModuliQP()[p.QCount():])
	key, _ := b.keys.Key(galois)
	var digits [][]*big.Int
	for d := range p.Digits(level) {
		wire := find(t, r, digitStep, fhe.WireDigit, d)
		lo, hi := p.DigitRange(d, level)
		for i := lo; i < hi; i++ {
			if !slices.Equal(reduced(wire, p.Q(i)), e.Limbs[i]) {
				t.Errorf("level %d: digit %d is not the operand modulo prime %d", level, d, i)
			}
		}
		if size := product(p.Moduli(level)[lo:hi]); largest(wire).Cmp(size) > 0 {
			t.Errorf("level %d: digit %d exceeds its modulus", level, d)
		}
		digits = append(digits, wire)
	}
	// sums returns sum over j of evk_j * d_j modulo prime i, for both components.
	sums := func(i int) [2][]uint64 {
		m := b.modulus(t, i)
		out := [2][]uint64{make([]uint64, p.N()), make([]uint64, p.N())}
		for d, wire := range digits {
			a, err := b.keys.ExpandA(galois, d)
			if err != nil {
				t.Fatal(err)
			}
			residues := reduced(wire, m.Value())
			addTo(m, out[0], mulPoly(t, m, key.B[d].Limbs[i], residues))
			addTo(m, out[1], mulPoly(t, m, a.Limbs[i], residues))
		}
		return out
	}
	var out [2]fhe.Poly
	for c := range out {
		wire := find(t, r, step, fhe.WireModDown, c)
		if largest(wire).Cmp(special) > 0 {
			t.Errorf("level %d: remainder %d exceeds P", level, c)
		}
		for i := range p.PCount() {
			at := p.QCount() + i
			if !slices.Equal(sums(at)[c], reduced(wire, p.P(i))) {
				t.Errorf("level %d: remainder %d is wrong modulo special prime %d", level, c, i)
			}
		}
		out[c] = fhe.NewPoly(p.N(), level+1)
		for i, limb := range out[c].Limbs {
			m := b.modulus(t, i)
			inverse, err := m.Inv(reduced([]*big.Int{special}, m.Value())[0])
			if err != nil {
				t.Fatal(err)
			}
			acc, e := sums(i)[c], reduced(wire, m.Value())
			for j := range limb {
				limb[j] = m.Mul(m.Sub(acc[j], e[j]), inverse)
			}
		}
	}
	return out
}

// TestRecordedRotations checks the identities of rotations with digits of their own and
// with shared ones.
func TestRecordedRotations(t *testing.T) {
	for _, p := range recordShapes(t) {
		b := newBench(t, p, 1, 2)
		for level := range p.QCount() {
			m := newPlan(p)
			in := m.Input(level, halfBits)
			g, h := p.GaloisElement(1), p.GaloisElement(2)
			m.Output(m.Do(fhe.Step{Op: fhe.StepRotate, A: in, B: fhe.NoReg, Galois: g}))
			digits := m.Do(fhe.Step{Op: fhe.StepDecompose, A: in})
			m.Output(m.Do(fhe.Step{Op: fhe.StepRotate, A: in, B: digits, Galois: g}))
			m.Output(m.Do(fhe.Step{Op: fhe.StepRotate, A: in, B: digits, Galois: h}))
			x := b.uniform(t, level, halfBits, 7)
			r := &fhetest.Tape{}
			got := b.execute(t, m, fhe.RunOptions{Recorder: r}, x)
			plain := b.execute(t, m, fhe.RunOptions{}, x)
			if want := 2*p.Digits(level) + 3*2; len(r.Wires) != want {
				t.Errorf("level %d: %d wires instead of %d", level, len(r.Wires), want)
			}
			for i, c := range []struct {
				digitStep, step int
				galois          uint64
			}{{0, 0, g}, {1, 2, g}, {1, 3, h}} {
				out := b.checkSwitch(t, r, c.digitStep, c.step, c.galois, x.C[1])
				for l := range out[0].Limbs {
					addTo(b.modulus(t, l), out[0].Limbs[l], x.C[0].Limbs[l])
				}
				for k := range out {
					for l, limb := range out[k].Limbs {
						turned, err := b.modulus(t, l).Automorphism(limb, c.galois)
						if err != nil {
							t.Fatal(err)
						}
						out[k].Limbs[l] = turned
					}
					if !out[k].Equal(got[i].C[k]) {
						t.Errorf("%s level %d: the wires of rotation %d do not lead to its result",
							shapeName(p), level, i)
					}
					if !plain[i].C[k].Equal(got[i].C[k]) {
						t.Errorf("level %d: recording changed rotation %d", level, i)
					}
				}
			}
		}
	}
}

func shapeName(p *fhe.Params) string {
	return fmt.Sprintf("%d+%d primes", p.QCount(), p.PCount())
}

// TestRecordedProducts checks the identities of a relinearisation and of rescales of degree
// 1 and 2, in coefficient and in transformed form.
func TestRecordedProducts(t *testing.T) {
	for _, p := range recordShapes(t) {
		b := newBench(t, p)
		for level := 1; level < p.QCount(); level++ {
			m := newPlan(p)
			x, y := m.Input(level, halfBits), m.Input(level, halfBits)
			wide := m.Input(level, wideBits)
			tensor := m.Do(fhe.Step{Op: fhe.StepTensor, A: x, B: y}) // 0
			relin := m.Do(fhe.Step{Op: fhe.StepRelin, A: tensor})    // 1
			m.Output(relin)                                          //
			m.Output(m.Do(fhe.Step{Op: fhe.StepRescale, A: relin}))  // 2
			m.Output(m.Do(fhe.Step{Op: fhe.StepRescale, A: wide}))   // 3
			low := m.Do(fhe.Step{Op: fhe.StepRescale, A: tensor})    // 4
			m.Output(m.Do(fhe.Step{Op: fhe.StepRelin, A: low}))      // 5
			cx, cy := b.uniform(t, level, halfBits, 1), b.uniform(t, level, halfBits, 2)
			cw := b.uniform(t, level, wideBits, 3)
			r := &fhetest.Tape{}
			got := b.execute(t, m, fhe.RunOptions{Recorder: r}, cx, cy, cw)
			product := b.tensor(t, cx, cy)
			out := b.checkSwitch(t, r, 1, 1, fhe.RelinElement, product[2])
			b.checkSum(t, "relinearisation", out, product[:2], got[0])
			b.checkRescale(t, r, 2, got[0].C[:], got[1].C[:])
			b.checkRescale(t, r, 3, cw.C[:], got[2].C[:])
			lowered := b.rescaleFrom(t, r, 4, product[:])
			out = b.checkSwitch(t, r, 5, 5, fhe.RelinElement, lowered[2])
			b.checkSum(t, "late relinearisation", out, lowered[:2], got[3])
		}
	}
}

// tensor is the schoolbook tensor product.
func (b *bench) tensor(t *testing.T, x, y fhe.Ciphertext) [3]fhe.Poly {
	t.Helper()
	var out [3]fhe.Poly
	for c := range out {
		out[c] = fhe.NewPoly(b.params.N(), x.Level+1)
	}
	for i := range x.C {
		for j := range y.C {
			for l, limb := range out[i+j].Limbs {
				m := b.modulus(t, l)
				addTo(m, limb, mulPoly(t, m, x.C[i].Limbs[l], y.C[j].Limbs[l]))
			}
		}
	}
	return out
}

// checkSum asserts that a + b is the result.
func (b *bench) checkSum(t *testing.T, what string, x [2]fhe.Poly, y []fhe.Poly,
	got fhe.Ciphertext,
) {
	t.Helper()
	for c := range x {
		for l, limb := range x[c].Limbs {
			addTo(b.modulus(t, l), limb, y[c].Limbs[l])
		}
		if !x[c].Equal(got.C[c]) {
			t.Errorf("%s at level %d: the wires do not lead to component %d", what, got.Level, c)
		}
	}
}

// rescaleFrom checks the remainders of a rescale and returns what they lead to.
func (b *bench) rescaleFrom(t *testing.T, r *fhetest.Tape, step int, in []fhe.Poly) []fhe.Poly {
	t.Helper()
	out := make([]fhe.Poly, len(in))
	for c, p := range in {
		top := len(p.Limbs) - 1
		q := b.params.Q(top)
		wire := find(t, r, step, fhe.WireRescale, c)
		if largest(wire).Cmp(new(big.Int).SetUint64(q/2)) > 0 {
			t.Errorf("step %d: remainder %d is not centred", step, c)
		}
		if !slices.Equal(reduced(wire, q), p.Limbs[top]) {
			t.Errorf("step %d: remainder %d is not the operand modulo the last prime", step, c)
		}
		out[c] = fhe.NewPoly(b.params.N(), top)
		for l, limb := range out[c].Limbs {
			m := b.modulus(t, l)
			inverse, err := m.Inv(q)
			if err != nil {
				t.Fatal(err)
			}
			e := reduced(wire, m.Value())
			for j := range limb {
				limb[j] = m.Mul(m.Sub(p.Limbs[l][j], e[j]), inverse)
			}
		}
	}
	return out
}

func (b *bench) checkRescale(t *testing.T, r *fhetest.Tape, step int, in, got []fhe.Poly) {
	t.Helper()
	basis, err := rns.NewBasis(b.params.Moduli(len(in[0].Limbs) - 1))
	if err != nil {
		t.Fatal(err)
	}
	for c, want := range b.rescaleFrom(t, r, step, in) {
		exact, err := basis.DivRoundByLast(in[c].Limbs, 1)
		if err != nil {
			t.Fatal(err)
		}
		if !want.Equal(got[c]) || !want.Equal(fhe.Poly{Limbs: exact}) {
			t.Errorf("step %d: the wires do not lead to component %d", step, c)
		}
	}
}

// stopper is a recorder that fails at its n-th call.
type stopper struct{ left int }

var errStop = errors.New("stop")

func (s *stopper) Record(fhe.Wire) error {
	if s.left--; s.left < 0 {
		return errStop
	}
	return nil
}

func TestRecorderEndsTheRun(t *testing.T) {
	p := shaped(t, 5, 4, 1)
	b := newBench(t, p, 1)
	m := newPlan(p)
	in := m.Input(3, wideBits)
	m.Output(m.Do(fhe.Step{Op: fhe.StepRescale, A: m.Do(fhe.Step{
		Op: fhe.StepRotate, A: in, B: fhe.NoReg, Galois: 5,
	})}))
	plan := b.load(t, m)
	x := []fhe.Ciphertext{b.uniform(t, 3, wideBits, 1)}
	for n := range 8 {
		_, err := fhe.Execute(context.Background(), plan, b.loaded, x,
			fhe.RunOptions{Recorder: &stopper{left: n}})
		if !errors.Is(err, errStop) {
			t.Errorf("after %d wires: %v", n, err)
		}
	}
	_, err := fhe.Execute(context.Background(), plan, b.loaded, x,
		fhe.RunOptions{Recorder: &stopper{left: 8}})
	if err != nil {
		t.Errorf("4 digits and 4 remainders: %v", err)
	}
}
