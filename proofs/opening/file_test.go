package opening_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/consensys/gnark-crypto/ecc/bn254"

	"github.com/cerberus-host/cerberus/proofs/opening"
)

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

// TestFolder: a setup is made once and found again, and a folder with something else in it is
// left alone.
func TestFolder(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "new", "setup")
	if _, err := opening.Load(folder); !errors.Is(err, fs.ErrNotExist) {
		t.Fatalf("no folder: error %v", err)
	}
	steps := 0
	tell := func(done, total int, _ string) {
		if done < 0 || done > total {
			t.Errorf("step %d of %d", done, total)
		}
		steps++
	}
	ctx := context.Background()
	first, err := opening.LoadDevelopment(ctx, folder, 16, tell)
	if err != nil {
		t.Fatal(err)
	}
	made := steps
	second, err := opening.LoadDevelopment(ctx, folder, 16, tell)
	if err != nil {
		t.Fatal(err)
	}
	if made == 0 || steps != made || second.Verifier().Digest() != first.Verifier().Digest() {
		t.Errorf("%d steps, then %d: made again", made, steps-made)
	}
	if err := first.Save(folder); !errors.Is(err, fs.ErrExist) {
		t.Errorf("a folder with a setup: error %v", err)
	}
	if left, err := filepath.Glob(filepath.Dir(folder) + "/*"); err != nil || len(left) != 1 {
		t.Errorf("left behind: %v, error %v", left, err)
	}
	if _, err := opening.LoadDevelopment(ctx, folder, 32, tell); !errors.Is(err, opening.ErrSetup) {
		t.Errorf("another size: error %v", err)
	}
	name := filepath.Join(folder, opening.ProvingFile)
	if err := os.Truncate(name, 100); err != nil {
		t.Fatal(err)
	}
	if _, err := opening.LoadDevelopment(ctx, folder, 16, tell); !errors.Is(err, opening.ErrSetup) {
		t.Errorf("a truncated file: error %v", err)
	}
	cancelled, cancel := context.WithCancel(ctx)
	cancel()
	_, err = opening.LoadDevelopment(cancelled, filepath.Join(t.TempDir(), "setup"), 16, nil)
	if !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: error %v", err)
	}
}

// TestRefuseBasis: a proving file whose basis has a point at infinity or one point twice is
// refused, checksum or not.
func TestRefuseBasis(t *testing.T) {
	const size = 16
	setup, err := opening.NewDevelopment(context.Background(), size, nil)
	if err != nil {
		t.Fatal(err)
	}
	var verifying, proving bytes.Buffer
	if err := errors.Join(setup.WriteVerifier(&verifying), setup.WriteProver(&proving)); err != nil {
		t.Fatal(err)
	}
	basis := setup.Basis()
	raw := func(i int) []byte { b := basis[i].RawBytes(); return b[:] }
	infinity := new(bn254.G1Affine).RawBytes()
	off := raw(3)
	off = append(bytes.Clone(off[:63]), off[63]^1)
	for what, point := range map[string][]byte{
		"infinity": infinity[:], "a repeated point": raw(4), "off the curve": off,
		"zeros": make([]byte, 64), "not canonical": bytes.Repeat([]byte{0x3f}, 64),
	} {
		b := bytes.Clone(proving.Bytes())
		at := bytes.Index(b, raw(3))
		copy(b[at:], point)
		sum := sha256.Sum256(b[:len(b)-sha256.Size])
		copy(b[len(b)-sha256.Size:], sum[:])
		_, err := opening.ReadSetup(verifying.Bytes(), bytes.NewReader(b))
		if !errors.Is(err, opening.ErrSetup) {
			t.Errorf("%s: error %v", what, err)
		}
	}
}

// TestRefuseKind: what the header says must make sense.
func TestRefuseKind(t *testing.T) {
	setup, err := opening.NewDevelopment(context.Background(), 16, nil)
	if err != nil {
		t.Fatal(err)
	}
	var file bytes.Buffer
	if err := setup.WriteVerifier(&file); err != nil {
		t.Fatal(err)
	}
	kind := bytes.IndexByte(file.Bytes(), '\n') + 1
	for _, code := range []byte{0, 2, 3, 255} { // 2: a ceremony without a transcript
		b := bytes.Clone(file.Bytes())
		b[kind] = code
		if _, err := opening.ParseVerifier(b); !errors.Is(err, opening.ErrSetup) {
			t.Errorf("kind %d: error %v", code, err)
		}
	}
	for _, size := range []byte{0, 8, 15, 32} {
		b := bytes.Clone(file.Bytes())
		b[kind+4] = size
		if _, err := opening.ParseVerifier(b); !errors.Is(err, opening.ErrSetup) {
			t.Errorf("size %d: error %v", size, err)
		}
	}
}

// FuzzParseVerifier: the parser never fails otherwise than with its error, and what it takes
// is canonical.
func FuzzParseVerifier(f *testing.F) {
	setup, err := opening.NewDevelopment(context.Background(), 16, nil)
	if err != nil {
		f.Fatal(err)
	}
	var file bytes.Buffer
	if err := setup.WriteVerifier(&file); err != nil {
		f.Fatal(err)
	}
	f.Add(file.Bytes())
	f.Add(file.Bytes()[:90])
	f.Fuzz(func(t *testing.T, data []byte) {
		v, err := opening.ParseVerifier(data)
		if err != nil {
			if !errors.Is(err, opening.ErrSetup) {
				t.Fatalf("error %v", err)
			}
			return
		}
		if opening.VerifyingBytes(v.Size()) != len(data) {
			t.Errorf("%d bytes for %d elements", len(data), v.Size())
		}
	})
}
