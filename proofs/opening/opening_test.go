package opening_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
	"testing/cryptotest"

	"github.com/consensys/gnark-crypto/ecc/bn254"
	"github.com/consensys/gnark-crypto/ecc/bn254/fr"

	"github.com/cerberus-host/cerberus/proofs/opening"
)

// schemes returns one prover of each kind.
func schemes(t testing.TB, size int) map[string]opening.Prover {
	t.Helper()
	transparent, err := opening.NewClear(size)
	if err != nil {
		t.Fatal(err)
	}
	setup, err := opening.NewDevelopment(context.Background(), size, nil)
	if err != nil {
		t.Fatal(err)
	}
	return map[string]opening.Prover{"clear": transparent, "groth16": setup}
}

// small returns coefficients of both signs with edge values.
func small(size int) []int64 {
	r := rand.New(rand.NewPCG(1, 2))
	out := make([]int64, size)
	for i := range out {
		out[i] = r.Int64N(1<<60) - 1<<59
	}
	copy(out, []int64{0, 1, -1, 1<<60 - 1, -(1<<60 - 1), 1 << 12, -(1 << 12), 1<<12 + 1, 8191})
	return out
}

func elements(w []int64) []fr.Element {
	out := make([]fr.Element, len(w))
	for i, c := range w {
		out[i].SetInt64(c)
	}
	return out
}

// TestCommitments: the fast commitment to small integers is the one to the same field
// elements, also with equal coefficients and with few.
func TestCommitments(t *testing.T) {
	for name, p := range schemes(t, 64) {
		for _, w := range [][]int64{
			small(64), make([]int64, 64), {5}, {-7, -7, -7, -7}, nil, {1, 1, 1, 1, 1, 1, 1, 1},
		} {
			got, err := p.Commit(w)
			if err != nil {
				t.Fatal(err)
			}
			want, err := p.CommitScalars(elements(w))
			if err != nil {
				t.Fatal(err)
			}
			if !got.Equal(&want) {
				t.Errorf("%s: commitments to %d elements differ", name, len(w))
			}
		}
		if _, err := p.Commit([]int64{1 << 60}); !errors.Is(err, opening.ErrVector) {
			t.Errorf("%s: 61 bits: error %v", name, err)
		}
		if _, err := p.Commit(make([]int64, 65)); !errors.Is(err, opening.ErrVector) {
			t.Errorf("%s: 65 elements: error %v", name, err)
		}
	}
}

// TestOpen opens a commitment that was made before, and refuses everything else.
func TestOpen(t *testing.T) {
	const size = 64
	for name, p := range schemes(t, size) {
		t.Run(name, func(t *testing.T) { testOpen(t, p) })
	}
}

func testOpen(t *testing.T, p opening.Prover) {
	w := small(p.Verifier().Size())
	wf := elements(w)
	y := make(fr.Vector, len(w))
	for i := range y {
		y[i].SetUint64(uint64(i*i + 3))
	}
	s := y.InnerProduct(wf)
	c, err := p.Commit(w)
	if err != nil {
		t.Fatal(err)
	}
	proof, err := p.Open(context.Background(), wf, y, s)
	if err != nil {
		t.Fatal(err)
	}
	v := p.Verifier()
	if err := v.Verify(c, y, s, proof); err != nil {
		t.Fatal(err)
	}
	var one fr.Element
	one.SetOne()
	wrong := *new(fr.Element).Add(&s, &one)
	other := bytes.Clone(proof)
	other[0] ^= 0x40
	y2 := make(fr.Vector, len(y))
	copy(y2, y)
	y2[7].Add(&y2[7], &one)
	double := *new(bn254.G1Affine).Add(&c, &c)
	for what, err := range map[string]error{
		"another claim":      v.Verify(c, y, wrong, proof),
		"another vector":     v.Verify(c, y2, s, proof),
		"another commitment": v.Verify(double, y, s, proof),
		"no commitment":      v.Verify(bn254.G1Affine{}, y, s, proof),
		"truncated":          v.Verify(c, y, s, proof[:len(proof)-1]),
		"trailing bytes":     v.Verify(c, y, s, append(bytes.Clone(proof), 0)),
		"empty":              v.Verify(c, y, s, nil),
		"a flipped bit":      v.Verify(c, y, s, other),
		"zeros":              v.Verify(c, y, s, make([]byte, len(proof))),
		"ones":               v.Verify(c, y, s, bytes.Repeat([]byte{0xff}, len(proof))),
	} {
		if !errors.Is(err, opening.ErrOpening) {
			t.Errorf("%s: error %v", what, err)
		}
	}
	// Every byte counts.
	for i := range proof {
		b := bytes.Clone(proof)
		b[i] ^= 1
		if err := v.Verify(c, y, s, b); err == nil {
			t.Errorf("byte %d may be anything", i)
		}
	}
	if _, err := p.Open(context.Background(), wf[1:], y, s); !errors.Is(err,
		opening.ErrVector) {
		t.Errorf("a short vector: error %v", err)
	}
}

