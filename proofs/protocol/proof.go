package protocol

import (
	"bytes"
	"fmt"
	"math/big"
	"math/bits"

	"github.com/consensys/gnark-crypto/ecc/bn254"
	"github.com/consensys/gnark-crypto/ecc/bn254/fr"
)

// magic begins the bytes of every proof.
const magic = "cerberus proof 1\n"

// Row is a projection: an integer of at most 127 bits and its sign, as 128-bit two's
// complement.
type Row struct {
	Hi int64
	Lo uint64
}

// Proof is a proof in memory.
type Proof struct {
	// Wires and Quotients hold one point per block of each polynomial, in the Shape's order.
	Wires, Quotients [][]bn254.G1Affine
	// Projections hold the projections of wires, then of quotients.
	Projections [][Rows]Row
	// H holds the points of the quotient by X^N+1, block after block.
	H []bn254.G1Affine
	// Claims are the values of the System's claims.
	Claims []fr.Element
	// SumCheck holds the values at 0 and at 2 of each round's polynomial.
	SumCheck [][2]fr.Element
	Opening  []byte
}

// Encode returns the canonical bytes.
func (p *Proof) Encode(sh *Shape) ([]byte, error) {
	if err := p.check(sh); err != nil {
		return nil, err
	}
	out := []byte(magic)
	for _, list := range [][][]bn254.G1Affine{p.Wires, p.Quotients} {
		for _, points := range list {
			out = appendPoints(out, points)
		}
	}
	for i, poly := range sh.Projected() {
		var err error
		if out, err = appendRows(out, &p.Projections[i], sh.projectionBits(poly)); err != nil {
			return nil, err
		}
	}
	out = appendPoints(out, p.H)
	out = appendScalars(out, p.Claims)
	for _, round := range p.SumCheck {
		out = appendScalars(out, round[:])
	}
	return append(out, p.Opening...), nil
}

// check holds the lists to the shape.
func (p *Proof) check(sh *Shape) error {
	ok := len(p.Wires) == len(sh.Wires) && len(p.Quotients) == len(sh.Quotients) &&
		len(p.Projections) == len(sh.Wires)+len(sh.Quotients) && len(p.H) == sh.HPoints() &&
		len(p.Claims) == len(sh.System.Claims) && len(p.SumCheck) == sh.Rounds &&
		len(p.Opening) == sh.OpeningBytes
	for _, list := range [][][]bn254.G1Affine{p.Wires, p.Quotients} {
		for _, points := range list {
			ok = ok && len(points) == sh.Blocks
		}
	}
	if !ok {
		return fmt.Errorf("%w: lists of the wrong length", ErrEncoding)
	}
	return nil
}

func appendPoints(out []byte, points []bn254.G1Affine) []byte {
	for i := range points {
		raw := points[i].RawBytes()
		out = append(out, raw[:]...)
	}
	return out
}

func appendScalars(out []byte, scalars []fr.Element) []byte {
	for i := range scalars {
		raw := scalars[i].Bytes()
		out = append(out, raw[:]...)
	}
	return out
}

// Decode reads what Encode returns and nothing else. It allocates no more than a few times
// the length of data, which must not exceed what the shape allows.
func Decode(sh *Shape, data []byte) (*Proof, error) {
	if len(data) > sh.sizeMax() {
		return nil, fmt.Errorf("%w: %d bytes, at most %d", ErrEncoding, len(data), sh.sizeMax())
	}
	d := &decoder{rest: data}
	if string(d.take(len(magic))) != magic {
		return nil, fmt.Errorf("%w: not a proof of this version", ErrEncoding)
	}
	p := &Proof{}
	for range sh.Wires {
		p.Wires = append(p.Wires, d.points(sh.Blocks))
	}
	for range sh.Quotients {
		p.Quotients = append(p.Quotients, d.points(sh.Blocks))
	}
	for _, poly := range sh.Projected() {
		if d.err != nil {
			break
		}
		p.Projections = append(p.Projections, d.rows(sh.projectionBits(poly)))
	}
	p.H = d.points(sh.HPoints())
	p.Claims = d.scalars(len(sh.System.Claims))
	for range sh.Rounds {
		if pair := d.scalars(2); pair != nil {
			p.SumCheck = append(p.SumCheck, [2]fr.Element(pair))
		}
	}
	p.Opening = bytes.Clone(d.take(sh.OpeningBytes))
	if d.err != nil {
		return nil, d.err
	}
	if len(d.rest) != 0 {
		return nil, fmt.Errorf("%w: %d bytes too many", ErrEncoding, len(d.rest))
	}
	back, err := p.Encode(sh)
	if err != nil {
		return nil, err
	}
	if !bytes.Equal(back, data) {
		return nil, fmt.Errorf("%w: not in canonical form", ErrEncoding)
	}
	return p, nil
}

// decoder reads from the front and remembers the first error.
type decoder struct {
	rest []byte
	err  error
}

func (d *decoder) take(n int) []byte {
	if d.err == nil && len(d.rest) < n {
		d.err = fmt.Errorf("%w: ends too early", ErrEncoding)
	}
	if d.err != nil {
		return nil
	}
	out := d.rest[:n]
	d.rest = d.rest[n:]
	return out
}

func (d *decoder) points(n int) []bn254.G1Affine {
	raw := d.take(n * pointBytes)
	if raw == nil {
		return nil
	}
	out := make([]bn254.G1Affine, n)
	for i := range out {
		b := raw[i*pointBytes : (i+1)*pointBytes]
		// SetBytes checks that the point is on the curve, which has prime order.
		if used, err := out[i].SetBytes(b); err != nil || used != pointBytes {
			d.err = fmt.Errorf("%w: a point is not on the curve or not canonical", ErrEncoding)
			return nil
		}
	}
	return out
}

func (d *decoder) scalars(n int) []fr.Element {
	raw := d.take(n * fr.Bytes)
	if raw == nil {
		return nil
	}
	out := make([]fr.Element, n)
	for i := range out {
		if err := out[i].SetBytesCanonical(raw[i*fr.Bytes : (i+1)*fr.Bytes]); err != nil {
			d.err = fmt.Errorf("%w: a field element is not canonical", ErrEncoding)
			return nil
		}
	}
	return out
}

// RowOf returns an integer as a Row; ok is false beyond 127 bits.
func RowOf(x *big.Int) (r Row, ok bool) {
	if x.BitLen() > 127 {
		return Row{}, false
	}
	m := new(big.Int).And(x, maxUint64())
	return Row{Lo: m.Uint64(), Hi: new(big.Int).Rsh(x, 64).Int64()}, true
}

func maxUint64() *big.Int { return new(big.Int).SetUint64(^uint64(0)) }

// Big returns the integer.
func (r Row) Big() *big.Int {
	out := big.NewInt(r.Hi)
	out.Lsh(out, 64)
	return out.Add(out, new(big.Int).SetUint64(r.Lo))
}

// absolute returns the absolute value in two words, and 1 as the sign of negative integers.
func (r Row) absolute() (hi, lo uint64, sign int) {
	if r.Hi >= 0 {
		return uint64(r.Hi), r.Lo, 0
	}
	lo, borrow := bits.Sub64(0, r.Lo, 0)
	hi, _ = bits.Sub64(0, uint64(r.Hi), borrow)
	return hi, lo, 1
}
