package admit

// Reference types.
const (
	refFunc   = 0x70
	refExtern = 0x6f
)

// constant skips a constant expression: one instruction and end, as Core 2.0 has it. Its
// type is the runtime's business.
func (w *walker) constant() error {
	op, err := w.byte()
	if err != nil {
		return err
	}
	switch op {
	case opI32Const, opI64Const, opF32Const, opF64Const, opGlobalGet, opRefNull, opRefFunc:
		err = w.plain(op)
	case opVector:
		sub, e := w.u32()
		if e != nil {
			return e
		}
		if sub != vectorConst {
			return w.errorf("vector operator %d in a constant expression", sub)
		}
		err = w.skip(16)
	default:
		return w.errorf("operator %#x in a constant expression", op)
	}
	if err != nil {
		return err
	}
	end, err := w.byte()
	if err != nil {
		return err
	}
	if end != opEnd {
		return w.errorf("a constant expression has more than one operator")
	}
	return nil
}

// elements reads the element segments. The flags say: bit 0 passive or declared, bit 1
// explicit table or declared, bit 2 expressions instead of function indices.
func (w *walker) elements() error {
	n, err := w.count("element segments", 2, ElementsMax)
	if err != nil {
		return err
	}
	for range n {
		flags, err := w.u32()
		if err != nil {
			return err
		}
		if flags > 7 {
			return w.errorf("unknown form %d of element segment", flags)
		}
		if err := w.elementHead(flags); err != nil {
			return err
		}
		if err := w.elementItems(flags&4 != 0); err != nil {
			return err
		}
	}
	return nil
}

func (w *walker) elementHead(flags uint32) error {
	if flags&1 == 0 {
		if flags&2 != 0 {
			if _, err := w.u32(); err != nil {
				return err
			}
		}
		if err := w.constant(); err != nil {
			return err
		}
	}
	if flags&3 == 0 {
		return nil // the short form has no kind
	}
	_, err := w.byte()
	return err
}

func (w *walker) elementItems(expressions bool) error {
	items, err := w.count("elements", 1, ElementsMax)
	if err != nil {
		return err
	}
	w.elementsTotal += uint64(items)
	if w.elementsTotal > ElementsMax {
		return w.limited("elements", w.elementsTotal, ElementsMax)
	}
	for range items {
		if expressions {
			err = w.constant()
		} else {
			_, err = w.u32()
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// countBeforeCode reads the data count section. It may name no more segments than the data
// section has; the runtime compares both.
func (w *walker) countBeforeCode() (uint32, error) {
	n, err := w.u32()
	if err != nil {
		return 0, err
	}
	if n > DataSegmentsMax {
		return 0, w.limited("data segments", uint64(n), DataSegmentsMax)
	}
	return n, nil
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
		s, isPlain, err := w.dataSegment()
		if err != nil {
			return err
		}
		plain = plain && isPlain
		segments = append(segments, s)
	}
	if plain {
		w.joined = joinSegments(segments)
	}
	w.facts.DataSegments = n
	return nil
}

// dataSegment reads one segment, and reports whether it is of the plainest form.
func (w *walker) dataSegment() (s dataSegment, plain bool, err error) {
	flags, err := w.u32()
	if err != nil {
		return s, false, err
	}
	if flags > 2 {
		return s, false, w.errorf("unknown form %d of data segment", flags)
	}
	if flags == 2 {
		if _, err := w.u32(); err != nil {
			return s, false, err
		}
	}
	if flags != 1 {
		at := w.pos
		if err := w.constant(); err != nil {
			return s, false, err
		}
		s.offset, plain = plainOffset(w.data[at:w.pos])
	}
	size, err := w.count("bytes", 1, uint64(w.left()))
	if err != nil {
		return s, false, err
	}
	s.content = w.data[w.pos : w.pos+size]
	return s, plain && flags == 0, w.skip(size)
}
