package admit

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
	w.bodies = appendCount(make([]byte, 0, w.left()+w.left()/16), n)
	whole := w.end
	for i := range n {
		size, err := w.u32()
		if err != nil {
			return err
		}
		if uint64(size) > BodyBytesMax {
			e := w.limited("bytes in one function's body", uint64(size), BodyBytesMax)
			e.Fix = "split the function, or move its tables into data"
			return e
		}
		if int(size) > w.left() {
			return w.errorf("claims a body of %d bytes in %d", size, w.left())
		}
		w.end = w.pos + int(size)
		if err := w.body(w.signatures[w.ownTypes[i]]); err != nil {
			return err
		}
		w.end = whole
	}
	return nil
}

// body reads one function's body, up to w.end, and appends its new form to w.bodies.
func (w *walker) body(t signature) error {
	start := w.pos
	locals, err := w.locals()
	if err != nil {
		return err
	}
	b := bodyWalk{walker: w, entry: w.pos, depth: 1}
	for b.depth > 0 {
		if err := b.step(); err != nil {
			return err
		}
	}
	if w.left() != 0 {
		return w.errorf("%d bytes after a function's end", w.left())
	}
	points := b.points
	if b.needsEntry(w.end - start) {
		points = append([]int{b.entry}, points...)
	}
	blocks := uint64(b.blocks + bulkBlocks*len(points))
	if err := b.weigh(blocks, uint64(locals+len(t.params))); err != nil {
		return err
	}
	w.facts.Points += len(points)
	w.bodies = patch(w.bodies, w.data, start, w.end, points)
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
	groups, err := w.count("groups of locals", 2, LocalsMax)
	if err != nil {
		return 0, err
	}
	var total uint64
	for range groups {
		n, err := w.u32()
		if err != nil {
			return 0, err
		}
		total += uint64(n)
		if total > LocalsMax {
			e := w.limited("locals in one function", total, LocalsMax)
			e.Fix = "split the function, or keep the values in memory"
			return 0, e
		}
		if err := w.valueType(); err != nil {
			return 0, err
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
	entry  int
	depth  int
	blocks int
	points []int
	// targets counts those of all br_table operators.
	targets uint64
	// calls, loops: whether the body has any. covered: a loop is passed before anything
	// that could leave the straight line from the entry; left: such a thing has come.
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
	at := b.pos
	op, err := b.byte()
	if err != nil {
		return err
	}
	switch op {
	case opBlock, opLoop, opIf:
		return b.open(op)
	case opEnd:
		b.depth--
		return nil
	case 0x05: // else: stays in its block
		return nil
	case opBrTable:
		b.strayed = true
		return b.branchTable()
	case opPrefixed:
		bulk, err := b.prefixed()
		if bulk {
			b.points = append(b.points, at)
		}
		return err
	case opVector:
		return b.vector()
	case opMemoryGrow:
		b.points = append(b.points, at)
	case opCall, opCallIndirect:
		b.calls = true
		b.strayed = true
	case 0x00, opBr, opBrIf, opReturn:
		b.strayed = true
	}
	return b.plain(op)
}

func (b *bodyWalk) open(op byte) error {
	b.depth++
	b.blocks++
	if b.depth > NestingMax {
		e := b.limited("nested blocks", uint64(b.depth), NestingMax)
		e.Fix = "split the function"
		return e
	}
	switch op {
	case opLoop:
		b.loops = true
		b.covered = b.covered || !b.strayed
	case opIf:
		b.strayed = true
	}
	return b.signed(5) // empty, a value type, or the index of a type
}

func (b *bodyWalk) branchTable() error {
	n, err := b.count("targets of one br_table", 1, BranchTargetsMax)
	if err != nil {
		return err
	}
	b.targets += uint64(n) + 1
	for range n + 1 {
		if _, err := b.u32(); err != nil {
			return err
		}
	}
	return nil
}
