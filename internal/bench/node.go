package bench

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/cerberus-host/cerberus/abi"
	"github.com/cerberus-host/cerberus/client"
	"github.com/cerberus-host/cerberus/fhe/lattigo"
	"github.com/cerberus-host/cerberus/host"
	"github.com/cerberus-host/cerberus/host/blob"
	"github.com/cerberus-host/cerberus/host/config"
	"github.com/cerberus-host/cerberus/host/identity"
	"github.com/cerberus-host/cerberus/host/runtime"
	"github.com/cerberus-host/cerberus/internal/figures"
	cerberusv1 "github.com/cerberus-host/cerberus/proto/gen/cerberus/v1"
	"github.com/cerberus-host/cerberus/proto/gen/cerberus/v1/cerberusv1connect"
)

// measureNode asks a node on the loopback interface, as `cerberus ask` would.
func measureNode(ctx context.Context, b *bench, f *figures.File) (err error) {
	key, err := identity.GenerateKey(rand.Reader)
	if err != nil {
		return err
	}
	n, err := b.startNode(ctx, key)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, n.Close()) }()
	sandbox, err := runtime.New(ctx, runtime.Config{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, sandbox.Close(context.WithoutCancel(ctx))) }()
	url := "http://" + n.Addr().String()
	if err := b.install(ctx, url, key, sandbox, f); err != nil {
		return err
	}
	store, err := client.NewDirStore(filepath.Join(b.scratch, "client"))
	if err != nil {
		return err
	}
	c, err := client.New(client.Config{Node: url, Store: store, Sandbox: sandbox})
	if err != nil {
		return err
	}
	for _, file := range b.brains {
		for _, q := range questions(file.name) {
			if err := b.measureAsks(ctx, c, q, f); err != nil {
				return fmt.Errorf("%s: %w", q.label, err)
			}
		}
	}
	return measureUpload(ctx, url, f)
}

func (b *bench) startNode(ctx context.Context, admin *identity.Key) (*host.Node, error) {
	cfg := config.Defaults()
	cfg.DataDir = filepath.Join(b.scratch, "node")
	cfg.Listen = "127.0.0.1:0"
	cfg.OpenToClients = true
	cfg.Admins = []abi.Address{admin.Address()}
	if err := os.MkdirAll(cfg.DataDir, 0o700); err != nil {
		return nil, err
	}
	n, err := host.Open(ctx, host.Options{
		Config: cfg, Engine: lattigo.New(), Now: time.Now, Version: "bench",
		Log: slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError})),
	})
	if err != nil {
		return nil, err
	}
	if err := n.Start(ctx); err != nil {
		return nil, errors.Join(err, n.Close())
	}
	if err := n.WaitReady(ctx); err != nil {
		return nil, errors.Join(err, n.Close())
	}
	return n, nil
}

// install registers and activates the Brains, by the calls that their author makes.
func (b *bench) install(
	ctx context.Context, url string, key *identity.Key, sandbox *runtime.Runtime, f *figures.File,
) error {
	store := client.NewMemStore()
	if err := client.UseIdentity(store, key); err != nil {
		return err
	}
	c, err := client.New(client.Config{Node: url, Store: store, Sandbox: sandbox})
	if err != nil {
		return err
	}
	if _, err := c.Connect(ctx, false); err != nil {
		return err
	}
	for i, file := range b.brains {
		number := abi.BrainID(i + 1)
		d, err := timed(func() error {
			if _, err := c.Register(ctx, number, file.module, file.model); err != nil {
				return err
			}
			return c.Activate(ctx, number, abi.SumDigest(file.module))
		})
		if err != nil {
			return fmt.Errorf("register %s: %w", file.name, err)
		}
		f.Add(figures.Row{
			Figure: file.name + ": register and activate", Value: millis(d), Unit: "ms",
			Reference: megabytes(len(file.module)) + " module",
		})
	}
	return nil
}

// phase is a phase of a question in the client's timings.
type phase struct {
	name string
	of   func(client.Timings) float64
}

