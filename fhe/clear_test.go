package fhe_test

import (
	"errors"
	"math"
	"slices"
	"testing"

	"github.com/cerberus-host/cerberus/abi"
	"github.com/cerberus-host/cerberus/fhe"
)

// evaluate records one operation on x = (1, -2, 3) and returns its value.
func evaluate(t *testing.T, record func(s sample) (fhe.NodeID, error)) []float64 {
	t.Helper()
	s := newSample(t)
	id, err := record(s)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Output("out", id); err != nil {
		t.Fatal(err)
	}
	prog, err := s.Finish()
	if err != nil {
		t.Fatal(err)
	}
	out, err := fhe.EvalClear(prog, fhe.Model{}, map[string][]float64{"x": {1, -2, 3}})
	if err != nil {
		t.Fatal(err)
	}
	return out["out"]
}

func TestEvalClear(t *testing.T) {
	for name, c := range map[string]struct {
		record func(s sample) (fhe.NodeID, error)
		want   []float64
	}{
		"add": {
			func(s sample) (fhe.NodeID, error) { return s.Add(s.x, s.three) },
			[]float64{1.5, -1, 4.5},
		},
		"sub": {
			func(s sample) (fhe.NodeID, error) { return s.Sub(s.three, s.x) },
			[]float64{-.5, 3, -1.5},
		},
		"neg": {
			func(s sample) (fhe.NodeID, error) { return s.Neg(s.x) },
			[]float64{-1, 2, -3},
		},
		"mul": {
			func(s sample) (fhe.NodeID, error) { return s.Mul(s.x, s.x) },
			[]float64{1, 4, 9},
		},
		"mul_plain": {
			func(s sample) (fhe.NodeID, error) { return s.MulPlain(s.x, s.three) },
			[]float64{.5, -2, 4.5},
		},
		"left turn": {
			func(s sample) (fhe.NodeID, error) { return s.Rotate(s.x, 1) },
			[]float64{-2, 3, 0, 1},
		},
		"right turn": {
			func(s sample) (fhe.NodeID, error) { return s.Rotate(s.x, -1) },
			[]float64{0, 1, -2, 3},
		},
		"sum": {
			func(s sample) (fhe.NodeID, error) { return s.Sum(s.x) },
			[]float64{2},
		},
		"dot": {
			func(s sample) (fhe.NodeID, error) { return s.Dot(s.x, s.three) },
			[]float64{3},
		},
		"poly": {
			func(s sample) (fhe.NodeID, error) { return s.Poly(s.x, s.three) }, // 1/2 + x + 3/2 x^2
			[]float64{3, 4.5, 17},
		},
		"chebyshev": {
			// y = x / 4; 1/2 T_0 + T_1 + 3/2 T_2 = 1/2 + y + 3 y^2 - 3/2
			func(s sample) (fhe.NodeID, error) { return s.Chebyshev(s.x, s.three, -8, 8, 1) },
			[]float64{-.5625, -.75, 1.4375},
		},
	} {
		t.Run(name, func(t *testing.T) {
			got := evaluate(t, c.record)
			if len(got) != len(c.want) {
				t.Fatalf("%v instead of %v", got, c.want)
			}
			for i := range got {
				if math.Abs(got[i]-c.want[i]) > 1e-12 {
					t.Errorf("%v instead of %v", got, c.want)
				}
			}
		})
	}
}

func TestEvalClearMatVec(t *testing.T) {
	got := evaluate(t, func(s sample) (fhe.NodeID, error) {
		m, err := s.Constant([]int64{1, 2, 3, 4, 5, 6}, 0)
		if err != nil {
			return 0, err
		}
		return s.MatVec(m, s.x, 2, 3)
	})
	if !slices.Equal(got, []float64{6, 12}) {
		t.Errorf("%v", got)
	}
}

func TestEvalClearRefusals(t *testing.T) {
	s := newSample(t)
	if err := s.Output("x", s.x); err != nil {
		t.Fatal(err)
	}
	prog, err := s.Finish()
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		inputs map[string][]float64
		want   error
	}{
		"missing": {map[string][]float64{}, fhe.ErrName},
		"surplus": {map[string][]float64{"x": {1, 2, 3}, "z": {1}}, fhe.ErrName},
		"length":  {map[string][]float64{"x": {1, 2}}, fhe.ErrType},
		"bound":   {map[string][]float64{"x": {1, 8.5, 3}}, fhe.ErrRange},
		"no number": {
			map[string][]float64{"x": {1, math.NaN(), 3}}, fhe.ErrRange,
		},
	} {
		if _, err := fhe.EvalClear(prog, fhe.Model{}, c.inputs); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestModelValues(t *testing.T) {
	m := fhe.ReadModel([]byte{0xff, 0x80, 0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f, 0x01})
	for _, c := range []struct {
		kind   abi.NumberType
		offset int64
		want   []int64
	}{
		{abi.Int8, 0, []int64{-1, -128, -2}},
		{abi.Int16, 1, []int64{-384, -1}},
		{abi.Int32, 2, []int64{-2, 25165823}},
		{abi.Int64, 1, []int64{9223372036854775424}},
	} {
		ref := fhe.ModelRange{
			Digest: m.Digest(), Type: c.kind, Offset: c.offset, Count: len(c.want),
		}
		got, err := m.Values(ref)
		if err != nil {
			t.Errorf("%s: %v", c.kind, err)
			continue
		}
		for i := range got {
			if got[i] != c.want[i] {
				t.Errorf("%s: %v instead of %v", c.kind, got, c.want)
			}
		}
		ref.Count = 11
		if _, err := m.Values(ref); !errors.Is(err, fhe.ErrRange) {
			t.Errorf("%s beyond the end: %v", c.kind, err)
		}
		ref.Digest[0]++
		if _, err := m.Values(ref); !errors.Is(err, fhe.ErrOperand) {
			t.Errorf("%s of another model: %v", c.kind, err)
		}
	}
}
