package ceremony

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"
	"time"

	"github.com/cerberus-host/cerberus/abi"
	"github.com/cerberus-host/cerberus/proofs/attest"
)

const (
	contributionMagic = "cerberus ceremony contribution 1\n"
	contributionLabel = "cerberus/ceremony/contribution/v1"
	// headBytes precede the payload: phase, number, time, digest of the file before, address.
	headBytes = len(contributionMagic) + 1 + 2 + 8 + abi.DigestBytes + abi.AddressBytes
)

// Signer is an identity that contributes.
type Signer interface {
	// Address is the identity's.
	Address() abi.Address
	// Sign returns a recoverable signature as package attest reads it.
	Sign(digest abi.Digest) [attest.SignatureBytes]byte
}

// Contribution says who contributed when.
type Contribution struct {
	// Phase is 1 or 2, Number counts from 1 within the phase.
	Phase, Number int
	// Time is when the contributor says that it was made.
	Time time.Time
	// Signer is the identity that signed it.
	Signer abi.Address
	// Digest is that of the file.
	Digest abi.Digest
}

// encodeContribution returns the file: head, payload, signature.
func encodeContribution(c Contribution, previous abi.Digest, payload []byte, s Signer) []byte {
	out := make([]byte, 0, headBytes+len(payload)+attest.SignatureBytes)
	out = append(out, contributionMagic...)
	out = append(out, byte(c.Phase))
	out = binary.BigEndian.AppendUint16(out, uint16(c.Number))
	out = binary.BigEndian.AppendUint64(out, uint64(c.Time.Unix()))
	out = append(out, previous[:]...)
	out = append(out, c.Signer[:]...)
	out = append(out, payload...)
	sig := s.Sign(abi.LabelledDigest(contributionLabel, out))
	return append(out, sig[:]...)
}

// parseContribution reads the file of contribution number to a phase, with so many bytes of
// payload, that follows the file with the digest previous. The payload, which is part of
// data, is not looked at.
func parseContribution(
	data []byte, phase, number, payloadBytes int, previous abi.Digest,
) (Contribution, []byte, error) {
	fail := func(format string, args ...any) (Contribution, []byte, error) {
		return Contribution{}, nil, fmt.Errorf("%w: number %d of phase %d: %w", ErrContribution,
			number, phase, fmt.Errorf(format, args...))
	}
	if want := headBytes + payloadBytes + attest.SignatureBytes; len(data) != want {
		return fail("%d bytes instead of %d", len(data), want)
	}
	rest, ok := bytes.CutPrefix(data, []byte(contributionMagic))
	if !ok {
		return fail("no contribution of this version")
	}
	if int(rest[0]) != phase || int(binary.BigEndian.Uint16(rest[1:])) != number {
		return fail("its place is another")
	}
	c := Contribution{Phase: phase, Number: number, Digest: abi.SumDigest(data)}
	seconds := binary.BigEndian.Uint64(rest[3:])
	if seconds > 1<<40 {
		return fail("its time is no time")
	}
	c.Time = time.Unix(int64(seconds), 0).UTC()
	rest = rest[11:]
	if abi.Digest(rest[:abi.DigestBytes]) != previous {
		return fail("it follows another file than %s", previous)
	}
	copy(c.Signer[:], rest[abi.DigestBytes:])
	signed := data[:len(data)-attest.SignatureBytes]
	signer, err := attest.Recover(abi.LabelledDigest(contributionLabel, signed),
		attest.Signature(data[len(signed):]))
	if err != nil {
		return fail("%w", err)
	}
	if signer != c.Signer {
		return fail("%s did not sign it", c.Signer)
	}
	return c, signed[headBytes:], nil
}

// checkSigners returns an error if a phase may not end with these contributions.
func (r *Rules) checkSigners(phase int, list []Contribution) error {
	if len(list) < ContributionsMin {
		return fmt.Errorf("%w: phase %d has %d, it needs %d", ErrTooFew, phase, len(list),
			ContributionsMin)
	}
	outsider := func(c Contribution) bool { return !slices.Contains(r.Operators, c.Signer) }
	if !slices.ContainsFunc(list, outsider) {
		return fmt.Errorf("%w: phase %d needs somebody from outside", ErrOperators, phase)
	}
	return nil
}

// checkNext returns an error if c may not follow the contributions of its phase.
func (r *Rules) checkNext(c Contribution, before []Contribution) error {
	if len(before) >= ContributionsMax {
		return fmt.Errorf("%w: phase %d has %d contributions", ErrTranscript, c.Phase, len(before))
	}
	same := func(b Contribution) bool { return b.Signer == c.Signer }
	if slices.ContainsFunc(before, same) {
		return fmt.Errorf("%w: %s, phase %d", ErrRepeated, c.Signer, c.Phase)
	}
	if end := r.end(c.Phase); !c.Time.Before(end) {
		return fmt.Errorf("%w: phase %d ended at %s", ErrLate, c.Phase, formatTime(end))
	}
	return nil
}
