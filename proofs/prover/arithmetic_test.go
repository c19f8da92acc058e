package prover

import (
	"math/big"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/consensys/gnark-crypto/ecc/bn254/fr"

	"github.com/cerberus-host/cerberus/fhe/rns"
	"github.com/cerberus-host/cerberus/proofs/identity"
)

// edges are coefficients at which signs, words and bounds change.
func edges(r *rand.Rand, n int) []int64 {
	out := []int64{0, 1, -1, 1 << 48, -1 << 48, 1<<60 - 1, 1 - 1<<60, 1<<61 - 1, -1 << 61}
	for len(out) < n {
		out = append(out, r.Int64()>>3*(1-2*r.Int64N(2)))
	}
	return out[:n]
}

// TestInteger: integers come back from their residues, signs and halves of the product
// included, and fall into the parts that package identity cuts.
func TestInteger(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, width := range []int{20, 90, 150, 216} {
		words, err := newWords(width, 6)
		if err != nil {
			t.Fatal(err)
		}
		c, err := newChinese(words)
		if err != nil {
			t.Fatal(err)
		}
		half := new(big.Int).Rsh(c.bigProduct(), 1)
		list := []*big.Int{new(big.Int), half, new(big.Int).Neg(half)}
		for range 200 {
			x := new(big.Int)
			for range 4 {
				x.Lsh(x, 64).Add(x, new(big.Int).SetUint64(r.Uint64()))
			}
			x.Rsh(x, uint(256-width+r.IntN(width)))
			list = append(list, x, new(big.Int).Neg(x))
		}
		for _, x := range list {
			var residues [wordsMax]uint64
			for i, w := range words {
				residues[i] = new(big.Int).Mod(x, new(big.Int).SetUint64(w.q)).Uint64()
			}
			got, negative := c.integer(&residues)
			back := bigOf(got)
			if negative {
				back.Neg(back)
			}
			if back.Cmp(x) != 0 {
				t.Fatalf("%d bits: %v instead of %v", width, back, x)
			}
			parts := make([][]int64, (width+identity.PartBits-1)/identity.PartBits)
			for i := range parts {
				parts[i] = make([]int64, 1)
			}
			want, err := identity.SplitParts(x, len(parts))
			if ok := split(parts, 0, got, negative); ok != (err == nil) && x.BitLen() <= width {
				t.Fatalf("%v: fits %t, error %v", x, ok, err)
			} else if ok && !slices.Equal(slices.Concat(parts...), want) {
				t.Fatalf("%v: parts %v instead of %v", x, parts, want)
			}
		}
	}
	if _, err := newWords(255, 6); err == nil {
		t.Error("quotients of 255 bits are accepted")
	}
}

func (c *chinese) bigProduct() *big.Int { return bigOf(c.product) }

func bigOf(words [wordsMax]uint64) *big.Int {
	out := new(big.Int)
	for i := len(words) - 1; i >= 0; i-- {
		out.Lsh(out, 64).Add(out, new(big.Int).SetUint64(words[i]))
	}
	return out
}

// TestSplitRefuses: an integer beyond its parts is not cut.
func TestSplitRefuses(t *testing.T) {
	for _, words := range [][wordsMax]uint64{{0, 1 << 63}, {0, 0, 1}, {0, 0, 0, 1 << 63}} {
		if split([][]int64{{0}, {0}}, 0, words, false) {
			t.Errorf("%x fits two parts", words)
		}
	}
}

// TestWord: products, sums and transforms modulo a prime are those of package rns, for a
// prime above all coefficients and for one below.
func TestWord(t *testing.T) {
	const logN, n = 4, 1 << 4
	large, err := newWords(50, logN)
	if err != nil {
		t.Fatal(err)
	}
	primes, err := rns.PrimesBelow(30, logN, 1)
	if err != nil {
		t.Fatal(err)
	}
	small, err := newWord(primes[0], logN)
	if err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(3, 4))
	for _, w := range []*word{large[0], large[1], small} {
		a, b := edges(r, n), edges(r, n)
		x, err := w.transform(a)
		if err != nil {
			t.Fatal(err)
		}
		y, err := w.transform(b)
		if err != nil {
			t.Fatal(err)
		}
		product := make([]uint64, n)
		w.mul(product, x, y)
		sum, out := newWide(n), make([]uint64, n)
		for range sumsMax { // as many as fit
			sum.add(product, w.q-1)
		}
		sum.flush(w, out)
		if err := w.table.Inverse(out); err != nil {
			t.Fatal(err)
		}
		ra, rb := make([]uint64, n), make([]uint64, n)
		for i := range ra {
			ra[i], rb[i] = residue(a[i], w.m), residue(b[i], w.m)
		}
		want, err := w.m.MulNegacyclic(ra, rb)
		if err != nil {
			t.Fatal(err)
		}
		for i := range want {
			want[i] = w.m.Mul(want[i], w.m.Neg(w.m.Reduce(sumsMax)))
			if got := w.m.Mul(out[i], w.radix); got != want[i] {
				t.Fatalf("modulo %d, coefficient %d: %d instead of %d", w.q, i, got, want[i])
			}
		}
	}
}

