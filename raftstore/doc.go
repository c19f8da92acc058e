// Package raftstore keeps the cluster's state: it appends signed commands to a replicated
// log, applies them to the state machine of package state, and answers reads.
//
// The main type is [Node]. [Node.Propose] returns when a command is on stable storage and
// applied, [Node.Read] shows a state that no acknowledged command is missing from, and
// [Node.Watch] streams what changed.
//
//	node, err := raftstore.Open(cfg)
//	…
//	resp, err := node.Propose(ctx, cmd)
//
// A refusal by the state machine is a [*state.Error]. After [ErrMaybeApplied] the caller
// repeats the same command, with the same nonce: it is applied once.
//
// # Caveats
//
// This version runs one voter. A failed write or fsync of the log is fatal: the node stops
// itself, reports through [Config.OnFatal] and must be restarted, because after a failed
// fsync nobody knows what is on the disk. Damage of any file is detected when the node
// opens and is never served; see DESIGN.md for the formats.
//
// # What it is not
//
// Blobs never enter the log; commands name them by digest. Signatures are checked before a
// command is proposed, not here. Consensus tolerates crashes, not lies.
package raftstore
