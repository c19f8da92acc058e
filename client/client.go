package client

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"connectrpc.com/connect"

	"github.com/cerberus-host/cerberus/abi"
	"github.com/cerberus-host/cerberus/host/identity"
	"github.com/cerberus-host/cerberus/host/runtime"
	cerberusv1 "github.com/cerberus-host/cerberus/proto/gen/cerberus/v1"
	"github.com/cerberus-host/cerberus/proto/gen/cerberus/v1/cerberusv1connect"
)

// DefaultNode is the address of a node on this machine.
const DefaultNode = "http://127.0.0.1:7411"

// readBytesMax bounds one response: a chunk of a blob and its frame.
const readBytesMax = 4 << 20

// clusterIDBytes is the length of a cluster's id.
const clusterIDBytes = 32

// readyPause is the time between two looks at a node that is not ready yet.
const readyPause = 200 * time.Millisecond

// Event tells a caller what the client is doing, for progress displays. It carries no
// value of a request.
type Event struct {
	Phase  string
	Detail string
	// Done and Total count steps or bytes; Total 0 means unknown.
	Done, Total int64
}

// Config is what a [Client] is made of. Node, Store and Sandbox are required.
type Config struct {
	// Node is the base URL of any node of the cluster.
	Node string
	// Store keeps keys, pins and caches.
	Store Store
	// Sandbox runs the modules' encode and decode.
	Sandbox *runtime.Runtime
	// Transport carries the calls; nil means http.DefaultTransport.
	Transport http.RoundTripper
	// Rand is the source of keys, seeds and nonces; nil means crypto/rand.
	Rand io.Reader
	// Now is the clock for timings and signature expiries; nil means time.Now.
	Now func() time.Time
	// AllowInsecureParams lets Brains ask for parameter sets below 128-bit security; for tests.
	AllowInsecureParams bool
	// AllowDevelopmentSetup takes attestations that were made under a development setup,
	// whose maker can forge them; for trying things out.
	AllowDevelopmentSetup bool
	// OnEvent, if not nil, is told what the client does. It may be called concurrently.
	OnEvent func(Event)
}

// Client talks to one node. It is safe for concurrent use.
type Client struct {
	node    string
	store   Store
	sandbox *runtime.Runtime
	rand    io.Reader
	now     func() time.Time
	onEvent func(Event)
	// insecure allows parameter sets that serve tests.
	insecure bool
	// development allows development setups.
	development bool

	identity *identity.Key
	signer   *identity.Transport

	nodes  cerberusv1connect.NodeServiceClient
	blobs  cerberusv1connect.BlobServiceClient
	brains cerberusv1connect.BrainServiceClient
	tasks  cerberusv1connect.TaskServiceClient

	lockMu sync.Mutex
	keysMu sync.Mutex
	// keys holds what was loaded, by the name of the key set; nil once the client is closed.
	keys map[string]*keys
}

// New makes a client; it makes the client's signing key if the store has none, and calls
// nobody.
func New(cfg Config) (*Client, error) {
	u, err := url.Parse(cfg.Node)
	if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
		return nil, fmt.Errorf("%w: node address %.80q is not http://HOST:PORT or https://…",
			ErrUsage, cfg.Node)
	}
	if cfg.Store == nil || cfg.Sandbox == nil {
		return nil, fmt.Errorf("%w: a client needs a store and a sandbox", ErrUsage)
	}
	c := &Client{
		node: strings.TrimSuffix(cfg.Node, "/"), store: cfg.Store, sandbox: cfg.Sandbox,
		rand: cfg.Rand, now: cfg.Now, onEvent: cfg.OnEvent, insecure: cfg.AllowInsecureParams,
		development: cfg.AllowDevelopmentSetup, keys: make(map[string]*keys),
	}
	if c.rand == nil {
		c.rand = rand.Reader
	}
	if c.now == nil {
		c.now = time.Now
	}
	c.identity, err = c.loadIdentity()
	if err != nil {
		return nil, err
	}
	base := cfg.Transport
	if base == nil {
		base = http.DefaultTransport
	}
	c.signer = identity.NewTransport(base, c.identity, c.now, c.rand)
	// A node answers itself: a redirection would carry requests to somebody else.
	httpClient := &http.Client{
		Transport: c.signer, CheckRedirect: func(*http.Request, []*http.Request) error {
			return http.ErrUseLastResponse
		},
	}
	opts := connect.WithClientOptions(
		connect.WithReadMaxBytes(readBytesMax), connect.WithInterceptors(policy{}),
	)
	c.nodes = cerberusv1connect.NewNodeServiceClient(httpClient, c.node, opts)
	c.blobs = cerberusv1connect.NewBlobServiceClient(httpClient, c.node, opts)
	c.brains = cerberusv1connect.NewBrainServiceClient(httpClient, c.node, opts)
	c.tasks = cerberusv1connect.NewTaskServiceClient(httpClient, c.node, opts)
	return c, nil
}

