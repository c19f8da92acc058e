package raftstore

import (
	"fmt"
	"log/slog"
	"time"

	"github.com/cerberus-host/cerberus/abi"
)

// Defaults of a [Config].
const (
	// HeartbeatDefault is short, because a single voter has nobody to wait for.
	HeartbeatDefault = 200 * time.Millisecond
	// FreeBytesFloorDefault is below how much free space new work is refused.
	FreeBytesFloorDefault = 256 << 20
	// SnapshotEntriesDefault is how many entries lead to a snapshot.
	SnapshotEntriesDefault = 8192
	// TrailingEntriesDefault is how many entries stay behind a snapshot. It is greater
	// than SnapshotEntriesDefault, so that the snapshot before the newest one still
	// connects to the log.
	TrailingEntriesDefault = 20480
	// SnapshotIntervalDefault is how often the count of entries is looked at.
	SnapshotIntervalDefault = 2 * time.Minute
)

// Config says how a node keeps its state. Dir, NodeID, Now and OnFatal are required; the
// zero value of every other field is its default.
type Config struct {
	// Dir is the directory of the log and the snapshots; it is made if it is missing, and
	// belongs to one process at a time.
	Dir string
	// NodeID is the node's address; it must stay the same for a directory.
	NodeID abi.Address
	// Now is the node's clock. It stamps proposals; it decides no election.
	Now func() time.Time
	// OnFatal is called once when storage has failed, from the goroutine that found out:
	// it must not call the node. What it usually does is to end the process.
	OnFatal func(error)
	// Log receives messages; nil drops them.
	Log *slog.Logger
	// FreeBytes returns the free space where Dir is; nil asks the operating system.
	FreeBytes func() (uint64, error)
	// FreeBytesFloor is below how much free space new work is refused; below a quarter of
	// it everything is. 0 is FreeBytesFloorDefault.
	FreeBytesFloor uint64
	// Heartbeat is the election timeout of the raft library; 0 is HeartbeatDefault.
	Heartbeat time.Duration
	// SnapshotEntries, TrailingEntries and SnapshotInterval decide when a snapshot is
	// taken and how much of the log stays; 0 is the default of each.
	SnapshotEntries  uint64
	TrailingEntries  uint64
	SnapshotInterval time.Duration
	// Faults is for tests; nil does nothing.
	Faults Faults
}

// Validate returns ErrConfig if a required field is missing or a value is impossible.
func (c *Config) Validate() error {
	switch {
	case c.Dir == "":
		return fmt.Errorf("%w: Dir is empty", ErrConfig)
	case c.NodeID.IsZero():
		return fmt.Errorf("%w: NodeID is zero", ErrConfig)
	case c.Now == nil:
		return fmt.Errorf("%w: Now is nil", ErrConfig)
	case c.OnFatal == nil:
		return fmt.Errorf("%w: OnFatal is nil", ErrConfig)
	case c.Heartbeat < 0 || (c.Heartbeat > 0 && c.Heartbeat < 10*time.Millisecond):
		return fmt.Errorf("%w: Heartbeat %s is below 10 ms", ErrConfig, c.Heartbeat)
	case c.SnapshotInterval < 0 ||
		(c.SnapshotInterval > 0 && c.SnapshotInterval < 10*time.Millisecond):
		return fmt.Errorf("%w: SnapshotInterval %s is below 10 ms", ErrConfig, c.SnapshotInterval)
	}
	return nil
}

// withDefaults returns a copy with every default filled in.
func (c Config) withDefaults() Config {
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.FreeBytes == nil {
		dir := c.Dir
		c.FreeBytes = func() (uint64, error) { return freeBytes(dir) }
	}
	if c.FreeBytesFloor == 0 {
		c.FreeBytesFloor = FreeBytesFloorDefault
	}
	if c.Heartbeat == 0 {
		c.Heartbeat = HeartbeatDefault
	}
	if c.SnapshotEntries == 0 {
		c.SnapshotEntries = SnapshotEntriesDefault
	}
	if c.TrailingEntries == 0 {
		c.TrailingEntries = TrailingEntriesDefault
	}
	if c.SnapshotInterval == 0 {
		c.SnapshotInterval = SnapshotIntervalDefault
	}
	if c.Faults == nil {
		c.Faults = noFaults{}
	}
	return c
}
