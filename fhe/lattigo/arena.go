package lattigo

import (
	"github.com/tuneinsight/lattigo/v5/core/rlwe"
	"github.com/tuneinsight/lattigo/v5/ring"
	"github.com/tuneinsight/lattigo/v5/ring/ringqp"
)

// arena is the scratch memory of one run: Lattigo's evaluator with the buffers that key
// switches write to, which cannot be shared, and the limbs that no register holds at the
// moment. Between runs it rests in a pool, from which the garbage collector may take it.
type arena struct {
	rings *rings
	eval  *rlwe.Evaluator
	free  [][]uint64
}

// newArena copies the tables of an evaluator and gives the copy the buffers that this
// package's use of it touches. Those that Lattigo would allocate take hundreds of megabytes
// for the largest rings.
func newArena(r *rings, tables *rlwe.Evaluator) *arena {
	eval := *tables
	eval.BasisExtender = tables.BasisExtender.ShallowCopy()
	eval.EvaluatorBuffers = &rlwe.EvaluatorBuffers{BuffInvNTT: r.q.NewPoly()}
	return &arena{rings: r, eval: &eval}
}

// limb returns a limb of unspecified content.
func (a *arena) limb() []uint64 {
	if n := len(a.free); n > 0 {
		limb := a.free[n-1]
		a.free = a.free[:n-1]
		return limb
	}
	return make([]uint64, a.rings.params.N())
}

// poly returns a polynomial of level+1 limbs of unspecified content.
func (a *arena) poly(level int) ring.Poly {
	p := ring.Poly{Coeffs: make([][]uint64, level+1)}
	for i := range p.Coeffs {
		p.Coeffs[i] = a.limb()
	}
	return p
}

// polyQP returns a polynomial modulo the first level+1 primes of Q and all of P.
func (a *arena) polyQP(level int) ringqp.Poly {
	return ringqp.Poly{Q: a.poly(level), P: a.poly(a.rings.levelP())}
}

// give takes limbs back; nobody may use them any more.
func (a *arena) give(polys ...ring.Poly) {
	for _, p := range polys {
		a.free = append(a.free, p.Coeffs...)
	}
}

func (a *arena) giveQP(polys ...ringqp.Poly) {
	for _, p := range polys {
		a.give(p.Q, p.P)
	}
}
