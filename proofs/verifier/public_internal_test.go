package verifier

import (
	"testing"

	"github.com/consensys/gnark-crypto/ecc/bn254/fr"

	"github.com/cerberus-host/cerberus/abi"
	"github.com/cerberus-host/cerberus/fhe"
	"github.com/cerberus-host/cerberus/fhe/fhetest"
	"github.com/cerberus-host/cerberus/proofs/identity"
	"github.com/cerberus-host/cerberus/proofs/opening"
	"github.com/cerberus-host/cerberus/proofs/protocol"
)

// BenchmarkPublicValues evaluates the public polynomials of 64 rotations over 16 keys in the
// ring of ckks-14, whose keys alone are 1,280 of them.
func BenchmarkPublicValues(b *testing.B) {
	params, err := fhe.ParamsByName("ckks-14")
	if err != nil {
		b.Fatal(err)
	}
	c := &check{ctx: b.Context(), request: rotations(b, params, 64, 16)}
	setup, err := opening.NewClear(8192)
	if err != nil {
		b.Fatal(err)
	}
	v := setup.Verifier()
	if c.shape, err = protocol.NewShape(c.request.System, v.Size(), v.OpeningBytes()); err != nil {
		b.Fatal(err)
	}
	var gamma fr.Element
	gamma.SetUint64(3).Inverse(&gamma)
	powers := protocol.Powers(gamma, params.N())
	if _, err := c.publicValues(powers); err != nil { // keys are expanded once
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := c.publicValues(powers); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(len(c.evaluations())), "polynomials")
}

// rotations is a sum of rotations of as few inputs as do, with uniform operands and keys.
func rotations(b *testing.B, params *fhe.Params, count, keys int) Request {
	b.Helper()
	plan := fhetest.NewPlanBuilder(params, abi.PackSlots)
	var sum, in fhe.Reg
	for i := range count {
		if i%keys == 0 {
			in = plan.Input(params.MaxLevel(), fhetest.HalfBits(params))
		}
		r := plan.Rotate(in, fhe.NoReg, params.GaloisElement(1+i%keys))
		if i > 0 {
			r = plan.Binary(fhe.StepAdd, sum, r)
		}
		sum = r
	}
	plan.Output(sum)
	compiled := plan.Compiled()
	system, err := identity.Build(compiled.Plan, identity.Options{})
	if err != nil {
		b.Fatal(err)
	}
	public := &identity.Publics{Params: params, Constants: compiled.Encoded}
	if public.Inputs, err = fhetest.UniformInputs(compiled.Plan, 1); err != nil {
		b.Fatal(err)
	}
	var output fhe.Ciphertext // any of that level will do
	for k := range output.C {
		output.C[k] = public.Inputs[0].C[k]
	}
	public.Outputs = []fhe.Ciphertext{output}
	if public.Keys, err = fhetest.UniformKeys(params, compiled.Plan.KeyNeed()); err != nil {
		b.Fatal(err)
	}
	return Request{System: system, Public: public}
}
