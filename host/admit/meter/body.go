package meter

import (
	"fmt"
	"slices"

	"github.com/cerberus-host/cerberus/host/admit/wasm"
)

// edit is a change of a body: the bytes from at to until are replaced. Edits are in order.
type edit struct {
	at, until int
	kind      editKind
	// arg is the stretch, the form of the float, the depth of the frame or the index.
	arg uint32
}

type editKind uint8

const (
	// editNone is a change that turned out not to be needed.
	editNone editKind = iota
	// editCharge puts in the charge of a stretch.
	editCharge
	// editCanonical puts in what makes a computed float canonical.
	editCanonical
	// editLength and editPages charge for the length on the top of the stack.
	editLength
	editPages
	// editReturn makes a return a branch to the end of the block around the body.
	editReturn
	// editCall and editReference give an operator the function's new index.
	editCall
	editReference
)

// smallLeafBytes is the largest body of a function without calls and loops that need not
// look at the gas: it takes a fraction of a microsecond, and the body that calls it has room
// for a bounded number of calls.
const smallLeafBytes = 256

// Weights of a call: one, and one more for each bodyBytesWeight bytes of the body and for
// each blockLocalsWeight of its blocks times its parameters and locals. That is what a frame
// on the machine's stack can grow with.
const (
	bodyBytesWeight   = 4 << 10
	blockLocalsWeight = 32 << 10
	// weightMax keeps the depth far from the end of its 32 bits.
	weightMax = 1 << 20
)

// bodies rewrites the bodies of a module, one after the other; its buffers are reused.
type bodies struct {
	*module
	flow
	floats
	in wasm.Instruction
	// calls and nests say that the body calls anything, and anything but an import.
	calls, nests bool
	// local is the index of the first local that is added.
	local uint32
	// temporaries are the locals that are added, by type, as their index plus one.
	temporaries [len(temporaryTypes)]uint32
}

// temporaryTypes are the types of locals that may be added.
//
//nolint:gochecknoglobals // never written
var temporaryTypes = [...]wasm.ValueType{wasm.I64, wasm.I32, wasm.F32, wasm.F64, wasm.V128}

// Places in temporaryTypes.
const (
	temporaryGas = iota
	temporaryDepth
	temporaryF32
	temporaryF64
	temporaryVector
)

// rewrite appends the new form of a body of a function of this type, with its size.
func (b *bodies) rewrite(out []byte, body wasm.Reader, t wasm.FuncType) ([]byte, error) {
	start := body.Pos()
	locals, err := b.readLocals(&body, t)
	if err != nil {
		return nil, err
	}
	code := body.Pos()
	b.calls, b.nests = false, false
	b.forget()
	b.start(code)
	for len(b.frames) > 0 {
		if err := body.Instruction(&b.in); err != nil {
			return nil, err
		}
		if err := b.step(); err != nil {
			return nil, err
		}
	}
	if err := body.Done(); err != nil {
		return nil, err
	}
	if !b.calls && body.End()-start <= smallLeafBytes {
		b.stretches[0].looks = false
	}
	e := emitter{bodies: b, source: &body, start: start, code: code}
	return e.body(out, t, locals)
}

// readLocals reads the groups of locals and returns how many there are.
func (b *bodies) readLocals(body *wasm.Reader, t wasm.FuncType) (int, error) {
	groups, err := body.LocalGroups()
	if err != nil {
		return 0, err
	}
	total := uint64(len(t.Params))
	for range groups {
		n, _, err := body.Locals()
		if err != nil {
			return 0, err
		}
		total += uint64(n)
	}
	if total+uint64(len(temporaryTypes)) > 1<<32-1 {
		return 0, fmt.Errorf("%w: %d locals in a function", ErrLimit, total)
	}
	b.local = uint32(total)
	return groups, nil
}

