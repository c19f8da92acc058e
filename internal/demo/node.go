package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"
)

const (
	// readyWait bounds the start of the node, registration of the Brains included.
	readyWait = 3 * time.Minute
	// stopWait bounds its orderly end.
	stopWait = 20 * time.Second
)

// node is a running `cerberus dev`.
type node struct {
	binary string
	home   string
	cmd    *exec.Cmd
	// facts is what the node said when it was ready.
	facts struct {
		Node    string `json:"node"`
		DataDir string `json:"data_dir"`
		Brains  []struct {
			Number int    `json:"number"`
			Name   string `json:"name"`
			Module string `json:"module"`
		} `json:"brains"`
	}
}

// startNode runs `cerberus dev --json` on a free port of the loopback interface and waits
// until it says that it is ready.
func startNode(ctx context.Context, o options, dir string) (*node, error) {
	n := &node{binary: o.binary, home: filepath.Join(dir, "client")}
	// The node outlives ctx: it is stopped in order, by stop.
	n.cmd = exec.CommandContext(context.WithoutCancel(ctx), o.binary, "dev", "--json",
		"--log-level", "error", "--listen", "127.0.0.1:0",
		"--data-dir", filepath.Join(dir, "node"), "--brains", o.brains)
	n.cmd.Env = append(os.Environ(), "CERBERUS_HOME="+filepath.Join(dir, "dev"))
	n.cmd.Stderr = os.Stderr
	stdout, err := n.cmd.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("start node: %w", err)
	}
	if err := n.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start node: %w; run `make build` first", err)
	}
	ready := make(chan error, 1)
	go func() {
		ready <- json.NewDecoder(stdout).Decode(&n.facts)
		_, _ = io.Copy(io.Discard, stdout)
	}()
	timer := time.NewTimer(readyWait)
	defer timer.Stop()
	select {
	case err = <-ready:
	case <-timer.C:
		err = fmt.Errorf("not ready after %s", readyWait)
	case <-ctx.Done():
		err = ctx.Err()
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("start node: %w", err), n.stop())
	}
	return n, nil
}

// stop ends the node in order, and by force if it takes too long. It may be called twice.
func (n *node) stop() error {
	if n.cmd.ProcessState != nil {
		return nil
	}
	if err := n.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return fmt.Errorf("stop node: %w", err)
	}
	timer := time.AfterFunc(stopWait, func() { _ = n.cmd.Process.Kill() })
	defer timer.Stop()
	if err := n.cmd.Wait(); err != nil {
		return fmt.Errorf("stop node: %w", err)
	}
	return nil
}

// cerberus runs one client command against the node and returns its standard output.
func (n *node) cerberus(ctx context.Context, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, n.binary, args...)
	cmd.Env = append(os.Environ(), "CERBERUS_HOME="+n.home, "CERBERUS_NODE="+n.facts.Node)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("cerberus %s: %w: %s", args[0], err, bytes.TrimSpace(errs.Bytes()))
	}
	return out.Bytes(), nil
}
