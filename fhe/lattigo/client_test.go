package lattigo_test

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"math"
	"os"
	"slices"
	"testing"
	"testing/iotest"

	"github.com/tuneinsight/lattigo/v5/core/rlwe"
	"github.com/tuneinsight/lattigo/v5/schemes/ckks"

	"github.com/cerberus-host/cerberus/abi"
	"github.com/cerberus-host/cerberus/fhe"
	"github.com/cerberus-host/cerberus/fhe/lattigo"
)

var rewrite = flag.Bool("rewrite", false, "write the golden files anew")

func slotInput(p *fhe.Params, length, level int) fhe.PlanInput {
	return fhe.PlanInput{
		Name: "x", Packing: abi.PackSlots, Length: length,
		Period: fhe.VectorType{Length: length}.Period(), Bound: 4, Level: level,
		Scale: p.DefaultScale(), Count: 1,
	}
}

func coeffInput(p *fhe.Params, length, level int) fhe.PlanInput {
	return fhe.PlanInput{
		Name: "x", Packing: abi.PackCoeffs, Length: length, Bound: 4, Level: level,
		Scale: p.DefaultScale(), Count: fhe.CiphertextCount(p, abi.PackCoeffs, length),
	}
}

func ramp(n int) []float64 {
	values := make([]float64, n)
	for i := range values {
		values[i] = 4*math.Sin(float64(i)) - float64(i)/float64(n)/8
	}
	for i := range values {
		values[i] = max(-4, min(4, values[i]))
	}
	return values
}

func output(in fhe.PlanInput) fhe.PlanOutput {
	return fhe.PlanOutput{
		Name: "y", Packing: in.Packing, Length: in.Length, Period: in.Period, Level: in.Level,
		Scale: in.Scale,
	}
}

// far reports the largest difference of two vectors.
func far(a, b []float64) float64 {
	worst := 0.0
	if len(a) != len(b) {
		return math.Inf(1)
	}
	for i := range a {
		worst = max(worst, math.Abs(a[i]-b[i]))
	}
	return worst
}

// noiseBound is far above the noise of a fresh encryption at scale 2^40, which has a
// standard deviation of about 3.2 * sqrt(N) in a slot, and far below a wrong value.
const noiseBound = 0x1p-28

func TestEncryptDecryptSlots(t *testing.T) {
	p := named(t, "insecure-10-4")
	b := newBench(t, p)
	for _, length := range []int{1, 2, 3, 4, 7, 100, p.Slots()} {
		for level := range p.QCount() {
			in := slotInput(p, length, level)
			values := ramp(length)
			cts, err := lattigo.EncryptVector(b.secret, in, values, stream(3))
			if err != nil {
				t.Fatal(err)
			}
			got, err := lattigo.DecryptVector(b.secret, output(in), cts[0])
			if err != nil {
				t.Fatal(err)
			}
			if d := far(got, values); d > noiseBound {
				t.Errorf("length %d, level %d: off by %g", length, level, d)
			}
			// Lattigo's own decryption of all slots shows the repetition.
			want := make([]float64, p.Slots())
			for i := range want {
				if j := i % in.Period; j < length {
					want[i] = values[j]
				}
			}
			if d := far(b.decrypt(t, cts[0]), want); d > noiseBound {
				t.Errorf("length %d, level %d: Lattigo decrypts %g off", length, level, d)
			}
		}
	}
}

// decrypt is Lattigo's decryption to all slots.
func (b *bench) decrypt(t *testing.T, ct fhe.Ciphertext) []float64 {
	t.Helper()
	pt := ckks.NewDecryptor(b.ckks, b.sk).DecryptNew(b.toLattigo(ct))
	values := make([]float64, b.params.Slots())
	if err := ckks.NewEncoder(b.ckks).Decode(pt, values); err != nil {
		t.Fatal(err)
	}
	return values
}

