package kit_test

import (
	"bytes"
	"context"
	"encoding/json"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/cerberus-host/cerberus/abi"
	"github.com/cerberus-host/cerberus/fhe"
	"github.com/cerberus-host/cerberus/host/api"
	w "github.com/cerberus-host/cerberus/host/wasmtest"
	"github.com/cerberus-host/cerberus/internal/kit"
)

func check(t *testing.T, o kit.CheckOptions) *kit.CheckReport {
	t.Helper()
	r, err := kit.Check(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	if r.Refused != (len(r.Reasons) > 0) {
		t.Errorf("refused %t with %d reasons", r.Refused, len(r.Reasons))
	}
	for _, x := range r.Reasons {
		if x.Problem == "" || x.Fix == "" || x.Reason == "" || !strings.Contains(r.Text(), x.Problem) {
			t.Errorf("reason %+v", x)
		}
	}
	return r
}

// checkFile checks a module that no toolchain made.
func checkFile(t *testing.T, file []byte) *kit.CheckReport {
	t.Helper()
	path := filepath.Join(t.TempDir(), "x.wasm")
	write(t, path, string(file))
	return check(t, kit.CheckOptions{Module: path})
}

func TestCheckPasses(t *testing.T) {
	b := build(t, scorer)
	advised := 0
	r := check(t, kit.CheckOptions{
		Module: b.ModulePath, Request: []byte(`{"features":{"age":60,"pressure":120}}`),
		Advise: func(p *fhe.Plan) (kit.Attestation, error) {
			advised += len(p.Steps)
			return kit.Attestation{Advice: "verify"}, nil
		},
	})
	if r.Refused || r.Module != b.Module || len(r.Plans) != 1 {
		t.Fatalf("report %+v", r)
	}
	p := r.Plans[0]
	if p.Plan != b.Programs[0].Plan || p.Program != b.Programs[0].Program ||
		p.Steps != b.Programs[0].Steps || advised != p.Steps || p.Attested.Advice != "verify" {
		t.Errorf("plan %+v, built %+v", p, b.Programs[0])
	}
	if p.Sample.Answer == nil || p.Sample.Answer.Label != "high" {
		t.Errorf("sample %+v", p.Sample)
	}
	if p.UploadBytes <= 0 || p.DownloadBytes <= 0 || p.NodeMemoryBytes <= 1<<16 ||
		p.ClientMemoryBytes <= 1<<16 || p.Work <= 0 {
		t.Errorf("costs %+v", p)
	}
	if len(p.Precision) != 1 || p.Precision[0].ProvenBits < r.Tolerance ||
		p.Precision[0].HonestBits < p.Precision[0].ProvenBits {
		t.Errorf("precision %+v, tolerance %d", p.Precision, r.Tolerance)
	}
	document, err := json.Marshal(r)
	if err != nil || !bytes.Contains(document, []byte(`"reasons":[]`)) {
		t.Errorf("JSON %s, error %v", document, err)
	}
}

// recorder is a module whose infer records the sum of input x as output y.
func recorder() *w.Module {
	m := w.Brain(nil, nil, nil)
	input := m.Import(w.Import{
		Module: abi.ImportModule, Name: "input", Params: w.I32 + w.I32, Results: w.I64,
	})
	sum := m.Import(w.Import{Module: abi.ImportModule, Name: "sum", Params: w.I64, Results: w.I64})
	output := m.Import(w.Import{
		Module: abi.ImportModule, Name: "output", Params: w.I32 + w.I32 + w.I64, Results: w.I32,
	})
	m.Functions[2].Body = w.Cat(w.I32Const(1), w.I32Const(1), w.I32Const(0), w.I32Const(1),
		w.Call(input), w.Call(sum), w.Call(output), []byte{0x1a})
	m.Extra = append(m.Extra, w.Section(11, []byte{1, 0}, w.I32Const(0), []byte{0x0b}, w.Name("xy")))
	return m
}

func TestCheckRefusesManifests(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*abi.Manifest)
		want   []api.Reason
		says   string
	}{
		{"nothing", func(*abi.Manifest) {}, nil, ""},
		{
			"tolerance", func(m *abi.Manifest) { m.ToleranceBits = 40 },
			[]api.Reason{api.PlanImprecise, api.PlanImprecise},
			"tolerance_bits is 40",
		},
		{
			"no such parameters", func(m *abi.Manifest) { m.Params = "ckks-99" },
			[]api.Reason{api.ParamsUnknown},
			"ckks-13",
		},
		{
			"insecure parameters", func(m *abi.Manifest) { m.Params = "insecure-10-4" },
			[]api.Reason{api.ParamsInsecure},
			"insecure",
		},
		{
			"a model that is not there", func(m *abi.Manifest) {
				m.Model = &abi.Model{Digest: abi.Digest{1}, Bytes: 8, Tensors: []abi.Tensor{
					{Name: "w", Type: abi.Int8, Shape: []int{8}},
				}}
			},
			[]api.Reason{api.ModelMismatch},
			"x.model",
		},
		{
			"an input that nobody reads", func(m *abi.Manifest) {
				m.Inputs = append(m.Inputs, abi.Input{
					Name: "more", Packing: abi.PackSlots, Length: 1, Bound: 1,
					When: map[string]string{"mode": "other"},
				})
			},
			[]api.Reason{api.InferFailed},
			`for mode=other: `,
		},
		{
			"an output beyond the modulus", func(m *abi.Manifest) { m.Outputs[0].Bound = 1 << 30 },
			[]api.Reason{api.PlanFailed, api.PlanFailed},
			`"y"`,
		},
	} {
		m := w.Manifest()
		m.Outputs[0].Bound = 16
		c.change(m)
		file, err := abi.AttachManifest(recorder().Bytes(), m)
		if err != nil {
			t.Fatal(err)
		}
		r := checkFile(t, file)
		var got []api.Reason
		for _, x := range r.Reasons {
			got = append(got, x.Reason)
		}
		if !slices.Equal(got, c.want) || !strings.Contains(r.Text(), c.says) {
			t.Errorf("%s: reasons %v, want %v and %q in\n%s", c.name, got, c.want, c.says, r.Text())
		}
	}
}

