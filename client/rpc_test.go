package client

import (
	"context"
	"errors"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"connectrpc.com/connect"

	"github.com/cerberus-host/cerberus/abi"
	cerberusv1 "github.com/cerberus-host/cerberus/proto/gen/cerberus/v1"
	"github.com/cerberus-host/cerberus/proto/gen/cerberus/v1/cerberusv1connect"
)

func TestRefusalsBecomeErrors(t *testing.T) {
	detail, err := connect.NewErrorDetail(&cerberusv1.ErrorDetail{
		Reason: "busy", Field: "brain", Fix: "Wait.",
	})
	if err != nil {
		t.Fatal(err)
	}
	for code, kind := range map[connect.Code]error{
		connect.CodeUnavailable:      ErrUnreachable,
		connect.CodeDeadlineExceeded: ErrUnreachable,
		connect.CodeNotFound:         ErrRefused,
		connect.CodePermissionDenied: ErrRefused,
		connect.CodeInternal:         ErrRefused,
	} {
		ce := connect.NewError(code, errors.New("no"))
		ce.AddDetail(detail)
		got := wrapRPC("ask", ce)
		var e *RPCError
		if !errors.Is(got, kind) || !errors.As(got, &e) {
			t.Fatalf("%v: %v", code, got)
		}
		if e.Reason != "busy" || e.Field != "brain" || e.Fix != "Wait." || e.Code != code ||
			got.Error() != "ask: no (field brain); Wait." {
			t.Errorf("%v: %q", code, got)
		}
	}
	if err := wrapRPC("ask", nil); err != nil {
		t.Error(err)
	}
	if err := wrapRPC("ask", ErrVerification); !errors.Is(err, ErrVerification) {
		t.Error(err)
	}
	gone := connect.NewError(connect.CodeCanceled, context.Canceled)
	if err := wrapRPC("ask", gone); !errors.Is(err, context.Canceled) || errors.Is(err, ErrRefused) {
		t.Error(err)
	}
	late := connect.NewError(connect.CodeDeadlineExceeded, context.DeadlineExceeded)
	if err := wrapRPC("ask", late); !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
}

// A node must not move the cursor, hide what is printed, or flood the terminal.
func TestNodesTextIsCleaned(t *testing.T) {
	got := wrapRPC("ask", connect.NewError(connect.CodeNotFound,
		errors.New("a\x1b[2Jb\nc\u202ed\u009be"+strings.Repeat("é", 4*nodeTextMax)))).Error()
	if strings.ContainsAny(got, "\x1b\n\u202e\u009b") || len(got) > nodeTextMax+100 {
		t.Errorf("%d bytes: %.60q", len(got), got)
	}
}

// statusNode answers for status and Brains, or as told.
type statusNode struct {
	cerberusv1connect.UnimplementedNodeServiceHandler
	cerberusv1connect.UnimplementedBrainServiceHandler

	status *cerberusv1.GetStatusResponse
	// starting is how many times more the node says that it is not ready.
	starting atomic.Int64
	calls    atomic.Int64
	before   func(call int64)
}

func (n *statusNode) GetStatus(
	context.Context, *cerberusv1.GetStatusRequest,
) (*cerberusv1.GetStatusResponse, error) {
	if n.starting.Add(-1) >= 0 {
		return &cerberusv1.GetStatusResponse{NotReadyReason: "the node is starting"}, nil
	}
	return n.status, nil
}

func (n *statusNode) ListBrains(
	context.Context, *cerberusv1.ListBrainsRequest,
) (*cerberusv1.ListBrainsResponse, error) {
	n.before(n.calls.Add(1))
	return &cerberusv1.ListBrainsResponse{}, nil
}

func (n *statusNode) RetireBrain(
	context.Context, *cerberusv1.RetireBrainRequest,
) (*cerberusv1.RetireBrainResponse, error) {
	n.before(n.calls.Add(1))
	return &cerberusv1.RetireBrainResponse{}, nil
}

func (n *statusNode) dial(t *testing.T) *Client {
	t.Helper()
	if n.status == nil {
		n.status = &cerberusv1.GetStatusResponse{Ready: true, ClusterId: make([]byte, clusterIDBytes)}
	}
	mux := http.NewServeMux()
	mux.Handle(cerberusv1connect.NewNodeServiceHandler(n))
	mux.Handle(cerberusv1connect.NewBrainServiceHandler(n))
	return dial(t, mux)
}

// Calls that change nothing are made again when the connection breaks; others are not,
// since their effect is unknown.
func TestBrokenCallsAreRepeatedIfHarmless(t *testing.T) {
	cutFirst := func(call int64) {
		if call == 1 {
			panic(http.ErrAbortHandler)
		}
	}
	n := &statusNode{before: cutFirst}
	if _, err := n.dial(t).Brains(t.Context()); err != nil || n.calls.Load() != 2 {
		t.Errorf("%d calls, %v", n.calls.Load(), err)
	}
	n = &statusNode{before: cutFirst}
	if err := n.dial(t).Retire(t.Context(), 1); !errors.Is(err, ErrUnreachable) ||
		n.calls.Load() != 1 {
		t.Errorf("%d calls, %v", n.calls.Load(), err)
	}
	n = &statusNode{before: func(int64) { panic(http.ErrAbortHandler) }}
	if _, err := n.dial(t).Brains(t.Context()); !errors.Is(err, ErrUnreachable) ||
		n.calls.Load() != attemptsMax {
		t.Errorf("%d calls, %v", n.calls.Load(), err)
	}
}

