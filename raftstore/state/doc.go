// Package state is the replicated state machine of a cerberus cluster: who may do what,
// which blobs exist, which module version each Brain runs, and what became of every task
// and of the proof of its result.
//
// [State.Apply] takes the index and the bytes of one log entry and returns a [Response]
// and the [Event] values for watchers. It is a pure function of the state and the entry:
// it reads no clock (time is the leader's stamp in the entry, made monotonic), draws no
// randomness, lets no map order reach an output and does no input or output. Whatever is
// slow or can fail for a local reason (compiling a module, checking a signature, fetching
// a blob) happens before a command is proposed; Apply only records.
//
// The main types are [State] (the tables), [View] (read access; what it returns are
// copies) and [Frozen] (a consistent picture that can be encoded while Apply goes on).
// Commands are messages of package cerberus.raftlog.v1, put into an envelope by
// [NewCommand]. A refused command answers with a [Code], which [Response.Err] turns into
// an [*Error].
//
// # Caveats
//
// A State is not safe for concurrent use; package raftstore guards it. A replica must
// never skip an entry: an entry that cannot be decoded changes the index and nothing
// else, on every replica alike.
//
// # What it is not
//
// It does not verify signatures, digests or proofs, does not move blobs, and schedules
// nothing: a scheduler outside proposes leases, and the index of the lease entry is the
// fence that a late result is refused by.
package state
