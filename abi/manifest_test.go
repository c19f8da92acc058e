package abi_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/cerberus-host/cerberus/abi"
)

// sampleManifest returns a manifest in canonical form that uses every kind of field.
func sampleManifest(t testing.TB) *abi.Manifest {
	t.Helper()
	m := &abi.Manifest{
		Manifest: abi.ManifestVersion, ABI: abi.Version, Name: "triage", Version: "1.2.3",
		Task: "classify", Params: "ckks-13",
		Request: []abi.Field{
			{Name: "exam", Type: abi.FieldEnum, Public: true, Values: []string{"a", "b"}},
			{Name: "note", Type: abi.FieldText, MaxBytes: 100, Optional: true},
			{
				Name: "features", Type: abi.FieldNumbers, KeysBy: "exam",
				Keys: map[string][]string{"a": {"x", "y z"}, "b": {"w"}},
			},
		},
		Inputs: []abi.Input{
			{
				Name: "v", Packing: abi.PackSlots, Length: 2, Bound: 4,
				When: map[string]string{"exam": "a"},
			},
			{
				Name: "v", Packing: abi.PackSlots, Length: 1, Bound: 4,
				When: map[string]string{"exam": "b"},
			},
		},
		Outputs: []abi.Output{{Name: "logit", Length: 1, Bound: 16}},
		Model: &abi.Model{
			Digest: abi.SumDigest([]byte("weights")), Bytes: 16,
			Tensors: []abi.Tensor{{Name: "w", Type: abi.Int16, Offset: 4, Shape: []int{2, 3}, Frac: 12}},
		},
		Answer: abi.Answer{
			Labels: []string{"ill", "well"}, LabelsBy: "exam",
			LabelSets: map[string][]string{"a": {"ill", "well"}, "b": {"well"}},
		},
		ToleranceBits: 10, IntendedUse: "A sample.",
	}
	if err := m.Check(); err != nil {
		t.Fatal(err)
	}
	return m
}

