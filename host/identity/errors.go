package identity

import "errors"

var (
	// ErrKey is returned when a key file or its bytes are malformed or readable by others.
	ErrKey = errors.New("invalid signing key")
	// ErrSignature is returned when a signature is malformed, not in its one canonical
	// form, or recovers to no key.
	ErrSignature = errors.New("invalid signature")
	// ErrHeader is returned when a signature header is malformed, given twice, or stands
	// on a request that cannot be signed.
	ErrHeader = errors.New("malformed signature header")
	// ErrExpired is returned when a signed request is past its expiry, or when its expiry
	// is further ahead than a node accepts.
	ErrExpired = errors.New("signed request expired")
	// ErrReplay is returned when the same signer used the same nonce before.
	ErrReplay = errors.New("nonce used before")
	// ErrBody is returned when the body of a signed request is too large or cannot be read.
	ErrBody = errors.New("unreadable request body")
)