// TestWidePlain: sums of coefficients with their offset, as many as fit.
func TestWidePlain(t *testing.T) {
	words, err := newWords(1, 4)
	if err != nil {
		t.Fatal(err)
	}
	w := words[0]
	for _, c := range []int64{0, 1 << 60, -1 << 60, 5} {
		sum, out := newWide(1), make([]uint64, 1)
		for range sumsMax {
			sum.addPlain([]int64{c}, w.q-1)
		}
		sum.flush(w, out)
		want := w.m.Mul(w.m.Add(residue(c, w.m), plainOffset), w.m.Neg(sumsMax))
		if out[0] != want {
			t.Errorf("%d: %d instead of %d", c, out[0], want)
		}
	}
}

// TestScaleLift: scaled factors are those of package identity, for coefficients of the prime
// and of larger ones.
func TestScaleLift(t *testing.T) {
	primes, err := rns.PrimesBelow(40, 6, 1)
	if err != nil {
		t.Fatal(err)
	}
	m, err := rns.NewModulus(primes[0])
	if err != nil {
		t.Fatal(err)
	}
	q := int64(m.Value())
	w := append(edges(rand.New(rand.NewPCG(11, 12)), 40), q-1, q, 1-q, -q, q/2, -q/2)
	want := make([]int64, len(w))
	for _, by := range []uint64{1, 2, m.Value() / 3, m.Value() - 1} {
		identity.ScaleLift(want, w, by, m)
		if got := scaleLift(w, by, m); !slices.Equal(got, want) {
			t.Errorf("times %d: %v instead of %v", by, got, want)
		}
	}
}

// TestFold: sums of weighed polynomials are those of the field, in more than one stretch.
func TestFold(t *testing.T) {
	const n = foldStretch + 7
	r := rand.New(rand.NewPCG(5, 6))
	f := newFolder()
	var list []weighed
	want := make([]fr.Element, n)
	for k := range 9 {
		p := weighed{w: append(edges(r, n+3), -1<<63, 1<<63-1)}
		p.weight.MustSetRandom()
		if k == 0 {
			p.weight.SetInt64(-1) // the largest
		}
		list = append(list, p)
		for i := range want {
			var x fr.Element
			x.SetInt64(p.w[i+5])
			x.Mul(&x, &p.weight)
			want[i].Add(&want[i], &x)
		}
	}
	out := make([]fr.Element, n)
	f.fold(out, list, 5)
	if !slices.Equal(out, want) {
		t.Error("another sum")
	}
}

// TestRaw: raw elements are integers over 2^256.
func TestRaw(t *testing.T) {
	w := edges(rand.New(rand.NewPCG(7, 8)), 20)
	out := make([]fr.Element, len(w))
	raw(out, w)
	for i := range w {
		var want fr.Element
		want.SetInt64(w[i])
		out[i].Mul(&out[i], &newFolder().low)
		if !out[i].Equal(&want) {
			t.Errorf("%d: %v", w[i], out[i])
		}
	}
}

// TestCosets: the values on all cosets give a polynomial of as many blocks back.
func TestCosets(t *testing.T) {
	const n = 8
	for blocks := 1; blocks <= cosetsMax; blocks++ {
		f, err := newField(n, blocks)
		if err != nil {
			t.Fatal(err)
		}
		h := make(fr.Vector, n*blocks)
		h.MustSetRandom()
		for b := range blocks {
			back := make(fr.Vector, n)
			for k, zeta := range f.zetas {
				power := fr.One()
				reduced := make(fr.Vector, n) // modulo X^N - zeta
				for i := range h {
					var x fr.Element
					x.Mul(&h[i], &power)
					reduced[i%n].Add(&reduced[i%n], &x)
					if i%n == n-1 {
						power.Mul(&power, &zeta)
					}
				}
				f.transform(k, reduced)
				f.restore(k, reduced)
				for i := range back {
					var x fr.Element
					x.Mul(&reduced[i], &f.solve[b][k])
					back[i].Add(&back[i], &x)
				}
			}
			if !slices.Equal(back, h[b*n:(b+1)*n]) {
				t.Errorf("block %d of %d differs", b, blocks)
			}
		}
	}
	if _, err := newField(n, cosetsMax+1); err == nil {
		t.Error("too many blocks are accepted")
	}
}

// TestChooseFolded: no product has two folded factors, and what many products share is
// folded.
func TestChooseFolded(t *testing.T) {
	const digits, keys = 3, 24
	var list []weighedProduct
	for k := range int32(keys) { // each key with one digit
		list = append(list, weighedProduct{product: product{1 + k%digits, digits + 1 + k}})
	}
	list = append(list, weighedProduct{product: product{1, 1}}, weighedProduct{product: product{2}})
	folds := chooseFolded(list, digits+keys)
	for f := 1; f <= digits+keys; f++ {
		if folds[f] != (f > digits) {
			t.Errorf("factor %d: %t", f, folds[f])
		}
	}
	r := rand.New(rand.NewPCG(9, 10))
	for range 50 {
		list = nil
		for range 1 + r.IntN(60) {
			var p product
			for k := range 2 + r.IntN(2) {
				p[k] = 1 + r.Int32N(20)
			}
			slices.Sort(p[:p.size()])
			list = append(list, weighedProduct{product: p})
		}
		folds := chooseFolded(list, 20)
		for i := range list {
			p := list[i].product
			distinct := slices.Compact(slices.Clone(p[:p.size()]))
			count := 0
			for _, f := range distinct {
				if folds[f] {
					count++
				}
			}
			if count > 1 {
				t.Fatalf("%v: %d factors are folded", distinct, count)
			}
		}
	}
}