func canonical(t testing.TB, m *abi.Manifest) []byte {
	t.Helper()
	b, err := m.Canonical()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestManifestReadsBackWhatItWrites(t *testing.T) {
	raw := canonical(t, sampleManifest(t))
	m, err := abi.ParseManifest(raw)
	if err != nil {
		t.Fatal(err)
	}
	if again := canonical(t, m); !bytes.Equal(again, raw) {
		t.Errorf("read back as\n%s\nwritten as\n%s", again, raw)
	}
	if got := len(m.Combinations()); got != 2 {
		t.Errorf("%d combinations of public arguments, want 2", got)
	}
	args, err := abi.ParseArgs("exam=b")
	if err != nil {
		t.Fatal(err)
	}
	in := m.InputsFor(args)
	if len(in) != 1 || in[0].Length != 1 {
		t.Errorf("inputs for exam=b: %+v", in)
	}
	if labels := m.LabelsFor(args); !slices.Equal(labels, []string{"well"}) {
		t.Errorf("labels for exam=b: %q", labels)
	}
}

// TestManifestRefusals changes one thing in a good manifest and expects an error that names
// the field.
func TestManifestRefusals(t *testing.T) {
	tests := map[string]func(m *abi.Manifest){
		"manifest":             func(m *abi.Manifest) { m.Manifest = 2 },
		"abi":                  func(m *abi.Manifest) { m.ABI = "cerberus/v2" },
		"name":                 func(m *abi.Manifest) { m.Name = "a/b" },
		"version":              func(m *abi.Manifest) { m.Version = "" },
		"params":               func(m *abi.Manifest) { m.Params = " ckks-13" },
		"task":                 func(m *abi.Manifest) { m.Task = "train" },
		"intended_use":         func(m *abi.Manifest) { m.IntendedUse = "" },
		"tolerance_bits":       func(m *abi.Manifest) { m.ToleranceBits = 0 },
		"request":              func(m *abi.Manifest) { m.Request = nil },
		"request[1].name":      func(m *abi.Manifest) { m.Request[1].Name = "exam" },
		"request[1].public":    func(m *abi.Manifest) { m.Request[1].Public = true },
		"request[0].public":    func(m *abi.Manifest) { m.Request[0].Optional = true },
		"request[1].type":      func(m *abi.Manifest) { m.Request[1] = abi.Field{Name: "n", Type: "x"} },
		"request[1].max_bytes": func(m *abi.Manifest) { m.Request[1].MaxBytes = abi.RequestBytesMax + 1 },
		"request[2].max_bytes": func(m *abi.Manifest) { m.Request[2].MaxBytes = 1 },
		"request[1].values":    func(m *abi.Manifest) { m.Request[1].Values = []string{"a"} },
		"request[1].keys":      func(m *abi.Manifest) { m.Request[1].KeysBy = "exam" },
		"request[2].keys":      func(m *abi.Manifest) { delete(m.Request[2].Keys, "b") },
		"inputs":               func(m *abi.Manifest) { m.Inputs = m.Inputs[:1] },
		"inputs[0].name":       func(m *abi.Manifest) { m.Inputs[0].Name = "" },
		"inputs[0].packing":    func(m *abi.Manifest) { m.Inputs[0].Packing = "bits" },
		"inputs[0].length":     func(m *abi.Manifest) { m.Inputs[0].Length = abi.VectorLengthMax + 1 },
		"inputs[0].bound":      func(m *abi.Manifest) { m.Inputs[0].Bound = 0 },
		"inputs[0].scale_bits": func(m *abi.Manifest) { m.Inputs[0].ScaleBits = -1 },
		"inputs[0].when":       func(m *abi.Manifest) { m.Inputs[0].When["note"] = "a" },
		"outputs":              func(m *abi.Manifest) { m.Outputs = append(m.Outputs, m.Outputs[0]) },
		"outputs[0].length":    func(m *abi.Manifest) { m.Outputs[0].Length = -1 },
		"outputs[0].bound":     func(m *abi.Manifest) { m.Outputs[0].Bound = 1 << 31 },
		"model.digest":         func(m *abi.Manifest) { m.Model.Digest = abi.Digest{} },
		"model.file":           func(m *abi.Manifest) { m.Model.File = "model.bin" },
		"model.bytes":          func(m *abi.Manifest) { m.Model.Bytes = abi.ModelBytesMax + 1 },
		"model.tensors":        func(m *abi.Manifest) { m.Model.Tensors = nil },
		"model.tensors[0].type": func(m *abi.Manifest) {
			m.Model.Tensors[0].Type = "f64"
		},
		"model.tensors[0].frac":   func(m *abi.Manifest) { m.Model.Tensors[0].Frac = 61 },
		"model.tensors[0].offset": func(m *abi.Manifest) { m.Model.Tensors[0].Offset = 5 },
		"model.tensors[0].shape": func(m *abi.Manifest) {
			m.Model.Tensors[0].Shape = []int{1 << 20, 1 << 20, 1 << 20, 1 << 20}
		},
		"answer.labels":     func(m *abi.Manifest) { m.Answer.Labels = []string{"ill", "ill"} },
		"answer.label_sets": func(m *abi.Manifest) { m.Answer.LabelSets["b"] = []string{"dead"} },
	}
	for field, change := range tests {
		t.Run(field, func(t *testing.T) {
			m := sampleManifest(t)
			change(m)
			_, err := abi.ParseManifest(canonical(t, m))
			if !errors.Is(err, abi.ErrManifest) || !strings.Contains(err.Error(), field+" ") {
				t.Errorf("error %v, want one that names %s", err, field)
			}
		})
	}
}

func TestPublicCombinationsAreBounded(t *testing.T) {
	m := sampleManifest(t)
	for _, name := range []string{"p", "q", "r"} {
		m.Request = append(m.Request, abi.Field{
			Name: name, Type: abi.FieldEnum, Public: true, Values: []string{"1", "2", "3", "4"},
		})
	}
	if err := m.Check(); !errors.Is(err, abi.ErrManifest) {
		t.Errorf("128 combinations: %v", err)
	}
}

// TestModuleManifestIsCanonical refuses other spellings of the same manifest: two digests
// for one meaning would be two modules.
func TestModuleManifestIsCanonical(t *testing.T) {
	raw := canonical(t, sampleManifest(t))
	var indented bytes.Buffer
	if err := json.Indent(&indented, raw, "", " "); err != nil {
		t.Fatal(err)
	}
	name := `{"manifest":1,`
	tests := map[string][]byte{
		"white space":     indented.Bytes(),
		"trailing byte":   append(slices.Clone(raw), ' '),
		"repeated member": []byte(strings.Replace(string(raw), name, name+`"manifest":1,`, 1)),
		"unknown member":  []byte(strings.Replace(string(raw), name, name+`"extra":1,`, 1)),
		"letter case":     []byte(strings.Replace(string(raw), `"name"`, `"Name"`, 1)),
		"truncated":       raw[:len(raw)-1],
		"too long":        append(slices.Clone(raw), make([]byte, abi.ManifestBytesMax)...),
		"empty":           nil,
	}
	for name, bad := range tests {
		t.Run(name, func(t *testing.T) {
			if _, err := abi.ParseManifest(bad); !errors.Is(err, abi.ErrManifest) {
				t.Errorf("error %v, want ErrManifest", err)
			}
		})
	}
}

func TestAttachManifest(t *testing.T) {
	empty := []byte("\x00asm\x01\x00\x00\x00")
	m := sampleManifest(t)
	module, err := abi.AttachManifest(empty, m)
	if err != nil {
		t.Fatal(err)
	}
	got, err := abi.ModuleManifest(module)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(canonical(t, got), canonical(t, m)) {
		t.Error("another manifest came back")
	}
	if _, err := abi.AttachManifest(module, m); !errors.Is(err, abi.ErrModule) {
		t.Errorf("a second manifest: %v", err)
	}
	bad := map[string][]byte{
		"no header":        []byte("\x00asm\x02\x00\x00\x00"),
		"no manifest":      empty,
		"two manifests":    append(slices.Clone(module), module[len(empty):]...),
		"cut":              module[:len(module)-1],
		"long section":     append(slices.Clone(empty), 1, 0xff, 0xff, 0xff, 0xff, 0x0f),
		"endless size":     append(slices.Clone(empty), bytes.Repeat([]byte{0x80}, 12)...),
		"long custom name": append(slices.Clone(empty), 0, 1, 5),
	}
	for name, file := range bad {
		if _, err := abi.ModuleManifest(file); !errors.Is(err, abi.ErrModule) {
			t.Errorf("%s: %v, want ErrModule", name, err)
		}
	}
}

func TestArgs(t *testing.T) {
	for text, want := range map[string]int{"": 0, "a=1": 1, "a=1,b=2": 2} {
		args, err := abi.ParseArgs(text)
		if err != nil || len(args) != want || args.String() != text {
			t.Errorf("%q: %q, %v", text, args, err)
		}
	}
	for _, text := range []string{"a", "=1", "a=", "a=1,a=2", "a=b=c", "a=1,", "a= x", "ä=1"} {
		if args, err := abi.ParseArgs(text); !errors.Is(err, abi.ErrRequest) {
			t.Errorf("%q: %q, %v", text, args, err)
		}
	}
	unsorted, err := abi.NewArgs([]abi.Arg{{Name: "b", Value: "2"}, {Name: "a", Value: "1"}})
	if err != nil || unsorted.String() != "a=1,b=2" {
		t.Errorf("sorted to %q, %v", unsorted, err)
	}
}

func TestLabelledDigestSeparatesParts(t *testing.T) {
	preimages := map[string]abi.Digest{
		"ab|c":  abi.LabelledDigest("l", []byte("ab"), []byte("c")),
		"a|bc":  abi.LabelledDigest("l", []byte("a"), []byte("bc")),
		"abc":   abi.LabelledDigest("l", []byte("abc")),
		"abc|":  abi.LabelledDigest("l", []byte("abc"), nil),
		"la|bc": abi.LabelledDigest("la", []byte("bc")),
	}
	seen := make(map[abi.Digest]string)
	for _, name := range slices.Sorted(maps.Keys(preimages)) {
		d := preimages[name]
		if other, ok := seen[d]; ok {
			t.Errorf("%s and %s have one digest", name, other)
		}
		seen[d] = name
	}
}

func TestTextFormsAreStrict(t *testing.T) {
	d := abi.SumDigest([]byte("x"))
	if back, err := abi.ParseDigest(d.String()); err != nil || !back.Equal(d) {
		t.Errorf("digest read back as %s, %v", back, err)
	}
	for _, bad := range []string{
		"", "sha256:", d.String()[7:], d.String() + "0", strings.ToUpper(d.String()),
		"sha256:" + strings.Repeat("g", 64),
	} {
		if _, err := abi.ParseDigest(bad); !errors.Is(err, abi.ErrDigest) {
			t.Errorf("%q: %v", bad, err)
		}
	}
	for _, bad := range []string{"", "0x", strings.Repeat("0", 40), "0x" + strings.Repeat("0", 41)} {
		if _, err := abi.ParseAddress(bad); !errors.Is(err, abi.ErrID) {
			t.Errorf("%q: %v", bad, err)
		}
	}
	if _, err := abi.ParseTaskID(strings.Repeat("0", 63)); !errors.Is(err, abi.ErrID) {
		t.Errorf("short task id: %v", err)
	}
}

func FuzzParseManifest(f *testing.F) {
	f.Add(canonical(f, sampleManifest(f)))
	f.Add([]byte(`{"manifest":1}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		m, err := abi.ParseManifest(raw)
		if err != nil {
			return
		}
		if again := canonical(t, m); !bytes.Equal(again, raw) {
			t.Errorf("accepted %q, writes %q", raw, again)
		}
		if n := len(m.Combinations()); n < 1 || n > abi.PublicCombinationsMax {
			t.Errorf("%d combinations", n)
		}
	})
}

func FuzzModuleManifest(f *testing.F) {
	module, err := abi.AttachManifest([]byte("\x00asm\x01\x00\x00\x00"), sampleManifest(f))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(module)
	f.Fuzz(func(t *testing.T, file []byte) {
		m, err := abi.ModuleManifest(file)
		if err != nil {
			return
		}
		if !bytes.Contains(file, canonical(t, m)) {
			t.Error("the manifest is not in the file")
		}
	})
}
