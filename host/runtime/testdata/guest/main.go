// Command guest is a Brain for the sandbox's tests: the public argument "mode" says how it
// behaves or misbehaves.
package main

import (
	"crypto/rand"
	"errors"
	"strconv"
	"time"

	brain "github.com/cerberus-host/cerberus/sdk-wasm/go"
)

type guest struct{ runs int }

func (g *guest) Encode(req *brain.Request, enc *brain.Encoder) error {
	g.runs++
	note, _ := req.Text("note")
	for i := range min(len(note), 4) {
		enc.Put("x", i, []float64{float64(note[i]-'a') / 32})
	}
	switch req.Arg("mode") {
	case "state":
		enc.Put("x", 0, []float64{float64(g.runs)})
	case "bound":
		enc.Put("x", 0, []float64{9})
	case "log":
		req.Log("hello \x1b[31m" + note)
	}
	return nil
}

func (g *guest) Infer(graph *brain.Graph) error {
	x := graph.Input("x")
	scale := int64(1)
	switch graph.Arg("mode") {
	case "panic":
		panic("as told")
	case "fail":
		return errors.New("as told")
	case "loop":
		for scale != 0 {
			scale += 2
		}
	case "alloc":
		var keep [][]byte
		for {
			keep = append(keep, make([]byte, 1<<20))
		}
	case "world":
		// Everything that a guest could take for the outside world goes into the Program.
		var b [8]byte
		if _, err := rand.Read(b[:]); err != nil {
			return err
		}
		time.Sleep(time.Hour)
		scale = int64(b[0]) + time.Now().UnixMilli()%1000
		for name := range map[string]bool{"a": true, "b": true, "c": true} {
			graph.Log(name + strconv.FormatInt(scale, 10))
		}
	case "unused":
		graph.Output("y", graph.Sum(graph.Sub(graph.Input("z"), graph.Constant(0, 1, 1, 1, 1))))
		return nil
	}
	graph.Output("y", graph.Sum(graph.MulPlain(x, graph.Constant(0, scale, 2, 3, 4))))
	return nil
}

func (g *guest) Decode(res *brain.Result, ans *brain.Answer) error {
	y := res.Values("y")
	if len(y) != 1 {
		return nil
	}
	label := "no"
	if y[0] > 0 {
		label = "yes"
	}
	if res.Arg("mode") == "label" {
		label = "maybe"
	}
	ans.Label(label)
	ans.Number("confidence", y[0])
	return nil
}

func init() { brain.Serve(&guest{}) }

func main() {}
