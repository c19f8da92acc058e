package opening

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"runtime"
	"sync"

	"github.com/consensys/gnark-crypto/ecc/bn254"
	"github.com/consensys/gnark-crypto/ecc/bn254/fr/fft"
	"github.com/consensys/gnark-crypto/ecc/bn254/fr/pedersen"
	groth16 "github.com/consensys/gnark/backend/groth16/bn254"
	cs "github.com/consensys/gnark/constraint/bn254"

	"github.com/cerberus-host/cerberus/abi"
)

// GnarkVersion is the version of gnark whose keys the files hold and whose proofs the openings
// are: gnark promises no compatibility between versions.
const GnarkVersion = "v0.16.1"

// The files of a setup. The verifying file is what digests and pins refer to:
//
//	magic line, kind (1 byte), size (4 bytes), digest of the ceremony's transcript (32 bytes),
//	G1: alpha, beta, delta, size+3 points K; G2: beta, delta, gamma, G, -sigma G
//
// The proving file, without the points that the verifying file has:
//
//	magic line, digest of the verifying file,
//	G1: A, B, Z, K, basis, basis times sigma; G2: B; SHA-256 of all that
//
// Integers are big endian and points uncompressed. The size determines every count.
const (
	verifyingMagic = "cerberus setup verifying 1 gnark " + GnarkVersion + "\n"
	provingMagic   = "cerberus setup proving 1 gnark " + GnarkVersion + "\n"
	// headerBytes follow the magic of a verifying file: kind, size, origin.
	headerBytes = 1 + 4 + abi.DigestBytes
	// VerifyingBytesMax bounds every verifying file.
	VerifyingBytesMax = len(verifyingMagic) + headerBytes + (SizeMax+6)*g1Bytes + 5*g2Bytes
)

// kindCodes are the setup kinds in files; do not renumber.
func kindCodes() map[SetupKind]byte {
	return map[SetupKind]byte{SetupDevelopment: 1, SetupCeremony: 2}
}

// VerifyingBytes returns the length of a verifying file for vectors of that size.
func VerifyingBytes(size int) int {
	return len(verifyingMagic) + headerBytes + (size+6)*g1Bytes + 5*g2Bytes
}

// bytes are those of the verifying file.
func (v *verifier) bytes() []byte {
	out := make([]byte, 0, VerifyingBytes(v.size))
	out = append(out, verifyingMagic...)
	out = append(out, kindCodes()[v.kind])
	out = binary.BigEndian.AppendUint32(out, uint32(v.size))
	out = append(out, v.origin[:]...)
	g1, g2 := v.points()
	return appendG2(appendG1(out, g1...), g2...)
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
	size := binary.BigEndian.Uint32(rest[1:])
	if size > SizeMax {
		return nil, fmt.Errorf("%w: vectors of %d elements", ErrSetup, size)
	}
	v.size = int(size)
	copy(v.origin[:], rest[5:])
	if err := v.checkHeader(); err != nil {
		return nil, err
	}
	if len(data) != VerifyingBytes(v.size) {
		return nil, fmt.Errorf("%w: %d bytes instead of %d", ErrSetup, len(data),
			VerifyingBytes(v.size))
	}
	v.empty()
	if err := v.readPoints(rest[headerBytes:]); err != nil {
		return nil, err
	}
	if err := v.finish(); err != nil {
		return nil, err
	}
	if v.digest != abi.SumDigest(data) {
		return nil, fmt.Errorf("%w: not in its canonical form", ErrSetup)
	}
	return v, nil
}

// checkHeader checks size, kind and origin.
func (v *verifier) checkHeader() error {
	if _, ok := kindCodes()[v.kind]; !ok {
		return fmt.Errorf("%w: of an unknown kind", ErrSetup)
	}
	if (v.kind == SetupCeremony) == v.origin.IsZero() {
		return fmt.Errorf("%w: a %s setup with the transcript %s", ErrSetup, v.kind, v.origin)
	}
	return CheckSize(v.size)
}

