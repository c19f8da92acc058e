package hosttest

import (
	"context"
	"crypto/rand"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/cerberus-host/cerberus/abi"
	"github.com/cerberus-host/cerberus/fhe"
	"github.com/cerberus-host/cerberus/fhe/encode"
	"github.com/cerberus-host/cerberus/fhe/lattigo"
	"github.com/cerberus-host/cerberus/host"
	"github.com/cerberus-host/cerberus/host/config"
	"github.com/cerberus-host/cerberus/host/identity"
	"github.com/cerberus-host/cerberus/proofs/opening"
	cerberusv1 "github.com/cerberus-host/cerberus/proto/gen/cerberus/v1"
	"github.com/cerberus-host/cerberus/proto/gen/cerberus/v1/cerberusv1connect"
)

// readyTimeout is how long a node may take to be ready on a loaded machine.
const readyTimeout = 60 * time.Second

// Node is a running node of a test.
type Node struct {
	*host.Node

	// URL is the base address of the API.
	URL string
	// Admin is the API as the cluster's first admin sees it.
	Admin *Client
	opts  host.Options
	tb    testing.TB
}

// Options returns the options that [Start] begins with: a node in dir, whose first admin
// is the given key, that takes insecure parameter sets and every client. now is its clock,
// time.Now in most tests.
func Options(dir string, admin *identity.Key, now func() time.Time) host.Options {
	cfg := config.Defaults()
	cfg.DataDir = dir
	cfg.Listen = "127.0.0.1:0"
	cfg.OpenToClients = true
	cfg.Admins = []abi.Address{admin.Address()}
	cfg.MemoryBytes = 1 << 30
	cfg.DiskFloorBytes = 1 << 20
	return host.Options{
		Config: cfg, Engine: lattigo.New(), Now: now, Version: "test",
		AllowInsecureParams: true,
	}
}

// SetupSize is the number of elements of the setups of [Setup]: the degree of the ring of
// [Square].
const SetupSize = 1024

// Setup makes a development setup, in about a second.
func Setup(tb testing.TB) *opening.Setup {
	tb.Helper()
	s, err := opening.NewDevelopment(tb.Context(), SetupSize, nil)
	if err != nil {
		tb.Fatal(err)
	}
	return s
}

// Encoder returns the encoder that nodes compile Plans with.
func Encoder() fhe.ConstantEncoder { return encode.New() }

// Key makes a signing key.
func Key(tb testing.TB) *identity.Key {
	tb.Helper()
	key, err := identity.GenerateKey(rand.Reader)
	if err != nil {
		tb.Fatal(err)
	}
	return key
}

// Start starts a node in a temporary directory and waits until it is ready; it is closed
// when the test ends. change may adjust the options; nil changes nothing.
func Start(tb testing.TB, now func() time.Time, change func(*host.Options)) *Node {
	tb.Helper()
	admin := Key(tb)
	opts := Options(tb.TempDir(), admin, now)
	if change != nil {
		change(&opts)
	}
	return start(tb, opts, admin)
}

func start(tb testing.TB, opts host.Options, admin *identity.Key) *Node {
	tb.Helper()
	ctx, stop := context.WithTimeout(tb.Context(), readyTimeout)
	defer stop()
	n, err := host.Open(ctx, opts)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := n.Close(); err != nil {
			tb.Errorf("close node: %v", err)
		}
	})
	if err := n.Start(ctx); err != nil {
		tb.Fatal(err)
	}
	if err := n.WaitReady(ctx); err != nil {
		tb.Fatal(err)
	}
	node := &Node{Node: n, URL: "http://" + n.Addr().String(), opts: opts, tb: tb}
	node.Admin = node.As(admin)
	return node
}

// Restart closes the node and starts it again on the same directory. change may adjust the
// options; nil changes nothing.
func (n *Node) Restart(change func(*host.Options)) *Node {
	n.tb.Helper()
	if err := n.Close(); err != nil {
		n.tb.Fatal(err)
	}
	opts := n.opts
	if change != nil {
		change(&opts)
	}
	return start(n.tb, opts, n.Admin.Key)
}

// Client is the API as one account sees it.
type Client struct {
	Key    *identity.Key
	Nodes  cerberusv1connect.NodeServiceClient
	Blobs  cerberusv1connect.BlobServiceClient
	Brains cerberusv1connect.BrainServiceClient
	Tasks  cerberusv1connect.TaskServiceClient
	tb     testing.TB
}

// NewClient returns the API at a base address, signing with a key once the cluster is
// known; the cluster is asked for at once. now is the client's clock.
func NewClient(
	tb testing.TB, url string, key *identity.Key, now func() time.Time,
) *Client {
	tb.Helper()
	c, err := TryClient(tb, url, key, now)
	if err != nil {
		tb.Fatal(err)
	}
	return c
}

// TryClient is [NewClient] for a test that expects an error.
func TryClient(
	tb testing.TB, url string, key *identity.Key, now func() time.Time,
) (*Client, error) {
	tb.Helper()
	base := &http.Transport{DialContext: (&net.Dialer{}).DialContext}
	tb.Cleanup(base.CloseIdleConnections)
	signer := identity.NewTransport(base, key, now, rand.Reader)
	h := &http.Client{Transport: signer}
	c := &Client{
		Key: key, tb: tb,
		Nodes:  cerberusv1connect.NewNodeServiceClient(h, url),
		Blobs:  cerberusv1connect.NewBlobServiceClient(h, url),
		Brains: cerberusv1connect.NewBrainServiceClient(h, url),
		Tasks:  cerberusv1connect.NewTaskServiceClient(h, url),
	}
	status, err := c.Nodes.GetStatus(tb.Context(), &cerberusv1.GetStatusRequest{})
	if err != nil {
		return nil, err
	}
	signer.SetCluster(status.GetClusterId())
	return c, nil
}

// As returns the API as the account of a key sees it.
func (n *Node) As(key *identity.Key) *Client {
	n.tb.Helper()
	return NewClient(n.tb, n.URL, key, n.opts.Now)
}

// Stranger returns the API as a new account sees it.
func (n *Node) Stranger() *Client {
	n.tb.Helper()
	return n.As(Key(n.tb))
}

// Install registers a module in a slot and activates it, in the admin's name.
func (n *Node) Install(slot uint32, module []byte) *cerberusv1.ModuleVersion {
	n.tb.Helper()
	return n.Admin.Install(slot, module)
}
