package bench

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/imports/wasi_snapshot_preview1"

	"github.com/cerberus-host/cerberus/abi"
	"github.com/cerberus-host/cerberus/host/runtime"
	"github.com/cerberus-host/cerberus/host/wasmtest"
	"github.com/cerberus-host/cerberus/internal/figures"
	"github.com/cerberus-host/cerberus/internal/hostile/trial"
)

// workSource is the guest that both sandbox and plain runtime run.
//
//go:embed testdata/guest/main.go
var workSource []byte

// measureGuests measures a guest built with Go: what gas costs it, against the runtime
// without any of our code, and what an instance costs. It needs a go command.
func (b *bench) measureGuests(ctx context.Context, f *figures.File) error {
	if !goCommand() {
		b.sayf("there is no go command: the figures about guests built with Go are left out")
		return nil
	}
	for _, w := range []struct{ work, figure, asked string }{
		{"hash", "20 times sha256 of 64 KB", "<= 1.4"},
		{"sort", "sort 20,000 numbers", "<= 2"},
	} {
		module, err := b.buildWork(ctx, w.work)
		if err != nil {
			return err
		}
		ours, plain, err := raceWork(ctx, module)
		if err != nil {
			return fmt.Errorf("%s: %w", w.figure, err)
		}
		f.Add(figures.Row{
			Figure: w.figure + ": metered / plain", Value: float64(ours.least()) /
				float64(plain.least()), Unit: "", Asked: w.asked,
			Reference: fmt.Sprintf("least %.3g ms and %.3g ms of %d each, in turn; everything "+
				"charged, the instance included", millis(ours.least()), millis(plain.least()), len(ours)),
		})
	}
	module, err := b.buildWork(ctx, "nothing")
	if err != nil {
		return err
	}
	return b.measureInstances(ctx, f, module)
}

func goCommand() bool {
	_, err := exec.LookPath("go")
	return err == nil
}

// buildWork builds the guest for one work and attaches a manifest.
func (b *bench) buildWork(ctx context.Context, work string) ([]byte, error) {
	dir := filepath.Join(b.scratch, "work-"+work)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("build guest: %w", err)
	}
	for name, content := range map[string][]byte{
		"go.mod": []byte("module guest\n\ngo 1.26\n"), "main.go": workSource,
	} {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			return nil, fmt.Errorf("build guest: %w", err)
		}
	}
	cmd := exec.CommandContext(ctx, "go", "build", "-buildmode=c-shared", "-trimpath",
		"-buildvcs=false", "-ldflags=-buildid= -X main.work="+work, "-o", "work.wasm", ".")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOOS=wasip1", "GOARCH=wasm", "CGO_ENABLED=0", "GOFLAGS=",
		"GOWORK=off")
	if out, err := cmd.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("build guest: %w: %s", err, out)
	}
	return os.ReadFile(filepath.Join(dir, "work.wasm"))
}

// raceWork runs encode in the sandbox and in the plain runtime, in turn.
func raceWork(ctx context.Context, module []byte) (ours, plain samples, err error) {
	file, err := abi.AttachManifest(module, wasmtest.Manifest())
	if err != nil {
		return nil, nil, err
	}
	sandbox, err := runtime.New(ctx, runtime.Config{})
	if err != nil {
		return nil, nil, err
	}
	defer func() { err = errors.Join(err, sandbox.Close(context.WithoutCancel(ctx))) }()
	loaded, err := sandbox.Load(ctx, file)
	if err != nil {
		return nil, nil, err
	}
	rt := wazero.NewRuntime(ctx)
	defer func() { err = errors.Join(err, rt.Close(context.WithoutCancel(ctx))) }()
	instance, err := plainInstance(ctx, rt, module)
	if err != nil {
		return nil, nil, err
	}
	encode := instance.ExportedFunction(abi.ExportEncode)
	for start := time.Now(); len(ours) < 10 || time.Since(start) < 2*runBudget; {
		a, err := timed(func() error { return trial.Enter(ctx, loaded, abi.PhaseEncode) })
		if err != nil {
			return nil, nil, err
		}
		b, err := timed(func() error {
			_, err := encode.Call(ctx)
			return err
		})
		if err != nil {
			return nil, nil, err
		}
		ours, plain = append(ours, a), append(plain, b)
	}
	return ours, plain, nil
}

// plainInstance is an initialised instance in a runtime that has none of our code.
func plainInstance(ctx context.Context, rt wazero.Runtime, module []byte) (api.Module, error) {
	if _, err := wasi_snapshot_preview1.Instantiate(ctx, rt); err != nil {
		return nil, err
	}
	instance, err := rt.InstantiateWithConfig(ctx, module,
		wazero.NewModuleConfig().WithStartFunctions())
	if err != nil {
		return nil, err
	}
	_, err = instance.ExportedFunction("_initialize").Call(ctx)
	return instance, err
}

// measureInstances measures what a run costs of a guest that does nothing: restored from its
// snapshot, and as a new instance.
func (b *bench) measureInstances(
	ctx context.Context, f *figures.File, module []byte,
) error {
	file, err := abi.AttachManifest(module, wasmtest.Manifest())
	if err != nil {
		return err
	}
	for _, way := range []struct {
		figure, asked string
		poolBytes     int64
	}{
		{"restored", "<= 0.2 ms", 0},
		{"new", "", -1},
	} {
		s, err := runsOf(ctx, runtime.Config{PoolBytesMax: way.poolBytes}, file)
		if err != nil {
			return err
		}
		addMillis(f, "instance of a guest built with Go, "+way.figure, s, way.asked)
	}
	return nil
}

// runsOf runs encode of a file again and again.
func runsOf(ctx context.Context, c runtime.Config, file []byte) (s samples, err error) {
	sandbox, err := runtime.New(ctx, c)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, sandbox.Close(context.WithoutCancel(ctx))) }()
	loaded, err := sandbox.Load(ctx, file)
	if err != nil {
		return nil, err
	}
	return repeat(ctx, 20, runBudget, func() error {
		return trial.Enter(ctx, loaded, abi.PhaseEncode)
	})
}
