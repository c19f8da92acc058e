package lattigo

import (
	"context"
	"crypto/hmac"
	"crypto/sha512"
	"encoding/binary"
	"fmt"
	"io"
	"slices"

	"github.com/tuneinsight/lattigo/v5/core/rlwe"
	"github.com/tuneinsight/lattigo/v5/ring"
	"github.com/tuneinsight/lattigo/v5/ring/ringqp"
	"github.com/tuneinsight/lattigo/v5/utils/sampling"

	"github.com/cerberus-host/cerberus/fhe"
)

// errorLabel separates the error polynomials of keys from every other use of the secret.
const errorLabel = "cerberus/evaluation-key-error/v1"

// GenerateKeys makes a key set with the relinearisation key, if relin says so, and the
// rotation keys of the Galois elements, in any order, under a seed drawn from rand.
// progress, if not nil, is called after each key, by one goroutine at a time. All cores are
// used.
//
// Given secret and seed the keys are determined: their errors come from a generator keyed
// by the secret. A key made again under the same seed is therefore the same key, and
// nothing about the secret can be averaged out of repetitions.
//
// It returns [ErrSecret] for a wiped key, [fhe.ErrRange] for something that is no Galois
// element, [fhe.ErrLimit] for too many keys, [ErrRandom], or the context's error.
func GenerateKeys(ctx context.Context, s *SecretKey, relin bool, galois []uint64, rand io.Reader,
	progress func(done, total int),
) (*fhe.KeySet, error) {
	have := &fhe.KeySet{Params: s.Params()}
	if _, err := io.ReadFull(rand, have.Seed[:]); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrRandom, err)
	}
	return ExtendKeys(ctx, s, have, fhe.KeyNeed{Relin: relin, Galois: galois}, progress)
}

// ExtendKeys returns a key set with the keys of have and those of need, of which only the
// missing ones are made ([fhe.KeySet.Missing]). have must belong to the same secret key; it
// is not changed. Errors are those of [GenerateKeys].
func ExtendKeys(ctx context.Context, s *SecretKey, have *fhe.KeySet, need fhe.KeyNeed,
	progress func(done, total int),
) (out *fhe.KeySet, err error) {
	defer guard(&err)
	if !have.Params.Equal(s.Params()) {
		return nil, fmt.Errorf("%w: key set for %s, secret key for %s", fhe.ErrParams, have.Params,
			s.Params())
	}
	elements := have.Missing(need).Elements()
	if len(have.Keys)+len(elements) > fhe.KeySetKeysMax {
		return nil, fmt.Errorf("%w: %d keys, at most %d", fhe.ErrLimit,
			len(have.Keys)+len(elements), fhe.KeySetKeysMax)
	}
	for _, g := range need.Galois {
		if err := s.Params().CheckGalois(g); err != nil {
			return nil, err
		}
	}
	secret, err := s.transformed()
	if err != nil {
		return nil, err
	}
	defer wipe(secret.Q, secret.P)
	m := &keyMaker{secret: s, key: secret, seed: have.Seed}
	made := make([]fhe.EvalKey, len(elements))
	var done progressCounter
	err = forEach(ctx, len(elements), func(i int) error {
		var err error
		if made[i], err = m.make(elements[i]); err != nil {
			return fmt.Errorf("make key %d: %w", elements[i], err)
		}
		done.add(func(n int) {
			if progress != nil {
				progress(n, len(elements))
			}
		})
		return nil
	})
	if err != nil {
		return nil, err
	}
	out = &fhe.KeySet{Params: s.Params(), Seed: have.Seed, Keys: slices.Concat(have.Keys, made)}
	slices.SortFunc(out.Keys, func(a, b fhe.EvalKey) int {
		if a.Galois < b.Galois {
			return -1
		}
		return 1
	})
	return out, nil
}

// keyMaker makes the evaluation keys of one set.
type keyMaker struct {
	secret *SecretKey
	// key is the secret, transformed and in Montgomery form.
	key  ringqp.Poly
	seed [fhe.SeedBytes]byte
}

