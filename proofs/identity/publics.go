package identity

import (
	"fmt"
	"math/bits"
	"sync"

	"github.com/cerberus-host/cerberus/fhe"
	"github.com/cerberus-host/cerberus/fhe/rns"
)

// Publics are the public polynomials of one task. Inputs are the ciphertexts of all of the
// Plan's inputs in order, Outputs one per output, Constants the encoded constants of the
// Plan; Keys may be nil if the Plan needs none. It must not be changed once it is used and
// is safe for concurrent use. The polynomials A of keys that were asked for are kept: they
// take as much memory as what the key set holds of those keys.
type Publics struct {
	Params          *fhe.Params
	Inputs, Outputs []fhe.Ciphertext
	Constants       []fhe.Poly
	Keys            *fhe.KeySet

	mu       sync.Mutex
	expanded map[keyDigit]*expansion
}

// keyDigit names a digit of a key.
type keyDigit struct {
	galois uint64
	digit  int
}

// expansion is a polynomial A of a key, made once.
type expansion struct {
	once sync.Once
	poly fhe.Poly
	err  error
}

// Check returns [ErrPublic] unless inputs, outputs, constants and keys are canonical
// polynomials with the metadata that the Plan states.
func (p *Publics) Check(s *System) error {
	plan := s.Plan
	if !p.Params.Equal(plan.Params) {
		return fmt.Errorf("%w: parameters %s, the plan has %s", ErrPublic, p.Params, plan.Params)
	}
	if err := plan.CheckInputs(p.Inputs); err != nil {
		return fmt.Errorf("%w: %w", ErrPublic, err)
	}
	if err := plan.CheckOutputs(p.Outputs); err != nil {
		return fmt.Errorf("%w: %w", ErrPublic, err)
	}
	if len(p.Constants) != len(plan.Constants) {
		return fmt.Errorf("%w: %d constants instead of %d", ErrPublic, len(p.Constants),
			len(plan.Constants))
	}
	for i, c := range p.Constants {
		moduli := plan.Params.Moduli(plan.Constants[i].Level)
		if err := c.Check(plan.Params.N(), moduli); err != nil {
			return fmt.Errorf("%w: constant %d: %w", ErrPublic, i, err)
		}
	}
	need := plan.KeyNeed()
	if need.IsEmpty() || s.Options.CommittedKeys {
		return nil
	}
	if missing := p.Keys.Missing(need); !missing.IsEmpty() {
		return fmt.Errorf("%w: missing keys: %v", ErrPublic, missing)
	}
	if !p.Keys.Params.Equal(plan.Params) {
		return fmt.Errorf("%w: keys for %s", ErrPublic, p.Keys.Params)
	}
	if err := p.Keys.Check(); err != nil {
		return fmt.Errorf("%w: %w", ErrPublic, err)
	}
	return nil
}

// Coeffs returns the lifted coefficients of a public polynomial, an index of Polys below
// Wires, in a new slice. It returns [ErrPublic] if it is not there.
func (p *Publics) Coeffs(s *System, poly int) ([]int64, error) {
	limb, q, err := p.Residues(s, poly)
	if err != nil {
		return nil, err
	}
	out := make([]int64, len(limb))
	for i, c := range limb {
		out[i] = Lift(c, q)
	}
	return out, nil
}

// Residues returns what [Publics.Coeffs] lifts and the prime: the residues are shared and
// must not be changed.
func (p *Publics) Residues(s *System, poly int) ([]uint64, uint64, error) {
	limb, prime, err := p.limb(s.Polys[poly])
	if err != nil {
		return nil, 0, err
	}
	return limb, s.Prime(prime), nil
}

// SumPrime is the modulus of the residues that [Publics.Sum] writes.
const SumPrime = 1<<61 - 1

// Summed returns the terms of an identity that one polynomial can stand for: multiples by one
// number and its negative of public polynomials that are neither committed nor scaled, as in
// a sum of rotated inputs. It returns nil unless there are several, and unless their sum
// without the number can be lifted from residues modulo [SumPrime].
func (s *System) Summed(id Identity) []int {
	var out []int
	var first int64
	bound := uint64(0)
	for i, t := range id.Terms {
		if len(t.Factors) != 1 || t.Factors[0].Scale != 1 {
			continue
		}
		p := s.Polys[t.Factors[0].Poly]
		if p.Committed {
			continue
		}
		if out == nil {
			first = t.Coef
		} else if t.Coef != first && t.Coef != -first {
			continue
		}
		out = append(out, i)
		if bound += uint64(p.Bound); bound >= SumPrime>>1 {
			return nil
		}
	}
	if len(out) < 2 {
		return nil
	}
	return out
}

