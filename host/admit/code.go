package admit

import "github.com/cerberus-host/cerberus/host/admit/wasm"

// codes reads the code section.
func (w *walker) codes() error {
	n, err := w.count("function bodies", 3, FunctionsMax)
	if err != nil {
		return err
	}
	if n != len(w.ownTypes) {
		return w.errorf("%d bodies for %d functions", n, len(w.ownTypes))
	}
	w.haveCode = true
	for i := range n {
		body, err := w.Body()
		if err != nil {
			return err
		}
		if size := body.Left(); size > BodyBytesMax {
			e := w.limited("bytes in one function's body", uint64(size), BodyBytesMax)
			e.Fix = "split the function, or move its tables into data"
			return e
		}
		rest := w.Reader
		w.Reader = body
		if err := w.body(w.signatures[w.ownTypes[i]]); err != nil {
			return err
		}
		w.Reader = rest
	}
	return nil
}

// body reads one function's body, which w reads.
func (w *walker) body(t wasm.FuncType) error {
	locals, err := w.locals()
	if err != nil {
		return err
	}
	b := bodyWalk{walker: w, depth: 1}
	for b.depth > 0 {
		if err := b.step(); err != nil {
			return err
		}
	}
	if w.Left() != 0 {
		return w.errorf("%d bytes after a function's end", w.Left())
	}
	return b.weigh(uint64(locals + len(t.Params)))
}

// weigh compares what compiling the body costs with the limits.
func (b *bodyWalk) weigh(locals uint64) error {
	const split = "split the function"
	blocks := b.blocks
	if blocks > BlocksMax {
		e := b.limited("blocks in one function", blocks, BlocksMax)
		e.Fix = split
		return e
	}
	b.pairsTotal += blocks * blocks
	if b.pairsTotal > BlockPairsMax {
		return b.limited("blocks in large functions", b.pairsTotal, BlockPairsMax)
	}
	product := (blocks + 1) * locals
	if product > BlocksByLocalsMax {
		e := b.limited("blocks times locals in one function", product, BlocksByLocalsMax)
		e.Fix = split
		return e
	}
	b.productTotal += product
	if b.productTotal > BlocksByLocalsTotalMax {
		return b.limited("blocks times locals", b.productTotal, BlocksByLocalsTotalMax)
	}
	if b.targets > FunctionTargetsMax {
		e := b.limited("branch targets in one function", b.targets, FunctionTargetsMax)
		e.Fix = split
		return e
	}
	b.targetsTotal += b.targets
	if b.targetsTotal > TargetsTotalMax {
		return b.limited("branch targets", b.targetsTotal, TargetsTotalMax)
	}
	return nil
}

// locals reads the groups of locals and returns how many they declare.
func (w *walker) locals() (int, error) {
	groups, err := w.LocalGroups()
	if err != nil {
		return 0, err
	}
	var total uint64
	for range groups {
		n, _, err := w.Locals()
		if err != nil {
			return 0, err
		}
		total += uint64(n)
		if total > LocalsMax {
			e := w.limited("locals in one function", total, LocalsMax)
			e.Fix = "split the function, or keep the values in memory"
			return 0, e
		}
	}
	w.localsTotal += total
	if w.localsTotal > LocalsTotalMax {
		return 0, w.limited("locals", w.localsTotal, LocalsTotalMax)
	}
	w.facts.Locals = int(w.localsTotal)
	return int(total), nil
}

// bodyWalk is the walk through the operators of one body.
type bodyWalk struct {
	*walker
	in    wasm.Instruction
	depth int
	// blocks is what the blocks and bulk operators, metered, cost the compiler.
	blocks uint64
	// targets counts those of all br_table operators.
	targets uint64
}

// step reads one operator.
func (b *bodyWalk) step() error {
	in := &b.in
	if err := b.Instruction(in); err != nil {
		return err
	}
	info, _ := wasm.Info(in.Op)
	if info.Is(wasm.TableChange) {
		// An instance could not be restored from a copy of its memory any more.
		e := b.errorf("%v changes a table", in.Op)
		e.Offset = in.Start
		e.Fix = "tables are filled by element segments and then stay as they are"
		return e
	}
	if info.Is(wasm.Bulk) {
		b.blocks += bulkBlocks
	}
	switch in.Op {
	case wasm.OpBlock, wasm.OpLoop, wasm.OpIf:
		return b.open()
	case wasm.OpEnd:
		b.depth--
	case wasm.OpBrTable:
		return b.branchTable()
	default:
	}
	return nil
}

func (b *bodyWalk) open() error {
	b.depth++
	if b.depth > NestingMax {
		e := b.limited("nested blocks", uint64(b.depth), NestingMax)
		e.Fix = "split the function"
		return e
	}
	b.blocks++
	if b.in.Op == wasm.OpLoop {
		b.blocks++ // its head looks at the gas
	}
	return nil
}

func (b *bodyWalk) branchTable() error {
	n := uint64(len(b.in.Targets))
	if n-1 > BranchTargetsMax {
		return b.limited("targets of one br_table", n-1, BranchTargetsMax)
	}
	b.targets += n
	return nil
}
