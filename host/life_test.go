package host_test

import (
	"context"
	"errors"
	"math"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cerberus-host/cerberus/abi"
	"github.com/cerberus-host/cerberus/fhe"
	"github.com/cerberus-host/cerberus/fhe/lattigo"
	"github.com/cerberus-host/cerberus/host"
	"github.com/cerberus-host/cerberus/host/api"
	"github.com/cerberus-host/cerberus/host/hosttest"
	cerberusv1 "github.com/cerberus-host/cerberus/proto/gen/cerberus/v1"
)

// gatedEngine is the reference engine with something to do before each run.
type gatedEngine struct {
	fhe.Engine

	before func(context.Context) error
}

func (e gatedEngine) LoadPlan(ctx context.Context, c *fhe.Compiled) (fhe.LoadedPlan, error) {
	plan, err := e.Engine.LoadPlan(ctx, c)
	return gatedPlan{plan, e.before}, err
}

type gatedPlan struct {
	fhe.LoadedPlan

	before func(context.Context) error
}

func (p gatedPlan) Run(
	ctx context.Context, keys fhe.LoadedKeys, inputs []fhe.Ciphertext, opts fhe.RunOptions,
) ([]fhe.Ciphertext, error) {
	if err := p.before(ctx); err != nil {
		return nil, err
	}
	return p.LoadedPlan.Run(ctx, keys, inputs, opts)
}

// gate lets a test stop runs: entered gets one signal for each run that waits.
type gate struct {
	entered chan struct{}
	open    chan struct{}
	once    sync.Once
}

func newGate() *gate {
	return &gate{entered: make(chan struct{}, 100), open: make(chan struct{})}
}

