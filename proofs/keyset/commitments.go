package keyset

import (
	"context"
	"fmt"
	"slices"

	"github.com/consensys/gnark-crypto/ecc"
	"github.com/consensys/gnark-crypto/ecc/bn254"
	"github.com/consensys/gnark-crypto/ecc/bn254/fr"

	"github.com/cerberus-host/cerberus/abi"
	"github.com/cerberus-host/cerberus/fhe"
	"github.com/cerberus-host/cerberus/proofs/identity"
	"github.com/cerberus-host/cerberus/proofs/opening"
	"github.com/cerberus-host/cerberus/proofs/protocol"
)

// transcriptLabel separates the challenges of key commitments from those of proofs.
const transcriptLabel = "cerberus/key-set-commitments/v1"

// Commitments are commitments to a key set under a setup, as made or as read: nobody has
// checked them against the keys. They are immutable.
type Commitments struct {
	keySet, setup abi.Digest
	// size is the number of coefficients of a block.
	size     int
	elements []uint64
	points   []bn254.G1Affine
	opening  []byte
}

// KeySet is the digest of the key set that the commitments claim to be of.
func (c *Commitments) KeySet() abi.Digest { return c.keySet }

// Setup is the digest of the setup that they were made under.
func (c *Commitments) Setup() abi.Digest { return c.setup }

// Options bound the work of [Commit].
type Options struct {
	// Workers is the number of goroutines; 0 means all cores.
	Workers int
	// OnProgress, if not nil, is called with the number of committed blocks, from several
	// goroutines.
	OnProgress func(done, total int)
}

// Blocks is the number of points of the commitments to a key set of that many keys: what
// making them takes is proportional to it.
func Blocks(p *fhe.Params, keys, size int) int {
	return newOrder(p, make([]uint64, keys)).polys() * blocksOf(p.N(), size)
}

// blocksOf is the number of blocks of a polynomial.
func blocksOf(n, size int) int { return max(1, n/size) }

