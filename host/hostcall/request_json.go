package hostcall

import (
	"bytes"
	"encoding/json"
	"strconv"

	"github.com/cerberus-host/cerberus/abi"
)

type valueKind int

const (
	kindAbsent valueKind = iota
	kindText
	kindNumber
	kindNumbers
	kindOther
)

// String names the kind for error messages.
func (k valueKind) String() string {
	return [...]string{
		"absent", "a string", "a number", "an object of numbers", "true, false, null or an array",
	}[k]
}

// value is one member of a request document.
type value struct {
	kind    valueKind
	text    string
	number  float64
	numbers map[string]float64
}

// parser reads the one form that a request can have: an object whose members are strings,
// numbers and objects of numbers. encoding/json alone would let a later member replace an
// earlier one of the same name.
type parser struct{ dec *json.Decoder }

func parseObject(doc []byte) (map[string]value, error) {
	if !json.Valid(doc) {
		return nil, requestError("", "is not JSON")
	}
	dec := json.NewDecoder(bytes.NewReader(doc))
	dec.UseNumber()
	p := parser{dec}
	if t, err := dec.Token(); err != nil || t != json.Delim('{') {
		return nil, requestError("", "is not a JSON object")
	}
	members := map[string]value{}
	for dec.More() {
		name, err := p.name("")
		if err != nil {
			return nil, err
		}
		if _, twice := members[name]; twice {
			return nil, requestError(name, "is given twice")
		}
		if len(members) == abi.FieldsMax {
			return nil, requestError("", "has more than %d fields", abi.FieldsMax)
		}
		if members[name], err = p.member(name); err != nil {
			return nil, err
		}
	}
	return members, nil
}

func (p parser) name(at string) (string, error) {
	t, err := p.dec.Token()
	name, ok := t.(string)
	if err != nil || !ok {
		return "", requestError(at, "is not JSON")
	}
	return name, nil
}

func (p parser) member(name string) (value, error) {
	t, err := p.dec.Token()
	if err != nil {
		return value{}, requestError(name, "is not JSON")
	}
	switch t := t.(type) {
	case string:
		return value{kind: kindText, text: t}, nil
	case json.Number:
		v, err := number(name, t)
		return value{kind: kindNumber, number: v}, err
	case json.Delim:
		if t == '{' {
			return p.object(name)
		}
	}
	return value{}, requestError(name, "is %s, which no field can be", kindOther)
}

func (p parser) object(name string) (value, error) {
	numbers := map[string]float64{}
	for p.dec.More() {
		key, err := p.name(name)
		if err != nil {
			return value{}, err
		}
		at := name + "." + key
		if _, twice := numbers[key]; twice {
			return value{}, requestError(at, "is given twice")
		}
		if len(numbers) == abi.FieldKeysMax {
			return value{}, requestError(name, "has more than %d keys", abi.FieldKeysMax)
		}
		t, err := p.dec.Token()
		n, ok := t.(json.Number)
		if err != nil || !ok {
			return value{}, requestError(at, "is not a number")
		}
		if numbers[key], err = number(at, n); err != nil {
			return value{}, err
		}
	}
	if _, err := p.dec.Token(); err != nil { // the closing brace
		return value{}, requestError(name, "is not JSON")
	}
	return value{kind: kindNumbers, numbers: numbers}, nil
}

func number(at string, n json.Number) (float64, error) {
	v, err := strconv.ParseFloat(n.String(), 64)
	if err != nil || !finite(v) {
		return 0, requestError(at, "is not a finite number")
	}
	return v, nil
}
