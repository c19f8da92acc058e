package identity_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/cerberus-host/cerberus/abi"
	"github.com/cerberus-host/cerberus/host/identity"
)

const procedure = "/cerberus.v1.TaskService/SubmitTask"

func clock() time.Time { return time.UnixMilli(1_800_000_000_000) }

// seenRequest is what the handler behind the verifier saw.
type seenRequest struct {
	caller identity.Caller
	signed bool
	body   string
	err    error
}

// serve sends one request through a verifier.
func serve(t *testing.T, r *http.Request) seenRequest {
	t.Helper()
	var seen seenRequest
	v := &identity.Verifier{
		Cluster: func() []byte { return []byte("cluster") }, Now: clock, BodyBytesMax: 64,
		Refuse: func(w http.ResponseWriter, _ *http.Request, err error) {
			seen.err = err
			w.WriteHeader(http.StatusUnauthorized)
		},
	}
	h := v.Wrap(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		seen.caller, seen.signed = identity.CallerFrom(r.Context())
		b, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		seen.body = string(b)
	}))
	h.ServeHTTP(httptest.NewRecorder(), r)
	return seen
}

// post makes a request that is signed well, then changed.
func post(t *testing.T, body string, change func(*identity.Request, *http.Request)) *http.Request {
	t.Helper()
	r := httptest.NewRequest(http.MethodPost, procedure, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/proto")
	signed := identity.Request{
		Procedure: procedure, ContentType: "application/proto",
		Body: abi.SumDigest([]byte(body)), Cluster: []byte("cluster"),
		Nonce: identity.Nonce{1, 2}, ExpiryMS: clock().Add(time.Minute).UnixMilli(),
	}
	if change != nil {
		change(&signed, r)
	}
	if r.Header.Get(identity.Header) == "" {
		r.Header.Set(identity.Header, testKey(t, 4).SignRequest(signed).String())
	}
	return r
}

func TestVerifierPassesTheSignedBody(t *testing.T) {
	seen := serve(t, post(t, "body", nil))
	if seen.err != nil || !seen.signed || seen.body != "body" ||
		seen.caller.Address != testKey(t, 4).Address() || seen.caller.Nonce[1] != 2 {
		t.Fatalf("%+v", seen)
	}
}

func TestVerifierPassesAnonymousRequests(t *testing.T) {
	r := httptest.NewRequest(http.MethodPost, procedure, strings.NewReader("body"))
	if seen := serve(t, r); seen.err != nil || seen.signed || seen.body != "body" {
		t.Fatalf("%+v", seen)
	}
}

// A signature over something else recovers to another address, which has no role; it must
// never recover to the signer's.
func TestForgedRequestsAreNotTheSigners(t *testing.T) {
	for name, change := range map[string]func(*identity.Request, *http.Request){
		"body":      func(s *identity.Request, _ *http.Request) { s.Body = abi.SumDigest(nil) },
		"procedure": func(s *identity.Request, _ *http.Request) { s.Procedure += "s" },
		"cluster":   func(s *identity.Request, _ *http.Request) { s.Cluster = []byte("other") },
		"content type": func(_ *identity.Request, r *http.Request) {
			r.Header.Set("Content-Type", "application/json")
		},
		"nonce": func(s *identity.Request, r *http.Request) {
			signed := testKey(t, 4).SignRequest(*s)
			signed.Nonce[0]++
			r.Header.Set(identity.Header, signed.String())
		},
		"expiry": func(s *identity.Request, r *http.Request) {
			signed := testKey(t, 4).SignRequest(*s)
			signed.ExpiryMS++
			r.Header.Set(identity.Header, signed.String())
		},
	} {
		seen := serve(t, post(t, "body", change))
		if seen.err == nil && seen.caller.Address == testKey(t, 4).Address() {
			t.Errorf("%s: the forgery passes as the signer's", name)
		}
	}
}

func TestVerifierRefuses(t *testing.T) {
	set := func(value string) func(*identity.Request, *http.Request) {
		return func(_ *identity.Request, r *http.Request) { r.Header.Set(identity.Header, value) }
	}
	expire := func(d time.Duration) func(*identity.Request, *http.Request) {
		return func(s *identity.Request, _ *http.Request) {
			s.ExpiryMS = clock().Add(d).UnixMilli()
		}
	}
	get := func(_ *identity.Request, r *http.Request) { r.Method = http.MethodGet }
	query := func(_ *identity.Request, r *http.Request) { r.URL.RawQuery = "a=b" }
	broken := func(_ *identity.Request, r *http.Request) { r.Body = brokenBody{} }
	twice := func(_ *identity.Request, r *http.Request) {
		r.Header[identity.Header] = []string{"v1", "v1"}
	}
	for name, c := range map[string]struct {
		change func(*identity.Request, *http.Request)
		body   string
		want   error
	}{
		"malformed":   {set("v1 nonsense"), "b", identity.ErrHeader},
		"twice":       {twice, "b", identity.ErrHeader},
		"get":         {get, "b", identity.ErrHeader},
		"query":       {query, "b", identity.ErrHeader},
		"expired":     {expire(-time.Millisecond), "b", identity.ErrExpired},
		"far ahead":   {expire(identity.ExpiryAheadMax + time.Millisecond), "b", identity.ErrExpired},
		"large body":  {nil, strings.Repeat("b", 65), identity.ErrBody},
		"broken body": {broken, "b", identity.ErrBody},
	} {
		if seen := serve(t, post(t, c.body, c.change)); !errors.Is(seen.err, c.want) {
			t.Errorf("%s: %v, want %v", name, seen.err, c.want)
		}
	}
}

type brokenBody struct{}

func (brokenBody) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }
func (brokenBody) Close() error             { return nil }

