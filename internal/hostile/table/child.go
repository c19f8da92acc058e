package main

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"time"

	"github.com/cerberus-host/cerberus/abi"
	"github.com/cerberus-host/cerberus/host/runtime"
	"github.com/cerberus-host/cerberus/internal/hostile"
	"github.com/cerberus-host/cerberus/internal/hostile/trial"
)

// outcome is how one file ended: what a child prints, in the form of package compare.
type outcome struct {
	Ended  string  `json:"ended"`
	Text   string  `json:"text"`
	LoadMS float64 `json:"load_ms"`
	RunMS  float64 `json:"run_ms"`
	WaitMS float64 `json:"wait_ms"`
}

// runChild runs files in the sandbox of cerberus and prints an outcome for each.
func runChild(ctx context.Context, entry string, paths []string) (err error) {
	if err := limitAddressSpace(addressSpace); err != nil {
		return err
	}
	sandbox, err := runtime.New(ctx, runtime.Config{RunTimeout: deadline})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, sandbox.Close(context.WithoutCancel(ctx))) }()
	phase := abi.PhaseInfer
	for _, p := range []abi.Phase{abi.PhaseEncode, abi.PhaseDecode} {
		if p.String() == entry {
			phase = p
		}
	}
	out := json.NewEncoder(os.Stdout)
	for _, path := range paths {
		file, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if err := out.Encode(try(ctx, sandbox, phase, file)); err != nil {
			return err
		}
	}
	return nil
}

func try(ctx context.Context, sandbox *runtime.Runtime, phase abi.Phase, file []byte) outcome {
	var o outcome
	var err error
	beats := trial.Heartbeat(time.Now, func() {
		start := time.Now()
		var m *runtime.Module
		m, err = sandbox.Load(ctx, file)
		o.LoadMS = millis(time.Since(start))
		if err == nil {
			start = time.Now()
			err = trial.Enter(ctx, m, phase)
			o.RunMS = millis(time.Since(start))
		}
	})
	o.WaitMS = millis(beats.Worst())
	if err != nil {
		o.Text = err.Error()
	}
	ended, ok := trial.Ended(err)
	switch {
	case !ok:
		o.Ended = "unexpected"
	case ended == hostile.Harmless, ended == hostile.Failed:
		o.Ended = returned
	default:
		o.Ended = ended.String()
	}
	return o
}

// returned is what both programs call a run that ends by itself without a trap.
const returned = "returned"

func millis(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
