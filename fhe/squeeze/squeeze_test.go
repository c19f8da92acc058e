package squeeze_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/cerberus-host/cerberus/abi"
	"github.com/cerberus-host/cerberus/fhe"
	"github.com/cerberus-host/cerberus/fhe/encode"
	"github.com/cerberus-host/cerberus/fhe/squeeze"
)

func compile(t testing.TB, prog *fhe.Program) *fhe.Compiled {
	t.Helper()
	c, err := squeeze.Compile(prog, fhe.Model{}, encode.New())
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// compute runs a Program on inputs and compares with the clear twin.
func compute(t testing.TB, prog *fhe.Program, tolerance float64) *fhe.Plan {
	t.Helper()
	c := compile(t, prog)
	inputs := randomInputs(c.Plan, 7)
	want, err := fhe.EvalClear(prog, fhe.Model{}, inputs)
	if err != nil {
		t.Fatal(err)
	}
	got := newShadow(t, prog.Params).run(t, c, inputs)
	checkOutputs(t, c.Plan, got, want, tolerance)
	return c.Plan
}

func TestMatVecShapes(t *testing.T) {
	sizes := []int{1, 2, 3, 4, 7, 16, 21}
	for _, rows := range sizes {
		for _, cols := range sizes {
			t.Run(fmt.Sprintf("%dx%d", rows, cols), func(t *testing.T) {
				r := record(t, "insecure-10-4")
				x := r.slots("x", cols)
				m := r.constant(12, pattern(rows*cols, rows*64+cols)...)
				r.output("y", r.id(r.b.MatVec(m, x, rows, cols)))
				plan := compute(t, r.finish(), math.Ldexp(1, -24))
				cost := plan.Cost()
				rp, cp := fhe.VectorType{Length: rows}.Period(), fhe.VectorType{Length: cols}.Period()
				most := rotationsOf(min(rp, cp))
				for p := rp; p < cp; p *= 2 {
					most++
				}
				if cost.Rotations > most || cost.MulConsts > min(rp, cp) || cost.Depth != 1 {
					t.Errorf("%+v, more than %d rotations", cost, most)
				}
			})
		}
	}
}

// rotationsOf is the number of rotations that baby and giant steps over d diagonals take.
func rotationsOf(d int) int {
	baby := 1
	for baby*baby < d {
		baby *= 2
	}
	return baby - 1 + d/baby - 1
}

func TestSparseMatrices(t *testing.T) {
	const n = 16
	identity := make([]int64, n*n)
	for i := range n {
		identity[i*n+i] = int64(i) - 7
	}
	for name, m := range map[string][]int64{"diagonal": identity, "zero": make([]int64, n*n)} {
		t.Run(name, func(t *testing.T) {
			r := record(t, "insecure-10-4")
			r.output("y", r.id(r.b.MatVec(r.constant(4, m...), r.slots("x", n), n, n)))
			cost := compute(t, r.finish(), math.Ldexp(1, -24)).Cost()
			if cost.MulConsts != 1 || cost.Rotations > 1 {
				t.Errorf("zero diagonals were multiplied: %+v", cost)
			}
		})
	}
}

func TestPolynomialDepth(t *testing.T) {
	for degree := 1; degree <= abi.PolyDegreeMax; degree++ {
		for _, monic := range []bool{false, true} {
			depth := 0
			for 1<<depth < degree+1 {
				depth++
			}
			if monic && degree&(degree-1) == 0 {
				depth--
			}
			c := pattern(degree+1, degree)
			for i := range c {
				c[i] |= 1 // no zero coefficients
			}
			c[degree] = 3
			if monic {
				c[degree] = 1 << 9
			}
			for _, chebyshev := range []bool{false, true} {
				t.Run(fmt.Sprintf("%d/%t/%t", degree, monic, chebyshev), func(t *testing.T) {
					r := record(t, "insecure-10-8")
					x := r.slots("x", 3)
					if chebyshev {
						r.output("y", r.id(r.b.Chebyshev(x, r.constant(9, c...), -4, 4, 2)))
					} else {
						r.output("y", r.id(r.b.Poly(x, r.constant(9, c...))))
					}
					var cost fhe.PlanCost
					if degree < 10 || degree%9 == 0 {
						cost = compute(t, r.finish(), math.Ldexp(1, -18)).Cost()
					} else {
						cost = compile(t, r.finish()).Plan.Cost()
					}
					if cost.Depth != depth {
						t.Errorf("depth %d instead of %d", cost.Depth, depth)
					}
					// Paterson and Stockmeyer: about 2 sqrt(d) and log2(d) for the depth.
					if most := 2*int(math.Sqrt(float64(degree))) + depth; cost.Tensors > most {
						t.Errorf("%d products, more than %d", cost.Tensors, most)
					}
				})
			}
		}
	}
}

func TestDegeneratePolynomials(t *testing.T) {
	for _, c := range [][]int64{{0, 0}, {5, 0}, {0, 8}, {3, -8}, {0, 0, -8}, {1, 0, 0, 0, 8, 0}} {
		r := record(t, "insecure-10-8")
		x := r.slots("x", 3)
		r.output("p", r.id(r.b.Poly(x, r.constant(3, c...))))
		r.output("t", r.id(r.b.Chebyshev(x, r.constant(3, c...), -1, 1, 0)))
		r.output("u", r.id(r.b.Chebyshev(x, r.constant(3, c...), -7, 9, 3)))
		plan := compute(t, r.finish(), math.Ldexp(1, -22))
		if n := plan.Cost().MulConsts; n != 0 {
			t.Errorf("%v: %d products with constants; 1, -1 and 0 need none", c, n)
		}
	}
}

// TestMonicQuadratic pins what a hidden layer relies on: matrix, activation and inner
// product fit three levels.
func TestMonicQuadratic(t *testing.T) {
	r := record(t, "ckks-13")
	h := r.id(r.b.MatVec(r.constant(10, pattern(8*13, 1)...), r.slots("x", 13), 8, 13))
	byPoly := r.id(r.b.Poly(h, r.constant(4, 7, -9, 16)))
	byHand := r.id(r.b.Mul(h, r.id(r.b.Add(h, r.constant(5, pattern(8, 2)...)))))
	r.output("poly", r.id(r.b.Dot(byPoly, r.constant(9, pattern(8, 3)...))))
	r.output("hand", r.id(r.b.Dot(byHand, r.constant(9, pattern(8, 4)...))))
	plan := compile(t, r.finish()).Plan
	cost := plan.Cost()
	if cost.Depth != 3 || cost.Tensors != 2 || cost.MulConsts != 8+2 {
		t.Errorf("%+v", cost)
	}
	if !plan.Relin || len(plan.Galois) == 0 {
		t.Error("the Plan needs no keys")
	}
}

// TestLinearClassifier pins the cheapest Brain: one limb, no keys, no rescale.
func TestLinearClassifier(t *testing.T) {
	r := record(t, "ckks-13")
	x := r.coeffs("x", 20000, 20)
	r.output("score", r.id(r.b.Dot(x, r.constant(12, pattern(20000, 1)...))))
	c, err := squeeze.CompileWith(r.finish(), fhe.Model{}, encode.New(), squeeze.Options{
		Outputs: []abi.Output{{Name: "score", Length: 1, Bound: 1 << 12}},
	})
	if err != nil {
		t.Fatal(err)
	}
	cost := c.Plan.Cost()
	if in := c.Plan.Inputs[0]; in.Level != 0 || in.Count != 3 ||
		in.Scale != fhe.ScaleOfBits(20) {
		t.Errorf("%+v", in)
	}
	if cost.MulConsts != 3 || cost.Adds != 2 || cost.Rescales != 0 || cost.KeyBytes != 0 ||
		cost.InputBytes > 150_000 || c.Plan.Outputs[0].Scale != fhe.ScaleOfBits(32) {
		t.Errorf("%+v", cost)
	}
}

// refusal is a Program and what is said of it; want nil means that it compiles.
type refusal struct {
	name   string
	record func(r recorder)
	opts   squeeze.Options
	want   error
	says   string
}

func declared(length, bound int) []abi.Output {
	return []abi.Output{{Name: "y", Length: length, Bound: bound}}
}

// optionRefusals are Programs that the options do not go with.
func optionRefusals() []refusal {
	return []refusal{
		{
			"bound of a slot output", func(r recorder) { r.output("y", r.slots("x", 2)) },
			squeeze.Options{Outputs: declared(2, 17)},
			fhe.ErrRange, "46 bits of q_0",
		},
		{
			"largest bound of a slot output", func(r recorder) { r.output("y", r.slots("x", 2)) },
			squeeze.Options{Outputs: declared(2, 16)},
			nil, "",
		},
		{
			"undeclared output", func(r recorder) { r.output("z", r.slots("x", 2)) },
			squeeze.Options{Outputs: declared(2, 1)},
			fhe.ErrName, `"z"`,
		},
		{
			"missing output", func(r recorder) { r.output("y", r.slots("x", 2)) },
			squeeze.Options{Outputs: append(declared(2, 1), abi.Output{Name: "z", Bound: 1})},
			fhe.ErrName, `"z"`,
		},
		{
			"length of an output", func(r recorder) { r.output("y", r.slots("x", 2)) },
			squeeze.Options{Outputs: declared(3, 1)},
			fhe.ErrType, "length 2",
		},
		{
			"unknown pass", func(r recorder) { r.output("y", r.slots("x", 2)) },
			squeeze.Options{Without: []squeeze.Pass{"magic"}},
			fhe.ErrName, "magic",
		},
	}
}

// sizeRefusals are Programs that the modulus has no room for.
func sizeRefusals() []refusal {
	return []refusal{
		{
			"scale of a coefficient output", func(r recorder) {
				r.output("y", r.id(r.b.Dot(r.coeffs("x", 2, 40), r.constant(12, 1, 2))))
			},
			squeeze.Options{},
			fhe.ErrRange, "scale_bits",
		},
		{
			"depth that only the model decides", func(r recorder) {
				x := r.slots("x", 2)
				x = r.id(r.b.Poly(x, r.constant(0, 0, 0, 0, 0, 3)))
				r.output("y", r.id(r.b.Mul(x, x)))
			},
			squeeze.Options{},
			fhe.ErrDepth, "4 times in a row, insecure-10-4 has 3",
		},
		{
			"input beyond the modulus", func(r recorder) {
				x := r.input(abi.Input{
					Name: "x", Packing: abi.PackSlots, Length: 2, Bound: 1 << 8,
				})
				r.output("y", x)
			},
			squeeze.Options{},
			fhe.ErrRange, `input "x" is up to 256 at scale 2^40`,
		},
		{
			"input beyond 64 bits", func(r recorder) {
				x := r.input(abi.Input{
					Name: "x", Packing: abi.PackSlots, Length: 2, Bound: 1 << 21,
				})
				r.output("y", r.id(r.b.MulPlain(x, r.constant(30, 1, 2))))
			},
			squeeze.Options{},
			fhe.ErrRange, "does not fit level 1",
		},
		{
			"negation beyond 64 bits", func(r recorder) {
				r.output("y", r.id(r.b.Sub(r.slots("x", 1), r.constant(60, math.MinInt64))))
			},
			squeeze.Options{},
			fhe.ErrRange, "-2^63",
		},
		{
			"interval too far away", func(r recorder) {
				x := r.slots("x", 1)
				c := r.constant(0, 1, 1)
				r.output("y", r.id(r.b.Chebyshev(x, c, 1<<62, 1<<62+1, 0)))
			},
			squeeze.Options{},
			fhe.ErrRange, "interval",
		},
		{
			"series that divides into too large numbers", func(r recorder) {
				c := []int64{0, 0, 0, 0, 0, math.MaxInt64}
				r.output("y", r.id(r.b.Chebyshev(r.slots("x", 1), r.constant(60, c...), -1, 1, 0)))
			},
			squeeze.Options{},
			fhe.ErrRange, "64 bits",
		},
		{
			"scales of coefficients that are far apart", func(r recorder) {
				x := r.coeffs("x", 1, 1)
				y := r.coeffs("y", 1, 45)
				y = r.id(r.b.Dot(y, r.constant(20, 1)))
				r.output("y", r.id(r.b.Add(x, y)))
			},
			squeeze.Options{},
			fhe.ErrRange, "2^1 and 2^65",
		},
		{
			"addend beyond the modulus", func(r recorder) {
				r.output("y", r.id(r.b.Add(r.slots("x", 2), r.constant(0, 1<<20, 0))))
			},
			squeeze.Options{},
			fhe.ErrRange, "constant 0 at level 0",
		},
	}
}

// scaleRefusals are Programs whose inputs declare unusual scales.
func scaleRefusals() []refusal {
	return []refusal{
		{
			"slot inputs of different scales", func(r recorder) {
				x := r.input(abi.Input{
					Name: "x", Packing: abi.PackSlots, Length: 2, Bound: 1, ScaleBits: 30,
				})
				r.output("y", r.id(r.b.Add(x, r.slots("z", 2))))
			},
			squeeze.Options{},
			fhe.ErrRange, "30 and 40 bits",
		},
		{
			"scale that products destroy", func(r recorder) {
				x := r.input(abi.Input{
					Name: "x", Packing: abi.PackSlots, Length: 2, Bound: 1, ScaleBits: 30,
				})
				r.output("y", r.id(r.b.Mul(x, x)))
			},
			squeeze.Options{},
			fhe.ErrRange, "declare 40",
		},
		{
			"scale that only constants meet", func(r recorder) {
				x := r.input(abi.Input{
					Name: "x", Packing: abi.PackSlots, Length: 2, Bound: 1, ScaleBits: 30,
				})
				r.output("y", r.id(r.b.MulPlain(x, r.constant(3, 1, 2))))
			},
			squeeze.Options{Outputs: declared(2, 1<<14)},
			nil, "",
		},
	}
}

func TestRefusals(t *testing.T) {
	for _, c := range slices.Concat(optionRefusals(), sizeRefusals(), scaleRefusals()) {
		t.Run(c.name, func(t *testing.T) {
			r := record(t, "insecure-10-4")
			c.record(r)
			_, err := squeeze.CompileWith(r.finish(), fhe.Model{}, encode.New(), c.opts)
			if !errors.Is(err, c.want) || (err != nil && !strings.Contains(err.Error(), c.says)) {
				t.Errorf("got %v, want %v saying %q", err, c.want, c.says)
			}
		})
	}
}

// TestConstantsAreLimited shows that a short Program cannot make a compiler fill the memory.
func TestConstantsAreLimited(t *testing.T) {
	r := record(t, "ckks-16")
	x := r.slots("x", 1)
	sum := x
	for i := range 9000 {
		sum = r.id(r.b.Add(sum, r.id(r.b.MulPlain(x, r.constant(20, int64(i))))))
	}
	r.output("y", sum)
	_, err := squeeze.Compile(r.finish(), fhe.Model{}, encode.New())
	if !errors.Is(err, fhe.ErrLimit) {
		t.Errorf("got %v", err)
	}
}

// TestReadsAreLimited names the same long constant again and again.
func TestReadsAreLimited(t *testing.T) {
	const length = abi.VectorLengthMax
	model := fhe.ReadModel(make([]byte, length))
	r := record(t, "ckks-13")
	m := r.id(r.b.Model(fhe.ModelRange{
		Digest: model.Digest(), Type: abi.Int8, Count: length,
	}))
	x := r.coeffs("x", length, 20)
	y := x
	sum := r.id(r.b.Dot(x, m))
	for range 1 << 28 / length {
		y = r.id(r.b.Add(x, y))
		sum = r.id(r.b.Add(sum, r.id(r.b.Dot(y, m))))
	}
	r.output("sum", sum)
	_, err := squeeze.Compile(r.finish(), model, encode.New())
	if !errors.Is(err, fhe.ErrLimit) || !strings.Contains(err.Error(), "numbers") {
		t.Errorf("got %v", err)
	}
}

// TestModelValues compiles the same numbers inline and from a model.
func TestModelValues(t *testing.T) {
	weights := pattern(6*5, 1)
	blob := []byte{0xff}
	for _, w := range weights {
		blob = binary.LittleEndian.AppendUint16(blob, uint16(w))
	}
	model := fhe.ReadModel(blob)
	ref := fhe.ModelRange{
		Digest: model.Digest(), Type: abi.Int16, Offset: 1, Count: len(weights), Frac: 7,
	}
	plans := make([]*fhe.Compiled, 2)
	for i := range plans {
		r := record(t, "insecure-10-4")
		x := r.slots("x", 5)
		m := r.constant(7, weights...)
		if i == 1 {
			m = r.id(r.b.Model(ref))
		}
		r.output("y", r.id(r.b.MatVec(m, x, 6, 5)))
		prog := r.finish()
		var err error
		if plans[i], err = squeeze.Compile(prog, model, encode.New()); err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			continue
		}
		if _, err := squeeze.Compile(prog, fhe.ReadModel(blob[1:]), encode.New()); !errors.Is(err,
			fhe.ErrOperand) {
			t.Errorf("another model: %v", err)
		}
	}
	a, b := plans[0].Plan, plans[1].Plan
	if a.Program == b.Program {
		t.Error("a Program must name its model")
	}
	b.Program = a.Program
	if !bytes.Equal(a.Text(), b.Text()) {
		t.Error("Plans differ in more than the Program's digest")
	}
}