// TestForeignSetup: a proof under one setup says nothing under another.
func TestForeignSetup(t *testing.T) {
	a, b := schemes(t, 16)["groth16"], schemes(t, 16)["groth16"]
	w := small(16)
	y := make(fr.Vector, 16)
	for i := range y {
		y[i].SetUint64(uint64(i + 1))
	}
	s := y.InnerProduct(elements(w))
	c, err := a.Commit(w)
	if err != nil {
		t.Fatal(err)
	}
	proof, err := a.Open(context.Background(), elements(w), y, s)
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Verifier().Verify(c, y, s, proof); !errors.Is(err, opening.ErrOpening) {
		t.Errorf("error %v", err)
	}
}

// TestZeroVector: the commitment to zeros is the point at infinity, and it opens.
func TestZeroVector(t *testing.T) {
	for name, p := range schemes(t, 16) {
		w, y := make([]fr.Element, 16), make(fr.Vector, 16)
		for i := range y {
			y[i].SetUint64(uint64(i + 1))
		}
		c, err := p.CommitScalars(w)
		if err != nil || !c.IsInfinity() {
			t.Fatalf("%s: commitment %v, error %v", name, c, err)
		}
		proof, err := p.Open(context.Background(), w, y, fr.Element{})
		if err != nil {
			t.Fatal(err)
		}
		if err := p.Verifier().Verify(c, y, fr.Element{}, proof); err != nil {
			t.Errorf("%s: error %v", name, err)
		}
		var one fr.Element
		one.SetOne()
		err = p.Verifier().Verify(c, y, one, proof)
		if !errors.Is(err, opening.ErrOpening) {
			t.Errorf("%s: another claim: error %v", name, err)
		}
	}
}

// TestFalseClaim: an honest prover notices that it was asked to show something false.
func TestFalseClaim(t *testing.T) {
	for name, p := range schemes(t, 16) {
		w, y := make([]fr.Element, 16), make([]fr.Element, 16)
		var one fr.Element
		one.SetOne()
		_, err := p.Open(context.Background(), w, y, one)
		if !errors.Is(err, opening.ErrOpening) {
			t.Errorf("%s: error %v", name, err)
		}
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		if _, err := p.Open(ctx, w, y, fr.Element{}); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: cancelled: error %v", name, err)
		}
	}
}

// TestRepeatable: with a seeded source of randomness openings repeat, whatever the number of
// cores; without one they differ.
func TestRepeatable(t *testing.T) {
	for name, p := range schemes(t, 32) {
		w := elements(small(32))
		y := make(fr.Vector, 32)
		for i := range y {
			y[i].SetUint64(uint64(i + 1))
		}
		s := y.InnerProduct(w)
		open := func(seed uint64) (out []byte) {
			t.Run("", func(t *testing.T) {
				cryptotest.SetGlobalRandom(t, seed)
				var err error
				if out, err = p.Open(context.Background(), w, y, s); err != nil {
					t.Fatal(err)
				}
			})
			return out
		}
		a, b := open(1), open(1)
		if !bytes.Equal(a, b) {
			t.Errorf("%s: the same seed gives other bytes", name)
		}
		if c := open(2); name == "groth16" && bytes.Equal(a, c) {
			t.Errorf("%s: the seed does not matter", name)
		}
	}
}

