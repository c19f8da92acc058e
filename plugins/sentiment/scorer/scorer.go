package scorer

import (
	"github.com/cerberus-host/cerberus/plugins/sentiment/features"
	brain "github.com/cerberus-host/cerberus/sdk-wasm/go"
)

// Scorer is the Brain over one dictionary: x are the dictionary's terms in the review,
// element 0 the constant 1, and the answer is the sign of their inner product with the
// model's tensor w.
type Scorer struct {
	// Dictionary and Index are the text of a dictionary and the index made with it.
	Dictionary, Index string
	// Length is the length of the encrypted vector, a multiple of the ring's degree.
	Length int
}

// Encode finds the dictionary's terms in the review.
func (s Scorer) Encode(req *brain.Request, enc *brain.Encoder) error {
	text, _ := req.Text("text")
	d, err := features.OpenDictionary(s.Dictionary, s.Index)
	if err != nil {
		return err
	}
	x, err := d.Vector(text, s.Length)
	if err != nil {
		return err
	}
	enc.Put("x", 0, x)
	return nil
}

// Infer is one inner product; element 0 of x is the constant 1 and carries the bias.
func (s Scorer) Infer(g *brain.Graph) error {
	w := g.Model("w", 0, s.Length)
	g.Output("score", g.Dot(g.Input("x"), w))
	return nil
}

// Decode takes the score for a logit.
func (Scorer) Decode(res *brain.Result, ans *brain.Answer) error {
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