// Commit commits to a key set, whose blob has the digest given. It takes about 12 ms of a
// core for a block of 8,192 coefficients. The error wraps [ErrKeys] for a key set that is not
// canonical, or is the context's.
func Commit(
	ctx context.Context, keys *fhe.KeySet, digest abi.Digest, setup opening.Prover, o Options,
) (*Commitments, error) {
	if err := checkKeySet(keys); err != nil {
		return nil, err
	}
	v := setup.Verifier()
	p := newPolys(keys, v.Size())
	c := &Commitments{
		keySet: digest, setup: v.Digest(), size: v.Size(), elements: p.order.elements,
		points: make([]bn254.G1Affine, p.blocks()),
	}
	workers := o.Workers
	if workers <= 0 {
		workers = protocol.Workers()
	}
	var done counter
	err := p.each(ctx, workers, func(_, at int, block []int64) (err error) {
		c.points[at], err = setup.Commit(block)
		if o.OnProgress != nil {
			o.OnProgress(done.next(), len(c.points))
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return c, c.open(ctx, p, workers, setup)
}

// open makes the opening, when all that the challenges follow is there.
func (c *Commitments) open(
	ctx context.Context, p polys, workers int, setup opening.Prover,
) error {
	tau, gamma := c.challenges(p.order.params)
	weights := protocol.Powers(tau, len(c.points))
	length := min(c.size, p.order.params.N())
	folders := make([]*protocol.Folder, workers)
	err := p.each(ctx, workers, func(worker, at int, block []int64) error {
		if folders[worker] == nil {
			folders[worker] = protocol.NewFolder(length)
		}
		folders[worker].Add(&weights[at], block)
		return nil
	})
	if err != nil {
		return err
	}
	w, part := make(fr.Vector, c.size), make(fr.Vector, length)
	for _, f := range folders {
		if f != nil {
			f.Sum(part)
			head := w[:length]
			head.Add(head, part)
		}
	}
	y := fr.Vector(protocol.Powers(gamma, c.size))
	c.opening, err = setup.Open(ctx, w, y, y.InnerProduct(w))
	return err
}

// checkKeySet asks for a canonical key set.
func checkKeySet(keys *fhe.KeySet) error {
	if keys == nil || len(keys.Keys) == 0 {
		return fmt.Errorf("%w: there are no keys", ErrKeys)
	}
	if err := keys.Check(); err != nil {
		return fmt.Errorf("%w: %w", ErrKeys, err)
	}
	return nil
}

// Check compares commitments with a canonical key set, whose blob has the digest given. The
// error wraps [ErrKeys] if they are of other keys or another setup, or is the context's.
func (c *Commitments) Check(
	ctx context.Context, keys *fhe.KeySet, digest abi.Digest, setup opening.Verifier,
) (*Checked, error) {
	if err := checkKeySet(keys); err != nil {
		return nil, err
	}
	p := newPolys(keys, setup.Size())
	switch {
	case c.keySet != digest:
		return nil, fmt.Errorf("%w: they say that they are of the key set %s, not of %s", ErrKeys,
			c.keySet, digest)
	case c.setup != setup.Digest() || c.size != setup.Size():
		return nil, fmt.Errorf("%w: they are under the setup %s, not under %s", ErrKeys, c.setup,
			setup.Digest())
	case !slices.Equal(c.elements, p.order.elements) || len(c.points) != p.blocks() ||
		len(c.opening) != setup.OpeningBytes():
		return nil, fmt.Errorf("%w: %d points for %d keys, the key set has %d blocks of %d keys",
			ErrKeys, len(c.points), len(c.elements), p.blocks(), len(p.order.elements))
	}
	tau, gamma := c.challenges(p.order.params)
	weights := protocol.Powers(tau, len(c.points))
	y := protocol.Powers(gamma, c.size)
	evaluator := protocol.NewEvaluator(y[:min(c.size, p.order.params.N())])
	sums := make([]fr.Element, protocol.Workers())
	err := p.each(ctx, len(sums), func(worker, at int, block []int64) error {
		value := evaluator.Eval(block)
		value.Mul(&value, &weights[at])
		sums[worker].Add(&sums[worker], &value)
		return nil
	})
	if err != nil {
		return nil, err
	}
	var claim fr.Element
	for i := range sums {
		claim.Add(&claim, &sums[i])
	}
	var fold bn254.G1Affine
	if _, err := fold.MultiExp(c.points, weights, ecc.MultiExpConfig{}); err != nil {
		return nil, fmt.Errorf("fold commitments: %w", err)
	}
	if err := setup.Verify(fold, y, claim, c.opening); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrKeys, err)
	}
	return c.checked(p.order), nil
}

// challenges draws tau and gamma after everything that they must follow.
func (c *Commitments) challenges(p *fhe.Params) (tau, gamma fr.Element) {
	t := protocol.NewTranscript(transcriptLabel)
	t.Append("version", []byte(protocol.Version))
	t.Append("params", []byte(p.String()))
	t.Append("commitments", c.head())
	t.Append("points", appendPoints(nil, c.points))
	return t.Scalar("tau"), t.Scalar("gamma")
}

// Checked are commitments that were checked against their key set. They are immutable and
// safe for concurrent use.
type Checked struct {
	order         order
	digest        abi.Digest
	keySet, setup abi.Digest
	blocks        int
	points        []bn254.G1Affine
	data          []byte
}

func (c *Commitments) checked(o order) *Checked {
	data := c.Encode()
	return &Checked{
		order: o, digest: abi.SumDigest(data), keySet: c.keySet, setup: c.setup,
		blocks: blocksOf(o.params.N(), c.size), points: c.points, data: data,
	}
}

// Restore reads commitments that the caller checked before and kept where nobody else
// writes: it compares their form with the parameters and nothing with any keys. Errors wrap
// [ErrFormat].
func Restore(p *fhe.Params, data []byte) (*Checked, error) {
	c, err := Parse(data)
	if err != nil {
		return nil, err
	}
	o := newOrder(p, c.elements)
	if want := o.polys() * blocksOf(p.N(), c.size); len(c.points) != want {
		return nil, fmt.Errorf("%w: %d points instead of %d", ErrFormat, len(c.points), want)
	}
	return c.checked(o), nil
}

// Digest is that of the encoded commitments: what a statement names.
func (c *Checked) Digest() abi.Digest { return c.digest }

// KeySet is the digest of the key set.
func (c *Checked) KeySet() abi.Digest { return c.keySet }

// Setup is the digest of the setup.
func (c *Checked) Setup() abi.Digest { return c.setup }

// Bytes returns the encoded commitments, which must not be changed.
func (c *Checked) Bytes() []byte { return c.data }

// For returns the commitments of the key polynomials of a System that was built with
// committed keys, in its order, under the setup of the proof. The error wraps [ErrKeys] if
// they are for other parameters or another setup, or if the key set lacks a key.
func (c *Checked) For(s *identity.System, setup opening.Verifier) ([][]bn254.G1Affine, error) {
	if !s.Plan.Params.Equal(c.order.params) || c.setup != setup.Digest() {
		return nil, fmt.Errorf("%w: they are for other parameters or another setup", ErrKeys)
	}
	sh, err := protocol.NewShape(s, setup.Size(), setup.OpeningBytes())
	if err != nil {
		return nil, err
	}
	out := make([][]bn254.G1Affine, len(sh.Keys))
	for i, at := range sh.Keys {
		poly := s.Polys[at]
		k, ok := c.order.at(poly)
		if !ok {
			return nil, fmt.Errorf("%w: there is no digit %d of key %d", ErrKeys, poly.Index,
				poly.Galois)
		}
		out[i] = c.points[k*c.blocks : (k+1)*c.blocks]
	}
	return out, nil
}

// order numbers the polynomials of a key set: keys ascending, then digits, then B before A,
// then the primes of Q and P.
type order struct {
	params        *fhe.Params
	elements      []uint64
	digits, limbs int
}

func newOrder(p *fhe.Params, elements []uint64) order {
	return order{p, elements, p.Digits(p.MaxLevel()), len(p.ModuliQP())}
}

// polys is the number of polynomials.
func (o order) polys() int { return len(o.elements) * o.digits * 2 * o.limbs }

// at returns the number of a key polynomial of a System.
func (o order) at(p identity.Poly) (int, bool) {
	key, ok := slices.BinarySearch(o.elements, p.Galois)
	ok = ok && p.Kind == identity.KindKey && p.Index < o.digits && p.Component < 2 &&
		p.Limb < o.limbs
	return ((key*o.digits+p.Index)*2+p.Component)*o.limbs + p.Limb, ok
}
