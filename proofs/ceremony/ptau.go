package ceremony

import (
	"bytes"
	"encoding/binary"
	"fmt"

	"github.com/consensys/gnark-crypto/ecc/bn254"
	"github.com/consensys/gnark-crypto/ecc/bn254/fp"
	"github.com/consensys/gnark/backend/groth16/bn254/mpcsetup"
)

// Files of public powers-of-tau ceremonies (".ptau"): a head, then sections, each with its
// number and length. Integers are little endian; points are uncompressed and their
// coordinates little endian in Montgomery form, 0 and 0 for infinity.
const (
	ptauMagic    = "ptau"
	ptauVersion  = 1
	ptauSections = 64

	sectionHeader = 1
	sectionTau1   = 2
	sectionTau2   = 3
	sectionAlpha  = 4
	sectionBeta   = 5
	sectionBeta2  = 6

	// domainBitsMax bounds the powers that a file may have: 2^28 is the most that BN254's
	// field has a domain for.
	domainBitsMax = 28
	ptauG1Bytes   = 2 * fp.Bytes
	ptauG2Bytes   = 4 * fp.Bytes
)

// parsePtau reads the powers for n points from a ptau file that may have more. Sections that
// it does not know, such as the file's own contributions, are skipped.
func parsePtau(data []byte, n int) (*mpcsetup.SrsCommons, error) {
	sections, err := splitPtau(data)
	if err != nil {
		return nil, err
	}
	if err := checkPtauHeader(sections[sectionHeader], n); err != nil {
		return nil, err
	}
	c := &mpcsetup.SrsCommons{}
	c.G1.Tau, err = ptauG1(sections[sectionTau1], 2*n-1)
	if err != nil {
		return nil, err
	}
	if c.G1.AlphaTau, err = ptauG1(sections[sectionAlpha], n); err != nil {
		return nil, err
	}
	if c.G1.BetaTau, err = ptauG1(sections[sectionBeta], n); err != nil {
		return nil, err
	}
	if c.G2.Tau, err = ptauG2(sections[sectionTau2], n); err != nil {
		return nil, err
	}
	beta, err := ptauG2(sections[sectionBeta2], 1)
	if err != nil {
		return nil, err
	}
	c.G2.Beta = beta[0]
	return c, nil
}

// splitPtau returns the sections by number.
func splitPtau(data []byte) (map[uint32][]byte, error) {
	bad := fmt.Errorf("%w: the ptau file is damaged", ErrPowers)
	rest, ok := bytes.CutPrefix(data, []byte(ptauMagic))
	if !ok || len(rest) < 8 || binary.LittleEndian.Uint32(rest) != ptauVersion {
		return nil, bad
	}
	count := binary.LittleEndian.Uint32(rest[4:])
	if count > ptauSections {
		return nil, bad
	}
	rest = rest[8:]
	out := make(map[uint32][]byte, count)
	for range count {
		if len(rest) < 12 {
			return nil, bad
		}
		number, length := binary.LittleEndian.Uint32(rest), binary.LittleEndian.Uint64(rest[4:])
		rest = rest[12:]
		if _, twice := out[number]; twice || length > uint64(len(rest)) {
			return nil, bad
		}
		out[number] = rest[:length]
		rest = rest[length:]
	}
	if len(rest) != 0 {
		return nil, bad
	}
	return out, nil
}

// checkPtauHeader checks the field and that there are powers for n points.
func checkPtauHeader(header []byte, n int) error {
	if len(header) != 4+fp.Bytes+8 || binary.LittleEndian.Uint32(header) != fp.Bytes {
		return fmt.Errorf("%w: the ptau file has another head", ErrPowers)
	}
	prime := fp.Modulus().FillBytes(make([]byte, fp.Bytes))
	for i, b := range header[4 : 4+fp.Bytes] {
		if b != prime[fp.Bytes-1-i] {
			return fmt.Errorf("%w: the ptau file is for another curve", ErrPowers)
		}
	}
	power := binary.LittleEndian.Uint32(header[4+fp.Bytes:])
	if power > domainBitsMax || 1<<power < n {
		return fmt.Errorf("%w: the ptau file is for 2^%d points, %d are needed", ErrPowers, power, n)
	}
	return nil
}

// ptauG1 reads the first count points of a section.
func ptauG1(section []byte, count int) ([]bn254.G1Affine, error) {
	if len(section) < count*ptauG1Bytes {
		return nil, fmt.Errorf("%w: a section of the ptau file is too short", ErrPowers)
	}
	out := make([]bn254.G1Affine, count)
	for i := range out {
		raw := section[i*ptauG1Bytes:]
		if !montgomery(&out[i].X, raw) || !montgomery(&out[i].Y, raw[fp.Bytes:]) ||
			out[i].IsInfinity() || !out[i].IsInSubGroup() {
			return nil, fmt.Errorf("%w: point %d of the ptau file", ErrPowers, i)
		}
	}
	return out, nil
}

// ptauG2 reads the first count points of a section.
func ptauG2(section []byte, count int) ([]bn254.G2Affine, error) {
	if len(section) < count*ptauG2Bytes {
		return nil, fmt.Errorf("%w: a section of the ptau file is too short", ErrPowers)
	}
	out := make([]bn254.G2Affine, count)
	for i := range out {
		raw := section[i*ptauG2Bytes:]
		p := &out[i]
		good := true
		for k, e := range []*fp.Element{&p.X.A0, &p.X.A1, &p.Y.A0, &p.Y.A1} {
			good = good && montgomery(e, raw[k*fp.Bytes:])
		}
		if !good || p.IsInfinity() || !p.IsInSubGroup() {
			return nil, fmt.Errorf("%w: point %d of G2 of the ptau file", ErrPowers, i)
		}
	}
	return out, nil
}

// montgomery reads a coordinate and tells whether it is below the prime.
func montgomery(e *fp.Element, raw []byte) bool {
	var number [fp.Bytes]byte
	for i := range number {
		number[i] = raw[fp.Bytes-1-i]
	}
	if e.SetBytesCanonical(number[:]) != nil {
		return false
	}
	// The words of an element are its Montgomery form.
	for i := range e {
		e[i] = binary.LittleEndian.Uint64(raw[8*i:])
	}
	return true
}
