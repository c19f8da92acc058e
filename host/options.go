package host

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"runtime"
	"time"

	"github.com/cerberus-host/cerberus/fhe"
	"github.com/cerberus-host/cerberus/host/config"
	"github.com/cerberus-host/cerberus/proofs/opening"
)

// ErrOptions is returned by [Open] when a required option is missing.
var ErrOptions = errors.New("invalid node options")

// Options are what a node is made of. Config, Engine and Now are required; the zero value
// of every other field is its default.
type Options struct {
	// Config is the operator's configuration.
	Config config.Config
	// Engine executes Plans.
	Engine fhe.Engine
	// Now is the node's clock.
	Now func() time.Time
	// Random is the source of keys, nonces and the cluster's id; nil means crypto/rand.
	Random io.Reader
	// Log receives messages; nil drops them.
	Log *slog.Logger
	// Version is what GetStatus reports.
	Version string
	// Setup is what results are proved and proofs are judged under; nil means that this node
	// does neither. An operator who gives a development setup accepts it.
	Setup *opening.Setup
	// Compiler is the command line of a process that compiles one module, which package
	// host/runtime describes; nil means that modules are compiled in the node's process, and
	// what kills the compiler kills the node.
	Compiler []string

	// The fields below are for tests.

	// AllowInsecureParams lets modules register whose parameter set is not secure.
	AllowInsecureParams bool
	// FreeBytes replaces the question for free disk space.
	FreeBytes func() (int64, error)
	// Step is called after every change of a file of log, snapshots and blobs, with the
	// change's name, from any goroutine.
	Step func(name string)
	// SnapshotEntries is how many log entries lead to a snapshot, SnapshotInterval how often
	// they are counted; 0 is the log's default.
	SnapshotEntries  uint64
	SnapshotInterval time.Duration
	// GuestTimeout bounds one run of a guest; 0 is the sandbox's default.
	GuestTimeout time.Duration
	// OwedProofsMax is how many proofs the node owes before it takes no more tasks that ask for
	// one; 0 means 64.
	OwedProofsMax int
	// ChoresInterval is how often uploads, tasks and blobs are collected; 0 means every ten
	// minutes.
	ChoresInterval time.Duration
}

const (
	choresIntervalDefault = 10 * time.Minute
	owedProofsMaxDefault  = 64
)

// withDefaults checks the options and fills in what is missing.
func (o Options) withDefaults() (Options, error) {
	if err := o.Config.Validate(); err != nil {
		return Options{}, err
	}
	if o.Engine == nil || o.Now == nil {
		return Options{}, fmt.Errorf("%w: Engine and Now are required", ErrOptions)
	}
	if o.Random == nil {
		o.Random = rand.Reader
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.ChoresInterval == 0 {
		o.ChoresInterval = choresIntervalDefault
	}
	if o.OwedProofsMax == 0 {
		o.OwedProofsMax = owedProofsMaxDefault
	}
	if o.Config.Workers == 0 {
		o.Config.Workers = max(1, runtime.GOMAXPROCS(0)/2)
	}
	if o.Config.MemoryBytes == 0 {
		o.Config.MemoryBytes = memoryBudget()
	}
	return o, nil
}

// The files of a data directory.
func (o Options) path(name string) string { return filepath.Join(o.Config.DataDir, name) }

// share returns a part of the memory budget. Compiled Plans, loaded Plans, loaded keys,
// running tasks and proofs have a fifth each.
func (o Options) share() int64 { return max(1, o.Config.MemoryBytes/5) }
