package fhetest

import (
	"fmt"
	"math/big"
	"slices"

	"github.com/cerberus-host/cerberus/abi"
	"github.com/cerberus-host/cerberus/fhe"
)

// Tape is a recorder that keeps all wires, in order. It is not safe for concurrent use.
type Tape struct {
	Wires []fhe.Wire
}

// Record implements [fhe.Recorder].
func (t *Tape) Record(w fhe.Wire) error {
	t.Wires = append(t.Wires, w)
	return nil
}

// Digest returns a digest of all wires and their order.
func (t *Tape) Digest() abi.Digest {
	var parts [][]byte
	for _, w := range t.Wires {
		parts = append(parts, fmt.Appendf(nil, "%d %d %d %d", w.Step, w.Kind, w.Index, len(w.Coeffs)))
		var text []byte
		for _, c := range w.Coeffs {
			text = append(c.Append(text, 16), ' ')
		}
		parts = append(parts, text)
	}
	return abi.LabelledDigest("cerberus/fhetest/wires", parts...)
}

// Diff returns where two tapes differ first, or nil.
func (t *Tape) Diff(o *Tape) error {
	for i := range min(len(t.Wires), len(o.Wires)) {
		a, b := t.Wires[i], o.Wires[i]
		if a.Step != b.Step || a.Kind != b.Kind || a.Index != b.Index {
			return fmt.Errorf("wire %d is step %d, kind %d, index %d and step %d, kind %d, index %d",
				i, a.Step, a.Kind, a.Index, b.Step, b.Kind, b.Index)
		}
		if !slices.EqualFunc(a.Coeffs, b.Coeffs, func(x, y *big.Int) bool { return x.Cmp(y) == 0 }) {
			return fmt.Errorf("wire %d (step %d, kind %d, index %d) has other integers", i, a.Step,
				a.Kind, a.Index)
		}
	}
	if len(t.Wires) != len(o.Wires) {
		return fmt.Errorf("%d and %d wires", len(t.Wires), len(o.Wires))
	}
	return nil
}