// TestDeterminism compiles at once and one after the other, on one processor and several.
func TestDeterminism(t *testing.T) {
	prog := randomProgram(t, 11)
	want := compile(t, prog)
	for _, procs := range []int{1, 4} {
		previous := runtime.GOMAXPROCS(procs)
		enc := encode.New()
		results := make(chan *fhe.Compiled)
		const runs = 6
		for range runs {
			go func() {
				c, err := squeeze.Compile(prog, fhe.Model{}, enc)
				if err != nil {
					t.Error(err)
				}
				results <- c
			}()
		}
		for range runs {
			c := <-results
			if c == nil || c.Plan.Digest() != want.Plan.Digest() {
				t.Error("Plans differ")
				continue
			}
			for i := range c.Encoded {
				if !c.Encoded[i].Equal(want.Encoded[i]) {
					t.Errorf("encoded constant %d differs", i)
				}
			}
		}
		runtime.GOMAXPROCS(previous)
	}
}

// TestEqualNodesAreShared records the same computation twice.
func TestEqualNodesAreShared(t *testing.T) {
	r := record(t, "insecure-10-4")
	x := r.slots("x", 4)
	twice := make([]fhe.NodeID, 2)
	for i := range twice {
		c := r.constant(5, 1, 2, 3, 4)
		y := r.id(r.b.MulPlain(r.id(r.b.Mul(x, r.id(r.b.Rotate(x, 1)))), c))
		twice[i] = r.id(r.b.Add(y, c))
	}
	r.output("y", r.id(r.b.Sub(twice[0], twice[1])))
	cost := compute(t, r.finish(), math.Ldexp(1, -30)).Cost()
	if cost.Tensors != 1 || cost.MulConsts != 1 || cost.Rotations != 1 {
		t.Errorf("%+v", cost)
	}
}

// TestPassesKeepTheResult runs a Plan with and without its passes.
func TestPassesKeepTheResult(t *testing.T) {
	prog := randomProgram(t, 3)
	r := record(t, "insecure-10-4")
	r.output("y", r.id(r.b.MatVec(r.constant(10, pattern(256, 1)...), r.slots("x", 16), 16, 16)))
	for _, prog := range []*fhe.Program{prog, r.finish()} {
		with := compile(t, prog)
		without, err := squeeze.CompileWith(prog, fhe.Model{}, encode.New(),
			squeeze.Options{Without: squeeze.Passes()})
		if err != nil {
			t.Fatal(err)
		}
		if with.Plan.Cost().Rotations != without.Plan.Cost().Rotations {
			t.Error("a pass that shares decompositions changed the rotations")
		}
		inputs := randomInputs(with.Plan, 1)
		s := newShadow(t, prog.Params)
		a, b := s.run(t, with, inputs), s.run(t, without, inputs)
		checkOutputs(t, with.Plan, a, b, math.Ldexp(1, -20))
		if squeeze.Work(with.Plan) > squeeze.Work(without.Plan) {
			t.Error("a pass made the Plan dearer")
		}
	}
}