func (v *verifier) readPoints(data []byte) error {
	g1, g2 := v.points()
	for i, p := range g1 {
		if err := setG1(p, data[:g1Bytes]); err != nil {
			return fmt.Errorf("%w: point %d: %w", ErrSetup, i, err)
		}
		data = data[g1Bytes:]
	}
	for i, p := range g2 {
		if err := setG2(p, data[:g2Bytes]); err != nil {
			return fmt.Errorf("%w: point %d of G2: %w", ErrSetup, i, err)
		}
		data = data[g2Bytes:]
	}
	return nil
}

// provingPoints are the vectors of a proving key in the order of the file.
func provingPoints(key *groth16.ProvingKey) (g1 [][]bn254.G1Affine, g2 []bn254.G2Affine) {
	c := key.CommitmentKeys[0]
	return [][]bn254.G1Affine{
		key.G1.A, key.G1.B, key.G1.Z, key.G1.K, c.Basis, c.BasisExpSigma,
	}, key.G2.B
}

// WriteProver writes the proving file.
func (s *Setup) WriteProver(w io.Writer) error {
	out := append([]byte(provingMagic), s.verifier.digest[:]...)
	g1, g2 := provingPoints(&s.key)
	for _, points := range g1 {
		for i := range points {
			out = appendG1(out, &points[i])
		}
	}
	for i := range g2 {
		out = appendG2(out, &g2[i])
	}
	sum := sha256.Sum256(out)
	if _, err := w.Write(append(out, sum[:]...)); err != nil {
		return fmt.Errorf("write proving file: %w", err)
	}
	return nil
}

// ReadSetup reads both files of a setup. It returns [ErrSetup] if the files are damaged or do
// not belong together, or if a point is not what its place asks for.
func ReadSetup(verifying []byte, proving io.Reader) (*Setup, error) {
	v, err := parseVerifier(verifying)
	if err != nil {
		return nil, err
	}
	system, err := Compile(v.size)
	if err != nil {
		return nil, err
	}
	s := &Setup{verifier: v, system: system}
	s.emptyKey()
	g1, g2 := provingPoints(&s.key)
	points := len(g2) * g2Bytes
	for _, p := range g1 {
		points += len(p) * g1Bytes
	}
	want := len(provingMagic) + abi.DigestBytes + points + sha256.Size
	data, err := io.ReadAll(io.LimitReader(proving, int64(want)+1))
	if err != nil {
		return nil, fmt.Errorf("read proving file: %w", err)
	}
	if len(data) != want {
		return nil, fmt.Errorf("%w: the proving file has not %d bytes", ErrSetup, want)
	}
	body := data[:want-sha256.Size]
	if sum := sha256.Sum256(body); !bytes.Equal(sum[:], data[len(body):]) {
		return nil, fmt.Errorf("%w: the proving file is damaged", ErrSetup)
	}
	rest, ok := bytes.CutPrefix(body, []byte(provingMagic))
	if !ok || !bytes.HasPrefix(rest, v.digest[:]) {
		return nil, fmt.Errorf("%w: the proving file belongs to another verifying file", ErrSetup)
	}
	rest = rest[abi.DigestBytes:]
	for _, p := range g1 {
		if err := readMany(p, rest[:len(p)*g1Bytes], g1Bytes, setG1Finite); err != nil {
			return nil, err
		}
		rest = rest[len(p)*g1Bytes:]
	}
	if err := readMany(g2, rest, g2Bytes, setG2); err != nil {
		return nil, err
	}
	return s, s.finish()
}

// readMany reads points of so many bytes each on all cores: checking the subgroup of a point
// of G2 takes longer than reading it.
func readMany[P any](points []P, data []byte, each int, set func(*P, []byte) error) error {
	workers := runtime.GOMAXPROCS(0)
	errs := make([]error, workers)
	var group sync.WaitGroup
	for w := range workers {
		group.Go(func() {
			for i := w * len(points) / workers; i < (w+1)*len(points)/workers; i++ {
				if err := set(&points[i], data[i*each:(i+1)*each]); err != nil {
					errs[w] = fmt.Errorf("%w: proving file: %w", ErrSetup, err)
					return
				}
			}
		})
	}
	group.Wait()
	return errors.Join(errs...)
}

