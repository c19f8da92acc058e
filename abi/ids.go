package abi

import (
	"encoding/hex"
	"fmt"
	"strings"
)

// BrainID is the number of a Brain: a licensed slot, 1 to [BrainsMax].
type BrainID uint16

// Valid reports whether b lies in the range of licensed slots.
func (b BrainID) Valid() bool { return b >= 1 && b <= BrainsMax }

// TaskID names one task in the cluster. It is the digest of the signed submission, so
// that a repeated submission is the same task.
type TaskID [DigestBytes]byte

// String returns the id as 64 hex digits.
func (t TaskID) String() string { return hex.EncodeToString(t[:]) }

// ParseTaskID reads what String returns.
func ParseTaskID(s string) (TaskID, error) {
	raw, err := hex.DecodeString(s)
	if err != nil || len(raw) != DigestBytes {
		return TaskID{}, fmt.Errorf("%w: %.80q is not a task id of 64 hex digits", ErrID, s)
	}
	return TaskID(raw), nil
}

// AddressBytes is the length of an [Address].
const AddressBytes = 20

// Address is the identity of a node, a client or an author: the last twenty bytes of
// the Keccak-256 hash of its secp256k1 public key, as Ethereum defines it.
type Address [AddressBytes]byte

// String returns "0x" and 40 lower-case hex digits.
func (a Address) String() string { return "0x" + hex.EncodeToString(a[:]) }

// IsZero reports whether a names nobody.
func (a Address) IsZero() bool { return a == Address{} }

// ParseAddress reads what String returns; upper-case digits are accepted.
func ParseAddress(s string) (Address, error) {
	h, ok := strings.CutPrefix(s, "0x")
	raw, err := hex.DecodeString(h)
	if !ok || err != nil || len(raw) != AddressBytes {
		return Address{}, fmt.Errorf("%w: %.60q is not an address of 0x and 40 hex digits", ErrID, s)
	}
	return Address(raw), nil
}

// MarshalText implements encoding.TextMarshaler.
func (a Address) MarshalText() ([]byte, error) { return []byte(a.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (a *Address) UnmarshalText(b []byte) error {
	p, err := ParseAddress(string(b))
	if err != nil {
		return err
	}
	*a = p
	return nil
}
