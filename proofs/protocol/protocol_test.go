package protocol_test

import (
	"bytes"
	"crypto/sha3"
	"fmt"
	"math"
	"math/big"
	"slices"
	"testing"

	"github.com/consensys/gnark-crypto/ecc/bn254"
	"github.com/consensys/gnark-crypto/ecc/bn254/fr"

	"github.com/cerberus-host/cerberus/abi"
	"github.com/cerberus-host/cerberus/fhe"
	"github.com/cerberus-host/cerberus/fhe/fhetest"
	"github.com/cerberus-host/cerberus/fhe/rns"
	"github.com/cerberus-host/cerberus/proofs/identity"
	"github.com/cerberus-host/cerberus/proofs/protocol"
)

// smallShape is the shape of the proofs of a product, its rescale and rotations, with vectors
// of size elements on a ring of degree 16.
func smallShape(t testing.TB, size int, o identity.Options) *protocol.Shape {
	t.Helper()
	set, err := rns.GeneratePrimes(rns.PrimeShape{
		LogN: 4, FirstBits: 46, ScaleBits: 40, SpecialBits: 50, QCount: 3, PCount: 1,
	})
	if err != nil {
		t.Fatal(err)
	}
	set.Name = "insecure-shape"
	params, err := fhe.NewParams(set)
	if err != nil {
		t.Fatal(err)
	}
	b := fhetest.NewPlanBuilder(params, abi.PackSlots)
	x := b.Input(params.MaxLevel(), fhetest.HalfBits(params))
	x = b.Unary(fhe.StepRelin, b.Binary(fhe.StepTensor, x, x))
	x = b.Unary(fhe.StepRescale, x)
	for _, galois := range []uint64{5, 25, 29} { // enough identities to be combined
		b.Output(b.Rotate(x, fhe.NoReg, galois))
	}
	s, err := identity.Build(b.Plan, o)
	if err != nil {
		t.Fatal(err)
	}
	sh, err := protocol.NewShape(s, size, 32*size)
	if err != nil {
		t.Fatal(err)
	}
	return sh
}

// scalars returns n field elements that follow from a seed.
func scalars(n int, seed uint64) []fr.Element {
	t := protocol.NewTranscript("test")
	out := make([]fr.Element, n)
	for i := range out {
		out[i] = t.Scalar(fmt.Sprint(seed))
	}
	return out
}

func element(x int64) fr.Element {
	var out fr.Element
	out.SetInt64(x)
	return out
}

// edges are coefficients at the ends of every range.
func edges(n int) []int64 {
	out := []int64{
		0, 1, -1, math.MaxInt64, math.MinInt64, math.MinInt64 + 1, 1 << 60, -(1 << 60), 1 << 32,
		-(1 << 32), 1<<32 - 1, -(1<<32 - 1), 1 << 31, -(1 << 31),
	}
	return append(out, randomCoeffs(n-len(out), 1<<50)...)
}

// TestSums: sums that are not reduced until the end are those of the field.
func TestSums(t *testing.T) {
	y, w := scalars(64, 1), edges(64)
	y[3].SetOne().Neg(&y[3]) // the largest
	var want fr.Element
	for i := range w {
		x := element(w[i])
		x.Mul(&x, &y[i])
		want.Add(&want, &x)
	}
	if got := protocol.NewEvaluator(y).Eval(w); !got.Equal(&want) {
		t.Error("evaluation differs")
	}
	folder := protocol.NewFolder(len(w))
	for k := range 40 {
		folder.Add(&y[k], w)
		slices.Reverse(w)
	}
	got := make([]fr.Element, len(w))
	folder.Sum(got)
	for i := range got {
		var want fr.Element
		for k := range 40 {
			x := element(w[i])
			if k%2 == 1 {
				x = element(w[len(w)-1-i])
			}
			x.Mul(&x, &y[k])
			want.Add(&want, &x)
		}
		if !got[i].Equal(&want) {
			t.Errorf("sum at %d differs", i)
		}
	}
}

