package client

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"github.com/cerberus-host/cerberus/abi"
	cerberusv1 "github.com/cerberus-host/cerberus/proto/gen/cerberus/v1"
)

const (
	// readChunkBytes is how much of a blob one call reads.
	readChunkBytes = 1 << 20
	// chunkBytesMax bounds the chunk size that a node may ask for.
	chunkBytesMax = 1 << 20
)

// upload sends a blob in chunks, only those that the node lacks, and returns the bytes that
// it sent. A blob that the node already has costs one call. An upload that broke off is
// resumed a few times.
func (c *Client) upload(
	ctx context.Context, kind cerberusv1.BlobKind, digest abi.Digest, data []byte,
	progress func(done, total int64),
) (int64, error) {
	var sent int64
	pause := retryPause
	for attempt := 1; ; attempt++ {
		n, err := c.uploadMissing(ctx, kind, digest, data, progress)
		sent += n
		again := broken(err) || endedElsewhere(err)
		if err == nil || !again || attempt == attemptsMax || !rest(ctx, pause) {
			return sent, err
		}
		pause *= 4
	}
}

// endedElsewhere reports whether an upload was gone when this client came to it: another
// process of the same account sends the same blob, shares the upload and was first. To
// start again finds the blob there.
func endedElsewhere(err error) bool {
	var e *RPCError
	return errors.As(wrapRPC("", err), &e) && e.Reason == "unknown_upload"
}

// uploadMissing makes one attempt at an upload.
func (c *Client) uploadMissing(
	ctx context.Context, kind cerberusv1.BlobKind, digest abi.Digest, data []byte,
	progress func(done, total int64),
) (int64, error) {
	start, err := c.blobs.StartUpload(ctx, &cerberusv1.StartUploadRequest{
		Digest: digest[:], Bytes: int64(len(data)), Kind: kind,
	})
	if err != nil {
		return 0, fmt.Errorf("start upload of %s: %w", digest.Short(), err)
	}
	if start.GetComplete() {
		return 0, nil
	}
	size := int(start.GetChunkBytes())
	if size < 1 || size > chunkBytesMax {
		return 0, fmt.Errorf("%w: the node asks for chunks of %d bytes", ErrVerification, size)
	}
	chunks := (len(data) + size - 1) / size
	var sent int64
	next := 0
	for _, r := range start.GetMissing() {
		if int(r.GetFirst()) < next || r.GetEnd() < r.GetFirst() || int(r.GetEnd()) > chunks {
			return sent, fmt.Errorf("%w: the node asks for chunks %d to %d of %d",
				ErrVerification, r.GetFirst(), r.GetEnd(), chunks)
		}
		next = int(r.GetEnd())
		for i := int(r.GetFirst()); i < int(r.GetEnd()); i++ {
			part := data[i*size : min((i+1)*size, len(data))]
			d := abi.SumDigest(part)
			_, err := c.blobs.PutChunk(ctx, &cerberusv1.PutChunkRequest{
				UploadId: start.GetUploadId(), Index: int32(i), Data: part, Digest: d[:],
			})
			if err != nil {
				return sent, fmt.Errorf("upload chunk %d of %s: %w", i, digest.Short(), err)
			}
			sent += int64(len(part))
			if progress != nil {
				progress(sent, int64(len(data)))
			}
		}
	}
	done, err := c.blobs.CommitUpload(ctx, &cerberusv1.CommitUploadRequest{
		UploadId: start.GetUploadId(),
	})
	if err != nil {
		return sent, fmt.Errorf("commit upload of %s: %w", digest.Short(), err)
	}
	if !bytes.Equal(done.GetDigest(), digest[:]) {
		return sent, fmt.Errorf("%w: the node committed another digest than %s",
			ErrVerification, digest)
	}
	return sent, nil
}

// download reads a blob of at most limit bytes and checks its digest.
func (c *Client) download(ctx context.Context, digest abi.Digest, limit int64) ([]byte, error) {
	var data []byte
	first := int64(-1)
	for {
		part, err := c.blobs.ReadBlob(ctx, &cerberusv1.ReadBlobRequest{
			Digest: digest[:], Offset: int64(len(data)), Limit: readChunkBytes,
		})
		if err != nil {
			return nil, fmt.Errorf("download %s: %w", digest.Short(), err)
		}
		total := part.GetTotalBytes()
		if total < 0 || total > limit {
			return nil, fmt.Errorf("%w: blob %s claims %d bytes, more than %d", ErrVerification,
				digest.Short(), total, limit)
		}
		if first < 0 {
			first = total
		}
		if total != first {
			return nil, fmt.Errorf("%w: blob %s claims %d bytes, then %d", ErrVerification,
				digest.Short(), first, total)
		}
		if n := int64(len(part.GetData())); n > readChunkBytes || int64(len(data))+n > total {
			return nil, fmt.Errorf("%w: blob %s is longer than it claims", ErrVerification,
				digest.Short())
		}
		data = append(data, part.GetData()...)
		if int64(len(data)) == total {
			break
		}
		if len(part.GetData()) == 0 {
			return nil, fmt.Errorf("%w: blob %s ends early", ErrVerification, digest.Short())
		}
	}
	if got := abi.SumDigest(data); !got.Equal(digest) {
		return nil, fmt.Errorf("%w: the node sent %s for %s", ErrVerification, got, digest)
	}
	return data, nil
}
