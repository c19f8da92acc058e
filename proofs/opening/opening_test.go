package opening_test

import (
	"bytes"
	"context"
	"errors"
	"math/rand/v2"
	"testing"

	"github.com/consensys/gnark-crypto/ecc/bn254"
	"github.com/consensys/gnark-crypto/ecc/bn254/fr"

	"github.com/cerberus-host/cerberus/proofs/opening"
)

// schemes returns one prover of each kind.
func schemes(t testing.TB, size int) map[string]opening.Prover {
	t.Helper()
	clear, err := opening.NewClear(size)
	if err != nil {
		t.Fatal(err)
	}
	setup, err := opening.NewDevelopment(context.Background(), size, nil)
	if err != nil {
		t.Fatal(err)
	}
	return map[string]opening.Prover{"clear": clear, "groth16": setup}
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
	proof, err := p.Open(context.Background(), wf, y, s, nil)
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
	if _, err := p.Open(context.Background(), wf[1:], y, s, nil); !errors.Is(err,
		opening.ErrVector) {
		t.Errorf("a short vector: error %v", err)
	}
}

// TestFiles writes and reads both files of a setup, and refuses damage.
func TestFiles(t *testing.T) {
	setup, err := opening.NewDevelopment(context.Background(), 16, nil)
	if err != nil {
		t.Fatal(err)
	}
	var verifying, proving bytes.Buffer
	if err := errors.Join(setup.WriteVerifier(&verifying), setup.WriteProver(&proving)); err != nil {
		t.Fatal(err)
	}
	back, err := opening.ReadSetup(verifying.Bytes(), bytes.NewReader(proving.Bytes()))
	if err != nil {
		t.Fatal(err)
	}
	if back.Verifier().Digest() != setup.Verifier().Digest() ||
		back.Verifier().Kind() != opening.SetupDevelopment {
		t.Error("another setup came back")
	}
	testOpen(t, back)
	v, err := opening.ParseVerifier(verifying.Bytes())
	if err != nil || v.Digest() != setup.Verifier().Digest() {
		t.Fatalf("error %v", err)
	}
	for i := range verifying.Len() {
		b := bytes.Clone(verifying.Bytes())
		b[i] ^= 1
		if w, err := opening.ParseVerifier(b); err == nil && w.Digest() == v.Digest() {
			t.Errorf("byte %d of the verifying file may be anything", i)
		}
	}
	for _, b := range [][]byte{nil, verifying.Bytes()[1:], append(verifying.Bytes(), 0)} {
		if _, err := opening.ParseVerifier(b); !errors.Is(err, opening.ErrSetup) {
			t.Errorf("%d bytes: error %v", len(b), err)
		}
	}
	damaged := bytes.Clone(proving.Bytes())
	damaged[len(damaged)/2] ^= 1
	for what, b := range map[string][]byte{
		"damage": damaged, "nothing": nil, "truncation": proving.Bytes()[:proving.Len()-1],
	} {
		_, err := opening.ReadSetup(verifying.Bytes(), bytes.NewReader(b))
		if !errors.Is(err, opening.ErrSetup) {
			t.Errorf("%s: error %v", what, err)
		}
	}
	other, err := opening.NewDevelopment(context.Background(), 16, nil)
	if err != nil {
		t.Fatal(err)
	}
	var foreign bytes.Buffer
	if err := other.WriteVerifier(&foreign); err != nil {
		t.Fatal(err)
	}
	_, err = opening.ReadSetup(foreign.Bytes(), bytes.NewReader(proving.Bytes()))
	if !errors.Is(err, opening.ErrSetup) {
		t.Errorf("files of two setups: error %v", err)
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
	proof, err := a.Open(context.Background(), elements(w), y, s, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Verifier().Verify(c, y, s, proof); !errors.Is(err, opening.ErrOpening) {
		t.Errorf("error %v", err)
	}
}

func BenchmarkCommit(b *testing.B) {
	clear, err := opening.NewClear(8192)
	if err != nil {
		b.Fatal(err)
	}
	for _, bits := range []int{40, 48, 51, 59} {
		w := make([]int64, 8192)
		r := rand.New(rand.NewPCG(1, 2))
		for i := range w {
			w[i] = r.Int64N(1<<bits) - 1<<(bits-1)
		}
		b.Run(string(rune('0'+bits/10))+string(rune('0'+bits%10)), func(b *testing.B) {
			for b.Loop() {
				if _, err := clear.Commit(w); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
