// Command medical is a Brain: a module that cerberus runs on encrypted data. It scores the
// measurements of a breast mass or a heart exam by a small neural network. It is not a
// diagnosis; README.md says how the weights were made and what they are worth.
package main

import (
	_ "embed"
	"errors"
	"math"

	"github.com/cerberus-host/cerberus/plugins/medical/features"
	brain "github.com/cerberus-host/cerberus/sdk-wasm/go"
)

// units is the number of hidden units of each exam's net.
const units = 16

//go:embed columns.tsv
var columns string

// errExam is returned when the manifest and the table of columns disagree.
var errExam = errors.New("no columns for this exam: rebuild the Brain")

type medical struct{}

// Encode imputes, standardises and clamps the measurements.
func (medical) Encode(req *brain.Request, enc *brain.Encoder) error {
	exams, err := features.ParseTable(columns)
	if err != nil {
		return err
	}
	exam := features.Find(exams, req.Arg("exam"))
	if exam == nil {
		return errExam
	}
	x, err := exam.Vector(func(column string) (float64, bool) {
		return req.NumberIn("features", column)
	})
	if err != nil {
		return err
	}
	enc.Put("x", 0, x)
	return nil
}

// Infer computes w2.a + b2 with a = h*h + c1*h + c0 and h = w1 x + b1: one product of
// ciphertexts and three levels. The tensors are scaled so that nothing leaves its bounds.
func (medical) Infer(g *brain.Graph) error {
	exam := g.Arg("exam")
	vector := func(name string) brain.Vector { return g.Model(exam+"."+name, 0, units) }
	w1 := g.Model(exam+".w1", 0, units*features.Length)
	h := g.Add(g.MatVec(w1, g.Input("x"), units, features.Length), vector("b1"))
	a := g.Add(g.Add(g.Mul(h, h), g.MulPlain(h, vector("c1"))), vector("c0"))
	logit := g.Add(g.Dot(a, vector("w2")), g.Model(exam+".b2", 0, 1))
	g.Output("logit", logit)
	return nil
}

// Decode takes the scaling of the last layer back.
func (medical) Decode(res *brain.Result, ans *brain.Answer) error {
	output := res.Values("logit")
	if len(output) == 0 {
		return res.Err()
	}
	logit := output[0] * features.Gain
	ill := logit > 0
	label := "benign"
	switch exam := res.Arg("exam"); {
	case exam == "breast" && ill:
		label = "malignant"
	case exam == "heart" && ill:
		label = "disease"
	case exam == "heart":
		label = "healthy"
	}
	ans.Label(label)
	ans.Number("confidence", 1/(1+math.Exp(-math.Abs(logit))))
	return nil
}

func init() { brain.Serve(medical{}) }

func main() {}
