package prover

import (
	"errors"
	"fmt"

	"github.com/consensys/gnark-crypto/ecc/bn254/fr"

	"github.com/cerberus-host/cerberus/proofs/identity"
	"github.com/cerberus-host/cerberus/proofs/opening"
	"github.com/cerberus-host/cerberus/proofs/protocol"
)

// reduce states the claims, folds everything into one vector and opens it.
func (j *job) reduce() error {
	claim, powers, err := j.claim()
	if err != nil {
		return err
	}
	c := &sumCheck{
		job: j, claim: claim, powers: powers, last: j.matrix.Powers(j.ch.Rho),
		eq: []fr.Element{fr.One()},
	}
	running := claim.Target
	for i := range j.shape.Rounds {
		round, err := c.round(1 << (j.shape.Rounds - i))
		if err != nil {
			return err
		}
		j.proof.SumCheck = append(j.proof.SumCheck, round)
		x := j.session.SumCheck(round)
		running = protocol.Reduce(running, round, x)
		c.bind(x)
	}
	if err := c.make(1); err != nil {
		return err
	}
	j.tell(PhaseOpen, 0, 1)
	y, w := c.y[0], c.w[0]
	j.proof.Opening, err = j.prover.cfg.Setup.Open(j.ctx, w, y, running)
	if errors.Is(err, opening.ErrOpening) {
		// The identities do not hold over the integers: a quotient was right by chance modulo
		// the words.
		return fmt.Errorf("%w: the claims do not hold: %w", identity.ErrWitness, err)
	}
	j.tell(PhaseOpen, 1, 1)
	return err
}

// claim states the values of products' factors at gamma and reduces everything to one linear
// claim. It returns it with the powers of gamma.
func (j *job) claim() (*protocol.Claim, []fr.Element, error) {
	s := j.request.System
	powers := protocol.Powers(j.ch.Gamma, j.shape.Degree)
	evaluator := protocol.NewEvaluator(powers)
	evaluate := func(keys []factorKey) ([]fr.Element, error) {
		out := make([]fr.Element, len(keys))
		err := j.parallel(PhaseOpen, len(keys), func(_, i int) error {
			w, err := j.factor(keys[i])
			if err != nil {
				return err
			}
			out[i] = evaluator.Eval(w)
			return nil
		})
		return out, err
	}
	claimed := make([]factorKey, len(s.Claims))
	for i, f := range s.Claims {
		claimed[i] = factorKey{factor: f}
	}
	var err error
	if j.proof.Claims, err = evaluate(claimed); err != nil {
		return nil, nil, err
	}
	j.ch.Rho, j.ch.Tau = j.session.Claims(j.proof.Claims)
	var public []factorKey
	for _, key := range j.terms.factors {
		if !s.Polys[key.factor.Poly].Committed {
			public = append(public, key)
		}
	}
	list, err := evaluate(public)
	if err != nil {
		return nil, nil, err
	}
	values := make(map[factorKey]fr.Element, len(public))
	for i, key := range public {
		values[key] = list[i]
	}
	known := protocol.Values{Factor: func(prime int, f identity.Factor) fr.Element {
		return values[keyOf(prime, f)]
	}}
	return j.shape.Claim(&j.ch, known, j.proof.Claims, j.proof.Projections), powers, nil
}
