package host

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/cerberus-host/cerberus/abi"
	"github.com/cerberus-host/cerberus/host/api"
	"github.com/cerberus-host/cerberus/host/blob"
	"github.com/cerberus-host/cerberus/host/telemetry"
	"github.com/cerberus-host/cerberus/proofs/bundle"
	"github.com/cerberus-host/cerberus/proofs/opening"
	raftlogv1 "github.com/cerberus-host/cerberus/proto/gen/cerberus/raftlog/v1"
	cerberusv1 "github.com/cerberus-host/cerberus/proto/gen/cerberus/v1"
	"github.com/cerberus-host/cerberus/raftstore/state"
)

// keySetLife is how long a key set is kept without being used. Clients upload it again
// when it is gone.
const keySetLife = 30 * 24 * time.Hour

// blobsBackend answers BlobService, and lets the node commit blobs of its own.
type blobsBackend struct {
	*core

	store   *blob.Store
	metrics *telemetry.Metrics
	// uploaded, if not nil, is told of every key set that was uploaded.
	uploaded func(abi.Digest)
	// retention is how long ciphertexts are kept that no task refers to.
	retention time.Duration
	// gate is held for reading from the moment a blob is in the store until the log knows
	// it, and for writing while a blob that the log forgot is deleted.
	gate sync.RWMutex
}

var _ api.Blobs = (*blobsBackend)(nil)

// StartUpload implements api.Blobs.
func (b *blobsBackend) StartUpload(
	ctx context.Context, caller api.Caller, req *cerberusv1.StartUploadRequest,
) (*cerberusv1.StartUploadResponse, error) {
	if err := b.once(caller); err != nil {
		return nil, err
	}
	// The numbers of the public kinds are those of the log.
	up := blob.Upload{
		Digest: abi.Digest(req.GetDigest()), Bytes: req.GetBytes(), Kind: uint8(req.GetKind()),
		Owner: caller.Address,
	}
	if err := checkSize(up); err != nil {
		return nil, err
	}
	var known state.Blob
	var complete bool
	var owned, ownedMax int64
	err := b.read(ctx, func(v *state.View) error {
		known, complete = v.Blob(up.Digest)
		owned = int64(v.OwnedBytes(caller.Address))
		ownedMax = int64(v.Policy().BlobBytesPerOwnerMax)
		return need(v, caller, uploader(state.BlobKind(up.Kind)))
	})
	if err != nil {
		return nil, err
	}
	if complete && known.Kinds.Has(state.BlobKind(up.Kind)) {
		if size, there := b.store.Has(up.Digest); there && size == up.Bytes {
			return &cerberusv1.StartUploadResponse{Complete: true}, b.keep(ctx, known, up)
		}
	}
	progress, err := b.store.Start(up, owned, ownedMax)
	if err != nil {
		return nil, refusal(err)
	}
	out := &cerberusv1.StartUploadResponse{UploadId: progress.ID[:], ChunkBytes: blob.ChunkBytes}
	for _, r := range progress.Missing {
		out.Missing = append(out.Missing, &cerberusv1.ChunkRange{
			First: int32(r.First), End: int32(r.End),
		})
	}
	return out, nil
}

// uploader is the role that may upload a kind.
func uploader(k state.BlobKind) state.Role {
	switch k {
	case state.BlobModule, state.BlobModel:
		return state.RoleAuthor
	case state.BlobBundle:
		return state.RoleNode
	case state.BlobSetup:
		return state.RoleAdmin
	default:
		return state.RoleClient
	}
}

func checkSize(up blob.Upload) error {
	limit := int64(blob.BytesMax)
	switch state.BlobKind(up.Kind) {
	case state.BlobModule:
		limit = abi.ModuleBytesMax
	case state.BlobModel:
		limit = abi.ModelBytesMax
	case state.BlobBundle:
		limit = int64(bundle.BytesMax)
	case state.BlobSetup:
		limit = int64(opening.VerifyingBytesMax)
	default:
	}
	if up.Bytes > limit {
		return api.Refuse(api.BlobSize, "bytes", "a %s has at most %d bytes, not %d",
			state.BlobKind(up.Kind), limit, up.Bytes)
	}
	return nil
}

