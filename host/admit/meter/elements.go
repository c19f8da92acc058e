package meter

import (
	"fmt"

	"github.com/cerberus-host/cerberus/host/admit/wasm"
)

// elementSection moves the functions in element segments.
func (m *module) elementSection() ([]byte, error) {
	if m.sections[wasm.SectionElement] == nil {
		return nil, nil
	}
	r := *m.sections[wasm.SectionElement]
	n, err := r.Count("element segments", 2)
	if err != nil {
		return nil, err
	}
	out := appendCount(make([]byte, 0, r.Left()+64), n)
	var e wasm.Element
	for range n {
		// The head, up to the count of items, names no functions: an offset is a number.
		start := r.Pos()
		if err := r.Element(&e); err != nil {
			return nil, err
		}
		if e.Mode == wasm.Active && e.Offset.Op == wasm.OpRefFunc {
			return nil, fmt.Errorf("%w: an offset is a function", ErrInvalid)
		}
		out = append(out, r.Bytes(start, r.Pos())...)
		for range e.Count {
			if err := m.element(&out, &r, e.Expressions); err != nil {
				return nil, err
			}
		}
	}
	return out, r.Done()
}

// element appends an item of a segment.
func (m *module) element(out *[]byte, r *wasm.Reader, expression bool) error {
	if expression {
		return m.constant(out, r)
	}
	index, err := r.U32()
	if err != nil {
		return err
	}
	if uint64(index) >= m.functions() {
		return fmt.Errorf("%w: function %d of %d", ErrInvalid, index, m.functions())
	}
	*out = appendCount(*out, int(m.moved(index)))
	return nil
}
