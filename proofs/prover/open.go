package prover

import (
	"github.com/consensys/gnark-crypto/ecc/bn254"
	"github.com/consensys/gnark-crypto/ecc/bn254/fr"

	"github.com/cerberus-host/cerberus/proofs/identity"
	"github.com/cerberus-host/cerberus/proofs/protocol"
)

// commitH commits to the quotient by X^N+1 and draws gamma.
func (j *job) commitH() error {
	blocks := j.shape.Blocks
	j.proof.H = make([]bn254.G1Affine, j.shape.HPoints())
	err := j.parallel("divide", len(j.proof.H), func(i int) error {
		h := j.h[i/blocks]
		b := i % blocks
		var err error
		block := h[b*len(h)/blocks : (b+1)*len(h)/blocks]
		j.proof.H[i], err = j.prover.cfg.Setup.CommitScalars(block)
		return err
	})
	j.ch.Gamma = j.session.H(j.proof.H)
	return err
}

// reduce states the claims, folds everything into one vector and opens it.
func (j *job) reduce() error {
	s, sh := j.request.System, j.shape
	powers := protocol.NewEvaluator(protocol.Powers(j.ch.Gamma, sh.Degree))
	value := func(k factorKey) (fr.Element, error) {
		w, err := j.factor(k)
		if err != nil {
			return fr.Element{}, err
		}
		return powers.Eval(w), nil
	}
	j.proof.Claims = make([]fr.Element, len(s.Claims))
	err := j.parallel("open", len(s.Claims), func(i int) error {
		var err error
		j.proof.Claims[i], err = value(factorKey{factor: s.Claims[i]})
		return err
	})
	if err != nil {
		return err
	}
	j.ch.Rho, j.ch.Tau = j.session.Claims(j.proof.Claims)
	values, err := j.publicValues(value)
	if err != nil {
		return err
	}
	claim := sh.Claim(&j.ch, func(prime int, f identity.Factor) fr.Element {
		return values[keyOf(prime, f)]
	}, j.proof.Claims, j.proof.Projections)
	public := sh.PublicVectors(&j.ch, j.matrix)
	y := make([][]fr.Element, 1<<sh.Rounds)
	w := make([][]fr.Element, 1<<sh.Rounds)
	err = j.parallel("open", sh.Vectors, func(a int) error {
		folded, err := j.fold(claim, a)
		if err != nil {
			return err
		}
		for b := range sh.Blocks {
			y[a*sh.Blocks+b] = sh.Block(public[a], b)
			w[a*sh.Blocks+b] = sh.Block(folded, b)
		}
		return nil
	})
	if err != nil {
		return err
	}
	running := claim.Target
	for range sh.Rounds {
		round := sumCheckRound(y, w, j.prover.cfg.Workers)
		j.proof.SumCheck = append(j.proof.SumCheck, round)
		x := j.session.SumCheck(round)
		running = protocol.Reduce(running, round, x)
		y, w = bind(y, x, j.prover.cfg.Workers), bind(w, x, j.prover.cfg.Workers)
	}
	j.tell("open", 0, 1)
	j.proof.Opening, err = j.prover.cfg.Setup.Open(j.ctx, w[0], y[0], running,
		j.prover.cfg.Random)
	return err
}

// publicValues evaluates the public factors at gamma. One that only occurs as the linear
// factor of a term does not exist: that one is committed.
func (j *job) publicValues(
	value func(k factorKey) (fr.Element, error),
) (map[factorKey]fr.Element, error) {
	s := j.request.System
	seen := make(map[factorKey]bool)
	var order []factorKey
	for _, id := range s.Identities {
		for _, t := range id.Terms {
			for _, f := range t.Factors {
				if k := keyOf(id.Prime, f); !s.Polys[f.Poly].Committed && !seen[k] {
					seen[k] = true
					order = append(order, k)
				}
			}
		}
	}
	results := make([]fr.Element, len(order))
	err := j.parallel("open", len(order), func(i int) error {
		var err error
		results[i], err = value(order[i])
		return err
	})
	out := make(map[factorKey]fr.Element, len(order))
	for i, k := range order {
		out[k] = results[i]
	}
	return out, err
}

// fold returns the sum of all polynomials with the claim's coefficients under one vector.
func (j *job) fold(claim *protocol.Claim, a int) ([]fr.Element, error) {
	out := make([]fr.Element, j.shape.Degree)
	list := make([]weighed, 0, len(claim.Coefs[a]))
	for poly, coef := range claim.Coefs[a] { // sums are exact: the order does not matter
		w, err := j.coeffs(poly)
		if err != nil {
			return nil, err
		}
		list = append(list, weighed{w, *coef})
	}
	j.folder.fold(out, list, 0)
	if a == 0 { // H stands under the first view
		for b := range j.h {
			for i := range out {
				var x fr.Element
				x.Mul(&j.h[b][i], &claim.H[b])
				out[i].Add(&out[i], &x)
			}
		}
	}
	return out, nil
}

// sumCheckRound returns the values at 0 and 2 of the round's polynomial: the sum over pairs
// of the inner product of both vectors, bound to X.
func sumCheckRound(y, w [][]fr.Element, workers int) [2]fr.Element {
	pairs := len(y) / 2
	parts := make([][2]fr.Element, pairs)
	protocol.Parallel(pairs, workers, func(_, k int) {
		y0, y1, w0, w1 := y[2*k], y[2*k+1], w[2*k], w[2*k+1]
		if y0 == nil {
			return
		}
		var zero, two, a, b fr.Element
		for i := range y0 {
			a.Mul(&y0[i], &w0[i])
			zero.Add(&zero, &a)
			if y1 != nil {
				a.Double(&y1[i]).Sub(&a, &y0[i])
				b.Double(&w1[i]).Sub(&b, &w0[i])
			} else {
				a.Neg(&y0[i])
				b.Neg(&w0[i])
			}
			a.Mul(&a, &b)
			two.Add(&two, &a)
		}
		parts[k] = [2]fr.Element{zero, two}
	})
	var out [2]fr.Element
	for k := range parts {
		out[0].Add(&out[0], &parts[k][0])
		out[1].Add(&out[1], &parts[k][1])
	}
	return out
}

// bind combines neighbours: (1-x) times the first, x times the second. A vector that is not
// there is zero.
func bind(v [][]fr.Element, x fr.Element, workers int) [][]fr.Element {
	out := make([][]fr.Element, len(v)/2)
	protocol.Parallel(len(out), workers, func(_, k int) {
		first, second := v[2*k], v[2*k+1]
		if first == nil {
			return
		}
		sum := make([]fr.Element, len(first))
		for i := range sum {
			var d fr.Element
			if second != nil {
				d = second[i]
			}
			d.Sub(&d, &first[i]).Mul(&d, &x)
			sum[i].Add(&first[i], &d)
		}
		out[k] = sum
	})
	return out
}
