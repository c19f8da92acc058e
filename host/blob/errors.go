package blob

import "errors"

var (
	// ErrUnknown is returned when no blob has the digest.
	ErrUnknown = errors.New("unknown blob")
	// ErrDamaged is returned when a blob's bytes on disk no longer have its digest.
	ErrDamaged = errors.New("damaged blob")
	// ErrDiskFull is returned when a write would leave less than the floor of free bytes,
	// or when the disk itself is full.
	ErrDiskFull = errors.New("disk full")
	// ErrQuota is returned when an owner or the whole store would exceed its bytes, or an
	// owner its open uploads.
	ErrQuota = errors.New("blob quota exceeded")
	// ErrUpload is returned for an upload that does not exist or belongs to another owner.
	ErrUpload = errors.New("unknown upload")
	// ErrChunk is returned when a chunk has a wrong index, length or digest.
	ErrChunk = errors.New("chunk does not fit the upload")
	// ErrIncomplete is returned when an upload is committed before its last chunk is there.
	ErrIncomplete = errors.New("upload is incomplete")
	// ErrMismatch is returned when the content of a finished upload has another digest than
	// was announced; the upload is dropped.
	ErrMismatch = errors.New("content does not have the announced digest")
	// ErrSize is returned for a blob that is empty or too large.
	ErrSize = errors.New("blob size")
	// ErrLayout is returned when the store's directory holds what the store did not write.
	ErrLayout = errors.New("unexpected file in the blob store")
	// ErrFailed is returned after a failed fsync: what is on disk is not known any more.
	ErrFailed = errors.New("blob store failed")
)
