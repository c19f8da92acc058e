package validate

import (
	"fmt"
	"slices"

	"github.com/cerberus-host/cerberus/host/admit/wasm"
)

// unknown is the type of operands behind an operator that never returns: it fits any.
const unknown wasm.ValueType = 0

// frame is an open block.
type frame struct {
	// kind is block, loop, if, else, or block for the body itself.
	kind wasm.Op
	wasm.FuncType
	// height is that of the operand stack below the block.
	height int
	// unreachable says that what follows in the block is never reached: its stack holds as
	// many operands of any type as are asked for.
	unreachable bool
}

// label is what a branch to the block carries.
func (f *frame) label() wasm.Types {
	if f.kind == wasm.OpLoop {
		return f.Params
	}
	return f.Results
}

// group is a run of locals of one type; end is the index behind its last.
type group struct {
	end  uint64
	kind wasm.ValueType
}

// body checks one function after the other; the stacks are used again.
type body struct {
	*checker
	reader   wasm.Reader
	in       wasm.Instruction
	function int

	stack  []wasm.ValueType
	frames []frame
	groups []group
	// locals are the types of the first locals, as many as the body has bytes at most.
	locals []wasm.ValueType
}

// code reads the code section.
func (c *checker) code() error {
	n, err := c.reader.Count("bodies", 3)
	if err != nil {
		return err
	}
	c.bodies = n
	if own := len(c.functions) - c.imported; n != own {
		return c.errorf("%d bodies for %d functions", n, own)
	}
	b := &c.body
	b.checker = c
	for k := range n {
		b.function = c.imported + k
		if b.reader, err = c.reader.Body(); err != nil {
			return inFunction(err, b.function)
		}
		if err := b.check(c.types[c.functions[b.function]]); err != nil {
			return inFunction(err, b.function)
		}
	}
	return nil
}

// errorf returns an error at the operator at hand.
func (b *body) errorf(format string, args ...any) error {
	return &Error{
		Section: wasm.SectionCode.String(), Function: b.function, Offset: b.in.Start,
		Problem: b.in.Op.String() + ": " + fmt.Sprintf(format, args...),
	}
}

// check reads the body of a function of type t.
func (b *body) check(t wasm.FuncType) error {
	if err := b.readLocals(t.Params); err != nil {
		return err
	}
	b.stack = b.stack[:0]
	b.frames = append(b.frames[:0], frame{kind: wasm.OpBlock, FuncType: t})
	for len(b.frames) > 0 {
		if err := b.reader.Instruction(&b.in); err != nil {
			return err
		}
		if err := b.step(); err != nil {
			return err
		}
	}
	return b.reader.Done()
}

// readLocals reads the groups of locals. A group may claim 2^32 - 1 of them in two bytes,
// so it stays a group; only its beginning is expanded, for speed.
func (b *body) readLocals(params wasm.Types) error {
	expandMax := max(len(params), b.reader.Left())
	b.groups, b.locals = b.groups[:0], b.locals[:0]
	for k := range len(params) {
		b.locals = append(b.locals, params.At(k))
	}
	end := uint64(len(params))
	groups, err := b.reader.LocalGroups()
	if err != nil {
		return err
	}
	for range groups {
		n, kind, err := b.reader.Locals()
		if err != nil {
			return err
		}
		for k := 0; uint64(k) < uint64(n) && len(b.locals) < expandMax; k++ {
			b.locals = append(b.locals, kind)
		}
		end += uint64(n)
		if end > 1<<32-1 {
			return &Error{
				Section: wasm.SectionCode.String(), Function: b.function,
				Offset: b.reader.Pos(), Problem: "more than 2^32 - 1 locals",
			}
		}
		b.groups = append(b.groups, group{end: end, kind: kind})
	}
	return nil
}

