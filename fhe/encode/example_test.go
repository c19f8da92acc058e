package encode_test

import (
	"fmt"

	"github.com/cerberus-host/cerberus/fhe"
	"github.com/cerberus-host/cerberus/fhe/encode"
)

// Encode the constants 0.5 and -1.25 into coefficients at a scale of 2^10.
func ExampleEncoder_Coeffs() {
	p, err := fhe.ParamsByName("ckks-13")
	if err != nil {
		fmt.Println(err)
		return
	}
	const level, frac = 0, 2
	poly, err := encode.New().Coeffs(p, level, []int64{2, -5}, frac, fhe.ScaleOfBits(10))
	if err != nil {
		fmt.Println(err)
		return
	}
	limb := poly.Limbs[0]
	fmt.Println(limb[0], p.Q(0)-limb[1], limb[2])
	// Output: 512 1280 0
}
