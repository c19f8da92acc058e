package keyset

import (
	"context"

	"github.com/cerberus-host/cerberus/fhe"
	"github.com/cerberus-host/cerberus/proofs/opening"
)

// Relabel returns the commitments to a key set with other names for its keys, and an opening
// that goes with them.
func Relabel(
	ctx context.Context, c *Commitments, keys *fhe.KeySet, setup opening.Prover, elements []uint64,
) (*Commitments, error) {
	out := *c
	out.elements = elements
	return &out, out.open(ctx, newPolys(keys, out.size), 1, setup)
}
