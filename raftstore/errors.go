package raftstore

import "errors"

var (
	// ErrConfig is returned when a Config is not usable.
	ErrConfig = errors.New("invalid raftstore configuration")
	// ErrClosed is returned after Close.
	ErrClosed = errors.New("node is closed")
	// ErrNotLeader is returned when another node leads; the command was not applied.
	ErrNotLeader = errors.New("not the leader")
	// ErrUnavailable is returned when there is no leader yet or too much is under way; the
	// command was not applied and may be proposed again.
	ErrUnavailable = errors.New("no leader is ready")
	// ErrMaybeApplied is returned when the outcome is unknown: the context ended, or
	// leadership or the disk was lost, after the command was handed over. Proposing the
	// same command again applies it once.
	ErrMaybeApplied = errors.New("the outcome is unknown; repeat the same request")
	// ErrDiskFull is returned when the disk has less free space than the floor; the
	// command was not applied.
	ErrDiskFull = errors.New("too little disk space is free; free some or move the data")
	// ErrFailed is returned after a failed write or fsync, until the node is restarted.
	ErrFailed = errors.New("the node stopped after a storage failure; restart it")
	// ErrCorrupt is returned when a file of the node is damaged.
	ErrCorrupt = errors.New("damaged file")
	// ErrLocked is returned when another process has the data directory open.
	ErrLocked = errors.New("the data directory is in use by another process")
	// ErrCompacted is returned when a watcher asks for events that are no longer kept; it
	// reads the state again and watches from there.
	ErrCompacted = errors.New("the events are no longer kept; read the state again")
)
