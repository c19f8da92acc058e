package lattigo

import (
	"fmt"

	"github.com/tuneinsight/lattigo/v5/core/rlwe"
	"github.com/tuneinsight/lattigo/v5/ring"
	"github.com/tuneinsight/lattigo/v5/schemes/ckks"

	"github.com/cerberus-host/cerberus/fhe"
)

// digitPrimesMax is the number of primes that Lattigo's base extension has room for.
const digitPrimesMax = 32

// rings is a parameter set in Lattigo's terms: the transform tables of all primes. It is
// immutable and safe for concurrent use.
type rings struct {
	params *fhe.Params
	ckks   ckks.Parameters
	// q and p are the rings modulo the primes of Q and P, at their top levels.
	q, p *ring.Ring
}

// newRings computes the tables. Secrets are uniform ternary and errors Gaussian of standard
// deviation 3.2, cut at six deviations: Lattigo's defaults.
func newRings(p *fhe.Params) (r *rings, err error) {
	defer guard(&err)
	if err := supports(p); err != nil {
		return nil, err
	}
	literal := ckks.ParametersLiteral{
		LogN: p.LogN(), Q: p.Moduli(p.MaxLevel()), P: p.ModuliQP()[p.QCount():],
		LogDefaultScale: p.ScaleBits(), Xs: rlwe.DefaultXs, Xe: rlwe.DefaultXe,
	}
	params, err := ckks.NewParametersFromLiteral(literal)
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrLibrary, p, err)
	}
	return &rings{params: p, ckks: params, q: params.RingQ(), p: params.RingP()}, nil
}

func supports(p *fhe.Params) error {
	switch {
	case p == nil:
		return fmt.Errorf("%w: none given", fhe.ErrParams)
	case p.Scheme() != fhe.SchemeCKKS:
		return fmt.Errorf("%w: scheme %s", fhe.ErrUnsupported, p.Scheme())
	case p.Alpha() > digitPrimesMax:
		return fmt.Errorf("%w: digits of %d primes, at most %d", fhe.ErrUnsupported, p.Alpha(),
			digitPrimesMax)
	}
	return nil
}

// levelP is the level of the special primes, which are always all in use.
func (r *rings) levelP() int { return r.params.PCount() - 1 }

// poly shares the limbs of p in Lattigo's type.
func poly(p fhe.Poly) ring.Poly { return ring.Poly{Coeffs: p.Limbs} }