func (g *gate) wait(ctx context.Context) error {
	g.entered <- struct{}{}
	select {
	case <-g.open:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (g *gate) release() { g.once.Do(func() { close(g.open) }) }

func gated(before func(context.Context) error, more func(*host.Options)) func(*host.Options) {
	return func(o *host.Options) {
		o.Engine = gatedEngine{lattigo.New(), before}
		if more != nil {
			more(o)
		}
	}
}

func submit(t *testing.T, c *hosttest.Client, req *cerberusv1.SubmitTaskRequest) []byte {
	t.Helper()
	resp, err := c.Tasks.SubmitTask(t.Context(), req)
	if err != nil {
		t.Fatal(err)
	}
	return resp.GetTask().GetId()
}

func wantState(t *testing.T, task *cerberusv1.Task, s cerberusv1.TaskState) {
	t.Helper()
	if task.GetState() != s {
		t.Fatalf("task is %s (%s), want %s", task.GetState(), task.GetFailureMessage(), s)
	}
}

func TestCancelStopsTheRun(t *testing.T) {
	g := newGate()
	defer g.release()
	node := hosttest.Start(t, time.Now, gated(g.wait, nil))
	node.Install(1, hosttest.Square(t, "square"))
	c := node.Stranger()
	req, q := submission(t, c)
	id := submit(t, c, req)
	<-g.entered
	if _, err := c.Tasks.CancelTask(t.Context(), &cerberusv1.CancelTaskRequest{Id: id}); err != nil {
		t.Fatal(err)
	}
	wantState(t, c.Await(id), cerberusv1.TaskState_TASK_STATE_CANCELLED)
	_, err := c.Tasks.CancelTask(t.Context(), &cerberusv1.CancelTaskRequest{
		Id: make([]byte, abi.DigestBytes),
	})
	if err == nil {
		t.Error("an unknown task was cancelled")
	}
	// The worker is free again.
	g.release()
	second := c.Submission(1, version(t, c, 1), q)
	c.Decrypt(q, c.Await(submit(t, c, second)))
	_, err = c.Tasks.CancelTask(t.Context(), &cerberusv1.CancelTaskRequest{
		Id: submit(t, c, second),
	})
	want(t, "cancel after the end", err, api.TaskEnded, "id")
}

func version(t *testing.T, c *hosttest.Client, slot uint32) *cerberusv1.ModuleVersion {
	t.Helper()
	found, err := c.Brains.GetBrain(t.Context(), &cerberusv1.GetBrainRequest{
		Key: &cerberusv1.GetBrainRequest_Number{Number: slot},
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range found.GetBrain().GetVersions() {
		if string(v.GetModuleDigest()) == string(found.GetBrain().GetActiveModule()) {
			return v
		}
	}
	t.Fatalf("slot %d has no active version", slot)
	return nil
}

func TestDeadlineFailsTheTask(t *testing.T) {
	g := newGate()
	defer g.release()
	node := hosttest.Start(t, time.Now, gated(g.wait, func(o *host.Options) {
		o.Config.TaskTimeout = time.Second
	}))
	node.Install(1, hosttest.Square(t, "square"))
	c := node.Stranger()
	req, _ := submission(t, c)
	task := c.Await(submit(t, c, req))
	wantState(t, task, cerberusv1.TaskState_TASK_STATE_FAILED)
	if task.GetFailure().GetReason() != string(api.DeadlineExceeded) {
		t.Errorf("%v", task.GetFailure())
	}
}

func TestFailuresAreRetriedAndBounded(t *testing.T) {
	var runs atomic.Int32
	var good atomic.Int32
	node := hosttest.Start(t, time.Now, gated(func(context.Context) error {
		n := runs.Add(1)
		switch {
		case n == good.Load():
			return nil
		case n == 1:
			panic("the engine's own fault")
		}
		return errors.New("a fault of the engine")
	}, nil))
	node.Install(1, hosttest.Square(t, "square"))
	c := node.Stranger()
	for _, x := range []struct {
		reason string
	}{{"internal"}, {"engine_failed"}} {
		req, _ := submission(t, c)
		task := c.Await(submit(t, c, req))
		wantState(t, task, cerberusv1.TaskState_TASK_STATE_FAILED)
		if task.GetFailure().GetReason() != x.reason || task.GetFailure().GetFix() == "" {
			t.Errorf("%v, want %s", task.GetFailure(), x.reason)
		}
	}
	good.Store(3)
	req, q := submission(t, c)
	c.Decrypt(q, c.Await(submit(t, c, req)))
}

func TestRestartInTheMiddleOfARun(t *testing.T) {
	g := newGate()
	node := hosttest.Start(t, time.Now, gated(g.wait, nil))
	node.Install(1, hosttest.Square(t, "square"))
	c := node.Stranger()
	req, q := submission(t, c)
	id := submit(t, c, req)
	<-g.entered
	g.release()
	node = node.Restart(nil)
	c = node.As(c.Key)
	task := c.Await(id)
	got := c.Decrypt(q, task)
	if math.Abs(got[1]-4) > 1e-3 {
		t.Errorf("%v", got)
	}
	// The same submission again is the same task, whatever its nonce.
	if again := submit(t, c, req); string(again) != string(id) {
		t.Errorf("submitted again it is task %x, not %x", again, id)
	}
}

func TestRunningTasksKeepTheirVersion(t *testing.T) {
	g := newGate()
	defer g.release()
	node := hosttest.Start(t, time.Now, gated(g.wait, nil))
	node.Install(1, hosttest.Square(t, "square"))
	c := node.Stranger()
	req, q := submission(t, c)
	id := submit(t, c, req)
	<-g.entered
	next := hosttest.Attach(t, hosttest.SquareCode(), manifest("square", func(m *abi.Manifest) {
		m.Version = "2"
	}))
	node.Install(1, next)
	// The old version takes no new tasks, and ends with its last one.
	second := c.Submission(1, &cerberusv1.ModuleVersion{
		ModuleDigest: req.GetModuleDigest(),
		Plans:        []*cerberusv1.PlanRef{{PlanDigest: req.GetPlanDigest()}},
	}, q)
	_, err := c.Tasks.SubmitTask(t.Context(), second)
	want(t, "old version", err, api.ModuleNotActive, "module_digest")
	g.release()
	c.Decrypt(q, c.Await(id))
	found, err := c.Brains.ListBrains(t.Context(), &cerberusv1.ListBrainsRequest{})
	if err != nil || len(found.GetBrains()[0].GetVersions()) != 1 {
		t.Errorf("%v, %v: the old version should be gone", found, err)
	}
	if _, err := node.Admin.Brains.RetireBrain(t.Context(),
		&cerberusv1.RetireBrainRequest{Brain: 1}); err != nil {
		t.Fatal(err)
	}
	_, err = c.Brains.GetBrain(t.Context(), &cerberusv1.GetBrainRequest{
		Key: &cerberusv1.GetBrainRequest_Number{Number: 1},
	})
	want(t, "retired", err, api.UnknownBrain, "number")
}

func TestFullDisk(t *testing.T) {
	var full atomic.Bool
	node := hosttest.Start(t, time.Now, func(o *host.Options) {
		o.FreeBytes = func() (int64, error) {
			if full.Load() {
				return o.Config.DiskFloorBytes / 2, nil
			}
			return 1 << 40, nil
		}
	})
	installed := node.Install(1, hosttest.Square(t, "square"))
	c := node.Stranger()
	req, q := submission(t, c)
	full.Store(true)
	_, err := c.TryUpload(t.Context(), cerberusv1.BlobKind_BLOB_KIND_CIPHERTEXT, []byte("more"))
	want(t, "upload", err, api.DiskFull, "")
	_, err = c.Tasks.SubmitTask(t.Context(), req)
	want(t, "submit", err, api.DiskFull, "")
	// It still serves what needs no room.
	c.Download(installed.GetModuleDigest())
	status, err := c.Nodes.GetStatus(t.Context(), &cerberusv1.GetStatusRequest{})
	if err != nil || status.GetDiskFreeBytes() >= status.GetDiskFloorBytes() {
		t.Fatalf("%v, %v", status, err)
	}
	full.Store(false)
	c.Decrypt(q, c.Await(submit(t, c, req)))
}

func TestDamagedBlobFailsItsTasksOnly(t *testing.T) {
	var dir string
	node := hosttest.Start(t, time.Now, func(o *host.Options) { dir = o.Config.DataDir })
	node.Install(1, hosttest.Square(t, "square"))
	c := node.Stranger()
	req, q := submission(t, c)
	digest := abi.Digest(req.GetInputs()[0].GetDigest())
	name := digest.String()[len("sha256:"):]
	path := filepath.Join(dir, "blobs", "blobs", name[:2], name)
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	raw[len(raw)-1] ^= 1
	if err := os.WriteFile(path, raw, 0o600); err != nil {
		t.Fatal(err)
	}
	_, err = c.Tasks.SubmitTask(t.Context(), req)
	want(t, "damaged input", err, api.TaskBlobUnavailable, "")
	// It was moved away; after a new upload the same submission is good.
	c.Upload(cerberusv1.BlobKind_BLOB_KIND_CIPHERTEXT, q.Input)
	c.Decrypt(q, c.Await(submit(t, c, req)))
}

func TestChoresDropWhatIsOld(t *testing.T) {
	var shift atomic.Int64
	now := func() time.Time { return time.Now().Add(time.Duration(shift.Load())) }
	node := hosttest.Start(t, now, func(o *host.Options) {
		o.ChoresInterval = 50 * time.Millisecond
		o.Config.TaskRetention = time.Hour
	})
	installed := node.Install(1, hosttest.Square(t, "square"))
	c := node.Stranger()
	_, task := c.Ask(1, installed, []float64{1})
	shift.Store(int64(2 * time.Hour))
	gone := func(digest []byte) bool {
		s, err := c.Blobs.StatBlob(t.Context(), &cerberusv1.StatBlobRequest{Digest: digest})
		return err == nil && !s.GetPresent()
	}
	deadline := time.Now().Add(20 * time.Second)
	for !gone(task.GetInputs()[0].GetDigest()) || !gone(task.GetOutputs()[0].GetDigest()) {
		if time.Now().After(deadline) {
			t.Fatal("the task's ciphertexts are still there")
		}
	}
	_, err := c.Tasks.GetTask(t.Context(), &cerberusv1.GetTaskRequest{Id: task.GetId()})
	want(t, "pruned", err, api.UnknownTask, "id")
	c.Download(installed.GetModuleDigest())
	if gone(task.GetKeySet()) {
		t.Error("the key set went with the task")
	}
}
