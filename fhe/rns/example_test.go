package rns_test

import (
	"fmt"

	"github.com/cerberus-host/cerberus/fhe/rns"
)

// Multiply two polynomials modulo X^4+1 and 17 by the transform.
func ExampleTable() {
	m, err := rns.NewModulus(17)
	if err != nil {
		fmt.Println(err)
		return
	}
	table, err := rns.NewTable(m, 2)
	if err != nil {
		fmt.Println(err)
		return
	}
	a, b := []uint64{1, 2, 0, 0}, []uint64{0, 0, 0, 3}
	for _, p := range [][]uint64{a, b} {
		if err := table.Forward(p); err != nil {
			fmt.Println(err)
		}
	}
	for i := range a {
		a[i] = m.Mul(a[i], b[i])
	}
	if err := table.Inverse(a); err != nil {
		fmt.Println(err)
	}
	fmt.Println(a) // (1+2X)*3X^3 = -6 + 3X^3
	// Output: [11 0 0 3]
}
