package hostcall

import (
	"bytes"
	"math"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/cerberus-host/cerberus/abi"
)

// Request is a client's request, checked against a manifest's schema. It is read-only and
// safe for concurrent use.
type Request struct {
	texts   map[string]string             // text and enum fields
	numbers map[string]map[string]float64 // number fields have the one key ""
	args    abi.Args
}

// ParseRequest reads a request document of at most [abi.RequestBytesMax] bytes: a JSON
// object of the schema's fields or, where the schema has one text field and asks for no
// other, plain text that does not begin with a brace; one line end after it is left out.
// Unknown and repeated fields, wrong types, numbers that are not finite and values outside
// the schema are refused with a [*RequestError].
func ParseRequest(m *abi.Manifest, doc []byte) (*Request, error) {
	if len(doc) > abi.RequestBytesMax {
		return nil, requestError("", "has %d bytes, more than %d", len(doc), abi.RequestBytesMax)
	}
	if !utf8.Valid(doc) {
		return nil, requestError("", "is not UTF-8 text")
	}
	values, err := parseDocument(m, doc)
	if err != nil {
		return nil, err
	}
	r := &Request{texts: map[string]string{}, numbers: map[string]map[string]float64{}}
	for _, name := range sortedNames(values) {
		if _, ok := m.Field(name); !ok {
			return nil, requestError(name, "is not in the schema, which has %s", fieldNames(m))
		}
	}
	// Public fields first, because they select the keys of others.
	for _, public := range []bool{true, false} {
		for _, f := range m.Request {
			if f.Public != public {
				continue
			}
			if err := r.take(f, values[f.Name]); err != nil {
				return nil, err
			}
		}
		if public {
			if r.args, err = r.publicArgs(m); err != nil {
				return nil, err
			}
		}
	}
	return r, nil
}

// PublicArgs returns the public arguments of a request: its public fields and nothing else.
// They are what leaves the client's machine in clear.
func PublicArgs(m *abi.Manifest, r *Request) (abi.Args, error) { return r.publicArgs(m) }

func (r *Request) publicArgs(m *abi.Manifest) (abi.Args, error) {
	var list []abi.Arg
	for _, f := range m.PublicFields() {
		v, ok := r.texts[f.Name]
		if !ok || !slices.Contains(f.Values, v) {
			return nil, requestError(f.Name, "is public and missing, or not of this schema")
		}
		list = append(list, abi.Arg{Name: f.Name, Value: v})
	}
	return abi.NewArgs(list)
}

func parseDocument(m *abi.Manifest, doc []byte) (map[string]value, error) {
	if name, ok := plainTextField(m); ok && !bytes.HasPrefix(bytes.TrimSpace(doc), []byte("{")) {
		text := strings.TrimSuffix(strings.TrimSuffix(string(doc), "\n"), "\r")
		return map[string]value{name: {kind: kindText, text: text}}, nil
	}
	return parseObject(doc)
}

// plainTextField returns the field that plain text stands for.
func plainTextField(m *abi.Manifest) (string, bool) {
	name := ""
	for _, f := range m.Request {
		switch {
		case f.Type == abi.FieldText && name == "":
			name = f.Name
		case f.Type == abi.FieldText || !f.Optional:
			return "", false
		}
	}
	return name, name != ""
}

// take checks one field's value and keeps it.
func (r *Request) take(f abi.Field, v value) error {
	if v.kind == kindAbsent {
		if !f.Optional {
			return requestError(f.Name, "is missing")
		}
		return nil
	}
	want := map[abi.FieldType]valueKind{
		abi.FieldText: kindText, abi.FieldEnum: kindText, abi.FieldNumber: kindNumber,
		abi.FieldNumbers: kindNumbers,
	}[f.Type]
	if v.kind != want {
		return requestError(f.Name, "is %s; the schema wants %s", v.kind, want)
	}
	switch f.Type {
	case abi.FieldText:
		if len(v.text) > f.MaxBytes {
			return requestError(f.Name, "has %d bytes, more than %d", len(v.text), f.MaxBytes)
		}
		r.texts[f.Name] = v.text
	case abi.FieldEnum:
		if !slices.Contains(f.Values, v.text) {
			return requestError(f.Name, "is none of %s", strings.Join(f.Values, ", "))
		}
		r.texts[f.Name] = v.text
	case abi.FieldNumber:
		r.numbers[f.Name] = map[string]float64{"": v.number}
	case abi.FieldNumbers:
		keys := keysOf(f, r.args)
		for _, key := range sortedNames(v.numbers) {
			if !slices.Contains(keys, key) {
				return requestError(f.Name+"."+key, "is not in the schema")
			}
		}
		r.numbers[f.Name] = v.numbers
	}
	return nil
}

// keysOf returns the keys that a numbers field may hold for these public arguments.
func keysOf(f abi.Field, args abi.Args) []string {
	if f.KeysBy == "" {
		return f.Keys[""]
	}
	v, _ := args.Get(f.KeysBy)
	return f.Keys[v]
}

func fieldNames(m *abi.Manifest) string {
	names := make([]string, len(m.Request))
	for i, f := range m.Request {
		names[i] = f.Name
	}
	return strings.Join(names, ", ")
}

func finite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }

func sortedNames[V any](m map[string]V) []string {
	names := make([]string, 0, len(m))
	for name := range m {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
