package squeeze_test

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/cerberus-host/cerberus/fhe"
	"github.com/cerberus-host/cerberus/fhe/encode"
	"github.com/cerberus-host/cerberus/fhe/lattigo"
	"github.com/cerberus-host/cerberus/fhe/squeeze"
)

// session is a client's secret key and the reference engine.
type session struct {
	secret *lattigo.SecretKey
	engine *lattigo.Engine
	rng    *rand.ChaCha8
}

func newSession(t testing.TB, p *fhe.Params) *session {
	t.Helper()
	s := &session{engine: lattigo.New(), rng: rand.NewChaCha8([32]byte{1})}
	var err error
	if s.secret, err = lattigo.GenerateSecret(p, s.rng); err != nil {
		t.Fatal(err)
	}
	return s
}

// run encrypts, executes and decrypts with exactly the keys that the Plan lists.
func (s *session) run(t testing.TB, c *fhe.Compiled, inputs map[string][]float64,
) map[string][]float64 {
	t.Helper()
	ctx := context.Background()
	keys, err := lattigo.GenerateKeys(ctx, s.secret, c.Plan.Relin, c.Plan.Galois, s.rng, nil)
	if err != nil {
		t.Fatal(err)
	}
	loadedKeys, err := s.engine.LoadKeys(ctx, keys)
	if err != nil {
		t.Fatal(err)
	}
	loaded, err := s.engine.LoadPlan(ctx, c)
	if err != nil {
		t.Fatal(err)
	}
	var cts []fhe.Ciphertext
	for _, in := range c.Plan.Inputs {
		vector, err := lattigo.EncryptVector(s.secret, in, inputs[in.Name], s.rng)
		if err != nil {
			t.Fatal(err)
		}
		cts = append(cts, vector...)
	}
	results, err := fhe.Execute(ctx, loaded, loadedKeys, cts, fhe.RunOptions{})
	if err != nil {
		t.Fatal(err)
	}
	out := make(map[string][]float64)
	for i, o := range c.Plan.Outputs {
		if out[o.Name], err = lattigo.DecryptVector(s.secret, o, results[i]); err != nil {
			t.Fatal(err)
		}
	}
	return out
}

// compare returns the largest difference of two sets of outputs.
func compare(t testing.TB, got, want map[string][]float64) float64 {
	t.Helper()
	worst := 0.0
	for name, w := range want {
		if len(got[name]) != len(w) {
			t.Fatalf("output %q has %d values instead of %d", name, len(got[name]), len(w))
		}
		for i, x := range w {
			d := math.Abs(got[name][i] - x)
			if math.IsNaN(d) {
				d = math.Inf(1)
			}
			worst = max(worst, d)
		}
	}
	return worst
}

// encryptedTolerance bounds the noise of the Programs here: at degree 2^10 and scale 2^40 a
// key switch or fresh encryption errs by up to 2^-32 in a slot, which products with values
// up to 8 and sums of few terms raise by 2^6 here.
const encryptedTolerance = 0x1p-26

func TestRandomProgramsEncrypted(t *testing.T) {
	p, err := fhe.ParamsByName("insecure-10-8")
	if err != nil {
		t.Fatal(err)
	}
	s := newSession(t, p)
	worst := 0.0
	for seed := range uint64(40) {
		prog := randomProgram(t, seed)
		c, err := squeeze.Compile(prog, fhe.Model{}, encode.New())
		if errors.Is(err, fhe.ErrDepth) {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		inputs := randomInputs(c.Plan, seed)
		want, err := fhe.EvalClear(prog, fhe.Model{}, inputs)
		if err != nil {
			t.Fatal(err)
		}
		d := compare(t, s.run(t, c, inputs), want)
		if worst = max(worst, d); d > encryptedTolerance {
			t.Fatalf("seed %d: off by %g\n%s", seed, d, prog.Text())
		}
	}
	t.Logf("largest error 2^%.1f", math.Log2(worst))
}

// TestGoldensEncrypted runs the goldens under encryption, with and without passes.
func TestGoldensEncrypted(t *testing.T) {
	for _, c := range programs() {
		t.Run(c.name, func(t *testing.T) {
			prog := c.record(t)
			s := newSession(t, prog.Params)
			for _, without := range [][]squeeze.Pass{nil, squeeze.Passes()} {
				compiled, err := squeeze.CompileWith(prog, fhe.Model{}, encode.New(),
					squeeze.Options{Without: without})
				if err != nil {
					t.Fatal(err)
				}
				inputs := randomInputs(compiled.Plan, 5)
				want, err := fhe.EvalClear(prog, fhe.Model{}, inputs)
				if err != nil {
					t.Fatal(err)
				}
				tolerance := encryptedTolerance
				if c.name == "coeffs" || c.name == "coeffs-rescaled" {
					// At scale 2^20 each of up to 1500 terms errs by a few 2^-20.
					tolerance = 0x1p-9
				}
				if d := compare(t, s.run(t, compiled, inputs), want); d > tolerance {
					t.Errorf("without %v: off by %g", without, d)
				} else {
					t.Logf("without %v: off by 2^%.1f", without, math.Log2(d))
				}
			}
		})
	}
}
