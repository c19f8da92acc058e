package opening_test

import (
	"bytes"
	"context"
	"errors"
	"math/big"
	"testing"

	"github.com/consensys/gnark-crypto/ecc/bn254"
	"github.com/consensys/gnark-crypto/ecc/bn254/fp"
	"github.com/consensys/gnark-crypto/ecc/bn254/fr"

	"github.com/cerberus-host/cerberus/proofs/opening"
)

// TestRefuseEncodings: a point of an opening has one form, and must be in its group.
func TestRefuseEncodings(t *testing.T) {
	p := schemes(t, 16)["groth16"]
	w := elements(small(16))
	y := make(fr.Vector, 16)
	for i := range y {
		y[i].SetUint64(uint64(i + 1))
	}
	s := y.InnerProduct(w)
	c, err := p.CommitScalars(w)
	if err != nil {
		t.Fatal(err)
	}
	proof, err := p.Open(context.Background(), w, y, s)
	if err != nil {
		t.Fatal(err)
	}
	check := func(what string, at int, point []byte) {
		t.Helper()
		b := bytes.Clone(proof)
		copy(b[at:], point)
		if bytes.Equal(b, proof) {
			t.Fatalf("%s: nothing changed", what)
		}
		if err := p.Verifier().Verify(c, y, s, b); !errors.Is(err, opening.ErrOpening) {
			t.Errorf("%s at byte %d: error %v", what, at, err)
		}
	}
	for _, at := range []int{0, 192, 256} { // Ar, Krs, the proof of knowledge
		var point bn254.G1Affine
		if _, err := point.SetBytes(proof[at : at+64]); err != nil {
			t.Fatal(err)
		}
		compressed := point.Bytes()
		infinity := new(bn254.G1Affine).RawBytes()
		check("zeros", at, make([]byte, 64))
		check("infinity", at, infinity[:])
		check("a compressed point", at, append(compressed[:], make([]byte, 32)...))
		check("a compressed point, then rubbish", at, compressed[:])
		check("a coordinate plus the prime", at, plusPrime(proof[at:at+32]))
		check("a coordinate plus the prime", at+32, plusPrime(proof[at+32:at+64]))
		raw := new(bn254.G1Affine).Neg(&point).RawBytes()
		check("the negated point", at, raw[:])
	}
	const bs = 64
	var point bn254.G2Affine
	if _, err := point.SetBytes(proof[bs : bs+128]); err != nil {
		t.Fatal(err)
	}
	compressed := point.Bytes()
	infinity := new(bn254.G2Affine).RawBytes()
	foreign := outsideSubgroup(t)
	foreignRaw := foreign.RawBytes()
	check("zeros", bs, make([]byte, 128))
	check("infinity", bs, infinity[:])
	check("a compressed point", bs, append(compressed[:], make([]byte, 64)...))
	check("a coordinate plus the prime", bs, plusPrime(proof[bs:bs+32]))
	check("a point outside of the subgroup", bs, foreignRaw[:])
}

// plusPrime adds the field's prime to a coordinate: the same number, in another form.
func plusPrime(raw []byte) []byte {
	n := new(big.Int).SetBytes(raw)
	return n.Add(n, fp.Modulus()).FillBytes(make([]byte, len(raw)))
}

// outsideSubgroup returns a point of the twist that is not in G2.
func outsideSubgroup(t *testing.T) bn254.G2Affine {
	t.Helper()
	_, _, _, g := bn254.Generators() //nolint:dogsled // that is how they come
	b, cube := g.Y, g.X
	b.Square(&b)
	cube.Square(&cube).Mul(&cube, &g.X)
	b.Sub(&b, &cube)
	for i := range 100 {
		var p bn254.G2Affine
		p.X.A0.SetUint64(uint64(i + 1))
		p.Y.Square(&p.X).Mul(&p.Y, &p.X).Add(&p.Y, &b)
		if p.Y.Legendre() != 1 {
			continue
		}
		p.Y.Sqrt(&p.Y)
		if p.IsOnCurve() && !p.IsInSubGroup() {
			return p
		}
	}
	t.Fatal("no point found")
	return bn254.G2Affine{}
}
