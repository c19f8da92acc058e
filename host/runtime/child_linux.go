package runtime

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"syscall"
	"time"
)

// childSupported says that compilations can have a process of their own.
const childSupported = true

// isolate puts the child into a process group that is killed as a whole.
func isolate(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
}

// limitChild limits this process. The hard limits are set, too, so nothing can raise them
// again, and reaching the processor time is a kill, not a signal that can be handled.
func limitChild() error {
	address, err := addressBytes()
	if err != nil {
		return err
	}
	for _, l := range []struct {
		resource int
		limit    uint64
	}{
		// What the process has mapped so far is reserved rather than used, and under a race
		// detector it is terabytes; so the limit is on what is added.
		{syscall.RLIMIT_AS, address + CompileMemoryBytes},
		{syscall.RLIMIT_CPU, CompileCPUSeconds * slowdown},
		{syscall.RLIMIT_FSIZE, nativeBytesMax},
		{syscall.RLIMIT_CORE, 0},
	} {
		var now syscall.Rlimit
		if err := syscall.Getrlimit(l.resource, &now); err != nil {
			return fmt.Errorf("read limit %d: %w", l.resource, err)
		}
		limit := min(l.limit, now.Max)
		err := syscall.Setrlimit(l.resource, &syscall.Rlimit{Cur: limit, Max: limit})
		if err != nil {
			return fmt.Errorf("set limit %d: %w", l.resource, err)
		}
	}
	return nil
}

// addressBytes returns the size of this process's address space.
func addressBytes() (uint64, error) {
	text, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0, fmt.Errorf("read size of process: %w", err)
	}
	first, _, _ := bytes.Cut(text, []byte(" "))
	pages, err := strconv.ParseUint(string(first), 10, 50)
	if err != nil {
		return 0, fmt.Errorf("read size of process: %w", err)
	}
	return pages * uint64(os.Getpagesize()), nil
}

// outOfTime reports whether a child was killed for the processor time that it used. The
// kernel's accounts are coarse, so it can seem to have used a little less.
func outOfTime(state *os.ProcessState) bool {
	status, ok := state.Sys().(syscall.WaitStatus)
	return ok && status.Signal() == syscall.SIGKILL &&
		state.UserTime()+state.SystemTime() >= CompileCPUSeconds*slowdown*time.Second*4/5
}
