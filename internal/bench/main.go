// Command bench measures cerberus by area: what the sandbox costs, what computing on
// ciphertexts costs, how fast the log takes commands, and what a question costs from end to
// end against a node on this machine.
//
//	go run ./internal/bench -all -record docs/benchmarks
//
// It prints a table and, with -record, writes the files that the README's figures come from.
// Where it can, it measures a reference in the same run. It needs the Brains in bin/brains
// (`make build`).
//
// # Caveats
//
// Durations are wall-clock times; on a busy machine read the minima and the processor times.
// Client and node share one process here, so that a profile shows both.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"runtime/pprof"
	"strings"
	"syscall"
	"time"

	"github.com/cerberus-host/cerberus/internal/figures"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:])
	stop()
	if err != nil {
		fmt.Fprintf(os.Stderr, "bench: %v\n", err)
		os.Exit(1)
	}
}

// options are the command line's.
type options struct {
	areas   string
	all     bool
	brains  string
	record  string
	profile string
	asks    int
}

func run(ctx context.Context, args []string) (err error) {
	var o options
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.BoolVar(&o.all, "all", false, "measure every area")
	flags.StringVar(&o.areas, "area", "", "areas to measure, separated by commas: "+
		strings.Join(areaNames(), ", "))
	flags.StringVar(&o.brains, "brains", filepath.Join("bin", "brains"), "folder of built Brains")
	flags.StringVar(&o.record, "record", "", "write the figures to AREA.json in this folder")
	flags.StringVar(&o.profile, "cpuprofile", "", "write a profile of the processor to this file")
	flags.IntVar(&o.asks, "asks", 50, "questions of each kind in area node")
	if err := flags.Parse(args); err != nil {
		return fmt.Errorf("read flags: %w", err)
	}
	chosen, err := chooseAreas(o)
	if err != nil {
		return err
	}
	b := &bench{asks: o.asks}
	if b.brains, err = readBrains(o.brains); err != nil {
		return err
	}
	if b.scratch, err = os.MkdirTemp("", "cerberus-bench-"); err != nil {
		return fmt.Errorf("make scratch folder: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(b.scratch)) }()
	if o.profile != "" {
		stop, err := startProfile(o.profile)
		if err != nil {
			return err
		}
		defer stop()
	}
	for _, a := range chosen {
		file := figures.New(a.name, time.Now())
		if err := a.measure(ctx, b, file); err != nil {
			return fmt.Errorf("area %s: %w", a.name, err)
		}
		if err := publish(file, o.record); err != nil {
			return err
		}
	}
	return nil
}

// bench is what the areas share.
type bench struct {
	brains  []brainFile
	scratch string
	asks    int
}

// area is a group of figures that one file records.
type area struct {
	name    string
	measure func(context.Context, *bench, *figures.File) error
}

func areas() []area {
	return []area{
		{"sandbox", measureSandbox},
		{"fhe", measureFHE},
		{"raft", measureRaft},
		{"node", measureNode},
	}
}

func areaNames() []string {
	var names []string
	for _, a := range areas() {
		names = append(names, a.name)
	}
	return names
}

var errUsage = errors.New("usage")

func chooseAreas(o options) ([]area, error) {
	if o.all {
		return areas(), nil
	}
	var chosen []area
	for name := range strings.SplitSeq(o.areas, ",") {
		known := false
		for _, a := range areas() {
			if a.name == name {
				chosen, known = append(chosen, a), true
			}
		}
		if !known {
			return nil, fmt.Errorf("%w: there is no area %q: use -all, or -area with some of %s",
				errUsage, name, strings.Join(areaNames(), ","))
		}
	}
	return chosen, nil
}

func publish(f *figures.File, folder string) error {
	if err := f.Print(os.Stdout); err != nil {
		return err
	}
	if folder == "" {
		return nil
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return fmt.Errorf("record figures: %w", err)
	}
	return f.Write(filepath.Join(folder, f.Area+".json"))
}

func startProfile(path string) (stop func(), err error) {
	f, err := os.Create(path)
	if err != nil {
		return nil, fmt.Errorf("write profile: %w", err)
	}
	if err := pprof.StartCPUProfile(f); err != nil {
		return nil, errors.Join(fmt.Errorf("write profile: %w", err), f.Close())
	}
	return func() {
		pprof.StopCPUProfile()
		_ = f.Close()
	}, nil
}
