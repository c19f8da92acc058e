package identity

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/cerberus-host/cerberus/abi"
)

const (
	// signedFor is how long a request of this transport keeps its force. It covers a slow
	// upload of one chunk and a clock that is a minute off, and stays below what nodes
	// accept.
	signedFor = 4 * time.Minute
	// signedBodyBytesMax bounds a body that is signed, since it is held in memory.
	signedBodyBytesMax = 4 << 20
)

// Transport signs the requests that pass through it. Until [Transport.SetCluster] is
// called, requests pass unsigned: a client has to ask a node for its cluster first. Only
// POST requests are signed; others carry no body and change nothing. It is safe for
// concurrent use.
type Transport struct {
	base   http.RoundTripper
	key    *Key
	now    func() time.Time
	random io.Reader

	mu      sync.Mutex
	cluster []byte
}

// NewTransport wraps a transport. now is the clock for expiries, random the source of
// nonces.
func NewTransport(
	base http.RoundTripper, key *Key, now func() time.Time, random io.Reader,
) *Transport {
	return &Transport{base: base, key: key, now: now, random: random}
}

// SetCluster sets the cluster that later requests are signed for.
func (t *Transport) SetCluster(id []byte) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.cluster = bytes.Clone(id)
}

// RoundTrip implements http.RoundTripper.
func (t *Transport) RoundTrip(r *http.Request) (*http.Response, error) {
	t.mu.Lock()
	cluster := t.cluster
	t.mu.Unlock()
	if cluster == nil || r.Method != http.MethodPost {
		return t.base.RoundTrip(r)
	}
	body, err := readBody(r.Body, signedBodyBytesMax)
	if err != nil {
		return nil, err
	}
	signed, err := t.sign(r, cluster, body)
	if err != nil {
		return nil, err
	}
	// A round tripper must not change the request that it was given.
	out := r.Clone(r.Context())
	out.Header.Set(Header, signed.String())
	out.Body = io.NopCloser(bytes.NewReader(body))
	out.GetBody = func() (io.ReadCloser, error) {
		return io.NopCloser(bytes.NewReader(body)), nil
	}
	out.ContentLength = int64(len(body))
	return t.base.RoundTrip(out)
}

func (t *Transport) sign(r *http.Request, cluster, body []byte) (Signed, error) {
	var nonce Nonce
	t.mu.Lock()
	_, err := io.ReadFull(t.random, nonce[:])
	t.mu.Unlock()
	if err != nil {
		return Signed{}, fmt.Errorf("draw nonce: %w", err)
	}
	return t.key.SignRequest(Request{
		Procedure:   r.URL.Path,
		ContentType: r.Header.Get("Content-Type"),
		Body:        abi.SumDigest(body),
		Cluster:     cluster,
		Nonce:       nonce,
		ExpiryMS:    t.now().Add(signedFor).UnixMilli(),
	}), nil
}

// readBody reads and closes a body of at most limit bytes; nil is the empty body.
func readBody(body io.ReadCloser, limit int64) ([]byte, error) {
	if body == nil {
		return nil, nil
	}
	data, err := io.ReadAll(io.LimitReader(body, limit+1))
	if closeErr := body.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrBody, err)
	}
	if int64(len(data)) > limit {
		return nil, fmt.Errorf("%w: it has more than %d bytes", ErrBody, limit)
	}
	return data, nil
}
