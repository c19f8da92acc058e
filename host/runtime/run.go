package runtime

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/tetratelabs/wazero/sys"

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

// run calls one entry point and reports.
func (m *Module) run(ctx context.Context, run *hostcall.Run, export string) error {
	r := m.runtime
	e, err := r.cache.acquire(ctx, m.admitted)
	if err != nil {
		return err
	}
	defer r.cache.release(e)
	ctx, stop := context.WithTimeout(ctx, r.config.RunTimeout)
	defer stop()
	c := &call{run: run, gauge: gauge{look: r.look(ctx), allowance: r.config.gasMax(run.Phase())}}
	report := Report{Module: m.admitted.Digest, Phase: run.Phase()}
	trap := m.call(context.WithValue(ctx, callKey{}, c), e, c, export, &report)
	report.HostCalls, report.Recorded = c.run.Calls(), c.run.Recorded()
	report.Log, report.LogDropped = c.run.Log()
	if err := c.outcome(trap); err != nil {
		report.Err = m.failed(run.Phase(), report.Log, err)
	}
	if r.config.Observe != nil {
		r.config.Observe(report)
	}
	if m.observe != nil {
		m.observe(report)
	}
	return report.Err
}

// look returns what tells why a guest has to stop before its gas is used up.
func (r *Runtime) look(ctx context.Context) func() error {
	return func() error {
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("%w: %w", ErrDeadline, err)
		}
		select {
		case <-r.closed:
			return ErrClosed
		default:
			return nil
		}
	}
}

// call runs the entry point in an instance in which nothing has run but _initialize, if the
// module has that.
func (m *Module) call(
	ctx context.Context, e *entry, c *call, export string, report *Report,
) error {
	i, err := m.begin(ctx, e, c)
	if i == nil {
		return err
	}
	if err == nil {
		err = c.enter(ctx, i, export)
	}
	report.Gas, report.Restored = c.gauge.used(), i.uses > 0
	report.MemoryBytes = int64(i.memory.Size())
	// What the run has left is wiped out before it returns, not when the next one begins.
	if err == nil && i.reset(e.program.snapshot.Load()) {
		m.runtime.pool.put(e.program, i)
	} else {
		i.close(ctx)
	}
	return err
}

// begin makes an instance, or takes one that waits in the pool. If there is an error, the
// instance is nil or can only be closed.
func (m *Module) begin(ctx context.Context, e *entry, c *call) (*instance, error) {
	p := e.program
	// If its gas would not do for _initialize, the run has to fail there.
	if s := p.snapshot.Load(); s != nil && s.gas <= c.gauge.allowance {
		if i := m.runtime.pool.get(p); i != nil {
			c.gauge.global, c.gauge.base = i.gas, s.gas
			c.run.Continue(s.done)
			return i, nil
		}
	}
	i, err := p.instantiate(ctx)
	if err != nil {
		c.gauge.stopped = c.gauge.look() // the runtime may be closed
		return nil, err
	}
	c.gauge.global = i.gas
	if !m.admitted.Initializes {
		return i, nil
	}
	run := c.run
	c.run = hostcall.NewInitialize(m.admitted.Digest, m.admitted.Manifest)
	if err := c.enter(ctx, i, exportInitialize); err != nil {
		return i, err
	}
	if err := c.run.Err(); err != nil {
		return i, err
	}
	done := c.run.Initialized()
	c.gauge.rebase()
	c.run = run
	c.run.Continue(done)
	if p.pooled && p.snapshot.Load() == nil && i.memory.Size() <= snapshotBytesMax {
		s := i.snapshot(c.gauge.base, done)
		if p.snapshot.CompareAndSwap(nil, s) {
			m.runtime.cache.grow(e, int64(len(s.memory)))
		}
	}
	return i, nil
}

// call is what host functions need to know of the run that calls them.
type call struct {
	// run is another one in _initialize than in the entry point.
	run   *hostcall.Run
	gauge gauge
	// deep says that calls were nested too deep.
	deep bool
}

// callKey is where a call's context carries its *call: host functions belong to the runtime,
// not to an instance.
type callKey struct{}

// enter calls an export. Its error is why the guest did not return, or that it returned with
// more gas used than it may use.
func (c *call) enter(ctx context.Context, i *instance, export string) error {
	if err := c.gauge.look(); err != nil {
		c.gauge.stopped = err
		return err
	}
	c.run.SetMeter(&c.gauge)
	err := i.call(ctx, export)
	c.deep = err != nil && i.deep()
	c.gauge.end()
	var exit *sys.ExitError
	if c.gauge.stopped == nil && errors.As(err, &exit) {
		c.gauge.stopped = ErrClosed // nothing else closes an instance in use
	}
	if err == nil {
		err = c.gauge.stopped
	}
	return err
}

// outcome turns the end of a call into this package's errors: first what the guest was
// stopped for, of which all else may be a consequence; then what the guest reported, then a
// trap.
func (c *call) outcome(trap error) error {
	if c.gauge.stopped != nil {
		return c.gauge.stopped
	}
	if err := c.run.Err(); err != nil {
		return err
	}
	if c.deep {
		return fmt.Errorf("%w: let it recurse less, or keep its own stack", ErrDepth)
	}
	if trap != nil {
		// What follows the first line is a trace of indices, which says nothing here.
		text, _, _ := strings.Cut(trap.Error(), "\n")
		return fmt.Errorf("%w: %s", ErrTrap, text)
	}
	return nil
}