// Close overwrites the secret keys that the client holds in memory. Requests under way may
// fail with [ErrClosed], later ones do. It leaves store and sandbox, which are the caller's.
func (c *Client) Close() {
	c.keysMu.Lock()
	defer c.keysMu.Unlock()
	c.wipeKeys()
	c.keys = nil
}

// Address is the client's identity.
func (c *Client) Address() abi.Address { return c.identity.Address() }

// connection is what a first call to a node tells.
type connection struct {
	id [clusterIDBytes]byte
	// cluster is the id in hex.
	cluster string
	// setup is the digest of the setup that the cluster proves under; zero if it has none.
	setup  abi.Digest
	status *cerberusv1.GetStatusResponse
}

// connect asks the node for its cluster and pins it; later calls are signed for it.
func (c *Client) connect(ctx context.Context, acceptNew bool) (*connection, error) {
	status, err := c.nodes.GetStatus(ctx, &cerberusv1.GetStatusRequest{})
	if err != nil {
		return nil, wrapRPC("ask the node for its status", err)
	}
	if len(status.GetClusterId()) == 0 && !status.GetReady() {
		return nil, fmt.Errorf("%w: the node at %s has no cluster yet: %s", ErrUnreachable, c.node,
			clean(status.GetNotReadyReason()))
	}
	if n := len(status.GetClusterId()); n != clusterIDBytes {
		return nil, fmt.Errorf("%w: the node's cluster id has %d bytes instead of %d",
			ErrVerification, n, clusterIDBytes)
	}
	id := hex.EncodeToString(status.GetClusterId())
	if err := c.pinCluster(id, acceptNew); err != nil {
		return nil, err
	}
	c.signer.SetCluster(status.GetClusterId())
	conn := &connection{
		id: [clusterIDBytes]byte(status.GetClusterId()), cluster: id, status: status,
	}
	if s := status.GetSetup(); s != nil {
		if conn.setup, err = abi.DigestFromBytes(s.GetDigest()); err != nil {
			return nil, fmt.Errorf("%w: the cluster's setup: %w", ErrVerification, err)
		}
	}
	return conn, nil
}

// Connect pins the node's cluster at first contact and returns the node's status.
func (c *Client) Connect(
	ctx context.Context, acceptNew bool,
) (*cerberusv1.GetStatusResponse, error) {
	conn, err := c.connect(ctx, acceptNew)
	if err != nil {
		return nil, err
	}
	return conn.status, nil
}

// WaitReady waits until the node answers and takes tasks, or ctx ends.
func (c *Client) WaitReady(ctx context.Context) error {
	reason := "it does not answer"
	for {
		status, err := c.nodes.GetStatus(ctx, &cerberusv1.GetStatusRequest{})
		switch err = wrapRPC("wait for the node", err); {
		case err == nil && status.GetReady():
			return nil
		case err == nil:
			reason = clean(status.GetNotReadyReason())
		case !errors.Is(err, ErrUnreachable):
			return err
		case ctx.Err() == nil: // else the end of the waiting is all that it tells
			reason = err.Error()
		}
		c.event(Event{Phase: "wait for the node", Detail: reason})
		if rest(ctx, readyPause) {
			continue
		}
		if errors.Is(ctx.Err(), context.Canceled) {
			return fmt.Errorf("wait for the node: %w", ctx.Err())
		}
		return fmt.Errorf("%w: the node at %s is not ready: %s", ErrUnreachable, c.node, reason)
	}
}

func (c *Client) event(e Event) {
	if c.onEvent != nil {
		c.onEvent(e)
	}
}

func (c *Client) transfer(phase string) func(done, total int64) {
	return func(done, total int64) { c.event(Event{Phase: phase, Done: done, Total: total}) }
}
