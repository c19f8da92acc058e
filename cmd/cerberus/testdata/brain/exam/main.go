// Command exam is a Brain of the command line's tests. It has a public argument, and its
// Plans multiply and rotate, each in its own way, so that they need different keys.
package main

import (
	brain "github.com/cerberus-host/cerberus/sdk-wasm/go"
)

type exam struct{}

// Encode takes two numbers; what the request leaves out stays zero.
func (exam) Encode(req *brain.Request, enc *brain.Encoder) error {
	for i, key := range []string{"first", "second"} {
		if v, ok := req.NumberIn("features", key); ok {
			enc.Put("x", i, []float64{v})
		}
	}
	return nil
}

// Infer sums the numbers, or their squares.
func (exam) Infer(g *brain.Graph) error {
	x := g.Input("x")
	if g.Arg("exam") == "squares" {
		x = g.Mul(x, x)
	}
	g.Output("sum", g.Sum(x))
	return nil
}

// Decode compares the sum with one.
func (exam) Decode(res *brain.Result, ans *brain.Answer) error {
	sum := res.Values("sum")
	if len(sum) == 0 {
		return nil // the run keeps the error and reports it
	}
	label := "low"
	if sum[0] > 1 {
		label = "high"
	}
	ans.Label(label)
	ans.Number("confidence", min(1, max(sum[0]-1, 1-sum[0])))
	ans.Number("sum", sum[0])
	return nil
}

func init() { brain.Serve(exam{}) }

func main() {}
