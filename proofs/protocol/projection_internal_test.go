package protocol

import (
	"testing"

	"github.com/consensys/gnark-crypto/ecc/bn254/fr"
)

// TestFold: sums of the largest elements, of the smallest and of some between are those of
// the field.
func TestFold(t *testing.T) {
	fold := newFold()
	tables := new([planeBytes][256]fr.Element)
	transcript := NewTranscript("test")
	for b := range tables {
		for i := range tables[b] {
			switch i % 4 {
			case 0:
				tables[b][i] = fr.Element{3: 1<<61 - uint64(i)}
			case 1: // the largest words there are
				tables[b][i] = *new(fr.Element).Sub(&fr.Element{}, &fr.Element{1})
			case 2:
				tables[b][i] = transcript.Scalar("x")
			}
		}
	}
	plane := make([]byte, planeBytes)
	for i := range 256 {
		for b := range plane {
			plane[b] = byte(i)
			if i >= 128 {
				plane[b] = byte(i * (b + 1))
			}
		}
		var want fr.Element
		for b, at := range plane {
			want.Add(&want, &tables[b][at])
		}
		if got := fold.sum(tables, plane); !got.Equal(&want) {
			t.Fatalf("plane %d: another sum", i)
		}
	}
}