func TestEncryptDecryptCoeffs(t *testing.T) {
	p := named(t, "insecure-10-4")
	b := newBench(t, p)
	for _, length := range []int{1, 1000, p.N(), p.N() + 1, 3*p.N() - 5} {
		in := coeffInput(p, length, 1)
		values := ramp(length)
		cts, err := lattigo.EncryptVector(b.secret, in, values, stream(3))
		if err != nil {
			t.Fatal(err)
		}
		var got []float64
		for k, ct := range cts {
			out := output(in)
			out.Length = min(p.N(), length-k*p.N())
			ct.Length = out.Length
			part, err := lattigo.DecryptVector(b.secret, out, ct)
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, part...)
		}
		if d := far(got, values); d > noiseBound {
			t.Errorf("length %d: off by %g", length, d)
		}
		if _, err := fhe.EncodeCiphertexts(p, cts); err != nil {
			t.Error(err)
		}
	}
}

// TestFreshNoise measures the error of fresh ciphertexts: Gaussian of standard deviation
// 3.2, and never the same twice.
func TestFreshNoise(t *testing.T) {
	p := named(t, "insecure-12-4")
	b := newBench(t, p)
	in := coeffInput(p, 4*p.N(), 0)
	in.Scale = fhe.ScaleOfBits(0)
	cts, err := lattigo.EncryptVector(b.secret, in, make([]float64, in.Length), stream(4))
	if err != nil {
		t.Fatal(err)
	}
	var errors [][]float64
	sum, squares := 0.0, 0.0
	for _, ct := range cts {
		out := output(in)
		out.Length, ct.Length = p.N(), p.N()
		e, err := lattigo.DecryptVector(b.secret, out, ct)
		if err != nil {
			t.Fatal(err)
		}
		for _, old := range errors {
			if slices.Equal(old, e) {
				t.Error("an error polynomial was used twice")
			}
		}
		errors = append(errors, e)
		for _, x := range e {
			if math.Abs(x) > 6*3.2 {
				t.Fatalf("an error of %v", x)
			}
			sum, squares = sum+x, squares+x*x
		}
	}
	n := float64(in.Length)
	// Twelve standard deviations of the two estimators.
	if mean := sum / n; math.Abs(mean) > 12*3.2/math.Sqrt(n) {
		t.Errorf("mean %v", mean)
	}
	if dev := math.Sqrt(squares / n); math.Abs(dev-3.2) > 12*3.2/math.Sqrt(2*n)+0.02 {
		t.Errorf("standard deviation %v", dev)
	}
}

// TestKeyNoise asserts that the keys are what Lattigo takes them for and that their errors
// are small, for every digit.
func TestKeyNoise(t *testing.T) {
	for name, p := range shapes(t) {
		b := newBench(t, p, 1, 5)
		set := b.eval.EvaluationKeySet
		relin, err := set.GetRelinearizationKey()
		if err != nil {
			t.Fatal(err)
		}
		// log2(3.2) is 1.68; a wrong key would have hundreds of bits.
		if n := rlwe.NoiseRelinearizationKey(relin, b.sk, b.ckks.Parameters); n > 2.5 {
			t.Errorf("%s: relinearisation key has noise of %v bits", name, n)
		}
		for _, r := range []int{1, 5} {
			key, err := set.GetGaloisKey(p.GaloisElement(r))
			if err != nil {
				t.Fatal(err)
			}
			if n := rlwe.NoiseGaloisKey(key, b.sk, b.ckks.Parameters); n > 2.5 {
				t.Errorf("%s: rotation key %d has noise of %v bits", name, r, n)
			}
		}
	}
}

func TestKeysAreDeterminedBySecretAndSeed(t *testing.T) {
	p := named(t, "insecure-10-4")
	ctx := context.Background()
	s, err := lattigo.GenerateSecret(p, stream(1))
	if err != nil {
		t.Fatal(err)
	}
	var calls [][2]int
	all, err := lattigo.GenerateKeys(ctx, s, true, []uint64{25, 5, 25}, stream(2),
		func(done, total int) { calls = append(calls, [2]int{done, total}) })
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(calls, [][2]int{{1, 3}, {2, 3}, {3, 3}}) {
		t.Errorf("progress %v", calls)
	}
	some, err := lattigo.GenerateKeys(ctx, s, false, []uint64{25}, stream(2), nil)
	if err != nil {
		t.Fatal(err)
	}
	need := fhe.KeyNeed{Relin: true, Galois: []uint64{5, 25}}
	grown, err := lattigo.ExtendKeys(ctx, s, some, need, nil)
	if err != nil {
		t.Fatal(err)
	}
	want, err := all.Digest()
	if err != nil {
		t.Fatal(err)
	}
	if got, err := grown.Digest(); err != nil || got != want {
		t.Errorf("keys made in two goes differ from those made at once: %v", err)
	}
	other, err := lattigo.GenerateKeys(ctx, s, true, []uint64{5, 25}, stream(9), nil)
	if err != nil {
		t.Fatal(err)
	}
	if other.Keys[0].B[0].Equal(all.Keys[0].B[0]) {
		t.Error("another seed gave the same key")
	}
}

