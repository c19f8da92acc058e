package main

import (
	"context"
	"encoding/json"
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

func (o *opened) close(ctx context.Context) error {
	o.progress.done()
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
		CacheDir: filepath.Join(store.Root(), "cache", "compiled"),
	})
	if err != nil {
		return nil, fmt.Errorf("open sandbox: %w", err)
	}
	p := newProgress(g)
	c, err := client.New(client.Config{
		Node: g.node, Store: store, Sandbox: sandbox, OnEvent: p.event,
	})
	if err != nil {
		return nil, err
	}
	return &opened{Client: c, progress: p, sandbox: sandbox}, nil
}

// openReady makes the client and waits until the node is ready.
func (g *globals) openReady(ctx context.Context) (*opened, error) {
	o, err := g.open(ctx)
	if err != nil {
		return nil, err
	}
	wait, stop := context.WithTimeout(ctx, g.wait)
	defer stop()
	if err := o.WaitReady(wait); err != nil {
		return nil, err
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
