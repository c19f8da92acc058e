package fhe_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cerberus-host/cerberus/abi"
	"github.com/cerberus-host/cerberus/fhe"
)

// planText is a small valid Plan of the compiler's own making, which uses most step kinds.
func planText(t testing.TB, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("squeeze", "testdata", name+".plan"))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func parsedPlan(t testing.TB, name string) *fhe.Plan {
	t.Helper()
	p, err := fhe.ParsePlan([]byte(planText(t, name)))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestPlanTextRefusals(t *testing.T) {
	good := planText(t, "hidden-layer")
	for name, c := range map[string]struct {
		old, new string
		want     error
	}{
		"header":          {"cerberus plan 1", "cerberus plan 2", fhe.ErrFormat},
		"parameter set":   {"ckks-13", "ckks-12", fhe.ErrParams},
		"program":         {"program sha256:", "program sha512:", fhe.ErrFormat},
		"unknown line":    {"registers", "regs", fhe.ErrFormat},
		"order":           {"relin\n", "", fhe.ErrPlan},
		"registers":       {"registers ", "registers 1", fhe.ErrPlan},
		"too many":        {"registers ", "registers 99999", fhe.ErrLimit},
		"unknown step":    {" mul_const ", " mul_konst ", fhe.ErrFormat},
		"register":        {"r1 ", "q1 ", fhe.ErrFormat},
		"register number": {"r1 ", "r01 ", fhe.ErrFormat},
		"scale":           {"scale 0x8000", "scale 0x7000", fhe.ErrFormat},
		"scale digits":    {"scale 0x80000", "scale 0x8000", fhe.ErrFormat},
		"constant number": {"constant 1 slots", "constant 2 slots", fhe.ErrFormat},
		"galois":          {"galois 5", "galois -5", fhe.ErrPlan},
		"last line":       {"name score\n", "name score", fhe.ErrFormat},
		"name":            {"name score\n", "name score \n", fhe.ErrName},
	} {
		text := strings.Replace(good, c.old, c.new, 1)
		if text == good {
			t.Errorf("%s: the change found nothing", name)
		}
		if _, err := fhe.ParsePlan([]byte(text)); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
	moved := strings.Replace(good, "relin\n", "", 1)
	if _, err := fhe.ParsePlan([]byte(moved + "relin\n")); !errors.Is(err, fhe.ErrFormat) {
		t.Errorf("a line in another place: %v", err)
	}
}

// find returns the index of the first step of a kind.
func find(t testing.TB, p *fhe.Plan, op fhe.StepOp) int {
	t.Helper()
	for i, s := range p.Steps {
		if s.Op == op {
			return i
		}
	}
	t.Fatalf("no step %s", op)
	return 0
}

func TestPlanCheck(t *testing.T) {
	step := func(op fhe.StepOp, change func(s *fhe.Step)) func(p *fhe.Plan) {
		return func(p *fhe.Plan) { change(&p.Steps[find(t, p, op)]) }
	}
	for name, change := range map[string]func(p *fhe.Plan){
		"no parameters":      func(p *fhe.Plan) { p.Params = nil },
		"no program":         func(p *fhe.Plan) { p.Program = abi.Digest{} },
		"no input":           func(p *fhe.Plan) { p.Inputs = nil },
		"no output":          func(p *fhe.Plan) { p.Outputs = nil },
		"input name":         func(p *fhe.Plan) { p.Inputs[0].Name = "" },
		"input twice":        func(p *fhe.Plan) { p.Inputs = append(p.Inputs, p.Inputs[0]) },
		"input period":       func(p *fhe.Plan) { p.Inputs[0].Period = 31 },
		"input bound":        func(p *fhe.Plan) { p.Inputs[0].Bound = 0 },
		"input count":        func(p *fhe.Plan) { p.Inputs[0].Count = 2 },
		"input level":        func(p *fhe.Plan) { p.Inputs[0].Level = 4 },
		"input register":     func(p *fhe.Plan) { p.Inputs[0].Reg = -1 },
		"input far register": func(p *fhe.Plan) { p.Inputs[0].Reg = 1<<31 - 1 },
		"input scale":        func(p *fhe.Plan) { p.Inputs[0].Scale = fhe.Scale{} },
		"large input scale":  func(p *fhe.Plan) { p.Inputs[0].Scale = fhe.ScaleOfBits(200) },
		"constant kind":      func(p *fhe.Plan) { p.Constants[0].Arrangement = "heap" },
		"constant packing":   func(p *fhe.Plan) { p.Constants[0].Arrangement = fhe.ArrangeDot },
		"constant period":    func(p *fhe.Plan) { p.Constants[0].Period = 3 },
		"constant bits":      func(p *fhe.Plan) { p.Constants[0].Frac = 61 },
		"constant level":     func(p *fhe.Plan) { p.Constants[0].Level-- },
		"constant scale":     func(p *fhe.Plan) { p.Constants[0].Scale = fhe.ScaleOfBits(41) },
		"constant digest":    func(p *fhe.Plan) { p.Constants[0].Encoded = abi.Digest{} },
		"constant unused":    func(p *fhe.Plan) { p.Constants = append(p.Constants, p.Constants[0]) },
		"constant index":     step(fhe.StepMulConst, func(s *fhe.Step) { s.Const = 1 << 30 }),
		"unknown step":       step(fhe.StepAdd, func(s *fhe.Step) { s.Op = 13 }),
		"step zero":          step(fhe.StepAdd, func(s *fhe.Step) { s.Op = 0 }),
		"operand too early":  step(fhe.StepAdd, func(s *fhe.Step) { s.A = s.Out }),
		"operand negative":   step(fhe.StepAdd, func(s *fhe.Step) { s.A = -7 }),
		"operand missing":    step(fhe.StepAdd, func(s *fhe.Step) { s.B = fhe.NoReg }),
		"operand too much":   step(fhe.StepRelin, func(s *fhe.Step) { s.B = 0 }),
		"integer too much":   step(fhe.StepAdd, func(s *fhe.Step) { s.Int = 1 }),
		"Galois too much":    step(fhe.StepAdd, func(s *fhe.Step) { s.Galois = 5 }),
		"result twice":       step(fhe.StepAdd, func(s *fhe.Step) { s.Out = s.A }),
		"result far":         step(fhe.StepAdd, func(s *fhe.Step) { s.Out = 1 << 30 }),
		"result level":       step(fhe.StepAdd, func(s *fhe.Step) { s.Level++ }),
		"result scale":       step(fhe.StepTensor, func(s *fhe.Step) { s.Scale = fhe.ScaleOfBits(79) }),
		"rescale level":      step(fhe.StepRescale, func(s *fhe.Step) { s.Level++ }),
		"rescale scale":      step(fhe.StepRescale, func(s *fhe.Step) { s.Scale = fhe.ScaleOfBits(41) }),
		"relin of degree 1":  step(fhe.StepTensor, func(s *fhe.Step) { s.Op = fhe.StepAdd }),
		"rotate by none":     step(fhe.StepRotate, func(s *fhe.Step) { s.Galois = 1 }),
		"rotate unlisted":    step(fhe.StepRotate, func(s *fhe.Step) { s.Galois = 3 }),
		"other's digits":     step(fhe.StepRotate, func(s *fhe.Step) { s.B = 0 }),
		"digits as operand":  step(fhe.StepRotate, func(s *fhe.Step) { s.A, s.B = s.B, fhe.NoReg }),
		"relin unlisted":     func(p *fhe.Plan) { p.Relin = false },
		"keys missing":       func(p *fhe.Plan) { p.Galois = p.Galois[1:] },
		"keys unused":        func(p *fhe.Plan) { p.Galois = append(p.Galois, 16383) },
		"keys twice":         func(p *fhe.Plan) { p.Galois[1] = p.Galois[0] },
		"output register":    func(p *fhe.Plan) { p.Outputs[0].Reg = 0 },
		"output scale":       func(p *fhe.Plan) { p.Outputs[0].Scale = p.Inputs[0].Scale },
		"output packing":     func(p *fhe.Plan) { p.Outputs[0].Packing = abi.PackCoeffs },
		"output twice":       func(p *fhe.Plan) { p.Outputs = append(p.Outputs, p.Outputs[0]) },
		"registers":          func(p *fhe.Plan) { p.Registers = -1 },
		"many registers":     func(p *fhe.Plan) { p.Registers = fhe.PlanRegistersMax + 1 },
	} {
		p := parsedPlan(t, "hidden-layer")
		change(p)
		if err := p.Check(); !errors.Is(err, fhe.ErrPlan) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestPlanCheckOfIntegers(t *testing.T) {
	for name, change := range map[string]func(s *fhe.Step){
		"rounding":  func(s *fhe.Step) { s.Int++ },
		"too large": func(s *fhe.Step) { s.Int = 1 << 62 },
		"negative":  func(s *fhe.Step) { s.Int = -s.Int },
		"level":     func(s *fhe.Step) { s.Level-- },
		"scale":     func(s *fhe.Step) { s.Scale = fhe.ScaleOfBits(82) },
	} {
		p := parsedPlan(t, "levels-meet")
		change(&p.Steps[find(t, p, fhe.StepMulInt)])
		if err := p.Check(); !errors.Is(err, fhe.ErrPlan) {
			t.Errorf("%s: %v", name, err)
		}
	}
	// A product of the value keeps the scale and takes any integer.
	p := parsedPlan(t, "coeffs")
	last := &p.Outputs[0]
	p.Steps = append(p.Steps, fhe.Step{
		Op: fhe.StepMulInt, Out: fhe.Reg(p.Registers), A: last.Reg, B: fhe.NoReg, Int: -3,
		Level: last.Level, Scale: last.Scale,
	})
	last.Reg = fhe.Reg(p.Registers)
	p.Registers++
	if err := p.Check(); err != nil {
		t.Error(err)
	}
	if back, err := fhe.ParsePlan(p.Text()); err != nil || back.Digest() != p.Digest() {
		t.Error(err)
	}
}

func TestPlanLastUsesAndCost(t *testing.T) {
	p := parsedPlan(t, "linear")
	last := p.LastUses()
	for r, at := range last {
		for i, s := range p.Steps {
			if i > at && (int(s.A) == r || int(s.B) == r) {
				t.Errorf("register %d is used by step %d after %d", r, i, at)
			}
		}
	}
	for _, o := range p.Outputs {
		if last[o.Reg] != len(p.Steps) {
			t.Errorf("output %q is freed", o.Name)
		}
	}
	c := p.Cost()
	in, out := int64(0), int64(0)
	for _, i := range p.Inputs {
		in += fhe.CiphertextBytes(p.Params, i.Packing, i.Length, i.Level, true)
	}
	for _, o := range p.Outputs {
		out += fhe.CiphertextBytes(p.Params, o.Packing, o.Length, o.Level, false)
	}
	if c.InputBytes != in || c.OutputBytes != out || c.Depth != 1 ||
		c.KeyBytes != fhe.KeySetBytes(p.Params, len(p.Galois)) {
		t.Errorf("%+v", c)
	}
	// One limb of 2^10 residues is 8 KiB; two inputs, of two limbs and one, are there at the
	// start.
	if c.Peak < 6*8192 || c.Peak > int64(p.Registers)*4*8192 || c.EncodedBytes%8192 != 0 {
		t.Errorf("%+v", c)
	}
}

func FuzzParsePlan(f *testing.F) {
	for _, name := range []string{"linear", "levels-meet", "coeffs-rescaled"} {
		f.Add([]byte(planText(f, name)))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		p, err := fhe.ParsePlan(text)
		if err != nil {
			if !errors.Is(err, fhe.ErrFormat) && !errors.Is(err, fhe.ErrPlan) {
				t.Errorf("untyped error %v", err)
			}
			return
		}
		if string(p.Text()) != string(text) {
			t.Error("parsed text prints differently")
		}
		if c := p.Cost(); c.Peak < 0 || c.InputBytes <= 0 {
			t.Errorf("%+v", c)
		}
	})
}
