package meter

import (
	"math"

	"github.com/cerberus-host/cerberus/host/admit/wasm"
)

// stretch is a set of operators that run if and only if its first one does, and that one
// charge pays for.
type stretch struct {
	// units are the prices of its operators, and of the loop heads that it pays for.
	units int64
	// leaves is the stretch that this one, an arm that never comes to its end, leaves early:
	// what that one's units have grown by since they were mark is given back. -1 for none,
	// or if the two have met again and back has been settled.
	leaves     int32
	mark, back int64
	// arms is the last of the arms that leave this one, next the one before in its list.
	arms, next int32
	// edit is the place of the charge among the edits.
	edit int32
	// prepaid says that every way to here has paid, so that nothing is charged.
	prepaid bool
	// looks says that the gas is looked at.
	looks bool
}

// frame is a block, loop, if, or the function's body, that is open.
type frame struct {
	op wasm.Op
	// dead says that the frame as a whole is never reached.
	dead bool
	// entry is the stretch in front of it, first the one that a loop or an arm begins with;
	// a block begins with none, and the next that is made has the number.
	entry, first int32
	// lowest is the outermost frame that a branch inside leads to.
	lowest int32
	// target says that a branch leads to the frame's end, or for a loop a conditional one to
	// its head.
	target bool
	// back lists the stretches that end in a branch to a loop's head.
	back int32
	// thenLive and thenLast describe the end of an if's first arm once its second, which
	// begins with second, has begun.
	thenLive         bool
	thenLast, second int32
}

// link is an entry of a list in flow.links; next is -1 at its end.
type link struct{ stretch, next int32 }

// flow finds the stretches of a body while its operators pass.
type flow struct {
	stretches []stretch
	frames    []frame
	links     []link
	edits     []edit
	// now is the stretch that the next operator belongs to, unless dead says that it is
	// never reached.
	now  int32
	dead bool
	// blocks counts frames.
	blocks int
	// surely is what every way through the body's first stretch costs at least.
	surely int64
	// foldMax is the price up to which an arm of an if is paid with it.
	foldMax int64
}

// start begins a body.
func (f *flow) start(at int) {
	f.stretches, f.frames = f.stretches[:0], f.frames[:0]
	f.links, f.edits = f.links[:0], f.edits[:0]
	f.dead, f.blocks, f.surely = false, 0, math.MaxInt64
	f.now = f.begin(at)
	f.stretches[0].looks = true
	f.frames = append(f.frames, frame{op: wasm.OpBlock, back: -1})
}

// begin makes a stretch whose charge stands at an offset.
func (f *flow) begin(at int) int32 {
	n := int32(len(f.stretches))
	f.stretches = append(f.stretches, stretch{
		leaves: -1, arms: -1, edit: int32(len(f.edits)),
	})
	f.edits = append(f.edits, edit{at: at, until: at, kind: editCharge, arg: uint32(n)})
	return n
}

// pay adds a price to the current stretch.
func (f *flow) pay(units int64) {
	if !f.dead {
		f.stretches[f.now].units += units
	}
}

// open begins a block, loop or if whose operator ends at an offset.
func (f *flow) open(op wasm.Op, at int) {
	top := int32(len(f.frames))
	n := frame{
		op: op, dead: f.dead, entry: f.now, first: int32(len(f.stretches)), lowest: top, back: -1,
	}
	f.blocks++
	if !f.dead && op != wasm.OpBlock {
		f.now = f.begin(at)
	}
	f.frames = append(f.frames, n)
}

// middle is else.
func (f *flow) middle(at int) {
	top := &f.frames[len(f.frames)-1]
	top.op = wasm.OpElse
	if top.dead {
		return
	}
	top.thenLive, top.thenLast = !f.dead, f.now
	top.second = f.begin(at)
	f.now, f.dead = top.second, false
}

// branch is a branch to a label, conditional or not. It does not end the stretch.
func (f *flow) branch(label uint32, conditional bool) {
	if f.dead {
		return
	}
	top := len(f.frames) - 1
	to := top - int(label)
	f.frames[top].lowest = min(f.frames[top].lowest, int32(to))
	target := &f.frames[to]
	if target.op != wasm.OpLoop || conditional {
		target.target = true
		return
	}
	f.links = append(f.links, link{f.now, target.back})
	target.back = int32(len(f.links) - 1)
}

// leave is return.
func (f *flow) leave() {
	if !f.dead {
		f.frames[len(f.frames)-1].lowest = 0
		f.dead = true
	}
}

