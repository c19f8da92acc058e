package lattigo

import (
	"fmt"
	"math/big"

	"github.com/tuneinsight/lattigo/v5/ring"

	"github.com/cerberus-host/cerberus/abi"
	"github.com/cerberus-host/cerberus/fhe"
	"github.com/cerberus-host/cerberus/fhe/rns"
)

// DecryptVector decrypts one of a Plan's outputs and returns its Length values. Level and
// scale are the Plan's; a ciphertext that says otherwise is refused with [fhe.ErrOperand],
// a malformed one with [fhe.ErrFormat], a wiped key with [ErrSecret].
//
// The values are for the holder of the key alone. Whoever sees ciphertexts must never see
// them, not even rounded: they carry the noise, and with it the secret (IND-CPA-D).
func DecryptVector(s *SecretKey, out fhe.PlanOutput, ct fhe.Ciphertext,
) (values []float64, err error) {
	defer guard(&err)
	p := s.rings.params
	if ct.Packing != out.Packing || ct.Length != out.Length || ct.Period != out.Period ||
		ct.Level != out.Level || ct.Scale != out.Scale {
		return nil, fmt.Errorf("%w: the ciphertext's metadata are not those of output %q",
			fhe.ErrOperand, out.Name)
	}
	if out.Level < 0 || out.Level > p.MaxLevel() || out.Scale.IsZero() ||
		out.Length < 1 || out.Length > p.N() {
		return nil, fmt.Errorf("%w: output %q at level %d has length %d", fhe.ErrRange, out.Name,
			out.Level, out.Length)
	}
	for c, part := range ct.C {
		if err := part.Check(p.N(), p.Moduli(out.Level)); err != nil {
			return nil, fmt.Errorf("output %q, component %d: %w", out.Name, c, err)
		}
	}
	at := s.rings.q.AtLevel(out.Level)
	secret, err := s.transformedIn(at)
	if err != nil {
		return nil, err
	}
	defer wipe(secret)
	message, c0 := at.NewPoly(), at.NewPoly()
	defer wipe(message)
	at.NTT(poly(ct.C[1]), message)
	at.MulCoeffsMontgomery(message, secret, message)
	at.NTT(poly(ct.C[0]), c0)
	at.Add(message, c0, message)
	if out.Packing == abi.PackCoeffs {
		return s.decodeCoeffs(out, message)
	}
	return s.decodeSlots(out, message)
}

// decodeCoeffs reads the first coefficients of a transformed polynomial, centred.
func (s *SecretKey) decodeCoeffs(out fhe.PlanOutput, message ring.Poly) ([]float64, error) {
	s.rings.q.AtLevel(out.Level).INTT(message, message)
	basis, err := rns.NewBasis(s.rings.params.Moduli(out.Level))
	if err != nil {
		return nil, fmt.Errorf("output %q: %w", out.Name, err)
	}
	first := make([][]uint64, out.Level+1)
	for l := range first {
		first[l] = message.Coeffs[l][:out.Length]
	}
	coeffs, err := basis.ReconstructPoly(first)
	if err != nil {
		return nil, fmt.Errorf("output %q: %w", out.Name, err)
	}
	values := make([]float64, out.Length)
	scale := out.Scale.Float()
	for i, c := range coeffs {
		v := new(big.Float).SetPrec(scale.Prec()).SetInt(c)
		values[i], _ = v.Quo(v, scale).Float64()
	}
	return values, nil
}

// decodeSlots averages the repetitions of the vector, whose noise is independent.
func (s *SecretKey) decodeSlots(out fhe.PlanOutput, message ring.Poly) ([]float64, error) {
	if out.Period < out.Length || out.Period > s.rings.params.Slots() ||
		out.Period&(out.Period-1) != 0 {
		return nil, fmt.Errorf("%w: output %q has %d values of period %d", fhe.ErrRange, out.Name,
			out.Length, out.Period)
	}
	values := make([]float64, out.Period)
	pt := s.plaintext(out.Level, out.Period, out.Scale, message)
	if err := s.encoder.ShallowCopy().Decode(pt, values); err != nil {
		return nil, fmt.Errorf("%w: decode: %w", ErrLibrary, err)
	}
	return values[:out.Length], nil
}
