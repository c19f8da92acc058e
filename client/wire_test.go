package client_test

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/cerberus-host/cerberus/abi"
	"github.com/cerberus-host/cerberus/client"
	"github.com/cerberus-host/cerberus/host/hosttest"
	"github.com/cerberus-host/cerberus/host/runtime"
	cerberusv1 "github.com/cerberus-host/cerberus/proto/gen/cerberus/v1"
	"github.com/cerberus-host/cerberus/proto/gen/cerberus/v1/cerberusv1connect"
)

// wire carries a client's calls, keeps what was sent, and lets a test change answers.
type wire struct {
	base *http.Transport

	mu     sync.Mutex
	calls  map[string]int
	bodies [][]byte
	// before, if set, is told of each call; after may change an answer.
	before func(procedure string)
	after  map[string]func(body []byte) []byte
	// blobs are what the node does not have, and is made to have.
	blobs map[abi.Digest][]byte
}

func newWire(tb testing.TB) *wire {
	tb.Helper()
	w := &wire{
		base: new(http.Transport), calls: make(map[string]int),
		after: make(map[string]func([]byte) []byte), blobs: make(map[abi.Digest][]byte),
	}
	tb.Cleanup(w.base.CloseIdleConnections)
	return w
}

func (w *wire) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	w.mu.Lock()
	w.calls[r.URL.Path]++
	w.bodies = append(w.bodies, body)
	before, after := w.before, w.after[r.URL.Path]
	w.mu.Unlock()
	if before != nil {
		before(r.URL.Path)
	}
	if answer := w.blob(r.URL.Path, body); answer != nil {
		return answer, nil
	}
	out := r.Clone(r.Context())
	out.Body = io.NopCloser(bytes.NewReader(body))
	if after != nil {
		out.Header.Set("Accept-Encoding", "identity")
		out.Header.Set("Connect-Accept-Encoding", "identity")
	}
	resp, err := w.base.RoundTrip(out)
	if err != nil || after == nil || resp.StatusCode != http.StatusOK {
		return resp, err
	}
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, err
	}
	answer = after(answer)
	resp.Body = io.NopCloser(bytes.NewReader(answer))
	resp.ContentLength = int64(len(answer))
	resp.Header.Del("Content-Length")
	return resp, nil
}

// blob answers a read of a blob that the node does not have; nil for anything else.
func (w *wire) blob(procedure string, body []byte) *http.Response {
	req := new(cerberusv1.ReadBlobRequest)
	if procedure != cerberusv1connect.BlobServiceReadBlobProcedure ||
		proto.Unmarshal(body, req) != nil || len(req.GetDigest()) != abi.DigestBytes {
		return nil
	}
	w.mu.Lock()
	data, ok := w.blobs[abi.Digest(req.GetDigest())]
	w.mu.Unlock()
	if !ok {
		return nil
	}
	from := min(req.GetOffset(), int64(len(data)))
	to := min(from+int64(req.GetLimit()), int64(len(data)))
	answer, err := proto.Marshal(&cerberusv1.ReadBlobResponse{
		Data: data[from:to], TotalBytes: int64(len(data)),
	})
	if err != nil {
		return nil
	}
	return &http.Response{
		StatusCode: http.StatusOK, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: http.Header{"Content-Type": {"application/proto"}},
		Body:   io.NopCloser(bytes.NewReader(answer)), ContentLength: int64(len(answer)),
	}
}

// count returns how often a procedure was called.
func (w *wire) count(procedure string) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.calls[procedure]
}

// uploads returns how many uploads were begun.
func (w *wire) uploads() int { return w.count(cerberusv1connect.BlobServiceStartUploadProcedure) }

// sent reports whether a text was sent in clear.
func (w *wire) sent(text string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, b := range w.bodies {
		if strings.Contains(string(b), text) {
			return true
		}
	}
	return false
}

// changeAnswer makes an after function of a change to a message.
func changeAnswer[M proto.Message](tb testing.TB, m M, change func(M)) func([]byte) []byte {
	tb.Helper()
	return func(body []byte) []byte {
		if err := proto.Unmarshal(body, m); err != nil {
			tb.Error(err)
		}
		change(m)
		out, err := proto.Marshal(m)
		if err != nil {
			tb.Error(err)
		}
		return out
	}
}

// user is a client of a test's node.
type user struct {
	*client.Client

	store client.Store
	wire  *wire
}

// newUser makes a client with a store of its own.
func newUser(tb testing.TB, url string) *user {
	tb.Helper()
	return newUserOf(tb, url, client.NewMemStore())
}

// newUserOf makes a client with a store that may have been used before.
func newUserOf(tb testing.TB, url string, store client.Store) *user {
	tb.Helper()
	return newUserWith(tb, url, store, false)
}

// newUserWith makes a client that takes development setups or not.
func newUserWith(tb testing.TB, url string, store client.Store, development bool) *user {
	tb.Helper()
	sandbox, err := runtime.New(tb.Context(), runtime.Config{RunTimeout: 5 * time.Second})
	if err != nil {
		tb.Fatal(err)
	}
	u := &user{store: store, wire: newWire(tb)}
	u.Client, err = client.New(client.Config{
		Node: url, Store: store, Sandbox: sandbox, Transport: u.wire, AllowInsecureParams: true,
		AllowDevelopmentSetup: development,
	})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		u.Close()
		if err := sandbox.Close(context.WithoutCancel(tb.Context())); err != nil {
			tb.Error(err)
		}
	})
	return u
}

// open opens a Brain, which must succeed.
func (u *user) open(tb testing.TB, ref string) *client.Brain {
	tb.Helper()
	b, err := u.Open(tb.Context(), ref, client.OpenOptions{})
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

// startNode starts a node that takes insecure parameter sets.
func startNode(tb testing.TB) *hosttest.Node {
	tb.Helper()
	return hosttest.Start(tb, time.Now, nil)
}
