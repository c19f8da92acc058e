package prover

import (
	"context"
	"testing"

	"github.com/cerberus-host/cerberus/abi"
	"github.com/cerberus-host/cerberus/fhe"
	"github.com/cerberus-host/cerberus/fhe/fhetest"
	"github.com/cerberus-host/cerberus/fhe/lattigo"
	"github.com/cerberus-host/cerberus/proofs/identity"
	"github.com/cerberus-host/cerberus/proofs/prooftest"
)

// BenchmarkWitness compares the two ways to have a witness whose integers do not fit the
// memory: reading them from the file that the recording run left, and running the Plan once
// more. The prover reads.
func BenchmarkWitness(b *testing.B) {
	p, err := fhe.ParamsByName("ckks-13")
	if err != nil {
		b.Fatal(err)
	}
	builder := fhetest.NewPlanBuilder(p, abi.PackSlots)
	r := builder.Input(2, fhetest.HalfBits(p))
	for range 8 {
		r = builder.Rotate(r, fhe.NoReg, p.GaloisElement(1))
	}
	builder.Output(r)
	c := builder.Compiled()
	run := prooftest.Execute(b, c, prooftest.Clear(b, p.N()), prooftest.Options{WitnessBytesMax: 1})
	b.Run("file", func(b *testing.B) {
		for b.Loop() {
			for poly := run.System.Wires; poly < run.System.Quotients; poly++ {
				if _, err := run.Witness.Read(poly); err != nil {
					b.Fatal(err)
				}
			}
		}
	})
	b.Run("run", func(b *testing.B) {
		ctx := context.Background()
		engine := lattigo.New()
		keys, err := engine.LoadKeys(ctx, run.Public.Keys)
		if err != nil {
			b.Fatal(err)
		}
		plan, err := engine.LoadPlan(ctx, c)
		if err != nil {
			b.Fatal(err)
		}
		for b.Loop() {
			collector := identity.NewCollector(run.System)
			_, err := fhe.Execute(ctx, plan, keys, run.Public.Inputs, fhe.RunOptions{Recorder: collector})
			if err != nil {
				b.Fatal(err)
			}
		}
	})
}
