// Command demo shows and measures the whole system the way a user would run it: it starts
// `cerberus dev` as a process of its own, asks it with `cerberus ask` or `cerberus eval`,
// and stops it. `make demo` and `make eval` call it.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:])
	stop()
	if err != nil {
		fmt.Fprintf(os.Stderr, "demo: %v\n", err)
		os.Exit(1)
	}
}

// options are the command line's.
type options struct {
	binary string
	brains string
	data   string
	eval   bool
	limit  int
	record string
}

func run(ctx context.Context, args []string) (err error) {
	var o options
	flags := flag.NewFlagSet("demo", flag.ContinueOnError)
	flags.StringVar(&o.binary, "cerberus", filepath.Join("bin", "cerberus"), "the binary to run")
	flags.StringVar(&o.brains, "brains", filepath.Join("bin", "brains"), "folder of built Brains")
	flags.StringVar(&o.data, "data", filepath.Join("..", "shared", "data"),
		"folder of the public data sets, for -eval")
	flags.BoolVar(&o.eval, "eval", false, "measure accuracy and latency instead of the tour")
	flags.IntVar(&o.limit, "limit", 0, "rows per data set with -eval; 0 means all")
	flags.StringVar(&o.record, "record", "", "with -eval, write the figures to this JSON file")
	if err := flags.Parse(args); err != nil {
		return fmt.Errorf("read flags: %w", err)
	}
	dir, err := os.MkdirTemp("", "cerberus-demo-")
	if err != nil {
		return fmt.Errorf("make scratch folder: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	n, err := startNode(ctx, o, dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, n.stop()) }()
	if o.eval {
		return evaluate(ctx, n, o)
	}
	return tour(ctx, n)
}
