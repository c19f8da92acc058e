package ceremony

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"

	"github.com/consensys/gnark-crypto/ecc/bn254"
	"github.com/consensys/gnark/backend/groth16/bn254/mpcsetup"
	cs "github.com/consensys/gnark/constraint/bn254"

	"github.com/cerberus-host/cerberus/proofs/opening"
)

const (
	g1Bytes = bn254.SizeOfG1AffineCompressed
	g2Bytes = bn254.SizeOfG2AffineCompressed
	// proofBytes is the length of a proof that an update used a known secret.
	proofBytes = g1Bytes + g2Bytes
	// challengeBytes is the length of the hash of the previous contribution, after its length.
	challengeBytes = 1 + 32
)

// shape is what the size determines: the circuit and the length of everything.
type shape struct {
	system *cs.R1CS
	// domain is the number of constraints, rounded up to a power of two.
	domain int
	// private and committed are the numbers of wires of a kind.
	private, committed int
}

func newShape(size int) (*shape, error) {
	system, err := opening.Compile(size)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrRules, err)
	}
	s := &shape{system: system, domain: 1, committed: size + 1}
	for s.domain < system.GetNbConstraints() {
		s.domain *= 2
	}
	internal, secret, _ := system.GetNbVariables()
	// All wires but the public ones, the committed ones and the commitment.
	s.private = internal + secret - s.committed - 1
	return s, nil
}

// payloadBytes is the length of what gnark writes for a contribution.
func (s *shape) payloadBytes(phase int) int {
	if phase == 1 {
		return 3*proofBytes + domainBytes + commonsBytes(s.domain) + challengeBytes
	}
	length := 0
	for _, part := range s.phase2() {
		length += part.bytes()
	}
	return length
}

// part is a piece of a phase-2 contribution: a number of points or bytes after a prefix with a
// known value.
type part struct {
	prefix []byte
	count  int
	each   int
}

func (p part) bytes() int { return len(p.prefix) + p.count*p.each }

// phase2 is the layout of a phase-2 contribution as gnark writes it.
func (s *shape) phase2() []part {
	vector := func(count int) part {
		prefix := binary.BigEndian.AppendUint32(nil, uint32(count))
		return part{prefix: prefix, count: count, each: g1Bytes}
	}
	return []part{
		{prefix: []byte{0, 1}, count: 1, each: g1Bytes}, // one commitment; delta
		vector(s.private),
		vector(s.domain - 1),
		{count: 1, each: g2Bytes}, // delta
		vector(s.committed),
		{count: 1, each: g2Bytes}, // sigma
		{count: 2, each: proofBytes},
		{prefix: []byte{challengeBytes - 1}, count: challengeBytes - 1, each: 1},
	}
}

// checkLengths refuses a payload in which a length is not the one that the size determines,
// before gnark allocates by it.
func (s *shape) checkLengths(phase int, payload []byte) error {
	if len(payload) != s.payloadBytes(phase) {
		return fmt.Errorf("%w: a payload of %d bytes", ErrContribution, len(payload))
	}
	if phase == 1 {
		if binary.BigEndian.Uint64(payload[3*proofBytes:]) != uint64(s.domain) {
			return fmt.Errorf("%w: powers for another number of points", ErrContribution)
		}
		if payload[len(payload)-challengeBytes] != challengeBytes-1 {
			return fmt.Errorf("%w: it does not say what it follows", ErrContribution)
		}
		return nil
	}
	for _, p := range s.phase2() {
		if !bytes.HasPrefix(payload, p.prefix) {
			return fmt.Errorf("%w: a vector has another length", ErrContribution)
		}
		payload = payload[p.bytes():]
	}
	return nil
}

// state is gnark's object for a contribution.
type state interface {
	io.ReaderFrom
	io.WriterTo
}

// decode reads a payload into a gnark object, which checks that points are in their groups.
func (s *shape) decode(phase int, payload []byte, into state) error {
	if err := s.checkLengths(phase, payload); err != nil {
		return err
	}
	in := bytes.NewReader(payload)
	if _, err := into.ReadFrom(in); err != nil {
		return fmt.Errorf("%w: %w", ErrContribution, err)
	}
	back, err := encode(into)
	if err != nil {
		return err
	}
	if !bytes.Equal(back, payload) {
		return fmt.Errorf("%w: not in its canonical form", ErrContribution)
	}
	return nil
}

func encode(from state) ([]byte, error) {
	var out bytes.Buffer
	if _, err := from.WriteTo(&out); err != nil {
		return nil, fmt.Errorf("write contribution: %w", err)
	}
	return out.Bytes(), nil
}

// encodeStart returns the state of phase 2 before the first contribution, in the layout of
// contributions: with an empty hash of the one before.
func encodeStart(start *mpcsetup.Phase2) ([]byte, error) {
	start.Challenge = make([]byte, challengeBytes-1)
	defer func() { start.Challenge = nil }()
	return encode(start)
}

// decodeStart reads what encodeStart returns.
func (s *shape) decodeStart(payload []byte, into *mpcsetup.Phase2) error {
	err := s.decode(2, payload, into)
	into.Challenge = nil
	return err
}