// TestTurned: the inner product with a turned vector is the value of the turned polynomial.
func TestTurned(t *testing.T) {
	gamma := scalars(1, 2)[0]
	powers := protocol.Powers(gamma, 16)
	w := randomCoeffs(16, 1000)
	for galois := uint64(1); galois < 32; galois += 2 {
		turned := make([]int64, 16)
		identity.Rotate(turned, w, galois)
		want := protocol.NewEvaluator(powers).Eval(turned)
		got := protocol.NewEvaluator(protocol.Turned(powers, galois)).Eval(w)
		if !got.Equal(&want) {
			t.Errorf("element %d: another value", galois)
		}
	}
}

// matrix expands a projection's matrix entry by entry.
func matrix(seed [32]byte, n int) [protocol.Rows][]int64 {
	h := sha3.NewSHAKE128()
	_, _ = h.Write([]byte("cerberus/projection/v1"))
	_, _ = h.Write(seed[:])
	var out [protocol.Rows][]int64
	for range n {
		var one, two [32]byte
		_, _ = h.Read(one[:])
		_, _ = h.Read(two[:])
		for row := range out {
			b1, b2 := one[row/8]>>(row%8)&1, two[row/8]>>(row%8)&1
			out[row] = append(out[row], int64(b1)-int64(b2))
		}
	}
	return out
}

// TestProjection: projecting and its transpose are products with one matrix.
func TestProjection(t *testing.T) {
	const n = 32
	seed := [32]byte{1, 2, 3}
	pi := matrix(seed, n)
	p := protocol.NewProjection(seed, n)
	rho := scalars(1, 3)[0]
	powers := protocol.Powers(rho, protocol.Rows)
	u := p.Powers(rho)
	for k := range u {
		var want fr.Element
		for row := range pi {
			x := element(pi[row][k])
			x.Mul(&x, &powers[row])
			want.Add(&want, &x)
		}
		if !u[k].Equal(&want) {
			t.Fatalf("column %d differs", k)
		}
	}
	for name, w := range map[string][]int64{
		"random": randomCoeffs(n, 1<<60), "highest": slices.Repeat([]int64{1 << 60}, n),
		"lowest": slices.Repeat([]int64{-(1 << 60)}, n), "one": append(make([]int64, n-1), -1),
	} {
		rows := p.Projectors(2)[1].Project(w)
		for row := range pi {
			want := new(big.Int)
			for k := range w {
				want.Add(want, new(big.Int).Mul(big.NewInt(pi[row][k]), big.NewInt(w[k])))
			}
			if rows[row].Big().Cmp(want) != 0 {
				t.Errorf("%s, row %d: %s instead of %s", name, row, rows[row].Big(), want)
			}
		}
	}
}

// TestAcceptHonest: wires at their bound are never refused, whatever they look like.
func TestAcceptHonest(t *testing.T) {
	const n, bound = 32, 1<<50 + 1
	alternating := make([]int64, n)
	for i := range alternating {
		alternating[i] = bound * int64(1-2*(i%2))
	}
	for name, w := range map[string][]int64{
		"all equal": slices.Repeat([]int64{bound}, n), "alternating": alternating,
		"one coefficient": append(make([]int64, n-1), -bound), "zero": make([]int64, n),
	} {
		for seed := range 1000 {
			rows := protocol.NewProjection([32]byte{byte(seed), byte(seed >> 8)}, n).
				Projectors(1)[0].Project(w)
			if !protocol.Accept(&rows, n, bound) {
				t.Errorf("%s: refused with seed %d", name, seed)
			}
		}
	}
}

