package opening

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/consensys/gnark-crypto/ecc/bn254"
	groth16 "github.com/consensys/gnark/backend/groth16/bn254"

	"github.com/cerberus-host/cerberus/abi"
)

// The files of a setup. The verifying file is what digests and pins refer to: a header and
// points, uncompressed, in a fixed order. The proving file names the verifying file that it
// belongs to and ends with its own checksum.
const (
	verifyingMagic = "cerberus setup verifying 1 gnark 0.16\n"
	provingMagic   = "cerberus setup proving 1 gnark 0.16\n"
	// headerBytes follow the magic of a verifying file: kind, size, origin.
	headerBytes = 1 + 4 + abi.DigestBytes
)

// kindCodes are the setup kinds in files; do not renumber.
func kindCodes() map[SetupKind]byte {
	return map[SetupKind]byte{SetupDevelopment: 1, SetupCeremony: 2}
}

// VerifyingBytes returns the length of a verifying file for vectors of that size.
func VerifyingBytes(size int) int {
	return len(verifyingMagic) + headerBytes + (size+6)*bn254.SizeOfG1AffineUncompressed +
		5*bn254.SizeOfG2AffineUncompressed
}

// bytes are those of the verifying file.
func (v *verifier) bytes() []byte {
	out := make([]byte, 0, VerifyingBytes(v.size))
	out = append(out, verifyingMagic...)
	out = append(out, kindCodes()[v.kind])
	out = binary.BigEndian.AppendUint32(out, uint32(v.size))
	out = append(out, v.origin[:]...)
	g1, g2 := v.points()
	for _, p := range g1 {
		raw := p.RawBytes()
		out = append(out, raw[:]...)
	}
	for _, p := range g2 {
		raw := p.RawBytes()
		out = append(out, raw[:]...)
	}
	return out
}

// WriteVerifier writes the verifying file.
func (s *Setup) WriteVerifier(w io.Writer) error {
	if _, err := w.Write(s.verifier.bytes()); err != nil {
		return fmt.Errorf("write verifying file: %w", err)
	}
	return nil
}

// ParseVerifier reads a verifying file and nothing else. It returns [ErrSetup] for anything
// that [Setup.WriteVerifier] would not write.
func ParseVerifier(data []byte) (Verifier, error) {
	v, err := parseVerifier(data)
	if err != nil {
		return nil, err
	}
	return v, nil
}

func parseVerifier(data []byte) (*verifier, error) {
	rest, ok := bytes.CutPrefix(data, []byte(verifyingMagic))
	if !ok || len(rest) < headerBytes {
		return nil, fmt.Errorf("%w: no verifying file of this version", ErrSetup)
	}
	v := &verifier{}
	for kind, code := range kindCodes() {
		if code == rest[0] {
			v.kind = kind
		}
	}
	if v.kind == "" {
		return nil, fmt.Errorf("%w: kind %d", ErrSetup, rest[0])
	}
	size := binary.BigEndian.Uint32(rest[1:])
	if size > SizeMax {
		return nil, fmt.Errorf("%w: vectors of %d elements", ErrSetup, size)
	}
	v.size = int(size)
	if err := CheckSize(v.size); err != nil {
		return nil, err
	}
	if len(data) != VerifyingBytes(v.size) {
		return nil, fmt.Errorf("%w: %d bytes instead of %d", ErrSetup, len(data),
			VerifyingBytes(v.size))
	}
	copy(v.origin[:], rest[5:])
	if (v.kind == SetupCeremony) == v.origin.IsZero() {
		return nil, fmt.Errorf("%w: a %s setup with the transcript %s", ErrSetup, v.kind, v.origin)
	}
	v.empty()
	if err := v.readPoints(rest[headerBytes:]); err != nil {
		return nil, err
	}
	if err := v.finish(); err != nil {
		return nil, err
	}
	if !bytes.Equal(v.bytes(), data) {
		return nil, fmt.Errorf("%w: not in its canonical form", ErrSetup)
	}
	return v, nil
}

func (v *verifier) readPoints(data []byte) error {
	g1, g2 := v.points()
	for i, p := range g1 {
		raw := data[:bn254.SizeOfG1AffineUncompressed]
		data = data[len(raw):]
		if err := setG1(p, raw); err != nil {
			return fmt.Errorf("%w: point %d: %w", ErrSetup, i, err)
		}
	}
	for i, p := range g2 {
		raw := data[:bn254.SizeOfG2AffineUncompressed]
		data = data[len(raw):]
		if err := setG2(p, raw); err != nil {
			return fmt.Errorf("%w: point %d of G2: %w", ErrSetup, i, err)
		}
	}
	return nil
}

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