func TestTransportSignsWhatTheVerifierAccepts(t *testing.T) {
	var seen seenRequest
	key := testKey(t, 4)
	base := roundTripper(func(r *http.Request) (*http.Response, error) {
		server := httptest.NewRequest(r.Method, r.URL.Path, r.Body)
		server.Header = r.Header
		seen = serve(t, server)
		return &http.Response{StatusCode: http.StatusOK, Body: http.NoBody}, nil
	})
	tr := identity.NewTransport(base, key, clock, seed(3))
	send := func() {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://node"+procedure,
			strings.NewReader("body"))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/proto")
		resp, err := tr.RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		if err := resp.Body.Close(); err != nil {
			t.Fatal(err)
		}
		if r.Header.Get(identity.Header) != "" {
			t.Error("the caller's request was changed")
		}
	}
	send()
	if seen.signed || seen.err != nil {
		t.Fatalf("before the cluster is known: %+v", seen)
	}
	tr.SetCluster([]byte("cluster"))
	send()
	first := seen.caller
	if !seen.signed || seen.body != "body" || first.Address != key.Address() {
		t.Fatalf("%+v", seen)
	}
	send()
	if seen.caller.Nonce == first.Nonce {
		t.Error("two requests have the same nonce")
	}
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestReplay(t *testing.T) {
	now := clock()
	r := identity.NewReplay(func() time.Time { return now }, 2)
	caller := func(who, nonce byte, in time.Duration) identity.Caller {
		return identity.Caller{
			Address: abi.Address{who}, Nonce: identity.Nonce{nonce},
			ExpiryMS: clock().Add(in).UnixMilli(),
		}
	}
	use := func(c identity.Caller, want error) {
		t.Helper()
		if err := r.Use(c); !errors.Is(err, want) {
			t.Fatalf("%v, want %v", err, want)
		}
	}
	use(caller(1, 1, time.Minute), nil)
	use(caller(1, 1, time.Minute), identity.ErrReplay)
	use(caller(2, 1, time.Second), nil)
	// Full: the one that expires first gives way, the other is still known.
	use(caller(3, 1, time.Hour), nil)
	use(caller(1, 1, time.Minute), identity.ErrReplay)
	use(caller(2, 1, time.Second), nil)
	// What expired is forgotten; the verifier refuses it before.
	now = now.Add(2 * time.Hour)
	use(caller(3, 1, time.Hour), nil)
}
