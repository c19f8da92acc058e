package squeeze_test

import (
	"errors"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/cerberus-host/cerberus/abi"
	"github.com/cerberus-host/cerberus/fhe"
	"github.com/cerberus-host/cerberus/fhe/encode"
	"github.com/cerberus-host/cerberus/fhe/squeeze"
)

// generator records random Programs whose values stay small, so that results fit q_0.
type generator struct {
	recorder
	rng *rand.Rand
	// bound is a bound of the absolute value of each encrypted slot node.
	nodes []fhe.NodeID
	bound map[fhe.NodeID]float64
}

const (
	genFrac  = 20
	genBound = 4.0
)

// vector returns n fixed-point numbers of absolute value up to most.
func (g *generator) vector(n int, most float64) fhe.NodeID {
	values := make([]int64, n)
	for i := range values {
		values[i] = int64((2*g.rng.Float64() - 1) * most * (1 << genFrac))
		if g.rng.IntN(8) == 0 {
			values[i] = 0
		}
	}
	return g.constant(genFrac, values...)
}

// step adds one random node; it may also do nothing.
func (g *generator) step() {
	a := g.nodes[g.rng.IntN(len(g.nodes))]
	b := g.nodes[g.rng.IntN(len(g.nodes))]
	t, _ := g.b.Type(a)
	u, _ := g.b.Type(b)
	var id fhe.NodeID
	var err error
	bound := g.bound[a]
	n := t.Length
	switch g.rng.IntN(13) {
	case 0, 1, 2:
		if bound += g.bound[b]; t.Length != u.Length || bound > genBound {
			return
		}
		if g.rng.IntN(2) == 0 {
			id, err = g.b.Add(a, b)
		} else {
			id, err = g.b.Sub(a, b)
		}
	case 3, 4:
		if bound *= g.bound[b]; t.Length != u.Length || bound > genBound {
			return
		}
		id, err = g.b.Mul(a, b)
	case 5:
		id, err = g.b.MulPlain(a, g.vector(n, 1))
	case 6:
		if bound++; bound > genBound {
			return
		}
		switch g.rng.IntN(3) {
		case 0:
			id, err = g.b.Sub(g.vector(n, 1), a)
		case 1:
			id, err = g.b.Sub(a, g.vector(n, 1))
		default:
			id, err = g.b.Add(a, g.vector(n, 1))
		}
	case 7:
		id, err = g.b.Neg(a)
	case 8:
		id, err = g.b.Rotate(a, g.rng.IntN(2*t.Period()+1)-t.Period())
	case 9:
		if bound *= float64(n); bound > genBound {
			id, err = g.b.Dot(a, g.vector(n, 1/bound))
			bound = 1
		} else {
			id, err = g.b.Sum(a)
		}
	case 10:
		rows := 1 + g.rng.IntN(40)
		id, err = g.b.MatVec(g.vector(rows*n, 1/float64(n)), a, rows, n)
	case 11:
		degree := 1 + g.rng.IntN(9)
		size := float64(degree+1) * max(1, math.Pow(bound, float64(degree)))
		id, err = g.b.Poly(a, g.vector(degree+1, genBound/size))
		bound = genBound
	case 12:
		degree := 1 + g.rng.IntN(9)
		id, err = g.b.Chebyshev(a, g.vector(degree+1, genBound/float64(degree+1)), -5, 6, 0)
		bound = genBound
	}
	if errors.Is(err, fhe.ErrDepth) {
		return
	}
	g.nodes = append(g.nodes, g.id(id, err))
	g.bound[id] = bound
}

func randomProgram(t testing.TB, seed uint64) *fhe.Program {
	t.Helper()
	g := &generator{
		recorder: record(t, "insecure-10-8"), rng: rand.New(rand.NewPCG(seed, 1)),
		bound: make(map[fhe.NodeID]float64),
	}
	length := 1 + g.rng.IntN(20)
	for _, name := range []string{"x", "y"} {
		id := g.input(abi.Input{Name: name, Packing: abi.PackSlots, Length: length, Bound: 1})
		g.nodes = append(g.nodes, id)
		g.bound[id] = 1
	}
	for range 4 + g.rng.IntN(12) {
		g.step()
	}
	g.output("last", g.nodes[len(g.nodes)-1])
	g.output("other", g.nodes[g.rng.IntN(len(g.nodes))])
	return g.finish()
}

