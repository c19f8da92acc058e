// Command sentiment is a Brain: a module that cerberus runs on encrypted data. It tells
// whether a film review is favourable, by a linear model over the terms of a public
// dictionary. README.md says how the weights were made and what they are worth.
package main

import (
	_ "embed"

	"github.com/cerberus-host/cerberus/plugins/sentiment/features"
	brain "github.com/cerberus-host/cerberus/sdk-wasm/go"
)

// vectorLength is the length of the encrypted vector: four ciphertexts.
const vectorLength = 4 * 8192

//go:embed dictionary.txt
var dictionary string

//go:embed dictionary.index
var index string

type sentiment struct{}

// Encode finds the dictionary's terms in the review.
func (sentiment) Encode(req *brain.Request, enc *brain.Encoder) error {
	text, _ := req.Text("text")
	d, err := features.OpenDictionary(dictionary, index)
	if err != nil {
		return err
	}
	x, err := d.Vector(text, vectorLength)
	if err != nil {
		return err
	}
	enc.Put("x", 0, x)
	return nil
}

// Infer is one inner product; element 0 of x is the constant 1 and carries the bias.
func (sentiment) Infer(g *brain.Graph) error {
	w := g.Model("w", 0, vectorLength)
	g.Output("score", g.Dot(g.Input("x"), w))
	return nil
}

// Decode takes the score for a logit.
func (sentiment) Decode(res *brain.Result, ans *brain.Answer) error {
	score := res.Values("score")
	if len(score) == 0 {
		return res.Err()
	}
	label := "negative"
	if score[0] > 0 {
		label = "positive"
	}
	ans.Label(label)
	ans.Number("confidence", features.Confidence(score[0]))
	return nil
}

func init() { brain.Serve(sentiment{}) }

func main() {}
