package opening

import (
	"bytes"
	"errors"

	"github.com/consensys/gnark-crypto/ecc/bn254"
)

const (
	g1Bytes = bn254.SizeOfG1AffineUncompressed
	g2Bytes = bn254.SizeOfG2AffineUncompressed
)

var (
	errPoint    = errors.New("not a point of the group in uncompressed form")
	errInfinity = errors.New("the point at infinity")
)

// setG1 reads an uncompressed point and nothing else; infinity is allowed.
func setG1(p *bn254.G1Affine, raw []byte) error {
	if n, err := p.SetBytes(raw); err != nil || n != len(raw) {
		return errPoint
	}
	if back := p.RawBytes(); !bytes.Equal(back[:], raw) {
		return errPoint
	}
	return nil
}

// setG1Finite is setG1 without infinity.
func setG1Finite(p *bn254.G1Affine, raw []byte) error {
	if err := setG1(p, raw); err != nil {
		return err
	}
	if p.IsInfinity() {
		return errInfinity
	}
	return nil
}

// setG2 reads an uncompressed point of the subgroup that is not infinite, and nothing else.
func setG2(p *bn254.G2Affine, raw []byte) error {
	if n, err := p.SetBytes(raw); err != nil || n != len(raw) {
		return errPoint
	}
	if back := p.RawBytes(); !bytes.Equal(back[:], raw) {
		return errPoint
	}
	if p.IsInfinity() {
		return errInfinity
	}
	return nil
}

// appendG1 appends points in uncompressed form.
func appendG1(out []byte, points ...*bn254.G1Affine) []byte {
	for _, p := range points {
		raw := p.RawBytes()
		out = append(out, raw[:]...)
	}
	return out
}

// appendG2 appends points in uncompressed form.
func appendG2(out []byte, points ...*bn254.G2Affine) []byte {
	for _, p := range points {
		raw := p.RawBytes()
		out = append(out, raw[:]...)
	}
	return out
}
