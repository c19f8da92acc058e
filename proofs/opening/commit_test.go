package opening

import (
	"math"
	"math/big"
	"math/rand/v2"
	"testing"

	"github.com/consensys/gnark-crypto/ecc"
	"github.com/consensys/gnark-crypto/ecc/bn254"
	"github.com/consensys/gnark-crypto/ecc/bn254/fr"
)

// TestReduce sums runs in which points repeat, cancel and are infinite: a basis does not have
// such points, but sums of its points may be.
func TestReduce(t *testing.T) {
	g, err := bn254.HashToG1([]byte("some point"), []byte("test"))
	if err != nil {
		t.Fatal(err)
	}
	multiples := make([]bn254.G1Affine, 8) // 0, 1, 2, 3 times the point, and negated
	for i := range 4 {
		multiples[2*i].ScalarMultiplication(&g, big.NewInt(int64(i)))
		multiples[2*i+1].Neg(&multiples[2*i])
	}
	r := rand.New(rand.NewPCG(1, 2))
	for range 50 {
		a := &adder{}
		const keys = 6
		var want [keys]bn254.G1Affine
		for k := range keys {
			begin := len(a.points)
			for range r.IntN(20) {
				p := multiples[r.IntN(len(multiples))]
				a.points = append(a.points, p)
				want[k].Add(&want[k], &p)
			}
			a.runs = append(a.runs, run{key: k, begin: begin, end: len(a.points)})
		}
		var got [keys]bn254.G1Affine
		a.reduce(got[:])
		if got != want {
			t.Fatalf("got %v instead of %v", got, want)
		}
	}
}

// TestDigits puts coefficients together again from their digits.
func TestDigits(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	values := []int64{0, 1, -1, buckets, -buckets, buckets + 1, 1<<commitBits - 1, 1 - 1<<commitBits}
	for range 1000 {
		values = append(values, r.Int64N(1<<r.IntN(commitBits))-r.Int64N(1<<r.IntN(commitBits)))
	}
	for _, want := range values {
		var got int64
		digits(want, func(window, bucket int, negative bool) {
			if window >= windows || bucket < 0 || bucket >= buckets {
				t.Fatalf("%d: window %d, bucket %d", want, window, bucket)
			}
			d := int64(bucket+1) << (windowBits * window)
			if negative {
				d = -d
			}
			got += d
		})
		if got != want {
			t.Errorf("got %d instead of %d", got, want)
		}
	}
	if magnitude(math.MinInt64) != 1<<63 {
		t.Error("the least integer has no magnitude")
	}
}

// BenchmarkCommitReference is what BenchmarkCommit is compared with: gnark-crypto's
// multi-exponentiation over negated points and absolute values.
func BenchmarkCommitReference(b *testing.B) {
	const size = 8192
	c, err := NewClear(size)
	if err != nil {
		b.Fatal(err)
	}
	r := rand.New(rand.NewPCG(1, 2))
	points, scalars := make([]bn254.G1Affine, size), make([]fr.Element, size)
	for b.Loop() {
		for i := range points {
			w := r.Int64N(1<<51) - 1<<50
			points[i] = c.basis.points[0][i]
			if w < 0 {
				points[i].Neg(&points[i])
			}
			scalars[i].SetUint64(magnitude(w))
		}
		var out bn254.G1Affine
		if _, err := out.MultiExp(points, scalars, ecc.MultiExpConfig{NbTasks: 1}); err != nil {
			b.Fatal(err)
		}
	}
}
