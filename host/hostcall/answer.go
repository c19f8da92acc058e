package hostcall

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
)

// AnswerNumbersMax bounds the numbers of an answer.
const AnswerNumbersMax = 64

// labelName is the member of the answer document that holds the label.
const labelName = "label"

// Answer is what decode answered: a label of the manifest's and finite numbers.
type Answer struct {
	Label string
	// Numbers are in the order in which decode gave them; their names are unique.
	Numbers []Number
}

// Number is a named number of an [Answer].
type Number struct {
	Name  string
	Value float64
}

// Get returns the number of that name, for a classifier usually "confidence".
func (a Answer) Get(name string) (float64, bool) {
	i := slices.IndexFunc(a.Numbers, func(n Number) bool { return n.Name == name })
	if i < 0 {
		return 0, false
	}
	return a.Numbers[i].Value, true
}

// MarshalJSON renders the answer as one object: the label first, then the numbers in their
// order, each in the shortest form that reads back exactly.
func (a Answer) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	label, err := json.Marshal(a.Label)
	if err != nil {
		return nil, fmt.Errorf("render answer: %w", err)
	}
	fmt.Fprintf(&b, "{%q:%s", labelName, label)
	for _, n := range a.Numbers {
		name, err := json.Marshal(n.Name)
		if err != nil {
			return nil, fmt.Errorf("render answer: %w", err)
		}
		v, err := json.Marshal(n.Value)
		if err != nil {
			return nil, fmt.Errorf("render answer: %w", err)
		}
		fmt.Fprintf(&b, ",%s:%s", name, v)
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}
