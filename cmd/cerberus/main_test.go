package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/cerberus-host/cerberus/internal/kit"
)

// TestMain lets the test binary stand in for cerberus: children that are started under that
// name run main.
func TestMain(m *testing.M) {
	testscript.Main(suite{m}, map[string]func(){"cerberus": main})
}

// suite runs the tests and removes what they built.
type suite struct{ *testing.M }

func (s suite) Run() int {
	dir, err := os.MkdirTemp("", "cerberus-test-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	built = sync.OnceValues(func() (*testBrains, error) { return buildBrains(dir) })
	code := s.M.Run()
	if err := os.RemoveAll(dir); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return code
}

// built builds the test Brains once for all tests.
var built func() (*testBrains, error)

// testBrains is a folder of built Brains of testdata/brain.
type testBrains struct {
	dir        string
	mood, exam *kit.Built
}

func buildBrains(scratch string) (*testBrains, error) {
	b := &testBrains{dir: filepath.Join(scratch, "brains")}
	for name, to := range map[string]**kit.Built{"mood": &b.mood, "exam": &b.exam} {
		made, err := kit.Build(context.Background(), kit.BuildOptions{
			Dir: filepath.Join("testdata", "brain", name), Out: b.dir,
		})
		if err != nil {
			return nil, err
		}
		*to = made
	}
	return b, nil
}

func brains(tb testing.TB) *testBrains {
	tb.Helper()
	b, err := built()
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

const (
	// startWait bounds a child's start on a loaded machine.
	startWait = 2 * time.Minute
	// stopWait is how long it may take to end in order.
	stopWait = 30 * time.Second
)

// devNode is `cerberus dev` as a child process.
type devNode struct {
	cmd *exec.Cmd
	// log is what it wrote to standard error; read it after stop.
	log     *strings.Builder
	URL     string     `json:"node"`
	DataDir string     `json:"data_dir"`
	Brains  []devBrain `json:"brains"`
}

// startDev starts a node with the test Brains that proves nothing, and stops it when the test
// ends.
func startDev(tb testing.TB, env ...string) *devNode {
	tb.Helper()
	return startDevWith(tb, "", env...)
}

// startDevWith starts a node that proves under the setup in a folder.
func startDevWith(tb testing.TB, setupDir string, env ...string) *devNode {
	tb.Helper()
	n := &devNode{log: new(strings.Builder)}
	n.cmd = exec.CommandContext(tb.Context(), "cerberus", "dev", "--json",
		"--listen", "127.0.0.1:0", "--data-dir", filepath.Join(tb.TempDir(), "node"),
		"--brains", brains(tb).dir, "--log-level", "debug", "--setup-dir="+setupDir)
	n.cmd.Env = append(os.Environ(), "CERBERUS_HOME="+tb.TempDir())
	n.cmd.Env = append(n.cmd.Env, env...)
	n.cmd.Stderr = n.log
	n.cmd.Cancel = func() error { return n.cmd.Process.Signal(syscall.SIGTERM) }
	n.cmd.WaitDelay = stopWait
	stdout, err := n.cmd.StdoutPipe()
	if err != nil {
		tb.Fatal(err)
	}
	if err := n.cmd.Start(); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { n.stop(tb) })
	ready := make(chan error, 1)
	go func() {
		ready <- json.NewDecoder(stdout).Decode(n)
		_, _ = io.Copy(io.Discard, stdout)
	}()
	select {
	case err = <-ready:
	case <-time.After(startWait):
		err = fmt.Errorf("not ready after %s", startWait)
	}
	if err != nil {
		n.stop(tb)
		tb.Fatalf("start node: %v\n%s", err, n.log)
	}
	return n
}

// stop ends the child in order; it may be called twice.
func (n *devNode) stop(tb testing.TB) {
	tb.Helper()
	if n.cmd.ProcessState != nil {
		return
	}
	if err := n.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		tb.Errorf("stop node: %v", err)
	}
	kill := time.AfterFunc(stopWait, func() { _ = n.cmd.Process.Kill() })
	defer kill.Stop()
	if err := n.cmd.Wait(); err != nil && tb.Context().Err() == nil {
		tb.Errorf("node ended with %v\n%s", err, n.log)
	}
}
