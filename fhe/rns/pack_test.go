package rns_test

import (
	"bytes"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"testing"

	"github.com/cerberus-host/cerberus/fhe/rns"
)

// packModuli need not be prime: packing only looks at the width and the bound.
func packModuli() []uint64 {
	return []uint64{
		2, 3, 4, 5, 255, 256, 257, 65537, 1 << 40, 1<<40 + 1, 1099511480321,
		70368743669761, 1125899906826241, 1<<56 - 1, 1 << 56,
	}
}

// packSlowly is the format written down a second time: one big integer.
func packSlowly(coeffs []uint64, q uint64) []byte {
	stream, width := new(big.Int), rns.ResidueBits(q)
	for _, c := range slices.Backward(coeffs) {
		stream.Or(stream.Lsh(stream, uint(width)), new(big.Int).SetUint64(c))
	}
	out := stream.FillBytes(make([]byte, (len(coeffs)*width+7)/8))
	slices.Reverse(out)
	return out
}

func TestPackFormatAndRoundTrip(t *testing.T) {
	rng := testRand()
	for _, q := range packModuli() {
		for n := range 90 {
			coeffs := randomPoly(rng, n, q)
			for i := range coeffs {
				if rng.IntN(4) == 0 {
					coeffs[i] = edges(q)[rng.IntN(7)] % q
				}
			}
			packed, err := rns.AppendPacked(nil, coeffs, q)
			if err != nil {
				t.Fatal(err)
			}
			if len(packed) != rns.PackedBytes(n, q) || !bytes.Equal(packed, packSlowly(coeffs, q)) {
				t.Fatalf("q=%d n=%d: packed to %x", q, n, packed)
			}
			back := make([]uint64, n)
			if err := rns.Unpack(packed, back, q); err != nil || !slices.Equal(back, coeffs) {
				t.Fatalf("q=%d n=%d: came back as %v, %v", q, n, back, err)
			}
		}
	}
}

func TestPackGolden(t *testing.T) {
	packed, err := rns.AppendPacked([]byte{0xee}, []uint64{1, 2, 4, 0}, 5)
	if err != nil {
		t.Fatal(err)
	}
	// Three bits each: 001 010 100 000 from the right is 1 + 2*8 + 4*64 = 0x111.
	if want := []byte{0xee, 0x11, 0x01}; !bytes.Equal(packed, want) {
		t.Errorf("packed to %x, want %x", packed, want)
	}
}

func TestAppendPackedLeavesTheRestAlone(t *testing.T) {
	buffer := bytes.Repeat([]byte{0xaa}, 64)
	packed, err := rns.AppendPacked(buffer[:3], []uint64{1, 2, 3, 4, 5}, 1<<40)
	if err != nil {
		t.Fatal(err)
	}
	after := bytes.Repeat([]byte{0xaa}, 64-len(packed))
	if len(packed) != 28 || !bytes.Equal(buffer[:3], []byte{0xaa, 0xaa, 0xaa}) ||
		!bytes.Equal(buffer[len(packed):], after) {
		t.Errorf("packing wrote outside its bytes: %x", buffer)
	}
}

func TestPackRefusesUnreducedResidues(t *testing.T) {
	const q, n = 1099511480321, 41
	for _, at := range []int{0, 1, 20, 38, 39, 40} {
		coeffs := make([]uint64, n)
		coeffs[at] = q
		var bad *rns.ResidueError
		dst := []byte("head")
		out, err := rns.AppendPacked(dst, coeffs, q)
		if !errors.As(err, &bad) || !errors.Is(err, rns.ErrResidue) || bad.Index != at {
			t.Errorf("residue %d packed: %v", at, err)
		}
		if string(out) != "head" {
			t.Errorf("failed append returned %q", out)
		}
		bad = nil
		err = rns.Unpack(packSlowly(coeffs, q), make([]uint64, n), q)
		if !errors.As(err, &bad) || bad.Index != at || bad.Modulus != q {
			t.Errorf("residue %d unpacked: %v", at, err)
		}
	}
}

func TestUnpackIsStrict(t *testing.T) {
	const q = 1099511480321 // 40 bits
	coeffs := []uint64{1, 2, 3}
	packed, err := rns.AppendPacked(nil, coeffs, q)
	if err != nil {
		t.Fatal(err)
	}
	for _, src := range [][]byte{nil, packed[:14], append(packed[:15:15], 0)} {
		if err := rns.Unpack(src, make([]uint64, 3), q); !errors.Is(err, rns.ErrLength) {
			t.Errorf("%d bytes: %v", len(src), err)
		}
	}
	for bit := 3; bit < 8; bit++ {
		src := []byte{0x07 | 1<<bit}
		if err := rns.Unpack(src, make([]uint64, 1), 8); !errors.Is(err, rns.ErrPadding) {
			t.Errorf("padding bit %d: %v", bit, err)
		}
	}
	for _, q := range []uint64{0, 1, 1<<56 + 1, ^uint64(0)} {
		if err := rns.Unpack(nil, nil, q); !errors.Is(err, rns.ErrModulus) {
			t.Errorf("unpack modulo %d: %v", q, err)
		}
		if _, err := rns.AppendPacked(nil, nil, q); !errors.Is(err, rns.ErrModulus) {
			t.Errorf("pack modulo %d: %v", q, err)
		}
	}
}

// FuzzUnpack checks that whatever is accepted is the one encoding of what it says.
func FuzzUnpack(f *testing.F) {
	f.Add([]byte{0x11, 0x01}, uint64(5), uint16(4))
	f.Add([]byte{0xff, 0xff, 0xff}, uint64(1<<20), uint16(1))
	f.Add(bytes.Repeat([]byte{1}, 47), uint64(1<<46), uint16(8))
	f.Fuzz(func(t *testing.T, src []byte, q uint64, n uint16) {
		coeffs := make([]uint64, n)
		if err := rns.Unpack(src, coeffs, q); err != nil {
			return
		}
		if n > 0 && slices.Max(coeffs) >= q {
			t.Fatalf("accepted a residue that is not below %d", q)
		}
		packed, err := rns.AppendPacked(nil, coeffs, q)
		if err != nil || !bytes.Equal(packed, src) {
			t.Fatalf("accepted %x, which packs to %x, %v", src, packed, err)
		}
	})
}

func BenchmarkPack(b *testing.B) {
	for _, q := range []uint64{1099511480321, 70368743669761, 1125899906826241} {
		coeffs := randomPoly(testRand(), 1<<14, q)
		packed, err := rns.AppendPacked(nil, coeffs, q)
		if err != nil {
			b.Fatal(err)
		}
		b.Run(fmt.Sprintf("append/%d", rns.ResidueBits(q)), func(b *testing.B) {
			b.SetBytes(int64(len(packed)))
			for b.Loop() {
				if packed, err = rns.AppendPacked(packed[:0], coeffs, q); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(fmt.Sprintf("unpack/%d", rns.ResidueBits(q)), func(b *testing.B) {
			b.SetBytes(int64(len(packed)))
			for b.Loop() {
				if err = rns.Unpack(packed, coeffs, q); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
