package learn_test

import (
	"errors"
	"math"
	"slices"
	"testing"

	"github.com/cerberus-host/cerberus/abi"
	"github.com/cerberus-host/cerberus/internal/learn"
)

func TestRandomStreamIsFixed(t *testing.T) {
	// The first numbers of splitmix64 from seed 0, as published with the algorithm.
	want := []uint64{0xe220a8397b1dcdaf, 0x6e789e6aa1b965f4, 0x06c45d188009454f}
	random := learn.NewRandom(0)
	for i, w := range want {
		if got := random.Uint64(); got != w {
			t.Errorf("number %d: %#x, want %#x", i, got, w)
		}
	}
}

func TestNormalHasItsMoments(t *testing.T) {
	const n = 20000
	random := learn.NewRandom(7)
	var mean, square float64
	for range n {
		v := random.Normal()
		mean += v / n
		square += v * v / n
	}
	if math.Abs(mean) > 0.03 || math.Abs(square-1) > 0.05 {
		t.Errorf("mean %v, mean square %v", mean, square)
	}
}

func TestFoldsAreStratified(t *testing.T) {
	labels := make([]bool, 103)
	for i := range labels {
		labels[i] = i%4 == 0
	}
	fold, err := learn.Folds(labels, 10, 1)
	if err != nil {
		t.Fatal(err)
	}
	count := map[bool][]int{false: make([]int, 10), true: make([]int, 10)}
	for i, f := range fold {
		count[labels[i]][f]++
	}
	for _, c := range count {
		if slices.Max(c)-slices.Min(c) > 1 {
			t.Errorf("a class is spread as %v", c)
		}
	}
	other, err := learn.Folds(labels, 10, 2)
	if err != nil || slices.Equal(fold, other) {
		t.Errorf("another seed deals alike (%v)", err)
	}
	if _, err := learn.Folds(labels[:3], 4, 1); !errors.Is(err, learn.ErrShape) {
		t.Errorf("more folds than examples: %v", err)
	}
}

func TestMinimiseFindsTheValley(t *testing.T) {
	// Rosenbrock's function: a curved valley with its minimum, 0, at (1, 1).
	valley := func(w, grad []float64) float64 {
		a, b := 1-w[0], w[1]-w[0]*w[0]
		grad[0] = -2*a - 400*w[0]*b
		grad[1] = 200 * b
		return a*a + 100*b*b
	}
	w := []float64{-1.2, 1}
	value, err := learn.Minimise(valley, w, learn.Options{Steps: 200, Decrease: 1e-14})
	if err != nil || value > 1e-12 || math.Abs(w[0]-1) > 1e-5 || math.Abs(w[1]-1) > 1e-5 {
		t.Errorf("value %v at %v (%v)", value, w, err)
	}
}

func TestMinimiseReportsWhatIsNotFinite(t *testing.T) {
	broken := func(w, grad []float64) float64 {
		grad[0] = 1
		if w[0] != 0 {
			return math.NaN()
		}
		return 0
	}
	_, err := learn.Minimise(broken, make([]float64, 1), learn.Options{})
	if !errors.Is(err, learn.ErrDiverged) {
		t.Errorf("error %v", err)
	}
}

func TestLogLossSlopeIsItsDerivative(t *testing.T) {
	const step = 1e-6
	for _, label := range []bool{false, true} {
		for _, s := range []float64{-40, -3, -0.1, 0, 0.1, 3, 40} {
			_, slope := learn.LogLoss(s, label)
			above, _ := learn.LogLoss(s+step, label)
			below, _ := learn.LogLoss(s-step, label)
			if got := (above - below) / (2 * step); math.Abs(got-slope) > 1e-6 {
				t.Errorf("%v at %v: slope %v, difference quotient %v", label, s, slope, got)
			}
		}
	}
	if loss, _ := learn.LogLoss(-800, true); loss != 800 {
		t.Errorf("loss of a hopeless score is %v", loss)
	}
}

