//go:build unix

package raftstore

import (
	"bufio"
	"bytes"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"github.com/cerberus-host/cerberus/raftstore/state"
)

var (
	crashDir  = flag.String("crash.dir", "", "run the scenario there (used by the test itself)")
	crashStep = flag.Int("crash.step", 0, "and be killed at this step")
)

// finished is what a child prints when it reached the scenario's end.
const finished = "finished"

// TestCrashChild is the child of TestCrashAtEveryStep: it prints what was acknowledged
// and kills itself at a step.
func TestCrashChild(t *testing.T) {
	if *crashDir == "" {
		t.Skip("run by TestCrashAtEveryStep")
	}
	cfg := scenarioConfig(*crashDir)
	cfg.Faults = newFaults(*crashStep, func(string) error {
		// Nothing of the process runs after this, deferred calls included.
		return syscall.Kill(os.Getpid(), syscall.SIGKILL)
	})
	n, err := Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	s := &scenario{node: n, acked: func(step int, r state.Response) {
		fmt.Printf("ack %d %d\n", step, r.Index)
	}}
	if err := s.run(); err != nil {
		t.Fatal(err)
	}
	fmt.Println(finished)
}

// TestCrashAtEveryStep kills a child before and after every change of a file and starts
// again from what it left: every acknowledged command is there, and applied once.
func TestCrashAtEveryStep(t *testing.T) {
	if *crashDir != "" {
		t.Skip("this is the child")
	}
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	forEveryStep(t, func(k int) bool {
		dir := t.TempDir()
		acked, killed, err := crashChild(t, exe, dir, k)
		if err != nil {
			t.Error(err)
			return false
		}
		recoverScenario(t, dir, acked)
		return killed
	})
}

// crashChild runs a child up to its end or its death.
func crashChild(t *testing.T, exe, dir string, k int) (map[int]state.Index, bool, error) {
	cmd := exec.CommandContext(t.Context(), exe, "-test.run=^TestCrashChild$",
		"-crash.dir="+dir, fmt.Sprintf("-crash.step=%d", k))
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	acked := map[int]state.Index{}
	done := false
	lines := bufio.NewScanner(&stdout)
	for lines.Scan() {
		var step int
		var index uint64
		if _, err := fmt.Sscanf(lines.Text(), "ack %d %d", &step, &index); err == nil {
			acked[step] = state.Index(index)
		}
		done = done || strings.TrimSpace(lines.Text()) == finished
	}
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		status, ok := exit.Sys().(syscall.WaitStatus)
		if ok && status.Signaled() && status.Signal() == syscall.SIGKILL {
			return acked, true, nil
		}
	}
	if err != nil || !done {
		return nil, false, fmt.Errorf("the child ended by itself: %w\n%s", err, stderr.String())
	}
	return acked, false, nil
}
