package lattigo_test

import (
	"math"
	"math/cmplx"
	"testing"

	"github.com/cerberus-host/cerberus/fhe"
	"github.com/cerberus-host/cerberus/fhe/encode"
	"github.com/cerberus-host/cerberus/fhe/fhetest"
	"github.com/cerberus-host/cerberus/fhe/lattigo"
)

// noiseRun is a Plan of one input and one output with what its slots should hold.
type noiseRun struct {
	plan *fhetest.PlanBuilder
	want []float64
}

// noiseInput draws slot values in [-1, 1].
func noiseInput(p *fhe.Params) []float64 {
	out := make([]float64, p.Slots())
	for i := range out {
		out[i] = math.Sin(float64(3*i + 1))
	}
	return out
}

// measure runs a Plan and returns the largest and the root mean square of its errors, as bits.
func (b *bench) measure(t *testing.T, r noiseRun, values []float64) (worst, rms float64) {
	t.Helper()
	in, err := lattigo.EncryptVector(b.secret, r.plan.Plan.Inputs[0], values, stream(9))
	if err != nil {
		t.Fatal(err)
	}
	out := b.execute(t, r.plan, fhe.RunOptions{}, in...)
	return b.errorBits(t, r, out[0])
}

func (b *bench) errorBits(t *testing.T, r noiseRun, ct fhe.Ciphertext) (worst, rms float64) {
	t.Helper()
	got, err := lattigo.DecryptVector(b.secret, r.plan.Plan.Outputs[0], ct)
	if err != nil {
		t.Fatal(err)
	}
	for i, g := range got {
		d := math.Abs(g - r.want[i])
		worst, rms = max(worst, d), rms+d*d
	}
	return -math.Log2(worst), -math.Log2(rms/float64(len(got))) / 2
}

func noiseOf(t *testing.T, m *fhetest.PlanBuilder) fhe.OutputNoise {
	t.Helper()
	n, err := m.Compiled().Noise()
	if err != nil {
		t.Fatal(err)
	}
	return n.Outputs[0]
}

// noiseRuns has a Plan for every kind of step that adds to the noise.
func (b *bench) noiseRuns(t *testing.T, values []float64) map[string]noiseRun {
	t.Helper()
	p := b.params
	level, bits := p.MaxLevel(), p.ScaleBits()
	runs := map[string]noiseRun{}
	add := func(name string, want func(i int) float64,
		build func(m *fhetest.PlanBuilder, in fhe.Reg) fhe.Reg,
	) {
		r := noiseRun{plan: newPlan(p), want: make([]float64, p.Slots())}
		r.plan.Output(build(r.plan, r.plan.Input(level, bits)))
		for i := range r.want {
			r.want[i] = want(i)
		}
		runs[name] = r
	}
	at := func(i int) float64 { return values[i%len(values)] }
	add("fresh", at, func(m *fhetest.PlanBuilder, in fhe.Reg) fhe.Reg {
		return m.Unary(fhe.StepNeg, m.Unary(fhe.StepNeg, in))
	})
	add("key switch", func(i int) float64 { return at(i + 1) },
		func(m *fhetest.PlanBuilder, in fhe.Reg) fhe.Reg {
			return m.Rotate(in, fhe.NoReg, p.GaloisElement(1))
		})
	add("tensor", func(i int) float64 { return at(i) * at(i) },
		func(m *fhetest.PlanBuilder, in fhe.Reg) fhe.Reg {
			r := m.Unary(fhe.StepRescale, m.Unary(fhe.StepRelin, m.Binary(fhe.StepTensor, in, in)))
			return r
		})
	add("tensor, rescaled first", func(i int) float64 { return at(i) * at(i) },
		func(m *fhetest.PlanBuilder, in fhe.Reg) fhe.Reg {
			return m.Unary(fhe.StepRelin, m.Unary(fhe.StepRescale, m.Binary(fhe.StepTensor, in, in)))
		})
	// A constant of period 4 with one slot that is zero.
	weights := []float64{3, -0.5, 0, 0.125}
	scale := fhe.ScaleOfInt(p.Q(level))
	poly, err := encode.New().Slots(p, level, []int64{24, -4, 0, 1}, 3, 4, scale)
	if err != nil {
		t.Fatal(err)
	}
	add("rescale", func(i int) float64 { return at(i) * weights[i%4] },
		func(m *fhetest.PlanBuilder, in fhe.Reg) fhe.Reg {
			k := constant(t, m, poly, scale)
			m.Plan.Constants[k].Period, m.Plan.Constants[k].Frac = 4, 3
			return m.Unary(fhe.StepRescale, m.Do(fhe.Step{Op: fhe.StepMulConst, A: in, Const: k}))
		})
	add("rotations of rotations", func(i int) float64 { return at(i) + 2*at(i+1) + at(i+2) },
		func(m *fhetest.PlanBuilder, in fhe.Reg) fhe.Reg {
			for range 2 {
				in = m.Binary(fhe.StepAdd, in, m.Rotate(in, fhe.NoReg, p.GaloisElement(1)))
			}
			return in
		})
	return runs
}

