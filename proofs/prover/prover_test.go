package prover

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/cryptotest"
	"time"

	"github.com/cerberus-host/cerberus/abi"
	"github.com/cerberus-host/cerberus/fhe"
	"github.com/cerberus-host/cerberus/proofs/identity"
	"github.com/cerberus-host/cerberus/proofs/opening"
	"github.com/cerberus-host/cerberus/proofs/prooftest"
	"github.com/cerberus-host/cerberus/proofs/verifier"
)

// TestHonestProofs: proofs of random Plans verify, with digits of one to six primes, with
// polynomials of one block, of several, and shorter than one.
func TestHonestProofs(t *testing.T) {
	for _, shape := range []struct{ logN, q, p, size int }{
		{5, 4, 1, 32}, {6, 5, 2, 16}, {4, 7, 3, 32}, {5, 9, 4, 32}, {4, 13, 6, 16},
	} {
		params := prooftest.Params(t, shape.logN, shape.q, shape.p)
		t.Run(params.Name(), func(t *testing.T) {
			setup := prooftest.Clear(t, shape.size)
			p := newProver(t, Config{Setup: setup})
			for seed := range uint64(4) {
				r := execute(t, prooftest.Random(t, params, seed), setup, seed, identity.Options{})
				proof, _, err := p.Prove(t.Context(), r)
				if err != nil {
					t.Fatalf("seed %d: %v", seed, err)
				}
				if err := verify(r, setup, proof); err != nil {
					t.Errorf("seed %d: %v", seed, err)
				}
				r.Statement[0] ^= 1
				if err := verify(r, setup, proof); !errors.Is(err, verifier.ErrOpening) {
					t.Errorf("seed %d, another statement: %v", seed, err)
				}
			}
		})
	}
}

// TestNamedPlans: hoisted rotations, products and products of three polynomials verify, also
// with keys that are committed.
func TestNamedPlans(t *testing.T) {
	for _, shape := range []struct{ logN, q, p, size int }{{5, 4, 1, 32}, {6, 5, 2, 16}} {
		params := prooftest.Params(t, shape.logN, shape.q, shape.p)
		setup := prooftest.Clear(t, shape.size)
		p := newProver(t, Config{Setup: setup})
		for _, plan := range namedPlans() {
			for _, committed := range []bool{false, true} {
				name := fmt.Sprintf("%s, %s, committed keys %t", params.Name(), plan.name, committed)
				o := identity.Options{CommittedKeys: committed}
				r := execute(t, plan.plan(t, params), setup, 1, o)
				if plan.name == "scaled" && !hasScaled(r.System) {
					t.Errorf("%s: no factor is scaled", name)
				}
				proof, stats, err := p.Prove(t.Context(), r)
				if err != nil {
					t.Fatalf("%s: %v", name, err)
				}
				if err := verify(r, setup, proof); err != nil {
					t.Errorf("%s: %v", name, err)
				}
				if stats.Bytes != len(proof) || stats.Wires != r.System.Quotients-r.System.Wires ||
					stats.Quotients != len(r.System.Polys)-r.System.Quotients {
					t.Errorf("%s: %d bytes, %+v", name, len(proof), stats)
				}
			}
		}
	}
}

func hasScaled(s *identity.System) bool {
	for _, id := range s.Identities {
		for _, term := range id.Terms {
			for _, f := range term.Factors {
				if f.Scale != 1 {
					return true
				}
			}
		}
	}
	return false
}

