// Command compare runs modules under stock wazero or under Extism's Go SDK, each with the
// limits that it has, and prints how they ended: one line of JSON for each file. It is run by
// internal/hostile/table, in a process of its own for each module, because some end it.
//
//	compare -engine wazero -entry infer -deadline 500ms module.wasm
//
// It is a Go module of its own, so that what is compared with is no dependency of cerberus.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"strings"
	"time"
)

// options are how every module is run.
type options struct {
	entry       string
	deadline    time.Duration
	memoryPages uint
}

// outcome is one line of output.
type outcome struct {
	// Ended is "refused", "stopped", "trapped" or "returned".
	Ended string `json:"ended"`
	Text  string `json:"text"`
	// LoadMS is how long the module took to compile, RunMS how long it ran, WaitMS the longest
	// wait of a heartbeat beside both.
	LoadMS float64 `json:"load_ms"`
	RunMS  float64 `json:"run_ms"`
	WaitMS float64 `json:"wait_ms"`
}

// engine compiles a file and runs its entry point. It reports false for the first result if
// the file was refused, and how long the run took.
type engine func(
	ctx context.Context, o options, file []byte,
) (ran bool, took time.Duration, err error)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "compare:", err)
		os.Exit(1)
	}
}

func run() error {
	var o options
	name := flag.String("engine", "wazero", "wazero or extism")
	version := flag.Bool("version", false, "print the engines' versions and exit")
	addressSpace := flag.Uint64("address-space", 0,
		"bytes of address space to keep to; 0 for no limit")
	flag.StringVar(&o.entry, "entry", "infer", "the export to call")
	flag.DurationVar(&o.deadline, "deadline", time.Second/2, "how long a module may run")
	flag.UintVar(&o.memoryPages, "pages", 2048, "the most pages of memory")
	flag.Parse()
	if *version {
		return printVersions()
	}
	engines := map[string]engine{"wazero": runWazero, "extism": runExtism}
	e, ok := engines[*name]
	if !ok {
		return fmt.Errorf("no engine %q", *name)
	}
	if *addressSpace > 0 {
		if err := limitAddressSpace(*addressSpace); err != nil {
			return fmt.Errorf("limit the address space: %w", err)
		}
	}
	out := json.NewEncoder(os.Stdout)
	for _, path := range flag.Args() {
		file, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if err := out.Encode(try(e, o, file)); err != nil {
			return err
		}
	}
	return nil
}

// try runs one file beside a heartbeat.
func try(e engine, o options, file []byte) outcome {
	var ran bool
	var took time.Duration
	var err error
	start, whole := time.Now(), time.Duration(0)
	wait := heartbeat(func() {
		defer func() { whole = time.Since(start) }()
		defer func() {
			if p := recover(); p != nil {
				err = fmt.Errorf("the host panicked: %v", p)
			}
		}()
		ran, took, err = e(context.Background(), o, file)
	})
	out := outcome{
		LoadMS: millis(whole - took), RunMS: millis(took), WaitMS: millis(wait), Ended: "returned",
	}
	if err != nil {
		out.Text, _, _ = strings.Cut(err.Error(), "\n")
		out.Ended = "trapped"
	}
	switch {
	case err == nil:
	case !ran:
		out.Ended = "refused"
	case strings.Contains(out.Text, "deadline exceeded"), strings.Contains(out.Text, "timeout"):
		out.Ended = "stopped"
	}
	return out
}

// heartbeat returns the longest wait of a ticker of 5 ms while f runs and garbage is collected
// every 20 ms.
func heartbeat(f func()) (worst time.Duration) {
	done := make(chan struct{})
	last := time.Now()
	beat := every(5*time.Millisecond, done, func() {
		worst = max(worst, time.Since(last))
		last = time.Now()
	})
	collect := every(20*time.Millisecond, done, runtime.GC)
	f()
	close(done)
	<-beat
	<-collect
	return max(worst, time.Since(last))
}

// every calls f again and again until done is closed, then closes what it returns.
func every(period time.Duration, done <-chan struct{}, f func()) (stopped <-chan struct{}) {
	end := make(chan struct{})
	go func() {
		defer close(end)
		tick := time.NewTicker(period)
		defer tick.Stop()
		for {
			select {
			case <-done:
				return
			case <-tick.C:
				f()
			}
		}
	}()
	return end
}

func millis(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// printVersions prints "name version" for each engine that was built in.
func printVersions() error {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return fmt.Errorf("no build information")
	}
	for _, dep := range info.Deps {
		switch dep.Path {
		case "github.com/tetratelabs/wazero", "github.com/extism/go-sdk":
			fmt.Println(dep.Path, dep.Version)
		}
	}
	return nil
}