// A caller's deadline ends a call that hangs.
func TestHangingNodeIsLeft(t *testing.T) {
	release := make(chan struct{})
	n := &statusNode{before: func(int64) { <-release }}
	c := n.dial(t)
	t.Cleanup(func() { close(release) })
	ctx, stop := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer stop()
	if _, err := c.Brains(ctx); !errors.Is(err, context.DeadlineExceeded) ||
		!errors.Is(err, ErrUnreachable) {
		t.Errorf("%v", err)
	}
}

func TestRefusedConnectionIsUnreachable(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	c, err := New(Config{Node: "http://" + addr, Store: NewMemStore(), Sandbox: newSandbox(t)})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Brains(t.Context()); !errors.Is(err, ErrUnreachable) {
		t.Errorf("%v", err)
	}
	ctx, stop := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer stop()
	if err := c.WaitReady(ctx); !errors.Is(err, ErrUnreachable) ||
		!strings.Contains(err.Error(), "refused") {
		t.Errorf("%v", err)
	}
	ctx, stop = context.WithCancel(t.Context())
	stop()
	if err := c.WaitReady(ctx); !errors.Is(err, context.Canceled) || errors.Is(err, ErrUnreachable) {
		t.Errorf("%v", err)
	}
}

// WaitReady waits as long as the node is starting, and no longer than it may.
func TestWaitReadyWaits(t *testing.T) {
	n := new(statusNode)
	c := n.dial(t)
	n.starting.Store(2)
	if err := c.WaitReady(t.Context()); err != nil || n.starting.Load() >= 0 {
		t.Errorf("%v", err)
	}
	n.starting.Store(1 << 30)
	ctx, stop := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer stop()
	if err := c.WaitReady(ctx); !errors.Is(err, ErrUnreachable) ||
		!strings.Contains(err.Error(), "the node is starting") {
		t.Errorf("%v", err)
	}
}

func TestRedirectionsAreNotFollowed(t *testing.T) {
	var followed atomic.Bool
	mux := http.NewServeMux()
	mux.HandleFunc("/elsewhere", func(http.ResponseWriter, *http.Request) { followed.Store(true) })
	mux.Handle("/", http.RedirectHandler("/elsewhere", http.StatusTemporaryRedirect))
	if _, err := dial(t, mux).Brains(t.Context()); err == nil || followed.Load() {
		t.Errorf("followed: %t, %v", followed.Load(), err)
	}
}

// A node that is starting has no cluster yet: nothing must be pinned then.
func TestNothingIsPinnedWithoutACluster(t *testing.T) {
	n := &statusNode{status: &cerberusv1.GetStatusResponse{NotReadyReason: "starting\x1b"}}
	c := n.dial(t)
	if _, err := c.Connect(t.Context(), false); !errors.Is(err, ErrUnreachable) {
		t.Errorf("%v", err)
	}
	n.status = &cerberusv1.GetStatusResponse{Ready: true, ClusterId: []byte{1}}
	if _, err := c.Connect(t.Context(), false); !errors.Is(err, ErrVerification) {
		t.Errorf("%v", err)
	}
	if l, err := c.readLock(); err != nil || len(l.Clusters) != 0 {
		t.Errorf("pinned %v, %v", l, err)
	}
	n.status = &cerberusv1.GetStatusResponse{Ready: true, ClusterId: make([]byte, clusterIDBytes)}
	if _, err := c.Connect(t.Context(), false); err != nil {
		t.Error(err)
	}
}

func TestNewChecksItsConfiguration(t *testing.T) {
	for _, node := range []string{"", "127.0.0.1:7411", "ftp://x", "http://", "http://%zz"} {
		_, err := New(Config{Node: node, Store: NewMemStore(), Sandbox: newSandbox(t)})
		if !errors.Is(err, ErrUsage) {
			t.Errorf("%q: %v", node, err)
		}
	}
	if _, err := New(Config{Node: DefaultNode}); !errors.Is(err, ErrUsage) {
		t.Errorf("%v", err)
	}
	damaged := NewMemStore()
	if err := damaged.Write(identityFile, []byte("x")); err != nil {
		t.Fatal(err)
	}
	_, err := New(Config{Node: DefaultNode, Store: damaged, Sandbox: newSandbox(t)})
	if !errors.Is(err, ErrStore) {
		t.Errorf("%v", err)
	}
	// The identity is made once.
	store := NewMemStore()
	var seen []abi.Address
	for range 2 {
		c, err := New(Config{Node: DefaultNode, Store: store, Sandbox: newSandbox(t)})
		if err != nil {
			t.Fatal(err)
		}
		seen = append(seen, c.Address())
	}
	if seen[0] != seen[1] {
		t.Errorf("identities %v", seen)
	}
}
