package verifier

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/consensys/gnark-crypto/ecc"
	"github.com/consensys/gnark-crypto/ecc/bn254"
	"github.com/consensys/gnark-crypto/ecc/bn254/fr"

	"github.com/cerberus-host/cerberus/abi"
	"github.com/cerberus-host/cerberus/proofs/identity"
	"github.com/cerberus-host/cerberus/proofs/opening"
	"github.com/cerberus-host/cerberus/proofs/protocol"
)

// Request is what a proof is checked against. All fields but Keys and Now are required.
type Request struct {
	// System is that of the Plan which the caller derived.
	System *identity.System
	// Statement is the digest of the statement that the caller made from what it derived. It
	// must cover everything in Public: the challenges depend on that through it alone.
	Statement abi.Digest
	// Public are inputs, outputs, constants and keys, whose digests the caller compared.
	Public *identity.Publics
	// Setup is the caller's own, never one that came with the proof.
	Setup opening.Verifier
	// Keys are the commitments of the key polynomials, in the order of the System, if it was
	// built with committed keys: those of a keyset.Checked.
	Keys [][]bn254.G1Affine
	// Now is the clock for timings; nil means that none are taken.
	Now func() time.Time
}

// Verify returns a Report if the proof holds. Otherwise the error wraps
// protocol.ErrEncoding, protocol.ErrShape, identity.ErrBound, identity.ErrPublic,
// [ErrProjection], [ErrOpening], [ErrRequest] or the context's error. It uses all cores.
func Verify(ctx context.Context, r Request, proof []byte) (*Report, error) {
	if r.System == nil || r.Public == nil || r.Setup == nil || r.Statement.IsZero() {
		return nil, fmt.Errorf("%w: incomplete request", ErrRequest)
	}
	if r.Now == nil {
		r.Now = func() time.Time { return time.Time{} }
	}
	watch := &stopwatch{now: r.Now, last: r.Now()}
	if err := r.System.Check(); err != nil {
		return nil, err
	}
	if err := r.Public.Check(r.System); err != nil {
		return nil, err
	}
	sh, err := protocol.NewShape(r.System, r.Setup.Size(), r.Setup.OpeningBytes())
	if err != nil {
		return nil, err
	}
	if err := checkKeys(sh, r.Keys); err != nil {
		return nil, err
	}
	p, err := protocol.Decode(sh, proof)
	if err != nil {
		return nil, err
	}
	c := &check{ctx: ctx, request: r, shape: sh, proof: p, watch: watch}
	watch.lap(&c.took.Decode)
	if err := c.run(); err != nil {
		return nil, err
	}
	report := newReport(sh, r.Setup, len(proof))
	report.Durations = c.took
	return report, nil
}

// stopwatch measures stretches of a verification.
type stopwatch struct {
	now  func() time.Time
	last time.Time
}

// lap writes the time since the last lap.
func (s *stopwatch) lap(took *time.Duration) {
	now := s.now()
	*took, s.last = now.Sub(s.last), now
}

// checkKeys holds the list of key commitments to the shape.
func checkKeys(sh *protocol.Shape, keys [][]bn254.G1Affine) error {
	if len(keys) != len(sh.Keys) {
		return fmt.Errorf("%w: %d key commitments instead of %d", ErrRequest, len(keys),
			len(sh.Keys))
	}
	for _, points := range keys {
		if len(points) != sh.Blocks {
			return fmt.Errorf("%w: a key commitment of %d points", ErrRequest, len(points))
		}
	}
	return nil
}

// check is one verification.
type check struct {
	ctx     context.Context //nolint:containedctx // lives as long as the call
	request Request
	shape   *protocol.Shape
	proof   *protocol.Proof
	watch   *stopwatch
	took    Durations
}

