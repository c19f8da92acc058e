package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/cerberus-host/cerberus/client"
	"github.com/cerberus-host/cerberus/host/runtime"
)

const defaultNode = client.DefaultNode

// opened is a client and what has to be closed with it.
type opened struct {
	*client.Client
	progress *progress
	sandbox  *runtime.Runtime
}

// close ends the client in order, also when ctx has ended.
func (o *opened) close(ctx context.Context) error {
	o.progress.done()
	o.Close()
	ctx = context.WithoutCancel(ctx)
	if err := o.sandbox.Close(ctx); err != nil {
		return fmt.Errorf("close sandbox: %w", err)
	}
	return nil
}

// open makes the client of the command line's globals.
func (g *globals) open(ctx context.Context) (*opened, error) {
	store, err := client.NewDirStore(g.home)
	if err != nil {
		return nil, err
	}
	sandbox, err := runtime.New(ctx, runtime.Config{
		CacheDir: filepath.Join(store.Root(), "cache", "compiled"), Compiler: compilerCommand(),
	})
	if err != nil {
		return nil, fmt.Errorf("open sandbox: %w", err)
	}
	p := newProgress(g)
	c, err := client.New(client.Config{
		Node: g.node, Store: store, Sandbox: sandbox, OnEvent: p.event,
		AllowDevelopmentSetup: g.development,
	})
	if err != nil {
		return nil, errors.Join(err, sandbox.Close(ctx))
	}
	return &opened{Client: c, progress: p, sandbox: sandbox}, nil
}

// openReady makes the client and waits until the node is ready; a --wait of 0 takes the
// node as it is.
func (g *globals) openReady(ctx context.Context) (*opened, error) {
	o, err := g.open(ctx)
	if err != nil {
		return nil, err
	}
	if g.wait <= 0 {
		return o, nil
	}
	wait, stop := context.WithTimeout(ctx, g.wait)
	defer stop()
	if err := o.WaitReady(wait); err != nil {
		return nil, errors.Join(err, o.close(ctx))
	}
	return o, nil
}

// printJSON prints one value as indented JSON.
func (g *globals) printJSON(v any) error {
	enc := json.NewEncoder(g.out)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return fmt.Errorf("write output: %w", err)
	}
	return nil
}