// TestNoiseIsMeasured compares the noise that is computed with what decryption shows.
func TestNoiseIsMeasured(t *testing.T) {
	for _, p := range []*fhe.Params{
		named(t, "insecure-10-4"), named(t, "insecure-10-8"), shaped(t, 11, 6, 3),
		named(t, "ckks-13"),
	} {
		b := newBench(t, p, 1)
		values := noiseInput(p)
		for name, r := range b.noiseRuns(t, values) {
			worst, rms := b.measure(t, r, values)
			n := noiseOf(t, r.plan)
			t.Logf("%s, %s: measured 2^%.1f, rms 2^%.1f; honest 2^%d, proven 2^%d", shapeName(p),
				name, -worst, -rms, -n.HonestBits, -n.ProvenBits)
			if worst < float64(n.ProvenBits) {
				t.Errorf("%s, %s: the error exceeds what is proven", shapeName(p), name)
			}
			// The estimate is of a slot's absolute value, of which decryption shows the real
			// part; digits count as twice as large as they mostly are.
			if gap := rms - float64(n.HonestBits); gap < -0.1 || gap > 4 {
				t.Errorf("%s, %s: the honest estimate is off by %.1f bits", shapeName(p), name, gap)
			}
		}
	}
}

// aligned returns an integer polynomial of norm at most factor*sqrt(N) whose embeddings at
// slot 0 is as large as that allows.
func aligned(n int, factor float64) []int64 {
	z, norm := make([]int64, n), 0.0
	for i := range z {
		z[i] = int64(math.Round(factor * math.Sqrt2 * math.Cos(math.Pi*float64(i)/float64(n))))
		norm += float64(z[i] * z[i])
	}
	for i := range z {
		if norm > factor*factor*float64(n) && z[i] != 0 { // rounding made it too long
			norm -= float64(2*max(z[i], -z[i]) - 1)
			z[i] -= max(-1, min(1, z[i]))
		}
	}
	return z
}

// secretAt returns the value of the secret at the root of a slot.
func (b *bench) secretAt(n, slot int) complex128 {
	raw := b.secret.Bytes()
	raw = raw[len(raw)-n/4:]
	power := 1
	for range slot {
		power = power * 5 % (2 * n)
	}
	sum := complex(0, 0)
	for i := range n {
		code := raw[i/4] >> (2 * (i % 4)) & 3
		root := cmplx.Rect(1, math.Pi*float64(power*i%(2*n))/float64(n))
		sum += []complex128{0, root, -root}[code]
	}
	return sum
}

// turnTo returns z under X -> X^(1/g), so that what z did in slot 0 happens in the slot of g.
func turnTo(z []int64, slot int) []int64 {
	n := len(z)
	inverse := 1
	for range slot {
		inverse = inverse * 5 % (2 * n)
	}
	out := make([]int64, n)
	for i := range z { // out(w^(5^slot)) = z(w): coefficient i*5^-slot
		for k := range 2 {
			j := (i + k*n) % (2 * n)
			if at := modInverse(inverse, 2*n) * j % (2 * n); at < n {
				out[at] = z[i]
				if k == 1 {
					out[at] = -z[i]
				}
			}
		}
	}
	return out
}

func modInverse(a, powerOfTwo int) int {
	x := 1
	for a*x%powerOfTwo != 1 {
		x = x * (2 - a*x%powerOfTwo + powerOfTwo) % powerOfTwo
	}
	return x
}

// TestProvenNoiseCoversAttacks adds to a remainder e the polynomial q*z that the projections
// leave room for, of the shape that moves one slot most, so that the output moves by -z.
func TestProvenNoiseCoversAttacks(t *testing.T) {
	for _, p := range []*fhe.Params{named(t, "insecure-10-4"), named(t, "ckks-13")} {
		b, n := newBench(t, p, 1), p.N()
		values := noiseInput(p)
		// The slot where the secret is largest; the node would have to guess it.
		slot, most := 0, 0.0
		for i := range min(64, p.Slots()) {
			if s := math.Abs(real(b.secretAt(n, i))); s > most {
				slot, most = i, s
			}
		}
		runs := b.noiseRuns(t, values)
		for name, factor := range map[string]float64{"rescale": 1.79, "key switch": 2.5} {
			r := runs[name]
			in, err := lattigo.EncryptVector(b.secret, r.plan.Plan.Inputs[0], values, stream(9))
			if err != nil {
				t.Fatal(err)
			}
			ct := b.execute(t, r.plan, fhe.RunOptions{}, in...)[0]
			honest, _ := b.errorBits(t, r, ct)
			z := turnTo(aligned(n, factor), slot)
			for c := range ct.C {
				for l, limb := range ct.C[c].Limbs {
					q := int64(p.Q(l))
					for i := range limb {
						limb[i] = uint64(((int64(limb[i])-z[i])%q + q) % q)
					}
				}
			}
			attacked, _ := b.errorBits(t, r, ct)
			proven := noiseOf(t, r.plan).ProvenBits
			t.Logf("N = %d, %s: honest 2^%.1f, attacked 2^%.1f, proven 2^%d", n, name, -honest,
				-attacked, -proven)
			if attacked < float64(proven) {
				t.Errorf("N = %d, %s: an attack exceeds the proven noise", n, name)
			}
			if honest-attacked < 4 {
				t.Errorf("N = %d, %s: the attack does nothing, which proves nothing", n, name)
			}
			if attacked-float64(proven) > 6 {
				t.Errorf("N = %d, %s: the bound is %.1f bits beyond the attack", n, name,
					attacked-float64(proven))
			}
		}
	}
}
