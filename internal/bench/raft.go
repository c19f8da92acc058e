package bench

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cerberus-host/cerberus/abi"
	"github.com/cerberus-host/cerberus/host/blob"
	"github.com/cerberus-host/cerberus/internal/figures"
	raftlogv1 "github.com/cerberus-host/cerberus/proto/gen/cerberus/raftlog/v1"
	"github.com/cerberus-host/cerberus/raftstore"
	"github.com/cerberus-host/cerberus/raftstore/state"
)

const (
	// proposeBudget is how long commands are proposed with one number of clients.
	proposeBudget = 3 * time.Second
	// blobBytes is the size of the blob that is uploaded.
	blobBytes = 64 << 20
	// commandLife is how long a command may wait.
	commandLife = time.Minute
	// blobsRecorded is how many blobs there are to record, again and again: the state holds
	// a bounded number.
	blobsRecorded = 4096
	// commandsMax bounds the commands of one number of clients: the state also remembers
	// every request until it has expired, and a bounded number of them.
	commandsMax = 250_000
)

func measureRaft(ctx context.Context, b *bench, f *figures.File) error {
	if err := b.measureDisk(ctx, f); err != nil {
		return fmt.Errorf("disk: %w", err)
	}
	if err := b.measurePropose(ctx, f); err != nil {
		return fmt.Errorf("propose: %w", err)
	}
	if err := b.measureBlobs(f); err != nil {
		return fmt.Errorf("blobs: %w", err)
	}
	return nil
}

// measureDisk is the reference for everything that is made durable: a page, written and
// synced.
func (b *bench) measureDisk(ctx context.Context, f *figures.File) (err error) {
	file, err := os.Create(filepath.Join(b.scratch, "sync"))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	page, at := make([]byte, 4096), int64(0)
	s, err := repeat(ctx, 20, runBudget, func() error {
		_, err := file.WriteAt(page, at)
		at += int64(len(page))
		return errors.Join(err, file.Sync())
	})
	if err != nil {
		return err
	}
	addMillis(f, "disk: append 4 KB and fsync", s, "")
	return nil
}

// proposer proposes commands that record a blob, which every upload does.
type proposer struct {
	node  *raftstore.Node
	self  abi.Address
	count atomic.Uint64
	bytes atomic.Int64
}

func (b *bench) measurePropose(ctx context.Context, f *figures.File) (err error) {
	p := &proposer{self: abi.Address{19: 1}}
	p.node, err = raftstore.Open(raftstore.Config{
		Dir: filepath.Join(b.scratch, "raft"), NodeID: p.self, Now: time.Now,
		OnFatal: func(err error) { fmt.Fprintf(os.Stderr, "bench: %v\n", err) },
	})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.node.Close()) }()
	if err := p.node.WaitReady(ctx); err != nil {
		return err
	}
	if _, err := propose(ctx, p, &raftlogv1.Bootstrap{
		ClusterId: "bench", Admin: p.self[:], Node: p.self[:],
		Policy: &raftlogv1.Policy{OpenClients: true},
	}); err != nil {
		return err
	}
	for _, clients := range []int{1, 64, 256} {
		s, took, err := p.propose(ctx, clients)
		if err != nil {
			return err
		}
		name := fmt.Sprintf("propose, %d at once", clients)
		f.Add(figures.Row{
			Figure: name, Value: float64(len(s)) / took.Seconds(), Unit: "commands/s",
			Reference: fmt.Sprintf("commands of %d bytes, each durable and applied", p.bytes.Load()),
		})
		addMillis(f, name, s, "")
	}
	return nil
}

// propose proposes from a number of clients at once, each one command after the other.
func (p *proposer) propose(ctx context.Context, clients int) (samples, time.Duration, error) {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	var mu sync.Mutex
	var all samples
	var group sync.WaitGroup
	start, end := time.Now(), p.count.Load()+commandsMax
	for range clients {
		group.Go(func() {
			var own samples
			var err error
			for err == nil && time.Since(start) < proposeBudget && p.count.Load() < end {
				var s samples
				s, err = repeat(ctx, 1, 0, func() error { return p.commitBlob(ctx) })
				own = append(own, s...)
			}
			if err != nil {
				stop(err)
			}
			mu.Lock()
			defer mu.Unlock()
			all = append(all, own...)
		})
	}
	group.Wait()
	return all, time.Since(start), context.Cause(ctx)
}

// commitBlob proposes to record one of the blobs.
func (p *proposer) commitBlob(ctx context.Context) error {
	n := p.count.Add(1) % blobsRecorded
	digest := abi.SumDigest(binary.BigEndian.AppendUint64(nil, n))
	_, err := propose(ctx, p, &raftlogv1.CommitBlob{
		Digest: digest[:], SizeBytes: 1, Owner: p.self[:],
		Kind:      raftlogv1.BlobKind_BLOB_KIND_CIPHERTEXT,
		ExpiresMs: time.Now().Add(commandLife).UnixMilli(),
	})
	return err
}

func propose[B state.Body](ctx context.Context, p *proposer, body B) (state.Response, error) {
	nonce := make([]byte, state.NonceBytesMin)
	if _, err := rand.Read(nonce); err != nil {
		return state.Response{}, err
	}
	now := time.Now()
	cmd, err := state.NewCommand(state.Request{
		Signer: p.self, Nonce: nonce, ExpiryMS: now.Add(commandLife).UnixMilli(),
	}, body)
	if err != nil {
		return state.Response{}, err
	}
	entry, err := state.EncodeCommand(cmd, now.UnixMilli())
	if err != nil {
		return state.Response{}, err
	}
	p.bytes.Store(int64(len(entry)))
	return p.node.Propose(ctx, cmd)
}

// measureBlobs uploads a blob into the store, as the node does chunk by chunk, beside one
// plain file of the same bytes.
func (b *bench) measureBlobs(f *figures.File) error {
	data := make([]byte, blobBytes)
	if _, err := rand.Read(data); err != nil {
		return err
	}
	plain, err := timed(func() error { return writePlain(filepath.Join(b.scratch, "plain"), data) })
	if err != nil {
		return err
	}
	store, err := blob.Open(blob.Config{Dir: filepath.Join(b.scratch, "blobs"), Now: time.Now})
	if err != nil {
		return err
	}
	took, err := timed(func() error { return uploadInto(store, data) })
	if err != nil {
		return err
	}
	f.Add(figures.Row{
		Figure: "blob store: upload of 64 MiB", Value: rate(took), Unit: "MB/s",
		Reference: fmt.Sprintf("a plain file, synced once: %.0f MB/s", rate(plain)),
	})
	return nil
}

// rate is the rate of the blob's bytes, in MB/s.
func rate(d time.Duration) float64 { return blobBytes / 1e6 / d.Seconds() }

func writePlain(path string, data []byte) error {
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	_, err = file.Write(data)
	return errors.Join(err, file.Sync(), file.Close())
}

func uploadInto(store *blob.Store, data []byte) error {
	owner := abi.Address{19: 2}
	up := blob.Upload{Digest: abi.SumDigest(data), Bytes: int64(len(data)), Owner: owner}
	progress, err := store.Start(up, 0, int64(len(data)))
	if err != nil {
		return err
	}
	for i := 0; i*blob.ChunkBytes < len(data); i++ {
		part := data[i*blob.ChunkBytes : min((i+1)*blob.ChunkBytes, len(data))]
		if err := store.PutChunk(progress.ID, owner, i, part, abi.SumDigest(part)); err != nil {
			return err
		}
	}
	_, err = store.Commit(progress.ID, owner)
	return err
}