// emptyKey makes room for the points of a proving key. Which wires have no point of A or B
// follows from the constraints.
func (s *Setup) emptyKey() {
	left, right := sides(s.system)
	k, v := &s.key, &s.verifier.key
	k.Domain = *fft.NewDomain(uint64(s.system.GetNbConstraints()))
	k.G1.Alpha, k.G1.Beta, k.G1.Delta = v.G1.Alpha, v.G1.Beta, v.G1.Delta
	k.G2.Beta, k.G2.Delta = v.G2.Beta, v.G2.Delta
	k.InfinityA, k.NbInfinityA = absent(left)
	k.InfinityB, k.NbInfinityB = absent(right)
	k.G1.A = make([]bn254.G1Affine, len(left)-int(k.NbInfinityA))
	k.G1.B = make([]bn254.G1Affine, len(right)-int(k.NbInfinityB))
	k.G2.B = make([]bn254.G2Affine, len(k.G1.B))
	k.G1.Z = make([]bn254.G1Affine, k.Domain.Cardinality-1)
	committed := s.verifier.size + 1
	// All wires but the public ones, the committed ones and the commitment.
	k.G1.K = make([]bn254.G1Affine, len(left)-s.system.GetNbPublicVariables()-committed-1)
	k.CommitmentKeys = []pedersen.ProvingKey{{
		Basis:         make([]bn254.G1Affine, committed),
		BasisExpSigma: make([]bn254.G1Affine, committed),
	}}
}

// sides tells which wires occur on the left and on the right of a product.
func sides(system *cs.R1CS) (left, right []bool) {
	internal, secret, public := system.GetNbVariables()
	left = make([]bool, internal+secret+public)
	right = make([]bool, len(left))
	it := system.GetR1CIterator()
	for c := it.Next(); c != nil; c = it.Next() {
		for _, t := range c.L {
			left[t.WireID()] = true
		}
		for _, t := range c.R {
			right[t.WireID()] = true
		}
	}
	return left, right
}

// absent returns the complement of a set and the number of its elements.
func absent(present []bool) (out []bool, count uint64) {
	out = make([]bool, len(present))
	for i, p := range present {
		if out[i] = !p; out[i] {
			count++
		}
	}
	return out, count
}

// encodeOpening writes what the verifier does not compute itself.
func encodeOpening(p *groth16.Proof) []byte {
	out := make([]byte, 0, openingBytes)
	out = appendG1(out, &p.Ar)
	out = appendG2(out, &p.Bs)
	return appendG1(out, &p.Krs, &p.CommitmentPok)
}

// decodeOpening reads what [encodeOpening] writes and nothing else: points of the groups,
// uncompressed. Only the proof of knowledge may be infinite, that of the zero vector is.
func decodeOpening(data []byte) (*groth16.Proof, error) {
	if len(data) != openingBytes {
		return nil, fmt.Errorf("%w: %d bytes instead of %d", ErrOpening, len(data), openingBytes)
	}
	p := &groth16.Proof{}
	krs := g1Bytes + g2Bytes
	pok := krs + g1Bytes
	if err := setG1Finite(&p.Ar, data[:g1Bytes]); err != nil {
		return nil, fmt.Errorf("%w: Ar: %w", ErrOpening, err)
	}
	if err := setG2(&p.Bs, data[g1Bytes:krs]); err != nil {
		return nil, fmt.Errorf("%w: Bs: %w", ErrOpening, err)
	}
	if err := setG1Finite(&p.Krs, data[krs:pok]); err != nil {
		return nil, fmt.Errorf("%w: Krs: %w", ErrOpening, err)
	}
	if err := setG1(&p.CommitmentPok, data[pok:]); err != nil {
		return nil, fmt.Errorf("%w: proof of knowledge: %w", ErrOpening, err)
	}
	return p, nil
}
