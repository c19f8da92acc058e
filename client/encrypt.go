package client

import (
	"fmt"

	"github.com/cerberus-host/cerberus/abi"
	"github.com/cerberus-host/cerberus/fhe"
	"github.com/cerberus-host/cerberus/fhe/lattigo"
)

// blob is an encoded encrypted input.
type blob struct {
	name   string
	digest abi.Digest
	data   []byte
}

// encrypt encrypts every input of the Plan under the secret key.
func (b *Brain) encrypt(enc *encoded, k *keys) ([]blob, error) {
	out := make([]blob, 0, len(enc.plan.Inputs))
	for _, in := range enc.plan.Inputs {
		cts, err := lattigo.EncryptVector(k.secret, in, enc.inputs[in.Name], b.client.rand)
		if err != nil {
			return nil, fmt.Errorf("encrypt input %s: %w", in.Name, err)
		}
		data, err := fhe.EncodeCiphertexts(enc.plan.Params, cts)
		if err != nil {
			return nil, fmt.Errorf("encrypt input %s: %w", in.Name, err)
		}
		out = append(out, blob{in.Name, abi.SumDigest(data), data})
	}
	return out, nil
}

// decrypt decrypts every output of the Plan.
func (b *Brain) decrypt(
	plan *fhe.Plan, k *keys, outputs map[string]fhe.Ciphertext,
) (map[string][]float64, error) {
	values := make(map[string][]float64, len(plan.Outputs))
	for _, o := range plan.Outputs {
		v, err := lattigo.DecryptVector(k.secret, o, outputs[o.Name])
		if err != nil {
			return nil, fmt.Errorf("%w: decrypt output %s: %w", ErrVerification, o.Name, err)
		}
		values[o.Name] = v
	}
	return values, nil
}
