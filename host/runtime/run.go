package runtime

import (
	"context"
	"fmt"
	"strings"

	"github.com/tetratelabs/wazero"

	"github.com/cerberus-host/cerberus/abi"
	"github.com/cerberus-host/cerberus/fhe"
	"github.com/cerberus-host/cerberus/host/hostcall"
)

// RunEncode runs encode on a request that was parsed with this module's manifest, and
// returns the input vectors: all inputs of the manifest for these public arguments, each in
// its length, every element finite and within the input's bound. The caller owns them. An
// error is a [*RunError], here and below, or [ErrClosed] or the context's error if the run
// did not begin.
func (m *Module) RunEncode(
	ctx context.Context, args abi.Args, req *hostcall.Request,
) (map[string][]float64, error) {
	run, err := hostcall.NewEncode(m.admitted.Digest, m.admitted.Manifest, args, req)
	if err != nil {
		return nil, m.failed(abi.PhaseEncode, "", err)
	}
	if err := m.run(ctx, run, abi.ExportEncode); err != nil {
		return nil, err
	}
	inputs, err := run.Inputs()
	if err != nil {
		return nil, m.failedRun(run, err)
	}
	return inputs, nil
}

// RunInfer runs infer for these public arguments and returns the Program that it recorded.
// It depends on the module and the arguments alone.
func (m *Module) RunInfer(ctx context.Context, args abi.Args) (*fhe.Program, error) {
	run, err := hostcall.NewInfer(m.admitted.Digest, m.admitted.Manifest, args)
	if err != nil {
		return nil, m.failed(abi.PhaseInfer, "", err)
	}
	if err := m.run(ctx, run, abi.ExportInfer); err != nil {
		return nil, err
	}
	program, err := run.Program()
	if err != nil {
		return nil, m.failedRun(run, err)
	}
	return program, nil
}

// RunDecode runs decode on decrypted output vectors, which must be those of the manifest
// for these public arguments.
func (m *Module) RunDecode(
	ctx context.Context, args abi.Args, results map[string][]float64,
) (hostcall.Answer, error) {
	run, err := hostcall.NewDecode(m.admitted.Digest, m.admitted.Manifest, args, results)
	if err != nil {
		return hostcall.Answer{}, m.failed(abi.PhaseDecode, "", err)
	}
	if err := m.run(ctx, run, abi.ExportDecode); err != nil {
		return hostcall.Answer{}, err
	}
	answer, err := run.Answer()
	if err != nil {
		return hostcall.Answer{}, m.failedRun(run, err)
	}
	return answer, nil
}

func (m *Module) failed(phase abi.Phase, log string, err error) error {
	return &RunError{Module: m.admitted.Digest, Phase: phase, Log: log, Err: err}
}

func (m *Module) failedRun(run *hostcall.Run, err error) error {
	log, _ := run.Log()
	return m.failed(run.Phase(), log, err)
}

// run calls one entry point in a fresh instance and reports.
func (m *Module) run(ctx context.Context, run *hostcall.Run, export string) error {
	e, err := m.runtime.cache.acquire(ctx, m.admitted)
	if err != nil {
		return err
	}
	defer m.runtime.cache.release(e)
	ctx, stop := context.WithTimeout(ctx, m.runtime.config.RunTimeout)
	defer stop()
	report := Report{Module: m.admitted.Digest, Phase: run.Phase()}
	trap := m.call(context.WithValue(ctx, runKey{}, run), e.program, export, &report)
	report.HostCalls = run.Calls()
	report.Log, report.LogDropped = run.Log()
	if err := outcome(ctx, run, trap); err != nil {
		report.Err = m.failed(run.Phase(), report.Log, err)
	}
	if m.runtime.config.Observe != nil {
		m.runtime.config.Observe(report)
	}
	return report.Err
}

// call makes the instance and runs _initialize, if there is one, and the entry point.
func (m *Module) call(ctx context.Context, p *program, export string, report *Report) error {
	// The instance has no name, no arguments and no start function: the shim in package
	// hostcall is all that it can reach.
	config := wazero.NewModuleConfig().WithName("").WithStartFunctions()
	instance, err := p.runtime.InstantiateModule(ctx, p.compiled, config)
	if err != nil {
		return fmt.Errorf("instantiate: %w", err)
	}
	// What Close could report is that the guest has closed the instance already.
	defer func() { _ = instance.Close(context.WithoutCancel(ctx)) }()
	exports := []string{export}
	if m.admitted.Initializes {
		exports = []string{exportInitialize, export}
	}
	for _, name := range exports {
		if _, err := instance.ExportedFunction(name).Call(ctx); err != nil {
			report.MemoryBytes = int64(instance.Memory().Size())
			return err
		}
	}
	report.MemoryBytes = int64(instance.Memory().Size())
	return nil
}

// exportInitialize sets up a guest's language runtime.
const exportInitialize = "_initialize"

// outcome turns the end of a call into this package's errors. A deadline comes first: the
// guest's own error may only be its consequence. Then what the guest reported, then a trap.
func outcome(ctx context.Context, run *hostcall.Run, trap error) error {
	if trap != nil && ctx.Err() != nil {
		return fmt.Errorf("%w: %w", ErrDeadline, ctx.Err())
	}
	if err := run.Err(); err != nil {
		return err
	}
	if trap != nil {
		// What follows the first line is a trace of indices, which says nothing here.
		text, _, _ := strings.Cut(trap.Error(), "\n")
		return fmt.Errorf("%w: %s", ErrTrap, text)
	}
	return nil
}
