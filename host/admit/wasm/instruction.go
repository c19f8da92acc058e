package wasm

// Instruction is an operator with its immediates. Which fields are set depends on the
// [Immediates] of its [OpInfo]; the others are zero.
type Instruction struct {
	Op Op
	// Start and End are the offsets of its first byte and behind its last.
	Start, End int
	// Block is the type of a block.
	Block BlockType
	// Index and Index2 are indices, counted from 0, in the order of the code.
	Index, Index2 uint32
	// Targets are the labels of br_table, the default last. The next call of
	// [Reader.Instruction] with the same Instruction overwrites them.
	Targets []uint32
	// Align is the binary logarithm of the alignment of a memory access.
	Align uint32
	// Offset is that of a memory access, below 2^32.
	Offset uint64
	// Value holds the bits of a scalar constant.
	Value uint64
	// Type is that of select or ref.null.
	Type ValueType
	// Lane is the lane of a vector that the operator reads or writes.
	Lane byte
	// Lanes are the lanes of shuffle, or the bytes of a vector constant.
	Lanes [16]byte
}

// Instruction reads an operator into in, which it overwrites.
func (r *Reader) Instruction(in *Instruction) error {
	*in = Instruction{Start: r.pos, Targets: in.Targets[:0]}
	if r.pos >= r.end {
		return r.errorf("ends early")
	}
	b := r.data[r.pos]
	r.pos++
	op := Op(b)
	if b == PrefixBulk || b == PrefixVector {
		n, err := r.U32()
		if err != nil {
			return err
		}
		if n > 0xff {
			return r.unknown(in.Start, "operator %#x %#x", b, n)
		}
		if b == PrefixBulk {
			op = PrefixBulk<<8 | Op(n)
		} else {
			op = PrefixVector<<16 | Op(n)
		}
	}
	info := lookup(op)
	if info == nil {
		if op > 0xff {
			return r.unknown(in.Start, "operator %#x %#x", b, uint32(op&0xff))
		}
		return r.unknown(in.Start, "operator %#x", b)
	}
	in.Op = op
	if info.Immediates != ImmNone {
		if err := r.immediates(info, in); err != nil {
			return err
		}
	}
	in.End = r.pos
	return nil
}

// immediates reads what follows the operator.
func (r *Reader) immediates(info *OpInfo, in *Instruction) (err error) {
	switch info.Immediates {
	case ImmBlock:
		in.Block, err = r.BlockType()
	case ImmLabel, ImmFunction, ImmLocal, ImmGlobal, ImmTable, ImmElement, ImmData:
		in.Index, err = r.U32()
	case ImmTypeTable, ImmElementTable, ImmTableTable:
		if in.Index, err = r.U32(); err == nil {
			in.Index2, err = r.U32()
		}
	case ImmLabels:
		err = r.labels(in)
	case ImmReference:
		in.Type, err = r.ReferenceType()
	case ImmSelect:
		err = r.selectType(in)
	case ImmMemory, ImmMemoryLane, ImmLane, ImmShuffle, ImmV128:
		err = r.memoryOrLanes(info, in)
	case ImmZero, ImmZeroZero, ImmDataZero:
		err = r.reserved(info.Immediates, in)
	default:
		err = r.number(info.Immediates, in)
	}
	return err
}

// labels reads the targets of br_table. They are at least a byte each, so that the buffer
// is no larger than four times the code.
func (r *Reader) labels(in *Instruction) error {
	n, err := r.Count("targets of br_table", 1)
	if err != nil {
		return err
	}
	for range n + 1 {
		label, err := r.U32()
		if err != nil {
			return err
		}
		in.Targets = append(in.Targets, label)
	}
	return nil
}

// selectType reads the types of select, of which there is one.
func (r *Reader) selectType(in *Instruction) error {
	n, err := r.Count("types of select", 1)
	if err != nil {
		return err
	}
	if n != 1 {
		return r.errorf("select has %d types instead of one", n)
	}
	in.Type, err = r.ValueType()
	return err
}

// memoryOrLanes reads where a memory is accessed, and lanes of vectors.
func (r *Reader) memoryOrLanes(info *OpInfo, in *Instruction) (err error) {
	form := info.Immediates
	if form == ImmShuffle || form == ImmV128 {
		if err := r.Skip(len(in.Lanes)); err != nil {
			return err
		}
		copy(in.Lanes[:], r.data[r.pos-len(in.Lanes):])
		return nil
	}
	if form != ImmLane {
		if in.Align, err = r.U32(); err != nil {
			return err
		}
		offset, err := r.U32()
		if err != nil {
			return err
		}
		in.Offset = uint64(offset)
	}
	if form != ImmMemory {
		in.Lane, err = r.Byte()
	}
	return err
}

// reserved reads reserved bytes and the index before them.
func (r *Reader) reserved(form Immediates, in *Instruction) (err error) {
	if form == ImmDataZero {
		if in.Index, err = r.U32(); err != nil {
			return err
		}
	}
	if form == ImmZeroZero {
		if err = r.zero(); err != nil {
			return err
		}
	}
	return r.zero()
}

// number reads a scalar constant.
func (r *Reader) number(form Immediates, in *Instruction) (err error) {
	switch form {
	case ImmI32:
		var n int32
		n, err = r.S32()
		in.Value = uint64(uint32(n))
	case ImmI64:
		var n int64
		n, err = r.S64()
		in.Value = uint64(n)
	case ImmF32:
		in.Value, err = r.fixed(4)
	case ImmF64:
		in.Value, err = r.fixed(8)
	default:
	}
	return err
}
