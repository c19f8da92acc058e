package abi

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"unicode/utf8"
)

// scaleBitsMax bounds a declared scale: every prime lies below 2^50.
const scaleBitsMax = 50

// boundMax bounds a declared bound of an element.
const boundMax = 1 << 30

// proseBytesMax bounds the texts that are for people.
const proseBytesMax = 4096

// ParseManifest reads a manifest of at most [ManifestBytesMax] bytes strictly: unknown or
// repeated fields, trailing bytes and values outside their documented ranges are refused
// with an error that wraps [ErrManifest] and names the field. Repeated JSON members are
// found by comparing with the canonical form, so only canonical bytes are accepted from a
// module; ParseManifestSource is for the author's file.
func ParseManifest(b []byte) (*Manifest, error) {
	m, err := ParseManifestSource(b)
	if err != nil {
		return nil, err
	}
	if m.ABI != Version {
		return nil, manifestError("abi", "is %q; this build speaks %q: rebuild the module",
			m.ABI, Version)
	}
	if m.Model != nil {
		if m.Model.File != "" {
			return nil, manifestError("model.file", "belongs to the source, not to a module")
		}
		if m.Model.Digest.IsZero() || m.Model.Bytes <= 0 {
			return nil, manifestError("model.digest", "and model.bytes must pin the blob")
		}
	}
	canonical, err := m.Canonical()
	if err != nil {
		return nil, err
	}
	if !bytes.Equal(canonical, b) {
		return nil, manifestError("manifest", "is not in canonical form: rebuild the module")
	}
	return m, nil
}

// ParseManifestSource reads the manifest.json that an author writes: white space is free,
// and the fields that `cerberus brain build` fills in may be absent.
func ParseManifestSource(b []byte) (*Manifest, error) {
	if len(b) > ManifestBytesMax {
		return nil, manifestError("manifest", "has %d bytes, more than %d", len(b),
			ManifestBytesMax)
	}
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.DisallowUnknownFields()
	m := new(Manifest)
	if err := dec.Decode(m); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrManifest, err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, manifestError("manifest", "has bytes after its end")
	}
	if err := m.Check(); err != nil {
		return nil, err
	}
	return m, nil
}

// Canonical returns the canonical JSON: no white space, fields in the order of the type,
// map keys sorted.
func (m *Manifest) Canonical() ([]byte, error) {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(m); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrManifest, err)
	}
	return bytes.TrimSuffix(buf.Bytes(), []byte("\n")), nil
}

// Check reports the first field that breaks a documented range.
func (m *Manifest) Check() error {
	if m.Manifest != ManifestVersion {
		return manifestError("manifest", "is version %d; this build reads %d", m.Manifest,
			ManifestVersion)
	}
	for _, n := range []struct{ field, value string }{
		{"name", m.Name}, {"version", m.Version}, {"params", m.Params},
	} {
		if !ValidName(n.value) {
			return manifestError(n.field, "%.80q is not a name of 1 to %d letters, digits, _ - .",
				n.value, NameBytesMax)
		}
	}
	if m.Task != "classify" {
		return manifestError("task", "%.80q is unknown; the one kind of task is \"classify\"", m.Task)
	}
	if len(m.IntendedUse) == 0 || len(m.IntendedUse) > proseBytesMax ||
		len(m.LimitsOfUse) > proseBytesMax ||
		!utf8.ValidString(m.IntendedUse) || !utf8.ValidString(m.LimitsOfUse) {
		return manifestError("intended_use", "must say in 1 to %d bytes of text what it is for",
			proseBytesMax)
	}
	if m.ToleranceBits < 1 || m.ToleranceBits > scaleBitsMax {
		return manifestError("tolerance_bits", "is %d, outside 1 to %d", m.ToleranceBits,
			scaleBitsMax)
	}
	for _, check := range []func() error{
		m.checkRequest, m.checkInputs, m.checkOutputs, m.checkModel, m.checkAnswer,
	} {
		if err := check(); err != nil {
			return err
		}
	}
	return nil
}

func (m *Manifest) checkRequest() error {
	if len(m.Request) == 0 || len(m.Request) > FieldsMax {
		return manifestError("request", "has %d fields, outside 1 to %d", len(m.Request), FieldsMax)
	}
	combinations := 1
	for i, f := range m.Request {
		at := fmt.Sprintf("request[%d]", i)
		if !ValidName(f.Name) {
			return manifestError(at+".name", "%.80q is not a name", f.Name)
		}
		if slices.ContainsFunc(m.Request[:i], func(g Field) bool { return g.Name == f.Name }) {
			return manifestError(at+".name", "%q is given twice", f.Name)
		}
		if f.Public && (f.Type != FieldEnum || f.Optional) {
			return manifestError(at+".public", "needs an enum field that is not optional")
		}
		if err := m.checkFieldType(at, f); err != nil {
			return err
		}
		if f.Public {
			combinations *= len(f.Values)
		}
		if combinations > PublicCombinationsMax {
			return manifestError(at+".public", "makes more than %d combinations of public arguments",
				PublicCombinationsMax)
		}
	}
	return nil
}

