package verifier_test

import (
	"bytes"
	"errors"
	"slices"
	"testing"

	"github.com/consensys/gnark-crypto/ecc/bn254/fp"
	"github.com/consensys/gnark-crypto/ecc/bn254/fr"

	"github.com/cerberus-host/cerberus/proofs/identity"
	"github.com/cerberus-host/cerberus/proofs/protocol"
	"github.com/cerberus-host/cerberus/proofs/verifier"
)

// layout are the places of a proof's parts in its bytes.
type layout struct {
	points, rows, h, scalars, opening int
}

func layoutOf(s *scene, sh *protocol.Shape, proof []byte) layout {
	var l layout
	l.points = len("cerberus proof 1\n")
	l.rows = l.points + 64*sh.Blocks*(len(sh.Wires)+len(sh.Quotients))
	l.h = l.rows
	for range sh.Projected() {
		l.h += 1 + int(proof[l.h])*protocol.Rows/8
	}
	l.scalars = l.h + 64*sh.HPoints()
	l.opening = l.scalars + fr.Bytes*(len(s.System.Claims)+2*sh.Rounds)
	return l
}

// TestRefuseEncodings: there is one encoding of a proof.
func TestRefuseEncodings(t *testing.T) {
	s := smallScene(t, identity.Options{CommittedKeys: true})
	proof := s.prove(t, forgery{})
	sh := s.Shape(t)
	l := layoutOf(s, sh, proof)
	put := func(at int, b []byte) []byte {
		out := bytes.Clone(proof)
		copy(out[at:], b)
		return out
	}
	modulus := func(field []byte, add byte) []byte {
		out := bytes.Clone(field)
		out[len(out)-1] += add
		return out
	}
	wide := proof[l.rows]
	wider := slices.Concat(proof[:l.rows], []byte{wide + 1}, make([]byte, 32*(int(wide)+1)),
		proof[l.rows+1+32*int(wide):])
	for name, data := range map[string][]byte{
		"empty":                   {},
		"of another version":      put(15, []byte("2")),
		"truncated by a byte":     proof[:len(proof)-1],
		"truncated in points":     proof[:l.points+30],
		"truncated in rows":       proof[:l.rows+40],
		"truncated before rows":   proof[:l.rows],
		"a byte too long":         append(bytes.Clone(proof), 0),
		"padded before":           append([]byte{0}, proof...),
		"twice":                   append(bytes.Clone(proof), proof...),
		"point off the curve":     put(l.points+63, []byte{proof[l.points+63] ^ 1}),
		"point with a flag":       put(l.points, []byte{proof[l.points] | 0x80}),
		"compressed infinity":     put(l.points, append([]byte{0x40}, make([]byte, 63)...)),
		"x is the modulus":        put(l.points, modulus(fp.Modulus().Bytes(), 0)),
		"H off the curve":         put(l.h+63, []byte{proof[l.h+63] ^ 1}),
		"claim is the modulus":    put(l.scalars, modulus(fr.Modulus().Bytes(), 0)),
		"claim above the modulus": put(l.scalars, modulus(fr.Modulus().Bytes(), 1)),
		"round of all ones":       put(l.opening-32, bytes.Repeat([]byte{0xff}, 32)),
		"rows wider than needed":  wider,
		"rows of width 0":         put(l.rows, []byte{0}),
		"rows of width 255":       put(l.rows, []byte{255}),
	} {
		if err := s.verify(data); !errors.Is(err, protocol.ErrEncoding) {
			t.Errorf("%s: error %v", name, err)
		}
	}
	opened := put(l.opening, modulus(fr.Modulus().Bytes(), 0))
	if err := s.verify(opened); !errors.Is(err, verifier.ErrOpening) {
		t.Errorf("opening that is not canonical: error %v", err)
	}
	if err := s.verify(proof); err != nil {
		t.Error(err)
	}
}

// TestRefuseFlips: no byte of a proof can be another, whichever bit of it.
func TestRefuseFlips(t *testing.T) {
	s := rescaledScene(t)
	proof := s.prove(t, forgery{})
	failures := make([]bool, len(proof))
	protocol.Parallel(len(proof), protocol.Workers(), func(_, i int) {
		changed := bytes.Clone(proof)
		changed[i] ^= 1 << (i % 8)
		err := s.verify(changed)
		failures[i] = !errors.Is(err, protocol.ErrEncoding) &&
			!errors.Is(err, verifier.ErrProjection) && !errors.Is(err, verifier.ErrOpening)
	})
	for i, failed := range failures {
		if failed {
			t.Errorf("byte %d of %d can be changed", i, len(proof))
		}
	}
}