// TestAcceptExact: the bound is 337 N B^2 to the unit, and no sum of squares wraps around.
func TestAcceptExact(t *testing.T) {
	row := func(x *big.Int) protocol.Row {
		r, ok := protocol.RowOf(x)
		if !ok {
			t.Fatalf("%s is no row", x)
		}
		return r
	}
	shifted := func(n uint) *big.Int { return new(big.Int).Lsh(big.NewInt(1), n) }
	// 337 * 16 * 3^2 = 48528 = 220^2 + 11^2 + 2^2 + 1 + 1 + 1
	limit := []int64{220, -11, 2, 1, -1, 1}
	var rows [protocol.Rows]protocol.Row
	for i, x := range limit {
		rows[i] = row(big.NewInt(x))
	}
	if !protocol.Accept(&rows, 16, 3) {
		t.Error("the limit itself is refused")
	}
	rows[200] = row(big.NewInt(1))
	if protocol.Accept(&rows, 16, 3) {
		t.Error("one above the limit is accepted")
	}
	for _, each := range []struct {
		bits  uint // the sum of the squares is a multiple of 2^bits
		value *big.Int
	}{
		{64, shifted(32)},
		{64, shifted(28)},
		{128, shifted(64)},
		{128, shifted(60)},
		{192, shifted(96)},
		{192, shifted(92)},
		{192, new(big.Int).Neg(shifted(126))},
	} {
		for i := range rows {
			rows[i] = row(each.value)
		}
		if protocol.Accept(&rows, 16, 3) {
			t.Errorf("rows of %s are accepted: the sum wraps at %d bits", each.value, each.bits)
		}
	}
	// One projection of two words among others of one.
	rows = [protocol.Rows]protocol.Row{7: row(shifted(64))}
	if protocol.Accept(&rows, 16, 3) {
		t.Error("2^64 is taken for 0")
	}
}

// TestSumCheckAlgebra: a round reduces to the value of its polynomial, and the weights are
// what binding the lowest bit first leaves of each vector.
func TestSumCheckAlgebra(t *testing.T) {
	c := scalars(4, 5)
	at := func(x fr.Element) fr.Element { // c0 + c1 x + c2 x^2
		out := c[2]
		out.Mul(&out, &x).Add(&out, &c[1]).Mul(&out, &x).Add(&out, &c[0])
		return out
	}
	claim, one := at(element(0)), at(element(1))
	claim.Add(&claim, &one)
	got := protocol.Reduce(claim, [2]fr.Element{at(element(0)), at(element(2))}, c[3])
	if want := at(c[3]); !got.Equal(&want) {
		t.Error("a round reduces to another value")
	}
	x := scalars(3, 6)
	values := scalars(8, 7)
	var want fr.Element
	for i, w := range protocol.EqWeights(x) {
		w.Mul(&w, &values[i])
		want.Add(&want, &w)
	}
	for _, x := range x {
		for i := range len(values) / 2 {
			d := values[2*i+1]
			d.Sub(&d, &values[2*i]).Mul(&d, &x)
			values[i].Add(&values[2*i], &d)
		}
		values = values[:len(values)/2]
	}
	if !values[0].Equal(&want) {
		t.Error("weights differ from binding")
	}
}

// TestCombineVectors: combining on the fly is combining the vectors.
func TestCombineVectors(t *testing.T) {
	for _, size := range []int{4, 16, 32} {
		sh := smallShape(t, size, identity.Options{})
		x := scalars(3, 8)
		powers := protocol.Powers(x[0], sh.Degree)
		last := protocol.NewProjection([32]byte{9}, sh.Degree).Powers(x[1])
		var vectors [][]fr.Element
		for _, galois := range sh.System.Views {
			vectors = append(vectors, protocol.Turned(powers, galois))
		}
		eq := protocol.EqWeights(scalars(sh.Rounds, 9))
		want := make([]fr.Element, size)
		for a, v := range append(vectors, last) {
			for i, y := range v {
				y.Mul(&y, &eq[a*sh.Blocks+i/size])
				want[i%size].Add(&want[i%size], &y)
			}
		}
		got := sh.CombineVectors(powers, last, eq)
		if !slices.Equal(got, want) {
			t.Errorf("size %d: another vector", size)
		}
	}
}

// TestShape: what does not fit is refused.
func TestShape(t *testing.T) {
	sh := smallShape(t, 16, identity.Options{})
	for _, size := range []int{-16, 0, 3, 24} {
		if _, err := protocol.NewShape(sh.System, size, 1); err == nil {
			t.Errorf("vectors of %d elements are accepted", size)
		}
	}
	for _, bytes := range []int{-1, 1 << 31} {
		if _, err := protocol.NewShape(sh.System, 16, bytes); err == nil {
			t.Errorf("openings of %d bytes are accepted", bytes)
		}
	}
}

// messages are what a proof sends, and digests before it.
type messages struct {
	statement, setup abi.Digest
	keys, wires      [][]bn254.G1Affine
	quotients        [][]bn254.G1Affine
	rows             [][protocol.Rows]protocol.Row
	h                []bn254.G1Affine
	claims           []fr.Element
	rounds           [][2]fr.Element
}

