package abi

import "slices"

// ManifestVersion is the version of the manifest's form; do not renumber.
const ManifestVersion = 1

// Manifest is what a module says about itself. It travels as canonical JSON in the custom
// section [ManifestSection] of the module, so the module's digest binds it, and it is
// never the result of running code. [ParseManifest] returns checked values only.
type Manifest struct {
	// Manifest is the version of this form: [ManifestVersion].
	Manifest int `json:"manifest"`
	// ABI is the version of the ABI that the module was built for: [Version].
	ABI string `json:"abi"`
	// Name and Version are the author's; Name is also what people type.
	Name    string `json:"name"`
	Version string `json:"version"`
	// Task is the kind of task; "classify" is the only one in this version.
	Task string `json:"task"`
	// Params names the parameter set that the Brain computes under.
	Params string `json:"params"`
	// Request is the schema of the request document.
	Request []Field `json:"request"`
	// Inputs are the encrypted vectors that encode fills.
	Inputs []Input `json:"inputs"`
	// Outputs are the vectors that infer makes and decode reads.
	Outputs []Output `json:"outputs"`
	// Model describes the weights blob; nil for a Brain that has none.
	Model *Model `json:"model,omitempty"`
	// Answer describes what decode may answer.
	Answer Answer `json:"answer"`
	// ToleranceBits is the precision that the author asks for: the error of an output must
	// stay below 2^-ToleranceBits of its bound. Registration holds the Plan's proven noise to
	// it: the largest error that an attestation leaves possible, not only that of an honest
	// node.
	ToleranceBits int `json:"tolerance_bits"`
	// IntendedUse and LimitsOfUse are for people.
	IntendedUse string `json:"intended_use"`
	LimitsOfUse string `json:"limits_of_use,omitempty"`
}

// FieldType is the type of a request field.
type FieldType string

// The field types.
const (
	// FieldText is a UTF-8 string of at most MaxBytes bytes.
	FieldText FieldType = "text"
	// FieldNumber is one finite number.
	FieldNumber FieldType = "number"
	// FieldEnum is one of Values.
	FieldEnum FieldType = "enum"
	// FieldNumbers is an object from names, out of Keys, to finite numbers; any may miss.
	FieldNumbers FieldType = "numbers"
)

// Field is one field of the request document.
type Field struct {
	Name string    `json:"name"`
	Type FieldType `json:"type"`
	// Public marks a field that the client copies into the task's public arguments: it
	// leaves the client's machine in clear. Only enum fields can be public.
	Public bool `json:"public,omitempty"`
	// Optional allows the field to be absent. A public field is never optional.
	Optional bool `json:"optional,omitempty"`
	// MaxBytes bounds a text field; 1 to [RequestBytesMax].
	MaxBytes int `json:"max_bytes,omitempty"`
	// Values lists an enum's values.
	Values []string `json:"values,omitempty"`
	// KeysBy names the public enum field whose value selects the entry of Keys; empty
	// means that Keys has one entry, under "".
	KeysBy string `json:"keys_by,omitempty"`
	// Keys lists the names that a numbers field may hold.
	Keys map[string][]string `json:"keys,omitempty"`
}

// Packing says how a vector lies in the ring.
type Packing string

// The packings.
const (
	// PackSlots puts a vector into the slots of one ciphertext, repeated with the period
	// that is the power of two at or above its length; elements beyond the length are zero.
	PackSlots Packing = "slots"
	// PackCoeffs puts a vector into polynomial coefficients, N to a ciphertext, as many
	// ciphertexts as needed.
	PackCoeffs Packing = "coeffs"
)

// Input is one encrypted vector. Its shape follows from the manifest and the public
// arguments alone, never from guest code.
type Input struct {
	Name    string  `json:"name"`
	Packing Packing `json:"packing"`
	Length  int     `json:"length"`
	// Bound is the largest absolute value that an element may have.
	Bound int `json:"bound"`
	// ScaleBits is the binary logarithm of the scale that it is encoded at; 0 means the
	// parameter set's default.
	ScaleBits int `json:"scale_bits,omitempty"`
	// When restricts the input to tasks with these public arguments; empty means all.
	When map[string]string `json:"when,omitempty"`
}

// Output is one result vector.
type Output struct {
	Name   string `json:"name"`
	Length int    `json:"length"`
	// Bound is the largest absolute value that an element may have.
	Bound int               `json:"bound"`
	When  map[string]string `json:"when,omitempty"`
}

