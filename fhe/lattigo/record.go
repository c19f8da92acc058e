package lattigo

import (
	"fmt"
	"math/big"

	"github.com/tuneinsight/lattigo/v5/ring"
	"github.com/tuneinsight/lattigo/v5/ring/ringqp"

	"github.com/cerberus-host/cerberus/fhe"
	"github.com/cerberus-host/cerberus/fhe/rns"
)

// The integers of a digit or a remainder are read back from the residues that the run
// worked with. The base extension's estimate may have missed the centred representative by
// one multiple of the source modulus; one prime beyond that modulus is enough to tell which
// representative it was, because the integer is below twice the modulus.

// recordDigit reports the integers of a digit.
func (r *run) recordDigit(level, digit int, d ringqp.Poly) error {
	if r.opts.Recorder == nil {
		return nil
	}
	set := r.plan.set.rings
	lo, hi := set.params.DigitRange(digit, level)
	var primes []uint64
	var limbs [][]uint64
	for i := lo; i < hi; i++ {
		primes = append(primes, set.params.Q(i))
		limbs = append(limbs, restored(set.q.SubRings[i], d.Q.Coeffs[i]))
	}
	primes = append(primes, set.params.P(0))
	limbs = append(limbs, restored(set.p.SubRings[0], d.P.Coeffs[0]))
	return r.record(fhe.WireDigit, digit, primes, limbs)
}

// recordModDown reports the integers e of a division by P, (acc - e) / P = out.
func (r *run) recordModDown(component int, acc ringqp.Poly, out ring.Poly) error {
	if r.opts.Recorder == nil {
		return nil
	}
	set := r.plan.set.rings
	var primes []uint64
	var limbs [][]uint64
	for i := range set.params.PCount() {
		primes = append(primes, set.params.P(i))
		limbs = append(limbs, restored(set.p.SubRings[i], acc.P.Coeffs[i]))
	}
	// Modulo q_0 the remainder is acc - P * out.
	sub := set.q.SubRings[0]
	special := new(big.Int).Mod(set.p.Modulus(), new(big.Int).SetUint64(sub.Modulus)).Uint64()
	e := make([]uint64, len(out.Coeffs[0]))
	sub.MulScalarMontgomery(out.Coeffs[0], ring.MForm(special, sub.Modulus, sub.BRedConstant), e)
	sub.Sub(acc.Q.Coeffs[0], e, e)
	primes, limbs = append(primes, sub.Modulus), append(limbs, restored(sub, e))
	return r.record(fhe.WireModDown, component, primes, limbs)
}

// recordRescale reports the integers e of a division by the last prime of a's level.
func (r *run) recordRescale(a *value) error {
	if r.opts.Recorder == nil {
		return nil
	}
	sub := r.plan.set.rings.q.SubRings[a.level]
	for c, p := range a.polys {
		last := p.Coeffs[a.level]
		if a.transformed {
			last = restored(sub, last)
		}
		if err := r.record(fhe.WireRescale, c, []uint64{sub.Modulus}, [][]uint64{last}); err != nil {
			return err
		}
	}
	return nil
}

// restored returns a limb in coefficient form.
func restored(sub *ring.SubRing, limb []uint64) []uint64 {
	out := make([]uint64, len(limb))
	sub.INTT(limb, out)
	return out
}

// record reports the centred integers with the given residues.
func (r *run) record(kind fhe.WireKind, index int, primes []uint64, limbs [][]uint64) error {
	basis, err := rns.NewBasis(primes)
	if err != nil {
		return fmt.Errorf("record: %w", err)
	}
	coeffs, err := basis.ReconstructPoly(limbs)
	if err != nil {
		return fmt.Errorf("record: %w", err)
	}
	wire := fhe.Wire{Step: r.now, Kind: kind, Index: index, Coeffs: coeffs}
	if err := r.opts.Recorder.Record(wire); err != nil {
		return fmt.Errorf("record: %w", err)
	}
	return nil
}
