package runtime

import (
	"errors"
	"fmt"

	"github.com/cerberus-host/cerberus/abi"
)

var (
	// ErrCompile is returned when an admitted module is not valid WebAssembly.
	ErrCompile = errors.New("the module does not compile")
	// ErrCompileLimit is returned, with ErrCompile, when compiling a module took more time or
	// memory than a module may.
	ErrCompileLimit = errors.New("compiling it reached a limit")
	// ErrCompileCrash is returned, with ErrCompile, when the process that compiled a module
	// died of it, or left what is not compiled code.
	ErrCompileCrash = errors.New("the compiler broke on it")
	// ErrGas is returned when a run needs more gas than it may use. That does not depend on
	// the machine: it happens everywhere or nowhere.
	ErrGas = errors.New("the module's gas is used up")
	// ErrDepth is returned when a run nested more calls than it may. That does not depend on
	// the machine either.
	ErrDepth = errors.New("the module's calls are nested too deep")
	// ErrTrap is returned when the guest trapped: an unreachable operator, an access outside
	// its memory, a division by zero.
	ErrTrap = errors.New("the module trapped")
	// ErrDeadline is returned when a run was stopped at its deadline or because its context
	// ended; it then also wraps the context's error.
	ErrDeadline = errors.New("the module was stopped")
	// ErrCacheDir is returned when the directory for compiled code is not safe to use.
	ErrCacheDir = errors.New("unsafe directory for compiled code")
	// ErrClosed is returned after [Runtime.Close], and by the runs that it ends.
	ErrClosed = errors.New("the sandbox is closed")
)

// RunError says which run failed, and carries what the guest had logged. It wraps one of
// this package's errors or of package hostcall's.
type RunError struct {
	Module abi.Digest
	Phase  abi.Phase
	// Log is the run's log, safe for a terminal. On the client it may quote the request, so
	// it is for the user's eyes only.
	Log string
	Err error
}

// Error implements error. The log is not part of it.
func (e *RunError) Error() string {
	return fmt.Sprintf("%s of module %s: %v", e.Phase, e.Module.Short(), e.Err)
}

// Unwrap returns the cause.
func (e *RunError) Unwrap() error { return e.Err }
