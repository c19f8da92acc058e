package keyset_test

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/consensys/gnark-crypto/ecc/bn254"

	"github.com/cerberus-host/cerberus/abi"
	"github.com/cerberus-host/cerberus/fhe"
	"github.com/cerberus-host/cerberus/fhe/fhetest"
	"github.com/cerberus-host/cerberus/fhe/rns"
	"github.com/cerberus-host/cerberus/proofs/identity"
	"github.com/cerberus-host/cerberus/proofs/keyset"
	"github.com/cerberus-host/cerberus/proofs/opening"
	"github.com/cerberus-host/cerberus/proofs/protocol"
)

// size is the opening's: a polynomial of the test's ring takes two blocks.
const size = 16

func tinyParams(t testing.TB) *fhe.Params {
	t.Helper()
	set, err := rns.GeneratePrimes(rns.PrimeShape{
		LogN: 5, FirstBits: 46, ScaleBits: 40, SpecialBits: 50, QCount: 3, PCount: 2,
	})
	if err != nil {
		t.Fatal(err)
	}
	set.Name = "insecure-tiny"
	p, err := fhe.NewParams(set)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// scene is a key set with its commitments.
type scene struct {
	keys   *fhe.KeySet
	digest abi.Digest
	setup  opening.Prover
	made   *keyset.Commitments
}

func newScene(t testing.TB) *scene {
	t.Helper()
	p := tinyParams(t)
	s := &scene{}
	var err error
	s.keys, err = fhetest.UniformKeys(p, fhe.KeyNeed{
		Relin: true, Galois: slices.Sorted(slices.Values([]uint64{
			p.GaloisElement(1), p.GaloisElement(2),
		})),
	})
	if err != nil {
		t.Fatal(err)
	}
	if s.digest, err = s.keys.Digest(); err != nil {
		t.Fatal(err)
	}
	if s.setup, err = opening.NewClear(size); err != nil {
		t.Fatal(err)
	}
	s.made, err = keyset.Commit(t.Context(), s.keys, s.digest, s.setup, keyset.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func (s *scene) check(c *keyset.Commitments) (*keyset.Checked, error) {
	return c.Check(context.Background(), s.keys, s.digest, s.setup.Verifier())
}

// TestCommitments: honest commitments are those that a System asks for, whatever the number
// of workers was, and survive their encoding.
func TestCommitments(t *testing.T) {
	s := newScene(t)
	parsed, err := keyset.Parse(s.made.Encode())
	if err != nil {
		t.Fatal(err)
	}
	checked, err := s.check(parsed)
	if err != nil {
		t.Fatal(err)
	}
	if checked.KeySet() != s.digest || checked.Setup() != s.setup.Verifier().Digest() ||
		checked.Digest() != abi.SumDigest(s.made.Encode()) {
		t.Error("another identity than the one that was committed to")
	}
	progress := 0
	one, err := keyset.Commit(t.Context(), s.keys, s.digest, s.setup, keyset.Options{
		Workers: 1, OnProgress: func(done, _ int) { progress = max(progress, done) },
	})
	if err != nil || !bytes.Equal(one.Encode(), s.made.Encode()) {
		t.Errorf("another encoding with one worker, error %v", err)
	}
	if want := keyset.Blocks(s.keys.Params, len(s.keys.Keys), size); progress != want {
		t.Errorf("progress ends at %d of %d", progress, want)
	}
	restored, err := keyset.Restore(s.keys.Params, checked.Bytes())
	if err != nil || restored.Digest() != checked.Digest() {
		t.Errorf("restored %v", err)
	}
	s.compare(t, restored)
}

// compare holds commitments against those of every single key polynomial of a System.
func (s *scene) compare(t *testing.T, checked *keyset.Checked) {
	t.Helper()
	system := rotation(t, s.keys.Params)
	points, err := checked.For(system, s.setup.Verifier())
	if err != nil {
		t.Fatal(err)
	}
	v := s.setup.Verifier()
	sh, err := protocol.NewShape(system, v.Size(), v.OpeningBytes())
	if err != nil {
		t.Fatal(err)
	}
	if len(points) == 0 || len(points) != len(sh.Keys) {
		t.Fatalf("%d commitments for %d polynomials", len(points), len(sh.Keys))
	}
	public := &identity.Publics{Params: s.keys.Params, Keys: s.keys}
	for i, poly := range sh.Keys {
		w, err := public.Coeffs(system, poly)
		if err != nil {
			t.Fatal(err)
		}
		for b := range sh.Blocks {
			want, err := s.setup.Commit(w[b*size : (b+1)*size])
			if err != nil {
				t.Fatal(err)
			}
			if !want.Equal(&points[i][b]) {
				t.Errorf("block %d of polynomial %d is another", b, i)
			}
		}
	}
}

// rotation is the System of one rotation, one level below the top.
func rotation(t *testing.T, p *fhe.Params) *identity.System {
	t.Helper()
	b := fhetest.NewPlanBuilder(p, abi.PackSlots)
	in := b.Input(p.MaxLevel()-1, fhetest.HalfBits(p))
	b.Output(b.Rotate(in, fhe.NoReg, p.GaloisElement(1)))
	s, err := identity.Build(b.Compiled().Plan, identity.Options{CommittedKeys: true})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestForgeKeyCommitments: commitments to other keys are refused, one point's change
// suffices, and so does a change of what they claim to be of.
func TestForgeKeyCommitments(t *testing.T) {
	s := newScene(t)
	honest := s.made.Encode()
	const points = 4 + 2 + 64 + 12 + 3*8
	blocks := keyset.Blocks(s.keys.Params, 3, size)
	swap := func(a, b int) func([]byte) {
		return func(d []byte) {
			x, y := d[points+a*64:][:64], d[points+b*64:][:64]
			z := bytes.Clone(x)
			copy(x, y)
			copy(y, z)
		}
	}
	for name, change := range map[string]func([]byte){
		"two points of one polynomial": swap(0, 1),
		"points of two keys":           swap(0, blocks-1),
		"a doubled point": func(d []byte) {
			var p bn254.G1Affine
			if _, err := p.SetBytes(d[points:][:64]); err != nil {
				t.Fatal(err)
			}
			p.Double(&p)
			raw := p.RawBytes()
			copy(d[points:], raw[:])
		},
		"infinity":          func(d []byte) { clear(d[points:][:64]) },
		"another opening":   func(d []byte) { d[len(d)-1] ^= 1 },
		"another key set":   func(d []byte) { d[6] ^= 1 },
		"another setup":     func(d []byte) { d[6+32] ^= 1 },
		"another key's":     func(d []byte) { d[points-8] ^= 4 },
		"another blocksize": func(d []byte) { d[6+64] ^= 1 },
	} {
		data := bytes.Clone(honest)
		change(data)
		c, err := keyset.Parse(data)
		if err == nil {
			_, err = s.check(c)
		}
		if !errors.Is(err, keyset.ErrKeys) {
			t.Errorf("%s: error %v", name, err)
		}
	}
	// Whole commitments, with an opening of their own, that say that they are of another key
	// set.
	named, err := keyset.Commit(t.Context(), s.keys, abi.SumDigest([]byte("other")), s.setup,
		keyset.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.check(named); !errors.Is(err, keyset.ErrKeys) {
		t.Errorf("another key set from the start: error %v", err)
	}
	relabelled, err := keyset.Relabel(t.Context(), s.made, s.keys, s.setup, []uint64{0, 5, 7})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.check(relabelled); !errors.Is(err, keyset.ErrKeys) {
		t.Errorf("other names for the keys: error %v", err)
	}
	// A key that differs in one coefficient, under the same digest.
	s.keys.Keys[1].B[0].Limbs[0][7] ^= 1
	if _, err := s.check(s.made); !errors.Is(err, keyset.ErrKeys) {
		t.Errorf("another coefficient: error %v", err)
	}
	s.keys.Keys[1].B[0].Limbs[0][7] ^= 1
	s.keys.Seed[0] ^= 1
	if _, err := s.check(s.made); !errors.Is(err, keyset.ErrKeys) {
		t.Errorf("another seed: error %v", err)
	}
}

// TestRefuseKeyCommitments: what cannot be committed to or asked for.
func TestRefuseKeyCommitments(t *testing.T) {
	s := newScene(t)
	commit := func(ctx context.Context, keys *fhe.KeySet) error {
		_, err := keyset.Commit(ctx, keys, s.digest, s.setup, keyset.Options{})
		return err
	}
	if err := commit(t.Context(), nil); !errors.Is(err, keyset.ErrKeys) {
		t.Errorf("no keys: %v", err)
	}
	ended, stop := context.WithCancel(t.Context())
	stop()
	if err := commit(ended, s.keys); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	if _, err := s.made.Check(ended, s.keys, s.digest, s.setup.Verifier()); !errors.Is(err,
		context.Canceled) {
		t.Errorf("cancelled check: %v", err)
	}
	checked, err := s.check(s.made)
	if err != nil {
		t.Fatal(err)
	}
	other, err := opening.NewClear(2 * size)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := checked.For(rotation(t, s.keys.Params), other); !errors.Is(err, keyset.ErrKeys) {
		t.Errorf("another setup: %v", err)
	}
	b := fhetest.NewPlanBuilder(s.keys.Params, abi.PackSlots)
	b.Output(b.Rotate(b.Input(1, 30), fhe.NoReg, s.keys.Params.GaloisElement(3)))
	lacking, err := identity.Build(b.Compiled().Plan, identity.Options{CommittedKeys: true})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := checked.For(lacking, s.setup.Verifier()); !errors.Is(err, keyset.ErrKeys) {
		t.Errorf("a key that is not there: %v", err)
	}
	s.keys.Keys[0].B[0].Limbs[0][0] = s.keys.Params.ModuliQP()[0]
	if err := commit(t.Context(), s.keys); !errors.Is(err, keyset.ErrKeys) {
		t.Errorf("a residue that is not reduced: %v", err)
	}
}

// FuzzParse: what is read is what would be written.
func FuzzParse(f *testing.F) {
	honest := newScene(f).made.Encode()
	f.Add(honest)
	f.Add(honest[:len(honest)-1])
	f.Add(append(bytes.Clone(honest), 0))
	f.Add([]byte("CKSC"))
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := keyset.Parse(data)
		if err != nil {
			if !errors.Is(err, keyset.ErrFormat) {
				t.Fatal(err)
			}
			return
		}
		if !bytes.Equal(c.Encode(), data) {
			t.Fatal("two encodings of the same commitments")
		}
	})
}

// TestFormat: every prefix and every changed count is refused.
func TestFormat(t *testing.T) {
	honest := newScene(t).made.Encode()
	for n := range honest {
		if _, err := keyset.Parse(honest[:n]); !errors.Is(err, keyset.ErrFormat) {
			t.Fatalf("%d bytes: %v", n, err)
		}
	}
	for name, at := range map[string]int{
		"magic": 0, "version": 4, "size": 6 + 64 + 3, "elements": 6 + 68, "points": 6 + 72,
		"elements beyond": 6 + 71, "points beyond": 6 + 75,
	} {
		data := bytes.Clone(honest)
		data[at] ^= 0x80
		if _, err := keyset.Parse(data); !errors.Is(err, keyset.ErrFormat) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := keyset.Parse(append(bytes.Clone(honest), 0)); !errors.Is(err, keyset.ErrFormat) {
		t.Errorf("a byte behind the end: %v", err)
	}
}
