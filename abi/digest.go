package abi

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"fmt"
	"io"
	"strings"
)

// DigestBytes is the length of a digest in bytes.
const DigestBytes = sha256.Size

const digestPrefix = "sha256:"

// Digest is the SHA-256 content address of a blob, Program, Plan or other canonical
// byte string. The zero value stands for "no digest" and never names content.
type Digest [DigestBytes]byte

// SumDigest returns the digest of b.
func SumDigest(b []byte) Digest { return Digest(sha256.Sum256(b)) }

// ReadDigest hashes r to its end and returns the digest and the number of bytes read.
func ReadDigest(r io.Reader) (Digest, int64, error) {
	h := sha256.New()
	n, err := io.Copy(h, r)
	if err != nil {
		return Digest{}, n, fmt.Errorf("hash content: %w", err)
	}
	var d Digest
	h.Sum(d[:0])
	return d, n, nil
}

// LabelledDigest hashes parts under a domain label. Every part is preceded by its
// length, so that no two different lists of parts have the same preimage.
func LabelledDigest(label string, parts ...[]byte) Digest {
	h := sha256.New()
	writePart := func(b []byte) {
		var n [8]byte
		for i := range n {
			n[i] = byte(uint64(len(b)) >> (8 * i))
		}
		h.Write(n[:])
		h.Write(b)
	}
	writePart([]byte(label))
	for _, p := range parts {
		writePart(p)
	}
	var d Digest
	h.Sum(d[:0])
	return d
}

// ParseDigest reads the textual form "sha256:" followed by 64 lower-case hex digits.
func ParseDigest(s string) (Digest, error) {
	hexPart, ok := strings.CutPrefix(s, digestPrefix)
	if !ok || len(hexPart) != 2*DigestBytes || strings.ToLower(hexPart) != hexPart {
		return Digest{}, fmt.Errorf("%w: %.80q is not sha256:<64 lower-case hex digits>", ErrDigest, s)
	}
	raw, err := hex.DecodeString(hexPart)
	if err != nil {
		return Digest{}, fmt.Errorf("%w: %.80q is not hexadecimal", ErrDigest, s)
	}
	return Digest(raw), nil
}

// DigestFromBytes reads a raw 32-byte digest.
func DigestFromBytes(b []byte) (Digest, error) {
	if len(b) != DigestBytes {
		return Digest{}, fmt.Errorf("%w: %d bytes instead of %d", ErrDigest, len(b), DigestBytes)
	}
	return Digest(b), nil
}

// String returns the textual form that [ParseDigest] reads.
func (d Digest) String() string { return digestPrefix + hex.EncodeToString(d[:]) }

// Short returns the first twelve hex digits, for people to tell digests apart. It is
// never compared.
func (d Digest) Short() string { return hex.EncodeToString(d[:6]) }

// IsZero reports whether d names nothing.
func (d Digest) IsZero() bool { return d == Digest{} }

// Equal compares in constant time.
func (d Digest) Equal(e Digest) bool { return subtle.ConstantTimeCompare(d[:], e[:]) == 1 }

// MarshalText implements encoding.TextMarshaler; the zero digest is the empty string.
func (d Digest) MarshalText() ([]byte, error) {
	if d.IsZero() {
		return nil, nil
	}
	return []byte(d.String()), nil
}

// UnmarshalText implements encoding.TextUnmarshaler; the empty string is the zero digest.
func (d *Digest) UnmarshalText(b []byte) error {
	if len(b) == 0 {
		*d = Digest{}
		return nil
	}
	p, err := ParseDigest(string(b))
	if err != nil {
		return err
	}
	*d = p
	return nil
}
