package verifier

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"

	"github.com/consensys/gnark-crypto/ecc"
	"github.com/consensys/gnark-crypto/ecc/bn254"
	"github.com/consensys/gnark-crypto/ecc/bn254/fr"

	"github.com/cerberus-host/cerberus/abi"
	"github.com/cerberus-host/cerberus/fhe/rns"
	"github.com/cerberus-host/cerberus/proofs/identity"
	"github.com/cerberus-host/cerberus/proofs/opening"
	"github.com/cerberus-host/cerberus/proofs/protocol"
)

// Request is what a proof is checked against. All fields but Keys are required.
type Request struct {
	// System is that of the Plan which the caller derived.
	System *identity.System
	// Statement is the digest of the statement that the caller made from what it derived.
	Statement abi.Digest
	// Public are inputs, outputs, constants and keys, whose digests the caller compared.
	Public *identity.Publics
	// Setup is the caller's own, never one that came with the proof.
	Setup opening.Verifier
	// Keys are the commitments of the key polynomials, in the order of the System, if it was
	// built with committed keys: [CommitKeys] of keys that the caller checked.
	Keys [][]bn254.G1Affine
}

// Verify returns a Report if the proof holds. Otherwise the error wraps
// protocol.ErrEncoding, identity.ErrBound, identity.ErrPublic, [ErrProjection],
// [ErrOpening], [ErrRequest] or the context's error. It uses all cores.
func Verify(ctx context.Context, r Request, proof []byte) (*Report, error) {
	if r.System == nil || r.Public == nil || r.Setup == nil || r.Statement.IsZero() {
		return nil, fmt.Errorf("%w: incomplete request", ErrRequest)
	}
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
	c := &check{ctx: ctx, request: r, shape: sh, proof: p}
	if err := c.run(); err != nil {
		return nil, err
	}
	return newReport(sh, r.Setup, len(proof)), nil
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
}

// run follows the transcript. Everything that the opening is checked with is computed here:
// commitment, public vector and claim.
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
	vectors := sh.PublicVectors(&ch, matrix)
	values, err := c.publicValues(ch.Gamma)
	if err != nil {
		return err
	}
	claim := sh.Claim(&ch, func(prime int, f identity.Factor) fr.Element {
		if f.Scale == 1 {
			prime = 0
		}
		return values[valued{prime, f}]
	}, p.Claims, p.Projections)
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
	if err := c.ctx.Err(); err != nil {
		return err
	}
	err = c.request.Setup.Verify(commitment, c.publicVector(vectors, eq), running, p.Opening)
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

// valued is a public factor in an identity modulo a prime.
type valued struct {
	prime  int
	factor identity.Factor
}

// publicValues evaluates every public factor at gamma.
func (c *check) publicValues(gamma fr.Element) (map[valued]fr.Element, error) {
	list, err := c.publicFactors()
	if err != nil {
		return nil, err
	}
	powers := protocol.NewEvaluator(protocol.Powers(gamma, c.shape.Degree))
	workers := min(runtime.GOMAXPROCS(0), len(list))
	results := make([]fr.Element, len(list))
	var once sync.Once
	var failure error
	protocol.Parallel(len(list), workers, func(_, i int) {
		value, err := c.publicValue(powers, list[i])
		if err != nil {
			once.Do(func() { failure = err })
		}
		results[i] = value
	})
	if failure == nil {
		failure = c.ctx.Err()
	}
	if failure != nil {
		return nil, failure
	}
	out := make(map[valued]fr.Element, len(list))
	for i, v := range list {
		out[v] = results[i]
	}
	return out, nil
}

// publicFactors lists them in the order of the System.
func (c *check) publicFactors() ([]valued, error) {
	seen := make(map[valued]bool)
	var list []valued
	for _, id := range c.shape.System.Identities {
		for _, t := range id.Terms {
			for _, f := range t.Factors {
				v := valued{id.Prime, f}
				if c.shape.System.Polys[f.Poly].Committed {
					continue
				}
				if f.Scale == 1 {
					v.prime = 0 // the value does not depend on the identity
				}
				if !seen[v] {
					seen[v] = true
					list = append(list, v)
				}
			}
		}
	}
	return list, c.ctx.Err()
}

func (c *check) publicValue(powers *protocol.Evaluator, v valued) (fr.Element, error) {
	s := c.shape.System
	coeffs, err := c.request.Public.Coeffs(s, v.factor.Poly)
	if err != nil {
		return fr.Element{}, err
	}
	if v.factor.Galois != 1 {
		turned := make([]int64, len(coeffs))
		identity.Rotate(turned, coeffs, v.factor.Galois)
		coeffs = turned
	}
	if v.factor.Scale != 1 {
		m, err := rns.NewModulus(s.Prime(v.prime))
		if err != nil {
			return fr.Element{}, fmt.Errorf("prime: %w", err)
		}
		scaled := make([]int64, len(coeffs))
		identity.ScaleLift(scaled, coeffs, v.factor.Scale, m)
		coeffs = scaled
	}
	return powers.Eval(coeffs), nil
}

// publicVector combines the public vectors with the sum-check's weights.
func (c *check) publicVector(vectors [][]fr.Element, eq []fr.Element) []fr.Element {
	sh := c.shape
	out := make([]fr.Element, sh.Size)
	protocol.Parallel(runtime.GOMAXPROCS(0), runtime.GOMAXPROCS(0), func(_, k int) {
		from := k * sh.Size / runtime.GOMAXPROCS(0)
		to := (k + 1) * sh.Size / runtime.GOMAXPROCS(0)
		for a, v := range vectors {
			for b := range sh.Blocks {
				w := eq[a*sh.Blocks+b]
				block := v[min(b*sh.Size, len(v)):min((b+1)*sh.Size, len(v))]
				for i := from; i < min(to, len(block)); i++ {
					var x fr.Element
					x.Mul(&block[i], &w)
					out[i].Add(&out[i], &x)
				}
			}
		}
	})
	return out
}

// fold combines all commitments: keys, wires, quotients and H.
func (c *check) fold(claim *protocol.Claim, eq []fr.Element) (bn254.G1Affine, error) {
	sh := c.shape
	var points []bn254.G1Affine
	var scalars []fr.Element
	// weight is the sum over vectors of the claim's coefficient and the sum-check's weight.
	add := func(poly int, blocks []bn254.G1Affine) {
		for b := range blocks {
			var w fr.Element
			for a := range sh.Vectors {
				var x fr.Element
				x.Mul(&claim.Coefs[a][poly], &eq[a*sh.Blocks+b])
				w.Add(&w, &x)
			}
			points, scalars = append(points, blocks[b]), append(scalars, w)
		}
	}
	for i, poly := range sh.Keys {
		add(poly, c.request.Keys[i])
	}
	for i, poly := range sh.Wires {
		add(poly, c.proof.Wires[i])
	}
	for i, poly := range sh.Quotients {
		add(poly, c.proof.Quotients[i])
	}
	view := 0 // the first view is 1
	for h := range claim.H {
		for b := range sh.Blocks {
			var w fr.Element
			w.Mul(&claim.H[h], &eq[view*sh.Blocks+b])
			points, scalars = append(points, c.proof.H[h*sh.Blocks+b]), append(scalars, w)
		}
	}
	var out bn254.G1Affine
	if _, err := out.MultiExp(points, scalars, ecc.MultiExpConfig{}); err != nil {
		return out, fmt.Errorf("fold commitments: %w", err)
	}
	return out, nil
}
