package rns_test

import (
	"crypto/sha3"
	"encoding/binary"
	"errors"
	"math/bits"
	"slices"
	"testing"

	"github.com/cerberus-host/cerberus/fhe/rns"
)

func testSeed() (seed [rns.SeedBytes]byte) {
	for i := range seed {
		seed[i] = byte(i)
	}
	return seed
}

func expand(tb testing.TB, n int, q uint64, domain string, index ...uint64) []uint64 {
	tb.Helper()
	dst := make([]uint64, n)
	if err := rns.ExpandUniform(dst, q, testSeed(), domain, index...); err != nil {
		tb.Fatal(err)
	}
	return dst
}

// expandFromTheComment is the doc comment of ExpandUniform, implemented a second time.
func expandFromTheComment(n int, q uint64, domain string, index ...uint64) []uint64 {
	number := func(x uint64) []byte { return binary.LittleEndian.AppendUint64(nil, x) }
	seed := testSeed()
	input := slices.Concat(number(23), []byte("cerberus/rns/uniform/v1"),
		number(uint64(len(domain))), []byte(domain), number(32), seed[:], number(uint64(len(index))))
	for _, i := range index {
		input = append(input, number(i)...)
	}
	input = append(input, number(q)...)
	w := bits.Len64(q - 1)
	b := (w + 7) / 8
	stream := sha3.SumSHAKE128(input, 4*b*n+4096)
	var out []uint64
	for at := 0; len(out) < n; at += b {
		candidate := uint64(0)
		for i := range b {
			candidate |= uint64(stream[at+i]) << (8 * i)
		}
		if candidate &= 1<<w - 1; candidate < q {
			out = append(out, candidate)
		}
	}
	return out
}

func TestExpandFollowsItsComment(t *testing.T) {
	for _, q := range []uint64{2, 5, 256, 257, 65537, 1<<40 + 1, 1099511922689, 1125899906826241} {
		for _, n := range []int{0, 1, 7, 2000} {
			if got := expand(t, n, q, "test", 3, 1); !slices.Equal(got,
				expandFromTheComment(n, q, "test", 3, 1)) {
				t.Errorf("q=%d n=%d differs", q, n)
			}
		}
	}
}

// TestExpandGolden pins the format: a change here breaks every seed-compressed key.
func TestExpandGolden(t *testing.T) {
	got := expand(t, 4, 1099511922689, "golden", 0, 1)
	want := []uint64{453637897722, 178184593441, 155729487005, 1039923351206}
	if !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestExpandSeparatesItsInputs(t *testing.T) {
	const q = 70368743669761
	base := expand(t, 8, q, "domain", 1, 2)
	seed := testSeed()
	seed[31] ^= 1
	other := make([]uint64, 8)
	if err := rns.ExpandUniform(other, q, seed, "domain", 1, 2); err != nil {
		t.Fatal(err)
	}
	for name, poly := range map[string][]uint64{
		"seed":           other,
		"domain":         expand(t, 8, q, "domaim", 1, 2),
		"index":          expand(t, 8, q, "domain", 1, 3),
		"index order":    expand(t, 8, q, "domain", 2, 1),
		"index count":    expand(t, 8, q, "domain", 1),
		"modulus":        expand(t, 8, q+2, "domain", 1, 2),
		"no index":       expand(t, 8, q, "domain"),
		"index in label": expand(t, 8, q, "domain\x01", 2),
	} {
		if slices.Equal(poly, base) {
			t.Errorf("%s does not matter", name)
		}
	}
	if long := expand(t, 5000, q, "domain", 1, 2); !slices.Equal(long[:8], base) {
		t.Error("a longer expansion does not begin with the shorter one")
	}
}

func TestExpandIsSpreadOverTheRange(t *testing.T) {
	const n, buckets = 1 << 14, 16
	q := uint64(1099511922689)
	var counts [buckets]int
	for _, c := range expand(t, n, q, "spread") {
		if c >= q {
			t.Fatalf("%d is not below %d", c, q)
		}
		counts[c/(q/buckets+1)]++
	}
	for i, c := range counts {
		// Six standard deviations of a binomial count around 1024.
		if c < n/buckets-186 || c > n/buckets+186 {
			t.Errorf("bucket %d of %d holds %d", i, buckets, c)
		}
	}
}

func TestExpandRefusals(t *testing.T) {
	for _, q := range []uint64{0, 1, 1<<56 + 1} {
		if err := rns.ExpandUniform(nil, q, testSeed(), "x"); !errors.Is(err, rns.ErrModulus) {
			t.Errorf("q=%d: %v", q, err)
		}
	}
}

func BenchmarkExpand(b *testing.B) {
	dst := make([]uint64, 1<<14)
	b.SetBytes(int64(len(dst) * 8))
	for b.Loop() {
		if err := rns.ExpandUniform(dst, 1125899906826241, testSeed(), "bench"); err != nil {
			b.Fatal(err)
		}
	}
}
