// Command table runs the cases of package hostile against cerberus, stock wazero and
// Extism's Go SDK, each case in a process of its own, and prints how each host fares: the
// table of docs/SANDBOX.md. `make sandbox-compare` calls it.
//
//	go run ./internal/hostile/table -compare bin/compare -write docs/SANDBOX.md
//	go run ./internal/hostile/table -modules bin/hostile
//
// The second form writes the modules, for `cerberus brain check` and for other hosts.
//
// The other hosts are in the program that -compare names, which is built from the Go module
// internal/hostile/compare. Every process is limited in address space and killed when it has
// taken too long.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"time"
)

const (
	// deadline is how long a module may run, patience how long its process may live after it.
	deadline = 500 * time.Millisecond
	patience = 12 * time.Second
	// memoryPages is what a guest may have, memorySpare what a host may take besides.
	memoryPages = 2048
	memorySpare = 64 << 20
	// addressSpace bounds each process.
	addressSpace = 8 << 30
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "table:", err)
		os.Exit(1)
	}
}

func run() error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	var t tabler
	child := flag.Bool("child", false,
		"run the files that are named under cerberus; the table's own use")
	entry := flag.String("entry", "infer", "the export that a child calls")
	flag.StringVar(&t.compare, "compare", "", "the program with the other hosts")
	page := flag.String("write", "", "the page whose table is replaced; empty prints it")
	group := flag.Int("group", 0, "only this group; 0 for all")
	modules := flag.String("modules", "", "write every module into this folder and do nothing else")
	flag.Parse()
	if *child {
		return runChild(ctx, *entry, flag.Args())
	}
	if *modules != "" {
		return writeModules(*modules)
	}
	if t.compare == "" {
		return fmt.Errorf("say with -compare where the other hosts are: see `make sandbox-compare`")
	}
	var err error
	if t.self, err = os.Executable(); err != nil {
		return err
	}
	if t.scratch, err = os.MkdirTemp("", "hostile-"); err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(t.scratch) }()
	text, err := t.table(ctx, *group, time.Now())
	if err != nil {
		return err
	}
	if *page == "" {
		fmt.Print(text)
		return nil
	}
	return replaceTable(*page, text)
}
