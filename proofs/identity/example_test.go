package identity_test

import (
	"fmt"

	"github.com/cerberus-host/cerberus/abi"
	"github.com/cerberus-host/cerberus/fhe"
	"github.com/cerberus-host/cerberus/fhe/fhetest"
	"github.com/cerberus-host/cerberus/proofs/identity"
)

// A rescale makes two wires, the remainders of the two components; what it returns stays a
// sum of an input and a remainder.
func ExampleBuild() {
	params, err := fhe.ParamsByName("insecure-10-4")
	if err != nil {
		fmt.Println(err)
		return
	}
	b := fhetest.NewPlanBuilder(params, abi.PackSlots)
	b.Output(b.Unary(fhe.StepRescale, b.Input(1, fhetest.WideBits(params))))
	s, err := identity.Build(b.Plan, identity.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, p := range s.Polys[s.Wires:] {
		fmt.Println(p)
	}
	fmt.Println(len(s.Identities), "identities")
	// Output:
	// rescale component 0 of step 0 bound 549755839489 committed
	// rescale component 1 of step 0 bound 549755839489 committed
	// quotient 0 part 0 of group 0 bound 549755839490 committed
	// quotient 0 part 0 of group 1 bound 549755839490 committed
	// quotient 0 part 0 of group 2 bound 2 committed
	// quotient 0 part 0 of group 3 bound 2 committed
	// 4 identities
}
