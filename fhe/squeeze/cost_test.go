package squeeze

import (
	"testing"

	"github.com/cerberus-host/cerberus/fhe"
)

// TestClosedForms compares with figures worked out by hand: sevenths of a step at degree
// 2^14, eight limbs and two special primes.
func TestClosedForms(t *testing.T) {
	p, err := fhe.ParamsByName("ckks-14")
	if err != nil {
		t.Fatal(err)
	}
	w := workAt(p, 7)
	for _, c := range []struct {
		what      string
		got, want int64
	}{
		{"decompose", w.decompose(), 344},
		{"inner product", w.innerProduct(), 80},
		{"division by P", w.modDown(), 172},
		{"key switch", w.keySwitch(), 596},
	} {
		if c.got != c.want*StepWork/7 {
			t.Errorf("%s: %d sevenths instead of %d", c.what, c.got*7/StepWork, c.want)
		}
	}
	steps := []fhe.Step{
		{Op: fhe.StepTensor, Level: 7, B: 0},
		{Op: fhe.StepRelin, Level: 7, B: fhe.NoReg},
		{Op: fhe.StepRescale, Level: 6, B: fhe.NoReg},
		{Op: fhe.StepDecompose, Level: 7, B: fhe.NoReg},
		{Op: fhe.StepRotate, Level: 7, B: 4},
		{Op: fhe.StepRotate, Level: 7, B: 4},
		{Op: fhe.StepRotate, Level: 7, B: fhe.NoReg},
		{Op: fhe.StepMulConst, Level: 7, B: fhe.NoReg},
		{Op: fhe.StepAdd, Level: 7, B: 0},
	}
	// 4 L, KS, 2 L transforms, dec, 2 (KS - dec), KS, 2 L.
	want := int64(32 + 596 + 7*16 + 344 + 2*(596-344) + 596 + 16)
	if got := Work(&fhe.Plan{Params: p, Steps: steps}); got != want*StepWork/7 {
		t.Errorf("%d sevenths instead of %d", got*7/StepWork, want)
	}
}
