package protocol_test

import (
	"bytes"
	"errors"
	"math/big"
	"reflect"
	"testing"

	"github.com/consensys/gnark-crypto/ecc/bn254"
	"github.com/consensys/gnark-crypto/ecc/bn254/fr"

	"github.com/cerberus-host/cerberus/proofs/identity"
	"github.com/cerberus-host/cerberus/proofs/protocol"
)

// generator is a point.
func generator() bn254.G1Affine {
	_, _, out, _ := bn254.Generators() //nolint:dogsled // in the affine form of G1 only
	return out
}

// anyProof returns a proof of that shape: it proves nothing, but every part has its own
// value, projections of many widths among them.
func anyProof(sh *protocol.Shape) *protocol.Proof {
	generator := generator()
	point := generator
	points := func(n int) []bn254.G1Affine {
		out := make([]bn254.G1Affine, n)
		for i := range out {
			point.Add(&point, &generator)
			out[i] = point
		}
		return out
	}
	p := &protocol.Proof{
		Claims: scalars(len(sh.System.Claims), 1), Opening: make([]byte, sh.OpeningBytes),
		SumCheck: make([][2]fr.Element, sh.Rounds),
	}
	for range sh.Wires {
		p.Wires = append(p.Wires, points(sh.Blocks))
	}
	for range sh.Quotients {
		p.Quotients = append(p.Quotients, points(sh.Blocks))
	}
	p.H = points(sh.HPoints())
	p.H[0] = bn254.G1Affine{} // a zero polynomial
	for i := range sh.Projected() {
		var rows [protocol.Rows]protocol.Row
		for k := range rows {
			x := big.NewInt(int64(k*k*k) - 4000000)
			rows[k], _ = protocol.RowOf(x.Rsh(x, uint(i%24)))
		}
		p.Projections = append(p.Projections, rows)
	}
	for i := range p.SumCheck {
		copy(p.SumCheck[i][:], scalars(2, uint64(i)))
	}
	for i := range p.Opening {
		p.Opening[i] = byte(i)
	}
	return p
}

// TestDecode: what was encoded comes back, with key commitments and blocks of every kind.
func TestDecode(t *testing.T) {
	for _, size := range []int{4, 16, 32} {
		for _, keys := range []bool{false, true} {
			sh := smallShape(t, size, identity.Options{CommittedKeys: keys})
			p := anyProof(sh)
			data, err := p.Encode(sh)
			if err != nil {
				t.Fatal(err)
			}
			back, err := protocol.Decode(sh, data)
			if err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(p, back) {
				t.Errorf("size %d: another proof came back", size)
			}
		}
	}
}

// TestEncodeRefuses: lists of the wrong length and projections that no bound allows.
func TestEncodeRefuses(t *testing.T) {
	sh := smallShape(t, 16, identity.Options{})
	for name, change := range map[string]func(p *protocol.Proof){
		"a wire less":  func(p *protocol.Proof) { p.Wires = p.Wires[1:] },
		"a block more": func(p *protocol.Proof) { p.Wires[0] = append(p.Wires[0], p.H[0]) },
		"a quotient more": func(p *protocol.Proof) {
			p.Quotients = append(p.Quotients, p.Quotients[0])
		},
		"a projection less": func(p *protocol.Proof) { p.Projections = p.Projections[1:] },
		"H missing":         func(p *protocol.Proof) { p.H = nil },
		"a claim more":      func(p *protocol.Proof) { p.Claims = append(p.Claims, scalars(1, 1)...) },
		"a round less":      func(p *protocol.Proof) { p.SumCheck = p.SumCheck[1:] },
		"opening too short": func(p *protocol.Proof) { p.Opening = p.Opening[1:] },
		"projection of 128 bits": func(p *protocol.Proof) {
			p.Projections[0][3] = protocol.Row{Hi: -1 << 63}
		},
		"projection of 65 bits": func(p *protocol.Proof) { p.Projections[1][3] = protocol.Row{Hi: 1} },
	} {
		p := anyProof(sh)
		change(p)
		if _, err := p.Encode(sh); !errors.Is(err, protocol.ErrEncoding) {
			t.Errorf("%s: error %v", name, err)
		}
	}
}

// TestRows: projections of every width survive, at both ends of the width.
func TestRows(t *testing.T) {
	sh := smallShape(t, 16, identity.Options{})
	one := big.NewInt(1)
	for width := range uint(49) {
		top := new(big.Int).Lsh(one, width)
		for _, x := range []*big.Int{
			top, new(big.Int).Sub(top, one), new(big.Int).Neg(top),
			new(big.Int).Sub(new(big.Int).Neg(top), one),
		} {
			p := anyProof(sh)
			for i := range p.Projections[0] {
				p.Projections[0][i] = protocol.Row{}
			}
			p.Projections[0][77], _ = protocol.RowOf(x)
			data, err := p.Encode(sh)
			if err != nil {
				t.Fatalf("%s: %v", x, err)
			}
			back, err := protocol.Decode(sh, data)
			if err != nil {
				t.Fatalf("%s: %v", x, err)
			}
			if got := back.Projections[0][77].Big(); got.Cmp(x) != 0 {
				t.Errorf("%s came back as %s", x, got)
			}
		}
	}
	for _, x := range []*big.Int{new(big.Int).Lsh(one, 127), new(big.Int).Lsh(one, 200)} {
		if _, ok := protocol.RowOf(x); ok {
			t.Errorf("%s is a row", x)
		}
	}
}

// FuzzDecode: bytes are refused or are the only encoding of what they decode to.
func FuzzDecode(f *testing.F) {
	shapes := []*protocol.Shape{
		smallShape(f, 4, identity.Options{}), smallShape(f, 32, identity.Options{CommittedKeys: true}),
	}
	for _, sh := range shapes {
		data, err := anyProof(sh).Encode(sh)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
		f.Add(data[:len(data)/2])
		f.Add(append(data, 0))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, sh := range shapes {
			p, err := protocol.Decode(sh, data)
			if err != nil {
				if !errors.Is(err, protocol.ErrEncoding) {
					t.Errorf("error %v", err)
				}
				continue
			}
			back, err := p.Encode(sh)
			if err != nil || !bytes.Equal(back, data) {
				t.Errorf("another encoding: %v", err)
			}
		}
	})
}
