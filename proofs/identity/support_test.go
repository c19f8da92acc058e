package identity_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/cerberus-host/cerberus/fhe"
	"github.com/cerberus-host/cerberus/fhe/fhetest"
	"github.com/cerberus-host/cerberus/fhe/lattigo"
	"github.com/cerberus-host/cerberus/fhe/rns"
	"github.com/cerberus-host/cerberus/proofs/identity"
)

var rewrite = flag.Bool("rewrite", false, "write the golden files instead of comparing")

// golden compares text with a file under testdata, or writes it.
func golden(t *testing.T, name, text string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *rewrite {
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if text != string(want) {
		t.Errorf("%s differs; run the test with -rewrite and review the difference", path)
	}
}

// shape is a small ring: q primes of the modulus, p special ones, which is how many primes a
// digit has.
type shape struct{ logN, q, p int }

// shapes have digits of one, two, four and six primes, with last digits of fewer.
func shapes() []shape {
	return []shape{{4, 3, 1}, {5, 4, 1}, {6, 2, 1}, {4, 5, 2}, {4, 9, 4}, {4, 8, 6}}
}

// shaped returns an insecure set of that shape.
func shaped(t testing.TB, s shape) *fhe.Params {
	t.Helper()
	set, err := rns.GeneratePrimes(rns.PrimeShape{
		LogN: s.logN, FirstBits: 46, ScaleBits: 40, SpecialBits: 50, QCount: s.q, PCount: s.p,
	})
	if err != nil {
		t.Fatal(err)
	}
	set.Name = fmt.Sprintf("insecure-%d-%d-%d", s.logN, s.q, s.p)
	params, err := fhe.NewParams(set)
	if err != nil {
		t.Fatal(err)
	}
	return params
}

func build(t testing.TB, p *fhe.Plan, o identity.Options) *identity.System {
	t.Helper()
	s, err := identity.Build(p, o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// run is one execution of a Plan with its witness.
type run struct {
	system  *identity.System
	public  *identity.Publics
	witness *identity.Witness
}

// operands returns uniform inputs and keys for a Plan.
func operands(t testing.TB, c *fhe.Compiled, seed uint64) *identity.Publics {
	t.Helper()
	out := &identity.Publics{Params: c.Plan.Params, Constants: c.Encoded}
	var err error
	if out.Inputs, err = fhetest.UniformInputs(c.Plan, seed); err != nil {
		t.Fatal(err)
	}
	if need := c.Plan.KeyNeed(); !need.IsEmpty() {
		if out.Keys, err = fhetest.UniformKeys(c.Plan.Params, need); err != nil {
			t.Fatal(err)
		}
	}
	return out
}

// evaluate runs a Plan with the reference engine.
func evaluate(t testing.TB, c *fhe.Compiled, public *identity.Publics, recorder fhe.Recorder,
) []fhe.Ciphertext {
	t.Helper()
	engine := lattigo.New()
	var keys fhe.LoadedKeys
	var err error
	if public.Keys != nil {
		if keys, err = engine.LoadKeys(t.Context(), public.Keys); err != nil {
			t.Fatal(err)
		}
	}
	plan, err := engine.LoadPlan(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	out, err := fhe.Execute(t.Context(), plan, keys, public.Inputs,
		fhe.RunOptions{Recorder: recorder})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// execute runs a Plan on uniform inputs and keys and collects the witness.
func execute(t testing.TB, c *fhe.Compiled, seed uint64, o identity.Options) *run {
	t.Helper()
	r := &run{system: build(t, c.Plan, o), public: operands(t, c, seed)}
	collector := identity.NewCollector(r.system)
	r.public.Outputs = evaluate(t, c, r.public, collector)
	var err error
	if r.witness, err = collector.Witness(r.public); err != nil {
		t.Fatal(err)
	}
	return r
}

// check holds a run to the oracle.
func (r *run) check(t testing.TB) {
	t.Helper()
	if err := r.public.Check(r.system); err != nil {
		t.Error(err)
	}
	if err := identity.CheckExact(r.system, r.public, r.witness); err != nil {
		t.Error(err)
	}
}

// randomPlan is a Plan of random steps; its last registers are results.
func randomPlan(t testing.TB, p *fhe.Params, seed uint64) *fhe.Compiled {
	t.Helper()
	b, live, err := fhetest.RandomPlan(p, seed)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range live[max(0, len(live)-4):] {
		b.Output(r)
	}
	return b.Compiled()
}

// everyStep is a Plan with every kind of step at a level.
func everyStep(t testing.TB, p *fhe.Params, level int) *fhe.Compiled {
	t.Helper()
	c, err := fhetest.StepsCase(p, level)
	if err != nil {
		t.Fatal(err)
	}
	return c.Compiled
}

// count returns the number of polynomials of a kind.
func count(s *identity.System, k identity.Kind) int {
	n := 0
	for _, p := range s.Polys {
		if p.Kind == k {
			n++
		}
	}
	return n
}
