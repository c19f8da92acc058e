package yardstick

import (
	"fmt"

	"github.com/tuneinsight/lattigo/v5/core/rlwe"
	"github.com/tuneinsight/lattigo/v5/schemes/ckks"

	"github.com/cerberus-host/cerberus/fhe"
)

// Yardstick is Lattigo's evaluator with two ciphertexts at the top level, keys for a product
// and for a rotation by one, and memory for results. It is not safe for concurrent use.
type Yardstick struct {
	evaluator      *ckks.Evaluator
	x, y           *rlwe.Ciphertext
	out, shortened *rlwe.Ciphertext
}

// New makes keys and operands. The randomness is Lattigo's own.
func New(p *fhe.Params) (*Yardstick, error) {
	params, err := ckks.NewParametersFromLiteral(ckks.ParametersLiteral{
		LogN: p.LogN(), Q: p.Moduli(p.MaxLevel()), P: p.ModuliQP()[p.QCount():],
		LogDefaultScale: p.ScaleBits(),
	})
	if err != nil {
		return nil, fmt.Errorf("parameters of Lattigo: %w", err)
	}
	keygen := rlwe.NewKeyGenerator(params)
	secret := keygen.GenSecretKeyNew()
	rotation := keygen.GenGaloisKeyNew(params.GaloisElement(1), secret)
	keys := rlwe.NewMemEvaluationKeySet(keygen.GenRelinearizationKeyNew(secret), rotation)
	level := params.MaxLevel()
	s := &Yardstick{
		evaluator: ckks.NewEvaluator(params, keys),
		out:       ckks.NewCiphertext(params, 1, level),
		shortened: ckks.NewCiphertext(params, 1, level-1),
	}
	encryptor := rlwe.NewEncryptor(params, secret)
	for _, ct := range []**rlwe.Ciphertext{&s.x, &s.y} {
		if *ct, err = encryptor.EncryptNew(ckks.NewPlaintext(params, level)); err != nil {
			return nil, fmt.Errorf("encrypt with Lattigo: %w", err)
		}
	}
	return s, nil
}

// MulRelin multiplies the two ciphertexts and relinearises.
func (s *Yardstick) MulRelin() error {
	if err := s.evaluator.MulRelin(s.x, s.y, s.out); err != nil {
		return fmt.Errorf("multiply with Lattigo: %w", err)
	}
	return nil
}

// Rotate rotates a ciphertext by one slot.
func (s *Yardstick) Rotate() error {
	if err := s.evaluator.Rotate(s.x, 1, s.out); err != nil {
		return fmt.Errorf("rotate with Lattigo: %w", err)
	}
	return nil
}

// Rescale divides a ciphertext by the last prime.
func (s *Yardstick) Rescale() error {
	if err := s.evaluator.Rescale(s.x, s.shortened); err != nil {
		return fmt.Errorf("rescale with Lattigo: %w", err)
	}
	return nil
}