// local returns the type of a local or parameter.
func (b *body) local(n uint32) (wasm.ValueType, error) {
	if uint64(n) < uint64(len(b.locals)) {
		return b.locals[n], nil
	}
	k, _ := slices.BinarySearchFunc(b.groups, uint64(n)+1, func(g group, end uint64) int {
		if g.end < end {
			return -1
		}
		return 1
	})
	if k == len(b.groups) {
		return 0, b.errorf("there is no local %d", n)
	}
	return b.groups[k].kind, nil
}

// pushAll puts operands on the stack, the last one on top.
func (b *body) pushAll(types wasm.Types) error {
	if len(types) > OperandsMax-len(b.stack) {
		return b.errorf("more than %d operands on the stack", OperandsMax)
	}
	for k := range len(types) {
		b.stack = append(b.stack, types.At(k))
	}
	return nil
}

// pop takes an operand of any type from the stack.
func (b *body) pop() (wasm.ValueType, error) {
	f := &b.frames[len(b.frames)-1]
	n := len(b.stack)
	if n == f.height {
		if f.unreachable {
			return unknown, nil
		}
		return 0, b.errorf("an operand is missing")
	}
	t := b.stack[n-1]
	b.stack = b.stack[:n-1]
	return t, nil
}

// popType takes an operand of that type from the stack.
func (b *body) popType(want wasm.ValueType) error {
	f := &b.frames[len(b.frames)-1]
	n := len(b.stack)
	if n > f.height {
		got := b.stack[n-1]
		if got == want || got == unknown {
			b.stack = b.stack[:n-1]
			return nil
		}
		return b.errorf("needs %v and finds %v", want, got)
	}
	if f.unreachable {
		return nil
	}
	return b.errorf("needs %v and finds nothing", want)
}

// popAll takes operands of these types from the stack, the last one first.
func (b *body) popAll(want wasm.Types) error {
	for k := len(want) - 1; k >= 0; k-- {
		if err := b.popType(want.At(k)); err != nil {
			return err
		}
	}
	return nil
}

// peekAll compares the operands on top of the stack with these types and leaves them.
func (b *body) peekAll(want wasm.Types) error {
	f := &b.frames[len(b.frames)-1]
	at := len(b.stack) - 1
	for k := len(want) - 1; k >= 0; k-- {
		if at < f.height {
			if f.unreachable {
				return nil
			}
			return b.errorf("needs %v and finds nothing", want.At(k))
		}
		if got := b.stack[at]; got != want.At(k) && got != unknown {
			return b.errorf("needs %v and finds %v", want.At(k), got)
		}
		at--
	}
	return nil
}

// open opens a block whose operands are off the stack.
func (b *body) open(kind wasm.Op, t wasm.FuncType) error {
	if len(b.frames) > NestingMax {
		return b.errorf("more than %d nested blocks", NestingMax)
	}
	b.frames = append(b.frames, frame{kind: kind, FuncType: t, height: len(b.stack)})
	return b.pushAll(t.Params)
}

// closeFrame takes the results of the innermost block from the stack, and the block with
// them, which must then have left nothing.
func (b *body) closeFrame() (frame, error) {
	f := b.frames[len(b.frames)-1]
	if err := b.popAll(f.Results); err != nil {
		return f, err
	}
	if n := len(b.stack) - f.height; n != 0 {
		return f, b.errorf("the block leaves %d operands more than its results", n)
	}
	b.frames = b.frames[:len(b.frames)-1]
	return f, nil
}

// unreachable marks the rest of the innermost block.
func (b *body) unreachable() {
	f := &b.frames[len(b.frames)-1]
	b.stack = b.stack[:f.height]
	f.unreachable = true
}

// target returns the block that a label names, counted from the innermost.
func (b *body) target(label uint32) (*frame, error) {
	if uint64(label) >= uint64(len(b.frames)) {
		return nil, b.errorf("label %d of %d", label, len(b.frames))
	}
	return &b.frames[len(b.frames)-1-int(label)], nil
}
