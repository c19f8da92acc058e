package identity

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/cerberus-host/cerberus/abi"
)

// ExpiryAheadMax bounds how far ahead of the node's clock a request may expire. It is what
// a captured request can be used for at most, and how long a nonce has to be remembered.
const ExpiryAheadMax = 10 * time.Minute

// Caller is the verified signer of a request, with what makes the request unique.
type Caller struct {
	Address  abi.Address
	Nonce    Nonce
	ExpiryMS int64
}

type callerKey struct{}

// WithCaller returns a context that carries a verified caller.
func WithCaller(ctx context.Context, c Caller) context.Context {
	return context.WithValue(ctx, callerKey{}, c)
}

// CallerFrom returns the caller that [Verifier.Wrap] or [WithCaller] put into the context;
// ok is false for an anonymous request.
func CallerFrom(ctx context.Context) (c Caller, ok bool) {
	c, ok = ctx.Value(callerKey{}).(Caller)
	return c, ok
}

// Verifier checks signed requests. Every field is required. It is safe for concurrent use.
type Verifier struct {
	// Cluster returns the id of the cluster that requests must be signed for; empty while
	// the node does not know it, and then every signed request is refused.
	Cluster func() []byte
	// Now is the clock that expiries are compared with.
	Now func() time.Time
	// BodyBytesMax bounds the body of a signed request.
	BodyBytesMax int64
	// Refuse answers a request that was refused with one of this package's errors.
	Refuse func(w http.ResponseWriter, r *http.Request, err error)
}

// Wrap returns a handler that hands requests with a valid signature to next, with the
// caller in their context and the body as it was signed; anonymous requests pass as they
// are. Others are refused before anything decodes them.
func (v *Verifier) Wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		values := r.Header.Values(Header)
		if len(values) == 0 {
			next.ServeHTTP(w, r)
			return
		}
		caller, body, err := v.verify(r, values)
		if err != nil {
			v.Refuse(w, r, err)
			return
		}
		signed := r.WithContext(WithCaller(r.Context(), caller))
		signed.Body = io.NopCloser(bytes.NewReader(body))
		signed.ContentLength = int64(len(body))
		next.ServeHTTP(w, signed)
	})
}

func (v *Verifier) verify(r *http.Request, values []string) (Caller, []byte, error) {
	if len(values) != 1 {
		return Caller{}, nil, fmt.Errorf("%w: it is given %d times", ErrHeader, len(values))
	}
	// The signature covers the path and the body, and nothing of a query.
	if r.Method != http.MethodPost || r.URL.RawQuery != "" {
		return Caller{}, nil, fmt.Errorf("%w: only POST requests without a query are signed",
			ErrHeader)
	}
	signed, err := ParseSigned(values[0])
	if err != nil {
		return Caller{}, nil, err
	}
	if err := v.checkExpiry(signed.ExpiryMS); err != nil {
		return Caller{}, nil, err
	}
	cluster := v.Cluster()
	if len(cluster) == 0 {
		return Caller{}, nil, fmt.Errorf("%w: the node has no cluster id yet", ErrSignature)
	}
	body, err := readBody(r.Body, v.BodyBytesMax)
	if err != nil {
		return Caller{}, nil, err
	}
	address, err := Recover(Request{
		Procedure:   r.URL.Path,
		ContentType: r.Header.Get("Content-Type"),
		Body:        abi.SumDigest(body),
		Cluster:     cluster,
		Nonce:       signed.Nonce,
		ExpiryMS:    signed.ExpiryMS,
	}.Digest(), signed.Signature)
	if err != nil {
		return Caller{}, nil, err
	}
	return Caller{Address: address, Nonce: signed.Nonce, ExpiryMS: signed.ExpiryMS}, body, nil
}

func (v *Verifier) checkExpiry(expiryMS int64) error {
	left := expiryMS - v.Now().UnixMilli()
	switch {
	case left < 0:
		return fmt.Errorf("%w: %d ms ago by the node's clock", ErrExpired, -left)
	case left > ExpiryAheadMax.Milliseconds():
		return fmt.Errorf("%w: it expires %d ms ahead of the node's clock, at most %d are accepted",
			ErrExpired, left, ExpiryAheadMax.Milliseconds())
	}
	return nil
}
