// Package blob is a node's content-addressed store on disk: modules, models, key sets,
// ciphertexts, Programs and Plans, each under its SHA-256 digest.
//
// A blob comes in by resumable chunks ([Store.Start], [Store.PutChunk], [Store.Commit]) or
// at once from the node itself ([Store.Put]). It is visible after it is durable: temporary
// file, fsync, rename, fsync of the directory. It goes out by [Store.ReadRange] and
// [Store.ReadAll]. An unfinished upload survives a restart: beside its data lies a sidecar
// with the digest of every chunk that arrived, which is checked when the upload is resumed.
//
// # Layout
//
//	blobs/ab/abcd…        a blob, named by its 64 hex digits, below their first two
//	uploads/<id>.part     the data of an unfinished upload
//	uploads/<id>.state    its sidecar; see sidecar.go for the form
//	uploads/put-N.tmp     a blob that the node itself is writing
//	damaged/abcd…         what no longer had its digest, kept for the operator
//
// # Caveats
//
// Bytes on disk are not trusted: a blob is hashed as a whole before its first byte is
// served after a start, and on every [Store.ReadAll]. A blob that fails is moved aside and
// counts as missing, so that it can be uploaded again.
//
// After a failed fsync nobody knows what is on disk. The store then refuses all further
// writes; [Store.Failed] tells the node, which has to stop.
//
// # What it is not
//
// It does not know who may read a blob or whether anything needs it: owners, kinds and
// references are in the replicated state. Nothing here is encrypted; what is secret was
// encrypted by its owner before.
package blob
