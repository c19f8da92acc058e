package squeeze

// place is a ciphertext of an emitted Plan: a value brought to a level.
type place struct {
	v     valueID
	level int
}

// rotationCounts says how often the value at a place is rotated. It is only looked up.
type rotationCounts map[place]int

// countRotations is the pass [PassHoist]: a place that is rotated more than once is
// decomposed once. A decomposition is about half of a rotation's work, and its digits are
// the same for every rotation.
func countRotations(g *graph, lev *levels) rotationCounts {
	counts := make(rotationCounts)
	for id, v := range g.values {
		if v.op == opRotate && lev.of[id] != notNeeded {
			counts[place{v.a, lev.of[id]}]++
		}
	}
	return counts
}

func (c rotationCounts) hoisted(p place) bool { return c[p] > 1 }