// step follows one operator.
func (b *bodies) step() error {
	in := &b.in
	info, _ := wasm.Info(in.Op)
	if info.Is(wasm.TableChange) {
		return fmt.Errorf("%w: %s", ErrOperator, info.Name)
	}
	if err := b.own(info.Immediates); err != nil {
		return err
	}
	b.pay(int64(*b.prices.of(in.Op)))
	if !b.dead {
		b.pass(in, &info, b.edits)
	}
	switch in.Op {
	case wasm.OpBlock, wasm.OpLoop, wasm.OpIf:
		b.open(in.Op, in.End)
	case wasm.OpElse:
		if b.frames[len(b.frames)-1].op != wasm.OpIf {
			return fmt.Errorf("%w: else without if", ErrInvalid)
		}
		b.middle(in.End)
	case wasm.OpEnd:
		b.close(in.End)
	case wasm.OpUnreachable:
		b.dead = true
	case wasm.OpBr, wasm.OpBrIf, wasm.OpBrTable, wasm.OpReturn:
		b.jump()
	case wasm.OpCall, wasm.OpCallIndirect, wasm.OpRefFunc:
		b.refer()
	default:
		b.compute(&info)
	}
	return nil
}

// own refuses an index that names nothing of the module's own, and so would name something
// that is added.
func (b *bodies) own(form wasm.Immediates) error {
	in := &b.in
	index := uint64(in.Index)
	var count uint64
	switch form {
	case wasm.ImmLabel:
		count = uint64(len(b.frames))
	case wasm.ImmFunction:
		count = b.functions()
	case wasm.ImmLocal:
		count = uint64(b.local)
	case wasm.ImmGlobal:
		count = uint64(b.gasGlobal())
	case wasm.ImmTypeTable:
		count = uint64(b.typesBefore)
	case wasm.ImmBlock:
		t, indexed := in.Block.Index()
		if !indexed {
			return nil
		}
		index, count = uint64(t), uint64(b.typesBefore)
	case wasm.ImmLabels:
		index, count = uint64(slices.Max(in.Targets)), uint64(len(b.frames))
	default:
		return nil
	}
	if index >= count {
		return fmt.Errorf("%w: %s names %d of %d", ErrInvalid, in.Op, index, count)
	}
	return nil
}

// jump follows a branch or return.
func (b *bodies) jump() {
	in := &b.in
	if in.Op == wasm.OpReturn {
		if !b.dead {
			b.change(editReturn, uint32(len(b.frames)-1))
		}
		b.leave()
		return
	}
	if in.Op != wasm.OpBrTable {
		in.Targets = append(in.Targets[:0], in.Index)
	}
	for _, label := range in.Targets {
		b.branch(label, in.Op != wasm.OpBr)
	}
	if in.Op != wasm.OpBrIf {
		b.dead = true
	} else if !b.dead {
		b.now = b.begin(in.End)
	}
}

// refer follows an operator that names or calls a function.
func (b *bodies) refer() {
	in := &b.in
	kind := editCall
	switch in.Op {
	case wasm.OpCallIndirect:
		b.calls, b.nests = true, true
		return
	case wasm.OpRefFunc:
		kind = editReference
	default:
		b.calls = true
		b.nests = b.nests || in.Index >= b.importedFunctions
	}
	if in.Index >= b.importedFunctions {
		b.change(kind, in.Index+1)
	}
}

// compute follows an operator that only takes values and leaves others.
func (b *bodies) compute(info *wasm.OpInfo) {
	in := &b.in
	switch {
	case in.Op == wasm.OpDataDrop, in.Op == wasm.OpElemDrop:
		b.result.Restorable = false
	case b.dead:
	case info.Is(wasm.Bulk):
		kind := editLength
		if in.Op == wasm.OpMemoryGrow {
			kind = editPages
		}
		b.edits = append(b.edits, edit{at: in.Start, until: in.Start, kind: kind})
		b.bulk = true
	case info.Float != wasm.NoFloat:
		b.edits = append(b.edits, edit{
			at: in.End, until: in.End, kind: editCanonical, arg: uint32(info.Float),
		})
		b.watch(int32(len(b.edits)-1), info.Float)
	}
}

// change replaces the current operator.
func (b *bodies) change(kind editKind, arg uint32) {
	b.edits = append(b.edits, edit{at: b.in.Start, until: b.in.End, kind: kind, arg: arg})
}
