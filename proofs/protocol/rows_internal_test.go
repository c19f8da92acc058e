package protocol

import (
	"math/big"
	"testing"

	"github.com/consensys/gnark-crypto/ecc/bn254/fr"
)

// TestRowWeights: projections of one word and of two, of both signs, are weighed as field
// elements would be.
func TestRowWeights(t *testing.T) {
	rho := NewTranscript("test").Scalar("rho")
	var rows [Rows]Row
	for i := range rows {
		x := new(big.Int).Lsh(big.NewInt(int64(i)-100), uint(i%119))
		rows[i], _ = RowOf(x)
	}
	rows[3] = Row{Hi: -1 << 63} // -2^127
	rows[4] = Row{Hi: 1<<63 - 1, Lo: 1<<64 - 1}
	var want fr.Element
	power := fr.One()
	for _, r := range rows {
		var x fr.Element
		x.SetBigInt(r.Big())
		x.Mul(&x, &power)
		want.Add(&want, &x)
		power.Mul(&power, &rho)
	}
	if got := newRowWeights(rho).combine(&rows); !got.Equal(&want) {
		t.Error("another sum")
	}
}