// Sum writes the sum of the terms of an identity that [System.Summed] names, divided by the
// coefficient of the first of them, into out: residues modulo [SumPrime].
func (p *Publics) Sum(s *System, id Identity, out []uint64) error {
	clear(out)
	terms := s.Summed(id)
	for _, i := range terms {
		f := id.Terms[i].Factors[0]
		in, prime, err := p.Residues(s, f.Poly)
		if err != nil {
			return err
		}
		addTurned(out, in, prime, f.Galois, id.Terms[i].Coef != id.Terms[terms[0]].Coef)
	}
	for i, c := range out {
		out[i] = c + SumPrime&uint64(int64(c)>>63)
	}
	return nil
}

// addTurned adds the image under X -> X^galois of a lifted polynomial, or its negative, to
// out, in two's complement.
func addTurned(out, in []uint64, prime, galois uint64, negative bool) {
	n, half := uint64(len(in)), int64(prime>>1)
	beyond := bits.LeadingZeros64(n) // shifts N to the sign
	at := uint64(0)
	flip := int64(0)
	if negative {
		flip = -1
	}
	for _, r := range in {
		// r - prime from half on, and its negative beyond N.
		c := int64(r) - int64(prime)&((half-1-int64(r))>>63)
		sign := flip ^ int64(at<<beyond)>>63
		out[at&(n-1)] += uint64(c^sign) - uint64(sign)
		at += galois
	}
}

// limb returns the residues of a public polynomial, which are shared, and the index of
// their prime.
func (p *Publics) limb(poly Poly) ([]uint64, int, error) {
	var from fhe.Poly
	switch {
	case poly.Kind == KindInput && poly.Index < len(p.Inputs):
		from = p.Inputs[poly.Index].C[poly.Component]
	case poly.Kind == KindOutput && poly.Index < len(p.Outputs):
		from = p.Outputs[poly.Index].C[poly.Component]
	case poly.Kind == KindConstant && poly.Index < len(p.Constants):
		from = p.Constants[poly.Index]
	case poly.Kind == KindKey:
		var err error
		if from, err = p.key(poly); err != nil {
			return nil, 0, err
		}
	default:
		return nil, 0, fmt.Errorf("%w: there is no %s %d", ErrPublic, poly.Kind, poly.Index)
	}
	if poly.Limb >= len(from.Limbs) || len(from.Limbs[poly.Limb]) != p.Params.N() {
		return nil, 0, fmt.Errorf("%w: %s %d has no limb %d", ErrPublic, poly.Kind, poly.Index,
			poly.Limb)
	}
	return from.Limbs[poly.Limb], poly.Limb, nil
}

func (p *Publics) key(poly Poly) (fhe.Poly, error) {
	if p.Keys == nil {
		return fhe.Poly{}, fmt.Errorf("%w: no keys", ErrPublic)
	}
	key, ok := p.Keys.Key(poly.Galois)
	if !ok || poly.Index >= len(key.B) {
		return fhe.Poly{}, fmt.Errorf("%w: no digit %d of key %d", ErrPublic, poly.Index,
			poly.Galois)
	}
	if poly.Component == 0 {
		return key.B[poly.Index], nil
	}
	p.mu.Lock()
	if p.expanded == nil {
		p.expanded = make(map[keyDigit]*expansion)
	}
	id := keyDigit{poly.Galois, poly.Index}
	e, ok := p.expanded[id]
	if !ok {
		e = &expansion{}
		p.expanded[id] = e
	}
	p.mu.Unlock()
	e.once.Do(func() { e.poly, e.err = p.Keys.ExpandA(poly.Galois, poly.Index) })
	return e.poly, e.err
}

// Rotate writes a polynomial under X -> X^galois into out: coefficient i moves to galois*i
// modulo 2N and changes its sign beyond N.
func Rotate(out, in []int64, galois uint64) {
	n := uint64(len(in))
	for i, c := range in {
		at := uint64(i) * galois & (2*n - 1)
		if at < n {
			out[at] = c
		} else {
			out[at-n] = -c
		}
	}
}

// ScaleLift writes scale*in modulo q, lifted, into out.
func ScaleLift(out, in []int64, by uint64, m rns.Modulus) {
	for i, c := range in {
		r := uint64(c)
		if c < 0 {
			r = m.Neg(m.Reduce(uint64(-c)))
		} else {
			r = m.Reduce(r)
		}
		out[i] = Lift(m.Mul(r, by), m.Value())
	}
}

// ScaleResidues writes the residues modulo m of what [Rotate] and then [ScaleLift] make of
// the polynomial that in, residues modulo prime, is lifted to; by is below m.
func ScaleResidues(out, in []uint64, prime, galois, by uint64, m rns.Modulus) {
	n, q := uint64(len(in)), m.Value()
	companion := m.Shoup(by)
	for i, r := range in {
		if prime != q {
			negative := r >= prime>>1
			if r = m.Reduce(r); negative {
				r = m.Sub(r, m.Reduce(prime))
			}
		}
		at := uint64(i) * galois & (2*n - 1)
		if at >= n {
			at, r = at-n, m.Neg(r)
		}
		out[at] = m.MulShoup(r, by, companion)
	}
}