// TestCompile pins the circuit: a change makes every setup useless.
func TestCompile(t *testing.T) {
	// A product for each element, the mask, and the sum, in two parts if it is long.
	for size, want := range map[int]int{16: 18, 256: 258, 8192: 8195} {
		system, err := opening.Compile(size)
		if err != nil {
			t.Fatal(err)
		}
		if got := system.GetNbConstraints(); got != want {
			t.Errorf("%d elements: %d constraints instead of %d", size, got, want)
		}
	}
	for _, size := range []int{-1, 0, 8, 17, 1 << 17} {
		if _, err := opening.Compile(size); !errors.Is(err, opening.ErrSetup) {
			t.Errorf("%d elements: error %v", size, err)
		}
		if _, err := opening.NewClear(size); !errors.Is(err, opening.ErrSetup) {
			t.Errorf("%d elements: error %v", size, err)
		}
	}
}

// TestGnarkVersion: files name the version that go.mod asks for.
func TestGnarkVersion(t *testing.T) {
	raw, err := os.ReadFile("../../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(raw), "github.com/consensys/gnark "+opening.GnarkVersion+"\n") {
		t.Errorf("go.mod does not ask for gnark %s", opening.GnarkVersion)
	}
}

func BenchmarkCommit(b *testing.B) {
	transparent, err := opening.NewClear(8192)
	if err != nil {
		b.Fatal(err)
	}
	for _, bits := range []int{40, 48, 51, 59} {
		w := make([]int64, 8192)
		r := rand.New(rand.NewPCG(1, 2))
		for i := range w {
			w[i] = r.Int64N(1<<bits) - 1<<(bits-1)
		}
		b.Run(fmt.Sprintf("bits=%d", bits), func(b *testing.B) {
			for b.Loop() {
				if _, err := transparent.Commit(w); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkCommitScalars(b *testing.B) {
	transparent, err := opening.NewClear(8192)
	if err != nil {
		b.Fatal(err)
	}
	w := make([]fr.Element, 8192)
	for i := range w {
		w[i].SetUint64(uint64(i) + 1)
		w[i].Inverse(&w[i])
	}
	for b.Loop() {
		if _, err := transparent.CommitScalars(w); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkSetup is the price of an opening: making, reading, opening, checking.
func BenchmarkSetup(b *testing.B) {
	const size = 1024
	setup, err := opening.NewDevelopment(context.Background(), size, nil)
	if err != nil {
		b.Fatal(err)
	}
	w := elements(small(size))
	y := make(fr.Vector, size)
	for i := range y {
		y[i].SetUint64(uint64(i) + 1)
		y[i].Inverse(&y[i])
	}
	s := y.InnerProduct(w)
	c, err := setup.CommitScalars(w)
	if err != nil {
		b.Fatal(err)
	}
	proof, err := setup.Open(context.Background(), w, y, s)
	if err != nil {
		b.Fatal(err)
	}
	folder := b.TempDir() + "/setup"
	if err := setup.Save(folder); err != nil {
		b.Fatal(err)
	}
	steps := []struct {
		name string
		run  func() error
	}{
		{"make", func() error {
			_, err := opening.NewDevelopment(context.Background(), size, nil)
			return err
		}},
		{"load", func() error {
			_, err := opening.Load(folder)
			return err
		}},
		{"open", func() error {
			_, err := setup.Open(context.Background(), w, y, s)
			return err
		}},
		{"verify", func() error { return setup.Verifier().Verify(c, y, s, proof) }},
	}
	for _, step := range steps {
		b.Run(step.name, func(b *testing.B) {
			for b.Loop() {
				if err := step.run(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