func (m *Manifest) checkFieldType(at string, f Field) error {
	if f.Type != FieldText && f.MaxBytes != 0 {
		return manifestError(at+".max_bytes", "belongs to text fields only")
	}
	if f.Type != FieldEnum && f.Values != nil {
		return manifestError(at+".values", "belongs to enum fields only")
	}
	if f.Type != FieldNumbers && (f.Keys != nil || f.KeysBy != "") {
		return manifestError(at+".keys", "belongs to numbers fields only")
	}
	switch f.Type {
	case FieldText:
		if f.MaxBytes < 1 || f.MaxBytes > RequestBytesMax {
			return manifestError(at+".max_bytes", "is %d, outside 1 to %d", f.MaxBytes,
				RequestBytesMax)
		}
	case FieldNumber:
	case FieldEnum:
		return checkNames(at+".values", f.Values, EnumValuesMax)
	case FieldNumbers:
		return m.checkSelected(at+".keys", f.KeysBy, f.Keys, FieldKeysMax)
	default:
		return manifestError(at+".type", "%.80q is none of text, number, enum, numbers", f.Type)
	}
	return nil
}

// checkSelected checks a map of name lists whose keys are the values of the public field
// by, or the one key "" when by is empty.
func (m *Manifest) checkSelected(at, by string, sets map[string][]string, most int) error {
	want := []string{""}
	if by != "" {
		f, ok := m.Field(by)
		if !ok || !f.Public {
			return manifestError(at, "is selected by %.80q, which is no public field", by)
		}
		want = f.Values
	}
	if len(sets) != len(want) {
		return manifestError(at, "has %d entries, not one for each of %d values", len(sets),
			len(want))
	}
	for _, v := range want {
		if err := checkNames(fmt.Sprintf("%s[%q]", at, v), sets[v], most); err != nil {
			return err
		}
	}
	return nil
}

func (m *Manifest) checkInputs() error {
	if len(m.Inputs) == 0 || len(m.Inputs) > InputsMax {
		return manifestError("inputs", "has %d entries, outside 1 to %d", len(m.Inputs), InputsMax)
	}
	for i, in := range m.Inputs {
		at := fmt.Sprintf("inputs[%d]", i)
		if !ValidName(in.Name) {
			return manifestError(at+".name", "%.80q is not a name", in.Name)
		}
		if in.Packing != PackSlots && in.Packing != PackCoeffs {
			return manifestError(at+".packing", "%.80q is neither slots nor coeffs", in.Packing)
		}
		if in.Length < 1 || in.Length > VectorLengthMax {
			return manifestError(at+".length", "is %d, outside 1 to %d", in.Length, VectorLengthMax)
		}
		if in.Bound < 1 || in.Bound > boundMax {
			return manifestError(at+".bound", "is %d, outside 1 to %d", in.Bound, boundMax)
		}
		if in.ScaleBits < 0 || in.ScaleBits > scaleBitsMax {
			return manifestError(at+".scale_bits", "is %d, outside 0 to %d", in.ScaleBits,
				scaleBitsMax)
		}
		if err := m.checkWhen(at, in.When); err != nil {
			return err
		}
	}
	return m.checkPerCombination("inputs", func(args Args) []string {
		var names []string
		for _, in := range m.InputsFor(args) {
			names = append(names, in.Name)
		}
		return names
	})
}

func (m *Manifest) checkOutputs() error {
	if len(m.Outputs) == 0 || len(m.Outputs) > OutputsMax {
		return manifestError("outputs", "has %d entries, outside 1 to %d", len(m.Outputs),
			OutputsMax)
	}
	for i, o := range m.Outputs {
		at := fmt.Sprintf("outputs[%d]", i)
		if !ValidName(o.Name) {
			return manifestError(at+".name", "%.80q is not a name", o.Name)
		}
		if o.Length < 1 || o.Length > VectorLengthMax {
			return manifestError(at+".length", "is %d, outside 1 to %d", o.Length, VectorLengthMax)
		}
		if o.Bound < 1 || o.Bound > boundMax {
			return manifestError(at+".bound", "is %d, outside 1 to %d", o.Bound, boundMax)
		}
		if err := m.checkWhen(at, o.When); err != nil {
			return err
		}
	}
	return m.checkPerCombination("outputs", func(args Args) []string {
		var names []string
		for _, o := range m.OutputsFor(args) {
			names = append(names, o.Name)
		}
		return names
	})
}

