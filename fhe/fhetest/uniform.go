package fhetest

import (
	"fmt"

	"github.com/cerberus-host/cerberus/abi"
	"github.com/cerberus-host/cerberus/fhe"
	"github.com/cerberus-host/cerberus/fhe/rns"
)

// uniformDomain separates the suite's polynomials from all others.
const uniformDomain = "cerberus/fhetest/v1"

// UniformPoly returns the polynomial modulo the moduli that the indices name: edge residues
// first (0, 1, q-1, the two around q/2, and others near a quarter), then uniform ones.
func UniformPoly(n int, moduli []uint64, index ...uint64) (fhe.Poly, error) {
	p := fhe.NewPoly(n, len(moduli))
	for i, q := range moduli {
		if err := rns.ExpandUniform(p.Limbs[i], q, [32]byte{}, uniformDomain, index...); err != nil {
			return fhe.Poly{}, fmt.Errorf("expand operand: %w", err)
		}
		copy(p.Limbs[i], []uint64{0, q - 1, q / 2, q/2 + 1, 1, q / 4, 3 * (q / 4), q - 2})
	}
	return p, nil
}

// UniformInputs returns ciphertexts for all inputs of a Plan. seed tells apart sets of
// inputs.
func UniformInputs(p *fhe.Plan, seed uint64) ([]fhe.Ciphertext, error) {
	var out []fhe.Ciphertext
	for i, in := range p.Inputs {
		for k := range in.Count {
			ct := fhe.Ciphertext{
				Packing: in.Packing, Length: in.Length, Period: in.Period, Level: in.Level,
				Scale: in.Scale,
			}
			for c := range ct.C {
				var err error
				ct.C[c], err = UniformPoly(p.Params.N(), p.Params.Moduli(in.Level), seed, uint64(i),
					uint64(k), uint64(c))
				if err != nil {
					return nil, err
				}
			}
			out = append(out, ct)
		}
	}
	return out, nil
}

// UniformKeys returns a key set that holds the needed keys and encrypts nothing.
func UniformKeys(p *fhe.Params, need fhe.KeyNeed) (*fhe.KeySet, error) {
	k := &fhe.KeySet{Params: p, Seed: [fhe.SeedBytes]byte{1}}
	for _, g := range need.Elements() {
		key := fhe.EvalKey{Galois: g}
		for d := range p.Digits(p.MaxLevel()) {
			b, err := UniformPoly(p.N(), p.ModuliQP(), 1<<32, g, uint64(d))
			if err != nil {
				return nil, err
			}
			key.B = append(key.B, b)
		}
		k.Keys = append(k.Keys, key)
	}
	return k, nil
}

// dice are small numbers from a fixed seed.
type dice struct {
	seed uint64
	rest []byte
	used uint64
}

// roll returns a number below n, which must be small.
func (d *dice) roll(n int) int {
	if len(d.rest) < 2 {
		text := fmt.Sprintf("%d %d", d.seed, d.used)
		digest := abi.LabelledDigest("cerberus/fhetest/dice", []byte(text))
		d.rest, d.used = digest[:], d.used+1
	}
	v := int(d.rest[0])<<8 | int(d.rest[1])
	d.rest = d.rest[2:]
	return v % n
}