func TestLogisticFindsTheOdds(t *testing.T) {
	// One feature: three of four examples that have it are true, one of four of the others.
	var task learn.Logistic
	task.Dim, task.C = 1, 1e6
	for i := range 8 {
		var row learn.Sparse
		if i < 4 {
			row = learn.Sparse{Index: []int32{0}, Value: []float64{1}}
		}
		task.Rows = append(task.Rows, row)
		task.Labels = append(task.Labels, i%4 == 0 != (i < 4))
	}
	task.Options.Decrease = 1e-14
	w, err := task.Fit()
	if err != nil {
		t.Fatal(err)
	}
	if math.Abs(w[0]-2*math.Log(3)) > 1e-3 || math.Abs(w[1]+math.Log(3)) > 1e-3 {
		t.Errorf("weight %v, bias %v", w[0], w[1])
	}
	task.Weights = []float64{1}
	if _, err := task.Fit(); !errors.Is(err, learn.ErrShape) {
		t.Errorf("one weight for eight rows: %v", err)
	}
}

func TestSlopeRestoresTheScale(t *testing.T) {
	random := learn.NewRandom(3)
	scores := make([]float64, 4000)
	labels := make([]bool, len(scores))
	for i := range scores {
		logit := 2 * random.Normal()
		labels[i] = random.Float64() < 1/(1+math.Exp(-logit))
		scores[i] = logit / 3
	}
	if got := learn.Slope(scores, labels); math.Abs(got-3) > 0.3 {
		t.Errorf("slope %v, want about 3", got)
	}
}

func TestNetLearnsWhatALinearModelCannot(t *testing.T) {
	var task learn.NetTask
	for _, a := range []float64{-1, 1} {
		for _, b := range []float64{-1, 1} {
			task.Rows = append(task.Rows, []float64{a, b})
			task.Labels = append(task.Labels, a*b > 0)
		}
	}
	task.Units, task.Curve, task.Penalty, task.Seed = 4, 0.5, 1e-3, 1
	n, err := task.Fit()
	if err != nil {
		t.Fatal(err)
	}
	task.Seed = 2
	second, err := task.Fit()
	if err != nil {
		t.Fatal(err)
	}
	merged := learn.Merge([]*learn.Net{n, second})
	for i, x := range task.Rows {
		if (n.Score(x) > 0) != task.Labels[i] {
			t.Errorf("%v scores %v", x, n.Score(x))
		}
		mean := (n.Score(x) + second.Score(x)) / 2
		if math.Abs(merged.Score(x)-mean) > 1e-12 {
			t.Errorf("merged score %v, mean %v", merged.Score(x), mean)
		}
	}
	task.Rows = nil
	if _, err := task.Fit(); !errors.Is(err, learn.ErrShape) {
		t.Errorf("no rows: %v", err)
	}
}

func TestBlobRoundsAndRefuses(t *testing.T) {
	var b learn.Blob
	got, err := b.Add("a", abi.Int16, 4, []float64{0.5, -1.03125, 0.03125, 2047.9375}, 2, 2)
	if err != nil || !slices.Equal(got, []float64{0.5, -1, 0, 2047.9375}) {
		t.Errorf("rounded to %v (%v)", got, err)
	}
	if want := []byte{8, 0, 0xf0, 0xff, 0, 0, 0xff, 0x7f}; !slices.Equal(b.Bytes, want) {
		t.Errorf("bytes %x, want %x", b.Bytes, want)
	}
	if _, err := b.Add("b", abi.Int32, 8, []float64{-1}, 1); err != nil {
		t.Fatal(err)
	}
	if last := b.Tensors[1]; last.Offset != 8 || last.Frac != 8 || len(b.Bytes) != 12 {
		t.Errorf("second tensor %+v in %d bytes", last, len(b.Bytes))
	}
	for _, bad := range []struct {
		kind  abi.NumberType
		value float64
	}{{abi.Int16, 32768}, {abi.Int16, math.NaN()}, {abi.Int8, 1}} {
		_, err := b.Add("c", bad.kind, 0, []float64{bad.value}, 1)
		if !errors.Is(err, learn.ErrRange) {
			t.Errorf("%v as %s: %v", bad.value, bad.kind, err)
		}
	}
	if _, err := b.Add("c", abi.Int16, 0, []float64{1}, 2); !errors.Is(err, learn.ErrShape) {
		t.Errorf("shape: %v", err)
	}
}

func TestFracForIsTheLargestThatFits(t *testing.T) {
	for _, c := range []struct {
		largest float64
		want    int
	}{{0, 20}, {1e-9, 20}, {1, 14}, {0.99, 15}, {9.5, 11}, {40000, 0}} {
		if got := learn.FracFor([]float64{0, -c.largest}, 16, 20); got != c.want {
			t.Errorf("%v: %d bits, want %d", c.largest, got, c.want)
		}
	}
}