// life returns when a blob may be forgotten if nothing refers to it; 0 means never.
func (b *blobsBackend) life(k state.BlobKind) int64 {
	switch k {
	case state.BlobCiphertext, state.BlobBundle:
		return b.now().Add(b.retention).UnixMilli()
	case state.BlobKeySet:
		return b.now().Add(keySetLife).UnixMilli()
	default:
		return 0
	}
}

// keep prolongs the life of a blob that somebody wants to use again, at most once in half
// of its life.
func (b *blobsBackend) keep(ctx context.Context, known state.Blob, up blob.Upload) error {
	until := b.life(state.BlobKind(up.Kind))
	now := b.now().UnixMilli()
	if known.ExpiresMS == 0 || until == 0 || known.ExpiresMS-now > (until-now)/2 {
		return nil
	}
	return b.commit(ctx, up.Digest, up.Bytes, state.BlobKind(up.Kind), known.Owner)
}

// commit records a stored blob in the node's name. The caller holds the gate if the blob
// is new.
func (b *blobsBackend) commit(
	ctx context.Context, d abi.Digest, bytes int64, kind state.BlobKind, owner abi.Address,
) error {
	_, err := proposeOwn(ctx, b.core, &raftlogv1.CommitBlob{
		Digest: d[:], SizeBytes: uint64(bytes), Kind: raftlogv1.BlobKind(kind), Owner: owner[:],
		ExpiresMs: b.life(kind),
	})
	return refusal(err)
}

// putOwn stores and records a blob that the node made, and returns its digest. What the log
// does not take is not kept.
func (b *blobsBackend) putOwn(
	ctx context.Context, data []byte, kind state.BlobKind, owner abi.Address,
) (abi.Digest, error) {
	b.gate.RLock()
	d, err := b.store.Put(data)
	if err != nil {
		b.gate.RUnlock()
		return d, refusal(err)
	}
	err = b.commit(ctx, d, int64(len(data)), kind, owner)
	b.gate.RUnlock()
	if err != nil {
		b.forget(ctx, d)
	}
	return d, err
}

// PutChunk implements api.Blobs.
func (b *blobsBackend) PutChunk(
	_ context.Context, caller api.Caller, req *cerberusv1.PutChunkRequest,
) error {
	if err := b.once(caller); err != nil {
		return err
	}
	err := b.store.PutChunk(blob.UploadID(req.GetUploadId()), caller.Address,
		int(req.GetIndex()), req.GetData(), abi.Digest(req.GetDigest()))
	if err == nil {
		b.metrics.BlobIn(len(req.GetData()))
	}
	return refusal(err)
}

// CommitUpload implements api.Blobs.
func (b *blobsBackend) CommitUpload(
	ctx context.Context, caller api.Caller, req *cerberusv1.CommitUploadRequest,
) (*cerberusv1.CommitUploadResponse, error) {
	b.gate.RLock()
	up, err := b.store.Commit(blob.UploadID(req.GetUploadId()), caller.Address)
	if err != nil {
		b.gate.RUnlock()
		return nil, refusal(err)
	}
	_, err = proposeFor(ctx, b.core, caller, &raftlogv1.CommitBlob{
		Digest: up.Digest[:], SizeBytes: uint64(up.Bytes), Kind: raftlogv1.BlobKind(up.Kind),
		Owner: up.Owner[:], ExpiresMs: b.life(state.BlobKind(up.Kind)),
	})
	b.gate.RUnlock()
	if err != nil {
		b.forget(ctx, up.Digest)
		return nil, err
	}
	if b.uploaded != nil && state.BlobKind(up.Kind) == state.BlobKeySet {
		b.uploaded(up.Digest)
	}
	return &cerberusv1.CommitUploadResponse{Digest: up.Digest[:]}, nil
}