func phases() []phase {
	return []phase{
		{"encode", func(t client.Timings) float64 { return t.Encode }},
		{"encrypt", func(t client.Timings) float64 { return t.Encrypt }},
		{"upload", func(t client.Timings) float64 { return t.Upload }},
		{"queue", func(t client.Timings) float64 { return t.Queue }},
		{"infer", func(t client.Timings) float64 { return t.Infer }},
		{"execute", func(t client.Timings) float64 { return t.Execute }},
		{"download", func(t client.Timings) float64 { return t.Download }},
		{"decrypt", func(t client.Timings) float64 { return t.Decrypt }},
		{"total", func(t client.Timings) float64 { return t.Total }},
		{"total but execute", func(t client.Timings) float64 { return t.Total - t.Execute }},
	}
}

// measureAsks asks one question many times. The first, which makes keys and fills caches,
// has a figure of its own.
func (b *bench) measureAsks(
	ctx context.Context, c *client.Client, q question, f *figures.File,
) error {
	brain, err := c.Open(ctx, q.brain, client.OpenOptions{})
	if err != nil {
		return err
	}
	first, err := brain.Ask(ctx, []byte(q.request))
	if err != nil {
		return err
	}
	f.Add(figures.Row{
		Figure: q.label + ": first question", Value: first.Timings.Total, Unit: "ms",
		Reference: fmt.Sprintf("key set made in %.0f ms, %s sent", first.Timings.Keygen,
			megabytes(int(first.Bytes.Keys))),
	})
	times := make(map[string]samples)
	before := processorTime()
	for range b.asks {
		r, err := brain.Ask(ctx, []byte(q.request))
		if err != nil {
			return err
		}
		for _, p := range phases() {
			d := time.Duration(p.of(r.Timings) * float64(time.Millisecond))
			times[p.name] = append(times[p.name], d)
		}
	}
	used := (processorTime() - before) / time.Duration(b.asks)
	for _, p := range phases() {
		asked := ""
		if p.name == "execute" {
			asked = q.executeAsked
		}
		addMillis(f, q.label+": "+p.name, times[p.name], asked)
	}
	f.Add(figures.Row{
		Figure: q.label + ": processor time", Value: millis(used), Unit: "ms",
		Reference: "a question, client and node together",
	})
	return nil
}

// measureUpload uploads a blob over HTTP, every chunk signed.
func measureUpload(ctx context.Context, url string, f *figures.File) error {
	key, err := identity.GenerateKey(rand.Reader)
	if err != nil {
		return err
	}
	signer := identity.NewTransport(http.DefaultTransport, key, time.Now, rand.Reader)
	h := &http.Client{Transport: signer}
	status, err := cerberusv1connect.NewNodeServiceClient(h, url).GetStatus(ctx,
		&cerberusv1.GetStatusRequest{})
	if err != nil {
		return err
	}
	signer.SetCluster(status.GetClusterId())
	data := make([]byte, blobBytes)
	if _, err := io.ReadFull(rand.Reader, data); err != nil {
		return err
	}
	d, err := timed(func() error {
		return uploadOver(ctx, cerberusv1connect.NewBlobServiceClient(h, url), data)
	})
	if err != nil {
		return err
	}
	f.Add(figures.Row{
		Figure: "upload of 64 MiB over HTTP", Value: rate(d), Unit: "MB/s",
		Reference: "chunk after chunk, each signed and synced",
	})
	return nil
}

func uploadOver(
	ctx context.Context, blobs cerberusv1connect.BlobServiceClient, data []byte,
) error {
	digest := abi.SumDigest(data)
	start, err := blobs.StartUpload(ctx, &cerberusv1.StartUploadRequest{
		Digest: digest[:], Bytes: int64(len(data)), Kind: cerberusv1.BlobKind_BLOB_KIND_KEY_SET,
	})
	if err != nil {
		return err
	}
	for i := 0; i*blob.ChunkBytes < len(data); i++ {
		part := data[i*blob.ChunkBytes : min((i+1)*blob.ChunkBytes, len(data))]
		d := abi.SumDigest(part)
		if _, err := blobs.PutChunk(ctx, &cerberusv1.PutChunkRequest{
			UploadId: start.GetUploadId(), Index: int32(i), Data: part, Digest: d[:],
		}); err != nil {
			return err
		}
	}
	_, err = blobs.CommitUpload(ctx, &cerberusv1.CommitUploadRequest{UploadId: start.GetUploadId()})
	return err
}
