package host

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cerberus-host/cerberus/abi"
	"github.com/cerberus-host/cerberus/fhe/encode"
	"github.com/cerberus-host/cerberus/host/api"
	"github.com/cerberus-host/cerberus/host/blob"
	"github.com/cerberus-host/cerberus/host/identity"
	"github.com/cerberus-host/cerberus/host/registry"
	"github.com/cerberus-host/cerberus/host/runtime"
	"github.com/cerberus-host/cerberus/host/sched"
	"github.com/cerberus-host/cerberus/host/telemetry"
	"github.com/cerberus-host/cerberus/host/worker"
	raftlogv1 "github.com/cerberus-host/cerberus/proto/gen/cerberus/raftlog/v1"
	"github.com/cerberus-host/cerberus/raftstore"
	"github.com/cerberus-host/cerberus/raftstore/state"
)

const (
	// replayNonces is how many nonces of reads and chunks are remembered, about 100 MB.
	replayNonces = 1 << 19
	// scheduleInterval is how often the queue is looked at without being told.
	scheduleInterval = 2 * time.Second
	// shutdownTimeout bounds how long requests in flight may take when the node stops.
	shutdownTimeout = 5 * time.Second
	// clusterIDBytes is the length of a cluster's id.
	clusterIDBytes = 32
)

var (
	// ErrStarting is why a node is not ready that has not finished its start.
	ErrStarting = errors.New("the node is starting")
	// ErrStopped is returned by [Node.Wait] after [Node.Close], and is why a closed node is
	// not ready.
	ErrStopped = errors.New("the node is stopped")
)

// Node is a running node. Its methods are safe for concurrent use; Start is called once.
type Node struct {
	opts Options
	core *core

	store     *blob.Store
	sandbox   *runtime.Runtime
	scheduler *sched.Scheduler
	chores    *chores
	attester  *attester
	blobs     *blobsBackend
	listener  net.Listener
	server    *http.Server

	// serving ends when the node begins to stop; streams end with it.
	serving     context.Context //nolint:containedctx // it is the node's own life
	stopServing context.CancelFunc
	// booted is closed when the node takes tasks.
	booted chan struct{}
	// fatal is closed, once, when the node has to stop; cause says why.
	fatal    chan struct{}
	cause    atomic.Pointer[error]
	stop     context.CancelFunc
	work     sync.WaitGroup
	closing  sync.Once
	closeErr error
}

// Open opens the data directory and binds the address; nothing is served yet. The order is
// that of what can fail because of another process or a damaged disk: key, log (which locks
// the directory), blobs, sandbox, address.
func Open(ctx context.Context, opts Options) (*Node, error) {
	opts, err := opts.withDefaults()
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(opts.Config.DataDir, 0o700); err != nil {
		return nil, fmt.Errorf("make data directory: %w", err)
	}
	n := &Node{opts: opts, booted: make(chan struct{}), fatal: make(chan struct{})}
	n.serving, n.stopServing = context.WithCancel(context.WithoutCancel(ctx))
	if err := n.open(ctx); err != nil {
		return nil, errors.Join(err, n.release())
	}
	return n, nil
}

func (n *Node) open(ctx context.Context) error {
	key, created, err := identity.LoadOrCreateKey(n.opts.path("node.key"), n.opts.Random)
	if err != nil {
		return err
	}
	if created {
		n.opts.Log.InfoContext(ctx, "made the node's key", "node", key.Address())
	}
	n.core = &core{
		key: key, now: n.opts.Now, log: n.opts.Log, random: n.opts.Random,
		replay: identity.NewReplay(n.opts.Now, replayNonces),
	}
	if n.core.raft, err = raftstore.Open(n.raftConfig(key.Address())); err != nil {
		return fmt.Errorf("open log: %w", err)
	}
	n.store, err = blob.Open(blob.Config{
		Dir: n.opts.path("blobs"), FS: n.blobFS(), Now: n.opts.Now,
		FloorBytes: n.opts.Config.DiskFloorBytes, TotalBytesMax: n.opts.Config.BlobBytesMax,
	})
	if err != nil {
		return err
	}
	metrics, err := telemetry.NewMetrics(api.Procedures())
	if err != nil {
		return err
	}
	n.sandbox, err = runtime.New(ctx, runtime.Config{
		CacheDir: n.opts.path("compiled"), RunTimeout: n.opts.GuestTimeout,
		Compiler: n.opts.Compiler,
		Observe:  func(r runtime.Report) { metrics.GuestRun(r.Err) },
	})
	if err != nil {
		return fmt.Errorf("open sandbox: %w", err)
	}
	handler, err := n.wire(metrics)
	if err != nil {
		return err
	}
	n.server = api.NewServer(handler, n.opts.Now)
	n.listener, err = new(net.ListenConfig).Listen(ctx, "tcp", n.opts.Config.Listen)
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	return nil
}