func TestSecretKeyFile(t *testing.T) {
	p := named(t, "insecure-10-4")
	s, err := lattigo.GenerateSecret(p, stream(1))
	if err != nil {
		t.Fatal(err)
	}
	raw := s.Bytes()
	back, err := lattigo.ParseSecret(p, raw)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(back.Bytes(), raw) {
		t.Error("a parsed key has other bytes")
	}
	counts := [4]int{}
	for _, b := range raw[len(raw)-p.N()/4:] {
		for i := range 4 {
			counts[b>>(2*i)&3]++
		}
	}
	for code, n := range counts[:3] {
		// Ten standard deviations of a binomial with probability 1/3.
		if math.Abs(float64(n)-float64(p.N())/3) > 10*math.Sqrt(float64(p.N())*2/9) {
			t.Errorf("%d coefficients of code %d among %d", n, code, p.N())
		}
	}
	header := len(raw) - p.N()/4
	for name, bad := range map[string][]byte{
		"empty": nil, "truncated": raw[:len(raw)-1], "trailing": append(slices.Clone(raw), 0),
		"magic": edited(raw, 0, 'X'), "version": edited(raw, 4, 9), "name": edited(raw, 9, 'X'),
		"coefficient": edited(raw, header+3, 0x0c),
	} {
		if _, err := lattigo.ParseSecret(p, bad); !errors.Is(err, lattigo.ErrSecret) {
			t.Errorf("%s: %v", name, err)
		}
	}
	_, err = lattigo.ParseSecret(named(t, "insecure-11-4"), raw)
	if !errors.Is(err, lattigo.ErrSecret) {
		t.Errorf("another parameter set: %v", err)
	}
}

func edited(raw []byte, at int, b byte) []byte {
	out := slices.Clone(raw)
	out[at] = b
	return out
}

func TestWipedSecretIsUseless(t *testing.T) {
	p := named(t, "insecure-10-4")
	s, err := lattigo.GenerateSecret(p, stream(1))
	if err != nil {
		t.Fatal(err)
	}
	in := slotInput(p, 2, 0)
	cts, err := lattigo.EncryptVector(s, in, ramp(2), stream(2))
	if err != nil {
		t.Fatal(err)
	}
	s.Wipe()
	if s.Bytes() != nil {
		t.Error("a wiped key has bytes")
	}
	_, err = lattigo.EncryptVector(s, in, ramp(2), stream(2))
	if !errors.Is(err, lattigo.ErrSecret) {
		t.Errorf("encrypt: %v", err)
	}
	if _, err := lattigo.DecryptVector(s, output(in), cts[0]); !errors.Is(err, lattigo.ErrSecret) {
		t.Errorf("decrypt: %v", err)
	}
	_, err = lattigo.GenerateKeys(context.Background(), s, true, nil, stream(2), nil)
	if !errors.Is(err, lattigo.ErrSecret) {
		t.Errorf("generate keys: %v", err)
	}
}

