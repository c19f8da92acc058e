// Command scorer is the smallest useful Brain: it scores three numbers of a patient's
// record against public weights. It is the example of package brain's documentation and a
// guest of the host's tests; it has no medical meaning.
package main

import (
	"errors"

	brain "github.com/cerberus-host/cerberus/sdk-wasm/go"
)

type scorer struct{}

// Encode scales each number to about one; what the request leaves out stays zero.
func (scorer) Encode(req *brain.Request, enc *brain.Encoder) error {
	given := 0
	for i, key := range []string{"age", "dose", "pressure"} {
		if v, ok := req.NumberIn("features", key); ok {
			enc.Put("x", i, []float64{v / 100})
			given++
		}
	}
	if given == 0 {
		return errors.New("features: give at least one of age, dose, pressure")
	}
	return nil
}

// Infer records w.x + b.
func (scorer) Infer(g *brain.Graph) error {
	x := g.Input("x")
	w := g.Model("weights", 0, 3)
	g.Output("score", g.Add(g.Dot(x, w), g.Model("bias", 0, 1)))
	return nil
}

// Decode compares the score with zero.
func (scorer) Decode(res *brain.Result, ans *brain.Answer) error {
	score := res.Values("score")
	if len(score) == 0 {
		return nil // the run keeps the error and reports it
	}
	label := "low"
	if score[0] > 0 {
		label = "high"
	}
	ans.Label(label)
	ans.Number("score", score[0])
	return nil
}

func init() { brain.Serve(scorer{}) }

func main() {}