// challenges lists what a session yields for the messages, in order.
func (m *messages) challenges(sh *protocol.Shape) []string {
	s := protocol.NewSession(sh, m.statement, m.setup)
	var out []string
	add := func(x ...any) { out = append(out, fmt.Sprint(x...)) }
	add(s.Wires(m.keys, m.wires))
	var unit [protocol.Rows]fr.Element
	unit[3].SetOne()
	add(s.Quotients(m.quotients).Combine(&unit))
	add(s.Projections(m.rows))
	add(s.H(m.h))
	rho, tau := s.Claims(m.claims)
	add(rho)
	add(tau)
	for _, round := range m.rounds {
		add(s.SumCheck(round))
	}
	return out
}

// TestSessionOrder: every challenge depends on every message before it and on none after.
func TestSessionOrder(t *testing.T) {
	sh := smallShape(t, 16, identity.Options{})
	point := generator()
	fresh := func() *messages {
		return &messages{
			statement: abi.SumDigest([]byte("statement")), setup: abi.SumDigest([]byte("setup")),
			keys: [][]bn254.G1Affine{{point}}, wires: [][]bn254.G1Affine{{point}},
			quotients: [][]bn254.G1Affine{{point}}, h: []bn254.G1Affine{point},
			rows: make([][protocol.Rows]protocol.Row, 1), claims: scalars(1, 1),
			rounds: [][2]fr.Element{{}, {}},
		}
	}
	double := func(p *bn254.G1Affine) { p.Double(p) }
	for _, each := range []struct {
		name   string
		first  int // the first challenge that depends on it
		change func(m *messages)
	}{
		{"statement", 0, func(m *messages) { m.statement[31] ^= 1 }},
		{"setup", 0, func(m *messages) { m.setup[0] ^= 1 }},
		{"keys", 0, func(m *messages) { double(&m.keys[0][0]) }},
		{"wires", 0, func(m *messages) { double(&m.wires[0][0]) }},
		{"quotients", 1, func(m *messages) { double(&m.quotients[0][0]) }},
		{"high word of a projection", 2, func(m *messages) { m.rows[0][255].Hi = -1 }},
		{"low word of a projection", 2, func(m *messages) { m.rows[0][0].Lo = 1 }},
		{"H", 3, func(m *messages) { double(&m.h[0]) }},
		{"claims", 4, func(m *messages) { m.claims[0].SetZero() }},
		{"first round", 6, func(m *messages) { m.rounds[0][1].SetOne() }},
		{"second round", 7, func(m *messages) { m.rounds[1][0].SetOne() }},
	} {
		want, m := fresh().challenges(sh), fresh()
		each.change(m)
		for i, got := range m.challenges(sh) {
			if (got != want[i]) != (i >= each.first) {
				t.Errorf("%s: challenge %d, changed: %t", each.name, i, got != want[i])
			}
		}
	}
	// The System and the size of the opening.
	want := fresh().challenges(sh)
	for i, other := range []*protocol.Shape{
		smallShape(t, 16, identity.Options{CommittedKeys: true}),
		smallShape(t, 32, identity.Options{}),
	} {
		if fresh().challenges(other)[0] == want[0] {
			t.Errorf("shape %d has the same challenges", i)
		}
	}
	distinct := slices.Compact(slices.Sorted(slices.Values(want)))
	if len(distinct) != len(want) {
		t.Error("two challenges are equal")
	}
}