// TestCheckNamesEveryCombination: each combination of public arguments has its own reason.
func TestCheckNamesEveryCombination(t *testing.T) {
	m := w.Brain(nil, nil, nil) // infer records nothing
	r := checkFile(t, w.Attach(t, m.Bytes()))
	var args []string
	for _, x := range r.Reasons {
		if x.Reason != api.InferFailed {
			t.Errorf("reason %+v", x)
		}
		args = append(args, x.Args)
	}
	if !slices.Equal(args, []string{"mode=plain", "mode=other"}) {
		t.Errorf("reasons for %q", args)
	}
}

// TestCheckEndsWithTheGas: of a module that never ends one combination is enough.
func TestCheckEndsWithTheGas(t *testing.T) {
	m := w.Brain(nil, []byte{0x03, 0x40, 0x0c, 0, 0x0b}, nil) // loop br 0 end
	r := checkFile(t, w.Attach(t, m.Bytes()))
	if len(r.Reasons) != 1 || r.Reasons[0].Reason != api.InferFailed ||
		!strings.Contains(r.Reasons[0].Problem, "gas") {
		t.Errorf("reasons %+v", r.Reasons)
	}
}

// TestCheckFindsMoreThanAdmission: admission stops at the first problem, an author wants all.
func TestCheckFindsMoreThanAdmission(t *testing.T) {
	broken := func() *w.Module {
		m := w.Brain(nil, nil, nil)
		m.Import(w.Import{Module: "env", Name: "abort"})
		m.Import(w.Import{Module: "env", Name: "time", Results: w.I64})
		m.Import(w.Import{Module: abi.ImportModule, Name: "log"})
		m.Exports = slices.DeleteFunc(m.Exports, func(x w.Export) bool {
			return x.Name == abi.ExportDecode
		})
		return m
	}
	every := []string{
		`import "env"."abort" is not there`, `import "env"."time" is not there`,
		`import "cerberus1"."log" has another type than the host's function`,
		`export "decode" is missing`,
	}
	problems := func(r *kit.CheckReport) (out []string) {
		for _, x := range r.Reasons {
			out = append(out, x.Problem)
			if x.Section != "" && (x.Offset <= 0 || int64(x.Offset) > r.Bytes) {
				t.Errorf("%q is at byte %d of %d", x.Problem, x.Offset, r.Bytes)
			}
		}
		return out
	}
	if got := problems(checkFile(t, w.Attach(t, broken().Bytes()))); !slices.Equal(got, every) {
		t.Errorf("reasons %q", got)
	}
	// Without a manifest this comes first, and the rest is found all the same.
	got := problems(checkFile(t, broken().Bytes()))
	if len(got) != 5 || !strings.Contains(got[0], "cerberus.manifest") ||
		!slices.Equal(got[1:], every) {
		t.Errorf("reasons %q", got)
	}
	// A code that is not valid is a reason beside a missing export.
	m := broken()
	m.Imports = nil
	m.Exports = m.Exports[:1]
	m.Functions[1].Body = []byte{0x1a} // drop of nothing
	got = problems(checkFile(t, w.Attach(t, m.Bytes())))
	if len(got) != 5 || !strings.Contains(strings.Join(got, "; "), "operand") {
		t.Errorf("reasons %q", got)
	}
}

func TestCheckNamesLimits(t *testing.T) {
	m := w.Brain(nil, nil, nil)
	m.Functions[2].Locals = w.Cat([]byte{1}, w.U32(1_001), []byte(w.I64))
	r := checkFile(t, w.Attach(t, m.Bytes()))
	if len(r.Reasons) == 0 {
		t.Fatal("a thousand and one locals pass")
	}
	if x := r.Reasons[0]; x.Value != 1_001 || x.Limit != 1_000 || x.Section != "code" ||
		x.Offset <= 0 || !strings.Contains(r.Text(), "it has 1001, at most 1000 are allowed") {
		t.Errorf("reason %+v in\n%s", x, r.Text())
	}
}

func TestCheckOfWhatIsNoModule(t *testing.T) {
	for name, file := range map[string][]byte{
		"empty": nil, "text": []byte("hello"), "header": w.Header(),
		"a section too long": append(w.Header(), 1, 0xff, 0xff, 0xff, 0xff, 0x0f),
		"too large":          make([]byte, abi.ModuleBytesMax+1),
	} {
		r := checkFile(t, file)
		if !r.Refused || r.Reasons[0].Reason != api.ModuleRefused || len(r.Plans) != 0 {
			t.Errorf("%s: %+v", name, r)
		}
	}
	_, err := kit.Check(context.Background(), kit.CheckOptions{Module: t.TempDir()})
	if err == nil {
		t.Error("a folder passes for a file")
	}
}