// make makes the key of an element: B = -A*t + e + P*g_d*s' for each digit d.
func (m *keyMaker) make(galois uint64) (fhe.EvalKey, error) {
	r := m.secret.rings
	full := ringqp.Ring{RingQ: r.q, RingP: r.p}
	from, to, err := m.ends(galois)
	if err != nil {
		return fhe.EvalKey{}, err
	}
	defer wipe(from)
	if galois != fhe.RelinElement {
		defer wipe(to.Q, to.P)
	}
	prng, err := m.errors(galois)
	if err != nil {
		return fhe.EvalKey{}, err
	}
	key := fhe.EvalKey{Galois: galois}
	for d := range r.params.Digits(r.params.MaxLevel()) {
		a, err := fhe.ExpandEvalKey(r.params, m.seed, galois, d)
		if err != nil {
			return fhe.EvalKey{}, err
		}
		b := split(a, r.params.QCount())
		full.NTT(b, b)
		full.MulCoeffsMontgomery(b, to, b)
		full.Neg(b, b)
		lo, hi := r.params.DigitRange(d, r.params.MaxLevel())
		for i := lo; i < hi; i++ {
			r.q.SubRings[i].Add(b.Q.Coeffs[i], from.Coeffs[i], b.Q.Coeffs[i])
		}
		full.INTT(b, b)
		e := r.errorPoly(prng)
		full.Add(b, e, b)
		wipe(e.Q, e.P)
		// The limbs of a were overwritten.
		key.B = append(key.B, a)
	}
	return key, nil
}

// ends returns P*s' modulo Q, transformed but not in Montgomery form, and t, transformed and
// in Montgomery form.
func (m *keyMaker) ends(galois uint64) (from ring.Poly, to ringqp.Poly, err error) {
	r := m.secret.rings
	full := ringqp.Ring{RingQ: r.q, RingP: r.p}
	from = r.q.NewPoly()
	if galois == fhe.RelinElement {
		to = m.key
		r.q.MulCoeffsMontgomery(m.key.Q, m.key.Q, from)
	} else {
		to = full.NewPoly()
		n := r.params.N()
		inverse := r.ckks.ModInvGaloisElement(galois)
		index, err := ring.AutomorphismNTTIndex(n, 2*uint64(n), inverse)
		if err != nil {
			return from, to, fmt.Errorf("%w: %w", ErrLibrary, err)
		}
		full.AutomorphismNTTWithIndex(m.key, index, to)
		from.CopyLvl(r.q.Level(), m.key.Q)
	}
	r.q.IMForm(from, from)
	r.q.MulScalarBigint(from, r.p.Modulus(), from)
	return from, to, nil
}

// errors returns the generator of a key's errors.
func (m *keyMaker) errors(galois uint64) (sampling.PRNG, error) {
	raw := m.secret.Bytes()
	defer clear(raw)
	if raw == nil {
		return nil, fmt.Errorf("%w: it was wiped", ErrSecret)
	}
	mac := hmac.New(sha512.New, raw)
	// Neither write can fail.
	_, _ = io.WriteString(mac, errorLabel)
	_, _ = mac.Write(binary.LittleEndian.AppendUint64(m.seed[:], galois))
	return newPRNG(mac.Sum(nil))
}

// newPRNG returns Lattigo's generator under a key, which it clears.
func newPRNG(key []byte) (sampling.PRNG, error) {
	defer clear(key)
	prng, err := sampling.NewKeyedPRNG(key)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrRandom, err)
	}
	return prng, nil
}

// errorPoly draws an error polynomial modulo Q and P, coefficients.
func (r *rings) errorPoly(prng sampling.PRNG) ringqp.Poly {
	full := ringqp.Ring{RingQ: r.q, RingP: r.p}
	e := full.NewPoly()
	// Of one draw Lattigo writes the same small integers to every limb.
	ring.NewGaussianSampler(prng, r.q, rlwe.DefaultXe, false).Read(e.Q)
	full.ExtendBasisSmallNormAndCenter(e.Q, r.levelP(), e.Q, e.P)
	return e
}

// split shares the limbs of a polynomial modulo Q and P in Lattigo's type.
func split(p fhe.Poly, qCount int) ringqp.Poly {
	return ringqp.Poly{
		Q: ring.Poly{Coeffs: p.Limbs[:qCount]}, P: ring.Poly{Coeffs: p.Limbs[qCount:]},
	}
}
