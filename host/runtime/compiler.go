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
	//nolint:gosec // the command is the program's own configuration
	cmd := exec.CommandContext(ctx, r.config.Compiler[0], args...)
	cmd.Dir = dir
	cmd.Env = []string{} // nothing of this process's, where nil would be all of it
	cmd.Stdin = bytes.NewReader(m.Code)
	last := new(lastWords)
	cmd.Stderr = last
	cmd.WaitDelay = childExitDelay
	isolate(cmd)
	if err := r.childEnd(ctx, cmd.Run(), last); err != nil {
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
func (r *Runtime) childEnd(ctx context.Context, err error, last *lastWords) error {
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
	if outOfTime(exit.ProcessState) {
		return fmt.Errorf("%w: %w: it takes more than %d seconds of processor time", ErrCompile,
			ErrCompileLimit, CompileCPUSeconds*slowdown)
	}
	if last.outOfMemory() {
		return fmt.Errorf("%w: %w: it takes more than %d MiB of memory", ErrCompile,
			ErrCompileLimit, CompileMemoryBytes>>20)
	}
	return fmt.Errorf("%w: %w: %s", ErrCompile, ErrCompileCrash, exit.ProcessState)
}

// lastWords keeps the beginning of what a child says before it dies. It serves to give the
// refusal its right name, and nothing else depends on it.
type lastWords struct{ text []byte }

// lastWordsMax is enough for the first line of Go's runtime.
const lastWordsMax = 256

// Write implements [io.Writer].
func (l *lastWords) Write(p []byte) (int, error) {
	l.text = append(l.text, p[:min(len(p), lastWordsMax-len(l.text))]...)
	return len(p), nil
}

// outOfMemory reports whether the child died because it was given no more memory.
func (l *lastWords) outOfMemory() bool {
	return bytes.Contains(l.text, []byte("out of memory")) ||
		bytes.Contains(l.text, []byte("cannot allocate memory"))
}
