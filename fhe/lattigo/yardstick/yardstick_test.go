package yardstick_test

import (
	"errors"
	"testing"

	"github.com/cerberus-host/cerberus/fhe"
	"github.com/cerberus-host/cerberus/fhe/lattigo/yardstick"
)

// TestOperationsRepeat: each operation can be run again and in any order, as a benchmark
// does.
func TestOperationsRepeat(t *testing.T) {
	p, err := fhe.ParamsByName("insecure-10-4")
	if err != nil {
		t.Fatal(err)
	}
	y, err := yardstick.New(p)
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if err := errors.Join(y.Rescale(), y.MulRelin(), y.Rotate()); err != nil {
			t.Fatal(err)
		}
	}
}
