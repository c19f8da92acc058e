package raftstore

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/hashicorp/raft"

	"github.com/cerberus-host/cerberus/abi"
	"github.com/cerberus-host/cerberus/raftstore/state"
)

const (
	// appendEntriesMax is how many commands share one commit of the log.
	appendEntriesMax = 256
	// logCacheEntries is how many recent entries are kept in memory.
	logCacheEntries = 1024
	// proposalsMax bounds the proposals that are under way.
	proposalsMax = 4096
)

// Node is one member of the cluster. All its methods are safe for concurrent use.
type Node struct {
	cfg  Config
	log  *logStore
	fsm  *fsm
	raft *raft.Raft

	// readyTerm is the term in which this node leads and has applied everything that was
	// committed before; 0 while it does not.
	readyTerm atomic.Uint64
	// ready is closed, and replaced, when readyTerm changes.
	readyMu sync.Mutex
	ready   chan struct{}

	proposals chan struct{}
	reads     chan chan error

	// started is set when the library runs, and shuts it down, once.
	started atomic.Pointer[func() raft.Future]
	fatal   atomic.Pointer[error]
	stopped chan struct{}
	stop    sync.Once
	workers sync.WaitGroup
	closing sync.Once
	closed  error
}

// Open starts a node. A directory without a log becomes a cluster of this one voter; a
// crash at any moment leaves a directory that can be opened again. It returns ErrCorrupt,
// and serves nothing, if a file is damaged, and ErrLocked if another process has it open.
//
// The node leads after one to two heartbeats; see [Node.WaitReady].
func Open(cfg Config) (*Node, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	n := &Node{
		cfg: cfg.withDefaults(), fsm: newFSM(), ready: make(chan struct{}),
		proposals: make(chan struct{}, proposalsMax), reads: make(chan chan error),
		stopped: make(chan struct{}),
	}
	if err := os.MkdirAll(n.cfg.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("open node: %w", err)
	}
	if err := removeRests(n.cfg.Dir); err != nil {
		return nil, fmt.Errorf("open node: %w", err)
	}
	var err error
	if n.log, err = openLog(n.cfg.Dir, n.cfg.Faults, n.onFatal); err != nil {
		return nil, err
	}
	if err := n.start(); err != nil {
		return nil, errors.Join(err, n.log.close())
	}
	n.workers.Add(2)
	go n.watchLeadership()
	go n.verifyReads()
	return n, nil
}

// removeRests removes a log that a crash left half made.
func removeRests(dir string) error {
	err := os.Remove(filepath.Join(dir, logFileName+".new"))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}

// start brings up the raft library on the opened log.
func (n *Node) start() (err error) {
	snapshots, err := openSnapshots(n.cfg.Dir, n.cfg.Faults, n.onFatal)
	if err != nil {
		return err
	}
	if err := n.checkContinuity(snapshots); err != nil {
		return err
	}
	id := raft.ServerID(n.cfg.NodeID.String())
	if err := n.bootstrap(id, snapshots); err != nil {
		return err
	}
	cache, err := raft.NewLogCache(logCacheEntries, &libraryStore{n.log, n})
	if err != nil {
		return fmt.Errorf("open node: %w", err)
	}
	_, transport := raft.NewInmemTransport(raft.ServerAddress(id))
	// The library panics on what it takes for a broken store; while it starts that is an
	// error of ours to return.
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%w: start raft: %v", ErrCorrupt, r)
		}
	}()
	r, err := raft.NewRaft(n.raftConfig(id), n.fsm, cache, &libraryStore{n.log, n}, snapshots,
		transport)
	if err != nil {
		return fmt.Errorf("start raft: %w", err)
	}
	n.raft = r
	shutdown := sync.OnceValue(r.Shutdown)
	n.started.Store(&shutdown)
	if err := n.fatal.Load(); err != nil {
		return errors.Join(*err, shutdown().Error())
	}
	return nil
}

