package validate

import "github.com/cerberus-host/cerberus/host/admit/wasm"

// expression reads a constant expression of that type.
func (c *checker) expression(want wasm.ValueType) error {
	if err := c.reader.Constant(&c.constant); err != nil {
		return err
	}
	return c.isConstant(&c.constant, want)
}

// isConstant reports whether an operator is a constant of that type. Globals must be
// imported ones that never change: the module's own have no values yet.
func (c *checker) isConstant(in *wasm.Instruction, want wasm.ValueType) error {
	var got wasm.ValueType
	switch in.Op {
	case wasm.OpI32Const:
		got = wasm.I32
	case wasm.OpI64Const:
		got = wasm.I64
	case wasm.OpF32Const:
		got = wasm.F32
	case wasm.OpF64Const:
		got = wasm.F64
	case wasm.OpV128Const:
		got = wasm.V128
	case wasm.OpRefNull:
		got = in.Type
	case wasm.OpRefFunc:
		if err := c.index("function", in.Index, len(c.functions)); err != nil {
			return err
		}
		c.declared[in.Index] = true
		got = wasm.FuncRef
	case wasm.OpGlobalGet:
		if err := c.index("imported global", in.Index, c.importedGlobals); err != nil {
			return err
		}
		if c.globals[in.Index].Mutable {
			return c.errorf("global %d in a constant expression can change", in.Index)
		}
		got = c.globals[in.Index].Type
	default:
		return c.errorf("%v in a constant expression", in.Op)
	}
	if got != want {
		return c.errorf("a constant expression of type %v instead of %v", got, want)
	}
	return nil
}

func (c *checker) element() error {
	var e wasm.Element
	if err := c.reader.Element(&e); err != nil {
		return err
	}
	if e.Mode == wasm.Active {
		if err := c.index("table", e.Table, len(c.tables)); err != nil {
			return err
		}
		if t := c.tables[e.Table].Type; t != e.Type {
			return c.errorf("elements of type %v for a table of %v", e.Type, t)
		}
		if err := c.isConstant(&e.Offset, wasm.I32); err != nil {
			return err
		}
	}
	for range e.Count {
		if e.Expressions {
			if err := c.expression(e.Type); err != nil {
				return err
			}
			continue
		}
		f, err := c.reader.U32()
		if err != nil {
			return err
		}
		if err := c.index("function", f, len(c.functions)); err != nil {
			return err
		}
		c.declared[f] = true
	}
	c.elements = append(c.elements, e.Type)
	return nil
}

func (c *checker) data() error {
	var d wasm.Data
	if err := c.reader.Data(&d); err != nil {
		return err
	}
	if d.Mode != wasm.Active {
		return nil
	}
	if err := c.index("memory", d.Memory, c.memories); err != nil {
		return err
	}
	return c.isConstant(&d.Offset, wasm.I32)
}
