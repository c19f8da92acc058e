package worker_test

import (
	"bytes"
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
	if first.Engine == "" || first.Steps == 0 || first.Timings.Execute <= 0 {
		t.Errorf("%+v", first)
	}
	// The same task has the same bytes as its result, whoever runs it.
	second, err := worker.New(b.cfg).Run(t.Context(), b.task)
	if err != nil || second.Outputs[0] != first.Outputs[0] {
		t.Errorf("%+v and %+v, %v", first, second, err)
	}
}

func TestFailuresSayWhoseFaultTheyAre(t *testing.T) {
	b := newBench(t)
	damaged := bytes.Clone(b.q.Input)
	damaged[len(damaged)-1] ^= 0x80
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	late, stop := context.WithDeadline(context.Background(), time.Unix(0, 0))
	defer stop()
	unfit := b.put(damaged[:len(damaged)-5])
	for name, c := range map[string]struct {
		ctx       context.Context
		change    func(*worker.Config, *worker.Task)
		cause     worker.Cause
		field     string
		retryable bool
		is        error
	}{
		"another Program": {
			change: func(_ *worker.Config, t *worker.Task) { t.Program[0]++ },
			cause:  worker.CauseProgram,
		},
		"another Plan": {
			change: func(_ *worker.Config, t *worker.Task) { t.Plan[0]++ },
			cause:  worker.CauseProgram,
		},
		"unknown module": {
			change: func(_ *worker.Config, t *worker.Task) { t.Module[0]++ },
			cause:  worker.CauseBlob, is: blob.ErrUnknown,
		},
		"unknown arguments": {
			change: func(_ *worker.Config, t *worker.Task) {
				t.Args = abi.Args{{Name: "a", Value: "b"}}
			},
			cause: worker.CauseProgram, is: registry.ErrArgs,
		},
		"no keys": {
			change: func(_ *worker.Config, t *worker.Task) { t.KeySet = abi.Digest{} },
			cause:  worker.CauseBadInput, field: "key_set", is: fhe.ErrMissingKey,
		},
		"large keys": {
			change: func(c *worker.Config, _ *worker.Task) { c.KeyBytesMax = 10 },
			cause:  worker.CauseResource, field: "key_set",
		},
		"keys that are none": {
			change: func(_ *worker.Config, t *worker.Task) { t.KeySet = t.Inputs[0].Digest },
			cause:  worker.CauseBadInput, field: "key_set", is: fhe.ErrFormat,
		},
		"missing input": {
			change: func(_ *worker.Config, t *worker.Task) { t.Inputs = nil },
			cause:  worker.CauseBadInput, field: "inputs.x", is: fhe.ErrOperand,
		},
		"cut input": {
			change: func(_ *worker.Config, t *worker.Task) {
				t.Inputs = []worker.NamedBlob{{Name: "x", Digest: unfit}}
			},
			cause: worker.CauseBadInput, field: "inputs.x",
		},
		"cancelled": {ctx: ended, cause: worker.CauseInternal, retryable: true},
		"too late":  {ctx: late, cause: worker.CauseDeadline},
	} {
		cfg, task := b.cfg, b.task
		if c.change != nil {
			c.change(&cfg, &task)
		}
		if c.ctx == nil {
			c.ctx = t.Context()
		}
		_, err := worker.New(cfg).Run(c.ctx, task)
		var f *worker.Error
		if !errors.As(err, &f) || f.Cause != c.cause || f.Field != c.field ||
			f.Retryable != c.retryable || (c.is != nil && !errors.Is(err, c.is)) {
			t.Errorf("%s: %+v, want %+v", name, err, c)
		}
	}
	if _, err := worker.New(b.cfg).Run(t.Context(), b.task); err != nil {
		t.Errorf("the task itself: %v", err)
	}
}
