package fhe

// wordBytes is the memory of one residue.
const wordBytes = 8

// LastUses returns, for every register, the index of the last step that reads it,
// len(Steps) if an output reads it, and -1 if nothing does. An engine may free a register
// after that step. The Plan must be valid.
func (p *Plan) LastUses() []int {
	last := make([]int, p.Registers)
	for r := range last {
		last[r] = -1
	}
	for i, s := range p.Steps {
		last[s.A] = i
		if s.B != NoReg {
			last[s.B] = i
		}
	}
	for _, o := range p.Outputs {
		last[o.Reg] = len(p.Steps)
	}
	return last
}

// Cost counts the Plan's steps and sizes. The Plan must be valid. Depth is the number of
// levels between the highest input and the lowest output. InputBytes and OutputBytes are
// those of the canonical blobs, inputs seeded; KeyBytes those of a key set with exactly the
// Plan's keys. Peak is the largest memory of the registers that are in use at once, with 8
// bytes per residue, if each is freed after its last use; EncodedBytes is the memory of the
// encoded constants. Engines need more while a step runs.
func (p *Plan) Cost() PlanCost {
	c := PlanCost{Peak: p.peak()}
	for _, s := range p.Steps {
		if counter := c.counter(s.Op); counter != nil {
			*counter++
		}
	}
	top, bottom := 0, p.Params.MaxLevel()
	for _, in := range p.Inputs {
		top = max(top, in.Level)
		c.InputBytes += CiphertextBytes(p.Params, in.Packing, in.Length, in.Level, true)
	}
	for _, o := range p.Outputs {
		bottom = min(bottom, o.Level)
		c.OutputBytes += CiphertextBytes(p.Params, o.Packing, o.Length, o.Level, false)
	}
	c.Depth = top - bottom
	if keys := len(p.KeyNeed().Elements()); keys > 0 {
		c.KeyBytes = KeySetBytes(p.Params, keys)
	}
	for _, k := range p.Constants {
		c.EncodedBytes += p.polyMemory(k.Level + 1)
	}
	return c
}

// counter returns the count that a step of that kind belongs to; drops cost nothing.
func (c *PlanCost) counter(op StepOp) *int {
	switch op {
	case StepAdd, StepSub, StepNeg, StepAddConst:
		return &c.Adds
	case StepMulConst:
		return &c.MulConsts
	case StepMulInt:
		return &c.MulInts
	case StepTensor:
		return &c.Tensors
	case StepRelin:
		return &c.Relins
	case StepRescale:
		return &c.Rescales
	case StepDecompose:
		return &c.Decompositions
	case StepRotate:
		return &c.Rotations
	default:
		return nil
	}
}

func (p *Plan) polyMemory(limbs int) int64 {
	return int64(p.Params.N()) * int64(limbs) * wordBytes
}

// peak replays the Plan's register use.
func (p *Plan) peak() int64 {
	last := p.LastUses()
	size := make([]int64, p.Registers)
	degree2 := make([]bool, p.Registers)
	live := int64(0)
	free := func(r Reg, step int) {
		if r != NoReg && last[r] <= step {
			live -= size[r]
			size[r] = 0
		}
	}
	for _, in := range p.Inputs {
		for k := range in.Count {
			size[in.Reg+Reg(k)] = 2 * p.polyMemory(in.Level+1)
			live += 2 * p.polyMemory(in.Level+1)
		}
	}
	most := live
	for i, s := range p.Steps {
		switch s.Op {
		case StepTensor:
			degree2[s.Out] = true
		case StepRelin, StepDecompose, StepRotate:
		default:
			degree2[s.Out] = degree2[s.A]
		}
		switch {
		case s.Op == StepDecompose:
			limbs := s.Level + 1 + p.Params.PCount()
			size[s.Out] = int64(p.Params.Digits(s.Level)) * p.polyMemory(limbs)
		case degree2[s.Out]:
			size[s.Out] = 3 * p.polyMemory(s.Level+1)
		default:
			size[s.Out] = 2 * p.polyMemory(s.Level+1)
		}
		live += size[s.Out]
		most = max(most, live)
		free(s.A, i)
		free(s.B, i)
		free(s.Out, i)
	}
	return most
}
