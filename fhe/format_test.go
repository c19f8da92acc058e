package fhe_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"flag"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/cerberus-host/cerberus/abi"
	"github.com/cerberus-host/cerberus/fhe"
	"github.com/cerberus-host/cerberus/fhe/rns"
)

var rewrite = flag.Bool("rewrite", false, "write the golden files anew")

// tinyParams is a ring of 16 coefficients with three primes and the given number of
// special ones, small enough to commit samples of every format.
func tinyParams(t testing.TB, special int) *fhe.Params {
	t.Helper()
	set, err := rns.GeneratePrimes(rns.PrimeShape{
		LogN: 4, FirstBits: 46, ScaleBits: 40, SpecialBits: 50, QCount: 3, PCount: special,
	})
	if err != nil {
		t.Fatal(err)
	}
	set.Name = []string{1: "insecure-tiny-1", 2: "insecure-tiny-2"}[special]
	p, err := fhe.NewParams(set)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// uniformPoly is a polynomial that is the same in every run.
func uniformPoly(t testing.TB, n int, moduli []uint64, index ...uint64) fhe.Poly {
	t.Helper()
	p := fhe.NewPoly(n, len(moduli))
	for i, q := range moduli {
		if err := rns.ExpandUniform(p.Limbs[i], q, [32]byte{1}, "fhe test", index...); err != nil {
			t.Fatal(err)
		}
	}
	return p
}

func sampleVector(t testing.TB, p *fhe.Params, packing abi.Packing, length int, seeded bool,
) []fhe.Ciphertext {
	t.Helper()
	const level = 1
	scale := fhe.ScaleOfBits(40).MulInt(p.Q(2)).DivInt(p.Q(1))
	cts := make([]fhe.Ciphertext, fhe.CiphertextCount(p, packing, length))
	for i := range cts {
		ct := fhe.Ciphertext{
			Packing: packing, Length: length, Level: level, Scale: scale, Seeded: seeded, Index: i,
		}
		if packing == abi.PackSlots {
			ct.Period = fhe.VectorType{Length: length}.Period()
		}
		ct.C[0] = uniformPoly(t, p.N(), p.Moduli(level), uint64(i), 0)
		ct.C[1] = uniformPoly(t, p.N(), p.Moduli(level), uint64(i), 1)
		if seeded {
			ct.Seed = [32]byte{7, 8, 9}
			var err error
			if ct.C[1], err = fhe.ExpandCiphertext(p, ct.Seed, i, level); err != nil {
				t.Fatal(err)
			}
		}
		cts[i] = ct
	}
	return cts
}

func sampleKeySet(t testing.TB, p *fhe.Params) *fhe.KeySet {
	t.Helper()
	k := &fhe.KeySet{Params: p, Seed: [32]byte{3}}
	for _, g := range []uint64{fhe.RelinElement, 5, 25} {
		key := fhe.EvalKey{Galois: g}
		for d := range p.Digits(p.MaxLevel()) {
			key.B = append(key.B, uniformPoly(t, p.N(), p.ModuliQP(), g, uint64(d)))
		}
		k.Keys = append(k.Keys, key)
	}
	return k
}

func keySetBytes(t testing.TB, k *fhe.KeySet) []byte {
	t.Helper()
	var buf bytes.Buffer
	if err := fhe.WriteKeySet(&buf, k); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

// golden compares data with a committed sample, which later versions must still read.
func golden(t *testing.T, name string, data []byte) []byte {
	t.Helper()
	path := filepath.Join("testdata", "formats", "v1", name)
	if *rewrite {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(data, want) {
		t.Errorf("%s is not what is written today", name)
	}
	return want
}

func TestCiphertextSamples(t *testing.T) {
	p := tinyParams(t, 1)
	for name, cts := range map[string][]fhe.Ciphertext{
		"ciphertext-slots.bin":         sampleVector(t, p, abi.PackSlots, 3, false),
		"ciphertext-coeffs-seeded.bin": sampleVector(t, p, abi.PackCoeffs, 40, true),
	} {
		data, err := fhe.EncodeCiphertexts(p, cts)
		if err != nil {
			t.Fatal(err)
		}
		want := fhe.CiphertextBytes(p, cts[0].Packing, cts[0].Length, 1, cts[0].Seeded)
		if int64(len(data)) != want {
			t.Errorf("%s: %d bytes, announced %d", name, len(data), want)
		}
		back, err := fhe.ParseCiphertexts(p, golden(t, name, data))
		if err != nil {
			t.Fatal(err)
		}
		for i, ct := range back {
			w := cts[i]
			if !ct.C[0].Equal(w.C[0]) || !ct.C[1].Equal(w.C[1]) {
				t.Errorf("%s: ciphertext %d came back with other polynomials", name, i)
			}
			ct.C, w.C = [2]fhe.Poly{}, [2]fhe.Poly{}
			if ct.Scale != w.Scale || ct.Seed != w.Seed || ct.Index != w.Index ||
				ct.Level != w.Level || ct.Period != w.Period || ct.Length != w.Length {
				t.Errorf("%s: ciphertext %d came back as %+v, was %+v", name, i, ct, w)
			}
		}
		digest, err := fhe.CiphertextsDigest(p, back)
		if err != nil || digest != abi.SumDigest(data) {
			t.Errorf("%s: digest %v, %v", name, digest, err)
		}
	}
}

func TestKeySetSample(t *testing.T) {
	for special, file := range map[int]string{1: "keyset-alpha1.bin", 2: "keyset-alpha2.bin"} {
		p := tinyParams(t, special)
		k := sampleKeySet(t, p)
		data := keySetBytes(t, k)
		if int64(len(data)) != fhe.KeySetBytes(p, len(k.Keys)) {
			t.Errorf("%d bytes, announced %d", len(data), fhe.KeySetBytes(p, len(k.Keys)))
		}
		name, err := fhe.KeySetParams(data[:min(len(data), fhe.KeySetPrefixMax)])
		if err != nil || name != p.Name() {
			t.Errorf("its parameters are %q, %v", name, err)
		}
		for n := range 7 + len(name) {
			if _, err := fhe.KeySetParams(data[:n]); !errors.Is(err, fhe.ErrFormat) {
				t.Errorf("parameters of the first %d bytes: %v", n, err)
			}
		}
		back, err := fhe.ReadKeySet(iotest.OneByteReader(bytes.NewReader(golden(t, file, data))), p)
		if err != nil {
			t.Fatal(err)
		}
		if err := back.Check(); err != nil {
			t.Error(err)
		}
		if back.Seed != k.Seed || len(back.Keys) != len(k.Keys) {
			t.Fatalf("came back with seed %x and %d keys", back.Seed, len(back.Keys))
		}
		for i, key := range back.Keys {
			if key.Galois != k.Keys[i].Galois || !slices.EqualFunc(key.B, k.Keys[i].B, fhe.Poly.Equal) {
				t.Errorf("key %d came back changed", k.Keys[i].Galois)
			}
		}
		digest, err := back.Digest()
		if err != nil || digest != abi.SumDigest(data) {
			t.Errorf("digest %v, %v", digest, err)
		}
	}
}

// TestExpansionsAreIndependent asserts that no two polynomials expanded from one seed agree,
// be they of ciphertexts or of keys.
func TestExpansionsAreIndependent(t *testing.T) {
	p := tinyParams(t, 1)
	seed := [32]byte{1, 2, 3}
	seen := map[string]string{}
	add := func(name string, poly fhe.Poly, err error) {
		if err != nil {
			t.Fatal(err)
		}
		if err := poly.Check(p.N(), p.ModuliQP()[:len(poly.Limbs)]); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		data, err := fhe.AppendPoly(nil, fhe.Poly{Limbs: poly.Limbs[:1]}, p.Moduli(0))
		if err != nil {
			t.Fatal(err)
		}
		if old, ok := seen[string(data)]; ok {
			t.Errorf("%s repeats %s", name, old)
		}
		seen[string(data)] = name
	}
	for i := range 4 {
		poly, err := fhe.ExpandCiphertext(p, seed, i, 2)
		add("ciphertext", poly, err)
	}
	for _, g := range []uint64{0, 5, 25} {
		for d := range 3 {
			poly, err := fhe.ExpandEvalKey(p, seed, g, d)
			add("key", poly, err)
		}
	}
	other, err := fhe.ExpandCiphertext(p, [32]byte{9}, 0, 2)
	add("other seed", other, err)
}

// Offsets of the fields of a blob of "insecure-tiny-1".
const (
	offParams  = 6
	offFlags   = offParams + 1 + 15
	offPacking = offFlags + 1
	offLength  = offPacking + 1
	offPeriod  = offLength + 4
	offLevel   = offPeriod + 4
	offScale   = offLevel + 2
	offCount   = offScale + 20
	offSeed    = offCount + 4
)

func TestCiphertextRefusals(t *testing.T) {
	p := tinyParams(t, 1)
	good, err := fhe.EncodeCiphertexts(p, sampleVector(t, p, abi.PackSlots, 3, false))
	if err != nil {
		t.Fatal(err)
	}
	put32 := func(at int, v uint32) func(b []byte) []byte {
		return func(b []byte) []byte { binary.LittleEndian.PutUint32(b[at:], v); return b }
	}
	set := func(at int, v byte) func(b []byte) []byte {
		return func(b []byte) []byte { b[at] = v; return b }
	}
	cases := []struct {
		name, field string
		want        error
		change      func(b []byte) []byte
	}{
		{"empty", "magic", fhe.ErrFormat, func([]byte) []byte { return nil }},
		{"magic", "magic", fhe.ErrFormat, set(0, 'X')},
		{"version", "version", fhe.ErrFormat, set(4, 2)},
		{"params", "params", fhe.ErrParams, set(offParams+1, 'X')},
		{"params name", "params", fhe.ErrFormat, set(offParams, 255)},
		{"flags", "flags", fhe.ErrFormat, set(offFlags, 2)},
		{"packing", "packing", fhe.ErrFormat, set(offPacking, 3)},
		{"coefficients with a period", "period", fhe.ErrFormat, set(offPacking, 2)},
		{"no element", "length", fhe.ErrFormat, put32(offLength, 0)},
		{"length", "length", fhe.ErrFormat, put32(offLength, 1<<31)},
		{"length beyond the period", "period", fhe.ErrFormat, put32(offLength, 5)},
		{"period", "period", fhe.ErrFormat, put32(offPeriod, 6)},
		{"period beyond the slots", "period", fhe.ErrFormat, put32(offPeriod, 16)},
		{"level", "level", fhe.ErrFormat, set(offLevel, 3)},
		{"scale not normalised", "scale", fhe.ErrFormat, set(offScale+15, 0)},
		{"scale exponent", "scale", fhe.ErrFormat, set(offScale+18, 0x7f)},
		{"count", "count", fhe.ErrFormat, put32(offCount, 2)},
		{"seeded", "payload", fhe.ErrFormat, set(offFlags, 1)},
		{"residue", "payload[0].c0", fhe.ErrFormat, func(b []byte) []byte {
			copy(b[offSeed:], []byte{255, 255, 255, 255, 255, 255})
			return b
		}},
		{"truncated", "payload", fhe.ErrFormat, func(b []byte) []byte { return b[:len(b)-1] }},
		{"trailing", "payload", fhe.ErrFormat, func(b []byte) []byte { return append(b, 0) }},
	}
	for _, c := range cases {
		_, err := fhe.ParseCiphertexts(p, c.change(slices.Clone(good)))
		var fe *fhe.FormatError
		if !errors.As(err, &fe) || !errors.Is(err, c.want) || fe.Field != c.field {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	for at := range offSeed {
		if _, err := fhe.ParseCiphertexts(p, good[:at]); !errors.Is(err, fhe.ErrFormat) {
			t.Errorf("cut at %d: %v", at, err)
		}
	}
}

func TestPlanMetadataWins(t *testing.T) {
	p := tinyParams(t, 1)
	cts := sampleVector(t, p, abi.PackSlots, 3, true)
	data, err := fhe.EncodeCiphertexts(p, cts)
	if err != nil {
		t.Fatal(err)
	}
	in := fhe.PlanInput{
		Name: "x", Packing: abi.PackSlots, Length: 3, Period: 4, Level: 1, Scale: cts[0].Scale,
		Count: 1,
	}
	if _, err := fhe.ParseInput(p, in, data); err != nil {
		t.Fatal(err)
	}
	for field, change := range map[string]func(in *fhe.PlanInput){
		"packing": func(in *fhe.PlanInput) { in.Packing, in.Period = abi.PackCoeffs, 0 },
		"length":  func(in *fhe.PlanInput) { in.Length = 4 },
		"period":  func(in *fhe.PlanInput) { in.Period = 8 },
		"level":   func(in *fhe.PlanInput) { in.Level = 2 },
		"scale":   func(in *fhe.PlanInput) { in.Scale = in.Scale.MulInt(2) },
		"count":   func(in *fhe.PlanInput) { in.Count = 2 },
	} {
		other := in
		change(&other)
		_, err := fhe.ParseInput(p, other, data)
		var fe *fhe.FormatError
		if !errors.As(err, &fe) || fe.Field != field || !errors.Is(err, fhe.ErrOperand) ||
			!strings.Contains(err.Error(), "input x") {
			t.Errorf("%s: %v", field, err)
		}
	}
	out := fhe.PlanOutput{
		Name: "y", Packing: abi.PackSlots, Length: 3, Period: 4, Level: 1, Scale: cts[0].Scale,
	}
	if _, err := fhe.ParseOutput(p, out, data); err != nil {
		t.Fatal(err)
	}
	out.Level = 0
	if _, err := fhe.ParseOutput(p, out, data); !errors.Is(err, fhe.ErrOperand) {
		t.Errorf("output at another level: %v", err)
	}
}

func TestEncodeRefusesContradictions(t *testing.T) {
	p := tinyParams(t, 1)
	for name, change := range map[string]func(c []fhe.Ciphertext) []fhe.Ciphertext{
		"nothing":  func([]fhe.Ciphertext) []fhe.Ciphertext { return nil },
		"one less": func(c []fhe.Ciphertext) []fhe.Ciphertext { return c[:2] },
		"swapped":  func(c []fhe.Ciphertext) []fhe.Ciphertext { c[0], c[1] = c[1], c[0]; return c },
		"level":    func(c []fhe.Ciphertext) []fhe.Ciphertext { c[1].Level = 0; return c },
		"seed":     func(c []fhe.Ciphertext) []fhe.Ciphertext { c[2].Seed[0]++; return c },
		"no scale": func(c []fhe.Ciphertext) []fhe.Ciphertext { c[0].Scale = fhe.Scale{}; return c },
		"residue": func(c []fhe.Ciphertext) []fhe.Ciphertext {
			c[2].C[0].Limbs[1][3] = p.Q(1)
			return c
		},
		"few limbs": func(c []fhe.Ciphertext) []fhe.Ciphertext { c[2].C[0].Limbs = nil; return c },
		"short limb": func(c []fhe.Ciphertext) []fhe.Ciphertext {
			c[0].C[0].Limbs[0] = c[0].C[0].Limbs[0][:8]
			return c
		},
	} {
		cts := change(sampleVector(t, p, abi.PackCoeffs, 40, true))
		if _, err := fhe.EncodeCiphertexts(p, cts); !errors.Is(err, fhe.ErrFormat) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestKeySetRefusals(t *testing.T) {
	p := tinyParams(t, 1)
	good := keySetBytes(t, sampleKeySet(t, p))
	const (
		keySeed     = offParams + 1 + 15
		keyCount    = keySeed + 32
		keyElements = keyCount + 4
		keyPayload  = keyElements + 3*8
	)
	set := func(at int, v byte) func(b []byte) []byte {
		return func(b []byte) []byte { b[at] = v; return b }
	}
	for name, c := range map[string]struct {
		field  string
		want   error
		change func(b []byte) []byte
	}{
		"magic":      {"magic", fhe.ErrFormat, set(3, 'T')},
		"params":     {"params", fhe.ErrParams, set(offParams+3, 'X')},
		"count":      {"count", fhe.ErrFormat, set(keyCount+2, 1)},
		"even":       {"elements", fhe.ErrFormat, set(keyElements+8, 6)},
		"repeated":   {"elements", fhe.ErrFormat, set(keyElements+8, 25)},
		"descending": {"elements", fhe.ErrFormat, set(keyElements, 27)},
		"beyond 2N":  {"elements", fhe.ErrFormat, set(keyElements+16, 33)},
		"residue": {"key 0, digit 0", fhe.ErrFormat, func(b []byte) []byte {
			copy(b[keyPayload:], []byte{255, 255, 255, 255, 255, 255})
			return b
		}},
		"one key more": {"key 25", fhe.ErrFormat, func(b []byte) []byte { return b[:len(b)-1] }},
		"trailing":     {"payload", fhe.ErrFormat, func(b []byte) []byte { return append(b, 0) }},
	} {
		_, err := fhe.ReadKeySet(bytes.NewReader(c.change(slices.Clone(good))), p)
		var fe *fhe.FormatError
		if !errors.As(err, &fe) || !errors.Is(err, c.want) || fe.Field != c.field {
			t.Errorf("%s: %v", name, err)
		}
	}
	for at := range keyPayload {
		if _, err := fhe.ReadKeySet(bytes.NewReader(good[:at]), p); !errors.Is(err, fhe.ErrFormat) {
			t.Errorf("cut at %d: %v", at, err)
		}
	}
	broken := io.MultiReader(bytes.NewReader(good[:keyPayload+5]), iotest.ErrReader(io.ErrClosedPipe))
	if _, err := fhe.ReadKeySet(broken, p); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("the reader's own error got lost: %v", err)
	}
}

func TestKeySetCheck(t *testing.T) {
	p := tinyParams(t, 1)
	for name, change := range map[string]func(k *fhe.KeySet){
		"no params":  func(k *fhe.KeySet) { k.Params = nil },
		"order":      func(k *fhe.KeySet) { k.Keys[0], k.Keys[1] = k.Keys[1], k.Keys[0] },
		"digits":     func(k *fhe.KeySet) { k.Keys[2].B = k.Keys[2].B[:2] },
		"limbs":      func(k *fhe.KeySet) { k.Keys[2].B[1].Limbs = k.Keys[2].B[1].Limbs[:3] },
		"residue":    func(k *fhe.KeySet) { k.Keys[1].B[0].Limbs[3][7] = p.P(0) },
		"no element": func(k *fhe.KeySet) { k.Keys[2].Galois = 32 },
	} {
		k := sampleKeySet(t, p)
		change(k)
		if err := k.Check(); err == nil {
			t.Errorf("%s: passed the check", name)
		}
		if err := fhe.WriteKeySet(io.Discard, k); err == nil {
			t.Errorf("%s: was written", name)
		}
	}
}

func TestKeyNeed(t *testing.T) {
	k := sampleKeySet(t, tinyParams(t, 1))
	need := fhe.KeyNeed{Relin: true, Galois: []uint64{3, 5, 9}}
	if m := k.Missing(need); m.Relin || !slices.Equal(m.Galois, []uint64{3, 9}) {
		t.Errorf("missing %v", m)
	}
	var none *fhe.KeySet
	if m := none.Missing(need); !slices.Equal(m.Elements(), []uint64{0, 3, 5, 9}) {
		t.Errorf("missing from nothing: %v", m)
	}
	if m := k.Missing(fhe.KeyNeed{Galois: []uint64{25}}); !m.IsEmpty() {
		t.Errorf("missing %v", m)
	}
}
