package worker_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/cerberus-host/cerberus/abi"
	"github.com/cerberus-host/cerberus/fhe"
	"github.com/cerberus-host/cerberus/host/hosttest"
	"github.com/cerberus-host/cerberus/host/worker"
	"github.com/cerberus-host/cerberus/proofs/attest"
	"github.com/cerberus-host/cerberus/proofs/bundle"
	"github.com/cerberus-host/cerberus/proofs/prooftest"
	"github.com/cerberus-host/cerberus/proofs/prover"
)

// proving makes what a miner proves with.
func proving(t *testing.T) worker.Proving {
	t.Helper()
	setup := hosttest.Setup(t)
	key := hosttest.Key(t)
	p, err := prover.New(prover.Config{Setup: setup, Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	return worker.Proving{
		Prover: p, Setup: setup.Verifier().Digest(), Node: key.Address(), Build: "test",
		Sign: func(d abi.Digest) attest.Signature { return attest.Signature(key.Sign(d)) },
	}
}

// TestProve: the bundle is about the task, its inputs, keys and the reported outputs, and
// says what the miner knows beside it.
func TestProve(t *testing.T) {
	b := newBench(t)
	w := worker.New(b.cfg)
	result, err := w.Run(t.Context(), b.task)
	if err != nil {
		t.Fatal(err)
	}
	with := proving(t)
	job := worker.Proven{
		Task: b.task, ID: [32]byte{1}, Client: hosttest.Key(t).Address(),
		Outputs: []worker.NamedBlob{{Name: "y", Digest: result.Outputs[0].Digest}},
	}
	p, err := w.Prove(t.Context(), job, with)
	if err != nil {
		t.Fatal(err)
	}
	got, err := bundle.Parse(p.Bundle)
	if err != nil {
		t.Fatal(err)
	}
	s := got.Statement
	if s.Digest() != p.Statement || s.Module != b.task.Module || s.Plan != b.task.Plan ||
		s.KeySet != b.task.KeySet || s.Task != job.ID || s.Client != job.Client ||
		s.Node != with.Node || s.Setup != with.Setup ||
		s.Inputs[0].Digest != b.task.Inputs[0].Digest ||
		s.Outputs[0].Digest != result.Outputs[0].Digest {
		t.Errorf("the statement is\n%s", s.Bytes())
	}
	if s.Signed.Engine != result.Engine || int(s.Signed.Steps) != result.Steps ||
		uint64(s.Signed.Gas) != result.Gas ||
		s.Signed.Build != "test" || s.Signed.ProveMicros <= 0 || p.Record <= 0 ||
		p.Stats.Wires == 0 {
		t.Errorf("%+v, %+v", s.Signed, p)
	}
	// A witness that does not fit the memory is the same witness.
	with.WitnessBytesMax, with.SpoolDir = 1, t.TempDir()
	spooled, err := w.Prove(t.Context(), job, with)
	if err != nil || spooled.Statement != p.Statement || len(spooled.Bundle) != len(p.Bundle) {
		t.Errorf("%d bytes for %s, %v", len(spooled.Bundle), spooled.Statement, err)
	}
	if left := prooftest.FilesIn(t, with.SpoolDir); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
	testProofFaults(t, w, job, with)
}

// testProofFaults: no proof is made of what was not the result, and failures say whose fault
// they are.
func testProofFaults(t *testing.T, w *worker.Worker, job worker.Proven, with worker.Proving) {
	t.Helper()
	for _, c := range []struct {
		fault

		change func(*worker.Proven)
	}{
		{
			fault{name: "another output", cause: worker.CauseEngine, retryable: true},
			func(p *worker.Proven) {
				p.Outputs = []worker.NamedBlob{{Name: "y", Digest: p.Module}}
			},
		},
		{
			fault{name: "no output", cause: worker.CauseEngine, retryable: true},
			func(p *worker.Proven) { p.Outputs = nil },
		},
		{
			fault{name: "another Plan", cause: worker.CauseProgram},
			func(p *worker.Proven) { p.Plan[0]++ },
		},
		{
			fault{name: "no keys", cause: worker.CauseBadInput, field: "key_set"},
			func(p *worker.Proven) { p.KeySet = abi.Digest{} },
		},
	} {
		changed := job
		c.change(&changed)
		_, err := w.Prove(t.Context(), changed, with)
		c.check(t, err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := w.Prove(ended, job, with)
	fault{name: "ended", cause: worker.CauseInternal, retryable: true}.check(t, err)
}

// meddler is an engine whose records pass through somebody's hands.
type meddler struct {
	fhe.Engine

	record func(fhe.Recorder, fhe.Wire) error
}

type meddledPlan struct {
	fhe.LoadedPlan

	record func(fhe.Recorder, fhe.Wire) error
}

type meddledRecorder struct {
	fhe.Recorder

	record func(fhe.Recorder, fhe.Wire) error
}

func (m meddler) LoadPlan(ctx context.Context, c *fhe.Compiled) (fhe.LoadedPlan, error) {
	p, err := m.Engine.LoadPlan(ctx, c)
	return meddledPlan{p, m.record}, err
}

func (p meddledPlan) Run(ctx context.Context, keys fhe.LoadedKeys, in []fhe.Ciphertext,
	opts fhe.RunOptions,
) ([]fhe.Ciphertext, error) {
	if opts.Recorder != nil {
		opts.Recorder = meddledRecorder{opts.Recorder, p.record}
	}
	return p.LoadedPlan.Run(ctx, keys, in, opts)
}

func (r meddledRecorder) Record(w fhe.Wire) error { return r.record(r.Recorder, w) }

// TestNoSpoolIsLeft: the file of a witness goes with a run that fails, that is cancelled, and
// whose record is not one.
func TestNoSpoolIsLeft(t *testing.T) {
	b := newBench(t)
	result, err := worker.New(b.cfg).Run(t.Context(), b.task)
	if err != nil {
		t.Fatal(err)
	}
	job := worker.Proven{
		Task: b.task, ID: [32]byte{1}, Client: hosttest.Key(t).Address(),
		Outputs: []worker.NamedBlob{{Name: "y", Digest: result.Outputs[0].Digest}},
	}
	with := proving(t)
	with.WitnessBytesMax, with.SpoolDir = 1, t.TempDir()
	for _, c := range []struct {
		fault

		after func(cancel context.CancelFunc) error
	}{
		{
			fault{name: "failed", cause: worker.CauseEngine},
			func(context.CancelFunc) error { return errors.New("broken") },
		},
		{
			fault{name: "cancelled", cause: worker.CauseInternal, retryable: true},
			func(cancel context.CancelFunc) error { cancel(); return nil },
		},
		{
			fault{name: "too few records", cause: worker.CauseEngine},
			func(context.CancelFunc) error { return nil },
		},
	} {
		ctx, cancel := context.WithCancel(t.Context())
		records, spooled := 0, false
		cfg := b.cfg
		cfg.Engine = meddler{b.cfg.Engine, func(r fhe.Recorder, w fhe.Wire) error {
			if records++; records > 1 {
				return nil
			}
			err := r.Record(w)
			spooled = len(prooftest.FilesIn(t, with.SpoolDir)) > 0
			return errors.Join(err, c.after(cancel))
		}}
		_, err := worker.New(cfg).Prove(ctx, job, with)
		c.check(t, err)
		if left := prooftest.FilesIn(t, with.SpoolDir); !spooled || len(left) != 0 {
			t.Errorf("%s: spooled %t, left behind: %v", c.name, spooled, left)
		}
		cancel()
	}
}
