//go:build !linux

package runtime

import (
	"errors"
	"os"
	"os/exec"
)

// childSupported says that compilations are not given a process of their own: here
// processes cannot limit their memory.
const childSupported = false

func isolate(*exec.Cmd) {}

func limitChild() error { return errors.ErrUnsupported }

func outOfTime(*os.ProcessState) bool { return false }
