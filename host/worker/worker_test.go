package worker_test

import (
	"context"
	"errors"
	"math"
	"testing"
	"time"

	"github.com/cerberus-host/cerberus/abi"
	"github.com/cerberus-host/cerberus/fhe"
	"github.com/cerberus-host/cerberus/host/blob"
	"github.com/cerberus-host/cerberus/host/hosttest"
	"github.com/cerberus-host/cerberus/host/registry"
	"github.com/cerberus-host/cerberus/host/runtime"
	"github.com/cerberus-host/cerberus/host/worker"
)

// bench is a worker on a store in a temporary directory, with one module registered.
type bench struct {
	t     *testing.T
	store *blob.Store
	cfg   worker.Config
	task  worker.Task
	q     *hosttest.Question
}

func newBench(t *testing.T) *bench {
	t.Helper()
	store, err := blob.Open(blob.Config{Dir: t.TempDir(), Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	sandbox, err := runtime.New(t.Context(), runtime.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := sandbox.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	engine := hosttest.Options("", hosttest.Key(t), time.Now).Engine
	reg := registry.New(registry.Config{
		Sandbox: sandbox, Blobs: store, Encoder: hosttest.Encoder(), Supports: engine.Supports,
		AllowInsecure: true, CompiledBytesMax: 1 << 30,
	})
	b := &bench{t: t, store: store, cfg: worker.Config{
		Blobs: store, Variants: reg, Engine: engine, Now: time.Now, PlanBytesMax: 1 << 30,
		KeyBytesMax: 1 << 30,
	}}
	module := b.put(hosttest.Square(t, "square"))
	checked, err := reg.Check(t.Context(), module)
	if err != nil {
		t.Fatal(err)
	}
	v := checked.Variants[0]
	b.q = hosttest.Encrypt(t, v.Compiled.Plan, []float64{-1.5})
	b.task = worker.Task{
		Module: module, Program: v.ProgramDigest, Plan: v.PlanDigest, KeySet: b.put(b.q.KeySet),
		Inputs: []worker.NamedBlob{{Name: "x", Digest: b.put(b.q.Input)}},
	}
	return b
}

func (b *bench) put(data []byte) abi.Digest {
	b.t.Helper()
	d, err := b.store.Put(data)
	if err != nil {
		b.t.Fatal(err)
	}
	return d
}

func TestRunStoresTheEncryptedResult(t *testing.T) {
	b := newBench(t)
	w := worker.New(b.cfg)
	first, err := w.Run(t.Context(), b.task)
	if err != nil {
		t.Fatal(err)
	}
	out, err := b.store.ReadAll(first.Outputs[0].Digest, 1<<30)
	if err != nil || int64(len(out)) != first.Outputs[0].Bytes {
		t.Fatalf("%d bytes, %v", len(out), err)
	}
	if y := b.q.Read(t, out); math.Abs(y[0]-2.25) > 1e-3 {
		t.Errorf("the answer is %v", y)
	}
	if first.Engine == "" || first.Steps == 0 || first.Timings.Execute <= 0 || first.Gas == 0 {
		t.Errorf("%+v", first)
	}
	// The same task has the same bytes as its result, whoever runs it.
	second, err := worker.New(b.cfg).Run(t.Context(), b.task)
	if err != nil || second.Outputs[0] != first.Outputs[0] || second.Gas != first.Gas {
		t.Errorf("%+v and %+v, %v", first, second, err)
	}
}

// fault is a change to a good task, and how its run fails.
type fault struct {
	name      string
	change    func(*worker.Config, *worker.Task)
	cause     worker.Cause
	field     string
	is        error
	retryable bool
}

func (f fault) check(t *testing.T, err error) {
	t.Helper()
	var got *worker.Error
	if !errors.As(err, &got) || got.Cause != f.cause || got.Field != f.field ||
		got.Retryable != f.retryable || (f.is != nil && !errors.Is(err, f.is)) {
		t.Errorf("%s: %+v, want %s of %q", f.name, err, f.cause, f.field)
	}
}

func faults(unfit abi.Digest) []fault {
	type cfg = worker.Config
	type task = worker.Task
	args := abi.Args{{Name: "a", Value: "b"}}
	cut := []worker.NamedBlob{{Name: "x", Digest: unfit}}
	return []fault{
		{
			name: "another Program", change: func(_ *cfg, t *task) { t.Program[0]++ },
			cause: worker.CauseProgram,
		},
		{
			name: "another Plan", change: func(_ *cfg, t *task) { t.Plan[0]++ },
			cause: worker.CauseProgram,
		},
		{
			name: "unknown module", change: func(_ *cfg, t *task) { t.Module[0]++ },
			cause: worker.CauseBlob, is: blob.ErrUnknown,
		},
		{
			name: "unknown arguments", change: func(_ *cfg, t *task) { t.Args = args },
			cause: worker.CauseProgram, is: registry.ErrArgs,
		},
		{
			name: "no keys", change: func(_ *cfg, t *task) { t.KeySet = abi.Digest{} },
			cause: worker.CauseBadInput, field: "key_set", is: fhe.ErrMissingKey,
		},
		{
			name: "large keys", change: func(c *cfg, _ *task) { c.KeyBytesMax = 10 },
			cause: worker.CauseResource, field: "key_set",
		},
		{
			name:   "keys that are none",
			change: func(_ *cfg, t *task) { t.KeySet = t.Inputs[0].Digest },
			cause:  worker.CauseBadInput, field: "key_set", is: fhe.ErrFormat,
		},
		{
			name: "missing input", change: func(_ *cfg, t *task) { t.Inputs = nil },
			cause: worker.CauseBadInput, field: "inputs.x", is: fhe.ErrOperand,
		},
		{
			name: "cut input", change: func(_ *cfg, t *task) { t.Inputs = cut },
			cause: worker.CauseBadInput, field: "inputs.x",
		},
	}
}

func TestFailuresSayWhoseFaultTheyAre(t *testing.T) {
	b := newBench(t)
	for _, f := range faults(b.put(b.q.Input[:len(b.q.Input)-5])) {
		cfg, task := b.cfg, b.task
		f.change(&cfg, &task)
		_, err := worker.New(cfg).Run(t.Context(), task)
		f.check(t, err)
	}
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	_, err := worker.New(b.cfg).Run(ended, b.task)
	fault{name: "cancelled", cause: worker.CauseInternal, retryable: true}.check(t, err)
	late, stop := context.WithDeadline(context.Background(), time.Unix(0, 0))
	defer stop()
	_, err = worker.New(b.cfg).Run(late, b.task)
	fault{name: "too late", cause: worker.CauseDeadline}.check(t, err)
	if _, err := worker.New(b.cfg).Run(t.Context(), b.task); err != nil {
		t.Errorf("the task itself: %v", err)
	}
}
