package admit

import "github.com/cerberus-host/cerberus/host/admit/wasm"

// codes reads the code section and writes its new payload.
func (w *walker) codes() error {
	n, err := w.count("function bodies", 3, FunctionsMax)
	if err != nil {
		return err
	}
	if n != len(w.ownTypes) {
		return w.errorf("%d bodies for %d functions", n, len(w.ownTypes))
	}
	w.haveCode = true
	w.bodies = appendCount(make([]byte, 0, w.Left()+w.Left()/16), n)
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

// body reads one function's body, which w reads, and appends its new form to w.bodies.
func (w *walker) body(t wasm.FuncType) error {
	start := w.Pos()
	locals, err := w.locals()
	if err != nil {
		return err
	}
	b := bodyWalk{walker: w, entry: w.Pos(), depth: 1}
	for b.depth > 0 {
		if err := b.step(); err != nil {
			return err
		}
	}
	if w.Left() != 0 {
		return w.errorf("%d bytes after a function's end", w.Left())
	}
	points := b.points
	if b.needsEntry(w.End() - start) {
		points = append([]int{b.entry}, points...)
	}
	blocks := uint64(b.blocks + bulkBlocks*len(points))
	if err := b.weigh(blocks, uint64(locals+len(t.Params))); err != nil {
		return err
	}
	w.facts.Points += len(points)
	w.bodies = patch(w.bodies, w.Bytes(start, w.End()), start, points)
	return nil
}

// weigh compares what compiling the body costs with the limits.
func (b *bodyWalk) weigh(blocks, locals uint64) error {
	const split = "split the function"
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
	in     wasm.Instruction
	entry  int
	depth  int
	blocks int
	points []int
	// targets counts those of all br_table operators.
	targets uint64
	// calls, loops: whether the body has any. covered: a loop is passed before anything
	// that could leave the straight line from the entry; strayed: such a thing has come.
	calls, loops, covered, strayed bool
}

// needsEntry reports whether a point must stand at the body's entry.
func (b *bodyWalk) needsEntry(bytes int) bool {
	if b.covered {
		return false
	}
	smallLeaf := !b.calls && !b.loops && len(b.points) == 0 && bytes <= leafBytesMax
	return !smallLeaf
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
		b.points = append(b.points, in.Start)
	}
	switch in.Op {
	case wasm.OpBlock, wasm.OpLoop, wasm.OpIf:
		return b.open(in.Op)
	case wasm.OpEnd:
		b.depth--
	case wasm.OpBrTable:
		b.strayed = true
		return b.branchTable()
	case wasm.OpCall, wasm.OpCallIndirect:
		b.calls = true
		b.strayed = true
	case wasm.OpUnreachable, wasm.OpBr, wasm.OpBrIf, wasm.OpReturn:
		b.strayed = true
	}
	return nil
}

func (b *bodyWalk) open(op wasm.Op) error {
	b.depth++
	b.blocks++
	if b.depth > NestingMax {
		e := b.limited("nested blocks", uint64(b.depth), NestingMax)
		e.Fix = "split the function"
		return e
	}
	switch op {
	case wasm.OpLoop:
		b.loops = true
		b.covered = b.covered || !b.strayed
	case wasm.OpIf:
		b.strayed = true
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
