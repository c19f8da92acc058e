// Command mood is a Brain of the command line's tests: it counts cheerful and gloomy
// letters in a text. It takes plain text, has no model and no public argument, and its Plan
// needs no keys.
package main

import (
	brain "github.com/cerberus-host/cerberus/sdk-wasm/go"
)

type mood struct{}

// Encode counts the letters y and n.
func (mood) Encode(req *brain.Request, enc *brain.Encoder) error {
	var counts [2]float64
	text, _ := req.Text("text")
	for _, r := range text {
		switch r {
		case 'y':
			counts[0]++
		case 'n':
			counts[1]++
		}
	}
	for i := range counts {
		counts[i] = min(counts[i], 4) / 4
	}
	enc.Put("counts", 0, counts[:])
	return nil
}

// Infer subtracts the second count from the first.
func (mood) Infer(g *brain.Graph) error {
	g.Output("score", g.Dot(g.Input("counts"), g.Constant(0, 1, -1)))
	return nil
}

// Decode looks at the sign.
func (mood) Decode(res *brain.Result, ans *brain.Answer) error {
	score := res.Values("score")
	if len(score) == 0 {
		return nil // the run keeps the error and reports it
	}
	label := "gloomy"
	if score[0] > 0 {
		label = "cheerful"
	}
	ans.Label(label)
	ans.Number("confidence", min(1, max(score[0], -score[0])))
	return nil
}

func init() { brain.Serve(mood{}) }

func main() {}