// Model describes the weights blob.
type Model struct {
	// File is the path of the blob beside the manifest's source. `cerberus brain build`
	// reads it and leaves it out of the module.
	File string `json:"file,omitempty"`
	// Digest and Bytes pin the blob; `cerberus brain build` fills them in.
	Digest  Digest   `json:"digest"`
	Bytes   int64    `json:"bytes"`
	Tensors []Tensor `json:"tensors"`
}

// NumberType is the storage type of a tensor: a signed little-endian integer.
type NumberType string

// The number types.
const (
	Int8  NumberType = "i8"
	Int16 NumberType = "i16"
	Int32 NumberType = "i32"
	Int64 NumberType = "i64"
)

// Size returns the bytes of one number, 0 for an unknown type.
func (t NumberType) Size() int {
	switch t {
	case Int8:
		return 1
	case Int16:
		return 2
	case Int32:
		return 4
	case Int64:
		return 8
	default:
		return 0
	}
}

// Tensor is a named run of fixed-point numbers in the model: the value of a number is its
// integer times 2^-Frac.
type Tensor struct {
	Name   string     `json:"name"`
	Type   NumberType `json:"type"`
	Offset int64      `json:"offset"`
	Shape  []int      `json:"shape"`
	Frac   int        `json:"frac"`
}

// Count returns the number of elements; the shape was checked.
func (t Tensor) Count() int {
	n := 1
	for _, d := range t.Shape {
		n *= d
	}
	return n
}

// Answer describes the answer document.
type Answer struct {
	// Labels are the labels that decode may answer.
	Labels []string `json:"labels"`
	// LabelsBy names the public field whose value selects the entry of LabelSets that an
	// answer's label must be in; empty means that any of Labels will do.
	LabelsBy  string              `json:"labels_by,omitempty"`
	LabelSets map[string][]string `json:"label_sets,omitempty"`
}

// InputsFor returns the inputs of a task with these public arguments, in order.
func (m *Manifest) InputsFor(args Args) []Input {
	var out []Input
	for _, in := range m.Inputs {
		if matches(in.When, args) {
			out = append(out, in)
		}
	}
	return out
}

// OutputsFor returns the outputs of a task with these public arguments, in order.
func (m *Manifest) OutputsFor(args Args) []Output {
	var out []Output
	for _, o := range m.Outputs {
		if matches(o.When, args) {
			out = append(out, o)
		}
	}
	return out
}

// LabelsFor returns the labels that an answer to these public arguments may carry.
func (m *Manifest) LabelsFor(args Args) []string {
	if m.Answer.LabelsBy == "" {
		return m.Answer.Labels
	}
	v, _ := args.Get(m.Answer.LabelsBy)
	return m.Answer.LabelSets[v]
}

// Tensor returns the tensor of that name.
func (m *Manifest) Tensor(name string) (Tensor, bool) {
	if m.Model == nil {
		return Tensor{}, false
	}
	for _, t := range m.Model.Tensors {
		if t.Name == name {
			return t, true
		}
	}
	return Tensor{}, false
}

// Field returns the request field of that name.
func (m *Manifest) Field(name string) (Field, bool) {
	for _, f := range m.Request {
		if f.Name == name {
			return f, true
		}
	}
	return Field{}, false
}

// PublicFields returns the public fields in schema order.
func (m *Manifest) PublicFields() []Field {
	var out []Field
	for _, f := range m.Request {
		if f.Public {
			out = append(out, f)
		}
	}
	return out
}

// Combinations returns every combination of public arguments that a task can have, in a
// fixed order (fields in schema order, values in listed order, the last field varies
// fastest); a module without public fields has one, the empty one. There are at most
// [PublicCombinationsMax] of them in a checked manifest.
func (m *Manifest) Combinations() []Args {
	out := []Args{nil}
	for _, f := range m.PublicFields() {
		var next []Args
		for _, base := range out {
			for _, v := range f.Values {
				args, err := NewArgs(append(slices.Clip(base), Arg{f.Name, v}))
				if err != nil {
					continue // a checked manifest has valid, distinct names
				}
				next = append(next, args)
			}
		}
		out = next
	}
	return out
}

func matches(when map[string]string, args Args) bool {
	for name, want := range when {
		if got, ok := args.Get(name); !ok || got != want {
			return false
		}
	}
	return true
}
