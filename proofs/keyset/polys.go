package keyset

import (
	"context"
	"sync/atomic"

	"github.com/cerberus-host/cerberus/fhe"
	"github.com/cerberus-host/cerberus/proofs/identity"
	"github.com/cerberus-host/cerberus/proofs/protocol"
)

// polys walks over the blocks of a key set's polynomials. The halves A of the keys are
// expanded as they are met and not kept.
type polys struct {
	keys  *fhe.KeySet
	order order
	// perPoly is the number of blocks of a polynomial.
	perPoly int
}

func newPolys(keys *fhe.KeySet, size int) polys {
	elements := make([]uint64, len(keys.Keys))
	for i, k := range keys.Keys {
		elements[i] = k.Galois
	}
	p := keys.Params
	return polys{keys, newOrder(p, elements), blocksOf(p.N(), size)}
}

// blocks is the number of blocks in all.
func (p polys) blocks() int { return p.order.polys() * p.perPoly }

// each calls f for every block with its number, from as many goroutines as there are
// workers, each of which has a number below that. The block is lifted and f's until it
// returns.
func (p polys) each(
	ctx context.Context, workers int, f func(worker, at int, block []int64) error,
) error {
	o := p.order
	pairs := len(o.elements) * o.digits
	failures := make([]error, pairs)
	protocol.Parallel(pairs, workers, func(worker, i int) {
		failures[i] = p.pair(ctx, worker, i, f)
	})
	for _, err := range failures {
		if err != nil {
			return err
		}
	}
	return ctx.Err()
}

// pair walks over B and A of one digit of one key.
func (p polys) pair(
	ctx context.Context, worker, i int, f func(worker, at int, block []int64) error,
) error {
	o := p.order
	key, digit := p.keys.Keys[i/o.digits], i%o.digits
	a, err := p.keys.ExpandA(key.Galois, digit)
	if err != nil {
		return err
	}
	moduli := o.params.ModuliQP()
	lifted := make([]int64, o.params.N())
	length := len(lifted) / p.perPoly
	for component, poly := range []fhe.Poly{key.B[digit], a} {
		for limb, residues := range poly.Limbs {
			if err := ctx.Err(); err != nil {
				return err
			}
			for k, c := range residues {
				lifted[k] = identity.Lift(c, moduli[limb])
			}
			at := (i*2+component)*o.limbs + limb
			for b := range p.perPoly {
				block := lifted[b*length : (b+1)*length]
				if err := f(worker, at*p.perPoly+b, block); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// counter counts from several goroutines.
type counter struct{ n atomic.Int64 }

func (c *counter) next() int { return int(c.n.Add(1)) }
