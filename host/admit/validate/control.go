package validate

import "github.com/cerberus-host/cerberus/host/admit/wasm"

// control checks operators that open, close and leave blocks.
func (b *body) control() error {
	switch b.in.Op {
	case wasm.OpUnreachable:
		b.unreachable()
		return nil
	case wasm.OpBlock, wasm.OpLoop, wasm.OpIf:
		return b.enter()
	case wasm.OpElse:
		return b.otherwise()
	case wasm.OpEnd:
		return b.leave()
	case wasm.OpBr:
		f, err := b.target(b.in.Index)
		if err != nil {
			return err
		}
		return b.jump(f.label())
	case wasm.OpBrIf:
		return b.branch()
	case wasm.OpBrTable:
		return b.branchTable()
	case wasm.OpReturn:
		return b.jump(b.frames[0].Results)
	default:
		return b.errorf("is not known to the type checker")
	}
}

// enter opens a block, a loop or an if.
func (b *body) enter() error {
	t := wasm.FuncType{Results: b.in.Block.Results()}
	if n, ok := b.in.Block.Index(); ok {
		if err := b.within("type", n, len(b.types)); err != nil {
			return err
		}
		t = b.types[n]
	}
	if b.in.Op == wasm.OpIf {
		if err := b.popType(wasm.I32); err != nil {
			return err
		}
	}
	if err := b.popAll(t.Params); err != nil {
		return err
	}
	return b.open(b.in.Op, t)
}

// otherwise ends the first branch of an if and opens the second one.
func (b *body) otherwise() error {
	if b.frames[len(b.frames)-1].kind != wasm.OpIf {
		return b.errorf("stands outside an if")
	}
	f, err := b.closeFrame()
	if err != nil {
		return err
	}
	return b.open(wasm.OpElse, f.FuncType)
}

// leave ends a block.
func (b *body) leave() error {
	f, err := b.closeFrame()
	if err != nil {
		return err
	}
	// Without an else, what goes in comes out.
	if f.kind == wasm.OpIf && f.Params != f.Results {
		return b.errorf("an if without else takes %v and leaves %v", f.Params, f.Results)
	}
	return b.pushAll(f.Results)
}

// jump leaves for good, with operands of these types.
func (b *body) jump(carried wasm.Types) error {
	if err := b.popAll(carried); err != nil {
		return err
	}
	b.unreachable()
	return nil
}

// branch leaves or goes on, with the same operands.
func (b *body) branch() error {
	if err := b.popType(wasm.I32); err != nil {
		return err
	}
	f, err := b.target(b.in.Index)
	if err != nil {
		return err
	}
	if err := b.popAll(f.label()); err != nil {
		return err
	}
	return b.pushAll(f.label())
}

// branchTable leaves for one of several blocks. All carry as many operands as the default
// does, and the operands at hand must suit each.
func (b *body) branchTable() error {
	if err := b.popType(wasm.I32); err != nil {
		return err
	}
	last := len(b.in.Targets) - 1
	f, err := b.target(b.in.Targets[last])
	if err != nil {
		return err
	}
	arity := len(f.label())
	for _, label := range b.in.Targets[:last] {
		t, err := b.target(label)
		if err != nil {
			return err
		}
		if n := len(t.label()); n != arity {
			return b.errorf("label %d carries %d operands, the default %d", label, n, arity)
		}
		if err := b.peekAll(t.label()); err != nil {
			return err
		}
	}
	return b.jump(f.label())
}