// TestSessionItems: the items of the transcript are those that proofs/DESIGN.md lists.
func TestSessionItems(t *testing.T) {
	sh := smallShape(t, 16, identity.Options{})
	g := generator()
	point := g.RawBytes()
	system := sh.System.Digest()
	statement, setup := abi.SumDigest([]byte("a")), abi.SumDigest([]byte("b"))
	claim := scalars(1, 1)
	one, zero := append(make([]byte, 31), 1), make([]byte, 32)

	want := protocol.NewTranscript("cerberus/attestation/v1")
	want.Append("version", []byte("cerberus-attestation/1"))
	want.Append("statement", statement[:])
	want.Append("system", system[:])
	want.Append("setup", setup[:])
	want.Append("opening size", []byte{0, 0, 0, 0, 0, 0, 0, 16})
	want.Append("keys", nil)
	want.Append("wires", slices.Concat(point[:], point[:]))
	want.Seed("combinations")
	want.Append("quotients", point[:])
	pi := matrix(want.Seed("projection"), sh.Degree)
	rows := make([]byte, protocol.Rows*16)
	copy(rows, slices.Concat(bytes.Repeat([]byte{255}, 15), []byte{254})) // -2
	want.Append("projections", rows)
	delta := want.Scalar("delta")
	want.Append("H", point[:])
	gamma := want.Scalar("gamma")
	value := claim[0].Bytes()
	want.Append("claims", value[:])
	rho, tau := want.Scalar("rho"), want.Scalar("tau")
	want.Append("round", slices.Concat(one, zero))
	x := want.Scalar("x")

	s := protocol.NewSession(sh, statement, setup)
	s.Wires(nil, [][]bn254.G1Affine{{g}, {g}})
	p := s.Quotients([][]bn254.G1Affine{{g}})
	for row := range pi {
		var unit [protocol.Rows]fr.Element
		unit[row].SetOne()
		for k, got := range p.Combine(&unit) {
			if entry := element(pi[row][k]); !got.Equal(&entry) {
				t.Fatalf("another matrix at %d, %d", row, k)
			}
		}
	}
	projections := make([][protocol.Rows]protocol.Row, 1)
	projections[0][0] = protocol.Row{Hi: -1, Lo: 1<<64 - 2}
	got := []fr.Element{s.Projections(projections), s.H([]bn254.G1Affine{g})}
	r, u := s.Claims(claim)
	got = append(got, r, u, s.SumCheck([2]fr.Element{element(1), {}}))
	if !slices.Equal(got, []fr.Element{delta, gamma, rho, tau, x}) {
		t.Error("other challenges")
	}
}

// What TestTranscript expects.
const (
	goldenSeed   = "e9f93e3e777029bff66cabbfc0165cc463e5d404cc49606700f17fa9af5e2859"
	goldenScalar = "13c82836dc412b7d014498c11a45227cdc49bdcc13022a6ab79873a4844ba1a8"
)

// TestTranscript: items are labelled and have lengths; the golden values are those of a
// transcript written by hand from proofs/DESIGN.md.
func TestTranscript(t *testing.T) {
	one, two := protocol.NewTranscript("x"), protocol.NewTranscript("x")
	one.Append("ab", []byte("c"))
	two.Append("a", []byte("bc"))
	if one.Seed("s") == two.Seed("s") {
		t.Error("label and data are not apart")
	}
	g := protocol.NewTranscript("golden")
	g.Append("item", []byte{1, 2, 3})
	seed := g.Seed("seed")
	scalar := g.Scalar("scalar")
	if got := fmt.Sprintf("%x", seed); got != goldenSeed {
		t.Errorf("seed %s", got)
	}
	if got := scalar.Text(16); got != goldenScalar {
		t.Errorf("scalar %s", got)
	}
}

// TestCombinations: coefficients fill [0, 2^Bits), and no two rounds or groups share them.
func TestCombinations(t *testing.T) {
	sh := smallShape(t, 16, identity.Options{})
	out := protocol.NewSession(sh, abi.Digest{1}, abi.Digest{2}).Wires(nil, nil)
	seen := make(map[uint64]bool)
	rounds := 0
	for i, g := range sh.System.Groups {
		if len(out[i]) != g.Rounds {
			t.Fatalf("group %d has %d rounds instead of %d", i, len(out[i]), g.Rounds)
		}
		var all uint64
		for _, row := range out[i] {
			rounds++
			if len(row) != len(g.Identities) {
				t.Errorf("group %d: %d coefficients", i, len(row))
			}
			for _, c := range row {
				if seen[c] {
					t.Errorf("%d occurs twice", c)
				}
				seen[c] = true
				all |= c
			}
		}
		if g.Rounds > 0 && all != 1<<g.Bits-1 {
			t.Errorf("group %d: bits %b of %d", i, all, g.Bits)
		}
	}
	if rounds == 0 {
		t.Error("no identities are combined")
	}
}
