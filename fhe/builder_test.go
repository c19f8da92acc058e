package fhe_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/cerberus-host/cerberus/abi"
	"github.com/cerberus-host/cerberus/fhe"
)

// sample is a Builder with one node of each kind that operations tell apart.
type sample struct {
	*fhe.Builder
	x, y       fhe.NodeID // slot vectors of length 3 and 4
	coeffs     fhe.NodeID // coefficient-packed, length 3
	three, one fhe.NodeID // constants of length 3 and 1
}

func newSample(t testing.TB) sample {
	t.Helper()
	s := sample{Builder: fhe.NewBuilder(params(t, "insecure-10-4"))}
	for _, n := range []struct {
		id     *fhe.NodeID
		record func() (fhe.NodeID, error)
	}{
		{&s.x, func() (fhe.NodeID, error) { return s.Input(slotInput("x", 3)) }},
		{&s.y, func() (fhe.NodeID, error) { return s.Input(slotInput("y", 4)) }},
		{&s.coeffs, func() (fhe.NodeID, error) {
			return s.Input(abi.Input{Name: "c", Packing: abi.PackCoeffs, Length: 3, Bound: 1})
		}},
		{&s.three, func() (fhe.NodeID, error) { return s.Constant([]int64{1, 2, 3}, 1) }},
		{&s.one, func() (fhe.NodeID, error) { return s.Constant([]int64{5}, 0) }},
	} {
		var err error
		if *n.id, err = n.record(); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

func slotInput(name string, length int) abi.Input {
	return abi.Input{Name: name, Packing: abi.PackSlots, Length: length, Bound: 8}
}

func TestBuilderTypes(t *testing.T) {
	s := newSample(t)
	slots := func(n int) fhe.VectorType {
		return fhe.VectorType{Encrypted: true, Packing: abi.PackSlots, Length: n}
	}
	for name, c := range map[string]struct {
		record func() (fhe.NodeID, error)
		want   fhe.VectorType
	}{
		"constant first": {func() (fhe.NodeID, error) { return s.Sub(s.three, s.x) }, slots(3)},
		"rotation":       {func() (fhe.NodeID, error) { return s.Rotate(s.x, -4) }, slots(4)},
		"sum":            {func() (fhe.NodeID, error) { return s.Sum(s.x) }, slots(1)},
		"matrix": {
			func() (fhe.NodeID, error) { return s.MatVec(s.three, s.x, 1, 3) }, slots(1),
		},
		"dot of slots": {func() (fhe.NodeID, error) { return s.Dot(s.x, s.three) }, slots(1)},
		"dot of coefficients": {
			func() (fhe.NodeID, error) { return s.Dot(s.coeffs, s.three) },
			fhe.VectorType{Encrypted: true, Packing: abi.PackCoeffs, Length: 1},
		},
		"sum of coefficients": {
			func() (fhe.NodeID, error) { return s.Add(s.coeffs, s.three) },
			fhe.VectorType{Encrypted: true, Packing: abi.PackCoeffs, Length: 3},
		},
	} {
		id, err := c.record()
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got, err := s.Type(id); err != nil || got != c.want {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
}

// refusal is the error of a call and the sentinel that it should wrap.
type refusal struct{ got, want error }

func (r refusal) check(t *testing.T, name string) {
	t.Helper()
	if !errors.Is(r.got, r.want) {
		t.Errorf("%s: %v, want %v", name, r.got, r.want)
	}
}

func refused(_ fhe.NodeID, err error) error { return err }

func TestBuilderRefusesOperands(t *testing.T) {
	s := newSample(t)
	before, _ := s.Constant([]int64{1}, 0)
	for name, r := range map[string]refusal{
		"unknown node":         {refused(s.Neg(999)), fhe.ErrRange},
		"negative node":        {refused(s.Add(s.x, -1)), fhe.ErrRange},
		"lengths":              {refused(s.Add(s.x, s.y)), fhe.ErrType},
		"packings":             {refused(s.Sub(s.x, s.coeffs)), fhe.ErrType},
		"two constants":        {refused(s.Add(s.three, s.three)), fhe.ErrType},
		"negated constant":     {refused(s.Neg(s.three)), fhe.ErrType},
		"mul by constant":      {refused(s.Mul(s.x, s.three)), fhe.ErrType},
		"mul of coefficients":  {refused(s.Mul(s.coeffs, s.coeffs)), fhe.ErrType},
		"mul_plain by vector":  {refused(s.MulPlain(s.x, s.x)), fhe.ErrType},
		"mul_plain length":     {refused(s.MulPlain(s.x, s.one)), fhe.ErrType},
		"rotated coefficients": {refused(s.Rotate(s.coeffs, 1)), fhe.ErrType},
		"rotation":             {refused(s.Rotate(s.x, 5)), fhe.ErrRange},
		"sum of coefficients":  {refused(s.Sum(s.coeffs)), fhe.ErrType},
		"dot length":           {refused(s.Dot(s.x, s.one)), fhe.ErrType},
		"matrix columns":       {refused(s.MatVec(s.three, s.y, 1, 3)), fhe.ErrType},
		"matrix size":          {refused(s.MatVec(s.three, s.x, 2, 3)), fhe.ErrType},
		"matrix rows":          {refused(s.MatVec(s.three, s.x, 1<<40, 3)), fhe.ErrRange},
		"degree 0":             {refused(s.Poly(s.x, s.one)), fhe.ErrRange},
		"interval":             {refused(s.Chebyshev(s.x, s.three, 2, 2, 0)), fhe.ErrRange},
		"interval bits":        {refused(s.Chebyshev(s.x, s.three, 1, 2, 61)), fhe.ErrRange},
	} {
		r.check(t, name)
	}
	if after, _ := s.Constant([]int64{1}, 0); after != before+1 {
		t.Error("a refused node left a trace")
	}
}

func TestBuilderRefusesDeclarations(t *testing.T) {
	s := newSample(t)
	ref := fhe.ModelRange{Digest: abi.SumDigest([]byte("model")), Type: abi.Int8, Count: 3}
	model := func(change func(*fhe.ModelRange)) error {
		r := ref
		change(&r)
		return refused(s.Model(r))
	}
	if err := model(func(*fhe.ModelRange) {}); err != nil {
		t.Fatal(err)
	}
	input := func(change func(in *abi.Input)) error {
		in := slotInput("new", 3)
		change(&in)
		return refused(s.Input(in))
	}
	for name, r := range map[string]refusal{
		"no values":       {refused(s.Constant(nil, 0)), fhe.ErrRange},
		"fractional bits": {refused(s.Constant([]int64{1}, 61)), fhe.ErrRange},
		"model type":      {model(func(r *fhe.ModelRange) { r.Type = "i7" }), fhe.ErrRange},
		"model offset":    {model(func(r *fhe.ModelRange) { r.Offset = -1 }), fhe.ErrRange},
		"model end": {
			model(func(r *fhe.ModelRange) { r.Offset = abi.ModelBytesMax - 2 }), fhe.ErrRange,
		},
		"model offset wraps": {model(func(r *fhe.ModelRange) { r.Offset = 1<<63 - 1 }), fhe.ErrRange},
		"model count":        {model(func(r *fhe.ModelRange) { r.Count = 1 << 40 }), fhe.ErrRange},
		"no model":           {model(func(r *fhe.ModelRange) { r.Digest = abi.Digest{} }), fhe.ErrName},
		"second model":       {model(func(r *fhe.ModelRange) { r.Digest[0]++ }), fhe.ErrName},
		"name":               {input(func(in *abi.Input) { in.Name = "a\nb" }), fhe.ErrName},
		"input declared again": {
			input(func(in *abi.Input) { in.Name, in.Bound = "x", 9 }), fhe.ErrName,
		},
		"slots":             {input(func(in *abi.Input) { in.Length = 513 }), fhe.ErrRange},
		"empty":             {input(func(in *abi.Input) { in.Length = 0 }), fhe.ErrRange},
		"packing":           {input(func(in *abi.Input) { in.Packing = "bits" }), fhe.ErrType},
		"bound":             {input(func(in *abi.Input) { in.Bound = 0 }), fhe.ErrRange},
		"scale":             {input(func(in *abi.Input) { in.ScaleBits = 51 }), fhe.ErrRange},
		"output name":       {s.Output(" y", s.x), fhe.ErrName},
		"constant output":   {s.Output("y", s.three), fhe.ErrType},
		"long coefficients": {s.Output("y", s.coeffs), fhe.ErrType},
	} {
		r.check(t, name)
	}
	if _, err := s.Finish(); !errors.Is(err, fhe.ErrRange) {
		t.Errorf("Program without output: %v", err)
	}
}

func TestBuilderDepth(t *testing.T) {
	s := newSample(t)
	x := s.x
	var err error
	for range 3 {
		if x, err = s.Mul(x, x); err != nil {
			t.Fatal(err)
		}
	}
	for name, f := range map[string]func() (fhe.NodeID, error){
		"mul":       func() (fhe.NodeID, error) { return s.Mul(x, s.x) },
		"mul_plain": func() (fhe.NodeID, error) { return s.MulPlain(x, s.three) },
		"dot":       func() (fhe.NodeID, error) { return s.Dot(x, s.three) },
		"matvec":    func() (fhe.NodeID, error) { return s.MatVec(s.three, x, 1, 3) },
		"poly":      func() (fhe.NodeID, error) { return s.Poly(x, s.three) },
	} {
		if _, err := f(); !errors.Is(err, fhe.ErrDepth) || !strings.Contains(err.Error(), "has 3") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestBuilderLimits(t *testing.T) {
	s := newSample(t)
	for i := range abi.InputsMax - 3 {
		if _, err := s.Input(slotInput(strings.Repeat("i", i+1), 1)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.Input(slotInput("last", 1)); !errors.Is(err, fhe.ErrLimit) {
		t.Errorf("inputs: %v", err)
	}
	if id, err := s.Input(slotInput("x", 3)); err != nil || id != s.x {
		t.Errorf("the same input again: %d, %v", id, err)
	}
	_, err := s.Constant(make([]int64, abi.InlineValuesMax-3), 0)
	if !errors.Is(err, fhe.ErrLimit) {
		t.Errorf("inline values: %v", err)
	}
	for i := range abi.OutputsMax {
		if err := s.Output(strings.Repeat("o", i+1), s.x); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Output("o", s.x); !errors.Is(err, fhe.ErrName) {
		t.Errorf("output twice: %v", err)
	}
	if err := s.Output("last", s.x); !errors.Is(err, fhe.ErrLimit) {
		t.Errorf("outputs: %v", err)
	}
	for range abi.ProgramNodesMax {
		if _, err = s.Neg(s.x); err != nil {
			break
		}
	}
	if !errors.Is(err, fhe.ErrLimit) {
		t.Errorf("nodes: %v", err)
	}
}

// TestFinishKeepsWhatIsNeeded also shows that a Builder outlives its Program.
func TestFinishKeepsWhatIsNeeded(t *testing.T) {
	s := newSample(t)
	sum, err := s.Add(s.y, s.y)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Output("z", sum); err != nil {
		t.Fatal(err)
	}
	prog, err := s.Finish()
	if err != nil {
		t.Fatal(err)
	}
	const want = `cerberus program 1
params insecure-10-4
0 input slots length 4 bound 8 scale 0 name y
1 add 0 0
output 1 name z
`
	if got := string(prog.Text()); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
	if err := s.Output("x", s.x); err != nil {
		t.Fatal(err)
	}
	if got := string(prog.Text()); got != want {
		t.Error("a finished Program changed")
	}
}

func TestProgramRefusals(t *testing.T) {
	const good = `cerberus program 1
params insecure-10-4
0 input slots length 4 bound 8 scale 0 name x
1 constant frac 3 values 1 -2 3 4
2 mul_plain 0 1
3 rotate 2 by 1
output 3 name y
`
	if _, err := fhe.ParseProgram([]byte(good)); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		old, new string
		also     error
	}{
		"header":            {"program 1", "program 2", nil},
		"parameter set":     {"insecure-10-4", "insecure-99", fhe.ErrParams},
		"no final newline":  {"name y\n", "name y", nil},
		"empty line":        {"\n1 ", "\n\n1 ", nil},
		"carriage return":   {"name x\n", "name x\r\n", fhe.ErrName},
		"two spaces":        {"values 1", "values  1", nil},
		"trailing space":    {"0 1\n", "0 1 \n", nil},
		"plus sign":         {"values 1", "values +1", nil},
		"leading zero":      {"length 4", "length 04", nil},
		"number":            {"\n2 mul", "\n5 mul", nil},
		"forward reference": {"mul_plain 0 1", "mul_plain 3 1", fhe.ErrRange},
		"unknown kind":      {"mul_plain", "divide", nil},
		"missing operand":   {"mul_plain 0 1", "mul_plain 0", nil},
		"surplus operand":   {"mul_plain 0 1", "mul_plain 0 1 1", nil},
		"negative operand":  {"mul_plain 0 1", "mul_plain 0 -1", nil},
		"type":              {"values 1 -2 3 4", "values 1 -2 3", fhe.ErrType},
		"rotation":          {"by 1", "by 5", fhe.ErrRange},
		"full turn":         {"by 1", "by 4", nil},
		"dead node":         {"output 3", "output 2", nil},
		"64 bits":           {"-2", "9223372036854775808", nil},
		"label":             {"bound", "bond", nil},
		"nothing":           {good, "", nil},
	} {
		text := strings.Replace(good, c.old, c.new, 1)
		_, err := fhe.ParseProgram([]byte(text))
		if !errors.Is(err, fhe.ErrFormat) || (c.also != nil && !errors.Is(err, c.also)) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzParseProgram(f *testing.F) {
	f.Add([]byte("cerberus program 1\nparams insecure-10-4\n0 input slots length 4 bound 8 " +
		"scale 0 name x\n1 chebyshev 0 0 lo -1 hi 1 frac 0\noutput 0 name y\n"))
	f.Add([]byte("cerberus program 1\nparams ckks-13\n0 input coeffs length 9 bound 8 scale 20 " +
		"name x\n1 constant frac 3 values 1 2 3 4 5 6 7 8 9\n2 dot 0 1\noutput 2 name y\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		p, err := fhe.ParseProgram(text)
		if err != nil {
			if !errors.Is(err, fhe.ErrFormat) {
				t.Errorf("untyped error %v", err)
			}
			return
		}
		if string(p.Text()) != string(text) {
			t.Error("parsed text prints differently")
		}
	})
}