// forget deletes a stored blob, unless the log knows it. What cannot be decided now is
// decided at the next start.
func (b *blobsBackend) forget(ctx context.Context, d abi.Digest) {
	b.gate.Lock()
	defer b.gate.Unlock()
	err := b.raft.Read(ctx, func(v *state.View) error {
		if _, known := v.Blob(d); known {
			return errKnown
		}
		return nil
	})
	if err == nil {
		err = b.store.Delete(d)
	}
	if err != nil && !errors.Is(err, errKnown) {
		b.log.WarnContext(ctx, "a blob that nobody needs is left", "blob", d, "error", err)
	}
}

var errKnown = errors.New("the blob is committed")

// ReadBlob implements api.Blobs.
func (b *blobsBackend) ReadBlob(
	ctx context.Context, caller api.Caller, req *cerberusv1.ReadBlobRequest,
) (*cerberusv1.ReadBlobResponse, error) {
	if err := b.once(caller); err != nil {
		return nil, err
	}
	d := abi.Digest(req.GetDigest())
	err := b.read(ctx, func(v *state.View) error {
		_, err := readable(v, caller, d)
		return err
	})
	if err != nil {
		return nil, err
	}
	data, total, err := b.store.ReadRange(d, req.GetOffset(), int(req.GetLimit()))
	if err != nil {
		return nil, refusal(err)
	}
	b.metrics.BlobOut(len(data))
	return &cerberusv1.ReadBlobResponse{Data: data, TotalBytes: total}, nil
}

// StatBlob implements api.Blobs. A blob that the caller may not read is not there.
func (b *blobsBackend) StatBlob(
	ctx context.Context, caller api.Caller, req *cerberusv1.StatBlobRequest,
) (*cerberusv1.StatBlobResponse, error) {
	if err := b.once(caller); err != nil {
		return nil, err
	}
	out := &cerberusv1.StatBlobResponse{}
	err := b.read(ctx, func(v *state.View) error {
		found, err := readable(v, caller, abi.Digest(req.GetDigest()))
		if err != nil {
			return nil //nolint:nilerr // what may not be read is not there
		}
		if _, there := b.store.Has(found.Digest); !there {
			return nil
		}
		out.Present, out.Bytes = true, int64(found.SizeBytes)
		for _, k := range found.Kinds.List() {
			if _, public := cerberusv1.BlobKind_name[int32(k)]; public &&
				out.GetKind() == cerberusv1.BlobKind_BLOB_KIND_UNSPECIFIED {
				out.Kind = cerberusv1.BlobKind(k)
			}
		}
		return nil
	})
	return out, err
}

// readable returns a blob that the caller may read: what modules are made of is public, and
// so are setups; ciphertexts, key sets and bundles are for their owner and for the client whose
// task made them.
func readable(v *state.View, caller api.Caller, d abi.Digest) (state.Blob, error) {
	found, ok := v.Blob(d)
	if !ok {
		return state.Blob{}, api.Refuse(api.UnknownBlob, "digest", "no blob has digest %s", d)
	}
	public := []state.BlobKind{
		state.BlobModule, state.BlobModel, state.BlobConstants, state.BlobProgram, state.BlobPlan,
		state.BlobSetup,
	}
	switch {
	case slices.ContainsFunc(public, found.Kinds.Has):
		return found, nil
	case caller.Anonymous():
		return state.Blob{}, api.Refuse(api.Unauthenticated, "", "blob %s is not public", d)
	case found.Owner == caller.Address, made(v, caller.Address, d):
		return found, nil
	}
	return state.Blob{}, api.Refuse(api.PermissionDenied, "digest",
		"blob %s belongs to another account", d)
}

// made reports whether a task of the client has the blob among its outputs. Two clients
// that share inputs and keys get the same bytes, and the first of them owns them.
func made(v *state.View, client abi.Address, d abi.Digest) bool {
	filter := state.TaskFilter{Client: client, State: state.TaskDone}
	for _, t := range v.Tasks(filter, ownTasksSearched) {
		for _, o := range t.Outputs {
			if o.Digest == d {
				return true
			}
		}
	}
	return false
}

// ownTasksSearched bounds the search for a task that made a blob.
const ownTasksSearched = 1000