// run follows the transcript. Everything that the opening is checked with is computed here:
// commitment, public vector and claim. There is nothing to compare before that: the rounds
// of the sum-check only reduce the claim, whatever they say.
func (c *check) run() error {
	sh, p := c.shape, c.proof
	session := protocol.NewSession(sh, c.request.Statement, c.request.Setup.Digest())
	var ch protocol.Challenges
	ch.Combinations = session.Wires(c.request.Keys, p.Wires)
	matrix := session.Quotients(p.Quotients)
	if err := c.projections(); err != nil {
		return err
	}
	ch.Delta = session.Projections(p.Projections)
	ch.Gamma = session.H(p.H)
	ch.Rho, ch.Tau = session.Claims(p.Claims)
	c.watch.lap(&c.took.Transcript)
	powers := protocol.Powers(ch.Gamma, sh.Degree)
	values, err := c.publicValues(powers)
	if err != nil {
		return err
	}
	c.watch.lap(&c.took.Public)
	claim := sh.Claim(&ch, values, p.Claims, p.Projections)
	running := claim.Target
	challenges := make([]fr.Element, sh.Rounds)
	for i, round := range p.SumCheck {
		challenges[i] = session.SumCheck(round)
		running = protocol.Reduce(running, round, challenges[i])
	}
	eq := protocol.EqWeights(challenges)
	commitment, err := c.fold(claim, eq)
	if err != nil {
		return err
	}
	public := sh.CombineVectors(powers, matrix.Powers(ch.Rho), eq)
	c.watch.lap(&c.took.Fold)
	if err := c.ctx.Err(); err != nil {
		return err
	}
	err = c.request.Setup.Verify(commitment, public, running, p.Opening)
	c.watch.lap(&c.took.Opening)
	if errors.Is(err, opening.ErrOpening) {
		return fmt.Errorf("%w: %w", ErrOpening, err)
	}
	return err
}

// projections checks that every wire and quotient is small.
func (c *check) projections() error {
	s := c.shape.System
	for i, poly := range c.shape.Projected() {
		if !protocol.Accept(&c.proof.Projections[i], c.shape.Degree, s.Polys[poly].Bound) {
			return fmt.Errorf("%w: %s of step %d", ErrProjection, s.Polys[poly].Kind,
				s.Polys[poly].Step)
		}
	}
	return nil
}

// fold combines all commitments: keys, wires, quotients and H. The weight of a point is the
// sum over the vectors of the claim's coefficient and the sum-check's weight.
func (c *check) fold(claim *protocol.Claim, eq []fr.Element) (bn254.G1Affine, error) {
	sh := c.shape
	weights := make(map[int][]fr.Element)
	for a, coefs := range claim.Coefs {
		for poly, coef := range coefs {
			if weights[poly] == nil {
				weights[poly] = make([]fr.Element, sh.Blocks)
			}
			addWeighted(weights[poly], coef, eq[a*sh.Blocks:])
		}
	}
	var points []bn254.G1Affine
	var scalars []fr.Element
	for _, list := range []struct {
		polys       []int
		commitments [][]bn254.G1Affine
	}{
		{sh.Keys, c.request.Keys},
		{sh.Wires, c.proof.Wires},
		{sh.Quotients, c.proof.Quotients},
	} {
		for i, poly := range list.polys {
			if w := weights[poly]; w != nil {
				points = append(points, list.commitments[i]...)
				scalars = append(scalars, w...)
			}
		}
	}
	for h := range claim.H {
		w := make([]fr.Element, sh.Blocks)
		addWeighted(w, &claim.H[h], eq) // the first view is 1
		points = append(points, c.proof.H[h*sh.Blocks:(h+1)*sh.Blocks]...)
		scalars = append(scalars, w...)
	}
	var out bn254.G1Affine
	if _, err := out.MultiExp(points, scalars, ecc.MultiExpConfig{}); err != nil {
		return out, fmt.Errorf("fold commitments: %w", err)
	}
	return out, nil
}

// addWeighted adds coef times the first weights to out.
func addWeighted(out []fr.Element, coef *fr.Element, weights []fr.Element) {
	for i := range out {
		var x fr.Element
		x.Mul(coef, &weights[i])
		out[i].Add(&out[i], &x)
	}
}
