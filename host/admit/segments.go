package admit

import "github.com/cerberus-host/cerberus/host/admit/wasm"

// elements reads the element segments.
func (w *walker) elements() error {
	n, err := w.count("element segments", 2, ElementsMax)
	if err != nil {
		return err
	}
	for range n {
		var e wasm.Element
		if err := w.Element(&e); err != nil {
			return err
		}
		if err := w.elementItems(&e); err != nil {
			return err
		}
	}
	return nil
}

func (w *walker) elementItems(e *wasm.Element) error {
	w.elementsTotal += uint64(e.Count)
	if w.elementsTotal > ElementsMax {
		return w.limited("elements", w.elementsTotal, ElementsMax)
	}
	for range e.Count {
		var err error
		if e.Expressions {
			err = w.Constant(&e.Offset)
		} else {
			_, err = w.U32()
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// dataCount reads the data count section.
func (w *walker) dataCount() error {
	n, err := w.U32()
	if err != nil {
		return err
	}
	if n > DataSegmentsMax {
		return w.limited("data segments", uint64(n), DataSegmentsMax)
	}
	return nil
}

// dataSegments reads the data section. Where its segments can be joined, it leaves them in
// w.joined.
func (w *walker) dataSegments() error {
	n, err := w.count("data segments", 2, DataSegmentsMax)
	if err != nil {
		return err
	}
	plain := !w.haveDataCount
	segments := make([]dataSegment, 0, n)
	for range n {
		var d wasm.Data
		if err := w.Data(&d); err != nil {
			return err
		}
		plain = plain && d.Mode == wasm.Active && d.Offset.Op == wasm.OpI32Const
		segments = append(segments, dataSegment{
			offset: uint32(d.Offset.Value), content: w.Bytes(d.Start, d.End),
		})
	}
	if plain {
		w.joined = joinSegments(segments)
	}
	w.facts.DataSegments = n
	return nil
}