func (m *Manifest) checkWhen(at string, when map[string]string) error {
	for name, value := range when {
		f, ok := m.Field(name)
		if !ok || !f.Public || !slices.Contains(f.Values, value) {
			return manifestError(at+".when", "%.80q=%.80q is no value of a public field", name, value)
		}
	}
	return nil
}

// checkPerCombination asks that every combination of public arguments has at least one
// entry and none twice.
func (m *Manifest) checkPerCombination(at string, names func(Args) []string) error {
	for _, args := range m.Combinations() {
		got := names(args)
		if len(got) == 0 {
			return manifestError(at, "has no entry for public arguments %q", args.String())
		}
		slices.Sort(got)
		if len(slices.Compact(got)) != len(got) {
			return manifestError(at, "has a name twice for public arguments %q", args.String())
		}
	}
	return nil
}

func (m *Manifest) checkModel() error {
	if m.Model == nil {
		return nil
	}
	if m.Model.Bytes < 0 || m.Model.Bytes > ModelBytesMax {
		return manifestError("model.bytes", "is %d, outside 0 to %d", m.Model.Bytes, ModelBytesMax)
	}
	if n := len(m.Model.Tensors); n == 0 || n > TensorsMax {
		return manifestError("model.tensors", "has %d entries, outside 1 to %d", n, TensorsMax)
	}
	for i, t := range m.Model.Tensors {
		at := fmt.Sprintf("model.tensors[%d]", i)
		if !ValidName(t.Name) {
			return manifestError(at+".name", "%.80q is not a name", t.Name)
		}
		if slices.ContainsFunc(m.Model.Tensors[:i], func(u Tensor) bool { return u.Name == t.Name }) {
			return manifestError(at+".name", "%q is given twice", t.Name)
		}
		if err := m.Model.checkTensor(at, t); err != nil {
			return err
		}
	}
	return nil
}

func (m *Model) checkTensor(at string, t Tensor) error {
	if t.Type.Size() == 0 {
		return manifestError(at+".type", "%.80q is none of i8, i16, i32, i64", t.Type)
	}
	if t.Frac < 0 || t.Frac > FracBitsMax {
		return manifestError(at+".frac", "is %d, outside 0 to %d", t.Frac, FracBitsMax)
	}
	if len(t.Shape) < 1 || len(t.Shape) > 4 {
		return manifestError(at+".shape", "has %d dimensions, outside 1 to 4", len(t.Shape))
	}
	count := 1
	for _, d := range t.Shape {
		if d < 1 || d > ModelBytesMax || count > ModelBytesMax/d {
			return manifestError(at+".shape", "has a dimension %d outside the limits", d)
		}
		count *= d
	}
	end := int64(count) * int64(t.Type.Size())
	if t.Offset < 0 || t.Offset > ModelBytesMax || t.Offset+end > ModelBytesMax {
		return manifestError(at+".offset", "puts the tensor outside a model of at most %d bytes",
			ModelBytesMax)
	}
	if m.Bytes > 0 && t.Offset+end > m.Bytes {
		return manifestError(at+".offset", "puts the tensor's end at %d, beyond the model's %d bytes",
			t.Offset+end, m.Bytes)
	}
	return nil
}

func (m *Manifest) checkAnswer() error {
	if err := checkNames("answer.labels", m.Answer.Labels, LabelsMax); err != nil {
		return err
	}
	if m.Answer.LabelsBy == "" {
		if m.Answer.LabelSets != nil {
			return manifestError("answer.label_sets", "needs answer.labels_by")
		}
		return nil
	}
	err := m.checkSelected("answer.label_sets", m.Answer.LabelsBy, m.Answer.LabelSets, LabelsMax)
	if err != nil {
		return err
	}
	f, _ := m.Field(m.Answer.LabelsBy)
	for _, v := range f.Values {
		for _, label := range m.Answer.LabelSets[v] {
			if !slices.Contains(m.Answer.Labels, label) {
				return manifestError("answer.label_sets", "%q is not in answer.labels", label)
			}
		}
	}
	return nil
}

func checkNames(at string, names []string, most int) error {
	if len(names) == 0 || len(names) > most {
		return manifestError(at, "has %d entries, outside 1 to %d", len(names), most)
	}
	seen := make(map[string]bool, len(names))
	for _, n := range names {
		if !ValidName(n) {
			return manifestError(at, "%.80q is not a name", n)
		}
		if seen[n] {
			return manifestError(at, "%q is given twice", n)
		}
		seen[n] = true
	}
	return nil
}

func manifestError(field, format string, args ...any) error {
	return fmt.Errorf("%w: %s %s", ErrManifest, field, fmt.Sprintf(format, args...))
}
