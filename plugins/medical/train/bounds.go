package main

import (
	"errors"
	"fmt"
	"math"

	"github.com/cerberus-host/cerberus/abi"
	"github.com/cerberus-host/cerberus/internal/learn"
	"github.com/cerberus-host/cerberus/plugins/medical/features"
)

// The bounds of what the host computes. With the scales of the parameter set ckks-13 a
// value must stay below 32.
const (
	hiddenBound = 8
	squareBound = 16
	outputBound = 16
)

// fracBits is the number of fractional bits of every tensor.
const fracBits = 24

var errBound = errors.New("an output could exceed its bound: raise the penalty or features.Gain")

// layers is a net in the form that the host computes:
//
//	h = w1 x + b1,  a = h*h + c1*h + c0 (element by element),  output = w2.a + b2
//
// and the logit is features.Gain times the output.
type layers struct {
	w1, b1, c1, c0, w2 []float64
	b2                 float64
}

// scaled brings a net into that form, so that for every x with elements within
// features.Bound, h, a and the output stay within their bounds.
//
// A unit's t + curve*t*t is curve/s^2 * (h*h + c1*h) with h = s*t and c1 = s/curve; any s
// will do, so the largest is taken that keeps the bounds, because what is small on the
// host has few significant bits. c0 centres the range of a; b2 takes it back.
func scaled(n *learn.Net) *layers {
	l := &layers{b2: n.Bias / features.Gain}
	for u := range n.Units {
		row := n.In[u*n.Dim : (u+1)*n.Dim]
		largest := math.Abs(n.Offset[u])
		for _, v := range row {
			largest += math.Abs(v) * features.Bound
		}
		low, high := unitRange(largest, n.Curve)
		half := (high - low) / 2
		s := min(hiddenBound/largest, math.Sqrt(squareBound*n.Curve/half))
		toSquare := s * s / n.Curve // the factor from t + curve*t*t to a
		for _, v := range row {
			l.w1 = append(l.w1, v*s)
		}
		out := n.Out[u] / toSquare / features.Gain
		centre := (high + low) / 2 * toSquare
		l.b1 = append(l.b1, n.Offset[u]*s)
		l.c1 = append(l.c1, s/n.Curve)
		l.c0 = append(l.c0, -centre)
		l.w2 = append(l.w2, out)
		l.b2 += out * centre
	}
	return l
}

// unitRange returns the least and the largest t + curve*t*t of t in [-largest, largest].
func unitRange(largest, curve float64) (low, high float64) {
	low = -largest + curve*largest*largest
	if vertex := -1 / (2 * curve); -vertex < largest {
		low = vertex + curve*vertex*vertex
	}
	return low, largest + curve*largest*largest
}

// extremes are the largest absolute values of what the host computes.
type extremes struct {
	Hidden float64 `json:"hidden"`
	Square float64 `json:"square"`
	Output float64 `json:"output"`
}

// possible bounds them for every x whose elements are within features.Bound.
func (l *layers) possible() extremes {
	e := extremes{Output: math.Abs(l.b2)}
	for u, b := range l.b1 {
		h := math.Abs(b)
		for _, v := range l.row(u) {
			h += math.Abs(v) * features.Bound
		}
		low, high := -h*l.c1[u]+h*h, h*l.c1[u]+h*h
		if vertex := l.c1[u] / 2; vertex < h {
			low = -vertex * vertex
		}
		a := max(math.Abs(low+l.c0[u]), math.Abs(high+l.c0[u]))
		e.Hidden, e.Square = max(e.Hidden, h), max(e.Square, a)
		e.Output += math.Abs(l.w2[u]) * a
	}
	return e
}

// check refuses layers whose values could leave the bounds by more than rounding.
func (l *layers) check() error {
	const slack = 1.001
	e := l.possible()
	if e.Hidden > slack*hiddenBound || e.Square > slack*squareBound || e.Output > outputBound {
		return fmt.Errorf("%w: %.2f, %.2f, %.2f", errBound, e.Hidden, e.Square, e.Output)
	}
	return nil
}

func (l *layers) row(u int) []float64 {
	return l.w1[u*features.Length : (u+1)*features.Length]
}

// score computes what the host does and keeps the largest values in seen.
func (l *layers) score(x []float64, seen *extremes) float64 {
	output := l.b2
	for u := range l.b1 {
		h := learn.Dot(l.row(u), x) + l.b1[u]
		a := h*h + l.c1[u]*h + l.c0[u]
		output += l.w2[u] * a
		seen.Hidden = max(seen.Hidden, math.Abs(h))
		seen.Square = max(seen.Square, math.Abs(a))
	}
	seen.Output = max(seen.Output, math.Abs(output))
	return output * features.Gain
}

// store rounds the layers, in place, and appends them to the model.
func (l *layers) store(blob *learn.Blob, exam string) error {
	units := len(l.b1)
	b2 := []float64{l.b2}
	for _, t := range []struct {
		name   string
		values *[]float64
		shape  []int
	}{
		{"w1", &l.w1, []int{units, features.Length}},
		{"b1", &l.b1, []int{units}},
		{"c1", &l.c1, []int{units}},
		{"c0", &l.c0, []int{units}},
		{"w2", &l.w2, []int{units}},
		{"b2", &b2, []int{1}},
	} {
		var err error
		*t.values, err = blob.Add(exam+"."+t.name, abi.Int32, fracBits, *t.values, t.shape...)
		if err != nil {
			return err
		}
	}
	l.b2 = b2[0]
	return nil
}