// close is end, which ends at an offset. The last one closes the body.
func (f *flow) close(at int) {
	depth := int32(len(f.frames) - 1)
	top := f.frames[depth]
	f.frames = f.frames[:depth]
	if top.dead || depth == 0 {
		f.dead = true
		return
	}
	outer := &f.frames[depth-1]
	outer.lowest = min(outer.lowest, top.lowest)
	leaves := top.lowest < depth
	switch top.op {
	case wasm.OpLoop:
		f.closeLoop(&top, leaves, at)
	case wasm.OpIf:
		f.closeIf(&top, leaves, at)
	case wasm.OpElse:
		f.closeElse(&top, leaves, at)
	default:
		f.dead = f.dead && !top.target
		if !leaves {
			f.settle(top.entry, top.first)
		}
		f.resume(top.entry, leaves, top.target, at)
	}
}

// resume chooses the stretch behind a frame: the one in front of it if the frame is always
// left at its end, else a new one if there are several ways to that end, else the current.
func (f *flow) resume(entry int32, leaves, several bool, at int) {
	switch {
	case f.dead:
	case !leaves:
		f.now = entry
	case several:
		f.now = f.begin(at)
	}
}

// settle ends the giving back of arms that are numbered from first on and leave a stretch
// that goes on now: it goes on for them, too.
func (f *flow) settle(entry, first int32) {
	s := &f.stretches[entry]
	for s.arms >= first {
		arm := &f.stretches[s.arms]
		arm.leaves, arm.back = -1, s.units-arm.mark
		s.arms = arm.next
	}
}

// closeLoop decides who pays for the loop's head. Where all branches to it are unconditional
// and in stretches of their own, those and the stretch in front of the loop do.
func (f *flow) closeLoop(top *frame, leaves bool, at int) {
	head := &f.stretches[top.first]
	head.prepaid = !top.target
	for k := top.back; k >= 0 && head.prepaid; k = f.links[k].next {
		from := f.links[k].stretch
		head.prepaid = from != top.first && !f.stretches[from].prepaid
	}
	if !head.prepaid {
		head.looks = true
		f.resume(top.entry, leaves, false, at)
		return
	}
	f.stretches[top.entry].units += head.units
	for k := top.back; k >= 0; k = f.links[k].next {
		from := &f.stretches[f.links[k].stretch]
		from.units += head.units
		from.looks = true
	}
	// The head's units have been passed on and must not grow any more.
	f.resume(top.entry, leaves, f.now == top.first, at)
}

// closeIf ends an if without a second arm.
func (f *flow) closeIf(top *frame, leaves bool, at int) {
	if f.dead && !top.target {
		// The arm never comes to its end. What follows runs if and only if it is not taken.
		if leaves {
			arm, from := &f.stretches[top.first], &f.stretches[top.entry]
			arm.leaves, arm.mark = top.entry, from.units
			arm.next, from.arms = from.arms, top.first
			if top.entry == 0 {
				f.surely = min(f.surely, arm.mark)
			}
		}
		f.now, f.dead = top.entry, false
		return
	}
	f.dead = false
	if !leaves {
		f.fold(top.entry, top.first, top.first)
	}
	f.resume(top.entry, leaves, true, at)
}

// closeElse ends an if with two arms.
func (f *flow) closeElse(top *frame, leaves bool, at int) {
	elseLive := !f.dead
	f.dead = !elseLive && !top.thenLive && !top.target
	if f.dead {
		return
	}
	if !leaves {
		f.fold(top.entry, top.first, top.second)
	} else if top.thenLive && !elseLive && !top.target {
		f.now = top.thenLast
	}
	f.resume(top.entry, leaves, top.target || top.thenLive && elseLive, at)
}

// fold lets the stretch in front of an if pay for its arms, taken or not, if they are cheap
// and a stretch each. first and last are what the arms begin with.
func (f *flow) fold(entry, first, last int32) {
	if last-first > 1 || int(last) != len(f.stretches)-1 {
		return
	}
	units := max(f.stretches[first].units, f.stretches[last].units)
	if units > f.foldMax {
		return
	}
	for _, arm := range f.stretches[first:] {
		f.edits[arm.edit].kind = editNone
	}
	f.stretches[entry].units += units
	f.stretches = f.stretches[:first]
}

// charge returns what a stretch costs, which is negative for one that gives back more.
func (f *flow) charge(n int32) int64 {
	s := &f.stretches[n]
	if s.prepaid {
		return 0
	}
	units := s.units - s.back
	if s.leaves >= 0 {
		units -= f.stretches[s.leaves].units - s.mark
	}
	return units
}
