package identity_test

import (
	"testing"

	"github.com/cerberus-host/cerberus/abi"
	"github.com/cerberus-host/cerberus/fhe"
	"github.com/cerberus-host/cerberus/fhe/fhetest"
	"github.com/cerberus-host/cerberus/proofs/identity"
)

// rotations is a Plan of count rotations of one input, each by itself, over so many keys.
func rotations(t *testing.T, p *fhe.Params, count, keys int) *fhe.Plan {
	t.Helper()
	b := fhetest.NewPlanBuilder(p, abi.PackSlots)
	r := b.Input(p.MaxLevel(), fhetest.HalfBits(p))
	for i := range count {
		r = b.Rotate(r, fhe.NoReg, p.GaloisElement(1+i%keys))
	}
	b.Output(r)
	return b.Compiled().Plan
}

// TestAdvice: what decides is how often keys are used; a Plan that does little is executed
// again faster than any proof is checked, and what is charged grows with what is done.
func TestAdvice(t *testing.T) {
	p, err := fhe.ParamsByName("ckks-14")
	if err != nil {
		t.Fatal(err)
	}
	advise := func(plan *fhe.Plan) identity.Advice {
		t.Helper()
		a, err := identity.Advise(plan, 8192)
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	add := fhetest.NewPlanBuilder(p, abi.PackSlots)
	in := add.Input(1, 30)
	add.Output(add.Binary(fhe.StepAdd, in, in))
	if a := advise(add.Compiled().Plan); a.Word() != identity.AdviceRerun || a.Rerun <= 0 {
		t.Errorf("one addition: %+v", a)
	}
	few, many := advise(rotations(t, p, 16, 16)), advise(rotations(t, p, 64, 16))
	if many.Word() != identity.AdviceVerify {
		t.Errorf("64 rotations over 16 keys: %+v", many)
	}
	if few.Verify >= many.Verify || few.Rerun*3 >= many.Rerun || few.Rerun*5 <= many.Rerun ||
		many.VerifyCommitted >= many.Verify {
		t.Errorf("16 rotations %+v, 64 rotations %+v", few, many)
	}
	if one := advise(rotations(t, p, 2, 2)); one.Word() == identity.AdviceVerify {
		t.Errorf("two rotations: %+v", one)
	}
}