func (n *Node) raftConfig(self abi.Address) raftstore.Config {
	cfg := raftstore.Config{
		Dir: n.opts.path("raft"), NodeID: self, Now: n.opts.Now, Log: n.opts.Log,
		OnFatal:         func(err error) { n.fail(fmt.Errorf("log: %w", err)) },
		FreeBytesFloor:  uint64(n.opts.Config.DiskFloorBytes),
		SnapshotEntries: n.opts.SnapshotEntries, SnapshotInterval: n.opts.SnapshotInterval,
	}
	if n.opts.FreeBytes != nil {
		cfg.FreeBytes = func() (uint64, error) {
			free, err := n.opts.FreeBytes()
			return uint64(max(0, free)), err
		}
	}
	if n.opts.Step != nil {
		cfg.Faults = stepFaults(n.opts.Step)
	}
	return cfg
}

// stepFaults tells a test of the log's steps.
type stepFaults func(name string)

// Step implements raftstore.Faults.
func (f stepFaults) Step(name string) error {
	f(name)
	return nil
}

// blobFS is the operating system's, with what a test put in its place.
func (n *Node) blobFS() blob.FS {
	disk := blob.Disk{Step: n.opts.Step}
	if n.opts.FreeBytes == nil {
		return disk
	}
	return freeFS{disk, n.opts.FreeBytes}
}

// freeFS answers the question for free space differently.
type freeFS struct {
	blob.Disk

	free func() (int64, error)
}

// Free implements blob.FS.
func (f freeFS) Free(string) (int64, error) { return f.free() }

// wire connects the parts and returns the handler of all that is served.
func (n *Node) wire(metrics *telemetry.Metrics) (http.Handler, error) {
	reg := registry.New(registry.Config{
		Sandbox: n.sandbox, Blobs: n.store, Encoder: encode.New(),
		Supports: n.opts.Engine.Supports, AllowInsecure: n.opts.AllowInsecureParams,
		CompiledBytesMax: n.opts.share(),
	})
	w := worker.New(worker.Config{
		Blobs: n.store, Variants: reg, Engine: n.opts.Engine, Now: n.opts.Now,
		PlanBytesMax: n.opts.share(), KeyBytesMax: n.opts.share(),
	})
	blobs := &blobsBackend{
		core: n.core, store: n.store, metrics: metrics, retention: n.opts.Config.TaskRetention,
	}
	n.blobs = blobs
	if err := n.wireAttester(reg, w, metrics); err != nil {
		return nil, err
	}
	n.scheduler = sched.New(sched.Config{
		Queue: &taskQueue{
			core: n.core, registry: reg, attester: n.attester, owedMax: n.opts.OwedProofsMax,
		},
		Runner:  &taskRunner{core: n.core, worker: w, blobs: blobs, metrics: metrics},
		Workers: n.opts.Config.Workers, MemoryBytes: n.opts.share(),
		Timeout: n.opts.Config.TaskTimeout, Interval: scheduleInterval, Now: n.opts.Now,
		Log: n.opts.Log,
	})
	n.chores = &chores{
		core: n.core, store: n.store, blobs: blobs, scheduler: n.scheduler, attester: n.attester,
		retention: n.opts.Config.TaskRetention, interval: n.opts.ChoresInterval,
	}
	verifier := &identity.Verifier{
		Cluster: n.core.cluster, Now: n.opts.Now, BodyBytesMax: api.MessageBytesMax,
		Refuse: n.refuseSignature,
	}
	public, err := api.New(api.Config{
		Nodes: &clusterBackend{
			core: n.core, store: n.store, version: n.opts.Version, engine: n.opts.Engine.Name(),
			ready: n.ready,
		},
		Blobs:  blobs,
		Brains: &brainsBackend{core: n.core, registry: reg, blobs: blobs},
		Tasks: &tasksBackend{
			core: n.core, worker: w, prepares: make(chan struct{}, preparesMax),
			serving: n.serving,
		},
		Authenticate: verifier.Wrap, Caller: apiCaller, Log: n.opts.Log,
		Ready: func() bool { return n.ready() == nil },
	})
	if err != nil {
		return nil, err
	}
	if err := n.gauges(metrics); err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	probes := telemetry.Probes(n.live, n.ready)
	mux.Handle("/livez", probes)
	mux.Handle("/readyz", probes)
	mux.Handle("GET /metrics", metrics.Handler())
	mux.Handle("/", public)
	return metrics.Observe(mux, n.opts.Log, n.opts.Now), nil
}

