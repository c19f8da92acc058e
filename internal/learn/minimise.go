package learn

import (
	"fmt"
	"math"
)

// Objective returns the value of a smooth function at w and writes its gradient there
// into grad, which has the length of w and holds rubbish before the call. It must not
// change w.
type Objective func(w, grad []float64) float64

// Options steers [Minimise]; the zero value means 100 steps and a relative decrease of
// 1e-6.
type Options struct {
	// Steps bounds the number of steps.
	Steps int
	// Decrease ends the run once a step lowers the value by less than this share of it.
	Decrease float64
}

const (
	defaultSteps    = 100
	defaultDecrease = 1e-6
	// memory is how many past steps approximate the curvature.
	memory = 8
	// halvingsMax bounds the line search of one step.
	halvingsMax = 30
	// sufficient is the share of the predicted decrease that a step must reach (Armijo).
	sufficient = 1e-4
)

// pair is one remembered step and the change of the gradient along it.
type pair struct {
	step, change []float64
	product      float64
}

// Minimise lowers objective from w on, in place, by L-BFGS (Nocedal and Wright,
// Numerical Optimization, algorithm 7.4) with a backtracking line search, and returns the
// value reached.
func Minimise(objective Objective, w []float64, o Options) (float64, error) {
	if o.Steps == 0 {
		o.Steps = defaultSteps
	}
	if o.Decrease == 0 {
		o.Decrease = defaultDecrease
	}
	grad := make([]float64, len(w))
	trial := make([]float64, len(w))
	trialGrad := make([]float64, len(w))
	direction := make([]float64, len(w))
	var past []pair
	value := objective(w, grad)
	for range o.Steps {
		curve(direction, grad, past)
		slope := -Dot(grad, direction)
		if slope >= 0 { // at the minimum, or the memory is worthless
			break
		}
		next, ok := search(objective, w, trial, trialGrad, direction, value, slope)
		if math.IsNaN(next) || math.IsInf(next, 0) {
			return value, fmt.Errorf("%w: value %v", ErrDiverged, next)
		}
		if !ok {
			break
		}
		past = remember(past, w, trial, grad, trialGrad)
		copy(w, trial)
		copy(grad, trialGrad)
		done := value-next <= o.Decrease*math.Abs(value)
		value = next
		if done {
			break
		}
	}
	return value, nil
}

// search halves the step until the value falls enough; trial and trialGrad are then the
// new place.
func search(f Objective, w, trial, trialGrad, direction []float64, value, slope float64) (
	next float64, ok bool,
) {
	length := 1.0
	for range halvingsMax {
		for i, d := range direction {
			trial[i] = w[i] - length*d
		}
		next = f(trial, trialGrad)
		if next <= value+sufficient*length*slope {
			return next, true
		}
		length /= 2
	}
	return next, false
}

// curve writes the inverse curvature times grad into direction: the two-loop recursion.
func curve(direction, grad []float64, past []pair) {
	copy(direction, grad)
	if len(past) == 0 { // a first step of length at most 1
		scale(direction, 1/max(1, math.Sqrt(Dot(grad, grad))))
		return
	}
	alpha := make([]float64, len(past))
	for k := len(past) - 1; k >= 0; k-- {
		p := past[k]
		alpha[k] = Dot(p.step, direction) / p.product
		addScaled(direction, p.change, -alpha[k])
	}
	last := past[len(past)-1]
	scale(direction, last.product/Dot(last.change, last.change))
	for k, p := range past {
		beta := Dot(p.change, direction) / p.product
		addScaled(direction, p.step, alpha[k]-beta)
	}
}

// remember appends the last step if it has positive curvature and forgets the oldest.
func remember(past []pair, w, trial, grad, trialGrad []float64) []pair {
	p := pair{step: make([]float64, len(w)), change: make([]float64, len(w))}
	for i := range w {
		p.step[i] = trial[i] - w[i]
		p.change[i] = trialGrad[i] - grad[i]
	}
	p.product = Dot(p.step, p.change)
	if p.product <= 0 {
		return past
	}
	if len(past) == memory {
		past = past[1:]
	}
	return append(past, p)
}

// Dot returns the inner product of two vectors of one length.
func Dot(a, b []float64) float64 {
	var sum float64
	for i, v := range a {
		sum += v * b[i]
	}
	return sum
}

func scale(a []float64, by float64) {
	for i := range a {
		a[i] *= by
	}
}

func addScaled(a, b []float64, by float64) {
	for i, v := range b {
		a[i] += by * v
	}
}
