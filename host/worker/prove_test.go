package worker_test

import (
	"context"
	"os"
	"testing"
	"time"

	"github.com/cerberus-host/cerberus/abi"
	"github.com/cerberus-host/cerberus/host/hosttest"
	"github.com/cerberus-host/cerberus/host/worker"
	"github.com/cerberus-host/cerberus/proofs/attest"
	"github.com/cerberus-host/cerberus/proofs/bundle"
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
	if left, err := os.ReadDir(with.SpoolDir); err != nil || len(left) != 0 {
		t.Errorf("%d files are left, %v", len(left), err)
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