// gauges registers the numbers that are read when somebody looks.
func (n *Node) gauges(m *telemetry.Metrics) error {
	held := func(read func(blob.Stats) int64) func() float64 {
		return func() float64 {
			s, err := n.store.Stats()
			if err != nil {
				return -1
			}
			return float64(read(s))
		}
	}
	return errors.Join(
		m.Gauge("cerberus_blob_bytes", "Bytes of stored blobs.",
			held(func(s blob.Stats) int64 { return s.Bytes })),
		m.Gauge("cerberus_uploads_open", "Open uploads.",
			held(func(s blob.Stats) int64 { return int64(s.Uploads) })),
		m.Gauge("cerberus_disk_free_bytes", "Free bytes of the disk.",
			held(func(s blob.Stats) int64 { return s.FreeBytes })),
		m.Gauge("cerberus_tasks_running", "Attempts at tasks under way here.",
			func() float64 { return float64(n.scheduler.Running()) }),
		m.Gauge("cerberus_proofs_owed", "Proofs that this node owes, those under way included.",
			func() float64 { return float64(n.attester.waiting()) }),
		m.Gauge("cerberus_proofs_running", "Proofs under way here.",
			func() float64 { return float64(n.attester.underWay()) }),
		m.Gauge("cerberus_key_sets_committed", "Key sets that were committed here since the start.",
			func() float64 { return float64(n.attester.commits.count()) }),
		m.Gauge("cerberus_ready", "1 if the node takes tasks.", func() float64 {
			if n.ready() != nil {
				return 0
			}
			return 1
		}),
	)
}

// apiCaller hands the verified signer to the API.
func apiCaller(ctx context.Context) api.Caller {
	c, ok := identity.CallerFrom(ctx)
	if !ok {
		return api.Caller{}
	}
	return api.Caller{Address: c.Address, Nonce: c.Nonce[:], ExpiryMS: c.ExpiryMS}
}

func (n *Node) refuseSignature(w http.ResponseWriter, r *http.Request, err error) {
	var refused *api.Error
	if !errors.As(refusal(err), &refused) {
		refused = api.Refuse(api.InvalidSignature, "", "%s", err)
	}
	if n.core.cluster() == nil {
		// No signature can be checked yet; a client tries again.
		refused = api.Refuse(api.NotReady, "", "%s", ErrStarting)
	}
	if err := api.WriteError(w, r, refused); err != nil {
		n.opts.Log.DebugContext(r.Context(), "answer lost", "error", err)
	}
}

// Start serves requests and begins to work. It does not wait: until the log has a leader
// and the cluster an id, requests are answered with "not_ready". ctx carries values only;
// [Node.Close] ends what Start began.
func (n *Node) Start(ctx context.Context) error {
	ctx, n.stop = context.WithCancel(context.WithoutCancel(ctx))
	n.work.Go(func() {
		if err := n.server.Serve(n.listener); !errors.Is(err, http.ErrServerClosed) {
			n.fail(fmt.Errorf("serve: %w", err))
		}
	})
	n.work.Go(func() {
		select {
		case <-n.store.Failed():
			n.fail(n.store.Err())
		case <-ctx.Done():
		}
	})
	n.work.Go(func() {
		if err := n.boot(ctx); err != nil && ctx.Err() == nil {
			n.fail(fmt.Errorf("start: %w", err))
		}
	})
	n.opts.Log.InfoContext(ctx, "serving", "address", n.Addr(), "node", n.core.self())
	return nil
}

// boot brings the node to where it takes tasks, then works until ctx ends.
func (n *Node) boot(ctx context.Context) error {
	if err := n.core.raft.WaitReady(ctx); err != nil {
		return err
	}
	if err := n.bootstrap(ctx); err != nil {
		return err
	}
	if err := n.announceSetup(ctx); err != nil {
		return err
	}
	if err := n.chores.releaseLeases(ctx); err != nil {
		return err
	}
	// Nothing is being committed yet, so that what the log does not know is left over.
	index := n.chores.catchUp(ctx)
	n.work.Go(func() { n.chores.follow(ctx, index) })
	n.work.Go(func() { n.chores.collect(ctx) })
	n.work.Go(func() { n.attester.run(ctx) })
	close(n.booted)
	n.opts.Log.InfoContext(ctx, "ready", "cluster", hex.EncodeToString(n.core.cluster()))
	n.scheduler.Run(ctx)
	return nil
}