func (n *Node) raftConfig(id raft.ServerID) *raft.Config {
	c := raft.DefaultConfig()
	c.LocalID = id
	c.HeartbeatTimeout = n.cfg.Heartbeat
	c.ElectionTimeout = n.cfg.Heartbeat
	c.LeaderLeaseTimeout = n.cfg.Heartbeat
	c.MaxAppendEntries = appendEntriesMax
	c.SnapshotThreshold = n.cfg.SnapshotEntries
	c.SnapshotInterval = n.cfg.SnapshotInterval
	c.TrailingLogs = n.cfg.TrailingEntries
	c.NoLegacyTelemetry = true
	c.Logger = &slogAdapter{log: n.cfg.Log, name: "raft"}
	return c
}

// checkContinuity refuses a log that does not begin where the newest whole snapshot ends:
// what is between them is lost. It also refuses a directory with damaged snapshots only.
func (n *Node) checkContinuity(snapshots *snapshotStore) error {
	index, damage, err := snapshots.newest()
	if err != nil {
		return err
	}
	first, last := n.log.bounds.first, n.log.bounds.last
	switch {
	case index == 0 && damage != nil:
		return damage
	case !n.log.bounds.empty() && first > index+1:
		return errors.Join(fmt.Errorf("%w: the log begins at entry %d, the newest snapshot "+
			"ends at %d", ErrCorrupt, first, index), damage)
	case !n.log.bounds.empty() && last < index:
		return fmt.Errorf("%w: the log ends at entry %d, before the snapshot at %d", ErrCorrupt,
			last, index)
	}
	if damage != nil {
		n.cfg.Log.Warn("a snapshot is damaged; an older one and the log replace it", "error",
			damage)
	}
	return nil
}

// bootstrap makes this node the only voter of an empty directory; it may be repeated.
func (n *Node) bootstrap(id raft.ServerID, snapshots *snapshotStore) error {
	exists, err := raft.HasExistingState(n.log, n.log, snapshots)
	if err != nil {
		return fmt.Errorf("open node: %w", err)
	}
	if exists {
		return nil
	}
	servers := raft.Configuration{Servers: []raft.Server{{
		Suffrage: raft.Voter, ID: id, Address: raft.ServerAddress(id),
	}}}
	entry := &raft.Log{
		Index: 1, Term: 1, Type: raft.LogConfiguration, Data: raft.EncodeConfiguration(servers),
	}
	if err := n.log.bootstrap(1, entry); err != nil {
		return fmt.Errorf("bootstrap: %w", err)
	}
	return nil
}

// onFatal stops the node after a storage failure. It runs on whatever goroutine found the
// failure, so it waits for nothing.
func (n *Node) onFatal(err error) {
	if !n.fatal.CompareAndSwap(nil, &err) {
		return
	}
	n.setReady(0)
	if shutdown := n.started.Load(); shutdown != nil {
		(*shutdown)()
	}
	n.cfg.OnFatal(err)
}

// libraryStore is the store as the raft library sees it. Where the library would panic on
// an error, its goroutine ends instead: the node is stopped by then, and the process must
// live until OnFatal has ended it.
type libraryStore struct {
	*logStore
	node *Node
}

// GetLog implements raft.LogStore.
func (s *libraryStore) GetLog(index uint64, l *raft.Log) error {
	err := s.logStore.GetLog(index, l)
	if err != nil && !errors.Is(err, raft.ErrLogNotFound) && s.node.started.Load() != nil {
		runtime.Goexit()
	}
	return err
}

// Set implements raft.StableStore.
func (s *libraryStore) Set(key, val []byte) error {
	err := s.logStore.Set(key, val)
	if err != nil && s.node.started.Load() != nil {
		runtime.Goexit()
	}
	return err
}

// SetUint64 implements raft.StableStore.
func (s *libraryStore) SetUint64(key []byte, val uint64) error { return s.Set(key, indexKey(val)) }

// watchLeadership follows the library's elections until the node stops.
func (n *Node) watchLeadership() {
	defer n.workers.Done()
	for {
		select {
		case <-n.stopped:
			return
		case leads := <-n.raft.LeaderCh():
			n.setReady(0)
			if leads {
				n.becomeReady()
			}
		}
	}
}

