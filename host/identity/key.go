package identity

import (
	"encoding/hex"
	"fmt"
	"io"
	"strings"

	"github.com/decred/dcrd/dcrec/secp256k1/v4"
	"github.com/decred/dcrd/dcrec/secp256k1/v4/ecdsa"
	"golang.org/x/crypto/sha3"

	"github.com/cerberus-host/cerberus/abi"
)

const (
	// keyLabel begins the text form of a key; changing it breaks every stored key.
	keyLabel = "cerberus-secp256k1-v1 "
	// keyBytes is the length of a private scalar.
	keyBytes = 32
	// SignatureBytes is the length of a signature: R, S, and the recovery bit.
	SignatureBytes = 65
)

// Signature is a recoverable ECDSA signature: 32 bytes R, 32 bytes S, one byte that is 0
// or 1, the parity of the nonce point. S is in the lower half of the group order; no other
// form of the same signature is accepted.
type Signature [SignatureBytes]byte

// Key is a secp256k1 private key. It is immutable and safe for concurrent use. Its text
// form is what [Key.Marshal] returns; no other method gives it away.
type Key struct {
	private *secp256k1.PrivateKey
	address abi.Address
}

// GenerateKey draws a key from a source of secure random bytes.
func GenerateKey(random io.Reader) (*Key, error) {
	private, err := secp256k1.GeneratePrivateKeyFromRand(random)
	if err != nil {
		return nil, fmt.Errorf("draw signing key: %w", err)
	}
	return newKey(private), nil
}

func newKey(private *secp256k1.PrivateKey) *Key {
	return &Key{private: private, address: addressOf(private.PubKey())}
}

// ParseKey reads what [Key.Marshal] returns, and nothing else.
func ParseKey(text []byte) (*Key, error) {
	digits, ok := strings.CutPrefix(string(text), keyLabel)
	digits, newline := strings.CutSuffix(digits, "\n")
	if !ok || !newline || len(digits) != 2*keyBytes || strings.ToLower(digits) != digits {
		return nil, fmt.Errorf("%w: it is not one line of %q and 64 hex digits", ErrKey, keyLabel)
	}
	raw, err := hex.DecodeString(digits)
	if err != nil {
		return nil, fmt.Errorf("%w: it is not hexadecimal", ErrKey)
	}
	var scalar secp256k1.ModNScalar
	if overflow := scalar.SetByteSlice(raw); overflow || scalar.IsZero() {
		return nil, fmt.Errorf("%w: it is zero or beyond the group order", ErrKey)
	}
	return newKey(secp256k1.NewPrivateKey(&scalar)), nil
}

// Marshal returns the key as one line of text, the form of a key file. It is secret.
func (k *Key) Marshal() []byte {
	return []byte(keyLabel + hex.EncodeToString(k.private.Serialize()) + "\n")
}

// Address is the account that the key stands for.
func (k *Key) Address() abi.Address { return k.address }

// Sign signs a digest. The same key and digest give the same signature (RFC 6979).
func (k *Key) Sign(digest abi.Digest) Signature {
	compact := ecdsa.SignCompact(k.private, digest[:], false)
	// The library puts 27 plus the recovery bits first.
	var s Signature
	copy(s[:], compact[1:])
	s[SignatureBytes-1] = compact[0] - compactOffset
	return s
}

// compactOffset is what the compact form of the library adds to the recovery bits of an
// uncompressed key.
const compactOffset = 27

// Recover returns the address of the key that signed the digest. It returns
// [ErrSignature] for a signature that is not canonical or that no key can have made.
func Recover(digest abi.Digest, s Signature) (abi.Address, error) {
	var order secp256k1.ModNScalar
	if overflow := order.SetByteSlice(s[32:64]); overflow || order.IsOverHalfOrder() {
		return abi.Address{}, fmt.Errorf("%w: S is not in the lower half of the group order",
			ErrSignature)
	}
	if s[SignatureBytes-1] > 1 {
		return abi.Address{}, fmt.Errorf("%w: the recovery byte is %d, not 0 or 1", ErrSignature,
			s[SignatureBytes-1])
	}
	compact := make([]byte, 0, SignatureBytes)
	compact = append(compact, s[SignatureBytes-1]+compactOffset)
	compact = append(compact, s[:64]...)
	public, _, err := ecdsa.RecoverCompact(compact, digest[:])
	if err != nil {
		return abi.Address{}, fmt.Errorf("%w: no key has made it", ErrSignature)
	}
	return addressOf(public), nil
}

// addressOf is the last twenty bytes of the Keccak-256 hash of the uncompressed point
// without its leading byte, as Ethereum defines it.
func addressOf(public *secp256k1.PublicKey) abi.Address {
	h := sha3.NewLegacyKeccak256()
	h.Write(public.SerializeUncompressed()[1:])
	return abi.Address(h.Sum(nil)[keyBytes-abi.AddressBytes:])
}