func randomInputs(plan *fhe.Plan, seed uint64) map[string][]float64 {
	rng := rand.New(rand.NewPCG(seed, 2))
	inputs := make(map[string][]float64)
	for _, in := range plan.Inputs {
		v := make([]float64, in.Length)
		for i := range v {
			v[i] = 2*rng.Float64() - 1
		}
		inputs[in.Name] = v
	}
	return inputs
}

// TestRandomPrograms holds compiled random Programs to the clear twin. A step's rounding is
// at most 2^-31 of a value at scale 2^40 and degree 2^10; eight levels with values up to 8
// and polynomials up to degree 9 leave 2^-20.
func TestRandomPrograms(t *testing.T) {
	const count = 120
	tooDeep := 0
	for seed := range uint64(count) {
		prog := randomProgram(t, seed)
		back, err := fhe.ParseProgram(prog.Text())
		if err != nil || back.Digest() != prog.Digest() {
			t.Fatalf("seed %d: text does not parse back: %v", seed, err)
		}
		c, err := squeeze.Compile(prog, fhe.Model{}, encode.New())
		if errors.Is(err, fhe.ErrDepth) {
			tooDeep++
			continue
		}
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		if plan, err := fhe.ParsePlan(c.Plan.Text()); err != nil ||
			plan.Digest() != c.Plan.Digest() {
			t.Fatalf("seed %d: Plan does not parse back: %v", seed, err)
		}
		inputs := randomInputs(c.Plan, seed)
		want, err := fhe.EvalClear(prog, fhe.Model{}, inputs)
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		got := newShadow(t, prog.Params).run(t, c, inputs)
		checkOutputs(t, c.Plan, got, want, math.Ldexp(1, -20))
		if t.Failed() {
			t.Fatalf("seed %d:\n%s", seed, prog.Text())
		}
	}
	if tooDeep > count/2 {
		t.Errorf("%d of %d Programs were too deep to test anything", tooDeep, count)
	}
	t.Logf("%d of %d too deep", tooDeep, count)
}

// TestRandomCoefficients does the same for coefficient packing: random sums of inputs and
// constants, inner products with few and with many fractional bits, and sums of these.
func TestRandomCoefficients(t *testing.T) {
	for seed := range uint64(40) {
		rng := rand.New(rand.NewPCG(seed, 3))
		r := record(t, "insecure-10-4")
		n := 1 + rng.IntN(2500)
		vectors := []fhe.NodeID{
			r.coeffs("x", n, 20), r.coeffs("y", n, 18+rng.IntN(4)),
		}
		pick := func() fhe.NodeID { return vectors[rng.IntN(len(vectors))] }
		for range 4 {
			var next fhe.NodeID
			switch rng.IntN(4) {
			case 0:
				next = r.id(r.b.Add(pick(), pick()))
			case 1:
				next = r.id(r.b.Neg(pick()))
			case 2:
				next = r.id(r.b.Sub(pick(), pick()))
			default:
				next = r.id(r.b.Sub(pick(), r.constant(8, pattern(n, int(seed))...)))
			}
			vectors = append(vectors, next)
		}
		var total fhe.NodeID
		for i := range 3 {
			// Of the fractional bits, extra are zeros; 40 and more make a rescale.
			extra := []int{0, 3, 44}[rng.IntN(3)]
			c := pattern(n, i)
			for k := range c {
				c[k] = c[k] / 32 << extra
			}
			score := r.id(r.b.Dot(pick(), r.constant(8+extra, c...)))
			if i == 0 {
				total = score
			} else {
				total = r.id(r.b.Sub(total, score))
			}
		}
		total = r.id(r.b.Dot(total, r.constant(3, 5)))
		r.output("total", total)
		prog := r.finish()
		// Up to 2500 terms, inputs off by up to 2^-19, constants below 2^-6, all tripled and
		// more by sums.
		compute(t, prog, 0x1p-8)
		if t.Failed() {
			t.Fatalf("seed %d:\n%s", seed, prog.Text())
		}
	}
}