// becomeReady waits until everything that was committed before this term is applied.
func (n *Node) becomeReady() {
	term := n.raft.CurrentTerm()
	if err := n.answer(func() raft.Future { return n.raft.Barrier(0) }); err != nil {
		n.cfg.Log.Warn("leadership was lost before it began", "error", err)
		return
	}
	// The term is that of the barrier only if it was the same before and after it.
	if n.raft.CurrentTerm() == term {
		n.setReady(term)
	}
}

func (n *Node) setReady(term uint64) {
	n.readyMu.Lock()
	defer n.readyMu.Unlock()
	if term != 0 && n.fatal.Load() != nil {
		return
	}
	n.readyTerm.Store(term)
	close(n.ready)
	n.ready = make(chan struct{})
}

// Ready reports whether this node leads and can answer reads and proposals.
func (n *Node) Ready() bool { return n.readyTerm.Load() != 0 }

// WaitReady waits until the node is ready. It returns the context's error, or why the
// node never will be.
func (n *Node) WaitReady(ctx context.Context) error {
	for {
		n.readyMu.Lock()
		changed := n.ready
		n.readyMu.Unlock()
		if err := n.usable(); err != nil {
			return err
		}
		if n.Ready() {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%w: %w", ErrUnavailable, ctx.Err())
		case <-n.stopped:
		case <-changed:
		}
	}
}

// usable returns ErrClosed or ErrFailed if the node does not work any more.
func (n *Node) usable() error {
	if err := n.fatal.Load(); err != nil {
		return *err
	}
	select {
	case <-n.stopped:
		return ErrClosed
	default:
		return nil
	}
}

// Leader returns the address of the leader, and false while none is known.
func (n *Node) Leader() (abi.Address, bool) {
	_, id := n.raft.LeaderWithID()
	a, err := abi.ParseAddress(string(id))
	return a, err == nil
}

// Snapshot writes a snapshot now, if there is anything new.
func (n *Node) Snapshot() error {
	if err := n.usable(); err != nil {
		return err
	}
	if err := n.raft.Snapshot().Error(); err != nil &&
		!errors.Is(err, raft.ErrNothingNewToSnapshot) {
		return fmt.Errorf("snapshot: %w", errors.Join(err, n.usable()))
	}
	return nil
}

// Close stops the node and releases its files. Proposals under way end with
// ErrMaybeApplied.
func (n *Node) Close() error {
	n.closing.Do(func() {
		n.stop.Do(func() { close(n.stopped) })
		n.setReady(0)
		err := (*n.started.Load())().Error()
		n.workers.Wait()
		n.fsm.hub.close()
		n.closed = errors.Join(err, n.log.close())
	})
	return n.closed
}

// Stats describes a node for operators.
type Stats struct {
	// Leads reports whether this node is the leader, Ready whether it also answers.
	Leads, Ready bool
	Term         uint64
	// CommitIndex is the last committed entry, AppliedIndex the last applied command.
	CommitIndex, AppliedIndex state.Index
	// FirstIndex and LastIndex bound the log.
	FirstIndex, LastIndex state.Index
	// LogBytes is the size of the log's file.
	LogBytes int64
	// FreeBytes is the free space of the disk, FreeBytesFloor below what work is refused.
	FreeBytes, FreeBytesFloor uint64
	// Proposals counts those under way.
	Proposals int
}

// Stats returns figures of the node as they are now.
func (n *Node) Stats() (Stats, error) {
	if err := n.usable(); err != nil {
		return Stats{}, err
	}
	free, err := n.cfg.FreeBytes()
	if err != nil {
		return Stats{}, err
	}
	s := Stats{
		Leads: n.raft.State() == raft.Leader, Ready: n.Ready(), Term: n.raft.CurrentTerm(),
		CommitIndex: state.Index(n.raft.CommitIndex()),
		LogBytes:    n.log.sizeBytes(), FreeBytes: free, FreeBytesFloor: n.cfg.FreeBytesFloor,
		Proposals: len(n.proposals),
	}
	first, _ := n.log.FirstIndex()
	last, _ := n.log.LastIndex()
	s.FirstIndex, s.LastIndex = state.Index(first), state.Index(last)
	err = n.fsm.view(func(v *state.View) error { s.AppliedIndex = v.Index(); return nil })
	return s, err
}
