package identity_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cerberus-host/cerberus/abi"
	"github.com/cerberus-host/cerberus/fhe"
	"github.com/cerberus-host/cerberus/fhe/fhetest"
	"github.com/cerberus-host/cerberus/proofs/identity"
)

// shippedPlans are the Plans of the shipped plugins and of the compiler's tests.
func shippedPlans(t *testing.T) map[string]*fhe.Plan {
	t.Helper()
	out := make(map[string]*fhe.Plan)
	for _, pattern := range []string{
		"../../plugins/*/testdata/plan.golden", "../../fhe/squeeze/testdata/*.plan",
	} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			name := strings.TrimSuffix(filepath.Base(file), ".plan")
			if name == "plan.golden" {
				name = filepath.Base(filepath.Dir(filepath.Dir(file)))
			}
			for k, text := range plansOf(data) {
				plan, err := fhe.ParsePlan(text)
				if err != nil {
					t.Fatalf("%s: %v", file, err)
				}
				out[fmt.Sprintf("%s/%d", name, k)] = plan
			}
		}
	}
	if len(out) < 10 {
		t.Fatalf("%d plans", len(out))
	}
	return out
}

// plansOf cuts a file into Plans: there may be several, each after a comment, with empty
// lines between them.
func plansOf(data []byte) [][]byte {
	var out [][]byte
	for line := range bytes.Lines(data) {
		switch {
		case bytes.HasPrefix(line, []byte("#")):
			out = append(out, nil)
		case len(bytes.TrimSpace(line)) == 0:
		case len(out) == 0:
			out = append(out, line)
		default:
			out[len(out)-1] = append(out[len(out)-1], line...)
		}
	}
	return out
}

// TestShippedPlans: every Plan that we ship has a System, the same each time, and no wire
// that does not enter an identity.
func TestShippedPlans(t *testing.T) {
	for name, plan := range shippedPlans(t) {
		for _, o := range []identity.Options{{}, {CommittedKeys: true}} {
			s := build(t, plan, o)
			checkStructure(t, s)
			if s.Digest() != build(t, plan, o).Digest() {
				t.Errorf("%s: two Systems", name)
			}
			used := make(map[int]bool)
			for _, id := range s.Identities {
				for _, term := range id.Terms {
					for _, f := range term.Factors {
						used[f.Poly] = true
					}
				}
			}
			for at := range s.Quotients {
				if !used[at] {
					t.Errorf("%s: %s is in no identity", name, s.Polys[at])
				}
			}
		}
	}
}

// TestGoldenSystem: the System of a Plan does not change by accident: proofs that were made
// would not verify any more.
func TestGoldenSystem(t *testing.T) {
	steps, err := fhe.ParamsByName("insecure-10-8")
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "steps.system", build(t, everyStep(t, steps, 2).Plan, identity.Options{}).String())
	var w strings.Builder
	plans := shippedPlans(t)
	for _, name := range []string{
		"sentiment/0", "sentiment-large/0", "medical/0", "medical/1", "coeffs/0",
		"hidden-layer/0", "levels-meet/0", "linear/0", "matrices/0", "polynomials/0",
	} {
		s := build(t, plans[name], identity.Options{})
		fmt.Fprintf(&w, "%s %s\n  wires: digit %d moddown %d rescale %d value %d quotient %d\n",
			name, s.Digest(), count(s, identity.KindDigit), count(s, identity.KindModDown),
			count(s, identity.KindRescale), count(s, identity.KindValue),
			count(s, identity.KindQuotient))
		fmt.Fprintf(&w, "  identities %d views %d claims %d public evaluations %d\n",
			len(s.Identities), len(s.Views), len(s.Claims), evaluations(s))
	}
	golden(t, "systems.golden", w.String())
}

// evaluations returns the number of values of public polynomials that a verifier computes.
func evaluations(s *identity.System) int {
	type value struct {
		factor identity.Factor
		prime  int
	}
	seen := make(map[value]bool)
	for _, id := range s.Identities {
		for _, term := range id.Terms {
			for _, f := range term.Factors {
				v := value{f, id.Prime}
				if f.Scale == 1 {
					v.prime = 0
				}
				if s.Polys[f.Poly].Kind.Public() {
					seen[v] = true
				}
			}
		}
	}
	return len(seen)
}

