package lattigo_test

import (
	"testing"

	"github.com/tuneinsight/lattigo/v5/core/rlwe"
	"github.com/tuneinsight/lattigo/v5/schemes/ckks"

	"github.com/cerberus-host/cerberus/fhe"
)

// shapes are parameter sets with digits of one, two, three and four primes, the last digit
// full or not.
func shapes(t testing.TB) map[string]*fhe.Params {
	t.Helper()
	return map[string]*fhe.Params{
		"alpha 1": named(t, "insecure-10-4"), "alpha 2": named(t, "insecure-10-8"),
		"alpha 3": shaped(t, 10, 8, 3), "alpha 4, one digit": shaped(t, 9, 4, 4),
		"alpha 4": shaped(t, 10, 10, 4), "no level": shaped(t, 6, 1, 1),
	}
}

// Scales such that a product of two fits the first prime, and that one can be rescaled.
const (
	halfBits = 22
	wideBits = 43
)

// TestStepsEqualLattigo runs every kind of step on uniform operands with edge residues, at
// every level, and compares bytes with Lattigo's own evaluator.
func TestStepsEqualLattigo(t *testing.T) {
	for name, p := range shapes(t) {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, p, 1, -3)
			for level := range p.QCount() {
				b.compareLevel(t, level)
			}
		})
	}
}

// compareLevel compares all operations at one level, from fresh inputs, which are in
// coefficient form, and from transformed ones.
func (b *bench) compareLevel(t *testing.T, level int) {
	t.Helper()
	p := b.params
	x, y := b.uniform(t, level, halfBits, 1), b.uniform(t, level, halfBits, 2)
	lx, ly := b.toLattigo(x), b.toLattigo(y)
	must := func(ct *rlwe.Ciphertext, err error) *rlwe.Ciphertext {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return ct
	}
	var want []*rlwe.Ciphertext
	m := newPlan(p)
	a, c := m.Input(level, halfBits), m.Input(level, halfBits)
	add := func(r fhe.Reg, ct *rlwe.Ciphertext) fhe.Reg {
		m.Output(r)
		want = append(want, ct)
		return r
	}
	add(m.Do(fhe.Step{Op: fhe.StepAdd, A: a, B: c}), must(b.eval.AddNew(lx, ly)))
	add(m.Do(fhe.Step{Op: fhe.StepSub, A: a, B: c}), must(b.eval.SubNew(lx, ly)))
	g, h := p.GaloisElement(1), p.GaloisElement(-3)
	rotated := must(b.eval.RotateNew(lx, 1))
	add(m.Do(fhe.Step{Op: fhe.StepRotate, A: a, B: fhe.NoReg, Galois: g}), rotated)
	digits := m.Do(fhe.Step{Op: fhe.StepDecompose, A: a})
	hoisted := map[int]*rlwe.Ciphertext{
		1: ckks.NewCiphertext(b.ckks, 1, level), -3: ckks.NewCiphertext(b.ckks, 1, level),
	}
	if err := b.eval.RotateHoisted(lx, []int{1, -3}, hoisted); err != nil {
		t.Fatal(err)
	}
	add(m.Do(fhe.Step{Op: fhe.StepRotate, A: a, B: digits, Galois: g}), hoisted[1])
	add(m.Do(fhe.Step{Op: fhe.StepRotate, A: a, B: digits, Galois: h}), hoisted[-3])
	tensor := m.Do(fhe.Step{Op: fhe.StepTensor, A: a, B: c})
	product := must(b.eval.MulRelinNew(lx, ly))
	relin := add(m.Do(fhe.Step{Op: fhe.StepRelin, A: tensor}), product)
	square := m.Do(fhe.Step{Op: fhe.StepTensor, A: c, B: c})
	add(m.Do(fhe.Step{Op: fhe.StepRelin, A: square}), must(b.eval.MulRelinNew(ly, ly)))
	in := []fhe.Ciphertext{x, y}
	if level > 0 {
		wide := m.Input(level, wideBits)
		in = append(in, b.uniform(t, level, wideBits, 1))
		// Rescales of a fresh input, of a transformed product, and before relinearisation.
		add(m.Do(fhe.Step{Op: fhe.StepRescale, A: wide}), b.rescaled(t, lx))
		down := m.Do(fhe.Step{Op: fhe.StepRescale, A: relin})
		add(down, b.rescaled(t, product))
		add(m.Do(fhe.Step{Op: fhe.StepRelin, A: m.Do(fhe.Step{
			Op: fhe.StepTensor, A: down, B: down,
		})}), must(b.eval.MulRelinNew(b.rescaled(t, product), b.rescaled(t, product))))
		early := m.Do(fhe.Step{Op: fhe.StepRescale, A: tensor})
		degree2 := must(b.eval.MulNew(lx, ly))
		add(m.Do(fhe.Step{Op: fhe.StepRelin, A: early}),
			must(b.eval.RelinearizeNew(b.rescaled(t, degree2))))
		low := lx.CopyNew()
		b.eval.DropLevel(low, level)
		add(m.Do(fhe.Step{Op: fhe.StepDrop, A: a, Level: 0}), low)
	}
	for i, got := range b.execute(t, m, fhe.RunOptions{}, in...) {
		b.sameAs(t, m.Plan.Outputs[i].Name, got, want[i])
	}
}

// rescaled divides by the last prime, whatever the scale.
func (b *bench) rescaled(t *testing.T, ct *rlwe.Ciphertext) *rlwe.Ciphertext {
	t.Helper()
	out := ckks.NewCiphertext(b.ckks, ct.Degree(), ct.Level())
	in := ct.CopyNew()
	in.Scale = b.ckks.DefaultScale().Mul(rlwe.NewScale(b.params.Q(ct.Level())))
	if err := b.eval.Rescale(in, out); err != nil {
		t.Fatal(err)
	}
	if out.Level() != ct.Level()-1 {
		t.Fatalf("Lattigo rescaled from level %d to %d", ct.Level(), out.Level())
	}
	return out
}
