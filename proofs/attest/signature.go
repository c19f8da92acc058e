package attest

import (
	"fmt"

	"github.com/decred/dcrd/dcrec/secp256k1/v4"
	"github.com/decred/dcrd/dcrec/secp256k1/v4/ecdsa"
	"golang.org/x/crypto/sha3"

	"github.com/cerberus-host/cerberus/abi"
)

// SignatureBytes is the length of a [Signature].
const SignatureBytes = 65

// compactHeader is what the library's compact form adds to the recovery bits.
const compactHeader = 27

// Signature is a recoverable ECDSA signature over secp256k1 in the form that host/identity
// makes: R, S in the lower half of the group order, and the parity of the nonce point, 0 or
// 1. A digest and a key have many signatures; each has one form.
type Signature [SignatureBytes]byte

// Recover returns the address of the key that signed the digest: a
// [Statement.SigningDigest] or a [Verdict.SigningDigest]. It returns [ErrSignature] for a
// signature that is not in canonical form or that no key can have made.
func Recover(digest abi.Digest, sig Signature) (abi.Address, error) {
	parity := sig[SignatureBytes-1]
	if parity > 1 {
		return abi.Address{}, fmt.Errorf("%w: parity byte %d", ErrSignature, parity)
	}
	var s secp256k1.ModNScalar
	if overflow := s.SetByteSlice(sig[32:64]); overflow || s.IsOverHalfOrder() {
		return abi.Address{}, fmt.Errorf("%w: S is above half of the group order", ErrSignature)
	}
	compact := append([]byte{compactHeader + parity}, sig[:SignatureBytes-1]...)
	key, _, err := ecdsa.RecoverCompact(compact, digest[:])
	if err != nil {
		return abi.Address{}, fmt.Errorf("%w: it belongs to no key", ErrSignature)
	}
	h := sha3.NewLegacyKeccak256()
	_, _ = h.Write(key.SerializeUncompressed()[1:]) // a hash does not fail
	sum := h.Sum(nil)
	return abi.Address(sum[len(sum)-abi.AddressBytes:]), nil
}