// TestWiresOfKeySwitch counts what a key switch commits to on the largest ring with one
// prime to a digit and with three and four limbs, in Plans of many. Committing to digits,
// remainders, quotients and results of each would be 22 wires with three limbs.
func TestWiresOfKeySwitch(t *testing.T) {
	params, err := fhe.ParamsByName("ckks-13")
	if err != nil {
		t.Fatal(err)
	}
	const many = 48
	chain := func(b *fhetest.PlanBuilder, x fhe.Reg) fhe.Reg {
		for range many {
			x = b.Rotate(x, fhe.NoReg, params.GaloisElement(1))
		}
		return x
	}
	sum := func(b *fhetest.PlanBuilder, x fhe.Reg) fhe.Reg {
		for range many {
			x = b.Binary(fhe.StepAdd, x, b.Rotate(x, fhe.NoReg, params.GaloisElement(1)))
		}
		return x
	}
	hoisted := func(b *fhetest.PlanBuilder, x fhe.Reg) fhe.Reg {
		digits, out := b.Unary(fhe.StepDecompose, x), x
		for k := range many {
			out = b.Binary(fhe.StepAdd, out, b.Rotate(x, digits, params.GaloisElement(k+1)))
		}
		return out
	}
	for _, c := range []struct {
		name      string
		limbs     int
		steps     func(b *fhetest.PlanBuilder, x fhe.Reg) fhe.Reg
		naive     int
		perSwitch float64
	}{
		{"rotations in a chain", 3, chain, 22, 8},
		{"rotate and add", 3, sum, 22, 8},
		{"rotations of one ciphertext", 3, hoisted, 22, 3},
		{"rotations in a chain", 4, chain, 27, 10},
	} {
		b := fhetest.NewPlanBuilder(params, abi.PackSlots)
		b.Output(c.steps(b, b.Input(c.limbs-1, fhetest.HalfBits(params))))
		s := build(t, b.Plan, identity.Options{})
		wires := float64(s.Quotients-s.Wires) / many
		quotients := float64(len(s.Polys)-s.Quotients) / many
		t.Logf("%-28s %d limbs: %5.2f wires and %4.2f quotients a key switch, naively %d",
			c.name, c.limbs, wires, quotients, c.naive)
		if wires > c.perSwitch || quotients > 1 {
			t.Errorf("%s, %d limbs: %.2f wires, %.2f quotients", c.name, c.limbs, wires, quotients)
		}
	}
}

// TestBuildRefuses: Plans that are not valid.
func TestBuildRefuses(t *testing.T) {
	c := everyStep(t, shaped(t, shape{4, 3, 1}), 1)
	c.Plan.Steps[2].Level = 7
	if _, err := identity.Build(c.Plan, identity.Options{}); !errors.Is(err, fhe.ErrPlan) {
		t.Errorf("error %v", err)
	}
}

// TestCommittedKeys: keys become committed polynomials of the same identities.
func TestCommittedKeys(t *testing.T) {
	plan := everyStep(t, shaped(t, shape{4, 3, 1}), 2).Plan
	plain, committed := build(t, plan, identity.Options{}),
		build(t, plan, identity.Options{CommittedKeys: true})
	if plain.Digest() == committed.Digest() {
		t.Error("the same digest")
	}
	if len(plain.Identities) != len(committed.Identities) ||
		len(plain.Polys) != len(committed.Polys) {
		t.Error("other identities")
	}
	for i, p := range committed.Polys {
		if p.Committed != (p.Kind == identity.KindKey || !p.Kind.Public()) {
			t.Errorf("polynomial %d: committed %t", i, p.Committed)
		}
	}
	if len(committed.Claims) <= len(plain.Claims) {
		t.Error("digits that committed keys multiply are not claimed")
	}
}

// TestLongSums: sums of any length are cut, and what was committed for one register serves
// those that share its limbs.
func TestLongSums(t *testing.T) {
	params := shaped(t, shape{4, 3, 1})
	b := fhetest.NewPlanBuilder(params, abi.PackSlots)
	x := b.Input(2, fhetest.HalfBits(params))
	digits, sum := b.Unary(fhe.StepDecompose, x), x
	for k := range 100 {
		g := params.GaloisElement(k%7 + 1)
		sum = b.Binary(fhe.StepAdd, sum, b.Rotate(x, digits, g))
	}
	low := b.Do(fhe.Step{Op: fhe.StepDrop, A: sum, Level: 1})
	b.Output(b.Unary(fhe.StepRelin, b.Binary(fhe.StepTensor, sum, sum)))
	b.Output(b.Unary(fhe.StepRelin, b.Binary(fhe.StepTensor, low, low)))
	r := execute(t, b.Compiled(), 1, identity.Options{})
	r.check(t)
	for _, id := range r.system.Identities {
		if len(id.Terms) > 300 {
			t.Errorf("an identity of %d terms", len(id.Terms))
		}
	}
	for _, p := range r.system.Polys {
		if p.Kind == identity.KindValue && p.Index == int(low) {
			t.Errorf("%s is committed a second time", p)
		}
	}
	if count(r.system, identity.KindValue) == 0 {
		t.Error("nothing was committed")
	}
}