// bootstrap makes the cluster, if the log has none yet: its id, its first admins and its
// policy. The operator's configuration speaks for the first admin here, and never again.
func (n *Node) bootstrap(ctx context.Context) error {
	if n.core.cluster() != nil {
		return nil
	}
	id, err := n.core.randomBytes(clusterIDBytes)
	if err != nil {
		return err
	}
	self := n.core.self()
	admins := n.opts.Config.Admins
	if len(admins) == 0 {
		admins = []abi.Address{self}
	}
	_, err = proposeOwn(ctx, n.core, &raftlogv1.Bootstrap{
		ClusterId: hex.EncodeToString(id), Admin: admins[0][:], Node: self[:],
		Policy: &raftlogv1.Policy{OpenClients: n.opts.Config.OpenToClients},
	})
	if err != nil {
		return fmt.Errorf("make the cluster: %w", err)
	}
	for _, a := range admins[1:] {
		_, err := proposeAs(ctx, n.core, admins[0], &raftlogv1.SetRole{
			Address: a[:], Role: raftlogv1.Role(state.RoleAdmin), Grant: true,
		})
		if err != nil {
			return fmt.Errorf("grant the admin role to %s: %w", a, err)
		}
	}
	return nil
}

// fail records why the node has to stop, once.
func (n *Node) fail(err error) {
	if n.cause.CompareAndSwap(nil, &err) {
		n.opts.Log.Error("the node stops", "error", err)
		close(n.fatal)
	}
}

// live returns nil unless the node has to be restarted.
func (n *Node) live() error {
	if err := n.cause.Load(); err != nil {
		return *err
	}
	return nil
}

// ready returns nil if the node takes tasks, or why it does not.
func (n *Node) ready() error {
	if err := n.live(); err != nil {
		return err
	}
	select {
	case <-n.booted:
	default:
		return ErrStarting
	}
	if !n.core.raft.Ready() {
		return raftstore.ErrUnavailable
	}
	return nil
}

// Addr returns the address that the node listens on.
func (n *Node) Addr() net.Addr { return n.listener.Addr() }

// Address returns the node's identity.
func (n *Node) Address() abi.Address { return n.core.self() }

// WaitReady waits until the node takes tasks. It returns the context's error, or why the
// node had to stop.
func (n *Node) WaitReady(ctx context.Context) error {
	select {
	case <-n.booted:
		return nil
	case <-n.fatal:
		return n.live()
	case <-ctx.Done():
		return fmt.Errorf("%w: %w", ErrStarting, ctx.Err())
	}
}

// Wait waits until ctx ends, and returns nil, or until the node has to stop, and returns
// why: a failed disk, or [ErrStopped] after [Node.Close].
func (n *Node) Wait(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return nil
	case <-n.fatal:
		return n.live()
	}
}

// Close stops the node in the opposite order: no more requests, no more attempts (what they
// came to is still recorded), then the log and the sandbox. It may be called more than once,
// and before Start.
func (n *Node) Close() error {
	n.closing.Do(func() {
		stopped := ErrStopped
		if n.cause.CompareAndSwap(nil, &stopped) {
			close(n.fatal)
		}
		n.closeErr = n.release()
	})
	return n.closeErr
}

// release closes what was opened.
func (n *Node) release() error {
	ctx, cancel := context.WithTimeout(context.Background(), shutdownTimeout)
	defer cancel()
	var errs []error
	n.stopServing()
	if n.server != nil && n.stop != nil {
		if err := n.server.Shutdown(ctx); err != nil {
			// Streams that do not end by themselves are cut off.
			errs = append(errs, n.server.Close())
		}
	} else if n.listener != nil {
		errs = append(errs, n.listener.Close())
	}
	if n.stop != nil {
		n.stop()
		n.work.Wait()
	}
	if n.core != nil && n.core.raft != nil {
		errs = append(errs, n.core.raft.Close())
	}
	if n.sandbox != nil {
		errs = append(errs, n.sandbox.Close(ctx))
	}
	return errors.Join(errs...)
}
