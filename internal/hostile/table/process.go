package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"time"

	"github.com/cerberus-host/cerberus/internal/hostile"
)

// host is one column of the table.
type host struct {
	name string
	// command starts the process that runs files, with its arguments but the entry point and
	// the files.
	command []string
	// idleBytes is what its process takes for a module that does nothing.
	idleBytes int64
}

// verdict is how one case ended in one host.
type verdict struct {
	// died: the process ended itself. hung: it had to be killed.
	died, hung bool
	// load, late and wait are the longest time to compile, the time beyond the deadline and
	// the longest wait of the heartbeat.
	load, late, wait time.Duration
	// memoryBytes is what the process took at most, less what it takes idle.
	memoryBytes int64
	// trapped says that a module that looks for an effect found it.
	trapped bool
}

// sweepStep thins families of files out: each process takes some of them.
const sweepStep = 7

// try runs a case in a host.
func (t *tabler) try(ctx context.Context, h host, c hostile.Case) (verdict, error) {
	var paths []string
	n := 0
	for file := range c.Files() {
		if n++; c.Sweep != nil && n%sweepStep != 0 {
			continue
		}
		path := filepath.Join(t.scratch, fmt.Sprintf("%d.wasm", n))
		if err := os.WriteFile(path, file, 0o600); err != nil {
			return verdict{}, err
		}
		paths = append(paths, path)
	}
	defer func() {
		for _, path := range paths {
			_ = os.Remove(path) // the folder goes in the end, too
		}
	}()
	args := slices.Concat(h.command[1:], []string{"-entry", c.Entry().String()}, paths)
	limit := deadline + patience + time.Duration(len(paths))*deadline/4
	limited, stop := context.WithTimeout(ctx, limit)
	defer stop()
	cmd := exec.CommandContext(limited, h.command[0], args...)
	var out bytes.Buffer
	cmd.Stdout = &out
	cmd.WaitDelay = time.Second
	err := cmd.Run()
	if ctx.Err() != nil {
		return verdict{}, ctx.Err()
	}
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) && limited.Err() == nil {
		return verdict{}, fmt.Errorf("%s: %w", h.name, err)
	}
	v := verdict{hung: limited.Err() != nil, memoryBytes: peakBytes(cmd.ProcessState) - h.idleBytes}
	v.died = err != nil && !v.hung
	for decoder := json.NewDecoder(&out); ; {
		var o outcome
		if decoder.Decode(&o) != nil {
			return v, nil // the end, or a line that the process did not live to finish
		}
		v.load = max(v.load, duration(o.LoadMS))
		v.late = max(v.late, duration(o.RunMS)-deadline)
		v.wait = max(v.wait, duration(o.WaitMS))
		v.trapped = v.trapped || o.Ended == hostile.Trapped.String() && c.Want == hostile.Harmless
	}
}

func duration(millis float64) time.Duration {
	return time.Duration(millis * float64(time.Millisecond))
}