// TestGroth16: proofs verify under the default opening.
func TestGroth16(t *testing.T) {
	params := prooftest.Params(t, 6, 5, 2)
	setup, err := opening.NewDevelopment(t.Context(), 32, nil)
	if err != nil {
		t.Fatal(err)
	}
	r := execute(t, productPlan(t, params), setup, 1, identity.Options{})
	proof, _, err := newProver(t, Config{Setup: setup}).Prove(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	if err := verify(r, setup, proof); err != nil {
		t.Error(err)
	}
}

// TestEqualBytes: the bytes of a proof depend neither on the number of cores nor on the
// memory, once the opening's randomness is fixed.
func TestEqualBytes(t *testing.T) {
	params := prooftest.Params(t, 6, 5, 2)
	setup, err := opening.NewDevelopment(t.Context(), 32, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	for _, plan := range []namedPlan{
		{"masked", masked},
		{"random", func(t testing.TB, p *fhe.Params) *fhe.Compiled { return prooftest.Random(t, p, 2) }},
	} {
		r := execute(t, plan.plan(t, params), setup, 1, identity.Options{})
		var first []byte
		for _, c := range []struct {
			cores, workers int
			memory         int64
		}{{1, 0, 0}, {3, 0, 0}, {2, 7, 0}, {2, 0, 1}, {2, 3, 8 << 10}} {
			t.Run(fmt.Sprintf("%s %+v", plan.name, c), func(t *testing.T) {
				runtime.GOMAXPROCS(c.cores)
				cryptotest.SetGlobalRandom(t, 1)
				p := newProver(t, Config{Setup: setup, Workers: c.workers, MemoryMax: c.memory})
				proof, _, err := p.Prove(t.Context(), r)
				if err != nil {
					t.Fatal(err)
				}
				if first == nil {
					first = proof
				}
				if !bytes.Equal(first, proof) {
					t.Error("another proof")
				}
			})
		}
	}
}

// TestSpooledWitness: a witness in a file gives the same proof as one in memory.
func TestSpooledWitness(t *testing.T) {
	params := prooftest.Params(t, 5, 5, 2)
	setup := prooftest.Clear(t, 32)
	p := newProver(t, Config{Setup: setup})
	for _, plan := range namedPlans() {
		var proofs [2][]byte
		for i, memory := range []int64{0, 3 * 8 * int64(params.N())} {
			c := plan.plan(t, params)
			r := executeWith(t, c, setup, prooftest.Options{Seed: 1, WitnessBytesMax: memory})
			var err error
			if proofs[i], _, err = p.Prove(t.Context(), r); err != nil {
				t.Fatalf("%s: %v", plan.name, err)
			}
		}
		if !bytes.Equal(proofs[0], proofs[1]) {
			t.Errorf("%s: another proof", plan.name)
		}
	}
}

// TestConcurrentProofs: one prover makes several proofs at a time.
func TestConcurrentProofs(t *testing.T) {
	params := prooftest.Params(t, 5, 5, 2)
	setup := prooftest.Clear(t, 32)
	p := newProver(t, Config{Setup: setup})
	var wg sync.WaitGroup
	for seed := range uint64(4) {
		r := execute(t, prooftest.Random(t, params, seed), setup, seed, identity.Options{})
		wg.Go(func() {
			proof, _, err := p.Prove(t.Context(), r)
			if err == nil {
				err = verify(r, setup, proof)
			}
			if err != nil {
				t.Errorf("seed %d: %v", seed, err)
			}
		})
	}
	wg.Wait()
}

// TestProgress: phases come in order, and counts reach their totals.
func TestProgress(t *testing.T) {
	setup := prooftest.Clear(t, 16)
	var phases []string
	var last Progress
	p := newProver(t, Config{Setup: setup, OnProgress: func(g Progress) {
		if len(phases) == 0 || phases[len(phases)-1] != g.Phase {
			phases = append(phases, g.Phase)
		}
		if g.Done > g.Total || g.Done < 0 {
			t.Errorf("%+v", g)
		}
		last = g
	}})
	r := execute(t, hoisted(t, prooftest.Params(t, 5, 4, 1)), setup, 1, identity.Options{})
	if _, _, err := p.Prove(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	want := []string{PhaseCommit, PhaseDivide, PhaseProject, PhaseCombine, PhaseOpen}
	if !slices.Equal(phases, want) || last.Done != last.Total {
		t.Errorf("phases %v, last %+v", phases, last)
	}
}

// TestCancel: a proof stops in every phase when its context ends.
func TestCancel(t *testing.T) {
	setup := prooftest.Clear(t, 16)
	r := execute(t, hoisted(t, prooftest.Params(t, 5, 4, 1)), setup, 1, identity.Options{})
	for _, phase := range []string{PhaseCommit, PhaseDivide, PhaseProject, PhaseCombine, PhaseOpen} {
		ctx, cancel := context.WithCancel(t.Context())
		p := newProver(t, Config{Setup: setup, OnProgress: func(g Progress) {
			if g.Phase == phase {
				cancel()
			}
		}})
		if proof, _, err := p.Prove(ctx, r); !errors.Is(err, context.Canceled) || proof != nil {
			t.Errorf("%s: %d bytes, error %v", phase, len(proof), err)
		}
		cancel()
	}
}

// TestRequests: what a prover needs is not optional.
func TestRequests(t *testing.T) {
	if _, err := New(Config{Now: time.Now}); !errors.Is(err, ErrConfig) {
		t.Errorf("no setup: %v", err)
	}
	setup := prooftest.Clear(t, 32)
	if _, err := New(Config{Setup: setup}); !errors.Is(err, ErrConfig) {
		t.Errorf("no clock: %v", err)
	}
	good := execute(t, hoisted(t, prooftest.Params(t, 5, 4, 1)), setup, 1, identity.Options{})
	for name, c := range map[string]struct {
		change func(r *Request)
		want   error
	}{
		"system":    {func(r *Request) { r.System = nil }, ErrRequest},
		"public":    {func(r *Request) { r.Public = nil }, ErrRequest},
		"witness":   {func(r *Request) { r.Witness = nil }, ErrRequest},
		"statement": {func(r *Request) { r.Statement = abi.Digest{} }, ErrRequest},
		"keys":      {func(r *Request) { r.Keys = append(r.Keys, nil) }, ErrRequest},
		"outputs": {func(r *Request) {
			r.Public = &identity.Publics{
				Params: r.Public.Params, Inputs: r.Public.Inputs, Keys: r.Public.Keys,
			}
		}, identity.ErrPublic},
	} {
		r := good
		c.change(&r)
		p := newProver(t, Config{Setup: setup})
		if _, _, err := p.Prove(t.Context(), r); !errors.Is(err, c.want) {
			t.Errorf("%s: error %v", name, err)
		}
	}
}

// TestRefuseWitness: a prover makes no proof of a run that is not one, and says which
// identity fails: every wire and every output is changed in turn.
func TestRefuseWitness(t *testing.T) {
	params := prooftest.Params(t, 4, 5, 2)
	setup := prooftest.Clear(t, 16)
	p := newProver(t, Config{Setup: setup})
	for _, plan := range namedPlans()[:3] {
		r := execute(t, plan.plan(t, params), setup, 1, identity.Options{})
		for poly := r.System.Wires; poly < r.System.Quotients; poly++ {
			c := &r.Witness.Coeffs(poly)[poly%params.N()] // shared
			before := *c
			*c ^= 1
			refuse(t, p, r, "identity ")
			*c = before
		}
		for i := range r.Public.Outputs {
			for _, component := range r.Public.Outputs[i].C {
				for limb := range component.Limbs {
					x := &component.Limbs[limb][3]
					before := *x
					*x ^= 1
					refuse(t, p, r, "(output")
					*x = before
				}
			}
		}
		if _, _, err := p.Prove(t.Context(), r); err != nil {
			t.Errorf("%s, put right: %v", plan.name, err)
		}
	}
}

func refuse(t *testing.T, p *Prover, r Request, want string) {
	t.Helper()
	_, _, err := p.Prove(t.Context(), r)
	if !errors.Is(err, identity.ErrWitness) || !strings.Contains(err.Error(), want) {
		t.Errorf("error %v, want %q", err, want)
	}
}

// TestRefuseLargeWire: wires that satisfy the identities and are larger than a run's are
// refused: by their projections, or by the bound of a quotient where that is tight.
func TestRefuseLargeWire(t *testing.T) {
	params := prooftest.Params(t, 5, 3, 1)
	setup := prooftest.Clear(t, 32)
	for _, c := range []struct {
		plan *fhe.Compiled
		want string
	}{
		{productPlan(t, params), "projects beyond its bound"},
		{prooftest.Rescaled(params), "exceeds its bound"},
	} {
		r := execute(t, c.plan, setup, 1, identity.Options{})
		q := int64(params.Q(params.MaxLevel()))
		for poly := r.System.Wires; poly < r.System.Quotients; poly++ {
			if r.System.Polys[poly].Kind != identity.KindRescale {
				continue
			}
			for i := range r.Witness.Coeffs(poly) {
				r.Witness.Coeffs(poly)[i] += q << 10
			}
		}
		// The quotients by the last prime are less by 2^10.
		for _, component := range r.Public.Outputs[0].C {
			for limb, residues := range component.Limbs {
				q := params.Q(limb)
				for i, x := range residues {
					residues[i] = (x + q - 1<<10) % q
				}
			}
		}
		refuse(t, newProver(t, Config{Setup: setup}), r, c.want)
	}
}
