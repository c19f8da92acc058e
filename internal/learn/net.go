package learn

import "fmt"

// Net is a network with one hidden layer of quadratic units. Its score of x is
//
//	bias + sum over units u of out[u] * (t + curve * t * t),  t = in[u].x + offset[u]
//
// A quadratic unit needs one product of ciphertexts, and a small curve keeps the net close
// to a linear model, which it only leaves where the data ask for it.
type Net struct {
	// Dim is the length of x, Units the number of hidden units.
	Dim, Units int
	// Curve is the weight of the square.
	Curve float64
	// In has Units rows of Dim weights, one after the other.
	In []float64
	// Offset and Out have one number for each unit.
	Offset, Out []float64
	// Bias is added to the score.
	Bias float64
}

// Score returns the logit of x.
func (n *Net) Score(x []float64) float64 {
	score := n.Bias
	for u := range n.Units {
		t := Dot(n.In[u*n.Dim:(u+1)*n.Dim], x) + n.Offset[u]
		score += n.Out[u] * (t + n.Curve*t*t)
	}
	return score
}

// NetTask is the task of fitting a net: the summed log loss plus Penalty/2 times the
// squares of all weights but the last bias.
type NetTask struct {
	Rows    [][]float64
	Labels  []bool
	Units   int
	Curve   float64
	Penalty float64
	// Seed chooses the starting weights.
	Seed    uint64
	Options Options
}

// startDeviation is the standard deviation of the weights at the start.
const startDeviation = 0.3

// Fit trains a net from the seed's starting weights.
func (t *NetTask) Fit() (*Net, error) {
	if len(t.Rows) == 0 || len(t.Rows) != len(t.Labels) {
		return nil, fmt.Errorf("%w: %d rows, %d labels", ErrShape, len(t.Rows), len(t.Labels))
	}
	dim := len(t.Rows[0])
	random := NewRandom(t.Seed)
	w := make([]float64, t.Units*(dim+2)+1)
	for i := range w[:len(w)-1] {
		w[i] = startDeviation * random.Normal()
	}
	if _, err := Minimise(t.objective, w, t.Options); err != nil {
		return nil, err
	}
	return t.net(w), nil
}

// net names the parts of a parameter vector, without copying them.
func (t *NetTask) net(w []float64) *Net {
	dim := len(t.Rows[0])
	rest := w[t.Units*dim:]
	return &Net{
		Dim: dim, Units: t.Units, Curve: t.Curve,
		In:     w[:t.Units*dim],
		Offset: rest[:t.Units],
		Out:    rest[t.Units : 2*t.Units],
		Bias:   rest[2*t.Units],
	}
}

func (t *NetTask) objective(w, grad []float64) float64 {
	n, g := t.net(w), t.net(grad)
	value := 0.0
	clear(grad)
	for i, v := range w[:len(w)-1] {
		value += t.Penalty * v * v / 2
		grad[i] = t.Penalty * v
	}
	hidden := make([]float64, t.Units)
	biasGrad := 0.0
	for i, x := range t.Rows {
		score := n.Bias
		for u := range hidden {
			h := Dot(n.In[u*n.Dim:(u+1)*n.Dim], x) + n.Offset[u]
			hidden[u] = h
			score += n.Out[u] * (h + t.Curve*h*h)
		}
		loss, slope := LogLoss(score, t.Labels[i])
		value += loss
		biasGrad += slope
		for u, h := range hidden {
			g.Out[u] += slope * (h + t.Curve*h*h)
			back := slope * n.Out[u] * (1 + 2*t.Curve*h)
			g.Offset[u] += back
			addScaled(g.In[u*n.Dim:(u+1)*n.Dim], x, back)
		}
	}
	grad[len(grad)-1] = biasGrad
	return value
}

// Merge returns one net that scores as the average of nets of one shape does: their units
// side by side.
func Merge(nets []*Net) *Net {
	m := &Net{Dim: nets[0].Dim, Curve: nets[0].Curve}
	share := 1 / float64(len(nets))
	for _, n := range nets {
		m.Units += n.Units
		m.In = append(m.In, n.In...)
		m.Offset = append(m.Offset, n.Offset...)
		for _, v := range n.Out {
			m.Out = append(m.Out, v*share)
		}
		m.Bias += n.Bias * share
	}
	return m
}
