package prooftest

import (
	"fmt"
	"testing"

	"github.com/cerberus-host/cerberus/abi"
	"github.com/cerberus-host/cerberus/fhe"
	"github.com/cerberus-host/cerberus/fhe/fhetest"
	"github.com/cerberus-host/cerberus/fhe/rns"
)

// Params returns an insecure set with q primes and p special ones on a ring of degree 2^logN.
func Params(t testing.TB, logN, q, p int) *fhe.Params {
	t.Helper()
	set, err := rns.GeneratePrimes(rns.PrimeShape{
		LogN: logN, FirstBits: 46, ScaleBits: 40, SpecialBits: 50, QCount: q, PCount: p,
	})
	if err != nil {
		t.Fatal(err)
	}
	set.Name = fmt.Sprintf("insecure-%d-%d-%d", logN, q, p)
	params, err := fhe.NewParams(set)
	if err != nil {
		t.Fatal(err)
	}
	return params
}

// Random is a Plan of random steps; its last registers are results.
func Random(t testing.TB, p *fhe.Params, seed uint64) *fhe.Compiled {
	t.Helper()
	b, live, err := fhetest.RandomPlan(p, seed)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range live[max(0, len(live)-4):] {
		b.Output(r)
	}
	return b.Compiled()
}

// Rescaled is the smallest Plan with wires: one rescale.
func Rescaled(p *fhe.Params) *fhe.Compiled {
	b := fhetest.NewPlanBuilder(p, abi.PackSlots)
	b.Output(b.Unary(fhe.StepRescale, b.Input(p.MaxLevel(), fhetest.WideBits(p))))
	return b.Compiled()
}
