package main

import (
	"errors"
	"math"
	"testing"

	"github.com/cerberus-host/cerberus/internal/learn"
	"github.com/cerberus-host/cerberus/plugins/medical/features"
)

// randomNet returns a net of the size of a shipped one, with weights of about that size.
func randomNet(random *learn.Random, size float64) *learn.Net {
	n := &learn.Net{Dim: features.Length, Units: 16, Curve: 0.05 + random.Float64()}
	draw := func(count int) []float64 {
		out := make([]float64, count)
		for i := range out {
			out[i] = size * random.Normal()
		}
		return out
	}
	n.In, n.Offset, n.Out = draw(n.Units*n.Dim), draw(n.Units), draw(n.Units)
	n.Bias = random.Normal()
	return n
}

// worst returns the corner of the box where unit u is largest or smallest, scaled.
func worst(n *learn.Net, u int, scale float64) []float64 {
	x := make([]float64, n.Dim)
	for i := range x {
		x[i] = scale * math.Copysign(features.Bound, n.In[u*n.Dim+i])
	}
	return x
}

func TestScaledNetScoresAlikeWithinItsBounds(t *testing.T) {
	random := learn.NewRandom(11)
	for range 50 {
		n := randomNet(random, 0.1)
		l := scaled(n)
		possible := l.possible()
		if possible.Hidden > hiddenBound*1.0001 || possible.Square > squareBound*1.0001 {
			t.Fatalf("a hidden unit may reach %v, its square %v", possible.Hidden, possible.Square)
		}
		var seen extremes
		for u := range n.Units {
			for _, scale := range []float64{-1, -0.5, -0.1, 0, 0.1, 0.5, 1} {
				x := worst(n, u, scale)
				want := n.Score(x)
				if got := l.score(x, &seen); math.Abs(got-want) > 1e-9*(1+math.Abs(want)) {
					t.Fatalf("score %v, of the net %v", got, want)
				}
			}
		}
		if seen.Hidden > possible.Hidden*1.0001 || seen.Square > possible.Square*1.0001 ||
			seen.Output > possible.Output*1.0001 {
			t.Fatalf("seen %+v, possible %+v", seen, possible)
		}
	}
}

func TestBoundsAreTight(t *testing.T) {
	n := randomNet(learn.NewRandom(12), 0.1)
	l := scaled(n)
	var seen extremes
	for u := range n.Units {
		offset := math.Copysign(1, n.Offset[u])
		l.score(worst(n, u, offset), &seen)
		l.score(worst(n, u, 1), &seen)
	}
	if possible := l.possible(); seen.Hidden < possible.Hidden*0.999 {
		t.Errorf("seen %v, possible %v", seen.Hidden, possible.Hidden)
	}
}

func TestCheckRefusesLoudNets(t *testing.T) {
	n := randomNet(learn.NewRandom(13), 5)
	if err := scaled(n).check(); !errors.Is(err, errBound) {
		t.Errorf("error %v", err)
	}
}

func TestStoreRoundsByLessThanItsUnit(t *testing.T) {
	n := randomNet(learn.NewRandom(14), 0.1)
	l, exact := scaled(n), scaled(n)
	blob := new(learn.Blob)
	if err := l.store(blob, "test"); err != nil {
		t.Fatal(err)
	}
	unit := math.Ldexp(1, -fracBits)
	for i := range l.w1 {
		if math.Abs(l.w1[i]-exact.w1[i]) > unit/2 {
			t.Fatalf("weight %d: %v, exactly %v", i, l.w1[i], exact.w1[i])
		}
	}
	if len(blob.Tensors) != 6 || len(blob.Bytes) != 4*(16*features.Length+4*16+1) {
		t.Errorf("%d tensors in %d bytes", len(blob.Tensors), len(blob.Bytes))
	}
}
