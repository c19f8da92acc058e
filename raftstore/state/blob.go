package state

import (
	"bytes"
	"cmp"
	"slices"

	"github.com/cerberus-host/cerberus/abi"
	raftlogv1 "github.com/cerberus-host/cerberus/proto/gen/cerberus/raftlog/v1"
)

// commitBlob records a durable blob. The same content again keeps its first owner; it
// gains the kind and the later of the two expiries.
func (c *call) commitBlob(m *raftlogv1.CommitBlob) *Error {
	blob, bad := c.parseBlob(m)
	if bad != nil {
		return bad
	}
	old, ok := c.blobs[blob.Digest]
	if ok {
		return c.commitAgain(old, blob)
	}
	if len(c.blobs) >= BlobsMax {
		return refuse(CodeBlobTableFull, "", "%d blobs are committed", len(c.blobs))
	}
	if left := c.blobBytesLeft(blob.Owner); blob.SizeBytes > left {
		return refuse(CodeBlobQuota, "size_bytes", "%d bytes, %s has %d left of %d",
			blob.SizeBytes, blob.Owner, left, c.policy.BlobBytesPerOwnerMax)
	}
	blob.CommittedMS = c.nowMS
	c.blobs[blob.Digest] = &blob
	c.owned[blob.Owner] += blob.SizeBytes
	c.emit(Event{Kind: EventBlob, Blob: blob.Digest})
	return nil
}

func (c *call) commitAgain(old *Blob, blob Blob) *Error {
	if old.SizeBytes != blob.SizeBytes {
		return refuse(CodeBlobConflict, "size_bytes", "%s has %d bytes, not %d", old.Digest,
			old.SizeBytes, blob.SizeBytes)
	}
	c.resp.Existing = true
	next := *old
	next.Kinds |= blob.Kinds
	if next.ExpiresMS != 0 && (blob.ExpiresMS == 0 || blob.ExpiresMS > next.ExpiresMS) {
		next.ExpiresMS = blob.ExpiresMS
	}
	if next != *old {
		c.blobs[old.Digest] = &next
		c.emit(Event{Kind: EventBlob, Blob: old.Digest})
	}
	return nil
}

// parseBlob reads a commit and checks that the signer may make it.
func (c *call) parseBlob(m *raftlogv1.CommitBlob) (Blob, *Error) {
	if !c.may(c.signer, RoleClient) && !c.may(c.signer, RoleAuthor) &&
		!c.may(c.signer, RoleNode) {
		return Blob{}, refuse(CodePermissionDenied, "signer", "%s has no role", c.signer)
	}
	digest, bad := parseDigest("digest", m.GetDigest())
	if bad != nil {
		return Blob{}, bad
	}
	owner, bad := parseAddress("owner", m.GetOwner())
	if bad != nil {
		return Blob{}, bad
	}
	if c.signer != owner && !c.may(c.signer, RoleAdmin) && !c.may(c.signer, RoleNode) {
		return Blob{}, refuse(CodePermissionDenied, "owner", "%s may not commit for %s", c.signer,
			owner)
	}
	if m.GetSizeBytes() == 0 || m.GetSizeBytes() > BlobBytesMax {
		return Blob{}, refuse(CodeInvalidArgument, "size_bytes", "%d is not in 1 to %d",
			m.GetSizeBytes(), uint64(BlobBytesMax))
	}
	if m.GetKind() < raftlogv1.BlobKind_BLOB_KIND_MODULE ||
		m.GetKind() > raftlogv1.BlobKind_BLOB_KIND_SETUP {
		return Blob{}, refuse(CodeInvalidArgument, "kind", "kind %d is unknown", m.GetKind())
	}
	if bad := c.mayCommit(BlobKind(m.GetKind())); bad != nil {
		return Blob{}, bad
	}
	if e := m.GetExpiresMs(); e != 0 && (e <= c.nowMS || e > timeMaxMS) {
		return Blob{}, refuse(CodeInvalidArgument, "expires_ms", "%d is not after now, %d", e,
			c.nowMS)
	}
	return Blob{
		Digest: digest, SizeBytes: m.GetSizeBytes(), Kinds: 1 << m.GetKind(), Owner: owner,
		ExpiresMS: m.GetExpiresMs(),
	}, nil
}

// mayCommit refuses clients and authors that commit what the cluster itself makes.
func (c *call) mayCommit(kind BlobKind) *Error {
	node := c.may(c.signer, RoleNode)
	if (kind == BlobBundle && !node) ||
		(kind == BlobSetup && !node && !c.may(c.signer, RoleAdmin)) {
		return refuse(CodePermissionDenied, "kind", "%s may not commit a %s", c.signer, kind)
	}
	return nil
}

// blobBytesLeft is what an owner may still commit; a node stores the results of others
// and has no quota.
func (s *State) blobBytesLeft(owner abi.Address) uint64 {
	if s.may(owner, RoleNode) {
		return BlobBytesMax
	}
	used := s.owned[owner]
	if used >= s.policy.BlobBytesPerOwnerMax {
		return 0
	}
	return s.policy.BlobBytesPerOwnerMax - used
}

// forgetBlob drops a blob that nothing refers to.
func (c *call) forgetBlob(m *raftlogv1.ForgetBlob) *Error {
	digest, bad := parseDigest("digest", m.GetDigest())
	if bad != nil {
		return bad
	}
	blob, ok := c.blobs[digest]
	if !ok {
		return refuse(CodeUnknownBlob, "digest", "no blob has digest %s", digest)
	}
	if !c.may(c.signer, RoleAdmin) {
		if bad := c.needSelfOr(blob.Owner, RoleNode); bad != nil {
			return bad
		}
	}
	if n := c.refs[digest]; n > 0 {
		return refuse(CodeBlobInUse, "digest", "%d things refer to %s", n, digest)
	}
	c.dropBlob(blob)
	return nil
}

func (c *call) dropBlob(blob *Blob) {
	delete(c.blobs, blob.Digest)
	if left := c.owned[blob.Owner] - blob.SizeBytes; left == 0 {
		delete(c.owned, blob.Owner)
	} else {
		c.owned[blob.Owner] = left
	}
	c.emit(Event{Kind: EventBlobForgotten, Blob: blob.Digest})
}

// expireBlobs forgets blobs whose time is over, the longest expired first.
func (c *call) expireBlobs(m *raftlogv1.ExpireBlobs) *Error {
	if bad := c.needNodeOrAdmin(); bad != nil {
		return bad
	}
	limit, bad := parseLimit(m.GetLimit())
	if bad != nil {
		return bad
	}
	var due []*Blob
	for _, b := range c.blobs {
		if b.ExpiresMS != 0 && b.ExpiresMS <= c.nowMS && c.refs[b.Digest] == 0 {
			due = append(due, b)
		}
	}
	slices.SortFunc(due, func(a, b *Blob) int {
		return cmp.Or(cmp.Compare(a.ExpiresMS, b.ExpiresMS),
			bytes.Compare(a.Digest[:], b.Digest[:]))
	})
	due = due[:min(len(due), limit)]
	for _, b := range due {
		c.dropBlob(b)
	}
	c.resp.Count = uint32(len(due))
	return nil
}

func (c *call) needNodeOrAdmin() *Error {
	if c.may(c.signer, RoleAdmin) {
		return nil
	}
	return c.need(RoleNode)
}