// setG2 reads an uncompressed point that is not infinite, and nothing else.
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

// provingBytesMax bounds a proving file: some 600 bytes an element.
func provingBytesMax(size int) int64 { return 1<<20 + 1024*int64(size) }

// WriteProver writes the proving file.
func (s *Setup) WriteProver(w io.Writer) error {
	sum := sha256.New()
	out := io.MultiWriter(w, sum)
	if _, err := io.WriteString(out, provingMagic); err != nil {
		return fmt.Errorf("write proving file: %w", err)
	}
	if _, err := out.Write(s.verifier.digest[:]); err != nil {
		return fmt.Errorf("write proving file: %w", err)
	}
	if _, err := s.key.WriteRawTo(out); err != nil {
		return fmt.Errorf("write proving file: %w", err)
	}
	if _, err := w.Write(sum.Sum(nil)); err != nil {
		return fmt.Errorf("write proving file: %w", err)
	}
	return nil
}

// ReadSetup reads both files of a setup. The proving file is the owner's own: its checksum
// guards against damage, its points are not checked one by one. It returns [ErrSetup] if the
// files are damaged or do not belong together.
func ReadSetup(verifying []byte, proving io.Reader) (*Setup, error) {
	v, err := parseVerifier(verifying)
	if err != nil {
		return nil, err
	}
	data, err := io.ReadAll(io.LimitReader(proving, provingBytesMax(v.size)+1))
	if err != nil {
		return nil, fmt.Errorf("read proving file: %w", err)
	}
	body := len(data) - sha256.Size
	if int64(len(data)) > provingBytesMax(v.size) || body < len(provingMagic)+abi.DigestBytes {
		return nil, fmt.Errorf("%w: a proving file of %d bytes", ErrSetup, len(data))
	}
	if sum := sha256.Sum256(data[:body]); !bytes.Equal(sum[:], data[body:]) {
		return nil, fmt.Errorf("%w: the proving file is damaged", ErrSetup)
	}
	rest, ok := bytes.CutPrefix(data[:body], []byte(provingMagic))
	if !ok || !bytes.HasPrefix(rest, v.digest[:]) {
		return nil, fmt.Errorf("%w: the proving file belongs to another verifying file", ErrSetup)
	}
	s := &Setup{verifier: v}
	in := bytes.NewReader(rest[abi.DigestBytes:])
	if _, err := s.key.UnsafeReadFrom(in); err != nil {
		return nil, fmt.Errorf("%w: proving file: %w", ErrSetup, err)
	}
	if in.Len() != 0 {
		return nil, fmt.Errorf("%w: proving file: %d bytes too many", ErrSetup, in.Len())
	}
	if s.system, err = Compile(v.size); err != nil {
		return nil, err
	}
	return s, s.finish()
}

// encodeOpening writes what the verifier does not compute itself.
func encodeOpening(p *groth16.Proof) []byte {
	out := make([]byte, 0, openingBytes)
	for _, g1 := range []*bn254.G1Affine{&p.Ar, &p.Krs, &p.CommitmentPok} {
		raw := g1.RawBytes()
		out = append(out, raw[:]...)
	}
	raw := p.Bs.RawBytes()
	return append(out, raw[:]...)
}

// decodeOpening reads what [encodeOpening] writes and nothing else: points of the groups,
// uncompressed, none of the proof proper infinite.
func decodeOpening(data []byte) (*groth16.Proof, error) {
	if len(data) != openingBytes {
		return nil, fmt.Errorf("%w: %d bytes instead of %d", ErrOpening, len(data), openingBytes)
	}
	p := &groth16.Proof{}
	for i, g1 := range []*bn254.G1Affine{&p.Ar, &p.Krs, &p.CommitmentPok} {
		raw := data[:bn254.SizeOfG1AffineUncompressed]
		data = data[len(raw):]
		if err := setG1(g1, raw); err != nil {
			return nil, fmt.Errorf("%w: point %d: %w", ErrOpening, i, err)
		}
	}
	if err := setG2(&p.Bs, data); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrOpening, err)
	}
	return p, nil
}
