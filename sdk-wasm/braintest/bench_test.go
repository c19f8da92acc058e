package braintest_test

import (
	"errors"
	"flag"
	"math"
	"strings"
	"testing"

	"github.com/cerberus-host/cerberus/abi"
	"github.com/cerberus-host/cerberus/fhe"
	"github.com/cerberus-host/cerberus/host/hostcall"
	"github.com/cerberus-host/cerberus/sdk-wasm/braintest"
	brain "github.com/cerberus-host/cerberus/sdk-wasm/go"
)

var update = flag.Bool("update", false, "write the golden files")

const manifest = "testdata/manifest.json"

// clumsy is a Brain whose infer does what it must not.
type clumsy struct{}

func (clumsy) Encode(req *brain.Request, enc *brain.Encoder) error {
	note, _ := req.Text("note")
	n, given := req.Number("n")
	a, _ := req.NumberIn("f", "a")
	if !given {
		return errors.New("n: this Brain cannot do without it")
	}
	enc.Put("x", 1, []float64{n, a, float64(len(note)) / 1024})
	enc.Put("c", 0, []float64{1, 2, 3})
	req.Log("encoded " + req.Arg("mode"))
	return nil
}

func (clumsy) Infer(g *brain.Graph) error {
	x, c := g.Input("x"), g.Input("c")
	if g.Arg("mode") == "deep" {
		for range 40 {
			x = g.Mul(x, x)
		}
	}
	g.Output("y", g.Add(x, g.Sum(x))) // lengths 4 and 1
	g.Output("z", g.Dot(c, g.Model("w", 0, 3)))
	return nil
}

func (clumsy) Decode(res *brain.Result, ans *brain.Answer) error {
	y, z := res.Values("y"), res.Values("z")
	if len(y) != 2 || len(z) != 1 {
		return nil
	}
	ans.Label("yes")
	ans.Number("y0", y[0])
	ans.Number("z", z[0])
	return nil
}

// every is a Brain that calls every host function.
type every struct{ clumsy }

func (every) Infer(g *brain.Graph) error {
	x, c := g.Input("x"), g.Input("c")
	p := g.Poly(x, g.Fixed(4, 0.5, -1, 0.25))
	q := g.Chebyshev(x, g.Constant(2, 1, 2, 3), -4, 4, 0)
	s := g.Sub(g.Mul(p, q), g.Neg(g.Rotate(g.MulPlain(x, g.Constant(1, 1, 2, 3, 4)), -1)))
	y := g.MatVec(g.Model("m", 0, 8), s, 2, 4)
	g.Output("y", g.Add(y, g.MatVec(g.Constant(0, 1, 1), g.Sum(y), 2, 1)))
	g.Output("z", g.Dot(c, g.Model("w", 0, 3)))
	return nil
}

// directly records what every records, without SDK and host functions.
func directly(t *testing.T, model abi.Digest, m *abi.Manifest) *fhe.Program {
	t.Helper()
	params, err := fhe.ParamsByName(m.Params)
	if err != nil {
		t.Fatal(err)
	}
	b := fhe.NewBuilder(params)
	must := func(id fhe.NodeID, err error) fhe.NodeID {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return id
	}
	x, c := must(b.Input(m.Inputs[0])), must(b.Input(m.Inputs[1]))
	p := must(b.Poly(x, must(b.Constant([]int64{8, -16, 4}, 4))))
	q := must(b.Chebyshev(x, must(b.Constant([]int64{1, 2, 3}, 2)), -4, 4, 0))
	pq := must(b.Mul(p, q))
	turned := must(b.Rotate(must(b.MulPlain(x, must(b.Constant([]int64{1, 2, 3, 4}, 1)))), -1))
	s := must(b.Sub(pq, must(b.Neg(turned))))
	y := must(b.MatVec(must(b.Model(fhe.ModelRange{
		Digest: model, Type: abi.Int8, Offset: 0, Count: 8, Frac: 2,
	})), s, 2, 4))
	ones := must(b.Constant([]int64{1, 1}, 0))
	y = must(b.Add(y, must(b.MatVec(ones, must(b.Sum(y)), 2, 1))))
	z := must(b.Dot(c, must(b.Model(fhe.ModelRange{
		Digest: model, Type: abi.Int16, Offset: 8, Count: 3, Frac: 4,
	}))))
	must(0, b.Output("y", y))
	must(0, b.Output("z", z))
	prog, err := b.Finish()
	if err != nil {
		t.Fatal(err)
	}
	return prog
}

func TestEveryFunctionRecordsItsNode(t *testing.T) {
	bench := braintest.New(t, every{}, manifest)
	want := directly(t, bench.Model().Digest(), bench.Manifest())
	got := bench.Program(bench.Manifest().Combinations()[0])
	if got.Digest() != want.Digest() {
		t.Errorf("got\n%s\nwant\n%s", got.Text(), want.Text())
	}
}

func TestTrace(t *testing.T) {
	bench := braintest.New(t, every{}, manifest)
	trace, err := bench.Trace([]byte(`{"mode":"all","n":1.5,"f":{"a":-2},"note":"` +
		strings.Repeat("n", 2048) + `"}`))
	if err != nil {
		t.Fatal(err)
	}
	if got := trace.Inputs["x"]; got[0] != 0 || got[1] != 1.5 || got[2] != -2 || got[3] != 2 {
		t.Errorf("inputs %v", got)
	}
	// 1*1 + 2*(-0.5) + 3*1.5
	if z, ok := trace.Answer.Get("z"); !ok || math.Abs(z-4.5) > 1e-9 || trace.Answer.Label != "yes" {
		t.Errorf("answer %+v", trace.Answer)
	}
	if trace.Log != "encoded all\n" {
		t.Errorf("log %q", trace.Log)
	}
}

func TestErrorsReachTheAuthor(t *testing.T) {
	for _, c := range []struct {
		brain         brain.Brain
		request, text string
		want          error
	}{
		{every{}, `{"mode":"all"}`, "cannot do without it", hostcall.ErrGuest},
		{every{}, `{"mode":"none"}`, "none of", abi.ErrRequest},
		{clumsy{}, `{"mode":"all","n":1}`, "add: type", hostcall.ErrGuest},
		{clumsy{}, `{"mode":"deep","n":1}`, "mul: depth", hostcall.ErrGuest},
		{nil, `{"mode":"all","n":1}`, "brain.Serve", hostcall.ErrGuest},
	} {
		_, err := braintest.New(t, c.brain, manifest).Trace([]byte(c.request))
		if !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.text) {
			t.Errorf("%s: error %v, want %q", c.request, err, c.text)
		}
	}
}

func TestGolden(t *testing.T) {
	braintest.New(t, every{}, manifest).Golden("testdata/program.golden", *update)
}