func TestEncryptRefusals(t *testing.T) {
	p := named(t, "insecure-10-4")
	s, err := lattigo.GenerateSecret(p, stream(1))
	if err != nil {
		t.Fatal(err)
	}
	value := func(x float64) func(in *fhe.PlanInput, v []float64) []float64 {
		return func(_ *fhe.PlanInput, v []float64) []float64 { v[1] = x; return v }
	}
	input := func(change func(in *fhe.PlanInput)) func(*fhe.PlanInput, []float64) []float64 {
		return func(in *fhe.PlanInput, v []float64) []float64 { change(in); return v }
	}
	for name, c := range map[string]struct {
		want   error
		change func(in *fhe.PlanInput, v []float64) []float64
	}{
		"too few": {fhe.ErrOperand, func(_ *fhe.PlanInput, v []float64) []float64 {
			return v[1:]
		}},
		"beyond":     {fhe.ErrRange, value(4.01)},
		"not finite": {fhe.ErrRange, value(math.NaN())},
		"infinite":   {fhe.ErrRange, value(math.Inf(-1))},
		"level":      {fhe.ErrRange, input(func(in *fhe.PlanInput) { in.Level = 4 })},
		"negative":   {fhe.ErrRange, input(func(in *fhe.PlanInput) { in.Level = -1 })},
		"period":     {fhe.ErrOperand, input(func(in *fhe.PlanInput) { in.Period = 3 })},
		"count":      {fhe.ErrOperand, input(func(in *fhe.PlanInput) { in.Count = 2 })},
		"wraps":      {fhe.ErrRange, input(func(in *fhe.PlanInput) { in.Bound, in.Level = 1<<6, 0 })},
	} {
		in := slotInput(p, 4, 1)
		values := c.change(&in, ramp(4))
		if _, err := lattigo.EncryptVector(s, in, values, stream(2)); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	dry := iotest.ErrReader(errors.New("dry"))
	_, err = lattigo.EncryptVector(s, slotInput(p, 4, 1), ramp(4), dry)
	if !errors.Is(err, lattigo.ErrRandom) {
		t.Errorf("dry source: %v", err)
	}
	if _, err := lattigo.GenerateSecret(p, dry); !errors.Is(err, lattigo.ErrRandom) {
		t.Errorf("dry source: %v", err)
	}
	_, err = lattigo.GenerateKeys(context.Background(), s, true, []uint64{4}, stream(2), nil)
	if !errors.Is(err, fhe.ErrRange) {
		t.Errorf("even Galois element: %v", err)
	}
}

func TestDecryptRefusals(t *testing.T) {
	p := named(t, "insecure-10-4")
	b := newBench(t, p)
	in := slotInput(p, 4, 1)
	for name, c := range map[string]struct {
		want   error
		change func(out *fhe.PlanOutput, ct *fhe.Ciphertext)
	}{
		"stated scale": {fhe.ErrOperand, func(_ *fhe.PlanOutput, ct *fhe.Ciphertext) {
			ct.Scale = ct.Scale.MulInt(2)
		}},
		"stated level": {fhe.ErrOperand, func(_ *fhe.PlanOutput, ct *fhe.Ciphertext) { ct.Level = 0 }},
		"limbs": {fhe.ErrFormat, func(_ *fhe.PlanOutput, ct *fhe.Ciphertext) {
			ct.C[1].Limbs = ct.C[1].Limbs[:1]
		}},
		"residue": {fhe.ErrFormat, func(_ *fhe.PlanOutput, ct *fhe.Ciphertext) {
			ct.C[0].Limbs[1][5] = p.Q(1)
		}},
		"level": {fhe.ErrRange, func(out *fhe.PlanOutput, ct *fhe.Ciphertext) {
			out.Level, ct.Level = 9, 9
		}},
	} {
		cts, err := lattigo.EncryptVector(b.secret, in, ramp(4), stream(2))
		if err != nil {
			t.Fatal(err)
		}
		out := output(in)
		c.change(&out, &cts[0])
		if _, err := lattigo.DecryptVector(b.secret, out, cts[0]); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestSecretKeySample reads the committed sample, which later versions must still read.
func TestSecretKeySample(t *testing.T) {
	const path = "testdata/formats/v1/secret.bin"
	p := shaped(t, 4, 1, 1)
	s, err := lattigo.GenerateSecret(p, stream(1))
	if err != nil {
		t.Fatal(err)
	}
	if *rewrite {
		if err := os.WriteFile(path, s.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	sample, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	back, err := lattigo.ParseSecret(p, sample)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(back.Bytes(), sample) || !bytes.Equal(s.Bytes(), sample) {
		t.Error("the sample is not what is written today")
	}
}

// FuzzParseSecret asserts that whatever is accepted is canonical.
func FuzzParseSecret(f *testing.F) {
	p := shaped(f, 4, 1, 1)
	s, err := lattigo.GenerateSecret(p, stream(1))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(s.Bytes())
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := lattigo.ParseSecret(p, data)
		if err == nil && !bytes.Equal(s.Bytes(), data) {
			t.Fatal("accepted a file that is written differently")
		}
	})
}
