package bench

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/cerberus-host/cerberus/abi"
	"github.com/cerberus-host/cerberus/fhe"
	"github.com/cerberus-host/cerberus/host/hostcall"
	"github.com/cerberus-host/cerberus/host/runtime"
	"github.com/cerberus-host/cerberus/host/wasmtest"
	"github.com/cerberus-host/cerberus/internal/figures"
)

// runBudget is how long one small thing is repeated.
const runBudget = time.Second

func measureSandbox(ctx context.Context, b *bench, f *figures.File) (err error) {
	sandbox, err := runtime.New(ctx, runtime.Config{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, sandbox.Close(context.WithoutCancel(ctx))) }()
	if err := measureHostCalls(ctx, sandbox, f); err != nil {
		return fmt.Errorf("host calls: %w", err)
	}
	for _, part := range []struct {
		name    string
		measure func(context.Context, *figures.File) error
	}{
		{"admission", b.measureAdmit},
		{"load", b.measureLoad},
		{"runs", func(ctx context.Context, f *figures.File) error {
			return b.measureRuns(ctx, sandbox, f)
		}},
		{"guests", b.measureGuests},
		{"specification", b.measureSpec},
		{"hostile modules", b.measureHostile},
	} {
		if err := part.measure(ctx, f); err != nil {
			return fmt.Errorf("%s: %w", part.name, err)
		}
	}
	return nil
}

// loadTest loads a module that was written by hand, with the manifest of package wasmtest.
func loadTest(
	ctx context.Context, sandbox *runtime.Runtime, m *wasmtest.Module,
) (*runtime.Module, abi.Args, *hostcall.Request, error) {
	file, err := abi.AttachManifest(m.Bytes(), wasmtest.Manifest())
	if err != nil {
		return nil, nil, nil, err
	}
	module, err := sandbox.Load(ctx, file)
	if err != nil {
		return nil, nil, nil, err
	}
	req, err := hostcall.ParseRequest(module.Manifest(), []byte(`{"mode":"plain","note":""}`))
	if err != nil {
		return nil, nil, nil, err
	}
	args, err := hostcall.PublicArgs(module.Manifest(), req)
	return module, args, req, err
}

const (
	callsPerRun  = 100_000
	callsPerTurn = 10
	turnsPerRun  = 1_000_000
)

// loopingGuest runs a piece of code a number of times in encode.
func loopingGuest(m *wasmtest.Module, turns int, code []byte) *wasmtest.Module {
	m.Functions[1].Locals = []byte{1, 1, 0x7f}
	m.Functions[1].Body = wasmtest.Cat(
		[]byte{0x03, 0x40}, code, // loop
		[]byte{0x20, 0, 0x41, 1, 0x6a, 0x22, 0}, wasmtest.I32Const(turns),
		[]byte{0x48, 0x0d, 0, 0x0b}) // again if the counter is below
	return m
}

// callingGuest calls log, which reads nothing here, callsPerRun times in encode.
func callingGuest() *wasmtest.Module {
	m := wasmtest.Brain(nil, nil, nil)
	index := m.Import(wasmtest.Import{
		Module: abi.ImportModule, Name: "log", Params: wasmtest.I32 + wasmtest.I32,
		Results: wasmtest.I32,
	})
	const drop = 0x1a
	call := wasmtest.Cat(wasmtest.I32Const(0), wasmtest.I32Const(0), wasmtest.Call(index),
		[]byte{drop})
	return loopingGuest(m, callsPerRun/callsPerTurn, wasmtest.Repeat(call, callsPerTurn))
}

// measureHostCalls measures the small prices: a call of a host function, a turn of a
// loop with its gas, a run of a guest that does nothing.
func measureHostCalls(ctx context.Context, sandbox *runtime.Runtime, f *figures.File) error {
	encode := func(m *wasmtest.Module) (samples, error) {
		module, args, req, err := loadTest(ctx, sandbox, m)
		if err != nil {
			return nil, err
		}
		return repeat(ctx, 5, runBudget, func() error {
			_, err := module.RunEncode(ctx, args, req)
			return err
		})
	}
	for _, small := range []struct {
		figure, unit, asked, note string
		guest                     *wasmtest.Module
		share                     float64 // of a run's nanoseconds
	}{
		{
			"host call", "ns", "<= 100 ns", "the loop around it included", callingGuest(),
			1.0 / callsPerRun,
		},
		{
			"turn of a loop", "ns", "", "its gas included",
			loopingGuest(wasmtest.Brain(nil, nil, nil), turnsPerRun, nil), 1.0 / turnsPerRun,
		},
		{
			"run of an empty guest", "us", "<= 20 us", "a new instance and one entry point",
			wasmtest.Brain(nil, nil, nil), 1e-3,
		},
	} {
		s, err := encode(small.guest)
		if err != nil {
			return fmt.Errorf("%s: %w", small.figure, err)
		}
		f.Add(figures.Row{
			Figure: small.figure + ": p50", Value: float64(s.median()) * small.share,
			Unit: small.unit, Asked: small.asked, Reference: fmt.Sprintf("least %.3g %s; %s",
				float64(s.least())*small.share, small.unit, small.note),
		})
	}
	return nil
}

// measureRuns runs the entry points of the shipped Brains. What decode does itself is
// little, so that its figure is that of a new instance of a guest built with Go.
func (b *bench) measureRuns(
	ctx context.Context, sandbox *runtime.Runtime, f *figures.File,
) error {
	list, err := b.prepare(ctx, sandbox)
	if err != nil {
		return err
	}
	for _, p := range list {
		inputs, err := p.module.RunEncode(ctx, p.args, p.req)
		if err != nil {
			return fmt.Errorf("%s: %w", p.label, err)
		}
		program, err := p.module.RunInfer(ctx, p.args)
		if err != nil {
			return fmt.Errorf("%s: %w", p.label, err)
		}
		results, err := fhe.EvalClear(program, p.model, inputs)
		if err != nil {
			return fmt.Errorf("%s: %w", p.label, err)
		}
		for _, phase := range []struct {
			figure, asked string
			run           func() error
		}{
			{"instantiate and decode", "<= 5 ms", func() error {
				_, err := p.module.RunDecode(ctx, p.args, results)
				return err
			}},
			{"encode", "", func() error {
				_, err := p.module.RunEncode(ctx, p.args, p.req)
				return err
			}},
			{"infer", "", func() error {
				_, err := p.module.RunInfer(ctx, p.args)
				return err
			}},
		} {
			s, err := repeat(ctx, 20, runBudget, phase.run)
			if err != nil {
				return fmt.Errorf("%s: %s: %w", p.label, phase.figure, err)
			}
			addMillis(f, p.label+": "+phase.figure, s, phase.asked)
		}
	}
	return nil
}
