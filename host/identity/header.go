package identity

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"

	"github.com/cerberus-host/cerberus/abi"
)

// Header is the HTTP header of a signed request. Its value is
//
//	v1 <nonce: 32 hex digits> <expiry: decimal ms> <signature: 130 hex digits>
//
// with single spaces and lower-case digits. A request has it once or not at all.
const Header = "Cerberus-Signature"

const (
	// NonceBytes is the length of a request's nonce.
	NonceBytes = 16
	// headerVersion begins the header; a new scheme has a new word.
	headerVersion = "v1"
	// headerBytesMax is the length of the longest valid header.
	headerBytesMax = len(headerVersion) + 1 + 2*NonceBytes + 1 + expiryDigitsMax + 1 +
		2*SignatureBytes
	// expiryDigitsMax is the number of digits of the last millisecond of the year 9999.
	expiryDigitsMax = 15
	// requestLabel separates what is signed here from everything else that a key signs.
	requestLabel = "cerberus request v1"
)

// Nonce makes two requests of one signer different. A signer never uses one twice.
type Nonce [NonceBytes]byte

// Signed is the content of the header.
type Signed struct {
	Nonce Nonce
	// ExpiryMS is when the request loses its force, in milliseconds since 1970.
	ExpiryMS  int64
	Signature Signature
}

// String returns the header's value.
func (s Signed) String() string {
	return headerVersion + " " + hex.EncodeToString(s.Nonce[:]) + " " +
		strconv.FormatInt(s.ExpiryMS, 10) + " " + hex.EncodeToString(s.Signature[:])
}

// ParseSigned reads what [Signed.String] returns, and nothing else; it returns
// [ErrHeader].
func ParseSigned(value string) (Signed, error) {
	if len(value) > headerBytesMax {
		return Signed{}, fmt.Errorf("%w: %d bytes, at most %d", ErrHeader, len(value),
			headerBytesMax)
	}
	parts := strings.Split(value, " ")
	if len(parts) != 4 || parts[0] != headerVersion {
		return Signed{}, fmt.Errorf("%w: it is not \"v1 NONCE EXPIRY SIGNATURE\"", ErrHeader)
	}
	var s Signed
	if !decodeHex(s.Nonce[:], parts[1]) {
		return Signed{}, fmt.Errorf("%w: the nonce is not %d lower-case hex digits", ErrHeader,
			2*NonceBytes)
	}
	expiry, err := strconv.ParseInt(parts[2], 10, 64)
	if err != nil || expiry <= 0 || strconv.FormatInt(expiry, 10) != parts[2] ||
		len(parts[2]) > expiryDigitsMax {
		return Signed{}, fmt.Errorf("%w: the expiry is not a time in milliseconds", ErrHeader)
	}
	s.ExpiryMS = expiry
	if !decodeHex(s.Signature[:], parts[3]) {
		return Signed{}, fmt.Errorf("%w: the signature is not %d lower-case hex digits", ErrHeader,
			2*SignatureBytes)
	}
	return s, nil
}

// decodeHex fills dst from exactly that many lower-case digits.
func decodeHex(dst []byte, digits string) bool {
	if len(digits) != 2*len(dst) || strings.ToLower(digits) != digits {
		return false
	}
	_, err := hex.Decode(dst, []byte(digits))
	return err == nil
}

// Request is what a signature over a request binds.
type Request struct {
	// Procedure is the path of the URL: "/package.Service/Method".
	Procedure string
	// ContentType says how the body is to be decoded, as the header of that name does.
	ContentType string
	// Body is the SHA-256 of the HTTP body as sent.
	Body abi.Digest
	// Cluster is the cluster's id, as GetStatus reports it.
	Cluster  []byte
	Nonce    Nonce
	ExpiryMS int64
}

// Digest is what gets signed: SHA-256 over the label "cerberus request v1" and the fields
// in the order of [Request], each preceded by its length in 8 bytes, little endian; the
// expiry is 8 bytes, little endian.
func (r Request) Digest() abi.Digest {
	var expiry [8]byte
	binary.LittleEndian.PutUint64(expiry[:], uint64(r.ExpiryMS))
	return abi.LabelledDigest(requestLabel, []byte(r.Procedure), []byte(r.ContentType),
		r.Body[:], r.Cluster, r.Nonce[:], expiry[:])
}

// SignRequest signs a request. The fields of the header are those of the request.
func (k *Key) SignRequest(r Request) Signed {
	return Signed{Nonce: r.Nonce, ExpiryMS: r.ExpiryMS, Signature: k.Sign(r.Digest())}
}
