package runtime

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"slices"
	"strconv"
	"time"

	"github.com/cerberus-host/cerberus/host/admit"
)

// DefaultCompileTimeout is when a process that compiles is given up. It is for one that
// hangs: one that computes has used up [CompileCPUSeconds] long before, unless the machine
// is so busy that it hardly gets any, and that is no reason to refuse a module.
const DefaultCompileTimeout = 30 * time.Second

// childExitDelay bounds the waiting for the pipes of a child that is dead.
const childExitDelay = time.Second

// errNoCompiler is the end of a child that has no compiler for this processor.
var errNoCompiler = errors.New("there is no compiler for this processor")

// compileChild compiles a module in a child process and returns its native code. An error
// that wraps ErrCompile refuses the module; others are about this machine.
func (r *Runtime) compileChild(
	ctx context.Context, m *admit.Module, dir string,
) (*native, error) {
	ctx, stop := context.WithTimeout(ctx, r.config.CompileTimeout)
	defer stop()
	go func() {
		select {
		case <-r.closed:
			stop()
		case <-ctx.Done():
		}
	}()
	args := append(slices.Clone(r.config.Compiler[1:]),
		strconv.FormatUint(uint64(r.config.MemoryPages), 10))
	cmd := exec.CommandContext(ctx, r.config.Compiler[0], args...)
	cmd.Dir = dir
	cmd.Env = []string{} // nothing of this process's, where nil would be all of it
	cmd.Stdin = bytes.NewReader(m.Code)
	cmd.WaitDelay = childExitDelay
	isolate(cmd)
	if err := r.childEnd(ctx, cmd.Run()); err != nil {
		return nil, fmt.Errorf("%s: %w", m.Digest.Short(), err)
	}
	n, err := collect(dir)
	if err == nil {
		err = n.check(m.Code)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w: %s: %w", ErrCompile, ErrCompileCrash, m.Digest.Short(), err)
	}
	return n, nil
}

// childEnd turns the end of a child into an error.
func (r *Runtime) childEnd(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	select {
	case <-r.closed:
		return ErrClosed
	default:
	}
	if ctx.Err() != nil {
		return fmt.Errorf("%w: %w: no result after %v", ErrCompile, ErrCompileLimit,
			r.config.CompileTimeout)
	}
	var exit *exec.ExitError
	if !errors.As(err, &exit) {
		return fmt.Errorf("compile in a process: %w", err)
	}
	switch exit.ExitCode() {
	case childRefused:
		return fmt.Errorf("%w: it is not valid", ErrCompile)
	case childFailed:
		return errors.New("compile in a process: it could not read the module, write the code " +
			"or limit itself: is the disk full?")
	case childNoCode:
		return errNoCompiler
	}
	if limit := ranIntoLimit(exit.ProcessState); limit != "" {
		return fmt.Errorf("%w: %w: it takes more than %s", ErrCompile, ErrCompileLimit, limit)
	}
	return fmt.Errorf("%w: %w: %s", ErrCompile, ErrCompileCrash, exit.ProcessState)
}
