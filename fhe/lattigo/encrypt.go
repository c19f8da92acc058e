package lattigo

import (
	"fmt"
	"io"
	"math"
	"math/big"

	"github.com/tuneinsight/lattigo/v5/core/rlwe"
	"github.com/tuneinsight/lattigo/v5/ring"
	"github.com/tuneinsight/lattigo/v5/schemes/ckks"

	"github.com/cerberus-host/cerberus/abi"
	"github.com/cerberus-host/cerberus/fhe"
)

// prngKeyBytes is the length of the key of an error generator.
const prngKeyBytes = 64

// encodedMax bounds encoded coefficients: float64 holds integers of that size with the
// precision of the values themselves, and they fit an int64.
const encodedMax = 1 << 62

// EncryptVector encrypts the values of one of a Plan's inputs, seeded: the ciphertexts
// travel with a seed in place of C[1]. With slot packing, element i lies in slots i,
// i+period, …, elements beyond the length are zero; with coefficient packing, ciphertext
// k holds elements k*N to (k+1)*N-1. Seed and errors are drawn from rand, which must be a
// cryptographic source; no polynomial is ever expanded twice.
//
// It returns [fhe.ErrOperand] if there are not exactly Length values, [fhe.ErrRange] if
// one is not finite or beyond the input's bound, or if the bound at the input's scale does
// not fit its level, [ErrSecret] for a wiped key, and [ErrRandom].
func EncryptVector(s *SecretKey, in fhe.PlanInput, values []float64, rand io.Reader,
) (cts []fhe.Ciphertext, err error) {
	defer guard(&err)
	if err := s.checkInput(in, values); err != nil {
		return nil, err
	}
	seed := [fhe.SeedBytes]byte{}
	key := make([]byte, prngKeyBytes)
	for _, b := range [][]byte{seed[:], key} {
		if _, err := io.ReadFull(rand, b); err != nil {
			return nil, fmt.Errorf("%w: %w", ErrRandom, err)
		}
	}
	prng, err := newPRNG(key)
	if err != nil {
		return nil, err
	}
	at := s.rings.q.AtLevel(in.Level)
	secret, err := s.transformedIn(at)
	if err != nil {
		return nil, err
	}
	defer wipe(secret)
	sampler := ring.NewGaussianSampler(prng, at, rlwe.DefaultXe, false)
	message := at.NewPoly()
	defer wipe(message)
	for k := range in.Count {
		if err := s.encode(in, k, values, message); err != nil {
			return nil, err
		}
		ct := fhe.Ciphertext{
			Packing: in.Packing, Length: in.Length, Period: in.Period, Level: in.Level,
			Scale: in.Scale, Seeded: true, Seed: seed, Index: k,
		}
		if ct.C[1], err = fhe.ExpandCiphertext(s.rings.params, seed, k, in.Level); err != nil {
			return nil, err
		}
		// c0 = -c1*s + m + e
		ct.C[0] = fhe.NewPoly(s.rings.params.N(), in.Level+1)
		c0 := poly(ct.C[0])
		at.NTT(poly(ct.C[1]), c0)
		at.MulCoeffsMontgomery(c0, secret, c0)
		at.INTT(c0, c0)
		at.Sub(message, c0, c0)
		sampler.ReadAndAdd(c0)
		cts = append(cts, ct)
	}
	return cts, nil
}

func (s *SecretKey) checkInput(in fhe.PlanInput, values []float64) error {
	p := s.rings.params
	if in.Level < 0 || in.Level > p.MaxLevel() || in.Scale.IsZero() || in.Bound < 1 {
		return fmt.Errorf("%w: input %q at level %d, bound %d", fhe.ErrRange, in.Name, in.Level,
			in.Bound)
	}
	if len(values) != in.Length {
		return fmt.Errorf("%w: input %q has %d values instead of %d", fhe.ErrOperand, in.Name,
			len(values), in.Length)
	}
	if in.Count != fhe.CiphertextCount(p, in.Packing, in.Length) {
		return fmt.Errorf("%w: input %q takes %d ciphertexts", fhe.ErrOperand, in.Name, in.Count)
	}
	if in.Packing != abi.PackCoeffs && (in.Period < in.Length || in.Period > p.Slots() ||
		in.Period&(in.Period-1) != 0) {
		return fmt.Errorf("%w: input %q has %d values of period %d", fhe.ErrOperand, in.Name,
			in.Length, in.Period)
	}
	for i, v := range values {
		// The comparison is false for a number that is none.
		if !(math.Abs(v) <= float64(in.Bound)) {
			return fmt.Errorf("%w: value %d of input %q is not within its bound of %d",
				fhe.ErrRange, i, in.Name, in.Bound)
		}
	}
	// The encoded coefficients, at most bound*scale, must not wrap around.
	largest := in.Scale.MulInt(2 * uint64(in.Bound)).Float()
	modulus := new(big.Float).SetInt(s.rings.q.AtLevel(in.Level).Modulus())
	if largest.Cmp(modulus) >= 0 || largest.Cmp(big.NewFloat(encodedMax)) >= 0 {
		return fmt.Errorf("%w: input %q of bound %d does not fit level %d at its scale",
			fhe.ErrRange, in.Name, in.Bound, in.Level)
	}
	return nil
}

// encode writes the coefficients of ciphertext k of an input.
func (s *SecretKey) encode(in fhe.PlanInput, k int, values []float64, message ring.Poly) error {
	at := s.rings.q.AtLevel(in.Level)
	if in.Packing == abi.PackCoeffs {
		n := s.rings.params.N()
		scale, _ := in.Scale.Float().Float64()
		part := values[k*n : min((k+1)*n, len(values))]
		for i := range n {
			v := int64(0)
			if i < len(part) {
				v = int64(math.RoundToEven(part[i] * scale))
			}
			for l, sub := range at.SubRings[:in.Level+1] {
				message.Coeffs[l][i] = residue(v, sub.Modulus)
			}
		}
		return nil
	}
	pt := s.plaintext(in.Level, in.Period, in.Scale, message)
	padded := make([]float64, in.Period)
	copy(padded, values)
	defer clear(padded)
	if err := s.encoder.ShallowCopy().Encode(padded, pt); err != nil {
		return fmt.Errorf("%w: encode: %w", ErrLibrary, err)
	}
	at.INTT(message, message)
	return nil
}

// plaintext wraps a transformed polynomial that holds a vector of that period in slots.
func (s *SecretKey) plaintext(level, period int, scale fhe.Scale, p ring.Poly) *rlwe.Plaintext {
	pt := ckks.NewPlaintext(s.rings.ckks, level)
	pt.Value = p
	pt.Element.Value = []ring.Poly{p}
	pt.Scale = rlwe.NewScale(scale.Float())
	pt.LogDimensions = ring.Dimensions{Rows: 0, Cols: log2(period)}
	return pt
}

func log2(powerOfTwo int) int {
	k := 0
	for 1<<k < powerOfTwo {
		k++
	}
	return k
}
